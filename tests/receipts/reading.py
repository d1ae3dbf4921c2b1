"""Read a receipt's PDF as a donor's programs do."""

from __future__ import annotations

import io

from pypdf import PdfReader

from receipts import receipts
from receipts.models import Receipt


def reader(document: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(document))


def text_of(receipt: Receipt) -> str:
    """The text of all pages, with plain spaces and on one line."""
    pages = reader(receipts.read_pdf(receipt)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())
