"""The chart of accounts: what kind each account is, and the number and name that accountants know it by.

Numbers are ours until a legal entity's accountants give theirs (AccountNumber). Ours: 1 assets, 2 liabilities,
3 equity, 4 income, 6 expenses, 7 exchange result, 8 the bridge of exchanges, 9 memorandum. Where several providers
or bank accounts share a purpose, each takes the next free number in the order in which it was first used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Min, TextChoices
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from .. import trail
from ..models import Account, AccountNumber, BankAccount, Category, LegalEntity, Purpose


class Kind(TextChoices):
    """What an account is in a statement; `memorandum` is in none."""

    ASSET = "asset", _("asset")
    LIABILITY = "liability", _("liability")
    EQUITY = "equity", _("equity")
    INCOME = "income", _("income")
    CONTRA = "contra", _("contra income")
    EXPENSE = "expense", _("expense")
    BRIDGE = "bridge", _("bridge of an exchange")
    MEMORANDUM = "memorandum", _("memorandum")


KINDS = {
    Purpose.HAND: Kind.ASSET,
    Purpose.BANK: Kind.ASSET,
    Purpose.PROVIDER: Kind.ASSET,
    Purpose.RESERVED: Kind.ASSET,
    Purpose.CLEARING: Kind.ASSET,
    Purpose.PAYOUTS: Kind.ASSET,
    Purpose.UNDERWAY: Kind.ASSET,
    Purpose.HELD: Kind.ASSET,
    Purpose.LENT: Kind.ASSET,
    Purpose.OUTGOING: Kind.LIABILITY,
    Purpose.BORROWED: Kind.LIABILITY,
    Purpose.SUSPENSE: Kind.LIABILITY,
    Purpose.OPENING: Kind.EQUITY,
    Purpose.SURPLUS: Kind.EQUITY,
    Purpose.DONATIONS: Kind.INCOME,
    Purpose.OTHER_INCOME: Kind.INCOME,
    Purpose.REFUNDS: Kind.CONTRA,
    Purpose.WITHHELD: Kind.CONTRA,
    Purpose.CHARGEBACKS: Kind.CONTRA,
    Purpose.FEES: Kind.EXPENSE,
    Purpose.FEE_TAX: Kind.EXPENSE,
    Purpose.BANK_FEES: Kind.EXPENSE,
    Purpose.SPENT: Kind.EXPENSE,
    Purpose.OVERHEAD: Kind.EXPENSE,
    Purpose.EXPENSES: Kind.EXPENSE,
    Purpose.FX_RESULT: Kind.EXPENSE,
    Purpose.FX: Kind.BRIDGE,
    Purpose.PENDING: Kind.MEMORANDUM,
    Purpose.ANNOUNCED: Kind.MEMORANDUM,
    Purpose.ALLOCATED: Kind.MEMORANDUM,
    Purpose.COMMITTED: Kind.MEMORANDUM,
    Purpose.EARMARKED: Kind.MEMORANDUM,
    Purpose.RELEASED: Kind.MEMORANDUM,
}
# What is worth money of its own, and so is valued anew when a rate changes.
MONETARY = tuple(purpose for purpose, kind in KINDS.items() if kind in {Kind.ASSET, Kind.LIABILITY})
MEMORANDUM = tuple(purpose for purpose, kind in KINDS.items() if kind == Kind.MEMORANDUM)
IN_HAND = ("cash", "cheque")
_CATEGORIES = dict(Category.choices)

FIRST_NUMBERS = {
    Purpose.HAND: 1000,
    Purpose.BANK: 1100,
    Purpose.PROVIDER: 1200,
    Purpose.RESERVED: 1250,
    Purpose.CLEARING: 1300,
    Purpose.PAYOUTS: 1400,
    Purpose.UNDERWAY: 1500,
    Purpose.HELD: 1600,
    Purpose.LENT: 1700,
    Purpose.OUTGOING: 2100,
    Purpose.BORROWED: 2200,
    Purpose.SUSPENSE: 2900,
    Purpose.OPENING: 3000,
    Purpose.SURPLUS: 3100,
    Purpose.DONATIONS: 4000,
    Purpose.REFUNDS: 4100,
    Purpose.WITHHELD: 4110,
    Purpose.CHARGEBACKS: 4120,
    Purpose.OTHER_INCOME: 4900,
    Purpose.FEES: 6000,
    Purpose.FEE_TAX: 6010,
    Purpose.BANK_FEES: 6020,
    Purpose.SPENT: 6100,
    Purpose.OVERHEAD: 6200,
    Purpose.EXPENSES: 6900,
    Purpose.FX_RESULT: 7000,
    Purpose.FX: 8000,
    Purpose.PENDING: 9000,
    Purpose.ANNOUNCED: 9010,
    Purpose.EARMARKED: 9100,
    Purpose.ALLOCATED: 9110,
    Purpose.COMMITTED: 9130,
    Purpose.RELEASED: 9200,
}


class NumberRefused(Exception):
    """The number or name that was typed for an account will not do; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class ChartAccount:
    """An account as accountants see it: one number for all its funds, rounds and currencies."""

    purpose: Purpose
    provider: str
    kind: Kind
    number: str
    name: str
    is_ours: bool  # by default, not given by their accountants

    @property
    def key(self) -> str:
        """Names the account in an address or a form."""
        return f"{self.purpose}:{self.provider}"

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Chart:
    """The accounts of one legal entity by purpose and provider, read once."""

    def __init__(self, entity: LegalEntity) -> None:
        given = AccountNumber.objects.filter(entity=entity)
        self._given = {(Purpose(row.purpose), row.provider): row for row in given}
        self._banks = dict(BankAccount.objects.filter(entity=entity).values_list("slug", "name"))
        self.accounts = self._build(_used(entity))
        self._known = {(account.purpose, account.provider): account for account in self.accounts}

    def find(self, purpose: str, provider: str = "") -> ChartAccount:
        """The account, also one that nothing was booked to yet."""
        named = (Purpose(purpose), provider)
        return self._known.get(named) or self._one(*named, place=0)

    def known(self, purpose: str, provider: str) -> bool:
        return (purpose, provider) in self._known

    def _build(self, used: Iterable[tuple[Purpose, str]]) -> list[ChartAccount]:
        wanted = dict.fromkeys([*used, *((Purpose.BANK, slug) for slug in self._banks)])
        wanted |= dict.fromkeys((Purpose.SUSPENSE, slug) for slug in self._banks)
        wanted |= dict.fromkeys([*self._given, *((Purpose.HAND, kind) for kind in IN_HAND)])
        have = {purpose for purpose, _provider in wanted}
        wanted |= dict.fromkeys((purpose, "") for purpose in KINDS if purpose not in have or purpose == "suspense")
        places: dict[Purpose, int] = {}
        built = []
        for purpose, provider in wanted:
            place = places[purpose] = places.get(purpose, -1) + 1
            built.append(self._one(purpose, provider, place=place))
        return sorted(built, key=lambda account: (account.number, account.provider))

    def _one(self, purpose: Purpose, provider: str, *, place: int) -> ChartAccount:
        if given := self._given.get((purpose, provider)):
            return ChartAccount(purpose, provider, KINDS[purpose], given.number, given.name, is_ours=False)
        name = capfirst(str(purpose.label))
        if provider:
            name = f"{name}: {self._banks.get(provider) or _CATEGORIES.get(provider, provider)}"
        return ChartAccount(purpose, provider, KINDS[purpose], str(FIRST_NUMBERS[purpose] + place), name, is_ours=True)


def _used(entity: LegalEntity) -> list[tuple[Purpose, str]]:
    """Purposes with their providers in the order in which they were first used; accounts are never deleted."""
    rows = (
        Account.objects.filter(entity=entity)
        .values_list("purpose", "provider")
        .annotate(first=Min("pk"))
        .order_by("first")
    )
    return [(Purpose(purpose), provider) for purpose, provider, _first in rows]


@transaction.atomic
def number_account(
    entity: LegalEntity, purpose: Purpose, provider: str, *, number: str, name: str, by: User
) -> AccountNumber:
    """Give an account the number and name of the accountants; raises NumberRefused.

    Digits only, eight at most: what DATEV takes, and every other package with it.
    """
    number, name = number.strip(), " ".join(name.split())
    if not number.isascii() or not number.isdecimal() or len(number) > 8:
        raise NumberRefused("digits")
    if not name or len(name) > 80:
        raise NumberRefused("name")
    if not Chart(entity).known(purpose, provider):
        raise NumberRefused("unknown")
    before = AccountNumber.objects.filter(entity=entity, purpose=purpose, provider=provider).first()
    row, _created = AccountNumber.objects.update_or_create(
        entity=entity, purpose=purpose, provider=provider, defaults={"number": number, "name": name}
    )
    trail.record(
        "account_numbered",
        by=by,
        about=f"account:{purpose}:{provider}",
        entity=entity,
        before={"number": before.number, "name": before.name} if before else {},
        after={"number": number, "name": name},
    )
    return row
