"""The policy on administrative costs: stated before donors give, raised by two people only (ADR 233)."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from .. import trail
from ..models import Appeal, OverheadPolicy, PolicyState
from . import stages
from .steps import SpendingRefused

MOST_BASIS_POINTS = 3000


def newest_stated(appeals: QuerySet[OverheadPolicy]) -> QuerySet[OverheadPolicy]:
    """Of some policies those that were stated, the one that stands first."""
    return appeals.filter(state=PolicyState.STATED).order_by(F("stated_at").desc(), "-pk")


def standing_policy(appeal: Appeal) -> OverheadPolicy | None:
    """What donors are told now; None where nothing was ever stated, so that nothing may be charged."""
    return newest_stated(appeal.overhead_policies.all()).first()


def waiting_policy(appeal: Appeal) -> OverheadPolicy | None:
    """The rise that waits for a second person."""
    return appeal.overhead_policies.filter(state=PolicyState.WAITING).select_related("by").first()


@transaction.atomic
def state_overhead_policy(appeal: Appeal, basis_points: int, *, reason: str, by: User) -> OverheadPolicy:
    """Say what share of donations from now on goes to administrative costs; earlier ones keep theirs.

    A share higher than what stands, or the first one, waits for a second person. Raises SpendingRefused: `no_reason`,
    `policy` beyond what is sane, `policy_waits` while another one waits.
    """
    if not reason.strip():
        raise SpendingRefused("no_reason")
    if not 0 <= basis_points <= MOST_BASIS_POINTS:
        raise SpendingRefused("policy")
    stages.lock([appeal.fund_id])
    if waiting_policy(appeal):
        raise SpendingRefused("policy_waits")
    before = standing_policy(appeal)
    rises = basis_points > (before.basis_points if before else 0)
    policy = OverheadPolicy.objects.create(
        appeal=appeal,
        basis_points=basis_points,
        reason=reason.strip()[:300],
        by=by,
        needs_second=rises,
        state=PolicyState.WAITING if rises else PolicyState.STATED,
        stated_at=None if rises else timezone.now(),
    )
    _record("overhead_policy_drafted" if rises else "overhead_policy_stated", policy, by=by)
    return policy


def approve_policy(policy: OverheadPolicy, *, by: User) -> OverheadPolicy:
    """State a share that somebody else wrote. Raises SpendingRefused: `decided`, `own_step`."""
    return _decide(policy, PolicyState.STATED, by=by)


def reject_policy(policy: OverheadPolicy, *, by: User) -> OverheadPolicy:
    """Refuse a share that somebody else wrote. Raises SpendingRefused: `decided`, `own_step`."""
    return _decide(policy, PolicyState.REJECTED, by=by)


@transaction.atomic
def _decide(policy: OverheadPolicy, state: PolicyState, *, by: User) -> OverheadPolicy:
    rows = OverheadPolicy.objects.select_for_update(of=("self",)).select_related("appeal__campaign__entity")
    locked = rows.get(pk=policy.pk)
    if locked.state != PolicyState.WAITING:
        raise SpendingRefused("decided")
    if locked.by_id == by.pk:
        raise SpendingRefused("own_step")
    locked.state, locked.decided_by, locked.decided_at = state, by, timezone.now()
    locked.stated_at = locked.decided_at if state == PolicyState.STATED else None
    locked.save(update_fields=["state", "decided_by", "decided_at", "stated_at"])
    _record("overhead_policy_stated" if locked.stated_at else "overhead_policy_rejected", locked, by=by)
    return locked


def _record(verb: str, policy: OverheadPolicy, *, by: User) -> None:
    trail.record(
        verb,
        by=by,
        about=f"appeal:{policy.appeal.slug}",
        entity=policy.appeal.campaign.entity,
        after={"basis_points": policy.basis_points, "state": str(policy.state)},
        reason=policy.reason,
    )
