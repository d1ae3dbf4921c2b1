"""What a donation page may take in each currency we know: least, most, and the amounts it suggests.

A campaigner changes all of it per page; these are defaults that make sense. Sources of the rules behind them, all from
https://docs.stripe.com/currencies:
- least: above Stripe's minimum charge, and enough that the fee does not eat it (about five euros);
- most: about ten thousand euros, and below the eight digits of minor units that a charge may have on every account
  (forints and rupees reach that first); the database keeps 80,000,000 so that the fee cover still fits;
- BHD, JOD, KWD, TND have three decimals of which the last must be 0: `money.step`;
- HUF and TWD are charged with two decimals but paid out in whole units: whole units are suggested;
- ISK and UGX are written with two decimals that must be 0: not offered, and unknown to money.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from .models import DonationPage, ExchangeRate, PageCurrency
from .money import EXPONENTS


@dataclass(frozen=True)
class Usual:
    """The usual bounds and suggestions of a currency, in whole units (euros, not cents)."""

    minimum: int
    maximum: int
    once: tuple[int, ...]
    monthly: tuple[int, ...]


USUAL = {
    "EUR": Usual(5, 10_000, (15, 35, 75, 150), (5, 10, 20, 40)),
    "USD": Usual(5, 10_000, (15, 35, 75, 150), (5, 10, 20, 40)),
    "GBP": Usual(5, 10_000, (15, 30, 60, 120), (5, 10, 20, 40)),
    "CHF": Usual(5, 10_000, (20, 40, 80, 160), (5, 10, 20, 40)),
    "CAD": Usual(5, 15_000, (20, 50, 100, 200), (10, 15, 30, 60)),
    "AUD": Usual(5, 15_000, (20, 50, 100, 200), (10, 15, 30, 60)),
    "NZD": Usual(5, 15_000, (20, 50, 100, 200), (10, 15, 30, 60)),
    "SEK": Usual(50, 100_000, (150, 400, 800, 1_500), (50, 100, 200, 400)),
    "NOK": Usual(50, 100_000, (150, 400, 800, 1_500), (50, 100, 200, 400)),
    "DKK": Usual(40, 75_000, (100, 250, 500, 1_000), (40, 75, 150, 300)),
    "PLN": Usual(20, 40_000, (60, 150, 300, 600), (20, 40, 80, 160)),
    "CZK": Usual(100, 250_000, (400, 900, 1_900, 3_800), (100, 250, 500, 1_000)),
    "HUF": Usual(2_000, 800_000, (5_000, 14_000, 30_000, 60_000), (2_000, 4_000, 8_000, 16_000)),
    "RON": Usual(25, 50_000, (75, 175, 375, 750), (25, 50, 100, 200)),
    "TRY": Usual(150, 350_000, (500, 1_250, 2_500, 5_000), (150, 350, 700, 1_400)),
    "ILS": Usual(20, 40_000, (60, 150, 300, 600), (20, 40, 80, 160)),
    "AED": Usual(20, 40_000, (60, 150, 300, 600), (20, 40, 80, 160)),
    "INR": Usual(400, 800_000, (1_500, 3_000, 6_000, 12_000), (500, 1_000, 2_000, 4_000)),
    "JPY": Usual(500, 1_500_000, (2_000, 5_000, 10_000, 20_000), (1_000, 2_000, 3_000, 5_000)),
    "KRW": Usual(5_000, 15_000_000, (20_000, 50_000, 100_000, 200_000), (10_000, 20_000, 30_000, 50_000)),
    "HKD": Usual(40, 80_000, (120, 300, 600, 1_200), (50, 100, 200, 400)),
    "SGD": Usual(5, 15_000, (20, 50, 100, 200), (10, 15, 30, 60)),
    "TWD": Usual(150, 350_000, (500, 1_000, 2_500, 5_000), (200, 400, 700, 1_400)),
    "BRL": Usual(25, 60_000, (75, 200, 400, 800), (25, 50, 100, 200)),
    "MXN": Usual(100, 200_000, (300, 700, 1_500, 3_000), (100, 200, 400, 800)),
    "ZAR": Usual(100, 200_000, (300, 700, 1_500, 3_000), (100, 200, 400, 800)),
    "KWD": Usual(2, 3_000, (5, 10, 25, 50), (2, 4, 7, 15)),
    "BHD": Usual(2, 4_000, (5, 15, 30, 60), (2, 4, 8, 16)),
    "JOD": Usual(4, 8_000, (10, 25, 50, 100), (4, 8, 15, 30)),
    "TND": Usual(15, 35_000, (50, 100, 250, 500), (15, 30, 70, 140)),
}


@dataclass(frozen=True)
class Added:
    """What `add_usual` did: codes added, and those left out because no rate leads to the appeal's currency."""

    added: list[str]
    without_rate: list[str]


def usual(code: str) -> PageCurrency:
    """The usual offer of a currency, as an unsaved row without page and position."""
    known, unit = USUAL[code], 10 ** EXPONENTS[code]
    return PageCurrency(
        currency=code,
        minimum_minor=known.minimum * unit,
        maximum_minor=known.maximum * unit,
        suggested_minor=[amount * unit for amount in known.once],
        suggested_regular_minor=[amount * unit for amount in known.monthly],
    )


@transaction.atomic
def add_usual(page: DonationPage) -> Added:
    """Give the page every usual currency it lacks, the appeal's own first; what it has stays as it is."""
    own = page.appeal.currency
    present = PageCurrency.objects.filter(page=page)
    has = set(present.values_list("currency", flat=True))
    rated = set(ExchangeRate.objects.filter(quote=own).values_list("base", flat=True)) | {own}
    last = present.aggregate(last=Max("position"))["last"]
    position = 0 if last is None else last + 1
    lacking = [code for code in sorted(USUAL, key=lambda code: code != own) if code not in has]
    added = [code for code in lacking if code in rated]
    for place, code in enumerate(added, start=position):
        row = usual(code)
        row.page, row.position = page, place
        row.save()
    return Added(added, [code for code in lacking if code not in rated])
