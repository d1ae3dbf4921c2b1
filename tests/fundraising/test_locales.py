"""Dates in words, as natives write them."""

from __future__ import annotations

from datetime import date

import pytest

from fundraising.locales import long_date
from fundraising.money import Money


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "May 1, 2025"),
        ("it", "1 maggio 2025"),
        ("fr", "1er mai 2025"),
        ("de", "1. Mai 2025"),
        ("es", "1 de mayo de 2025"),
        ("pt", "1 de maio de 2025"),
        ("nl", "1 mei 2025"),
        ("ru", "1 мая 2025 года"),
        ("ar", "1 مايو 2025"),
    ],
)
def test_the_first_of_a_month_is_written_as_natives_do(language: str, words: str) -> None:
    assert long_date(date(2025, 5, 1), language).replace("\u202f", " ").replace("\u00a0", " ") == words


def test_only_the_first_is_counted_in_french() -> None:
    assert long_date(date(2025, 5, 11), "fr") == "11 mai 2025"


@pytest.mark.parametrize(
    ("currency", "sign"), [("USD", "US$"), ("CAD", "CA$"), ("GBP", "UK£"), ("JPY", "JP¥"), ("CHF", "CHF"), ("EUR", "€")]
)
def test_from_right_to_left_a_sign_stays_behind_its_letters(currency: str, sign: str) -> None:
    """Without the mark a reader of Arabic sees £UK: what stands behind Latin letters is moved before them."""
    kept = sign if sign.isalpha() or len(sign) == 1 else f"{sign}\u200e"
    assert Money(1_234_50, currency).format("ar").endswith(f"\u00a0{kept}")
    assert "\u200e" not in Money(1_234_50, currency).format("es")
