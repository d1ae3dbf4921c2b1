"""Money: integer minor units and an ISO 4217 currency. No float comes near it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from functools import lru_cache

from babel.core import Locale
from babel.numbers import format_currency

# Minor-unit exponents as Stripe charges them (https://docs.stripe.com/currencies). They differ from
# ISO 4217 for ISK and UGX, which Stripe keeps at two decimals that must be zero.
EXPONENTS = {
    "AED": 2, "AUD": 2, "BHD": 3, "BRL": 2, "CAD": 2, "CHF": 2, "CZK": 2, "DKK": 2, "EUR": 2, "GBP": 2,
    "HKD": 2, "HUF": 2, "ILS": 2, "INR": 2, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "MXN": 2, "NOK": 2,
    "NZD": 2, "PLN": 2, "RON": 2, "SEK": 2, "SGD": 2, "TND": 3, "TRY": 2, "TWD": 2, "USD": 2, "ZAR": 2,
}  # fmt: skip
# The largest amount that Stripe's eight digits of minor units hold.
LARGEST_MINOR = 99_999_999
# The largest that staff type: banks move more than Stripe takes.
LARGEST_TYPED_MINOR = 10**15


def step(currency: str) -> int:
    """The minor units that an amount is a multiple of: Stripe wants a 0 as the last of three decimals."""
    return 10 if EXPONENTS[currency] == 3 else 1


def currencies() -> list[tuple[str, str]]:
    """The currencies we know, as the choices of a field."""
    return [(code, code) for code in EXPONENTS]


class CurrencyMismatch(TypeError):
    """Two currencies met in one sum."""


class AmountError(ValueError):
    """What a person typed is no amount; `code` is an AmountProblem."""

    def __init__(self, code: AmountProblem) -> None:
        super().__init__(code.value)
        self.code = code


class AmountProblem(StrEnum):
    EMPTY = "empty"
    DIGITS = "digits"  # digits of another script than 0-9
    SHAPE = "shape"
    DECIMALS = "decimals"
    STEP = "step"  # the last of three decimals is not 0
    NEGATIVE = "negative"
    ZERO = "zero"
    SIZE = "size"


@dataclass(frozen=True, order=False)
class Money:
    """An amount of `minor` units (cents, yen, fils) of `currency` (upper-case ISO 4217)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are integers, not {type(self.minor).__name__}")
        if self.currency not in EXPONENTS:
            raise ValueError(f"unknown currency {self.currency!r}")

    @classmethod
    def of_stripe(cls, minor: int, currency: str) -> Money:
        """Money as Stripe writes it: minor units and a lower-case currency."""
        return cls(minor, currency.upper())

    @property
    def exponent(self) -> int:
        return EXPONENTS[self.currency]

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-self.exponent)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} met {other.currency}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.decimal:f} {self.currency}"

    def split(self, weights: list[int]) -> list[Money]:
        """Parts in proportion to `weights`, summing exactly (largest remainder, earlier part first)."""
        return [Money(part, self.currency) for part in apportioned(self.minor, weights)]

    def converted(self, rate: Decimal, currency: str) -> Money:
        """The amount at `rate` (units of `currency` for one of ours), rounded half to even."""
        major = self.decimal * rate
        minor = major.scaleb(EXPONENTS[currency]).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        return Money(int(minor), currency)

    def format(self, locale: str) -> str:
        """The amount as readers of `locale` write it; whole amounts go without decimals."""
        whole = self.minor % 10**self.exponent == 0
        return self._format(locale, decimals=0 if whole else self.exponent)

    def format_exact(self, locale: str) -> str:
        """The amount as readers of `locale` write it, with all its decimals."""
        return self._format(locale, decimals=self.exponent)

    def _format(self, locale: str, *, decimals: int) -> str:
        return _formatted(self, locale, decimals)


def apportioned(whole: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to `weights`, summing exactly (largest remainder, earlier part first)."""
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights are non-negative and not all zero")
    parts = [whole * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(whole * weights[i] % total))
    for i in by_remainder[: whole - sum(parts)]:
        parts[i] += 1
    return parts


@lru_cache(maxsize=8192)
def _formatted(money: Money, locale: str, decimals: int) -> str:
    digits = "0." + "0" * decimals if decimals else "0"
    pattern = re.sub(r"0\.0+", digits, Locale.parse(locale).currency_formats["standard"].pattern)
    text = format_currency(money.decimal, money.currency, locale=locale, format=pattern, currency_digits=False)
    # CLDR's currency spacing, which browsers apply and Babel leaves out: "CHF 20", not "CHF20".
    text = re.sub(r"(?<=[A-Za-z])(?=\d)", "\u00a0", text)
    # From right to left "US$", "UK£" and "JP¥" would come apart: a mark keeps the sign behind its letters.
    return re.sub(r"(?<=[A-Z])[^\w\s.,]", "\\g<0>\u200e", text) if text.startswith("\u200f") else text


_SEPARATOR = "[.,'\u2019 \u00a0\u2009\u202f]"
_PLAIN = re.compile(r"(\d+)(?:[.,](\d+))?")
_GROUPED = re.compile(rf"(\d{{1,3}}(?:({_SEPARATOR})\d{{3}})(?:\2\d{{3}})*)(?:(?!\2)[.,](\d+))?")


def parse_amount(text: str, currency: str) -> Money:
    """Money from what a donor typed: `25`, `25,50`, `1 000`, `1.000,50`; raises AmountError.

    `10.005` euros is refused: ten thousand and five in Rome, ten and a bit in London. A guess here
    would charge a thousandfold.
    """
    amount = parse_typed(text, currency)
    if amount.minor > LARGEST_MINOR:
        raise AmountError(AmountProblem.SIZE)
    if amount.minor % step(currency):
        raise AmountError(AmountProblem.STEP)
    return amount


def parse_typed(text: str, currency: str) -> Money:
    """Money from what staff typed, who write of amounts that Stripe would not take too; raises AmountError."""
    text = text.strip()
    if not text:
        raise AmountError(AmountProblem.EMPTY)
    if text[0] in "-\u2212":
        raise AmountError(AmountProblem.NEGATIVE)
    if any(char.isdigit() and char not in "0123456789" for char in text):
        raise AmountError(AmountProblem.DIGITS)
    whole, fraction = _parts(text, EXPONENTS[currency])
    if len(whole) > 13:
        raise AmountError(AmountProblem.SIZE)
    minor = int(whole + fraction.ljust(EXPONENTS[currency], "0"))
    if minor == 0:
        raise AmountError(AmountProblem.ZERO)
    if minor > LARGEST_TYPED_MINOR:
        raise AmountError(AmountProblem.SIZE)
    return Money(minor, currency)


def _parts(text: str, exponent: int) -> tuple[str, str]:
    """Whole and fractional digits of `text`, at most `exponent` of the latter."""
    grouped = _GROUPED.fullmatch(text)
    ambiguous = grouped and len(grouped[0]) == len(grouped[1]) and grouped[2] in ".," and text.count(grouped[2]) == 1
    if grouped and not (ambiguous and exponent):
        whole, fraction = re.sub(r"\D", "", grouped[1]), grouped[3] or ""
    elif plain := _PLAIN.fullmatch(text):
        whole, fraction = plain[1], plain[2] or ""
    else:
        raise AmountError(AmountProblem.SHAPE)
    if len(fraction) > exponent:
        raise AmountError(AmountProblem.DECIMALS)
    return whole, fraction
