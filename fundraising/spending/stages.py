"""What stands where: what a fund can still promise, what a stage of the money holds, what is left of a step."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.models import Sum

from .. import ledger
from ..ledger import Bucket
from ..models import Fund, Match, MatchKind, Purpose, SpendingStep, StepKind, StepState
from ..money import Money

# Kept per category of the budget, which is the provider of the ledger's account.
OF_CATEGORY = frozenset({Purpose.ALLOCATED, Purpose.COMMITTED, Purpose.UNDERWAY, Purpose.HELD, Purpose.SPENT})


def lock(fund_ids: Iterable[int | None]) -> None:
    """Lock funds in the order of their ids, until the database transaction ends. Donations to them go on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM fundraising_fund WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [sorted({fund_id for fund_id in fund_ids if fund_id})],
        )


def available(fund_id: int, currency: str) -> Money:
    """What the fund can still promise at this moment; below zero, it is short."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT fund_available(%s, %s)", [fund_id, currency])
        return Money(cursor.fetchone()[0], currency)


def bucket(fund: Fund, purpose: Purpose, currency: str, category: str = "") -> Bucket:
    """The account of a stage of the fund's money."""
    return Bucket(fund.entity_id, purpose, currency, fund.pk, provider=category if purpose in OF_CATEGORY else "")


def held(fund: Fund, purpose: Purpose, currency: str, category: str = "") -> Money:
    """What a stage holds at this moment."""
    return ledger.balance(bucket(fund, purpose, currency, category))


def carries(step: SpendingStep) -> Money:
    """What can rest on a step at most: of an arrival what came, else what moved."""
    return (step.arrived or step.amount) if step.kind == StepKind.ARRIVAL else step.amount


def left(step: SpendingStep) -> Money:
    """What is left of a booked step once those that rest on it are taken off."""
    if step.state != StepState.BOOKED:
        return Money(0, carries(step).currency)
    used = step.followers.filter(state=StepState.BOOKED).exclude(kind=StepKind.REVERSAL)
    whole = carries(step)
    return whole - Money(used.aggregate(sum=Sum("amount_minor"))["sum"] or 0, whole.currency)


def ordered(step: SpendingStep) -> int:
    """What a step orders from its bank account (negative) or awaits there, in minor units; 0 of all other kinds."""
    if step.kind == StepKind.DISBURSEMENT:
        return -step.amount_minor
    return step.other_minor or step.amount_minor if step.kind == StepKind.RETURN else 0


def in_bank(step: SpendingStep) -> int:
    """How much of that is matched with lines of the bank, with its sign."""
    standing = Match.objects.filter(kind=MatchKind.STEP, key=str(step.uuid), undone_at=None)
    return standing.aggregate(sum=Sum("amount_minor"))["sum"] or 0
