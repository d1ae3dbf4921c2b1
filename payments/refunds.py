"""Refunds that we want: from the desk, or because a card network warned. Stored first, then asked for, then booked.

The request's UUID goes along as metadata under whichever idempotency key, so that a call of unknown outcome can be
looked up. What Stripe answers is booked as any refund is; should we die before, its webhook does it.
"""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from fundraising import donations
from fundraising.ledger import booked
from fundraising.models import Donation
from fundraising.money import Money

from . import asking, facts, gateway
from .models import (
    REFUND_OPEN,
    Dispute,
    FraudRefundLimit,
    FraudWarning,
    Payment,
    RefundReason,
    RefundRequest,
    RefundState,
)

log = logging.getLogger(__name__)


class NotRefundable(Exception):
    """Nothing was stored. `code`: not_charged | disputed | under_way | too_much; `left` could be refunded."""

    def __init__(self, code: str, left: Money) -> None:
        super().__init__(code)
        self.code, self.left = code, left


@transaction.atomic
def request_refund(donation: Donation, *, uuid: UUID, amount: Money, reason: RefundReason, by: str) -> RefundRequest:
    """Store that the desk wants `amount` given back; the same `uuid` again is the same refund. Raises NotRefundable."""
    locked = Donation.objects.select_for_update().get(pk=donation.pk)
    if same := RefundRequest.objects.filter(uuid=uuid, donation=locked).first():
        return same
    payment, left = _refundable(locked)
    if amount.currency != left.currency or not 0 < amount.minor <= left.minor:
        raise NotRefundable("too_much", left)
    return RefundRequest.objects.create(
        uuid=uuid,
        account=payment.account,
        charge_id=payment.charge_id or "",
        donation=locked,
        currency=amount.currency,
        amount_minor=amount.minor,
        reason=reason,
        asked_by=by,
    )


def _refundable(donation: Donation) -> tuple[Payment, Money]:
    """The payment that was charged and what is left of it; raises NotRefundable. Under the donation's lock."""
    left = donations.net_received(donation)
    charged = Payment.objects.filter(donation=donation).exclude(charge_id=None).select_related("account").order_by("pk")
    payment = next((each for each in charged if _is_booked_to(donation, each)), None)
    if payment is None:
        raise NotRefundable("not_charged", left)
    if donations.withheld(donation):
        raise NotRefundable("disputed", left)
    if RefundRequest.objects.filter(charge_id=payment.charge_id, state__in=REFUND_OPEN).exists():
        raise NotRefundable("under_way", left)
    return payment, left


def _is_booked_to(donation: Donation, payment: Payment) -> bool:
    """A second charge of a donation is in suspense, not in its books."""
    charge = booked(facts.charge_key(payment.charge_id or ""))
    return charge is not None and charge.donation_id == donation.pk


def decide_warnings(limit: int = 200) -> int:
    """Decide which warned charges are refunded without asking, by their account's limits; how many will be."""
    undecided = FraudWarning.objects.filter(decided_at=None).order_by("warned_at")
    return sum(_decide(warning_id) for warning_id in undecided.values_list("pk", flat=True)[:limit])


@transaction.atomic
def _decide(warning_id: int) -> bool:
    row = FraudWarning.objects.select_for_update(skip_locked=True, of=("self",)).select_related("account")
    warning = row.filter(pk=warning_id, decided_at=None).first()
    if warning is None:  # another worker has it
        return False
    charge = booked(facts.charge_key(warning.charge_id))
    if charge is None:  # still to come
        return False
    FraudWarning.objects.filter(pk=warning.pk).update(decided_at=timezone.now())
    if charge.donation_id is None:  # in suspense: staff decide
        return False
    donation = Donation.objects.select_for_update().get(pk=charge.donation_id)
    limit = FraudRefundLimit.objects.filter(account=warning.account, currency=donation.currency).first()
    disputed = Dispute.objects.filter(account=warning.account, charge_id=warning.charge_id).exists()
    if limit is None or disputed or donations.ever_refunded(donation):
        return False
    try:
        payment, left = _refundable(donation)
    except NotRefundable:
        return False
    if payment.charge_id != warning.charge_id or not 0 < left.minor <= limit.amount_minor:
        return False
    RefundRequest.objects.create(
        account=warning.account,
        charge_id=warning.charge_id,
        donation=donation,
        warning=warning,
        currency=left.currency,
        amount_minor=left.minor,
        reason=RefundReason.FRAUDULENT,
    )
    return True


def carry_out_due(limit: int = 100) -> int:
    """Ask Stripe for the refunds that are due, and look up those without an answer; how many were made."""
    return sum(carry_out(pk) == RefundState.MADE for pk in asking.due_ids(RefundRequest.objects.all(), limit))


def carry_out(request_id: int) -> RefundState:
    """Ask Stripe for one refund, unless somebody else is at it; the state it is in then. Never within a transaction."""
    wanted = _claim(request_id)
    if wanted:
        _ask(wanted)
    return RefundState(RefundRequest.objects.values_list("state", flat=True).get(pk=request_id))


@transaction.atomic
def _claim(request_id: int) -> RefundRequest | None:
    """The request, claimed; a key that is spent is exchanged for a fresh one, stored before it is used.

    Why there are never two refunds: Stripe makes one at most under a key. A key is spent once Stripe repeats the
    failure it keeps there; the call that failed is over then, no other under that key will do anything, not even that
    of a worker long taken for dead, and what the failed one made, if anything, can be looked up under the request's
    UUID. The look-up comes before the fresh key is used, and ASK_AGAIN after the failure, by when Stripe's list has it.
    """
    wanted = asking.claim(RefundRequest.objects.select_related("account"), request_id)
    if wanted and wanted.spent_at:
        wanted.key_from, wanted.spent_at = wanted.spent_at, None
        wanted.save(update_fields=["key_from", "spent_at"])
    return wanted


def _ask(wanted: RefundRequest) -> None:
    try:
        made = gateway.find_refund(wanted) if wanted.state == RefundState.ASKED else None
    except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
        log.warning("refund %s not looked up: %s", wanted.uuid, error)
        return asking.end_call(wanted, RefundState.ASKED)
    try:
        made = made or gateway.refund_charge(wanted)
    except gateway.Unavailable:
        return asking.end_call(wanted, wanted.state)
    except gateway.UnknownOutcome as error:
        if error.is_replay:
            _spend(wanted)
        return asking.end_call(wanted, RefundState.ASKED)
    except gateway.Refused as refused:
        log.warning("refund %s refused: %s", wanted.uuid, refused.code)
        RefundRequest.objects.filter(pk=wanted.pk).update(state=RefundState.REFUSED, error_code=refused.code[:60])
        return None
    RefundRequest.objects.filter(pk=wanted.pk).update(state=RefundState.MADE, refund_id=made["id"])
    facts.book_refund(wanted.account, made)
    return None


def _spend(wanted: RefundRequest) -> None:
    """Note that nothing will come of this key any more, unless another worker has a fresh one by now."""
    spent = RefundRequest.objects.filter(pk=wanted.pk, state=RefundState.ASKED, key_from=wanted.key_from)
    spent.update(spent_at=timezone.now())
