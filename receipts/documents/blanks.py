"""Blanks: the page of a paper with gaps for the donor's part, made by the template once and filled for each donor.

A layout reads a context (receipts/pdf.py). Contexts that differ in the texts of `SLOTS` alone make pages that differ in
these texts alone. So the template is rendered once with marks in their places, and its values (receipts/stamping) are
filled in afterwards: a fiftieth of the work. What a blank was made from must come out as the template makes it, or
it is not kept: a layout that uses a donor's text or figure in any other way is rendered for every paper.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import date
from html import escape
from typing import Any, cast

from .. import pdf
from ..snapshot import Snapshot
from ..stamping import Page
from .codes import Code

# What differs from donor to donor, as a paper shows it: of the context, and of the snapshot in it.
SHOWN = ("net", "gross", "refunded", "received_on", "returned_shown", "eligible_shown", "donor_country", "check_shown")
TOLD = (
    "number", "check_code", "replaces", "reference", "donor_name", "donor_person", "donor_title", "donor_tax_number",
    "amount_in_words", "tribute", "channel", "in_kind", "returned", "paid_with", "purpose",
)  # fmt: skip
# What the snapshot has besides and papers show in those words only. A blank does not know it.
UNSEEN: dict[str, Any] = {
    "donation": "", "donor_country": "", "donor_address": "", "received_on": date.min, "gross_minor": 0,
    "refunded_minor": 0, "returned_minor": 0,
}  # fmt: skip
SAME = [one.name for one in fields(Snapshot) if one.name not in (*TOLD, *UNSEEN, "statements")]
MARK = re.compile("\ue000(\\d+)\ue001")
KEPT = 100

Context = Mapping[str, Any]


class Blanks:
    """Makes the pages of papers; belongs to one process and remembers its blanks."""

    def __init__(self) -> None:
        self._blanks: dict[Hashable, Callable[[list[str]], Page] | None] = {}

    def page(self, snapshot: Snapshot, setting: str = "") -> Page:
        """The very page of `pdf.to_html`."""
        context = pdf.context_of(snapshot, setting)
        texts = list(_texts(context))
        key = (setting, *_same(context), *(text if not text.strip() else None for text in texts))
        if key not in self._blanks:
            if len(self._blanks) >= KEPT:
                self._blanks.clear()
            self._blanks[key] = _blank(context, texts)
        fill = self._blanks[key]
        return fill(texts) if fill else Page.of(pdf.html_of(context))


def _texts(context: Context) -> Iterator[str]:
    receipt = context["receipt"]
    for name in SHOWN:
        yield context[name]
    for name in TOLD:
        yield getattr(receipt, name)
    yield from receipt.statements
    yield from context["donor_lines"]
    yield context["qr"].path


def _same(context: Context) -> Iterator[Hashable]:
    """All that must be the same for papers of one blank."""
    receipt, code = context["receipt"], context["qr"]
    yield from (len(receipt.statements), len(context["donor_lines"]), code.size, code.title)
    for name in SAME:
        yield _frozen(getattr(receipt, name))
    for name, value in context.items():
        if name not in SHOWN and name not in ("receipt", "donor_lines", "qr"):
            yield _frozen(value)


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list) else cast(Hashable, value)


def _blank(context: Context, texts: list[str]) -> Callable[[list[str]], Page] | None:
    """What fills the gaps of this page for other texts; None if the layout does more than show them."""
    markup, values = Page.of(pdf.html_of(_marked(context, texts)))
    gaps = [(index, MARK.split(value)) for index, value in enumerate(values) if MARK.search(value)]

    def fill(texts: list[str]) -> Page:
        filled, safe = values.copy(), [escape(text) for text in texts]
        for index, pieces in gaps:
            filled[index] = "".join([safe[int(piece)] if place % 2 else piece for place, piece in enumerate(pieces)])
        return Page(markup, filled)

    return fill if fill(texts) == Page.of(pdf.html_of(context)) else None


def _marked(context: Context, texts: list[str]) -> dict[str, Any]:
    """The context with a mark in the place of each text that is not blank."""
    marks = iter(f"\ue000{place}\ue001" if text.strip() else text for place, text in enumerate(texts))
    receipt, code = context["receipt"], context["qr"]
    shown = {name: next(marks) for name in SHOWN}
    told = {name: next(marks) for name in TOLD}
    statements = tuple(next(marks) for _ in receipt.statements)
    donor_lines = [next(marks) for _ in context["donor_lines"]]
    return {
        **context,
        **shown,
        "receipt": replace(receipt, **told, **UNSEEN, statements=statements),
        "donor_lines": donor_lines,
        "qr": cast(Code, code)._replace(path=next(marks)),
    }
