"""Read a receipt's PDF as a donor's programs do."""

from __future__ import annotations

import io
import re

from pypdf import PdfReader

from receipts import receipts
from receipts.models import Receipt


def reader(document: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(document))


def without_tokens(page: str) -> str:
    """A page without what was drawn by chance, where any few letters may turn up. What people write has spaces."""
    return re.sub(r"[\w:.+/=-]{24,}", "", page)


def text_of(receipt: Receipt) -> str:
    """The text of all pages, with plain spaces and on one line."""
    return text_of_pdf(receipts.read_pdf(receipt))


def text_of_pdf(document: bytes) -> str:
    """The same of any document."""
    pages = reader(document).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())
