"""Our bank accounts of the month: statements with a line for each payout, imported and matched as at the desk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal

from django.contrib.auth.models import User

from fundraising.bank import statements
from fundraising.bank.csv_file import CsvColumns
from fundraising.bank.matching import undo_match
from fundraising.models import BankAccount, Match, Statement
from fundraising.money import Money
from payments.models import Payout, StripeAccount
from payments.payouts import RETURNED

IBANS = {"EUR": "DE89370400440532013000", "USD": "GB82WEST12345698765432"}
COLUMNS = CsvColumns(
    date="date", date_format="%Y-%m-%d", decimal=".", amount="amount", name="name", reference="reference",
    bank_reference="bank reference",
)  # fmt: skip


def accounts_of(account: StripeAccount) -> list[BankAccount]:
    """One for each currency that Stripe pays out in."""
    return [
        BankAccount.objects.create(
            entity=account.entity,
            slug=f"bank-{currency.lower()}",
            name=f"Bank {currency}",
            iban=iban,
            currency=currency,
            csv_mapping=asdict(COLUMNS),
        )
        for currency, iban in IBANS.items()
    ]


def arrivals(account: StripeAccount, currency: str) -> list[Payout]:
    """The payouts that the bank has, oldest first."""
    return list(
        Payout.objects.filter(account=account, currency=currency).exclude(status__in=RETURNED).order_by("created_at")
    )


def import_lines(bank: BankAccount, payouts: Iterable[Payout], *, name: str, by: User) -> None:
    """A statement with a line for each of these payouts, in this order; the same payout twice is two lines."""
    rows = [";".join(["date", "amount", "name", "reference", "bank reference"])]
    for payout in payouts:
        amount: Decimal = Money(payout.amount_minor, payout.currency).decimal
        words = f"STRIPE PAYOUT {payout.trace_id}"
        rows.append(";".join([payout.arrival_on.isoformat(), f"{amount:f}", "Stripe Payments", words, payout.trace_id]))
    statements.import_statement(bank, name=name, data="\n".join(rows).encode(), by=by)


def take_back(bank: BankAccount, *, by: User) -> None:
    """Undo the matches of a bank account and roll its statements back."""
    for match in Match.objects.filter(line__bank_account=bank, undone_at=None):
        undo_match(match, by=by, reason="another statement")
    for statement in Statement.objects.filter(bank_account=bank, rolled_back_at=None).order_by("-pk"):
        statements.roll_back_statement(statement, by=by, reason="another statement")
