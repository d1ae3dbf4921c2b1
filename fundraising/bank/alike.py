"""Lines that were taken for known ones and may be lines of their own: who asks, and what follows from the answer.

Two files that cut a day, tell no balances and hold lines that look the same: nothing in them says whether these are the
same lines. They are booked once; a person who has looked at the bank says whether there are more.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils import timezone

from .. import trail
from ..models import Alike, AlikeState, BankAccount, BankLine, LegalEntity, Match, Statement
from .formats import ReadLine
from .statements import LinesMatched, book_lines, withdraw_lines


class DecidedBefore(Exception):
    """Somebody has decided it already, or there is nothing to decide any more."""


def undecided(entity: LegalEntity) -> QuerySet[Alike]:
    """What nobody has decided and no file decides, also what is likely the same. Oldest first."""
    standing = Statement.objects.filter(rolled_back_at=None)
    holds = BankLine.statements.through.objects.filter(
        bankline=OuterRef("line"), statement__rolled_back_at=None
    ).exclude(statement=OuterRef("statement"))
    whole = standing.filter(
        bank_account=OuterRef("statement__bank_account"),
        in_order=True,
        first_on__lt=OuterRef("line__booked_on"),
        last_on__gt=OuterRef("line__booked_on"),
    )
    found = Alike.objects.filter(
        statement__bank_account__entity=entity, state=AlikeState.OPEN, statement__in=standing, line__withdrawn_at=None
    )
    return (
        found.filter(Exists(holds), ~Exists(whole))
        .select_related("statement__bank_account", "line__bank_account")
        .defer("statement__sealed_bytes")
        .order_by("line__booked_on", "pk")
    )


@transaction.atomic
def book_as_own(alike: Alike, *, count: int, by: User) -> list[BankLine]:
    """They are lines of their own: book so many more, held by the statement that brought them.

    Raises DecidedBefore, and ValueError for fewer than one or more than there may be.
    """
    account, standing = _locked(alike)
    if not 1 <= count <= standing.count:
        raise ValueError(count)
    known = standing.line
    told = ReadLine(
        booked_on=known.booked_on,
        value_on=known.value_on,
        amount_minor=known.amount_minor,
        name=known.name,
        iban=known.iban,
        reference=known.reference,
        bank_reference=known.bank_reference,
    )
    # The known ones were the other statement's: this one holds as many lines as before.
    _let_go(standing, count)
    rows = book_lines(account, standing.statement, [(told, known.content)] * count, after=_highest(known))
    standing.booked = [row.pk for row in rows]
    _decide(standing, AlikeState.OWN, by)
    _record("lines_told_apart", standing, account, by, after={"booked": len(rows)})
    return rows


@transaction.atomic
def say_same(alike: Alike, *, by: User) -> None:
    """They are the same lines: nothing is booked. Raises DecidedBefore."""
    account, standing = _locked(alike)
    _decide(standing, AlikeState.SAME, by)
    _record("lines_told_same", standing, account, by, after={"count": standing.count})


@transaction.atomic
def decide_again(alike: Alike, *, by: User, reason: str) -> None:
    """Take the decision back; lines that were booked by it are withdrawn.

    Raises DecidedBefore where there is none, and LinesMatched while any of these lines is matched.
    """
    account = BankAccount.objects.select_for_update().get(pk=alike.line.bank_account_id)
    standing = Alike.objects.select_for_update(of=("self",)).select_related("statement", "line").get(pk=alike.pk)
    if standing.state == AlikeState.OPEN:
        raise DecidedBefore
    lines = list(BankLine.objects.select_for_update().filter(pk__in=standing.booked, withdrawn_at=None).order_by("pk"))
    if matched := sorted(set(Match.objects.filter(line__in=lines, undone_at=None).values_list("line_id", flat=True))):
        raise LinesMatched(matched)
    withdraw_lines(account, lines)
    _take_up(standing, len(lines))
    before = standing.state
    standing.booked = []
    _decide(standing, AlikeState.OPEN, None)
    trail.record(
        "lines_decision_undone",
        by=by,
        about=f"alike:{standing.uuid}",
        entity=account.entity,
        before={"state": before, "lines": len(lines)},
        reason=reason,
    )


def _locked(alike: Alike) -> tuple[BankAccount, Alike]:
    """As an import locks: the account first."""
    account = BankAccount.objects.select_for_update().get(pk=alike.line.bank_account_id)
    found = undecided(account.entity).select_for_update(of=("self",)).filter(pk=alike.pk).first()
    if found is None:
        raise DecidedBefore
    return account, found


def _alike_lines(alike: Alike) -> QuerySet[BankLine]:
    line = alike.line
    return BankLine.objects.filter(bank_account=line.bank_account_id, content=line.content, withdrawn_at=None)


def _highest(line: BankLine) -> int:
    """Above it no line of this content has ever been: one that was withdrawn by a change of mind stays so."""
    rows = BankLine.objects.filter(bank_account=line.bank_account_id, content=line.content)
    return rows.aggregate(highest=Max("occurrence"))["highest"] or 0


def _let_go(alike: Alike, count: int) -> None:
    """Of the lines that the statement shares with others, so many are not its own."""
    through = BankLine.statements.through
    others = through.objects.filter(statement__rolled_back_at=None).exclude(statement=alike.statement)
    shared = _alike_lines(alike).filter(statements=alike.statement, pk__in=others.values("bankline_id"))
    rows = list(shared.order_by("pk").values_list("pk", flat=True)[:count])
    if len(rows) < count:
        raise DecidedBefore
    through.objects.filter(statement=alike.statement, bankline__in=rows).delete()


def _take_up(alike: Alike, count: int) -> None:
    through = BankLine.statements.through
    free = _alike_lines(alike).exclude(statements=alike.statement).order_by("pk")[:count]
    through.objects.bulk_create([through(bankline_id=row.pk, statement_id=alike.statement_id) for row in free])


def _decide(alike: Alike, state: AlikeState, by: User | None) -> None:
    alike.state, alike.by, alike.at = state, by, timezone.now() if by else None
    alike.save(update_fields=["state", "by", "at", "booked"])


def _record(verb: str, alike: Alike, account: BankAccount, by: User, after: dict[str, int]) -> None:
    trail.record(
        verb,
        by=by,
        about=f"alike:{alike.uuid}",
        entity=account.entity,
        after={"line": alike.line_id, "statement": str(alike.statement.uuid), **after},
    )
