"""Closing the books up to a day, and opening them again. The verbs; a trigger (`rules_of_the_ledger`) does the routing.

Soft: facts of a closed day count on the first open day, and only a finance approver still writes by hand. Hard:
nothing is booked there at all. Every change is a row of its own, so that the trace stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .. import trail
from ..models import Break, BreakState, Close, JournalEntry, JournalState, LegalEntity, Purpose
from . import balances

BOOKS_LOCK = 711206  # that of `rules_of_the_ledger`: writers of entries share it, whoever closes takes it alone


class PeriodRefused(Exception):
    """The books cannot be closed or opened so; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class StillOpen(PeriodRefused):
    """Things of the period are open, and no reason was given why it is closed in spite of them."""

    def __init__(self, standing: Sequence[Check]) -> None:
        super().__init__("open")
        self.standing = standing


@dataclass(frozen=True)
class Check:
    """Something to look at before a close, and how many of them are open. `place` names the page that lists them."""

    name: str
    label: str | Promise
    count: int
    place: str


def standing_close(entity: LegalEntity) -> Close | None:
    """The close that counts now; None while nothing was ever closed."""
    return Close.objects.filter(entity=entity).order_by("-pk").first()


def closed_until(entity: LegalEntity) -> tuple[date | None, date | None]:
    """The last day that is closed softly, and the last one that is closed for good."""
    close = standing_close(entity)
    return (close.soft_until, close.hard_until) if close else (None, None)


def checklist(entity: LegalEntity, until: date) -> list[Check]:
    """What is open in the books up to a day. Three queries, whatever the volume."""
    held: dict[Purpose, set[tuple[str, str]]] = {}
    for balance in balances(entity.pk, until):
        key = (balance.provider, balance.currency)
        if balance.minor and balance.purpose in {Purpose.PAYOUTS, Purpose.SUSPENSE}:
            held.setdefault(balance.purpose, set()).add(key)
    suspense = held.get(Purpose.SUSPENSE, set())
    breaks = Break.objects.filter(
        entity=entity, state__in=[BreakState.OPEN, BreakState.PROPOSED], occurred_on__lte=until
    )
    waiting = JournalEntry.objects.filter(entity=entity, state=JournalState.WAITING, accounted_on__lte=until)
    return [
        Check("breaks", _("Open breaks"), breaks.count(), "desk-breaks"),
        Check(
            "payouts",
            _("Payouts not found in the bank (accounts with a balance)"),
            len(held.get(Purpose.PAYOUTS, ())),
            "desk-payouts",
        ),
        Check(
            "bank",
            _("Bank accounts with lines that nothing explains"),
            sum(bool(provider) for provider, _currency in suspense),
            "desk-bank",
        ),
        Check(
            "suspense",
            _("Currencies with money that matches nothing"),
            sum(not provider for provider, _currency in suspense),
            "desk-suspense",
        ),
        Check("journal", _("Manual entries that wait for approval"), waiting.count(), "desk-drafts"),
    ]


def keep_open(entity: LegalEntity) -> None:
    """Let nobody close the books until this database transaction ends, as everyone who books does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [BOOKS_LOCK, entity.pk])


def _alone(entity: LegalEntity) -> Close | None:
    """The close that counts, once every entry that is being written has ended; the next ones wait for us."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [BOOKS_LOCK, entity.pk])
    return standing_close(entity)


def _refuse_day(until: date) -> None:
    if until >= datetime.now(UTC).date():
        raise PeriodRefused("future")


def _refuse_silence(reason: str) -> None:
    if not reason.strip():
        raise PeriodRefused("reason")


@transaction.atomic
def close_soft(entity: LegalEntity, *, until: date, by: User, reason: str) -> Close:
    """Close the books up to a day (inclusive); later facts of those days count on the day after. PeriodRefused."""
    _refuse_silence(reason)
    _refuse_day(until)
    standing = _alone(entity)
    if standing and standing.soft_until and until <= standing.soft_until:
        raise PeriodRefused("closed")
    hard = standing.hard_until if standing else None
    return _write(entity, "books_closed", before=standing, soft=until, hard=hard, by=by, reason=reason)


@transaction.atomic
def close_hard(entity: LegalEntity, *, until: date, by: User, reason: str, despite: str = "") -> Close:
    """Close the books for good up to a day (inclusive); raises PeriodRefused.

    While something of the period is open it raises StillOpen, unless `despite` says why it may stay so.
    """
    _refuse_silence(reason)
    _refuse_day(until)
    standing = _alone(entity)
    if standing and standing.hard_until and until <= standing.hard_until:
        raise PeriodRefused("closed")
    still = [check for check in checklist(entity, until) if check.count]
    if still and not despite.strip():
        raise StillOpen(still)
    if still:
        told = ", ".join(f"{check.name} {check.count}" for check in still)
        reason = f"{reason.strip()} (open: {told}; {despite.strip()})"
    soft = max(until, standing.soft_until) if standing and standing.soft_until else until
    return _write(entity, "books_closed_for_good", before=standing, soft=soft, hard=until, by=by, reason=reason)


@transaction.atomic
def reopen(entity: LegalEntity, *, first: date, by: User, reason: str) -> Close:
    """Open the books again from a day on; raises PeriodRefused.

    What was closed for good is opened by somebody else than whoever closed it.
    """
    _refuse_silence(reason)
    standing = _alone(entity)
    if standing is None or standing.soft_until is None or first > standing.soft_until:
        raise PeriodRefused("not closed")
    if by.pk in _closers(entity, first):
        raise PeriodRefused("same person")
    last = first - timedelta(days=1)
    hard = standing.hard_until
    if hard and hard >= first:
        hard = last
    return _write(entity, "books_reopened", before=standing, soft=last, hard=hard, by=by, reason=reason)


def _closers(entity: LegalEntity, first: date) -> set[int]:
    """Who closed days from this one on for good, as far as those closes still stand."""
    closers: list[tuple[date, int]] = []
    before: date | None = None
    for row in Close.objects.filter(entity=entity).order_by("pk"):
        hard = row.hard_until
        closers = [(min(until, hard), by) for until, by in closers] if hard else []
        if hard and (before is None or hard > before):
            closers.append((hard, row.by_id))
        before = hard
    return {by for until, by in closers if until >= first}


def _write(
    entity: LegalEntity, verb: str, *, before: Close | None, soft: date | None, hard: date | None, by: User, reason: str
) -> Close:
    close = Close.objects.create(entity=entity, soft_until=soft, hard_until=hard, reason=reason.strip(), by=by)
    trail.record(
        verb,
        by=by,
        about=f"close:{close.pk}",
        entity=entity,
        before={"soft": before.soft_until, "hard": before.hard_until} if before else {},
        after={"soft": soft, "hard": hard},
        reason=reason.strip(),
    )
    return close
