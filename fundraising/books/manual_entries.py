"""Manual journal entries: drafted by one person, booked when another one approves. Nothing is edited.

What may be booked by hand follows from who else keeps the account:
- FREE: cash in hand, fees, expenses, other income, opening balances, suspense, exchange and its result.
- MIRRORS of what others tell us (Stripe, the bank): a line there makes us differ from them, so only a finance approver
  drafts one, and another one approves it.
- KEPT accounts hang on donations: their totals, counts and receipts follow the verbs in fundraising/donations.py.
  They are never booked by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _

from .. import ledger, trail
from ..ledger import Bucket
from ..models import (
    BankAccount,
    Entry,
    Fund,
    JournalEntry,
    JournalLine,
    JournalState,
    LegalEntity,
    Membership,
    Purpose,
    Role,
)
from ..money import Money
from ..roles import RIGHTS, May
from ..vault import seal_bytes, unseal_bytes
from .chart import IN_HAND, Chart
from .periods import closed_until, keep_open

FREE = frozenset(
    {
        Purpose.HAND, Purpose.SUSPENSE, Purpose.FEES, Purpose.FEE_TAX, Purpose.BANK_FEES, Purpose.EXPENSES,
        Purpose.OTHER_INCOME, Purpose.OPENING, Purpose.FX, Purpose.FX_RESULT,
    }
)  # fmt: skip
MIRRORS = frozenset({Purpose.BANK, Purpose.PAYOUTS, Purpose.PROVIDER, Purpose.RESERVED, Purpose.CLEARING})
KEPT = frozenset(Purpose) - FREE - MIRRORS
LARGEST_LINE = 10**14  # minor units; far below what a bigint holds, so that no sum overflows

MOST_BYTES = 10 * 1024 * 1024
TYPES = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
CONTEXT = "fundraising_journalentry.sealed_attachment"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a draft, in words for its author; of a line (counted from 1), or of the whole."""

    text: str | Promise
    line: int | None = None


class JournalRefused(Exception):
    """The draft cannot be taken so; nothing was written."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem.text) for problem in problems))
        self.problems = problems


class NotWaiting(Exception):
    """The entry was decided before."""


class OwnEntry(Exception):
    """Whoever wrote an entry does not decide about it."""


@dataclass(frozen=True)
class Line:
    """One line of a draft: debit positive, credit negative."""

    purpose: Purpose
    amount: Money
    provider: str = ""
    fund_id: int | None = None


@dataclass(frozen=True)
class Attachment:
    """A voucher as it was uploaded."""

    name: str
    data: bytes


@transaction.atomic
def draft_entry(
    entity: LegalEntity,
    lines: Sequence[Line],
    *,
    text: str,
    accounted_on: date,
    by: User,
    attachment: Attachment | None = None,
    uuid: UUID | None = None,
) -> JournalEntry:
    """Note an entry that waits for approval; raises JournalRefused with everything that is wrong with it.

    `uuid` is that of the form: sent twice, it is one entry.
    """
    if sent := JournalEntry.objects.filter(uuid=uuid, entity=entity, by=by).first() if uuid else None:
        return sent
    problems = [
        *_problems_of_text(text),
        *_problems_of_day(entity, accounted_on, by),
        *_problems_of_lines(entity, lines, by),
        *_problems_of_attachment(attachment),
    ]
    if problems:
        raise JournalRefused(problems)
    try:
        return _write(entity, lines, text=text, accounted_on=accounted_on, by=by, attachment=attachment, uuid=uuid)
    except IntegrityError:  # both at once
        if uuid is None:
            raise
        return JournalEntry.objects.get(uuid=uuid, entity=entity, by=by)


@transaction.atomic
def draft_reversal(booked: JournalEntry, *, text: str, accounted_on: date, by: User) -> JournalEntry:
    """Note an entry that takes a booked one back, line by line; it waits for approval too. Raises JournalRefused."""
    entity = booked.entity
    JournalEntry.objects.select_for_update(of=("self",)).get(pk=booked.pk)  # two at once: the second is told
    problems = [*_problems_of_text(text), *_problems_of_day(entity, accounted_on, by)]
    if booked.entry is None:
        problems.append(Problem(_("Only an entry that is booked can be taken back.")))
    if booked.reversals.exclude(state=JournalState.REJECTED).exists():
        problems.append(Problem(_("This entry is taken back already, or waits to be.")))
    if problems:
        raise JournalRefused(problems)
    lines = [
        Line(Purpose(line.purpose), Money(-line.amount_minor, line.currency), line.provider, line.fund_id)
        for line in booked.lines.order_by("pk")
    ]
    return _write(entity, lines, text=text, accounted_on=accounted_on, by=by, reverses=booked)


@transaction.atomic
def _write(
    entity: LegalEntity,
    lines: Sequence[Line],
    *,
    text: str,
    accounted_on: date,
    by: User,
    attachment: Attachment | None = None,
    reverses: JournalEntry | None = None,
    uuid: UUID | None = None,
) -> JournalEntry:
    draft = JournalEntry.objects.create(
        uuid=uuid or uuid4(),
        entity=entity,
        accounted_on=accounted_on,
        text=text.strip(),
        by=by,
        reverses=reverses,
        attachment_name=_safe_name(attachment.name) if attachment else "",
        sealed_attachment=seal_bytes(attachment.data, CONTEXT) if attachment else None,
    )
    JournalLine.objects.bulk_create(
        JournalLine(
            journal_entry=draft,
            purpose=line.purpose,
            provider=line.provider,
            fund_id=line.fund_id,
            currency=line.amount.currency,
            amount_minor=line.amount.minor,
        )
        for line in lines
    )
    figures = [f"{line.purpose}:{line.provider} {line.amount}" for line in lines]
    trail.record(
        "journal_entry_drafted",
        by=by,
        about=_about(draft),
        entity=entity,
        after={"on": accounted_on, "lines": figures, "reverses": reverses.uuid if reverses else None},
        reason=text.strip(),
    )
    return draft


@transaction.atomic
def approve_entry(draft: JournalEntry, *, by: User, decision: str = "") -> Entry:
    """Book a waiting entry; its author cannot. Raises OwnEntry, NotWaiting, JournalRefused where its day has closed."""
    draft = _locked(draft, by)
    keep_open(draft.entity)
    if problems := _problems_of_day(draft.entity, draft.accounted_on, by):
        raise JournalRefused(problems)
    posted = ledger.post(
        key=f"journal:{draft.uuid}",
        legs=_legs(draft),
        occurred_at=datetime.combine(draft.accounted_on, time(12), UTC),
        accounted_on=draft.accounted_on,
        reverses_id=draft.reverses.entry_id if draft.reverses else None,
    )
    draft.entry_id = posted.entry_id
    _decide(draft, JournalState.BOOKED, by=by, decision=decision)
    trail.record(
        "journal_entry_approved",
        by=by,
        about=_about(draft),
        entity=draft.entity,
        before={"state": JournalState.WAITING},
        after={"state": draft.state, "entry": posted.entry_id},
        reason=decision.strip(),
    )
    return Entry.objects.get(pk=posted.entry_id)


@transaction.atomic
def reject_entry(draft: JournalEntry, *, by: User, decision: str) -> None:
    """Refuse a waiting entry, and say why. Its author may take it back. Raises NotWaiting."""
    draft = _locked(draft, None)
    if not decision.strip():
        raise JournalRefused([Problem(_("Say why it is not booked."))])
    if draft.by_id == by.pk:
        raise OwnEntry(draft.uuid)
    _decide(draft, JournalState.REJECTED, by=by, decision=decision)
    trail.record(
        "journal_entry_rejected",
        by=by,
        about=_about(draft),
        entity=draft.entity,
        before={"state": JournalState.WAITING},
        after={"state": draft.state},
        reason=decision.strip(),
    )


def attachment_of(draft: JournalEntry) -> tuple[bytes, str]:
    """The voucher and its type; raises JournalEntry.DoesNotExist where there is none."""
    if draft.sealed_attachment is None:
        raise JournalEntry.DoesNotExist
    data = unseal_bytes(bytes(draft.sealed_attachment), CONTEXT)
    return data, _type_of(data) or "application/octet-stream"


def _locked(draft: JournalEntry, decider: User | None) -> JournalEntry:
    row = JournalEntry.objects.select_for_update(of=("self",)).select_related("entity", "reverses").get(pk=draft.pk)
    if row.state != JournalState.WAITING:
        raise NotWaiting(row.uuid)
    if decider and row.by_id == decider.pk:
        raise OwnEntry(row.uuid)
    return row


def _decide(draft: JournalEntry, state: JournalState, *, by: User, decision: str) -> None:
    draft.state, draft.decided_by, draft.decided_at = state, by, timezone.now()
    draft.decision = decision.strip()
    draft.save(update_fields=["state", "decided_by", "decided_at", "decision", "entry"])


def _legs(draft: JournalEntry) -> dict[Bucket, int]:
    """The lines by account: two lines on one account are one posting."""
    legs: dict[Bucket, int] = {}
    for line in draft.lines.order_by("pk"):
        bucket = Bucket(draft.entity_id, Purpose(line.purpose), line.currency, line.fund_id, provider=line.provider)
        legs[bucket] = legs.get(bucket, 0) + line.amount_minor
    return legs


def _about(draft: JournalEntry) -> str:
    return f"journal:{draft.uuid}"


def _problems_of_text(text: str) -> list[Problem]:
    if not text.strip():
        return [Problem(_("Say what it is for."))]
    return [Problem(_("At most 300 characters."))] if len(text.strip()) > 300 else []


def may_approve(user: User, entity: LegalEntity) -> bool:
    """Whether a person is a finance approver of the legal entity."""
    roles = Membership.objects.filter(user=user, entity=entity).values_list("role", flat=True)
    return any(May.APPROVE in RIGHTS[Role(role)] for role in roles)


def _problems_of_day(entity: LegalEntity, on: date, by: User) -> list[Problem]:
    soft, hard = closed_until(entity)
    if on > datetime.now(UTC).date():
        return [Problem(_("This day is still to come."))]
    if hard and on <= hard:
        return [Problem(_("The books are closed for good until %(day)s.") % {"day": hard.isoformat()})]
    if soft and on <= soft and not may_approve(by, entity):
        words = _("The books are closed until %(day)s; only a finance approver still books there.")
        return [Problem(words % {"day": soft.isoformat()})]
    return []


def _problems_of_lines(entity: LegalEntity, lines: Sequence[Line], by: User) -> list[Problem]:
    if not lines:
        return [Problem(_("An entry needs two lines or more."))]
    is_approver = may_approve(by, entity)
    known = _Known(entity)
    found = []
    for number, line in enumerate(lines, start=1):
        if words := _problem_of_line(line, known, is_approver=is_approver):
            found.append(Problem(words, number))
    if len(lines) < 2:
        found.append(Problem(_("An entry needs two lines or more.")))
    return found + _problems_of_balance(lines)


class _Known:
    """What lines may name, read once."""

    def __init__(self, entity: LegalEntity) -> None:
        self.chart = Chart(entity)
        self.banks = dict(BankAccount.objects.filter(entity=entity).values_list("slug", "currency"))
        self.funds = set(Fund.objects.filter(entity=entity).values_list("pk", flat=True))


def _problem_of_line(line: Line, known: _Known, *, is_approver: bool) -> str | None:
    if line.purpose in KEPT:
        return _("This account follows donations; it is never booked by hand.")
    if line.purpose in MIRRORS and not is_approver:
        return _("This account says what the bank or the provider says; only a finance approver books there by hand.")
    if not _is_known(line, known):
        return _("There is no such account.")
    if line.fund_id is not None and line.fund_id not in known.funds:
        return _("There is no such fund.")
    if not line.amount.minor:
        return _("A line has an amount.")
    if abs(line.amount.minor) >= LARGEST_LINE:
        return _("The amount is too large.")
    bank = known.banks.get(line.provider)
    if bank and bank != line.amount.currency:
        return _("This bank account is kept in %(currency)s.") % {"currency": bank}
    return None


def _is_known(line: Line, known: _Known) -> bool:
    if line.purpose == Purpose.HAND:
        return line.provider in IN_HAND
    if line.purpose == Purpose.BANK:
        return line.provider in known.banks
    return known.chart.known(line.purpose, line.provider)


def _problems_of_balance(lines: Sequence[Line]) -> list[Problem]:
    found = []
    for currency in dict.fromkeys(line.amount.currency for line in lines):
        off = sum(line.amount.minor for line in lines if line.amount.currency == currency)
        if off:
            side = _("too much debit") if off > 0 else _("too much credit")
            words = _("%(currency)s does not balance: %(amount)s %(side)s.")
            amount = f"{Money(abs(off), currency).decimal:f}"
            found.append(Problem(words % {"currency": currency, "amount": amount, "side": side}))
    return found


def _type_of(data: bytes) -> str | None:
    return next((kind for magic, kind in TYPES.items() if data.startswith(magic)), None)


def _safe_name(name: str) -> str:
    return get_valid_filename(name.rpartition("/")[2].rpartition("\\")[2] or "voucher")[-200:]


def _problems_of_attachment(attachment: Attachment | None) -> list[Problem]:
    if attachment is None:
        return []
    if len(attachment.data) > MOST_BYTES:
        return [Problem(_("The attachment is larger than 10 MB."))]
    if _type_of(attachment.data) is None:
        return [Problem(_("An attachment is a PDF, a PNG or a JPEG file."))]
    return []
