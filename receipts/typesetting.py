"""A page in, the bytes of a tagged PDF out. Nothing but this and receipts/stamping imports WeasyPrint.

Nothing is ever fetched while rendering: the fetcher refuses every address, `file:` and `data:` too, and a document that
asks for one is not made. It hands out the pictures of the letterhead, which it was given before. Fonts come from the
system; the font configuration and the parsed style sheet live as long as the process, which is 2.5 times faster than
making them anew.

Only receipts/pdf.py imports this module, when there is a paper to make.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from django.template.loader import render_to_string
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from .documents.pictures import Picture, pictures_on
from .pdf import AskedForMore, NoFont, TooLong
from .stamping import Observer

STYLESHEET = "receipts/pdf/receipt.css"
# PDF/UA-1 (ISO 14289-1): tagged, with language and title, readable by a screen reader.
VARIANT = "pdf/ua-1"
ONE_PAGE = 'data-pages="1"'  # of a page that may not become two; its annex begins the second
ANNEX = "annex"
DIAGONAL = 1.0  # em of a specimen's mark on a page's diagonal, a letter: broad capitals fill three quarters of it


class DenyAll(URLFetcher):  # type: ignore[misc]
    """Hands out the given pictures, fetches nothing, and remembers what else was asked: inside a picture WeasyPrint
    swallows even a fatal refusal."""

    def __init__(self, pictures: Mapping[str, Picture] | None = None) -> None:
        super().__init__()
        self.pictures = pictures or {}
        self.refused: list[str] = []

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
        if picture := self.pictures.get(url):
            return URLFetcherResponse(url, picture.content, {"Content-Type": picture.media_type})
        self.refused.append(url[:60])
        raise FatalURLFetchingError("refused")


def to_pdf(html: str, *, identifier: str, observer: Observer | None = None) -> bytes:
    """A page as PDF/UA-1; an observer looks on (receipts/stamping). Raises AskedForMore, NoFont, TooLong."""
    fetcher = DenyAll(pictures_on(html))
    boxes: set[int] = set()
    document = b""

    def finisher(page: Any, file: Any) -> None:
        boxes.update(*(font.missing for font in page.fonts.values()))
        if observer and not boxes:
            observer.finish(page, file)

    with contextlib.suppress(FatalURLFetchingError):
        source = HTML(string=html, url_fetcher=fetcher)
        page = source.render(stylesheets=[_stylesheet()], font_config=_fonts(), pdf_variant=VARIANT)
        if ONE_PAGE in html and _goes_on_overleaf(page):
            raise TooLong(identifier)
        if observer:
            observer.watch(page)
        document = page.write_pdf(finisher=finisher, pdf_variant=VARIANT, pdf_identifier=identifier.encode())
    if fetcher.refused:
        raise AskedForMore(", ".join(fetcher.refused))
    if boxes:
        raise NoFont(", ".join(f"U+{letter:04X}" for letter in sorted(boxes)[:9]))
    return document


def _goes_on_overleaf(document: Any) -> bool:
    """Whether what stands before the annex, everything where there is none, takes more than a page."""
    before = (number for number, page in enumerate(document.pages) if ANNEX in page.anchors)
    return next(before, len(document.pages)) > 1


def mark_page(mark: str, width: float, height: float) -> bytes:
    """A page, in points, with nothing but a mark at its head: stamped on a copy (receipts/documents/copies.py)."""
    page = render_to_string("receipts/pdf/mark.html", {"mark": mark, "width": width, "height": height})
    made = HTML(string=page, url_fetcher=DenyAll()).write_pdf(font_config=_fonts(), pdf_version="1.7")
    return bytes(made)


def specimen_page(mark: str, width: float, height: float) -> bytes:
    """A page, in points, with nothing but a mark across it, as large as it may be."""
    size = min(DIAGONAL * (width**2 + height**2) ** 0.5 / len(mark), 140)
    tilt = -math.degrees(math.atan2(height, width))
    told = {"mark": mark, "width": width, "height": height, "size": size, "tilt": tilt}
    page = render_to_string("receipts/pdf/specimen.html", told)
    made = HTML(string=page, url_fetcher=DenyAll()).write_pdf(font_config=_fonts(), pdf_version="1.7")
    return bytes(made)


def srgb_profile() -> bytes:
    """The colours that a paper is meant in, as WeasyPrint brings them."""
    return (files("weasyprint.pdf") / "sRGB2014.icc").read_bytes()


@functools.cache
def _fonts() -> FontConfiguration:
    return FontConfiguration()


@functools.cache
def _stylesheet() -> CSS:
    return CSS(string=render_to_string(STYLESHEET), font_config=_fonts(), url_fetcher=DenyAll())
