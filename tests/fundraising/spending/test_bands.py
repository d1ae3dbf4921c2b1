"""Counts of people are told as bands."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from fundraising.spending.bands import banded


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "fewer than 10"), (9, "fewer than 10"), (10, "10 or more"), (19, "10 or more"), (437, "400 or more"),
     (9_999, "9,000 or more")],
)  # fmt: skip
def test_a_count_is_told_by_its_first_digit_and_a_few_are_not_counted(count: int, words: str) -> None:
    assert str(banded(count)) == words


def test_numbers_are_written_as_the_reader_writes_them() -> None:
    with override("de"):
        assert "9.000" in str(banded(9_500))


def test_counts_of_one_band_cannot_be_told_apart() -> None:
    assert banded(40) == banded(49) != banded(50)


def test_less_than_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="below zero"):
        banded(-1)
