"""Donations that staff record: cheques, cash, donations in kind, and bank lines that nobody had announced.

They are the same donations, with the same states, counts and receipts. Money that staff hold is in hand until its bank
line is matched (`offline.deposit`, or a match by hand).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from .. import donations, drafts, ledger, offline, trail
from ..bank import matching
from ..drafts import DonationDraft
from ..models import BankLine, Channel, Donation, DonationState, Entry, Match, MatchKind, MatchReason
from ..money import Money
from . import cash

IN_HAND = frozenset({Channel.CHEQUE, Channel.CASH})


class NotRecordable(Exception):
    """The donation cannot be recorded so. `code`: future | too_much_cash | no_text | no_line | recorded_before.

    `limit` of cash; `before`, the donation that was recorded of the same.
    """

    def __init__(self, code: str, limit: Money | None = None, before: Donation | None = None) -> None:
        super().__init__(code)
        self.code, self.limit, self.before = code, limit, before


@dataclass(frozen=True)
class Recorded:
    """What staff know beside the draft: how it came, on which day, and what it was if it came in kind."""

    channel: Channel
    given_on: date
    in_kind: str = ""
    cheque: str = ""  # its number, without names
    is_another: bool = False  # though one like it was recorded: of this donor, day, way and amount


@transaction.atomic
def record_donation(draft: DonationDraft, recorded: Recorded, *, uuid: UUID, by: User) -> Donation:
    """Record a cheque, cash, or a donation in kind, noted without a value; the same `uuid` again is the same one.

    Raises NotRecordable.
    """
    if known := Donation.objects.filter(uuid=uuid, entity=draft.round.appeal.campaign.entity_id).first():
        return known
    _refuse(draft, recorded)
    donation = drafts.record(draft, uuid=uuid, channel=recorded.channel, in_kind=recorded.in_kind)
    if not recorded.is_another:
        _refuse_the_same(donation, recorded.given_on)
    if recorded.channel == Channel.IN_KIND:
        _note_in_kind(donation, recorded.given_on)
    else:
        offline.receive_into(
            donations.locked(uuid),
            key=f"recorded:{uuid}",
            amount=draft.amount,
            at=noon(recorded.given_on),
            by=by,
            source=offline.hand(donation.entity_id, recorded.channel, draft.amount.currency),
        )
    _trail(donation, recorded, by)
    return donation


@transaction.atomic
def record_from_line(draft: DonationDraft, line: BankLine, *, uuid: UUID, by: User) -> Match:
    """Record a donation that came by bank transfer and was not announced, and match its line. Raises NotRecordable.

    Also what matching raises: NotMatchable where the line is explained by now.
    """
    bank = line.bank_account
    if bank.entity_id != draft.round.appeal.campaign.entity_id or draft.amount != Money(
        line.unexplained_minor, bank.currency
    ):
        raise NotRecordable("no_line")
    donation = drafts.record(draft, uuid=uuid, channel=Channel.BANK, in_kind="")
    match = matching.match_line(
        line,
        kind=MatchKind.DONATION,
        amount_minor=draft.amount.minor,
        by=by,
        reasons=[MatchReason.RECORDED],
        donation=donation,
    )
    _trail(donation, Recorded(Channel.BANK, line.booked_on), by)
    return match


def _refuse(draft: DonationDraft, recorded: Recorded) -> None:
    if recorded.given_on > timezone.localdate():
        raise NotRecordable("future")
    if recorded.channel == Channel.IN_KIND and not recorded.in_kind.strip():
        raise NotRecordable("no_text")
    if recorded.channel != Channel.CASH:
        return
    limit = cash.refused_from(draft.round.appeal.campaign.entity, draft.amount.currency)
    if limit and draft.amount.minor >= limit.minor:
        raise NotRecordable("too_much_cash", limit)


def _refuse_the_same(donation: Donation, given_on: date) -> None:
    """A form that comes back filled in, sent once more, is no second cheque unless somebody says so."""
    before = Donation.objects.filter(
        donor=donation.donor,
        channel=donation.channel,
        currency=donation.currency,
        amount_minor=donation.amount_minor,
        received_at=noon(given_on),
        state=DonationState.RECEIVED,
    )
    if same := before.order_by("pk").last():
        raise NotRecordable("recorded_before", before=same)


def _note_in_kind(donation: Donation, given_on: date) -> None:
    """Received, with a fund, and in no total: there is nothing to book."""
    appeal = donation.round.appeal
    fund = appeal.fund_id if appeal.takes_money else appeal.late_fund_id
    Donation.objects.filter(pk=donation.pk).update(
        state=DonationState.RECEIVED, received_at=noon(given_on), fund_id=fund
    )


def noon(day: date) -> datetime:
    """A day without an hour, so that it is the same day in every time zone of Europe and America."""
    return datetime.combine(day, time(12), UTC)


def _trail(donation: Donation, recorded: Recorded, by: User) -> None:
    trail.record(
        "donation_recorded",
        by=by,
        about=f"donation:{donation.uuid}",
        entity=donation.entity,
        after={
            "channel": recorded.channel,
            "amount_minor": donation.amount_minor,
            "currency": donation.currency,
            "given_on": recorded.given_on,
            "cheque": recorded.cheque,
        },
    )


@transaction.atomic
def bounce_cheque(donation: Donation, *, at: datetime, by: User, reason: str) -> Entry:
    """The bank did not honour a cheque: what it had brought is taken back. Raises NotRecordable for anything else.

    Once it was banked its bank line takes it out of the bank, by a match with the cheques in hand.
    """
    locked = donations.locked(donation.uuid)
    key = f"recorded:{donation.uuid}"
    if donation.channel != Channel.CHEQUE or ledger.booked(key) is None:
        raise NotRecordable("no_line")
    left = donations.net_received(locked)
    if left.minor <= 0:
        raise NotRecordable("no_line")
    posted = offline.take_back(locked, amount=left, key=f"{key}:bounced", at=at)
    trail.record(
        "cheque_bounced",
        by=by,
        about=f"donation:{donation.uuid}",
        entity=donation.entity,
        after={"amount_minor": left.minor, "currency": left.currency},
        reason=reason,
    )
    return Entry.objects.get(pk=posted.entry_id)
