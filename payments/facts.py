"""Facts: what a Stripe object means for the books. Used by webhooks and by every sweep alike.

Each function takes an object as Stripe sent it (a dict) and may be called any number of times, in any
order; the ledger's keys carry the object's own id.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from fundraising import donations, ledger
from fundraising.donations import NotBookedYet, in_transaction
from fundraising.money import Money

from .gateway import moment
from .models import ENDED, EventState, InboxEvent, Payment, PaymentState, StripeAccount

Object = dict[str, Any]
# A completed checkout whose charge no webhook has told of by then is looked up.
CHARGE_EVENT_WITHIN = timedelta(seconds=20)
UNDER_WAY = [PaymentState.CREATED, PaymentState.UNKNOWN, PaymentState.OPEN]


def charge_key(charge_id: str) -> str:
    return f"charge:{charge_id}"


def refunds_of(charge_id: str) -> str:
    """What an event waits for that knows a charge was refunded, but not by which refunds."""
    return f"refunds of {charge_id}"


def refund_key(refund_id: str) -> str:
    return f"refund:{refund_id}"


def _amount(minor: int, currency: str) -> Money:
    """What was charged or given back; raises ValueError unless it is more than nothing."""
    amount = Money.of_stripe(minor, currency)
    if amount.minor <= 0:
        raise ValueError(f"{amount} is no amount of a charge or refund")
    return amount


def payment_of(account: StripeAccount, thing: Object) -> Payment | None:
    """The attempt that an object belongs to: by our UUID in its metadata, else by payment intent."""
    attempts = Payment.objects.filter(account=account).select_related("donation")
    uuid = (thing.get("metadata") or {}).get("payment") or thing.get("client_reference_id")
    if uuid:
        try:
            return attempts.filter(uuid=UUID(uuid)).first()
        except ValueError:
            return None
    intent = thing.get("payment_intent")
    return attempts.filter(payment_intent_id=intent).first() if intent else None


@in_transaction
def book_charge(account: StripeAccount, charge: Object) -> bool:
    """Book a succeeded charge to its donation, or to suspense when it is none of ours."""
    if charge["status"] != "succeeded" or not charge["captured"]:
        return False
    key, at = charge_key(charge["id"]), moment(charge["created"])
    amount = _amount(charge["amount_captured"], charge["currency"])
    payment = payment_of(account, charge)
    if payment is None:
        is_new = donations.book_unmatched(
            key=key, entity_id=account.entity_id, amount=amount, at=at, provider=account.slug
        )
    else:
        Payment.objects.filter(pk=payment.pk, charge_id=None).update(
            state=PaymentState.SUCCEEDED, charge_id=charge["id"], payment_intent_id=charge["payment_intent"] or None
        )
        is_new = donations.receive_donation(payment.donation.uuid, key=key, amount=amount, at=at, provider=account.slug)
    if is_new:
        _unpark(key)
    return is_new


def book_refund(account: StripeAccount, refund: Object) -> bool:
    """Book a refund; one that failed or was cancelled is booked and reversed, whichever comes first."""
    if not refund.get("charge") or refund["status"] == "requires_action":
        return False
    key, charge, at = refund_key(refund["id"]), charge_key(refund["charge"]), moment(refund["created"])
    amount = _amount(refund["amount"], refund["currency"])
    with in_transaction:
        is_new = donations.refund_donation(key=key, charge_key=charge, amount=amount, at=at)
        if refund["status"] in {"failed", "canceled"}:
            is_new |= donations.undo_refund(key=key, charge_key=charge, at=timezone.now())
        if is_new:
            _unpark(refunds_of(refund["charge"]))
    return is_new


def require_refunds(charge: Object) -> None:
    """A charge tells how much of it was refunded, not by which refunds; raises NotBookedYet for the rest.

    Refunds that failed since count: the charge is as it was when the event was made.
    """
    key = charge_key(charge["id"])
    booked_charge = ledger.booked(key)
    if booked_charge is None:
        raise NotBookedYet(key)
    refunded = Money.of_stripe(charge["amount_refunded"], charge["currency"])
    if booked_charge.donation and donations.ever_refunded(booked_charge.donation) < refunded:
        raise NotBookedYet(refunds_of(charge["id"]))


@in_transaction
def session_completed(account: StripeAccount, session: Object) -> None:
    """The donor finished the checkout. Paid: the charge will tell. Unpaid: the bank has yet to send it."""
    payment = payment_of(account, session)
    if payment is None or session["mode"] != "payment":
        return
    intent = session.get("payment_intent")
    moved = _standing(payment).update(
        state=PaymentState.COMPLETED,
        session_id=session["id"],
        payment_intent_id=intent or None,
        look_up_at=timezone.now() + CHARGE_EVENT_WITHIN,
    )
    if moved and session["payment_status"] == "unpaid":
        donations.announce_donation(
            payment.donation.uuid,
            provider_id=intent or session["id"],
            amount=Money.of_stripe(session["amount_total"], session["currency"]),
            at=moment(session["created"]),
        )


def session_failed(account: StripeAccount, session: Object) -> None:
    """The bank did not send the money that was announced."""
    if payment := payment_of(account, session):
        _fail(payment)


@in_transaction
def _fail(payment: Payment) -> None:
    if _standing(payment).update(state=PaymentState.FAILED, error_code="async_payment_failed"):
        donations.withdraw_announcement(payment.donation.uuid, at=timezone.now())


def _standing(payment: Payment) -> QuerySet[Payment]:
    """The attempt, unless it has ended."""
    return Payment.objects.filter(pk=payment.pk).exclude(state__in=ENDED)


@in_transaction
def book_debit(payment: Payment, charge: Object) -> None:
    """What the newest charge of a completed checkout means that has not succeeded: announced, or never to come."""
    if charge["status"] == "failed":
        _fail(payment)
    elif charge["status"] == "pending" and _standing(payment).select_for_update().first():
        donations.announce_donation(
            payment.donation.uuid,
            provider_id=charge["payment_intent"],
            amount=Money.of_stripe(charge["amount"], charge["currency"]),
            at=moment(charge["created"]),
        )


def session_expired(account: StripeAccount, session: Object) -> None:
    """Nobody paid in time; the donation can be tried again."""
    if payment := payment_of(account, session):
        Payment.objects.filter(pk=payment.pk, state__in=UNDER_WAY).update(state=PaymentState.EXPIRED)


def attempt_failed(account: StripeAccount, intent: Object) -> None:
    """A card was declined. The checkout stays open; the donor's page can say why it failed last."""
    payment = payment_of(account, {**intent, "payment_intent": intent["id"]})
    error = intent.get("last_payment_error") or {}
    if payment:
        code = str(error.get("decline_code") or error.get("code") or "declined")[:60]
        _standing(payment).update(error_code=code)


def _unpark(key: str) -> None:
    """A fact has been booked: the events that waited for it are due at once, as if new.

    One that another worker has in hand is left to its back-off: it may be waiting for our locks.
    """
    waiting = InboxEvent.objects.filter(state=EventState.PARKED, waits_for=key).select_for_update(skip_locked=True)
    if ids := list(waiting.values_list("pk", flat=True)):
        InboxEvent.objects.filter(pk__in=ids).update(next_attempt_at=timezone.now(), attempts=0)
