"""What the standard calls transactions, of the figures that everybody may see: summed by month, currency and kind.

    1 incoming funds       received, less what was given or taken back; other income, net of other expenses; what was
                           passed from other funds of ours once their appeals were over, less what was passed to them
    2 outgoing commitment  promised to partners, less what was released
    3 disbursement         sent to partners, less what they returned
    4 expenditure          fees of providers and banks, share of administrative costs

What partners spend of the money is theirs to tell: as an expenditure of ours it would be counted twice. Exchange
between currencies and advances between funds of ours move no money in or out. Pledges are not in the books, so there is
no 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fundraising.money import Money
from fundraising.spending.figures import AppealFigures, CurrencyFigures

INCOMING, COMMITMENT, DISBURSEMENT, EXPENDITURE = "1", "2", "3", "4"
WORDS: Final[dict[str, str | Promise]] = {
    "received": _("Donations, summed up"),
    "back": _("Donations given or taken back"),
    "other": _("Other income, less other expenses"),
    "passed": _("Passed from other funds of ours, less what was passed to them"),
    "committed": _("Promised to partners, less what was released"),
    "disbursed": _("Sent to partners"),
    "returned": _("Returned by partners"),
    "fees": _("Fees of payment providers and banks"),
    "admin_fee": _("Share of administrative costs"),
}
OF_DONORS: Final = frozenset({"received", "back"})


@dataclass(frozen=True)
class Transaction:
    """The sum of one kind in one currency; negative where money went the other way."""

    type: str  # codelist TransactionType
    kind: str  # a key of WORDS
    amount: Money
    on: date  # the last day of what is summed


def transactions(figures: AppealFigures) -> Iterator[Transaction]:
    """The transactions of some days; kinds of which nothing happened are left out."""
    for money in figures.by_currency:
        for type_, kind, amount in _of(money):
            if amount:
                yield Transaction(type_, kind, amount, figures.last)


def _of(money: CurrencyFigures) -> Iterator[tuple[str, str, Money]]:
    yield INCOMING, "received", money.received
    yield INCOMING, "back", -(money.refunds + money.withheld + money.chargebacks)
    yield INCOMING, "other", money.other
    yield INCOMING, "passed", money.passed
    yield COMMITMENT, "committed", money.committed
    yield DISBURSEMENT, "disbursed", money.disbursed
    yield DISBURSEMENT, "returned", -money.returned
    yield EXPENDITURE, "fees", money.fees
    yield EXPENDITURE, "admin_fee", money.admin_fee
