"""What is wrong with bank accounts: lines that nothing explains, lines that came twice, gaps, balances that differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Final

from django.db.models import Sum
from django.utils import timezone

from .. import ledger
from ..breaks import Finding, note_findings
from ..models import BankAccount, BankLine, Break, BreakState, Cause, Donation, LegalEntity, MatchKind, Statement
from ..money import Money
from ..offline.references import references_in
from .alike import undecided
from .statements import bucket_of

# Bank lines get explained within days; before that they are work, not a break.
WAITS: Final = timedelta(days=3)
MOST_FINDINGS: Final = 2_000  # of a kind; the oldest are told of first
# What is found here alone, and what others find too, each among the subjects that begin so.
OWN: Final = (Cause.BANK_LINE_UNKNOWN, Cause.STATEMENT_GAP, Cause.LINES_ALIKE)
SHARED: Final = {Cause.BANK_LINE_DOUBLED: "donation:", Cause.BALANCE_DIFFERS: "bank:"}


def check_bank_accounts() -> None:
    """Bring the breaks of every legal entity's bank accounts to what is found now."""
    for entity in LegalEntity.objects.filter(bank_accounts__isnull=False).distinct():
        note(entity)


def note(entity: LegalEntity) -> None:
    """Bring the breaks of the legal entity's bank accounts to what is found now."""
    found = [finding for account in entity.bank_accounts.all() for finding in findings(account)]
    found += alike_lines(entity)
    note_findings(entity.pk, OWN, [finding for finding in found if finding.cause in OWN])
    for cause, among in SHARED.items():
        note_findings(entity.pk, [cause], [finding for finding in found if finding.cause == cause], among=among)


def findings(account: BankAccount) -> Iterator[Finding]:
    """All that is wrong with a bank account now."""
    doubled = list(doubled_donations(account))
    yield from doubled
    yield from unknown_lines(account, {finding.facts["bank_line"] for finding in doubled} | _doubled_elsewhere(account))
    yield from gaps(account)
    yield from other_balance(account)


def unknown_lines(account: BankAccount, told: set[int]) -> Iterator[Finding]:
    """Lines that nothing has explained for days; those in `told` have a finding that says more."""
    old = timezone.localdate() - WAITS
    lines = BankLine.objects.filter(bank_account=account, booked_on__lte=old).exclude(unexplained_minor=0)
    for line in lines.exclude(pk__in=told).order_by("booked_on", "pk")[:MOST_FINDINGS]:
        yield Finding(
            Cause.BANK_LINE_UNKNOWN,
            subject=f"bank-line:{line.pk}",
            amount=Money(line.unexplained_minor, account.currency),
            occurred_on=line.booked_on,
            facts={"bank_line": line.pk, "in_bank": line.amount_minor, "unexplained": line.unexplained_minor},
        )


def _doubled_elsewhere(account: BankAccount) -> set[int]:
    """Lines that another detector says are a payout once more."""
    standing = Break.objects.filter(entity=account.entity_id, cause=Cause.BANK_LINE_DOUBLED)
    facts = standing.exclude(state=BreakState.GONE).values_list("facts__bank_line", flat=True)
    return {line for line in facts if line}


def doubled_donations(account: BankAccount) -> Iterator[Finding]:
    """Unexplained lines that quote the reference of a donation whose money is here already, in the same amount."""
    lines = BankLine.objects.filter(bank_account=account, unexplained_minor__gt=0).order_by("booked_on", "pk")
    quoted = {line: references_in(f"{line.reference} {line.name}") for line in lines[:MOST_FINDINGS]}
    references = {reference for found in quoted.values() for reference in found}
    received = {
        donation.transfer_reference: donation
        for donation in Donation.objects.filter(
            entity=account.entity_id,
            transfer_reference__in=references,
            bank_matches__kind=MatchKind.DONATION,
            bank_matches__undone_at=None,
        )
    }
    for line, found in quoted.items():
        donation = next((received[reference] for reference in found if reference in received), None)
        if donation and donation.amount_minor == line.unexplained_minor:
            yield Finding(
                Cause.BANK_LINE_DOUBLED,
                subject=f"donation:{donation.uuid}:{line.pk}",
                amount=Money(line.unexplained_minor, account.currency),
                occurred_on=line.booked_on,
                facts={"donation": str(donation.uuid), "bank_line": line.pk, "in_bank": line.amount_minor},
                donation_id=donation.pk,
            )


def standing_statements(account: BankAccount) -> list[Statement]:
    """The statements that count and tell balances, oldest first; the file's bytes are left in the database."""
    rows = Statement.objects.filter(
        bank_account=account, rolled_back_at=None, opening_minor__isnull=False, closing_minor__isnull=False
    )
    return list(rows.exclude(first_on=None).defer("sealed_bytes").order_by("first_on", "last_on", "pk"))


def alike_lines(entity: LegalEntity) -> Iterator[Finding]:
    """Lines that were taken for known ones and may be lines of their own, unless a whole stretch of them overlaps."""
    for one in undecided(entity).filter(is_likely=False)[:MOST_FINDINGS]:
        yield Finding(
            Cause.LINES_ALIKE,
            subject=f"alike:{one.uuid}",
            amount=Money(-one.count * one.line.amount_minor, one.line.bank_account.currency),
            occurred_on=one.line.booked_on,
            facts={"bank_line": one.line_id, "statement": str(one.statement.uuid), "alike": one.count},
        )


def gaps(account: BankAccount) -> Iterator[Finding]:
    """Statements that open with another balance than the one before them closed with."""
    before: Statement | None = None
    for statement in in_order(standing_statements(account)):
        if before is not None and _is_gap(before, statement):
            missing = (statement.opening_minor or 0) - (before.closing_minor or 0)
            yield Finding(
                Cause.STATEMENT_GAP,
                subject=f"statement:{statement.uuid}",
                amount=Money(-missing, account.currency),
                occurred_on=statement.first_on or timezone.localdate(),
                facts={
                    "statement": str(statement.uuid),
                    "after": str(before.uuid),
                    "closing": before.closing_minor,
                    "opening": statement.opening_minor,
                },
            )
        if before is None or (statement.last_on or date.min) >= (before.last_on or date.min):
            before = statement


def in_order(statements: Sequence[Statement]) -> list[Statement]:
    """By day, as they come; of one day's, each after the one whose closing balance it opens with."""
    ordered: list[Statement] = []
    for _day, of_day in groupby(statements, key=lambda found: found.first_on):
        waiting = list(of_day)
        while waiting:
            closings = {found.closing_minor for found in waiting if found.closing_minor != found.opening_minor}
            following = [found for found in waiting if ordered and found.opening_minor == ordered[-1].closing_minor]
            first = [found for found in waiting if found.opening_minor not in closings]
            chosen = (following or first or waiting)[0]
            waiting.remove(chosen)
            ordered.append(chosen)
    return ordered


def _is_gap(before: Statement, after: Statement) -> bool:
    """Statements that share days share what is between them: only their lines could tell."""
    if before.closing_minor == after.opening_minor or None in (before.last_on, after.first_on):
        return False
    if (after.first_on or date.min) < (before.last_on or date.min):
        return False
    return not BankLine.objects.filter(statements=before).filter(statements=after).exists()


def newest_closing(account: BankAccount) -> Statement | None:
    """The statement that tells what the bank says the account holds; None where no file told a balance."""
    rows = in_order(standing_statements(account))
    last_day = max((row.last_on for row in rows if row.last_on), default=None)
    return next((row for row in reversed(rows) if row.last_on == last_day), None)


def other_balance(account: BankAccount) -> Iterator[Finding]:
    """The ledger's balance against the newest closing balance; lines of later days came from files without one."""
    newest = newest_closing(account)
    if newest is None or newest.closing_minor is None or newest.last_on is None:
        return
    later = BankLine.objects.filter(bank_account=account, withdrawn_at=None, booked_on__gt=newest.last_on)
    at_bank = newest.closing_minor + (later.aggregate(sum=Sum("amount_minor"))["sum"] or 0)
    in_books = ledger.balance(bucket_of(account)).minor
    if in_books != at_bank:
        yield Finding(
            Cause.BALANCE_DIFFERS,
            subject=f"bank:{account.slug}",
            amount=Money(in_books - at_bank, account.currency),
            occurred_on=newest.last_on,
            facts={"at_bank": at_bank, "in_books": in_books, "statement": str(newest.uuid)},
        )
