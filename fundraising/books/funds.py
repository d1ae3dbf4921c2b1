"""The statement of funds: what each had, what came, what it cost, what was spent and passed on, what it has.

    closing = opening + income - refunds - disputes - fees - spent - administration + other + passed on + exchanged

Of each fund and currency, for some days, both included; the last ones, without a fund, are what no fund bears. Minor
units, as people read them: income and costs positive. All that a currency has stands against its funds: the closings
of all of them are what the accounts of money hold (`of_classes` adds them up by restriction, ADR 237).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Final

from ..models import Fund, LegalEntity, Purpose
from ..money import Money
from . import Balance, balances
from .chart import Chart, ChartAccount

# Which column an account moves, and with what sign people read it; all others are money itself, or in no statement.
_COLUMNS: Final = {
    Purpose.DONATIONS: ("income", -1),
    Purpose.REFUNDS: ("refunds", 1),
    Purpose.WITHHELD: ("disputes", 1),
    Purpose.CHARGEBACKS: ("disputes", 1),
    Purpose.FEES: ("fees", 1),
    Purpose.FEE_TAX: ("fees", 1),
    Purpose.BANK_FEES: ("fees", 1),
    Purpose.SPENT: ("spent", 1),
    Purpose.OVERHEAD: ("overhead", 1),
    Purpose.EXPENSES: ("other", -1),
    Purpose.OTHER_INCOME: ("other", -1),
    Purpose.OPENING: ("other", -1),
    Purpose.FX_RESULT: ("other", -1),
    Purpose.SURPLUS: ("passed", -1),
    Purpose.FX: ("exchanged", -1),
}
COSTS: Final = ("refunds", "disputes", "fees", "spent", "overhead")
GAINS: Final = ("income", "other", "passed", "exchanged")


@dataclass(frozen=True)
class FundStatement:
    """One fund in one currency. `released` is how much of its restriction was met in the days: in no sum."""

    fund: Fund | None
    opening: Money
    income: Money
    refunds: Money
    disputes: Money
    fees: Money
    spent: Money
    overhead: Money
    other: Money
    passed: Money
    exchanged: Money
    released: Money

    @property
    def currency(self) -> str:
        return self.opening.currency

    @property
    def is_restricted(self) -> bool:
        return self.fund is not None and self.fund.restricted

    @property
    def closing(self) -> Money:
        return _sum([self.opening, *(getattr(self, name) for name in GAINS)]) - _sum(
            [getattr(self, name) for name in COSTS]
        )


def _sum(amounts: Sequence[Money]) -> Money:
    return sum(amounts[1:], start=amounts[0])


def statement(entity: LegalEntity, first: date, last: date) -> list[FundStatement]:
    """Each fund in each currency that had or moved anything. Three queries."""
    before, after = balances(entity.pk, first - timedelta(days=1)), balances(entity.pk, last)
    held = {balance.account_id: balance.minor for balance in before}
    sums: dict[tuple[int | None, str], dict[str, int]] = {}
    for balance in after:
        was = held.get(balance.account_id, 0)
        if balance.minor or was:
            _note(sums.setdefault((balance.fund_id, balance.currency), {}), balance, was)
    funds = {fund.pk: fund for fund in Fund.objects.filter(entity=entity)}
    found = [_statement(funds.get(fund_id or 0), currency, row) for (fund_id, currency), row in sums.items() if row]
    return sorted(found, key=lambda row: (row.fund is None, row.fund.name if row.fund else "", row.currency))


def _note(row: dict[str, int], balance: Balance, was: int) -> None:
    if balance.purpose == Purpose.RELEASED and balance.fund_id:
        row["released"] = row.get("released", 0) + balance.minor - was
    elif column := _COLUMNS.get(balance.purpose):
        name, sign = column
        row["opening"] = row.get("opening", 0) - was
        row[name] = row.get(name, 0) + sign * (balance.minor - was)


def _statement(fund: Fund | None, currency: str, row: dict[str, int]) -> FundStatement:
    names = [one.name for one in fields(FundStatement) if one.name != "fund"]
    return FundStatement(fund, **{name: Money(row.get(name, 0), currency) for name in names})


@dataclass(frozen=True)
class Classes:
    """One currency by restriction. What was spent of restricted money is released first: it leaves one side by the
    release, comes to the other, and is spent there."""

    currency: str
    rows: tuple[tuple[str, Money, Money], ...]  # name, with donor restrictions, without


def of_classes(found: Sequence[FundStatement]) -> list[Classes]:
    """Net assets with and without donor restrictions, by currency; each side adds up by itself, down to `closing`."""
    currencies = dict.fromkeys(row.currency for row in found)
    return [_classes(code, [row for row in found if row.currency == code]) for code in currencies]


def _classes(currency: str, found: Sequence[FundStatement]) -> Classes:
    bound = [row for row in found if row.is_restricted]
    free = [row for row in found if not row.is_restricted]
    zero = Money(0, currency)

    def both(name: str, sign: int = 1) -> tuple[str, Money, Money]:
        sides = [_sum([zero, *(getattr(row, name) for row in side)]) for side in (bound, free)]
        return (name, *(side if sign > 0 else -side for side in sides))  # type: ignore[return-value]

    _name, released, _nothing = both("released")
    _name, spent, free_spent = both("spent")
    rows = (
        both("opening"), both("income"), both("refunds", -1), both("disputes", -1), both("fees", -1),
        ("spent", released - spent, -released - free_spent), both("overhead", -1), both("other"), both("passed"),
        both("exchanged"), ("released", -released, released), both("closing"),
    )  # fmt: skip
    return Classes(currency, rows)


@dataclass(frozen=True)
class FundAccount:
    """One account of a fund over the days."""

    account: ChartAccount
    before: Money
    moved: Money

    @property
    def after(self) -> Money:
        return self.before + self.moved


def accounts_of(entity: LegalEntity, fund: Fund, first: date, last: date) -> list[FundAccount]:
    """Every account of a fund that held or moved anything, those of its rounds together. Debit positive."""
    chart = Chart(entity)
    sums: dict[tuple[str, Purpose, str], list[int]] = {}
    for place, on in enumerate((first - timedelta(days=1), last)):
        for balance in balances(entity.pk, on):
            if balance.fund_id == fund.pk:
                named = (balance.currency, balance.purpose, balance.provider)
                sums.setdefault(named, [0, 0])[place] += balance.minor
    found = [
        FundAccount(chart.find(purpose, provider), Money(before, currency), Money(after - before, currency))
        for (currency, purpose, provider), (before, after) in sums.items()
        if before or after
    ]
    return sorted(found, key=lambda row: (row.before.currency, row.account.number, row.account.provider))
