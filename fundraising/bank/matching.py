"""The verbs of a bank line: say what it is, in whole or in parts, and take that back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from .. import erasing, ledger, offline, trail
from ..ledger import Bucket, Posted
from ..models import BankAccount, BankLine, Donation, Match, MatchKind, MatchReason, Purpose, SpendingStep, StepState
from ..money import Money
from ..spending import stages
from .statements import moment_of, unexplained_of

# Money on its way from one bank account of ours to another: both lines pass through it.
BETWEEN_OURS = "own"
# What a line may be booked to by hand, if it is none of the other kinds.
BY_HAND = (Purpose.EXPENSES, Purpose.OTHER_INCOME, Purpose.HAND, Purpose.OPENING, Purpose.SUSPENSE)


class NotMatchable(Exception):
    """The line is not in the books, or less of it is unexplained than was to be matched."""


class OtherSideMissing(Exception):
    """A match of this kind needs to say what it is matched with."""


class UndoneBefore(Exception):
    """The match was undone already."""


@transaction.atomic
def match_line(
    line: BankLine,
    *,
    kind: MatchKind,
    amount_minor: int,
    by: User | None,
    reasons: Sequence[MatchReason] = (),
    why: str = "",
    key: str = "",
    donation: Donation | None = None,
    account: Bucket | None = None,
) -> Match:
    """Book what a line, or `amount_minor` of it (with its sign), is. `by` nobody: the program is certain.

    `reasons` are what suggested it, `why` is what a person says of it. `key` names the other side (a step by its UUID),
    `account` its account in the ledger (payouts, and what is booked by hand). Raises NotMatchable, OtherSideMissing,
    and what fundraising/offline/__init__.py raises for a donation.
    """
    locked = BankLine.objects.select_for_update(of=("self",)).select_related("bank_account__entity").get(pk=line.pk)
    _refuse_more_than_is_left(locked, amount_minor)
    match = Match(
        uuid=uuid4(),
        line=locked,
        kind=kind,
        key=key,
        donation=donation,
        amount_minor=amount_minor,
        reasons=list(dict.fromkeys(reasons)),
        why=why[:300],
        by=by,
    )
    match.entry_id = _book(match, locked.bank_account, account).entry_id
    match.save(force_insert=True)
    locked.unexplained_minor -= amount_minor
    locked.save(update_fields=["unexplained_minor"])
    if donation and donation.donor.erased_at:  # late money of somebody who asked to be forgotten
        erasing.forget_lines(BankLine.objects.filter(pk=locked.pk))
    if by:
        _record("line_matched", match, by=by, after=_told(match), reason=why)
    return match


def _refuse_more_than_is_left(line: BankLine, amount_minor: int) -> None:
    left = line.unexplained_minor
    same_sign = (amount_minor > 0) == (left > 0)
    if line.withdrawn_at or not amount_minor or not same_sign or abs(amount_minor) > abs(left):
        raise NotMatchable(line.pk)


def _book(match: Match, bank: BankAccount, account: Bucket | None) -> Posted:
    at = moment_of(match.line.booked_on)
    if match.kind == MatchKind.DONATION:
        return _book_donation(match, bank)
    other = _other_side(match, bank, account)
    legs = {unexplained_of(bank): match.amount_minor, other: -match.amount_minor}
    return ledger.post(key=key_of(match), legs=legs, occurred_at=at)


def _book_donation(match: Match, bank: BankAccount) -> Posted:
    """Money that came is the donation's; money that went is a refund of it."""
    if match.donation is None or match.donation.entity_id != bank.entity_id:
        raise OtherSideMissing(match.kind)
    amount, at = Money(match.amount_minor, bank.currency), moment_of(match.line.booked_on)
    if amount.minor > 0:
        return offline.receive_from_bank(
            match.donation.uuid, key=key_of(match), amount=amount, at=at, bank=bank.slug, by=match.by
        )
    return offline.refund_from_bank(match.donation.uuid, key=key_of(match), amount=-amount, at=at, bank=bank.slug)


def _other_side(match: Match, bank: BankAccount, account: Bucket | None) -> Bucket:
    if match.kind == MatchKind.BANK_FEE:
        return Bucket(bank.entity_id, Purpose.BANK_FEES, bank.currency)
    if match.kind == MatchKind.OWN:
        return Bucket(bank.entity_id, Purpose.SUSPENSE, bank.currency, provider=BETWEEN_OURS)
    if match.kind == MatchKind.STEP:
        return _ordered(match, bank)
    if account is None or (match.kind == MatchKind.OTHER and account.purpose not in BY_HAND):
        raise OtherSideMissing(match.kind)
    return account


def _ordered(match: Match, bank: BankAccount) -> Bucket:
    """What a step of the money ordered from this bank account, or awaits there; no line clears more than that."""
    rows = SpendingStep.objects.select_for_update(of=("self",)).filter(bank_account=bank, state=StepState.BOOKED)
    step = rows.filter(uuid=match.key).first() if _is_uuid(match.key) else None
    if step is None:
        raise OtherSideMissing(match.kind)
    left = stages.ordered(step) - stages.in_bank(step)
    if left * match.amount_minor <= 0 or abs(match.amount_minor) > abs(left):
        raise NotMatchable(match.line_id)
    return Bucket(bank.entity_id, Purpose.OUTGOING, bank.currency, provider=bank.slug)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def key_of(match: Match) -> str:
    """The key of the match's entry."""
    return f"match:{match.uuid}"


@transaction.atomic
def undo_match(match: Match, *, by: User, reason: str) -> None:
    """The line was something else: reverse the entry, so that it is unexplained again.

    Raises UndoneBefore, and MoreIsBooked of fundraising/offline/__init__.py for a donation that was refunded since.
    """
    line = BankLine.objects.select_for_update(of=("self",)).select_related("bank_account__entity").get(pk=match.line_id)
    standing = Match.objects.select_for_update(of=("self",)).select_related("entry").get(pk=match.pk)
    if standing.undone_at:
        raise UndoneBefore
    standing.line = line
    _reverse(standing)
    standing.undone_by, standing.undone_at = by, timezone.now()
    standing.save(update_fields=["undone_by", "undone_at"])
    line.unexplained_minor += standing.amount_minor
    line.save(update_fields=["unexplained_minor"])
    _record("match_undone", standing, by=by, before=_told(standing), reason=reason)


def of_which_a_match_was_undone(lines: Iterable[BankLine]) -> set[int]:
    """Of these lines those (by number) of which somebody undid a match: what they are, people say from then on.

    Otherwise a sweep would make the same match again within a minute, and neither undoing nor rolling back would hold.
    """
    numbers = [line.pk for line in lines if line.pk]
    undone = Match.objects.filter(line__in=numbers, undone_at__isnull=False)
    return set(undone.values_list("line", flat=True))


def _reverse(match: Match) -> None:
    """On the day of the line, so that no open day shows what was never so."""
    at = match.entry.occurred_at
    if match.kind != MatchKind.DONATION:
        ledger.reverse(match.entry, key=f"{key_of(match)}:undone", occurred_at=at)
    elif match.amount_minor > 0:
        offline.undo_receipt_from_bank(key_of(match), at=at)
    else:
        offline.undo_refund_from_bank(key_of(match), at=at)


def _told(match: Match) -> dict[str, Any]:
    return {
        "line": match.line_id,
        "kind": match.kind,
        "with": f"donation:{match.donation.uuid}" if match.donation else match.key,
        "amount_minor": match.amount_minor,
        "currency": match.line.bank_account.currency,
        **({"reasons": match.reasons} if match.reasons else {}),
    }


def _record(
    verb: str,
    match: Match,
    *,
    by: User,
    reason: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    trail.record(
        verb,
        by=by,
        about=f"match:{match.uuid}",
        entity=match.line.bank_account.entity,
        before=before,
        after=after,
        reason=reason,
    )
