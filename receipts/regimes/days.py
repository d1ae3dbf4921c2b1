"""Days as staff write them among the particulars of regimes, and as they are printed: 31.12.2026 or 31/12/2026."""

from __future__ import annotations

import re
from datetime import date

DAY = re.compile(r"(\d{2})[./](\d{2})[./](\d{4})")


def day_of(told: str) -> date | None:
    """The day that a text names; None if it names none."""
    found = DAY.fullmatch(told.strip())
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None


def is_day(told: str) -> bool:
    """Whether a text names a day."""
    return day_of(told) is not None


def years_after(day: date, years: int) -> date:
    """The same day so many years later; the 28th where there is no 29 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
