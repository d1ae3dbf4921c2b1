"""What the bank's pages list: accounts with what they hold, statements, lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, QuerySet, Sum

from ..books.days import holdings
from ..models import BankAccount, BankLine, LegalEntity, Purpose, Statement
from ..money import AmountError, Money, parse_typed
from ..vault import blind_words


@dataclass(frozen=True)
class AccountRow:
    """A bank account, what the books and its newest statement say it holds, and its lines that nothing explains."""

    account: BankAccount
    in_books: Money
    newest: Statement | None
    unexplained: int
    unexplained_sum: Money

    @property
    def at_bank(self) -> Money | None:
        if self.newest is None or self.newest.closing_minor is None:
            return None
        return Money(self.newest.closing_minor, self.account.currency)


def account_rows(entity: LegalEntity) -> list[AccountRow]:
    """The bank accounts of a legal entity; four queries however many."""
    accounts = list(BankAccount.objects.filter(entity=entity).order_by("name"))
    held = {(row.provider, row.amount.currency): row.amount for row in holdings(entity.pk, [Purpose.BANK])}
    told = Statement.objects.filter(bank_account__entity=entity, rolled_back_at=None, closing_minor__isnull=False)
    newest = {
        statement.bank_account_id: statement
        for statement in told.exclude(last_on=None)
        .defer("sealed_bytes")
        .order_by("bank_account", "-last_on", "-pk")
        .distinct("bank_account")
    }
    open_lines = BankLine.objects.filter(bank_account__entity=entity).exclude(unexplained_minor=0)
    sums = {
        row["bank_account"]: row
        for row in open_lines.values("bank_account").annotate(count=Count("pk"), sum=Sum("unexplained_minor"))
    }
    return [
        AccountRow(
            account=account,
            in_books=held.get((account.slug, account.currency), Money(0, account.currency)),
            newest=newest.get(account.pk),
            unexplained=sums[account.pk]["count"] if account.pk in sums else 0,
            unexplained_sum=Money(sums[account.pk]["sum"] if account.pk in sums else 0, account.currency),
        )
        for account in accounts
    ]


def lines(account: BankAccount, wanted: Mapping[str, str]) -> QuerySet[BankLine]:
    """The lines in the books that fit a filter, newest first; what cannot be read of it narrows to nothing."""
    found = BankLine.objects.filter(bank_account=account, withdrawn_at=None).select_related("bank_account")
    if wanted.get("state") != "all":
        found = found.exclude(unexplained_minor=0)
    for name, field in (("first", "booked_on__gte"), ("last", "booked_on__lte")):
        if wanted.get(name):
            day = _day(wanted[name])
            found = found.filter(**{field: day}) if day else found.none()
    if wanted.get("amount"):
        found = _of_amount(found, account, wanted["amount"])
    if words := blind_words(wanted.get("q", "")):
        found = found.filter(words__contains=words)
    return found.order_by("-booked_on", "-pk")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _of_amount(found: QuerySet[BankLine], account: BankAccount, text: str) -> QuerySet[BankLine]:
    """Money in or out, unless a sign says which."""
    text = text.strip().replace("\u2212", "-")
    try:
        minor = parse_typed(text.lstrip("+-"), account.currency).minor
    except AmountError:
        return found.none()
    signs = {"-": [-minor], "+": [minor]}.get(text[:1], [minor, -minor])
    return found.filter(amount_minor__in=signs)


def statement_lines(statement: Statement) -> QuerySet[Any]:
    """The lines that a statement holds, in the order of their days; withdrawn ones too."""
    return BankLine.objects.filter(statements=statement).select_related("bank_account").order_by("booked_on", "pk")
