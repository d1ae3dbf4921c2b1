"""A month as weeks of days, each with how far its money is reconciled."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from babel.core import Locale
from django.utils.translation import get_language

from fundraising.locales import babel_locale
from fundraising.models import LegalEntity
from payments.breaks import reconciliation


@dataclass(frozen=True)
class Square:
    """A day of the calendar; without `day` it belongs to another month."""

    on: date
    day: reconciliation.Day | None


@dataclass(frozen=True)
class Month:
    first: date
    weekdays: tuple[str, ...]
    weeks: tuple[tuple[Square, ...], ...]
    before: str
    after: str


def month_of(text: str, today: date) -> date:
    """The first day of `2026-11`; of this month where that says nothing, and no month to come."""
    try:
        year, month = text.split("-")
        return min(date(int(year), int(month), 1), today.replace(day=1))
    except ValueError:
        return today.replace(day=1)


def month(entity: LegalEntity, first: date, today: date) -> Month:
    """The calendar of a month, weeks beginning as readers of the active language are used to."""
    locale = Locale.parse(babel_locale(get_language()))
    days = {day.on: day for day in reconciliation.days(entity, first)}
    weeks = calendar.Calendar(locale.first_week_day).monthdatescalendar(first.year, first.month)
    names = locale.days["stand-alone"]["abbreviated"]
    after = first + timedelta(days=31)
    return Month(
        first=first,
        weekdays=tuple(names[(locale.first_week_day + index) % 7] for index in range(7)),
        weeks=tuple(tuple(_square(on, first, days) for on in week) for week in weeks),
        before=f"{first - timedelta(days=1):%Y-%m}",
        after=f"{after:%Y-%m}" if after.replace(day=1) <= today else "",
    )


def _square(on: date, first: date, days: Mapping[date, reconciliation.Day]) -> Square:
    return Square(on, days.get(on) if on.month == first.month else None)
