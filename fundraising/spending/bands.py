"""Counts of people as they may be told: never the exact one, never a few."""

from __future__ import annotations

from dataclasses import dataclass

from babel.numbers import format_decimal
from django.utils.translation import get_language, gettext

from ..locales import babel_locale

FEWEST = 10  # below it, somebody who knows some of them knows too much


@dataclass(frozen=True)
class Band:
    """What is told of a count of people: at least `least` of them; 0 for fewer than 10."""

    least: int

    def __str__(self) -> str:
        number = format_decimal(self.least or FEWEST, locale=babel_locale(get_language()))
        words = gettext("%(number)s or more") if self.least else gettext("fewer than %(number)s")
        return words % {"number": number}


def banded(count: int) -> Band:
    """The band of a count of people: its first digit stays, so 437 is 400 or more. Raises ValueError below zero."""
    if count < 0:
        raise ValueError("a count of people is not below zero")
    if count < FEWEST:
        return Band(0)
    power = 10 ** (len(str(count)) - 1)
    return Band(count // power * power)
