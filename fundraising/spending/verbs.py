"""The verbs of the money trail: plan, allocate, commit, send, and what partners say of it (ADR 190).

Each is one database transaction and returns the step that it wrote: booked, or waiting for a second person. All raise
SpendingRefused. Amounts are positive; what they do in the ledger is told in legs.py.
"""

from __future__ import annotations

from datetime import date

from django.contrib.auth.models import User
from django.db import transaction

from .. import trail
from ..books.manual_entries import Attachment
from ..models import (
    Appeal,
    BankAccount,
    BudgetAmount,
    BudgetLine,
    Category,
    Evidence,
    Fund,
    Partner,
    SpendingStep,
    StepKind,
)
from ..money import Money
from . import stages
from .policies import state_overhead_policy
from .steps import Draft, SpendingRefused, approve, evidence_of, reject, take, undo, withdraw


@transaction.atomic
def set_budget(appeal: Appeal, category: Category, amount: Money, *, reason: str, by: User) -> BudgetAmount:
    """Say what a category is meant to cost in a currency; what was said before stays. Raises SpendingRefused."""
    if not reason.strip():
        raise SpendingRefused("no_reason")
    if amount.minor < 0:
        raise SpendingRefused("no_amount")
    line, _is_new = BudgetLine.objects.get_or_create(
        appeal=appeal, category=category, defaults={"position": list(Category).index(category)}
    )
    before = line.amounts.filter(currency=amount.currency).order_by("-pk").first()
    row = BudgetAmount.objects.create(
        line=line, currency=amount.currency, amount_minor=amount.minor, reason=reason.strip()[:300], by=by
    )
    trail.record(
        "budget_set",
        by=by,
        about=f"budget:{appeal.slug}:{category}",
        entity=appeal.campaign.entity,
        before={"amount_minor": before.amount_minor, "currency": before.currency} if before else {},
        after={"amount_minor": amount.minor, "currency": amount.currency},
        reason=reason.strip(),
    )
    return row


def allocate(line: BudgetLine, amount: Money, *, by: User, on: date, text: str = "") -> SpendingStep:
    """Set money of the appeal's fund aside for a line of its budget. Refused: `fund_short`."""
    fund = line.appeal.fund
    return take(Draft(kind=StepKind.ALLOCATION, fund=fund, line=line, amount=amount, by=by, on=on, text=text))


def deallocate(line: BudgetLine, amount: Money, *, by: User, on: date, text: str) -> SpendingStep:
    """Take back what is allocated to a line and not committed: it is available again. Refused: `line_short`."""
    fund = line.appeal.fund
    return take(Draft(kind=StepKind.DEALLOCATION, fund=fund, line=line, amount=amount, by=by, on=on, text=text))


def commit(line: BudgetLine, partner: Partner, amount: Money, *, by: User, on: date, text: str = "") -> SpendingStep:
    """Promise a partner money that is allocated. Refused: `line_short`, `inactive`."""
    if not partner.active:
        raise SpendingRefused("inactive")
    return take(
        Draft(
            kind=StepKind.COMMITMENT,
            fund=line.appeal.fund,
            line=line,
            partner=partner,
            amount=amount,
            by=by,
            on=on,
            text=text,
        )
    )


def release(commitment: SpendingStep, amount: Money, *, by: User, on: date, text: str) -> SpendingStep:
    """Take back what of a commitment will not be sent: it is allocated again. Refused: `step_short`."""
    return take(
        _following(commitment, StepKind.RELEASE, of=StepKind.COMMITMENT, amount=amount, by=by, on=on, text=text)
    )


def disburse(
    commitment: SpendingStep, bank_account: BankAccount, amount: Money, *, by: User, on: date, text: str = ""
) -> SpendingStep:
    """Send a tranche of a commitment from a bank account in its currency. Refused: `step_short`, `other_currency`."""
    if bank_account.currency != amount.currency:
        raise SpendingRefused("other_currency", Money(0, bank_account.currency))
    return take(
        _following(
            commitment,
            StepKind.DISBURSEMENT,
            of=StepKind.COMMITMENT,
            amount=amount,
            by=by,
            on=on,
            text=text,
            bank_account=bank_account,
        )
    )


def confirm_arrival(disbursement: SpendingStep, arrived: Money, *, by: User, on: date, text: str = "") -> SpendingStep:
    """The partner says what came of a tranche, in the currency in which it came. Refused: `more_arrived`, `arrived`."""
    if arrived.currency == disbursement.currency and arrived.minor > disbursement.amount_minor:
        raise SpendingRefused("more_arrived", disbursement.amount)
    draft = _following(
        disbursement,
        StepKind.ARRIVAL,
        of=StepKind.DISBURSEMENT,
        amount=disbursement.amount,
        by=by,
        on=on,
        text=text,
        arrived=arrived,
    )
    return take(draft)


def report_spending(
    arrival: SpendingStep,
    amount: Money,
    *,
    evidence: Evidence,
    by: User,
    on: date,
    text: str = "",
    attachment: Attachment | None = None,
) -> SpendingStep:
    """The partner accounts for what it spent of what arrived. Refused: `step_short`, `evidence` without a file."""
    if evidence != Evidence.CONFIRMED and attachment is None:
        raise SpendingRefused("evidence")
    draft = _following(
        arrival,
        StepKind.SPEND_REPORT,
        of=StepKind.ARRIVAL,
        amount=amount,
        by=by,
        on=on,
        text=text,
        evidence=evidence,
        attachment=attachment,
    )
    return take(draft)


def return_unspent(
    arrival: SpendingStep,
    amount: Money,
    *,
    bank_account: BankAccount,
    by: User,
    on: date,
    came: Money | None = None,
    text: str = "",
) -> SpendingStep:
    """The partner sent unspent money back: `amount` as it held it, `came` as our bank got it. It is available again."""
    came = came or amount
    if came.currency != bank_account.currency:
        raise SpendingRefused("other_currency", Money(0, bank_account.currency))
    if came.currency == amount.currency and came.minor > amount.minor:
        raise SpendingRefused("more_arrived", amount)
    draft = _following(
        arrival,
        StepKind.RETURN,
        of=StepKind.ARRIVAL,
        amount=amount,
        by=by,
        on=on,
        text=text,
        arrived=came,
        bank_account=bank_account,
    )
    return take(draft)


def advance(fund: Fund, lender: Fund, amount: Money, *, by: User, on: date, text: str) -> SpendingStep:
    """Let a fund spend before its money is in, out of another one's. Refused: `fund_short` of the lender."""
    return take(Draft(kind=StepKind.ADVANCE, fund=fund, other_fund=lender, amount=amount, by=by, on=on, text=text))


def repay(advanced: SpendingStep, amount: Money, *, by: User, on: date, text: str = "") -> SpendingStep:
    """Give an advance back, whole or in part. Refused: `fund_short`, `step_short`."""
    return take(_following(advanced, StepKind.REPAYMENT, of=StepKind.ADVANCE, amount=amount, by=by, on=on, text=text))


def charge_overhead(appeal: Appeal, amount: Money, *, by: User, on: date, text: str = "") -> SpendingStep:
    """Have the appeal bear administrative costs. Refused: `overhead` above policy or real cost, `fund_short`."""
    fund = appeal.fund
    general = Fund.objects.filter(entity=fund.entity_id, restricted=False).first()
    if general is None or general == fund:
        raise SpendingRefused("no_general_fund")
    return take(Draft(kind=StepKind.OVERHEAD, fund=fund, other_fund=general, amount=amount, by=by, on=on, text=text))


def _following(
    step: SpendingStep,
    kind: StepKind,
    *,
    of: StepKind,
    amount: Money,
    by: User,
    on: date,
    text: str,
    arrived: Money | None = None,
    bank_account: BankAccount | None = None,
    evidence: str = "",
    attachment: Attachment | None = None,
) -> Draft:
    """A draft that rests on a step: of its fund, line and partner."""
    if step.kind != of:
        raise SpendingRefused("other_kind")
    return Draft(
        kind=kind,
        fund=step.fund,
        line=step.line,
        partner=step.partner,
        other_fund=step.other_fund,
        rests_on=step,
        amount=amount,
        by=by,
        on=on,
        text=text,
        arrived=arrived,
        bank_account=bank_account,
        evidence=evidence,
        attachment=attachment,
    )


__all__ = [
    "SpendingRefused",
    "advance",
    "allocate",
    "approve",
    "charge_overhead",
    "commit",
    "confirm_arrival",
    "deallocate",
    "disburse",
    "evidence_of",
    "reject",
    "release",
    "repay",
    "report_spending",
    "return_unspent",
    "set_budget",
    "stages",
    "state_overhead_policy",
    "undo",
    "withdraw",
]
