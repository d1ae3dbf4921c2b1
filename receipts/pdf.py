"""A snapshot in, the bytes of a tagged PDF out: what a page says here, the page itself by receipts/typesetting.py."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from fundraising import locales
from fundraising.money import Money

from .documents import codes
from .documents.pictures import pictures_of
from .models import Kind
from .regimes import REGIMES, Annual
from .snapshot import Snapshot, written_as
from .stamping import Observer

if TYPE_CHECKING:
    from types import ModuleType

# The accent of each theme, as in the pages' tokens.css; pictures do not read the style sheet's variables.
ACCENTS = {"ember": "#ad2a12", "tide": "#006069", "iris": "#5a2f9c"}
# How close a paper is set, as classes of receipt.css: the first that fits on one page.
SETTINGS = ("", "paper--close", "paper--close paper--closest")
LONG = "paper--long"  # numbered pages: the paper of a year, with its annex
OVERLEAF = "paper--long paper--overleaf"  # as many pages as it takes
LETTER_COUNTRIES = {"us", "ca"}  # US Letter; elsewhere A4
RIGHT_WINDOW_COUNTRIES = {"fr", "be", "it", "es"}  # where envelopes have their window on the right
HAN_COUNTRIES = {"JP", "KR", "TW", "HK", "MO"}  # that draw Han letters in a way of their own
RIGHT_TO_LEFT = {"ar"}
KEEP_DIRECTION = (
    "number", "reference", "check_code", "replaces", "entity_name", "entity_address", "entity_registration",
    "donor_name", "donor_person", "donor_address", "donor_tax_number", "place", "signatory", "signatory_role",
)  # fmt: skip
NO_BREAK = "\u00a0"


class AskedForMore(Exception):
    """A document wanted something from outside itself; it was refused and no PDF was made."""


class NoFont(Exception):
    """No font of this machine has a letter that must be printed; it would have become a box."""


class TooLong(Exception):
    """The paper does not fit on the one page that its law allows."""


class Printer(Protocol):
    """Makes a paper of a snapshot, in one of SETTINGS."""

    def __call__(self, snapshot: Snapshot, setting: str, /) -> bytes: ...


def render(snapshot: Snapshot, *, printer: Printer | None = None) -> bytes:
    """The PDF of a receipt, in its own language; raises AskedForMore, NoFont, TooLong.

    The paper of one donation is one page, and that of a year one page before its annex: set closer where it would be
    more. `printer` makes many (receipts/bulk.py).
    """
    made, of_donation = printer or _print, snapshot.kind == Kind.DONATION
    for setting in SETTINGS:
        with contextlib.suppress(TooLong):
            return made(snapshot, setting if of_donation else f"{LONG} {setting}")
    if of_donation and REGIMES[snapshot.regime].one_page:
        raise TooLong(snapshot.number)
    return made(snapshot, OVERLEAF)


def _print(snapshot: Snapshot, setting: str) -> bytes:
    return to_pdf(to_html(snapshot, setting=setting), identifier=snapshot.number)


def to_html(snapshot: Snapshot, *, setting: str = "") -> str:
    """The page that becomes the PDF; `setting` is of SETTINGS, with LONG for a year, or OVERLEAF."""
    return html_of(context_of(snapshot, setting))


def html_of(context: Mapping[str, Any]) -> str:
    """The page that a layout makes of a context, in the language of the paper."""
    receipt = context["receipt"]
    with translation.override(receipt.locale):
        return render_to_string(REGIMES[receipt.regime].layouts[Kind(receipt.kind)], dict(context))


def context_of(snapshot: Snapshot, setting: str) -> dict[str, Any]:
    """What layouts read: _paper.html and what extends it. What differs between donors: receipts/documents/blanks.py."""
    regime, kind = REGIMES[snapshot.regime], Kind(snapshot.kind)
    with translation.override(snapshot.locale):
        of_law = kind == Kind.DONATION or regime.annual == Annual.ONLY
        title = regime.title_in(snapshot.locale) if of_law else translation.gettext(regime.annual_title)
        qr_title = translation.gettext("QR code with the address of the check page")
    address, locale = check_address(snapshot), written_as(snapshot.regime, snapshot.locale)
    pictures, told = pictures_of(snapshot.letterhead), isolated(snapshot)
    country = snapshot.regime.partition("_")[0]
    lines = [
        {
            "received_on": long_date(line.received_on, locale),
            "amount": Money(line.amount_minor, snapshot.currency).format_exact(locale),
            "reference": _isolated(line.reference, snapshot.locale),
            "paper": _isolated(line.paper, snapshot.locale),
            "channel": line.channel,
        }
        for line in snapshot.lines
    ]
    have = {name: any(line[name] for line in lines) for name in ("paper", "channel")}
    return {
        "receipt": told,
        "title": title,
        "net": snapshot.net.format_exact(locale),
        "gross": snapshot.gross.format_exact(locale),
        "refunded": snapshot.refunded.format_exact(locale) if snapshot.refunded else "",
        "currency_shown": "" if snapshot.currency in snapshot.net.format_exact(locale) else snapshot.currency,
        "returned_shown": snapshot.returned_shown,
        "eligible_shown": snapshot.eligible_shown,
        "donor_country": snapshot.donor_country_name,
        "received_on": long_date(snapshot.received_on, locale),
        "issued_on": long_date(snapshot.issued_on, locale),
        "period_first": long_date(snapshot.period_first, locale) if snapshot.period_first else "",
        "period_last": long_date(snapshot.period_last, locale) if snapshot.period_last else "",
        "lines": lines,
        "lines_have_paper": have["paper"],
        "lines_have_channel": have["channel"],
        "lines_span": 2 + sum(have.values()),
        "address_lines": told.entity_address.splitlines(),
        "return_line": " · ".join([snapshot.entity_name, *snapshot.entity_address.splitlines()]),
        "donor_lines": told.donor_address.splitlines(),
        "one_page": setting != OVERLEAF,
        "long": setting.startswith(LONG),
        "form": " ".join(
            name
            for name, applies in {
                "paper--letter": country in LETTER_COUNTRIES,
                "paper--right": country in RIGHT_WINDOW_COUNTRIES,
                f"han-{snapshot.donor_country.lower()}": snapshot.donor_country in HAN_COUNTRIES,
                setting: setting,
            }.items()
            if applies
        ),
        "logo": pictures.logo,
        "facsimile": pictures.facsimile,
        "accent": ACCENTS.get(snapshot.theme, ACCENTS["ember"]),
        "check_shown": _isolated(address.partition("://")[2].partition("?")[0], snapshot.locale),
        "qr": codes.qr(address, title=qr_title),
    }


def isolated(snapshot: Snapshot) -> Snapshot:
    """The snapshot with names, numbers and addresses that keep their own direction in a text from right to left."""
    if snapshot.locale not in RIGHT_TO_LEFT:
        return snapshot
    told: dict[str, Any] = {name: _isolated(getattr(snapshot, name), snapshot.locale) for name in KEEP_DIRECTION}
    return replace(snapshot, **told)


def _isolated(text: str, locale: str) -> str:
    """Each line between marks that Pango obeys and that have no shape: an element would be a text run of its own."""
    if locale not in RIGHT_TO_LEFT:
        return text
    return "\n".join(f"\u2068{line}\u2069" for line in text.splitlines())


def to_pdf(html: str, *, identifier: str, observer: Observer | None = None) -> bytes:
    """A page as PDF/UA-1; an observer looks on (receipts/stamping). Raises AskedForMore, NoFont, TooLong."""
    return bytes(_typesetting().to_pdf(html, identifier=identifier, observer=observer))


@functools.lru_cache(maxsize=32)
def mark_page(mark: str, width: float, height: float) -> bytes:
    """A page, in points, with nothing but a mark at its head: stamped on a copy (receipts/documents/copies.py)."""
    return bytes(_typesetting().mark_page(mark, width, height))


@functools.lru_cache(maxsize=32)
def specimen_page(mark: str, width: float, height: float) -> bytes:
    """A page, in points, with nothing but a mark across it, as large as it may be."""
    return bytes(_typesetting().specimen_page(mark, width, height))


@functools.cache
def srgb_profile() -> bytes:
    """The colours that a paper is meant in, as WeasyPrint brings them."""
    return bytes(_typesetting().srgb_profile())


def _typesetting() -> ModuleType:
    """The module with WeasyPrint, imported with the first paper of a process.

    Pages and totals are served by processes that make no paper, or hardly any: WeasyPrint would cost each of them half
    a second of its start and over 20 MB (decision 252).
    """
    from . import typesetting

    return typesetting


def check_address(snapshot: Snapshot) -> str:
    """Where anyone holding the paper can check it."""
    return f"{settings.PUBLIC_URL}/receipt/{snapshot.number}?c={snapshot.check_code}"


@functools.lru_cache(maxsize=4096)
def long_date(day: date, locale: str) -> str:
    """The date in words, on one line."""
    return locales.long_date(day, locale).replace(" ", NO_BREAK)
