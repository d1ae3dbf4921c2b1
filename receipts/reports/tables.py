"""Tables of a report: rows under headings. Page, PDF, CSV and XLSX are all made of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from babel.numbers import format_decimal
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext

from fundraising.locales import babel_locale, long_date
from fundraising.money import Money

Words = str | Promise


@dataclass(frozen=True)
class Told:
    """A cell that is no exact amount: how people read it; for files its value, and which end of it that is."""

    words: str
    value: Decimal
    end: str = ""  # "least", "most", or empty for an exact number
    currency: str = ""


Cell = Money | Told | None


@dataclass(frozen=True)
class Row:
    """A line of a table: what it is of, and a cell (or nothing) under each heading."""

    label: str
    cells: Sequence[Cell]
    is_sum: bool = False
    key: str = ""  # of the row, for files


@dataclass(frozen=True)
class Table:
    """Cells under headings; `keys` name the headings for files, whatever the language."""

    key: str
    title: str
    first_heading: str
    headings: Sequence[str]
    keys: Sequence[str]
    rows: Sequence[Row]
    says: str = ""  # a sentence under the title


# Told also where they are nothing: their absence would raise the question.
ALWAYS: Final = {"opening", "received", "fees", "net", "unspent", "budgeted", "allocated", "disbursed", "sent",
          "confirmed", "spent"}  # fmt: skip


def without_empty(table: Table, always: Collection[str] = ALWAYS) -> Table:
    """The table without columns that are nothing in every row, but those that are `always` told."""
    kept = [
        place for place, key in enumerate(table.keys) if key in always or any(row.cells[place] for row in table.rows)
    ]

    def picked(cells: Sequence[Any]) -> list[Any]:
        return [cells[place] for place in kept]

    rows = [replace(row, cells=picked(row.cells)) for row in table.rows]
    return replace(table, headings=picked(table.headings), keys=picked(table.keys), rows=rows)


def all_in(currency: str) -> str:
    """The heading of what is added up over all currencies."""
    return gettext("All, in %(currency)s") % {"currency": currency}


def rate_words(one: str, rate: Decimal, other: str, on: date) -> str:
    """What one unit of a currency is in another one, and since when, as the reader writes numbers and days."""
    return gettext("1 %(one)s = %(rate)s %(other)s, of %(day)s") % {
        "one": one,
        "rate": format_decimal(rate.normalize(), format="#,##0.##########", locale=babel_locale(get_language())),
        "other": other,
        "day": long_date(on, get_language()),
    }
