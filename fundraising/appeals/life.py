"""The verbs of an appeal's life. Each is one database transaction, records itself and raises AppealRefused.

A trigger knows too which state follows on which, that nothing is published without a goal or a wording, and that
nothing is archived with money (`rules_of_appeals`). Lock order: funds, appeal, then what each verb writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from .. import trail
from ..models import Appeal, AppealState, SpendingStep, StepKind
from ..money import Money
from ..spending import stages, surplus
from ..spending.steps import Draft, SpendingRefused, take
from .obstacles import BEFORE, Act, Obstacle, in_the_way, unrestricted


class AppealRefused(Exception):
    """It cannot be done now; nothing was written. `obstacles` say why."""

    def __init__(self, *obstacles: Obstacle) -> None:
        super().__init__(", ".join(obstacle.code for obstacle in obstacles))
        self.obstacles = obstacles


@contextmanager
def locked(appeal: Appeal) -> Iterator[Appeal]:
    """The appeal in a database transaction of its own, its funds and itself locked."""
    with transaction.atomic():
        general = unrestricted(appeal)
        stages.lock([appeal.fund_id, appeal.late_fund_id, general.pk if general else None])
        rows = Appeal.objects.select_for_update(of=("self",))
        yield rows.select_related("fund__entity", "late_fund", "campaign").get(pk=appeal.pk)


def publish(appeal: Appeal, *, by: User) -> Appeal:
    """Open a draft to donors: it has a page, and a wording, currencies, a round and a goal for it."""
    with locked(appeal) as found:
        _refuse(found, Act.PUBLISH)
        return move(found, AppealState.OPEN, "appeal_opened", by=by)


def begin_closing(appeal: Appeal, *, by: User, reason: str) -> Appeal:
    """Take no new monthly giving from now on; single donations go on."""
    with locked(appeal) as found:
        _refuse(found, Act.BEGIN_CLOSING)
        return move(found, AppealState.CLOSING, "appeal_closing", by=by, reason=_reason(reason))


def close(appeal: Appeal, *, by: User, reason: str) -> Appeal:
    """Take nothing any more. What comes late goes to the fund of the secondary purpose, also what mandates bring."""
    with locked(appeal) as found:
        _refuse(found, Act.CLOSE)
        return move(found, AppealState.CLOSED, "appeal_closed", by=by, reason=_reason(reason))


def resolve_surplus(appeal: Appeal, *, by: User, on: date, text: str) -> list[SpendingStep]:
    """Pass on all that is left, a step for each currency, which somebody else approves; the last one resolves it.

    What is left goes to the fund of the secondary purpose; what is missing comes from the unrestricted fund. Where
    nothing is left, the appeal is resolved at once. Raises AppealRefused, or SpendingRefused (`fund_short`).
    """
    with locked(appeal) as found:
        _refuse(found, Act.RESOLVE)
        rest = [left.amount for left in surplus.left_of(found.fund) if left.what == "available"]
        if not rest:
            surplus.follow(found.fund, by=by)
            return []
        return [take(_passing_on(found, amount.minor, amount.currency, by, on, _reason(text))) for amount in rest]


def _passing_on(appeal: Appeal, minor: int, currency: str, by: User, on: date, text: str) -> Draft:
    kind, other = StepKind.SURPLUS, appeal.late_fund
    if minor < 0:
        general = unrestricted(appeal)
        if general is None:
            raise SpendingRefused("no_general_fund")
        kind, other = StepKind.DEFICIT, general
    return Draft(
        kind=kind, fund=appeal.fund, other_fund=other, amount=Money(abs(minor), currency), by=by, on=on, text=text
    )


def archive(appeal: Appeal, *, by: User) -> Appeal:
    """Put it away: everything is nil. Its page stays readable."""
    with locked(appeal) as found:
        _refuse(found, Act.ARCHIVE)
        return move(found, AppealState.ARCHIVED, "appeal_archived", by=by)


def step_back(appeal: Appeal, *, by: User, reason: str) -> Appeal:
    """Back to the state before, where nothing was done meanwhile that would have been otherwise."""
    with locked(appeal) as found:
        _refuse(found, Act.STEP_BACK)
        before = BEFORE[AppealState(found.state)]
        return move(found, before, "appeal_stepped_back", by=by, reason=_reason(reason))


def move(appeal: Appeal, state: AppealState, verb: str, *, by: User, reason: str = "") -> Appeal:
    """Write the state of a locked appeal, and who moved it."""
    before, appeal.state, appeal.state_at = appeal.state, state, timezone.now()
    appeal.save(update_fields=["state", "state_at"])
    trail.record(
        verb,
        by=by,
        about=about(appeal),
        entity=appeal.fund.entity,
        before={"state": before},
        after={"state": state},
        reason=reason,
    )
    return appeal


def about(appeal: Appeal) -> str:
    """What the trail calls an appeal."""
    return f"appeal:{appeal.slug}"


def _refuse(appeal: Appeal, act: Act) -> None:
    if obstacles := in_the_way(appeal, act):
        raise AppealRefused(*obstacles)


def _reason(text: str) -> str:
    if not text.strip():
        raise AppealRefused(Obstacle("no_reason"))
    return text.strip()[:300]
