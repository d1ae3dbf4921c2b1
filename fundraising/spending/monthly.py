"""An appeal's public figures month by month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from django.db.models import Min

from ..models import Appeal, Round
from .disclosure import PublicFigures, publication


def public_months(appeal: Appeal, *, last: date, on: date) -> list[PublicFigures]:
    """The figures of each month until `last`, as what is published on the day `on` may show them.

    The first month is that in which the appeal opened, with all that came before it: so the months sum up to the whole.
    Some queries a month.
    """
    return publication(appeal, list(_months(appeal, last)), on=on)


def _months(appeal: Appeal, last: date) -> Iterator[tuple[date, date]]:
    opened = Round.objects.filter(appeal=appeal).aggregate(at=Min("opens_at"))["at"]
    first, end = date.min, _end_of_month(opened.date() if opened else last)
    while end < last:
        yield first, end
        first = end + timedelta(days=1)
        end = _end_of_month(first)
    yield first, last


def _end_of_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
