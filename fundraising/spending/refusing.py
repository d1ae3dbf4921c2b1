"""What is refused of a step for the sake of the money: the database would refuse it too, this says it in words."""

from __future__ import annotations

from typing import Final

from .. import ledger
from ..models import OF_SURPLUS, Appeal, AppealState, Fund, Purpose, SpendingStep, StepKind, StepState
from ..money import Money
from . import overhead, stages, surplus
from .legs import legs_of

_STAGES: Final = frozenset({Purpose.ALLOCATED, Purpose.COMMITTED, Purpose.LENT})


class SpendingRefused(Exception):
    """The step cannot be taken so; nothing was written. `code` says why, `most` how much there is."""

    def __init__(self, code: str, most: Money | None = None) -> None:
        super().__init__(code if most is None else f"{code}: {most}")
        self.code = code
        self.most = most


def refuse_too_much(step: SpendingStep) -> None:
    """What the database would refuse too, in words; asked again when the step is approved."""
    if step.kind == StepKind.REVERSAL:
        return _refuse_reversal(step)
    if step.kind in OF_SURPLUS:
        return _refuse_other_surplus(step)
    if step.rests_on:
        _refuse_more_than_is_left(step, step.rests_on)
    if step.kind == StepKind.OVERHEAD:
        assert step.other_fund
        if (most := overhead.most(step.fund, step.other_fund, step.currency)) < step.amount:
            raise SpendingRefused("overhead", most)
    payer = _payer(step)
    if payer and (most := stages.available(payer.pk, step.currency)) < step.amount:
        raise SpendingRefused("fund_short", most)
    if step.kind in {StepKind.COMMITMENT, StepKind.DEALLOCATION}:
        assert step.line
        most = stages.held(step.fund, Purpose.ALLOCATED, step.currency, step.line.category)
        if most < step.amount:
            raise SpendingRefused("line_short", most)
    return None


def _refuse_more_than_is_left(step: SpendingStep, parent: SpendingStep) -> None:
    parent = SpendingStep.objects.get(pk=parent.pk)  # as it is now that the fund is locked
    if parent.state != StepState.BOOKED:
        raise SpendingRefused("not_booked")
    most = stages.left(parent)
    if step.currency != most.currency:
        raise SpendingRefused("other_currency", most)
    if most < step.amount:
        raise SpendingRefused("step_short", most)


def _payer(step: SpendingStep) -> Fund | None:
    """The fund that a step takes from what is available."""
    if step.kind in {StepKind.ALLOCATION, StepKind.OVERHEAD, StepKind.REPAYMENT}:
        return step.fund
    return step.other_fund if step.kind == StepKind.ADVANCE else None


def _refuse_other_surplus(step: SpendingStep) -> None:
    """All that is left goes, and only once nothing is open; to whom, the appeal says."""
    assert step.other_fund
    appeal = Appeal.objects.filter(fund=step.fund, state__in=[AppealState.CLOSED, AppealState.RESOLVED]).first()
    if appeal is None:
        raise SpendingRefused("not_over")
    if still := surplus.still_open(step.fund):
        raise SpendingRefused("not_settled", still[0].amount)
    available = stages.available(step.fund_id, step.currency)
    is_surplus = step.kind == StepKind.SURPLUS
    if (available if is_surplus else -available) != step.amount:
        raise SpendingRefused("other_rest", available)
    if is_surplus and step.other_fund_id != appeal.late_fund_id:
        raise SpendingRefused("other_late_fund")
    if not is_surplus and (most := stages.available(step.other_fund.pk, step.currency)) < step.amount:
        raise SpendingRefused("fund_short", most)


def _refuse_reversal(step: SpendingStep) -> None:
    rows = SpendingStep.objects.select_for_update(of=("self",)).select_related("fund", "line", "other_fund")
    undone = rows.get(pk=step.rests_on_id or 0)
    if undone.state == StepState.UNDONE:
        raise SpendingRefused("undone")
    if undone.state != StepState.BOOKED or undone.kind == StepKind.REVERSAL:
        raise SpendingRefused("not_booked")
    followers = undone.followers.filter(state__in=[StepState.WAITING, StepState.BOOKED]).exclude(pk=step.pk)
    if followers.filter(kind=StepKind.REVERSAL).exists():
        raise SpendingRefused("undone")
    if followers.exists():
        raise SpendingRefused("others_rest")
    for account, minor in legs_of(undone).items():
        if account.purpose in _STAGES and minor > 0 and (most := ledger.balance(account)).minor < minor:
            raise SpendingRefused("went_on", most)
    if stages.in_bank(undone):
        raise SpendingRefused("in_bank")
    if undone.kind in OF_SURPLUS and Appeal.objects.filter(fund=undone.fund, state=AppealState.ARCHIVED).exists():
        raise SpendingRefused("archived")
    for fund_id in _short_after(undone):
        raise SpendingRefused("fund_short", stages.available(fund_id, undone.currency))


def _short_after(undone: SpendingStep) -> list[int]:
    """The funds that could not bear it if the step had never been: it had brought them money."""
    gains = {
        StepKind.ADVANCE: undone.fund_id,
        StepKind.RETURN: undone.fund_id,
        StepKind.DEFICIT: undone.fund_id,
        StepKind.SURPLUS: undone.other_fund_id,
        StepKind.REPAYMENT: undone.other_fund_id,
        StepKind.OVERHEAD: undone.other_fund_id,
    }
    fund_id = gains.get(StepKind(undone.kind))
    came = undone.arrived if undone.kind == StepKind.RETURN and undone.arrived else undone.amount
    if fund_id and stages.available(fund_id, came.currency) < came:
        return [fund_id]
    return []
