"""Donations that come past the provider: by bank transfer, by cheque, in cash, in kind.

The same donations, by the same rules, as those paid online. A donor who prefers a bank transfer opens a donation with a
reference to quote; staff record the others. Money counts when it is here: a transfer when its bank line is matched
with the donation (fundraising/bank/), cheques and cash when they are in our hands.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from .. import donations, ledger, trail
from ..donations import UNPAID, NotBookedYet
from ..drafts import DonationDraft, open_donation
from ..ledger import Bucket, Posted
from ..models import BankAccount, Channel, Donation, DonationState, Entry, LegalEntity, Purpose
from ..money import Money
from .references import new_reference


class AlreadyReceived(Exception):
    """Money came for this donation before: what comes now is another donation, or to be sent back."""


class OtherCurrency(Exception):
    """The money is in another currency than the donation."""


class TooMuch(Exception):
    """More is to go back than is left of the donation."""


class MoreIsBooked(Exception):
    """The receipt of money cannot be undone while other facts of the donation rest on it."""


class NoAccount(Exception):
    """The legal entity shows donors no bank account in this currency."""


# --- A donor who gives by bank transfer -------------------------------------------------------------


def account_for(entity_id: int, currency: str) -> BankAccount | None:
    """The bank account that donors of this currency are shown, if there is one."""
    return BankAccount.objects.filter(entity=entity_id, currency=currency, takes_donations=True).first()


def open_transfer(draft: DonationDraft) -> Donation:
    """Open a donation that will come by bank transfer, with a reference to quote; raises NoAccount and NotOpen.

    It stays open until its money comes, however late. The same form sent twice is the same donation.
    """
    entity_id = draft.round.appeal.campaign.entity_id
    if account_for(entity_id, draft.amount.currency) is None:
        raise NoAccount(draft.amount.currency)
    donation = open_donation(draft)
    while donation.transfer_reference is None:
        _give_reference(donation)
    return donation


def _give_reference(donation: Donation) -> None:
    """Give the donation a reference that no other has, unless somebody else just did."""
    unpaid = Donation.objects.filter(pk=donation.pk, state__in=UNPAID, transfer_reference=None)
    try:
        with transaction.atomic():
            unpaid.update(transfer_reference=new_reference(), channel=Channel.BANK)
    except IntegrityError:  # another donation has it: once more
        return
    donation.refresh_from_db()


def awaited(entity: LegalEntity) -> QuerySet[Donation]:
    """Donations by bank transfer whose money is still to come, newest first."""
    unpaid = Donation.objects.filter(entity=entity, state=DonationState.OPENED).exclude(channel=Channel.ONLINE)
    return unpaid.order_by("-opened_at", "-pk")


# --- Money that came to our bank accounts; called when a bank line is matched, or its match is undone -----------


def bank_suspense(entity_id: int, bank: str, currency: str) -> Bucket:
    """Where lines of a bank account (its slug) wait until they are explained."""
    return Bucket(entity_id, Purpose.SUSPENSE, currency, provider=bank)


def hand(entity_id: int, channel: Channel, currency: str) -> Bucket:
    """Cash or cheques in our hands."""
    return Bucket(entity_id, Purpose.HAND, currency, provider=channel)


@transaction.atomic
def receive_from_bank(
    donation_uuid: UUID, *, key: str, amount: Money, at: datetime, bank: str, by: User | None = None
) -> Posted:
    """Book a line of the bank account `bank` (its slug) as this donation's money. It counts at what came.

    Another amount than the announced one takes its place, and the trail says so. Raises AlreadyReceived, OtherCurrency.
    """
    donation = donations.locked(donation_uuid)
    return receive_into(donation, key=key, amount=amount, at=at, by=by, source=_suspense_of(donation, bank))


def _suspense_of(donation: Donation, bank: str) -> Bucket:
    return bank_suspense(donation.entity_id, bank, donation.currency)


def receive_into(
    donation: Donation, *, key: str, amount: Money, at: datetime, by: User | None, source: Bucket
) -> Posted:
    """Book what came through `source` for a locked donation; raises AlreadyReceived, OtherCurrency."""
    if entry := ledger.booked(key):
        return Posted(entry.pk, is_new=False)
    if donation.state not in UNPAID:
        raise AlreadyReceived(donation.reference)
    if amount.currency != donation.currency:
        raise OtherCurrency(donation.reference)
    announced = donation.amount
    if amount != announced:
        Donation.objects.filter(pk=donation.pk).update(
            amount_minor=amount.minor, announced_minor=announced.minor, fee_cover_minor=0
        )
    posted = donations.receive_through(donation, key=key, amount=amount, at=at, source=source)
    if amount != announced:
        trail.record(
            "announced_amount_replaced",
            by=by,
            about=f"donation:{donation.uuid}",
            entity=LegalEntity(pk=donation.entity_id),
            before={"amount_minor": announced.minor, "currency": announced.currency},
            after={"amount_minor": amount.minor, "currency": amount.currency},
        )
    return posted


@transaction.atomic
def undo_receipt_from_bank(key: str, *, at: datetime) -> Posted:
    """The line was not this donation's after all: reverse its entry and open the donation again, as announced.

    Its receipt is voided by receipts/. Raises NotBookedYet, and MoreIsBooked while a refund of it stands.
    """
    received, donation = donations.fact_and_donation(key)
    if undone := Entry.objects.filter(reverses=received).first():
        return Posted(undone.pk, is_new=False)
    standing = Entry.objects.filter(donation=received.donation_id, reverses=None, reversed_by=None)
    if donation is None or standing.exclude(pk=received.pk).exists():
        raise MoreIsBooked(key)
    posted = ledger.reverse(received, key=f"{key}:undone", occurred_at=at)
    donations.count(donation, posted, donations.sides_of(received)[1], step=-1)
    Donation.objects.filter(pk=donation.pk).update(
        received_at=None,
        fund=None,
        state=DonationState.OPENED,
        submission=donations.free_submission(donation),
        amount_minor=Coalesce("announced_minor", "amount_minor"),
        announced_minor=None,
    )
    return posted


@transaction.atomic
def refund_from_bank(donation_uuid: UUID, *, key: str, amount: Money, at: datetime, bank: str) -> Posted:
    """Book a line by which our bank sent `amount` (positive) back to the donor, however it had come.

    A refund from our bank is booked when its line is here, never when it is ordered. Raises NotBookedYet, TooMuch.
    """
    donation = donations.locked(donation_uuid)
    return _give_back(donation, Purpose.REFUNDS, key=key, amount=amount, at=at, source=_suspense_of(donation, bank))


@transaction.atomic
def undo_refund_from_bank(key: str, *, at: datetime) -> Posted:
    """The line was no refund of this donation: reverse its entry; raises NotBookedYet without it."""
    refund, donation = donations.fact_and_donation(key)
    posted = ledger.reverse(refund, key=f"{key}:undone", occurred_at=at)
    if donation:
        donations.follow(donation, posted, _income_of(donation))
    return posted


def _give_back(
    donation: Donation, purpose: Purpose, *, key: str, amount: Money, at: datetime, source: Bucket
) -> Posted:
    if entry := ledger.booked(key):
        return Posted(entry.pk, is_new=False)
    income = _income_of(donation)
    if amount.currency != donation.currency:
        raise OtherCurrency(donation.reference)
    if not 0 < amount.minor <= donations.net_received(donation).minor:
        raise TooMuch(donation.reference)
    legs = {source: -amount.minor, donations.contra(income, purpose): amount.minor}
    posted = ledger.post(key=key, legs=legs, occurred_at=at, donation_id=donation.pk)
    donations.follow(donation, posted, income)
    return posted


def take_back(donation: Donation, *, key: str, amount: Money, at: datetime) -> Posted:
    """Book what was in our hands and turned out to be worth nothing (a cheque), out of the account it came into."""
    standing = Entry.objects.filter(donation=donation, reverses=None, reversed_by=None)
    received = standing.filter(postings__account__purpose=Purpose.DONATIONS).first()
    if received is None:
        raise NotBookedYet(donation.reference)
    source = donations.sides_of(received)[0]
    return _give_back(donation, Purpose.CHARGEBACKS, key=key, amount=amount, at=at, source=source)


def _income_of(donation: Donation) -> Bucket:
    """The account that the donation's money went to; raises NotBookedYet."""
    standing = Entry.objects.filter(donation=donation, reverses=None, reversed_by=None)
    received = standing.filter(postings__account__purpose=Purpose.DONATIONS).first()
    if received is None:
        raise NotBookedYet(donation.reference)
    return donations.sides_of(received)[1]


@transaction.atomic
def deposit(entity_id: int, *, key: str, amount: Money, at: datetime, bank: str, channel: Channel) -> Posted:
    """Book a bank line as cash or cheques that we took to the bank; negative: a cheque that came back unpaid."""
    legs = {
        bank_suspense(entity_id, bank, amount.currency): amount.minor,
        hand(entity_id, channel, amount.currency): -amount.minor,
    }
    return ledger.post(key=key, legs=legs, occurred_at=at)
