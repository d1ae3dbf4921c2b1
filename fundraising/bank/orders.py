"""What was ordered from the bank for partners, or is awaited back: as suggestions, and when it does not come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from ..breaks import Finding, note_findings
from ..models import (
    BankAccount,
    BankLine,
    Cause,
    LegalEntity,
    Match,
    MatchKind,
    MatchReason,
    SpendingStep,
    StepKind,
    StepState,
)
from ..money import Money
from ..spending import stages
from .suggestions import BY_IBAN, BY_REFERENCE, SAME_AMOUNT, Suggestion

# Transfers within a currency area take a day or two, abroad a week: after this, somebody should ask.
LATE_AFTER: Final = timedelta(days=10)
# A line is of the day of the order or later; partners may tell of a return before or after our bank does.
EARLIEST: Final = timedelta(days=10)
MOST: Final = 2_000  # orders looked at; the oldest are told of first


def open_orders(account: BankAccount) -> list[tuple[SpendingStep, int]]:
    """Booked steps from or to the account that its lines do not cover, and what is missing: minor units with a line's
    sign. Oldest first; two queries."""
    rows = SpendingStep.objects.filter(
        bank_account=account, state=StepState.BOOKED, kind__in=[StepKind.DISBURSEMENT, StepKind.RETURN]
    ).select_related("fund", "line")
    rows = rows.defer("sealed_attachment", "text", "decision", "attachment_name").order_by("accounted_on", "pk")
    matched = Match.objects.filter(kind=MatchKind.STEP, undone_at=None, line__bank_account=account)
    came = dict(matched.values_list("key").annotate(Sum("amount_minor")))
    left = ((step, stages.ordered(step) - came.get(str(step.uuid), 0)) for step in rows)
    return [(step, minor) for step, minor in left if minor][:MOST]


def for_lines(lines: Sequence[BankLine]) -> list[list[Suggestion]]:
    """The steps that each of several lines of one account may be; of the same amount, or named by the line."""
    waiting = [line for line in lines if line.unexplained_minor]
    candidates = open_orders(waiting[0].bank_account) if waiting else []
    return [list(_of_line(line, candidates)) if line.unexplained_minor else [] for line in lines]


def _of_line(line: BankLine, candidates: Sequence[tuple[SpendingStep, int]]) -> Iterator[Suggestion]:
    text = line.reference.casefold() if candidates else ""
    for step, minor in candidates:
        if minor * line.unexplained_minor < 0 or line.booked_on < step.accounted_on - EARLIEST:
            continue
        quoted, same = str(step.uuid)[:8] in text, minor == line.unexplained_minor
        if quoted or same:
            yield _suggestion(line, step, minor, quoted=quoted, same=same)


def _suggestion(line: BankLine, step: SpendingStep, minor: int, *, quoted: bool, same: bool) -> Suggestion:
    """Who the partner is stays out of it: whoever matches lines need not know."""
    told = {"kind": step.get_kind_display(), "fund": step.fund.name, "line": step.line, "day": step.accounted_on}
    reasons = {MatchReason.NUMBERED: quoted, MatchReason.SAME_AMOUNT: same}
    score = (BY_REFERENCE if quoted else BY_IBAN) + (SAME_AMOUNT if same else 0)
    part = min(abs(minor), abs(line.unexplained_minor))
    return Suggestion(
        MatchKind.STEP,
        part if minor > 0 else -part,
        line.bank_account.currency,
        score,
        tuple(reason for reason, holds in reasons.items() if holds),
        key=str(step.uuid),
        about=_("%(kind)s of %(day)s, %(fund)s, %(line)s") % told,
    )


def step_named(account: BankAccount, what: str) -> SpendingStep | None:
    """The open order that its number names, whole or by the first eight characters."""
    asked = what.strip().casefold()
    if len(asked) < 8:
        return None
    found = [step for step, _minor in open_orders(account) if str(step.uuid).startswith(asked)]
    return found[0] if len(found) == 1 else None


# --- What does not come --------------------------------------------------------------------------------------


def check_orders() -> None:
    """Bring the breaks of what was ordered from banks to what is found now, for every legal entity."""
    for entity in LegalEntity.objects.filter(spending_steps__bank_account__isnull=False).distinct():
        note(entity)


def note(entity: LegalEntity) -> None:
    """Bring the breaks of the legal entity's orders to what is found now."""
    found = [finding for account in entity.bank_accounts.all() for finding in late_orders(account)]
    note_findings(entity.pk, [Cause.ORDER_NOT_IN_BANK], found)


def late_orders(account: BankAccount) -> Iterator[Finding]:
    """Orders that no line of the bank covers after ten days. They end by a match, or when the step is undone."""
    for step, minor in open_orders(account):
        if step.accounted_on > timezone.localdate() - LATE_AFTER:
            return
        yield Finding(
            Cause.ORDER_NOT_IN_BANK,
            subject=f"step:{step.uuid}",
            amount=Money(minor, account.currency),
            occurred_on=step.accounted_on,
            facts={"step": str(step.uuid), "ordered": stages.ordered(step), "missing": minor},
        )
