"""Money: exact sums and splits, and what donors type as an amount."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fundraising.money import (
    EXPONENTS,
    LARGEST_MINOR,
    AmountError,
    AmountProblem,
    CurrencyMismatch,
    Money,
    parse_amount,
    step,
)

CURRENCIES = st.sampled_from(sorted(EXPONENTS))
MINORS = st.integers(min_value=-(10**15), max_value=10**15)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=12).filter(any)


@given(minor=MINORS, weights=WEIGHTS)
def test_a_split_sums_exactly_and_no_part_is_a_unit_away_from_its_share(minor: int, weights: list[int]) -> None:
    parts = Money(minor, "EUR").split(weights)
    assert sum(part.minor for part in parts) == minor
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor - Fraction(minor * weight, sum(weights))) < 1


@given(minor=MINORS, weights=WEIGHTS)
def test_the_largest_remainders_get_the_units_left_over(minor: int, weights: list[int]) -> None:
    exact = [Fraction(minor * weight, sum(weights)) for weight in weights]
    rounded_up = [part.minor > share for part, share in zip(Money(minor, "EUR").split(weights), exact, strict=True)]
    remainders = [share - share.numerator // share.denominator for share in exact]
    given_more = [remainder for remainder, up in zip(remainders, rounded_up, strict=True) if up]
    given_less = [remainder for remainder, up in zip(remainders, rounded_up, strict=True) if not up]
    assert not given_more or not given_less or min(given_more) >= max(given_less)


def test_ten_euros_in_three_equal_parts_favour_the_first() -> None:
    assert [part.minor for part in Money(1_000, "EUR").split([1, 1, 1])] == [334, 333, 333]


@pytest.mark.parametrize("weights", [[], [0, 0], [3, -1]])
def test_weights_that_say_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError):
        Money(1_000, "EUR").split(weights)


@pytest.mark.parametrize("minor", [19.99, 1999.0, True, Decimal(1999), "1999"])
def test_minor_units_are_integers_and_nothing_else(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["eur", "XXX", "", "BTC"])
def test_an_unknown_currency_is_no_money(currency: str) -> None:
    with pytest.raises(ValueError):
        Money(1, currency)


def test_two_currencies_never_meet_in_a_sum_or_a_comparison() -> None:
    euros, dollars = Money(1, "EUR"), Money(1, "USD")
    for meet in (lambda: euros + dollars, lambda: euros - dollars, lambda: euros < dollars, lambda: euros <= dollars):
        with pytest.raises(CurrencyMismatch):
            meet()


def test_nineteen_ninety_nine_is_1999_cents() -> None:
    assert parse_amount("19.99", "EUR") == Money(1_999, "EUR")


def _digits_of(text: str) -> str:
    """The figure without its currency, as a donor would retype it."""
    return re.sub(r"^[^\d-]+|\D+$", "", text)


@given(
    minor=st.integers(min_value=1, max_value=LARGEST_MINOR), currency=CURRENCIES, locale=st.sampled_from(["en", "it"])
)
def test_an_amount_that_we_write_is_read_as_the_same_amount(minor: int, currency: str, locale: str) -> None:
    minor = max(step(currency), minor - minor % step(currency))
    written = _digits_of(Money(minor, currency).format(locale))
    ambiguous = re.fullmatch(r"\d{1,3}[.,]\d{3}", written) and EXPONENTS[currency]
    assume(not ambiguous)
    assert parse_amount(written, currency) == Money(minor, currency)


@given(minor=st.integers(min_value=1, max_value=LARGEST_MINOR), currency=CURRENCIES, comma=st.booleans())
def test_the_plain_decimal_is_read_exactly_with_point_or_comma(minor: int, currency: str, comma: bool) -> None:
    minor = max(step(currency), minor - minor % step(currency))
    plain = f"{Money(minor, currency).decimal:f}"
    assert parse_amount(plain.replace(".", ",") if comma else plain, currency) == Money(minor, currency)


@given(st.text(max_size=40), CURRENCIES)
def test_whatever_is_typed_is_an_amount_that_can_be_charged_or_a_named_problem(text: str, currency: str) -> None:
    found: Money | AmountProblem
    try:
        found = parse_amount(text, currency)
    except AmountError as error:
        found = error.code
    assert isinstance(found, AmountProblem) or 0 < found.minor <= LARGEST_MINOR


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("25", "EUR", 2_500),
        ("25,5", "EUR", 2_550),
        ("25.50", "EUR", 2_550),
        (" 25 ", "EUR", 2_500),
        ("\u00a025\u00a0", "EUR", 2_500),
        ("007", "EUR", 700),
        ("1 000", "EUR", 100_000),
        ("1\u00a0000,50", "EUR", 100_050),
        ("1\u202f000,50", "EUR", 100_050),
        ("1'000.50", "CHF", 100_050),
        ("1\u2019000.50", "CHF", 100_050),
        ("1.000,50", "EUR", 100_050),
        ("1,000.50", "EUR", 100_050),
        ("100.000,00", "EUR", 10_000_000),
        ("10.050", "KWD", 10_050),
        ("10.5", "KWD", 10_500),
        ("1500", "JPY", 1_500),
        ("1,500", "JPY", 1_500),
        ("1.500", "JPY", 1_500),
        ("999999.99", "EUR", LARGEST_MINOR),
    ],
)
def test_amounts_are_understood_as_people_write_them(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency", "problem"),
    [
        ("", "EUR", AmountProblem.EMPTY),
        ("   ", "EUR", AmountProblem.EMPTY),
        ("\u00a0", "EUR", AmountProblem.EMPTY),
        ("0", "EUR", AmountProblem.ZERO),
        ("0,00", "EUR", AmountProblem.ZERO),
        ("000", "JPY", AmountProblem.ZERO),
        ("-5", "EUR", AmountProblem.NEGATIVE),
        ("\u22125", "EUR", AmountProblem.NEGATIVE),
        ("\u20135", "EUR", AmountProblem.SHAPE),
        ("NaN", "EUR", AmountProblem.SHAPE),
        ("inf", "EUR", AmountProblem.SHAPE),
        ("Infinity", "EUR", AmountProblem.SHAPE),
        ("1e5", "EUR", AmountProblem.SHAPE),
        ("0x10", "EUR", AmountProblem.SHAPE),
        ("1_000", "EUR", AmountProblem.SHAPE),
        ("+5", "EUR", AmountProblem.SHAPE),
        ("5.", "EUR", AmountProblem.SHAPE),
        (".5", "EUR", AmountProblem.SHAPE),
        ("1,2,3", "EUR", AmountProblem.SHAPE),
        ("1.000.50", "EUR", AmountProblem.SHAPE),
        ("1,000,00", "EUR", AmountProblem.SHAPE),
        ("1 0000", "EUR", AmountProblem.SHAPE),
        ("1.000 000", "EUR", AmountProblem.SHAPE),
        ("25\x0050", "EUR", AmountProblem.SHAPE),
        ("½", "EUR", AmountProblem.SHAPE),
        ("25€€", "EUR", AmountProblem.SHAPE),
        ("10.005", "EUR", AmountProblem.DECIMALS),
        ("1,234", "EUR", AmountProblem.DECIMALS),
        ("0.001", "EUR", AmountProblem.DECIMALS),
        ("10.50", "JPY", AmountProblem.DECIMALS),
        ("10.0", "JPY", AmountProblem.DECIMALS),
        ("1.2345", "KWD", AmountProblem.DECIMALS),
        ("10.005", "KWD", AmountProblem.STEP),
        ("0.001", "TND", AmountProblem.STEP),
        ("٢٥", "EUR", AmountProblem.DIGITS),
        ("२५", "EUR", AmountProblem.DIGITS),
        ("２５", "EUR", AmountProblem.DIGITS),
        ("5²", "EUR", AmountProblem.DIGITS),
        ("1000000", "EUR", AmountProblem.SIZE),
        ("9" * 40, "EUR", AmountProblem.SIZE),
        ("9" * 5_000, "JPY", AmountProblem.SIZE),
    ],
)
def test_what_is_no_amount_is_refused_with_its_problem(text: str, currency: str, problem: AmountProblem) -> None:
    with pytest.raises(AmountError) as refused:
        parse_amount(text, currency)
    assert refused.value.code == problem


@given(minor=MINORS, rate=st.decimals(min_value="0.000001", max_value="1000", places=9), base=CURRENCIES)
def test_a_conversion_is_off_by_half_a_minor_unit_at_most(minor: int, rate: Decimal, base: str) -> None:
    found = Money(minor, base).converted(rate, "EUR")
    exact = Fraction(minor) / 10 ** EXPONENTS[base] * Fraction(rate) * 100
    assert abs(found.minor - exact) <= Fraction(1, 2)


@pytest.mark.parametrize(("minor", "halved"), [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2)])
def test_a_half_goes_to_the_even_neighbour(minor: int, halved: int) -> None:
    assert Money(minor, "EUR").converted(Decimal("0.5"), "EUR") == Money(halved, "EUR")


@pytest.mark.parametrize(
    ("money", "locale", "written"),
    [
        (Money(2_500, "EUR"), "en", "€25"),
        (Money(2_500, "EUR"), "it", "25\u00a0€"),
        (Money(250_050, "EUR"), "it", "2.500,50\u00a0€"),
        (Money(250_050, "EUR"), "en", "€2,500.50"),
        (Money(1_234_567_800, "EUR"), "it", "12.345.678\u00a0€"),
        (Money(2_000, "CHF"), "en", "CHF\u00a020"),
        (Money(10_500, "JPY"), "it", "10.500\u00a0JPY"),
        (Money(10_005, "KWD"), "en", "KWD\u00a010.005"),
        (Money(-2_550, "EUR"), "en", "-€25.50"),
    ],
)
def test_amounts_are_written_as_readers_of_the_language_write_them(money: Money, locale: str, written: str) -> None:
    assert money.format(locale) == written
