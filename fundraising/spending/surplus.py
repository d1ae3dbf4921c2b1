"""What is left of a fund, and the state of its appeal that follows once it is passed on (ADR 236)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from .. import trail
from ..models import OF_SURPLUS, Appeal, AppealState, Fund, SpendingStep, StepKind
from ..money import Money

RESOLVED: Final = (AppealState.RESOLVED, AppealState.ARCHIVED)
# What can be passed on, and what is no money yet: it will come to the fund of the secondary purpose.
_NOT_OPEN: Final = frozenset({"available", "pending"})


@dataclass(frozen=True)
class Left:
    """Something of a fund that is not nil: by the account that holds it, `unsettled`, or `available`."""

    what: str
    amount: Money


def left_of(fund: Fund) -> list[Left]:
    """Everything of the fund that is not nil at this moment; below zero, the fund is short."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT what, currency, minor FROM fund_left(%s) ORDER BY currency, what", [fund.pk])
        return [Left(what, Money(minor, currency)) for what, currency, minor in cursor.fetchall()]


def still_open(fund: Fund) -> list[Left]:
    """What must come to an end before what is left can be passed on."""
    return [one for one in left_of(fund) if one.what not in _NOT_OPEN]


def is_of_surplus(step: SpendingStep) -> bool:
    """Whether the step passes on what is left, or takes that back."""
    return step.kind in OF_SURPLUS or bool(
        step.kind == StepKind.REVERSAL and step.rests_on and step.rests_on.kind in OF_SURPLUS
    )


def is_resolved(fund: Fund) -> bool:
    """Whether the fund's appeal has been resolved: nothing begins there any more."""
    return Appeal.objects.filter(fund=fund, state__in=RESOLVED).exists()


def follow(fund: Fund, *, by: User | None) -> None:
    """Bring the state of the fund's appeal to what is left: resolved with the last of it, closed if some is back."""
    appeal = Appeal.objects.select_for_update().get(fund=fund)
    left = any(one.what != "pending" for one in left_of(fund))
    if appeal.state == AppealState.CLOSED and not left:
        _move(appeal, AppealState.RESOLVED, "appeal_resolved", by)
    elif appeal.state == AppealState.RESOLVED and left:
        _move(appeal, AppealState.CLOSED, "appeal_stepped_back", by)


def _move(appeal: Appeal, state: AppealState, verb: str, by: User | None) -> None:
    before = appeal.state
    Appeal.objects.filter(pk=appeal.pk).update(state=state, state_at=timezone.now())
    trail.record(
        verb,
        by=by,
        about=f"appeal:{appeal.slug}",
        entity=appeal.fund.entity,
        before={"state": before},
        after={"state": state},
    )
