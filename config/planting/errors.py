"""The errors: of each kind some, at places that the seed chooses, each where such an error would come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import connection

from fundraising import donations, ledger
from fundraising.models import Cause, Donation
from fundraising.money import Money
from payments.bank import matching as bank_matching
from payments.models import BalanceTransaction, Payment, Payout
from payments.sandbox.loader import history
from payments.sweeps.settlement import CHARGES

from . import bank
from .month import DAY, Month

EACH: Final = 4


@dataclass
class Planted:
    """One error: its kind, the cause that must be named, and the ids by which a break may call it."""

    kind: str
    cause: Cause
    ids: set[str]


@dataclass
class Planter:
    """Plants into a month that is in the books, paid out and in the bank."""

    month: Month
    by: User
    planted: list[Planted] = field(default_factory=list)
    lines: list[BalanceTransaction] = field(default_factory=list)
    payouts: dict[str, list[Payout]] = field(default_factory=dict)

    def plant(self) -> list[Planted]:
        """All of them, in Stripe's past, then in our books, then in the bank. The caller reads Stripe's again."""
        self._choose()
        self._at_stripe()
        with without_rules():
            for plant in (self._missing_charge, self._wrong_fee, self._wrong_amount):
                for _ in range(EACH):
                    plant(self.lines.pop())
        for _ in range(EACH):
            self._invented_charge()
        ledger.rebuild()
        self._in_bank()
        return self.planted

    def _choose(self) -> None:
        """Charges with nothing else to them, and payouts of several lines, in the seed's order."""
        account = self.month.account
        lines = BalanceTransaction.objects.filter(account=account, type__in=CHARGES).exclude(payout_id="")
        self.lines = [line for line in lines.order_by("pk") if line.source not in self.month.touched]
        self.month.random.shuffle(self.lines)
        self.payouts = {currency: bank.arrivals(account, currency) for currency in bank.IBANS}
        for found in self.payouts.values():
            self.month.random.shuffle(found)

    # --- at Stripe

    def _at_stripe(self) -> None:
        with history(str(self.month.path), self.month.account.slug, since=self.month.ended) as past:
            for number in range(EACH):
                past.at(self.month.ended + number * 3_600)
                donation, payment = self._paid(self.lines.pop())
                twice = past.charge(donation.amount_minor, donation.currency.lower(), {"payment": str(payment.uuid)})
                self._note("doubled charge", Cause.CHARGE_DOUBLED, twice["id"])
                foreign = past.charge(self.month.random.randrange(1_000, 9_000), "eur", {})
                self._note("foreign charge", Cause.CHARGE_FOREIGN, foreign["id"])
                strange = past.adjust("adjustment", "other_adjustment", -self.month.random.randrange(100, 900), "eur")
                self._note("line of a strange kind", Cause.SUSPENSE, strange["id"])
            past.at(self.month.ended + 3 * DAY)
            past.pay_out()
            past.at(self.month.ended + 4 * DAY + 60)
            for payout in self._payouts_of_several_lines():
                line = self.lines.pop(next(n for n, one in enumerate(self.lines) if one.payout_id == payout))
                past.change("balance_transaction", line.txn_id, _payout=None)
                self._note("missing payout line", Cause.PAYOUT_LINE_MISSING, payout)

    def _paid(self, line: BalanceTransaction) -> tuple[Donation, Payment]:
        payment = Payment.objects.select_related("donation").get(charge_id=line.source)
        return payment.donation, payment

    def _payouts_of_several_lines(self) -> list[str]:
        sizes: dict[str, int] = defaultdict(int)
        for line in self.lines:
            sizes[line.payout_id] += 1
        return sorted(sizes, key=lambda payout: -sizes[payout])[:EACH]

    # --- in our books, as if a restore had lost something or a reading had gone wrong

    def _missing_charge(self, line: BalanceTransaction) -> None:
        keys = [f"charge:{line.source}", f"txn:{line.txn_id}"]
        donation = ledger.booked(keys[0])
        for table in ("posting", "tally"):
            lost = "SELECT id FROM fundraising_entry WHERE key = ANY(%s)"
            _execute(f"DELETE FROM fundraising_{table} WHERE entry_id IN ({lost})", keys)
        _execute("DELETE FROM fundraising_entry WHERE key = ANY(%s)", keys)
        if donation and donation.donation_id:
            Donation.objects.filter(pk=donation.donation_id).update(state="opened", received_at=None, fund=None)
        self._note("missing charge", Cause.CHARGE_MISSING, line.source)

    def _wrong_fee(self, line: BalanceTransaction) -> None:
        """The line was read with another fee, and booked so."""
        off = self.month.random.randrange(3, 60)
        _move(f"txn:{line.txn_id}", line.currency, {"provider": -off, "fees": off})
        BalanceTransaction.objects.filter(pk=line.pk).update(
            fee_minor=line.fee_minor + off, net_minor=line.net_minor - off
        )
        self._note("wrong fee", Cause.FEE_DIFFERS, line.source)

    def _wrong_amount(self, line: BalanceTransaction) -> None:
        """The charge was read with another amount, and booked and settled so; where Stripe exchanged, that stands."""
        off = self.month.random.randrange(100, 900)
        currency = Donation.objects.get(payments__charge_id=line.source).currency
        _move(f"charge:{line.source}", currency, {"clearing": off, "donations": -off})
        _move(
            f"txn:{line.txn_id}", currency, {"clearing": -off, "provider" if currency == line.currency else "fx": off}
        )
        self._note("wrong amount", Cause.AMOUNT_DIFFERS, line.source)

    def _invented_charge(self) -> None:
        """The books have a charge that Stripe never made: of another account, say."""
        at = datetime.fromtimestamp(self.month.began + self.month.random.randrange(20 * DAY), UTC)
        number = f"{self.month.random.randrange(10**12):012d}"
        amount = Money(self.month.random.randrange(500, 9_000), "EUR")
        key, provider = f"charge:ch_invented{number}", self.month.account.slug
        donations.book_unmatched(
            key=key, entity_id=self.month.account.entity_id, amount=amount, at=at, provider=provider
        )
        donations.settle(
            key=f"txn:txn_invented{number}", fact_key=key, gross=amount, settled=amount, fee=Money(0, "EUR")
        )
        self._note("invented charge", Cause.UNKNOWN_TO_PROVIDER, f"ch_invented{number}", f"txn_invented{number}")

    # --- in the bank

    def _in_bank(self) -> None:
        """Other statements come in place of those that were imported: a line too few, and one too many."""
        taken = {one for planted in self.planted for one in planted.ids}
        for account in list(self.month.account.entity.bank_accounts.all()):
            bank.take_back(account, by=self.by)
        for account in self.month.account.entity.bank_accounts.all():
            free = [one for one in self.payouts[account.currency] if one.payout_id not in taken]
            each = EACH // 2 if len(free) > EACH else 0
            missing, doubled = free[:each], free[each : 2 * each]
            for payout in missing:
                self._note("missing bank line", Cause.PAYOUT_NOT_IN_BANK, payout.payout_id)
            for payout in doubled:
                self._note("doubled bank line", Cause.BANK_LINE_DOUBLED, payout.payout_id)
            gone = {payout.payout_id for payout in missing}
            there = [one for one in bank.arrivals(self.month.account, account.currency) if one.payout_id not in gone]
            bank.import_lines(
                account, sorted([*there, *doubled], key=lambda one: one.created_at), name="other.csv", by=self.by
            )
            bank_matching.match_certain(account)

    def _note(self, kind: str, cause: Cause, *ids: str) -> None:
        self.planted.append(Planted(kind, cause, set(ids)))


@contextmanager
def without_rules() -> Iterator[None]:
    """Past the database's rules, which would refuse all of this."""
    _execute("SET session_replication_role = replica")
    try:
        yield
    finally:
        _execute("SET session_replication_role = DEFAULT")


def _move(key: str, currency: str, by_purpose: dict[str, int]) -> None:
    """Change the postings of an entry in a currency by so many minor units."""
    for purpose, off in by_purpose.items():
        _execute(
            """
            UPDATE fundraising_posting posting SET amount_minor = amount_minor + %s
            FROM fundraising_entry entry, fundraising_account account
            WHERE entry.id = posting.entry_id AND entry.key = %s AND account.id = posting.account_id
              AND account.purpose = %s AND posting.currency = %s
            """,
            off, key, purpose, currency,
        )  # fmt: skip


def _execute(statement: str, *parameters: int | str | list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
