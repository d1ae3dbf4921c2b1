"""Writing, deciding about and undoing a step of the money, whatever kind it is. The verbs of each kind are beside this.

Lock order: funds (by id), step, ledger, trail. Whoever holds the fund looks at what is there and then books; the
database looks again when a step becomes booked (migration `rules_of_the_money_trail`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from .. import ledger, trail
from ..books.manual_entries import MOST_BYTES, TYPES, Attachment
from ..breaks.resolving import in_currency
from ..models import (
    BankAccount,
    BudgetLine,
    Fund,
    LegalEntity,
    Partner,
    SpendingStep,
    StepKind,
    StepState,
)
from ..money import Money
from ..vault import seal_bytes, unseal_bytes
from . import stages, surplus
from .legs import legs_of
from .refusing import SpendingRefused, refuse_too_much

ATTACHMENT: Final = "fundraising_spendingstep.sealed_attachment"
# What partners tell us is booked as told: the bank, and the reports that follow, show whether it is so.
TOLD: Final = frozenset({StepKind.ARRIVAL, StepKind.RETURN})
# What begins something, which nobody does with a fund that was resolved.
NEEDS_LIVING: Final = frozenset({StepKind.ALLOCATION, StepKind.COMMITMENT, StepKind.ADVANCE, StepKind.OVERHEAD})
# Several small steps of one person within a day count as one that is not small.
TOGETHER: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A step as somebody wants it."""

    kind: StepKind
    fund: Fund
    amount: Money
    by: User
    on: date
    text: str = ""
    line: BudgetLine | None = None
    partner: Partner | None = None
    other_fund: Fund | None = None
    rests_on: SpendingStep | None = None
    arrived: Money | None = None
    bank_account: BankAccount | None = None
    evidence: str = ""
    attachment: Attachment | None = None

    def step(self, entity: LegalEntity) -> SpendingStep:
        """Its row, not saved."""
        return SpendingStep(
            entity=entity,
            fund=self.fund,
            kind=self.kind,
            line=self.line,
            partner=self.partner,
            other_fund=self.other_fund,
            rests_on=self.rests_on,
            currency=self.amount.currency,
            amount_minor=self.amount.minor,
            other_currency=self.arrived.currency if self.arrived else "",
            other_minor=self.arrived.minor if self.arrived else None,
            bank_account=self.bank_account,
            accounted_on=self.on,
            text=self.text.strip(),
            evidence=self.evidence,
            attachment_name=self.attachment.name[-200:] if self.attachment else "",
            sealed_attachment=seal_bytes(self.attachment.data, ATTACHMENT) if self.attachment else None,
            by=self.by,
        )


@contextmanager
def _one_step() -> Iterator[None]:
    """One database transaction. What left the fund after we looked, the database has seen: that is a refusal too."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") != "step_within_its_funds":
            raise
        raise SpendingRefused("overtaken") from error


def take(draft: Draft) -> SpendingStep:
    """Write a step, and book it where one person is enough. Raises SpendingRefused."""
    with _one_step():
        return _take(draft)


def _take(draft: Draft) -> SpendingStep:
    entity = draft.fund.entity
    stages.lock([draft.fund.pk, draft.other_fund.pk if draft.other_fund else None])
    _refuse_nonsense(draft, entity)
    step = draft.step(entity)
    refuse_too_much(step)
    step.needs_second = _needs_second(step)
    step.save(force_insert=True)
    if step.needs_second:
        _record("step_drafted", step, by=draft.by)
    else:
        _book(step)
        _record("step_booked", step, by=draft.by)
    return step


def approve(step: SpendingStep, *, by: User, decision: str = "") -> SpendingStep:
    """Book a step that somebody else wrote. Raises SpendingRefused: `decided`, `own_step`, or what no longer fits."""
    with _one_step():
        locked = _anothers(step, by)
        refuse_too_much(locked)
        locked.decided_by, locked.decision = by, decision.strip()
        _book(locked)
        _record("step_approved", locked, by=by)
    return locked


@transaction.atomic
def reject(step: SpendingStep, *, by: User, decision: str) -> SpendingStep:
    """Refuse a step that somebody else wrote, and say why. Raises SpendingRefused."""
    if not decision.strip():
        raise SpendingRefused("no_reason")
    locked = _anothers(step, by)
    locked.state, locked.decided_by, locked.decided_at = StepState.REJECTED, by, timezone.now()
    locked.decision = decision.strip()
    locked.save(update_fields=["state", "decided_by", "decided_at", "decision"])
    _record("step_rejected", locked, by=by)
    return locked


@transaction.atomic
def withdraw(step: SpendingStep, *, by: User) -> SpendingStep:
    """Take back a step of one's own that waits. Raises SpendingRefused: `decided`, `others_step`."""
    locked = _waiting(step)
    if locked.by_id != by.pk:
        raise SpendingRefused("others_step")
    locked.state, locked.decided_at = StepState.WITHDRAWN, timezone.now()
    locked.save(update_fields=["state", "decided_at"])
    _record("step_withdrawn", locked, by=by)
    return locked


def undo(step: SpendingStep, *, by: User, on: date, text: str) -> SpendingStep:
    """Take a booked step back by a reversal, which waits for a second person like the step itself.

    Raises SpendingRefused: `not_booked`, `others_rest` while other steps rest on it, `undone` for the second time.
    """
    if not text.strip():
        raise SpendingRefused("no_reason")
    return take(
        Draft(
            kind=StepKind.REVERSAL,
            fund=step.fund,
            amount=step.amount,
            by=by,
            on=on,
            text=text,
            line=step.line,
            partner=step.partner,
            other_fund=step.other_fund,
            rests_on=step,
        )
    )


def evidence_of(step: SpendingStep) -> tuple[bytes, str]:
    """The file of a step and its type; raises SpendingStep.DoesNotExist where there is none."""
    if step.sealed_attachment is None:
        raise SpendingStep.DoesNotExist
    data = unseal_bytes(bytes(step.sealed_attachment), ATTACHMENT)
    return data, _type_of(data) or "application/octet-stream"


# --- Booking ------------------------------------------------------------------------------------------


def _anothers(step: SpendingStep, by: User) -> SpendingStep:
    locked = _waiting(step)
    if locked.by_id == by.pk:
        raise SpendingRefused("own_step")
    return locked


def _waiting(step: SpendingStep) -> SpendingStep:
    stages.lock([step.fund_id, step.other_fund_id])
    rows = SpendingStep.objects.select_for_update(of=("self",))
    locked = rows.select_related(
        "entity", "fund", "other_fund", "line", "bank_account", "rests_on__entry", "rests_on__line"
    ).get(pk=step.pk)
    if locked.state != StepState.WAITING:
        raise SpendingRefused("decided")
    return locked


def _book(step: SpendingStep) -> None:
    at = datetime.combine(step.accounted_on, time(12), UTC)
    if step.kind == StepKind.REVERSAL:
        undone = step.rests_on
        assert undone
        assert undone.entry
        posted = ledger.reverse(undone.entry, key=f"step:{step.uuid}", occurred_at=at)
    else:
        posted = ledger.post(key=f"step:{step.uuid}", legs=legs_of(step), occurred_at=at)
    step.entry_id = posted.entry_id
    step.state, step.decided_at = StepState.BOOKED, timezone.now()
    step.save(update_fields=["state", "decided_by", "decided_at", "decision", "entry"])
    if step.kind == StepKind.REVERSAL:
        SpendingStep.objects.filter(followers=step).update(state=StepState.UNDONE)
    if surplus.is_of_surplus(step):
        surplus.follow(step.fund, by=step.decided_by)


def _needs_second(step: SpendingStep) -> bool:
    """Above the legal entity's threshold, alone or with what the person booked by themselves within a day."""
    if step.kind in TOLD:
        return False
    if surplus.is_of_surplus(step):
        return True
    before = SpendingStep.objects.filter(
        by=step.by, fund=step.fund, kind=step.kind, needs_second=False, at__gt=timezone.now() - TOGETHER
    ).exclude(state__in=[StepState.REJECTED, StepState.UNDONE])
    worths = [in_currency(one.amount, step.entity.currency) for one in [step, *before]]
    known = [worth.minor for worth in worths if worth is not None]
    return len(known) < len(worths) or sum(known) > step.entity.approval_above_minor


# --- Refusing -----------------------------------------------------------------------------------------


def _refuse_nonsense(draft: Draft, entity: LegalEntity) -> None:
    if draft.amount.minor <= 0 or (draft.arrived and draft.arrived.minor <= 0):
        raise SpendingRefused("no_amount")
    if draft.on > datetime.now(UTC).date():
        raise SpendingRefused("future")
    if draft.rests_on and draft.on < draft.rests_on.accounted_on:
        raise SpendingRefused("too_early")
    if draft.kind in NEEDS_LIVING and surplus.is_resolved(draft.fund):
        raise SpendingRefused("resolved")
    owners = {
        draft.partner.entity_id if draft.partner else None,
        draft.bank_account.entity_id if draft.bank_account else None,
        draft.other_fund.entity_id if draft.other_fund else None,
        draft.rests_on.entity_id if draft.rests_on else None,
    }
    foreign_line = draft.line is not None and draft.line.appeal.fund_id != draft.fund.pk
    if foreign_line or owners - {None, entity.pk}:
        raise SpendingRefused("other_entity")
    if draft.attachment and (len(draft.attachment.data) > MOST_BYTES or _type_of(draft.attachment.data) is None):
        raise SpendingRefused("attachment")


def _type_of(data: bytes) -> str | None:
    return next((kind for magic, kind in TYPES.items() if data.startswith(magic)), None)


def _record(verb: str, step: SpendingStep, *, by: User) -> None:
    """Ids and figures only: what is written of a partner is sealed."""
    after: dict[str, Any] = {
        "kind": step.kind,
        "state": step.state,
        "amount_minor": step.amount_minor,
        "currency": step.currency,
        "arrived_minor": step.other_minor,
        "arrived_currency": step.other_currency,
        "fund": step.fund_id,
        "line": step.line.category if step.line else "",
        "partner": str(step.partner) if step.partner else "",
        "rests_on": step.rests_on.uuid if step.rests_on else None,
        "entry": step.entry_id,
    }
    trail.record(verb, by=by, about=f"step:{step.uuid}", entity=step.entity, after=after)


__all__ = ["Draft", "SpendingRefused", "approve", "evidence_of", "reject", "take", "undo", "withdraw"]
