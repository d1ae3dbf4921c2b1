"""The entry of each kind of step: which accounts, and with what sign. Debit positive."""

from __future__ import annotations

from ..ledger import Bucket
from ..models import Purpose, SpendingStep, StepKind
from .stages import bucket

Legs = dict[Bucket, int]


def legs_of(step: SpendingStep) -> Legs:
    """The legs of a step that is no reversal; those reverse the entry of what they undo."""
    return _LEGS[StepKind(step.kind)](step)


def _own(step: SpendingStep, purpose: Purpose, currency: str = "") -> Bucket:
    category = step.line.category if step.line else ""
    return bucket(step.fund, purpose, currency or step.currency, category)


def _allocation(step: SpendingStep) -> Legs:
    return {_own(step, Purpose.ALLOCATED): step.amount_minor, _own(step, Purpose.EARMARKED): -step.amount_minor}


def _deallocation(step: SpendingStep) -> Legs:
    return {account: -minor for account, minor in _allocation(step).items()}


def _commitment(step: SpendingStep) -> Legs:
    return {_own(step, Purpose.COMMITTED): step.amount_minor, _own(step, Purpose.ALLOCATED): -step.amount_minor}


def _release(step: SpendingStep) -> Legs:
    return {account: -minor for account, minor in _commitment(step).items()}


def _disbursement(step: SpendingStep) -> Legs:
    return {
        _own(step, Purpose.EARMARKED): step.amount_minor,
        _own(step, Purpose.COMMITTED): -step.amount_minor,
        _own(step, Purpose.UNDERWAY): step.amount_minor,
        _outgoing(step, step.currency): -step.amount_minor,
    }


def _outgoing(step: SpendingStep, currency: str) -> Bucket:
    """Of the bank account, as its own accounts are: of no fund."""
    assert step.bank_account
    return Bucket(step.entity_id, Purpose.OUTGOING, currency, provider=step.bank_account.slug)


def _arrival(step: SpendingStep) -> Legs:
    """What banks kept on the way is the fund's cost; another currency went through an exchange."""
    came = step.arrived
    assert came
    legs = {_own(step, Purpose.UNDERWAY): -step.amount_minor, _own(step, Purpose.HELD, came.currency): came.minor}
    if came.currency == step.currency:
        legs[_own(step, Purpose.BANK_FEES)] = step.amount_minor - came.minor
    else:
        legs |= _exchange(step, step.amount_minor, came.minor, came.currency)
    return legs


def _exchange(step: SpendingStep, gave: int, got: int, currency: str) -> Legs:
    return {_own(step, Purpose.FX): gave, _own(step, Purpose.FX, currency): -got}


def _spend_report(step: SpendingStep) -> Legs:
    return {_own(step, Purpose.SPENT): step.amount_minor, _own(step, Purpose.HELD): -step.amount_minor, **_freed(step)}


def _freed(step: SpendingStep) -> Legs:
    """The restriction has been met: of the fund, what is released, against the view of what is restricted no more."""
    if not step.fund.restricted:
        return {}
    free = Bucket(step.entity_id, Purpose.RELEASED, step.currency)
    return {_own(step, Purpose.RELEASED): step.amount_minor, free: -step.amount_minor}


def _return(step: SpendingStep) -> Legs:
    came = step.arrived
    assert came
    legs = {_own(step, Purpose.HELD): -step.amount_minor, _outgoing(step, came.currency): came.minor}
    if came.currency == step.currency:
        legs[_own(step, Purpose.BANK_FEES)] = step.amount_minor - came.minor
    else:
        legs |= _exchange(step, step.amount_minor, came.minor, came.currency)
    return legs


def _advance(step: SpendingStep) -> Legs:
    assert step.other_fund
    lent = bucket(step.other_fund, Purpose.LENT, step.currency)
    return {lent: step.amount_minor, bucket(step.fund, Purpose.BORROWED, step.currency): -step.amount_minor}


def _repayment(step: SpendingStep) -> Legs:
    return {account: -minor for account, minor in _advance(step).items()}


def _overhead(step: SpendingStep) -> Legs:
    assert step.other_fund
    back = bucket(step.other_fund, Purpose.OVERHEAD, step.currency)
    return {bucket(step.fund, Purpose.OVERHEAD, step.currency): step.amount_minor, back: -step.amount_minor}


def _surplus(step: SpendingStep) -> Legs:
    assert step.other_fund
    passed = bucket(step.other_fund, Purpose.SURPLUS, step.currency)
    return {bucket(step.fund, Purpose.SURPLUS, step.currency): step.amount_minor, passed: -step.amount_minor}


def _deficit(step: SpendingStep) -> Legs:
    return {account: -minor for account, minor in _surplus(step).items()}


_LEGS = {
    StepKind.ALLOCATION: _allocation,
    StepKind.DEALLOCATION: _deallocation,
    StepKind.COMMITMENT: _commitment,
    StepKind.RELEASE: _release,
    StepKind.DISBURSEMENT: _disbursement,
    StepKind.ARRIVAL: _arrival,
    StepKind.SPEND_REPORT: _spend_report,
    StepKind.RETURN: _return,
    StepKind.ADVANCE: _advance,
    StepKind.REPAYMENT: _repayment,
    StepKind.OVERHEAD: _overhead,
    StepKind.SURPLUS: _surplus,
    StepKind.DEFICIT: _deficit,
}
