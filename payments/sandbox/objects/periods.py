"""Billing periods: days, weeks, months or years counted from an anchor, so that the 31st comes back after February."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Any

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}


def boundary(anchor: int, recurring: dict[str, Any], number: int) -> int:
    """The moment when period ``number`` after the anchor begins, in seconds since the epoch."""
    count = number * int(recurring["interval_count"])
    start = datetime.fromtimestamp(anchor, UTC)
    if recurring["interval"] in DAYS:
        return int((start + timedelta(days=count * DAYS[recurring["interval"]])).timestamp())
    months = start.year * 12 + start.month - 1 + count * MONTHS[recurring["interval"]]
    year, month = divmod(months, 12)
    day = min(start.day, monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def following(anchor: int, recurring: dict[str, Any], moment: int) -> int:
    """The first boundary after a moment."""
    number = 1 if moment >= anchor else 0
    while boundary(anchor, recurring, number) <= moment:
        number += 1
    return boundary(anchor, recurring, number)
