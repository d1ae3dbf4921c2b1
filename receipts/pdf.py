"""The only module that imports WeasyPrint: a snapshot in, the bytes of a tagged PDF out.

Nothing is ever fetched while rendering: the fetcher refuses every address, `file:` and `data:` too, and a document that
asks for one is not made. Fonts come from the system; the font configuration and the parsed style sheet live as long as
the process, which is 2.5 times faster than making them anew.
"""

from __future__ import annotations

import contextlib
import functools
from datetime import date
from typing import NoReturn

import segno
from babel.dates import format_date
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher

from fundraising.locales import babel_locale

from .regimes import REGIMES
from .snapshot import Snapshot

STYLESHEET = "receipts/pdf/receipt.css"
# PDF/UA-1 (ISO 14289-1): tagged, with language and title, readable by a screen reader.
VARIANT = "pdf/ua-1"
# The accent of each theme, as in the pages' tokens.css; pictures do not read the style sheet's variables.
ACCENTS = {"ember": "#ad2a12", "tide": "#006069", "iris": "#5a2f9c"}
NO_BREAK = "\u00a0"


class AskedForMore(Exception):
    """A document wanted something from outside itself; it was refused and no PDF was made."""


class NoFont(Exception):
    """No font of this machine has a letter that must be printed; it would have become a box."""


class DenyAll(URLFetcher):  # type: ignore[misc]
    """Fetches nothing, and remembers what was asked: inside a picture WeasyPrint swallows even a fatal refusal."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def fetch(self, url: str, headers: object = None) -> NoReturn:
        self.refused.append(url[:60])
        raise FatalURLFetchingError("refused")


def render(snapshot: Snapshot) -> bytes:
    """The PDF of a receipt, in its own language; raises AskedForMore, NoFont."""
    return to_pdf(to_html(snapshot), identifier=snapshot.number)


def to_html(snapshot: Snapshot) -> str:
    """The page that becomes the PDF."""
    regime = REGIMES[snapshot.regime]
    address = check_address(snapshot)
    with translation.override(snapshot.locale):
        return render_to_string(
            regime.layout,
            {
                "receipt": snapshot,
                "title": translation.gettext(regime.title),
                "net": snapshot.net.format_exact(babel_locale(snapshot.locale)),
                "gross": snapshot.gross.format_exact(babel_locale(snapshot.locale)),
                "refunded": snapshot.refunded.format_exact(babel_locale(snapshot.locale)) if snapshot.refunded else "",
                "received_on": long_date(snapshot.received_on, snapshot.locale),
                "issued_on": long_date(snapshot.issued_on, snapshot.locale),
                "address_lines": snapshot.entity_address.splitlines(),
                "accent": ACCENTS.get(snapshot.theme, ACCENTS["ember"]),
                "check_shown": address.partition("://")[2].partition("?")[0],
                "qr": qr(address, title=translation.gettext("QR code with the address of the check page")),
            },
        )


def to_pdf(html: str, *, identifier: str) -> bytes:
    """A page as PDF/UA-1; raises AskedForMore, NoFont."""
    fetcher = DenyAll()
    boxes: set[int] = set()
    document = b""
    with contextlib.suppress(FatalURLFetchingError):
        document = HTML(string=html, url_fetcher=fetcher).write_pdf(
            finisher=lambda page, _file: boxes.update(*(font.missing for font in page.fonts.values())),
            stylesheets=[_stylesheet()],
            font_config=_fonts(),
            pdf_variant=VARIANT,
            pdf_identifier=identifier.encode(),
        )
    if fetcher.refused:
        raise AskedForMore(", ".join(fetcher.refused))
    if boxes:
        raise NoFont(", ".join(f"U+{letter:04X}" for letter in sorted(boxes)[:9]))
    return document


def check_address(snapshot: Snapshot) -> str:
    """Where anyone holding the paper can check it."""
    return f"{settings.PUBLIC_URL}/receipt/{snapshot.number}?c={snapshot.check_code}"


def qr(address: str, *, title: str) -> SafeString:
    """A QR code as inline SVG. The mask is given: trying all eight costs five times as much."""
    code = segno.make(address, error="m", micro=False, mask=3)
    return mark_safe(code.svg_inline(border=0, title=title, svgclass="qr", lineclass=None))  # noqa: S308  segno escapes


def long_date(day: date, locale: str) -> str:
    """The date in words, on one line."""
    return format_date(day, "long", locale=babel_locale(locale)).replace(" ", NO_BREAK)


@functools.cache
def _fonts() -> FontConfiguration:
    return FontConfiguration()


@functools.cache
def _stylesheet() -> CSS:
    return CSS(string=render_to_string(STYLESHEET), font_config=_fonts(), url_fetcher=DenyAll())
