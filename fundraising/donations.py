"""The verbs of a donation: announce, receive, refund, settle. Only booked facts move it.

Each verb is one database transaction and may be called any number of times for the same fact.
Lock order: donation, donor, then the ledger.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum

from . import ledger
from .ledger import Bucket, Posted
from .models import (
    BROUGHT,
    Appeal,
    Channel,
    Donation,
    DonationState,
    Entry,
    Notice,
    NoticeKind,
    Posting,
    Purpose,
    Round,
)
from .money import Money

# One verb is one database transaction; called within a larger one it needs no savepoint of its own,
# because whoever opened that one decides what an error undoes.
in_transaction = transaction.atomic(savepoint=False)


UNPAID = frozenset({DonationState.OPENED, DonationState.PENDING})
# Before the key of money that had matched nothing: its entry once somebody said what it is.
ASSIGNED = "assigned:"
# Accounts that a refund lowers themselves; those of donations have contra accounts.
LOWERED_THEMSELVES = frozenset({Purpose.SUSPENSE, Purpose.OTHER_INCOME})


class NotBookedYet(LookupError):
    """The fact rests on another one that has not been booked; come back when it has."""


def announced_key(provider_id: str) -> str:
    return f"announced:{provider_id}"


@in_transaction
def announce_donation(donation_uuid: UUID, *, provider_id: str, amount: Money, at: datetime) -> bool:
    """Note money that the bank has yet to send (SEPA debit). Shown apart, never as received."""
    donation = locked(donation_uuid)
    if donation.state not in UNPAID:
        return False
    fund = donation.round.appeal.fund_id
    pending, announced = (
        Bucket(donation.entity_id, purpose, amount.currency, fund, donation.round_id)
        for purpose in (Purpose.PENDING, Purpose.ANNOUNCED)
    )
    posted = ledger.post(
        key=announced_key(provider_id),
        legs={pending: amount.minor, announced: -amount.minor},
        occurred_at=at,
        donation_id=donation.pk,
    )
    if posted.is_new:
        Donation.objects.filter(pk=donation.pk).update(state=DonationState.PENDING)
    return posted.is_new


@in_transaction
def withdraw_announcement(donation_uuid: UUID, *, at: datetime) -> bool:
    """The announced money will not come: take the announcement back, the donation can be tried again."""
    donation = locked(donation_uuid)
    withdrawn = _end_announcements(donation, at)
    if donation.state == DonationState.PENDING:
        _reopen(donation)
        _tell_of_missing_debit(donation, at)
    return withdrawn


def _tell_of_missing_debit(donation: Donation, at: datetime) -> None:
    """Under a mandate the donor is told of the collection instead (fundraising/mandates/__init__.py)."""
    if Donation.objects.filter(pk=donation.pk, mandate=None).exists():
        withdrawn = Entry.objects.filter(donation=donation, key__startswith=announced_key("")).order_by("pk").last()
        Notice.objects.get_or_create(
            donation=donation,
            mandate=None,
            kind=NoticeKind.DEBIT_FAILED,
            about=withdrawn.key if withdrawn else "",
            defaults={"at": at},
        )


def _reopen(donation: Donation) -> None:
    """Back to `opened`."""
    submission = free_submission(donation)
    Donation.objects.filter(pk=donation.pk).update(state=DonationState.OPENED, submission=submission)


def free_submission(donation: Donation) -> str:
    """The submission of a donation that opens again; should the same form be open anew, it steps out of its way."""
    submission = donation.submission
    if Donation.objects.filter(submission=submission, state=DonationState.OPENED).exists():
        submission = hashlib.sha256(f"{submission}{donation.uuid}".encode()).hexdigest()
    return submission


def _end_announcements(donation: Donation, at: datetime) -> bool:
    standing = Entry.objects.filter(
        donation=donation, key__startswith=announced_key(""), reversed_by=None, reverses=None
    )
    ended = False
    for entry in standing:
        ended |= ledger.reverse(entry, key=f"{entry.key}:ended", occurred_at=at).is_new
    return ended


@in_transaction
def receive_donation(
    donation_uuid: UUID, *, key: str, amount: Money, at: datetime, provider: str, paid_with: str = ""
) -> bool:
    """Book money that arrived for a donation; False if this fact was booked before.

    After the appeal has closed the money goes to its secondary purpose. A second charge on one
    donation is no second donation: it goes to suspense, for staff to give back.
    """
    donation = locked(donation_uuid)
    if donation.state not in UNPAID:
        if ledger.booked(key):
            return False
        return book_unmatched(key=key, entity_id=donation.entity_id, amount=amount, at=at, provider=provider)
    clearing = Bucket(donation.entity_id, Purpose.CLEARING, amount.currency, provider=provider)
    posted = receive_through(donation, key=key, amount=amount, at=at, source=clearing, paid_with=paid_with)
    return posted.is_new


def receive_through(
    donation: Donation, *, key: str, amount: Money, at: datetime, source: Bucket, paid_with: str = ""
) -> Posted:
    """Book money that came for a locked, unpaid donation through the account `source`."""
    appeal = donation.round.appeal
    late = not appeal.takes_money
    fund = appeal.late_fund_id if late else appeal.fund_id
    income = Bucket(donation.entity_id, Purpose.DONATIONS, amount.currency, fund, None if late else donation.round_id)
    if donation.state == DonationState.PENDING:
        _end_announcements(donation, at)
    posted = ledger.post(
        key=key, legs={source: amount.minor, income: -amount.minor}, occurred_at=at, donation_id=donation.pk
    )
    if posted.is_new:
        _set_received(donation, at, fund, _channel(source), paid_with)
        count(donation, posted, income, step=1)
    return posted


def _channel(source: Bucket) -> Channel:
    """How money came, by the account that it came into."""
    match source.purpose:
        case Purpose.SUSPENSE:
            return Channel.BANK
        case Purpose.HAND:
            return Channel(source.provider)
        case _:
            return Channel.ONLINE


def _set_received(donation: Donation, at: datetime, fund_id: int, channel: Channel, paid_with: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE fundraising_donation SET state = 'received', received_at = %s, fund_id = %s, channel = %s,
                                               paid_with = %s
               WHERE id = %s""",
            [at, fund_id, channel, paid_with[:30], donation.pk],
        )


@in_transaction
def book_unmatched(*, key: str, entity_id: int, amount: Money, at: datetime, provider: str) -> bool:
    """Book money that belongs to no donation of ours to suspense, where staff will see it."""
    clearing = Bucket(entity_id, Purpose.CLEARING, amount.currency, provider=provider)
    suspense = Bucket(entity_id, Purpose.SUSPENSE, amount.currency)
    posted = ledger.post(key=key, legs={clearing: amount.minor, suspense: -amount.minor}, occurred_at=at)
    return posted.is_new


@in_transaction
def refund_donation(*, key: str, charge_key: str, amount: Money, at: datetime) -> bool:
    """Book money given back, whole or in part; raises NotBookedYet before its charge is booked.

    It leaves by the accounts by which it came, so a refund of suspense money clears suspense.
    """
    return take_back(key, charge_key, amount, at, Purpose.REFUNDS)


@in_transaction
def undo_refund(*, key: str, charge_key: str, at: datetime) -> bool:
    """A refund that had been booked failed, and the money is back; raises NotBookedYet without it."""
    charge, donation = fact_and_donation(charge_key)
    refund = ledger.booked(key)
    if refund is None:
        raise NotBookedYet(key)
    posted = ledger.reverse(refund, key=f"{key}:failed", occurred_at=at)
    follow(donation, posted, sides_of(charge)[1])
    return posted.is_new


@in_transaction
def charge_failed(*, charge_key: str, at: datetime) -> bool:
    """A debit that had been received was returned by the bank; raises NotBookedYet before it was received."""
    charge, donation = fact_and_donation(charge_key)
    received = next(minor for leg, minor in ledger.legs_of(charge).items() if leg.purpose == Purpose.CLEARING)
    currency = sides_of(charge)[0].currency
    is_new = take_back(f"{charge_key}:failed", charge_key, Money(received, currency), at, Purpose.CHARGEBACKS)
    if is_new and donation:
        # Where there was a receipt, the mail that voids it tells the donor (receipts/mail/notices.py).
        Notice.objects.create(donation=donation, kind=NoticeKind.DEBIT_FAILED, about=charge_key, at=at)
    return is_new


def take_back(key: str, charge_key: str, amount: Money, at: datetime, purpose: Purpose) -> bool:
    """Book money that leaves by the accounts by which it came; False if this fact was booked before."""
    charge, donation = fact_and_donation(charge_key)
    if ledger.booked(key):
        return False
    clearing, income = sides_of(charge)
    if amount.currency != clearing.currency:
        raise ledger.LedgerError(f"{key} is in {amount.currency}, its charge in {clearing.currency}")
    posted = ledger.post(
        key=key,
        legs={clearing: -amount.minor, contra(income, purpose): amount.minor},
        occurred_at=at,
        donation_id=charge.donation_id,
    )
    follow(donation, posted, income)
    return True


def follow(donation: Donation | None, posted: Posted, income: Bucket) -> None:
    """Bring a received donation's state and its round's counts to what is booked now."""
    if donation is None or not posted.is_new:
        return
    before, now = DonationState(donation.state), _booked_state(donation)
    if before == now:
        return
    donation.state = now
    Donation.objects.filter(pk=donation.pk).update(state=now)
    if DonationState.RECEIVED in {before, now}:
        count(donation, posted, income, step=1 if now == DonationState.RECEIVED else -1)


def _booked_state(donation: Donation) -> DonationState:
    """Received as long as something of it is with us; else what became of it, the open question first."""
    if net_received(donation).minor > 0:
        return DonationState.RECEIVED
    if withheld(donation).minor > 0:
        return DonationState.DISPUTED
    if _sum(donation, Purpose.CHARGEBACKS).minor > 0:
        return DonationState.CHARGEBACK
    return DonationState.REFUNDED


@in_transaction
def settle(*, key: str, fact_key: str, gross: Money, settled: Money, fee: Money, fee_tax: Money | None = None) -> bool:
    """Book the provider's settlement of a charge or refund: what it paid in, its fee, and the tax within the fee.

    `gross` is in the currency of the charge, `settled` (before fee) and the fee in that of the payout;
    a refund has negative ones. Where the currencies differ the exchange goes through an account that
    keeps both sides, so that every entry balances per currency. Raises NotBookedYet.
    """
    fact = ledger.booked(fact_key)
    if fact is None:
        raise NotBookedYet(fact_key)
    clearing, income = sides_of(fact)
    legs: dict[Bucket, int] = {clearing: -gross.minor}
    provider = Bucket(clearing.entity, Purpose.PROVIDER, settled.currency, provider=clearing.provider)
    fees = Bucket(clearing.entity, Purpose.FEES, fee.currency, fund=income.fund)
    legs[provider] = settled.minor - fee.minor
    tax = fee_tax.minor if fee_tax else 0
    legs[fees] = fee.minor - tax
    legs[Bucket(clearing.entity, Purpose.FEE_TAX, fee.currency, fund=income.fund)] = tax
    if gross.currency != settled.currency:
        round_id = _round_of_exchange(income, settled.currency)
        for side in (gross, -settled):
            legs[Bucket(clearing.entity, Purpose.FX, side.currency, income.fund, round_id)] = side.minor
    posted = ledger.post(key=key, legs=legs, occurred_at=fact.occurred_at, donation_id=fact.donation_id)
    return posted.is_new


def _round_of_exchange(income: Bucket, settled_currency: str) -> int | None:
    """The round, if the exchange went into its appeal's currency: only then is its rate the total's.

    Euros given to an appeal in euros stay those euros though the provider pays out dollars.
    """
    if income.round is None:
        return None
    into_own = Round.objects.filter(pk=income.round, appeal__currency=settled_currency)
    return income.round if into_own.exists() else None


def net_received(donation: Donation) -> Money:
    """Received less refunded, withheld and taken back, as booked."""
    return -_sum(donation, *BROUGHT)


def withheld(donation: Donation) -> Money:
    """What a bank withholds while it decides, as booked."""
    return _sum(donation, Purpose.WITHHELD)


def given_back(donation: Donation) -> Money:
    """What has left for good, by us or by the bank, as booked."""
    return _sum(donation, Purpose.REFUNDS, Purpose.CHARGEBACKS)


def acknowledged(donation: Donation) -> Money:
    """What paper says was given: received less what has left for good. An open dispute does not touch it."""
    return -_sum(donation, Purpose.DONATIONS) - given_back(donation)


def ever_refunded(donation: Donation) -> Money:
    """Given back, with what failed later and is back with us."""
    return _sum(donation, Purpose.REFUNDS, entry__reverses=None)


def _sum(donation: Donation, *purposes: Purpose, **filters: None) -> Money:
    total = Posting.objects.filter(entry__donation=donation, account__purpose__in=purposes, **filters)
    return Money(total.aggregate(sum=Sum("amount_minor"))["sum"] or 0, donation.currency)


def locked(donation_uuid: UUID) -> Donation:
    """The donation, locked, and its donor with it: two donations of one donor are counted one after the other.

    Fields that no verb needs are left unread. By hand, because composing this query took longer than the query.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT donation.id, donation.uuid, donation.entity_id, donation.donor_id, donation.round_id,
                   donation.currency, donation.amount_minor, donation.submission, donation.state,
                   r.id, r.appeal_id,
                   appeal.id, appeal.campaign_id, appeal.fund_id, appeal.late_fund_id, appeal.state
            FROM fundraising_donation donation
            JOIN fundraising_donor donor ON donor.id = donation.donor_id
            JOIN fundraising_round r ON r.id = donation.round_id
            JOIN fundraising_appeal appeal ON appeal.id = r.appeal_id
            WHERE donation.uuid = %s FOR UPDATE OF donation, donor
            """,
            [donation_uuid],
        )
        row = cursor.fetchone()
    if row is None:
        raise Donation.DoesNotExist(donation_uuid)
    donation = Donation.from_db(connection.alias, _OF_DONATION, row[:9])
    donation.round = Round.from_db(connection.alias, ["id", "appeal_id"], row[9:11])
    donation.round.appeal = Appeal.from_db(connection.alias, _OF_APPEAL, row[11:])
    return donation


# In the order of the models' own fields, as from_db wants them.
_OF_DONATION = [
    "id", "uuid", "entity_id", "donor_id", "round_id", "currency", "amount_minor", "submission", "state",
]  # fmt: skip
_OF_APPEAL = ["id", "campaign_id", "fund_id", "late_fund_id", "state"]


def fact_and_donation(charge_key: str) -> tuple[Entry, Donation | None]:
    """A booked fact and its donation, locked; raises NotBookedYet."""
    charge = ledger.booked(charge_key)
    if charge is None:
        raise NotBookedYet(charge_key)
    if charge.donation_id is None:  # in suspense, unless staff have said since what it is
        ledger.locked(charge_key)
        charge = ledger.booked(f"{ASSIGNED}{charge_key}") or charge
    if charge.donation_id is None:
        return charge, None
    return charge, locked(Donation.objects.values_list("uuid", flat=True).get(pk=charge.donation_id))


def sides_of(fact: Entry) -> tuple[Bucket, Bucket]:
    """The account that the money of a charge, refund or bank line moved through, and the one on its other side.

    Suspense stands on the first side where it is a bank account's, and on the second where a charge found no donation.
    """
    sides = sorted(ledger.legs_of(fact), key=lambda leg: leg.purpose not in _OUTER and not leg.provider)
    return sides[0], sides[1]


_OUTER = {Purpose.CLEARING, Purpose.HAND}


def contra(income: Bucket, purpose: Purpose) -> Bucket:
    """The account that lowers an income; suspense and other income are lowered themselves."""
    if income.purpose in LOWERED_THEMSELVES:
        return income
    return Bucket(income.entity, purpose, income.currency, income.fund, income.round)


def count(donation: Donation, posted: Posted, income: Bucket, *, step: int) -> None:
    """Note how the entry changes the counts of the round: `step` donations, and donors if first or last."""
    if income.round is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO fundraising_tally
                (entry_id, round_id, donations, round_donors, appeal_donors, campaign_donors)
            SELECT %(entry)s, %(round)s, %(step)s,
                   CASE WHEN bool_or(r.id = %(round)s) THEN 0 ELSE %(step)s END,
                   CASE WHEN bool_or(r.appeal_id = %(appeal)s) THEN 0 ELSE %(step)s END,
                   CASE WHEN bool_or(appeal.campaign_id = %(campaign)s) THEN 0 ELSE %(step)s END
            FROM fundraising_donation other
            JOIN fundraising_round r ON r.id = other.round_id
            JOIN fundraising_appeal appeal ON appeal.id = r.appeal_id AND appeal.fund_id = other.fund_id
            WHERE other.donor_id = %(donor)s AND other.state = 'received' AND other.id <> %(donation)s
              AND other.amount_minor > 0  -- what came in kind is in no count
            """,
            {
                "entry": posted.entry_id,
                "step": step,
                "round": income.round,
                "appeal": donation.round.appeal_id,
                "campaign": donation.round.appeal.campaign_id,
                "donor": donation.donor_id,
                "donation": donation.pk,
            },
        )
