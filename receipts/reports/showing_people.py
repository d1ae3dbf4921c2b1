"""From what a report keeps of the situation to words and a table in the active language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from fundraising.locales import babel_locale
from fundraising.models import Category
from fundraising.money import Money
from fundraising.spending.bands import FEWEST, Band

from ..models import Counted, CountedOver
from .reading import Data
from .tables import Row, Table, Told, Words, without_empty

HEADINGS: dict[str, Words] = {
    "assisted": _("People assisted"),
    "target": pgettext_lazy("people", "Target"),
    "spent": pgettext_lazy("money", "Spent"),
    "cost": _("Cost per person"),
}


@dataclass(frozen=True)
class Situation:
    """The situation as people read it. `texts` are in all its languages, for staff."""

    on: date
    text: str
    basis: str
    counted: str
    table: Table | None
    languages: dict[str, Any]


def situation_of(data: Data) -> Situation | None:
    """The situation that a report tells, in the active language; None where it tells of none."""
    kept = data.get("situation")
    if not kept:
        return None
    words = kept["texts"].get(get_language(), {})
    return Situation(
        on=date.fromisoformat(kept["on"]),
        text=words.get("text", ""),
        basis=words.get("basis", ""),
        counted=str(Counted(kept["counted"]).label),
        table=_table(kept, data) if kept["people"] else None,
        languages=kept["texts"],
    )


def _table(kept: Data, data: Data) -> Table:
    says = gettext("People are told as bands, so that nobody can be found out.")
    if any(row["cost"] for row in kept["people"]):
        says += " " + gettext(
            "Cost per person: what was spent for the purpose in the same days, divided by the least number of people "
            "in the band, so it is this much or less."
        )
    return without_empty(
        Table(
            key="people",
            title=_title(kept, data),
            first_heading=gettext("Purpose"),
            headings=[str(words) for words in HEADINGS.values()],
            keys=list(HEADINGS),
            rows=list(_rows(kept["people"], data["currency"])),
            says=says,
        ),
        always={"assisted"},
    )


def _title(kept: Data, data: Data) -> str:
    if kept["over"] == CountedOver.EVER:
        return gettext("People assisted since the appeal began")
    days = {name: format_date(date.fromisoformat(data[name]), "long", locale=_locale()) for name in ("first", "last")}
    return gettext("People assisted from %(first)s to %(last)s") % days


def _locale() -> str:
    return babel_locale(get_language())


def _rows(people: list[Data], currency: str) -> Iterator[Row]:
    for one in people:
        category = one["category"]
        label = capfirst(str(Category(category).label)) if category else gettext("All together")
        cost = None if one["cost"] is None else Money(one["cost"], currency)
        cells = [
            _band(one["assisted"]),
            None if one["target"] is None else Told(_number(one["target"]), Decimal(one["target"])),
            None if one["spent"] is None else Money(one["spent"], currency),
            cost and _at_most(cost),
        ]
        yield Row(label, cells, is_sum=not category, key=category or "all")


def _band(least: int) -> Told:
    band = Band(least)
    return Told(str(band), Decimal(least), "least") if least else Told(str(band), Decimal(FEWEST - 1), "most")


def _at_most(cost: Money) -> Told:
    amount = cost.format_exact(_locale())
    return Told(gettext("%(amount)s or less") % {"amount": amount}, cost.decimal, "most", cost.currency)


def _number(count: int) -> str:
    return format_decimal(count, locale=_locale())
