"""What stands in the way of a verb on an appeal: the verb refuses by it, and the desk's page shows it beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.db.models import Q, Sum

from ..models import (
    OF_SURPLUS,
    AfterClose,
    Appeal,
    AppealState,
    AppealWording,
    Donation,
    DonationPage,
    Fund,
    Goal,
    Mandate,
    MandateEnd,
    MandateState,
    Match,
    MatchKind,
    NoticeKind,
    Round,
    SpendingStep,
    StepKind,
    StepState,
)
from ..money import Money
from ..spending import surplus


class Act(StrEnum):
    """What can be done with an appeal as a whole."""

    PUBLISH = "publish"
    BEGIN_CLOSING = "begin-closing"
    CLOSE = "close"
    RESOLVE = "resolve"
    ARCHIVE = "archive"
    STEP_BACK = "step-back"


@dataclass(frozen=True)
class Obstacle:
    """One thing in the way. `code` says what, in which language or of which amount if that matters."""

    code: str
    locale: str = ""
    amount: Money | None = None


# From which states each is possible.
FROM: Final[dict[Act, frozenset[AppealState]]] = {
    Act.PUBLISH: frozenset({AppealState.DRAFT}),
    Act.BEGIN_CLOSING: frozenset({AppealState.OPEN}),
    Act.CLOSE: frozenset({AppealState.OPEN, AppealState.CLOSING}),
    Act.RESOLVE: frozenset({AppealState.CLOSED, AppealState.RESOLVED}),
    Act.ARCHIVE: frozenset({AppealState.RESOLVED}),
    Act.STEP_BACK: frozenset(AppealState) - {AppealState.DRAFT},
}
# The state before each, where the way back leads.
BEFORE: Final = {
    AppealState.OPEN: AppealState.DRAFT,
    AppealState.CLOSING: AppealState.OPEN,
    AppealState.CLOSED: AppealState.CLOSING,
    AppealState.RESOLVED: AppealState.CLOSED,
    AppealState.ARCHIVED: AppealState.RESOLVED,
}


def in_the_way(appeal: Appeal, act: Act) -> list[Obstacle]:
    """All that stands in the way now; none, and it can be done."""
    if appeal.state not in FROM[act]:
        return [Obstacle("state")]
    return list(_OF[act](appeal))


def _publish(appeal: Appeal) -> Iterator[Obstacle]:
    pages = DonationPage.objects.filter(appeal=appeal, published=True)
    told = {page.locale: page for page in pages.prefetch_related("currencies").order_by("locale")}
    if not told:
        yield Obstacle("no_page")
    worded = set(AppealWording.objects.filter(appeal=appeal).values_list("locale", flat=True))
    for locale, page in told.items():
        if locale not in worded:
            yield Obstacle("no_wording", locale)
        if not page.currencies.all():
            yield Obstacle("no_currency", locale)
    newest = Round.objects.filter(appeal=appeal).order_by("-number").first()
    if newest is None:
        yield Obstacle("no_round")
    elif not Goal.objects.filter(round__appeal=appeal).exists():
        yield Obstacle("no_goal")
    elif not (newest.is_open() or newest.is_planned()):
        yield Obstacle("round_over")
    yield from _late_fund(appeal)


def _late_fund(appeal: Appeal) -> Iterator[Obstacle]:
    """Money must not go where all that is left was passed on already."""
    if surplus.is_resolved(appeal.late_fund):
        yield Obstacle("late_fund_over")


def _nothing(_appeal: Appeal) -> Iterator[Obstacle]:
    return iter(())


def _resolve(appeal: Appeal) -> Iterator[Obstacle]:
    for left in surplus.still_open(appeal.fund):
        yield Obstacle(left.what, amount=left.amount)
    yield from waiting(appeal)
    rest = [left.amount for left in surplus.left_of(appeal.fund) if left.what == "available"]
    if not rest and appeal.state == AppealState.RESOLVED:
        yield Obstacle("nothing_left")
    if any(amount.minor < 0 for amount in rest) and unrestricted(appeal) is None:
        yield Obstacle("no_general_fund")


def waiting(appeal: Appeal) -> Iterator[Obstacle]:
    """Steps that wait for a second person: those of what is left by another name than all others."""
    found = SpendingStep.objects.filter(Q(fund=appeal.fund_id) | Q(other_fund=appeal.fund_id), state=StepState.WAITING)
    own = found.filter(fund=appeal.fund_id, kind__in=OF_SURPLUS)
    if own.exists():
        yield Obstacle("surplus_waits")
    if found.exclude(pk__in=own).exists():
        yield Obstacle("steps_wait")


def unrestricted(appeal: Appeal) -> Fund | None:
    """The fund that bears a deficit."""
    rows = Fund.objects.filter(entity=appeal.fund.entity_id, restricted=False).exclude(pk=appeal.fund_id)
    return rows.first()


def _archive(appeal: Appeal) -> Iterator[Obstacle]:
    for left in surplus.left_of(appeal.fund):
        yield Obstacle(left.what, amount=left.amount)
    yield from waiting(appeal)
    alive = [MandateState.ACTIVE, MandateState.PAUSED, MandateState.FAILING]
    if Mandate.objects.filter(round__appeal=appeal, state__in=alive, wording__after_close=AfterClose.ENDS).exists():
        yield Obstacle("mandates")
    if _orders_open(appeal):
        yield Obstacle("orders")


def _orders_open(appeal: Appeal) -> bool:
    """Whether something that the fund ordered from a bank, or awaits there, is on no statement yet."""
    kinds = [StepKind.DISBURSEMENT, StepKind.RETURN]
    steps = SpendingStep.objects.filter(fund=appeal.fund_id, kind__in=kinds, state=StepState.BOOKED)
    rows = steps.values_list("uuid", "kind", "amount_minor", "other_minor")
    ordered = {
        str(uuid): -minor if kind == StepKind.DISBURSEMENT else other or minor for uuid, kind, minor, other in rows
    }
    matched = Match.objects.filter(kind=MatchKind.STEP, undone_at=None, key__in=ordered)
    came = dict(matched.values_list("key").annotate(Sum("amount_minor")))
    return any(came.get(key, 0) != minor for key, minor in ordered.items())


def _step_back(appeal: Appeal) -> Iterator[Obstacle]:
    donations = Donation.objects.filter(round__appeal=appeal)
    match appeal.state:
        case AppealState.OPEN:
            if donations.exists():
                yield Obstacle("given")
        case AppealState.CLOSING:
            if donations.filter(opened_at__gte=appeal.state_at).exists():
                yield Obstacle("given_since")
        case AppealState.CLOSED:
            yield from _back_from_closed(appeal)
        case AppealState.RESOLVED:
            if SpendingStep.objects.filter(fund=appeal.fund_id, kind__in=OF_SURPLUS, state=StepState.BOOKED).exists():
                yield Obstacle("surplus_passed")


def _back_from_closed(appeal: Appeal) -> Iterator[Obstacle]:
    if Donation.objects.filter(round__appeal=appeal, fund=appeal.late_fund_id).exists():
        yield Obstacle("late_money")
    mandates = Mandate.objects.filter(round__appeal=appeal)
    if mandates.filter(end_reason=MandateEnd.APPEAL_CLOSED).exists():
        yield Obstacle("mandates_ended")
    if mandates.filter(notices__kind=NoticeKind.MANDATE_REDIRECTED).exists():
        yield Obstacle("mandates_told")
    yield from waiting(appeal)


_OF: Final[dict[Act, Callable[[Appeal], Iterator[Obstacle]]]] = {
    Act.PUBLISH: _publish,
    Act.BEGIN_CLOSING: _nothing,
    Act.CLOSE: _late_fund,
    Act.RESOLVE: _resolve,
    Act.ARCHIVE: _archive,
    Act.STEP_BACK: _step_back,
}
