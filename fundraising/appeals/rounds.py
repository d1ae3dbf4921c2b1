"""Rounds and goals of an appeal: opened, closed and set by verbs; what was said stays (migration `rules_of_appeals`).

Each verb is one database transaction, records itself and raises AppealRefused. Goals are in minor units of the appeal's
currency.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone

from .. import trail
from ..models import Appeal, AppealState, DonationPage, Goal, Round, RoundText
from ..money import Money
from ..spending.surplus import RESOLVED
from .life import AppealRefused, about, locked, move
from .obstacles import Obstacle, waiting


@dataclass(frozen=True)
class RoundDraft:
    """A round as somebody wants it: why it asks, for us and in each language for visitors, its goal and its days."""

    reason: str
    goal: Money
    texts: Mapping[str, str] = field(default_factory=dict)
    opens_at: datetime | None = None  # now
    closes_at: datetime | None = None


def open_round(appeal: Appeal, draft: RoundDraft, *, by: User) -> Round:
    """Ask (again): a round with its goal. Closes the one before; an appeal that was closing or closed is open again.

    From the second round on visitors are told why, in the language of every published page.
    """
    with locked(appeal) as found:
        newest = found.rounds.order_by("-number").first()
        opens_at = draft.opens_at or timezone.now()
        if obstacles := list(_in_the_way(found, newest, draft, opens_at)):
            raise AppealRefused(*obstacles)
        if newest and (newest.closes_at is None or newest.closes_at > opens_at):
            Round.objects.filter(pk=newest.pk).update(closes_at=opens_at)
        row = Round.objects.create(
            appeal=found,
            number=newest.number + 1 if newest else 1,
            reason=draft.reason.strip()[:300],
            opens_at=opens_at,
            closes_at=draft.closes_at,
        )
        told = {locale: text.strip()[:300] for locale, text in draft.texts.items() if text.strip()}
        RoundText.objects.bulk_create(RoundText(round=row, locale=locale, reason=text) for locale, text in told.items())
        Goal.objects.create(round=row, amount_minor=draft.goal.minor, reason=row.reason)
        if found.state in {AppealState.CLOSING, AppealState.CLOSED}:
            move(found, AppealState.OPEN, "appeal_reopened", by=by, reason=row.reason)
        _record("round_opened", row, by=by, goal=draft.goal, reason=row.reason)
        return row


def obstacles_of_rounds(appeal: Appeal) -> Iterator[Obstacle]:
    """What stands in the way of any new round."""
    if appeal.state in RESOLVED:
        yield Obstacle("resolved")
    elif appeal.state == AppealState.CLOSED:
        yield from (found for found in waiting(appeal) if found.code == "surplus_waits")


def _in_the_way(appeal: Appeal, newest: Round | None, draft: RoundDraft, opens_at: datetime) -> Iterator[Obstacle]:
    yield from obstacles_of_rounds(appeal)
    if not draft.reason.strip():
        yield Obstacle("no_reason")
    yield from _goal_in_the_way(appeal, draft.goal)
    if draft.closes_at and draft.closes_at <= opens_at:
        yield Obstacle("closes_before")
    if newest and opens_at <= newest.opens_at:
        yield Obstacle("opens_before")
    if appeal.state in {AppealState.CLOSING, AppealState.CLOSED} and opens_at > timezone.now():
        yield Obstacle("opens_later")
    if newest:
        for locale in DonationPage.objects.filter(appeal=appeal, published=True).values_list("locale", flat=True):
            if not draft.texts.get(locale, "").strip():
                yield Obstacle("no_reason_in", locale)


def _goal_in_the_way(appeal: Appeal, goal: Money) -> Iterator[Obstacle]:
    if goal.minor <= 0 or goal.currency != appeal.currency:
        yield Obstacle("no_goal_amount")


def set_goal(round_: Round, goal: Money, *, reason: str, by: User) -> Goal:
    """Raise or lower the goal of a round; the goals before stay in its history."""
    with locked(round_.appeal) as found:
        before = round_.goals.first()
        obstacles = list(_goal_in_the_way(found, goal))
        if found.state in RESOLVED:
            obstacles.append(Obstacle("resolved"))
        if not reason.strip():
            obstacles.append(Obstacle("no_reason"))
        if before and before.amount_minor == goal.minor:
            obstacles.append(Obstacle("same_goal"))
        if obstacles:
            raise AppealRefused(*obstacles)
        row = Goal.objects.create(round=round_, amount_minor=goal.minor, reason=reason.strip()[:300])
        _record("goal_set", round_, by=by, goal=goal, before=before, reason=row.reason)
        return row


def close_round(round_: Round, *, by: User, reason: str) -> Round:
    """End a round now. Its appeal takes money again with the next round; what is paid until then goes where it went."""
    with locked(round_.appeal):
        row = Round.objects.select_for_update().select_related("appeal__fund__entity").get(pk=round_.pk)
        if not reason.strip():
            raise AppealRefused(Obstacle("no_reason"))
        if not row.is_open():
            raise AppealRefused(Obstacle("round_over"))
        row.closes_at = timezone.now()
        row.save(update_fields=["closes_at"])
        _record("round_closed", row, by=by, reason=reason.strip()[:300])
        return row


def _record(
    verb: str, row: Round, *, by: User, goal: Money | None = None, before: Goal | None = None, reason: str = ""
) -> None:
    amount = {"goal_minor": goal.minor, "currency": goal.currency} if goal else {}
    trail.record(
        verb,
        by=by,
        about=about(row.appeal),
        entity=row.appeal.fund.entity,
        before={"goal_minor": before.amount_minor} if before else {},
        after={"round": row.number, "closes_at": row.closes_at, **amount},
        reason=reason,
    )
