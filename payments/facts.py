"""Facts: what a Stripe object means for the books. Used by webhooks and by every sweep alike.

Each function takes an object as Stripe sent it (a dict) and may be called any number of times, in any
order; the ledger's keys carry the object's own id.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from fundraising import donations, ledger
from fundraising.donations import NotBookedYet, in_transaction
from fundraising.money import Money

from .gateway import moment
from .mandates.subscriptions import see_card
from .models import ENDED, Payment, PaymentState, StripeAccount

Object = dict[str, Any]
# A completed checkout whose charge no webhook has told of by then is looked up.
CHARGE_EVENT_WITHIN = timedelta(seconds=20)
UNDER_WAY = [PaymentState.CREATED, PaymentState.UNKNOWN, PaymentState.OPEN]
CANCELED = "canceled"  # the error code of an attempt whose intent was cancelled: for good, unlike a decline


def charge_key(charge_id: str) -> str:
    return f"charge:{charge_id}"


def refunds_of(charge_id: str) -> str:
    """What an event waits for that knows a charge was refunded, but not by which refunds."""
    return f"refunds of {charge_id}"


def invoice_of(intent_id: str) -> str:
    """What a charge waits for that may be a collection under a mandate: its invoice, which tells the mandate."""
    return f"invoice of {intent_id}"


def refund_key(refund_id: str) -> str:
    return f"refund:{refund_id}"


def dispute_key(dispute_id: str) -> str:
    return f"dispute:{dispute_id}"


def amount_of(minor: int, currency: str) -> Money:
    """What was charged or given back; raises ValueError unless it is more than nothing."""
    amount = Money.of_stripe(minor, currency)
    if amount.minor <= 0:
        raise ValueError(f"{amount} is no amount of a charge or refund")
    return amount


def payment_of(account: StripeAccount, thing: Object) -> Payment | None:
    """The attempt that an object belongs to: by our UUID in its metadata, else by payment intent."""
    name, value = _attempt(thing)
    attempts = Payment.objects.filter(account=account).select_related("donation")
    return attempts.filter(**{name: value}).first() if value else None


def _attempt(thing: Object) -> tuple[str, UUID | str | None]:
    """The column and value by which the attempt of an object is found; no value when it names none of ours."""
    uuid = (thing.get("metadata") or {}).get("payment") or thing.get("client_reference_id")
    if not uuid:
        return "payment_intent_id", thing.get("payment_intent") or None
    try:
        return "uuid", UUID(uuid)
    except ValueError:
        return "uuid", None


@in_transaction
def book_charge(account: StripeAccount, charge: Object) -> bool:
    """Book a succeeded charge to its donation, or to suspense when it is none of ours.

    Raises NotBookedYet for one of a customer while nobody knows whether an invoice of ours was paid by it.
    """
    if charge["status"] != "succeeded" or not charge["captured"]:
        return False
    if charge.get("customer"):
        see_card(account, charge)
    donation = _note_charge(account, charge)
    if donation is None:
        if charge.get("customer") and charge.get("payment_intent") and not ledger.booked(charge_key(charge["id"])):
            raise NotBookedYet(invoice_of(charge["payment_intent"]))
        return book_stranger(account, charge)
    key, amount = charge_key(charge["id"]), amount_of(charge["amount_captured"], charge["currency"])
    is_new = donations.receive_donation(
        donation,
        key=key,
        amount=amount,
        at=moment(charge["created"]),
        provider=account.slug,
        paid_with=str((charge.get("payment_method_details") or {}).get("type") or ""),
    )
    if is_new:
        unpark(key)
    return is_new


@in_transaction
def book_stranger(account: StripeAccount, charge: Object) -> bool:
    """Book a succeeded charge that is none of ours to suspense."""
    if charge["status"] != "succeeded" or not charge["captured"]:
        return False
    key, amount = charge_key(charge["id"]), amount_of(charge["amount_captured"], charge["currency"])
    is_new = donations.book_unmatched(
        key=key, entity_id=account.entity_id, amount=amount, at=moment(charge["created"]), provider=account.slug
    )
    if is_new:
        unpark(key)
    return is_new


def _note_charge(account: StripeAccount, charge: Object) -> UUID | None:
    """Note the charge on the attempt that it belongs to, the first one for good; the donation's UUID if it is ours."""
    name, value = _attempt(charge)
    if not value:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE payments_payment payment SET
                state = CASE WHEN payment.charge_id IS NULL THEN 'succeeded' ELSE payment.state END,
                charge_id = coalesce(payment.charge_id, %(charge)s),
                payment_intent_id = CASE WHEN payment.charge_id IS NULL THEN %(intent)s
                                         ELSE payment.payment_intent_id END,
                brand = CASE WHEN coalesce(payment.charge_id, %(charge)s) = %(charge)s AND %(last4)s <> ''
                             THEN %(brand)s ELSE payment.brand END,
                last4 = CASE WHEN coalesce(payment.charge_id, %(charge)s) = %(charge)s AND %(last4)s <> ''
                             THEN %(last4)s ELSE payment.last4 END
            FROM fundraising_donation donation
            WHERE donation.id = payment.donation_id AND payment.account_id = %(account)s AND payment.{name} = %(value)s
            RETURNING donation.uuid, donation.id, payment.charge_id
            """,  # the name is one of two of our own
            {
                "charge": charge["id"],
                "intent": charge["payment_intent"] or None,
                "account": account.pk,
                "value": value,
                **_card_of(charge),
            },
        )
        found = cursor.fetchone()
    if found and found[2] != charge["id"]:
        _note_second_charge(account, charge, found[1])
    return found[0] if found else None


def _card_of(charge: Object) -> dict[str, str]:
    """What a donor may quote of the card or account that was charged; empty where it has no digits."""
    details = charge.get("payment_method_details") or {}
    shown = details.get(details.get("type")) or {}
    return {
        "brand": str(shown.get("display_brand") or shown.get("brand") or details.get("type") or "")[:20],
        "last4": str(shown.get("last4") or "")[:4],
    }


def _note_second_charge(account: StripeAccount, charge: Object, donation_id: int) -> None:
    """A charge that names an attempt which has one already is an attempt of its own: so it is known whose it is."""
    second = Payment(
        account=account,
        donation_id=donation_id,
        state=PaymentState.SUCCEEDED,
        charge_id=charge["id"],
        payment_intent_id=charge["payment_intent"] or None,
        **_card_of(charge),
    )
    Payment.objects.bulk_create([second], ignore_conflicts=True)


def book_refund(account: StripeAccount, refund: Object) -> bool:
    """Book a refund; one that failed or was cancelled is booked and reversed, whichever comes first."""
    if not refund.get("charge") or refund["status"] == "requires_action":
        return False
    key, charge, at = refund_key(refund["id"]), charge_key(refund["charge"]), moment(refund["created"])
    amount = amount_of(refund["amount"], refund["currency"])
    with in_transaction:
        is_new = donations.refund_donation(key=key, charge_key=charge, amount=amount, at=at)
        if refund["status"] in {"failed", "canceled"}:
            is_new |= donations.undo_refund(key=key, charge_key=charge, at=timezone.now())
        if is_new:
            unpark(refunds_of(refund["charge"]))
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
def charge_failed(account: StripeAccount, charge: Object) -> bool:
    """A charge failed. If it was booked as received (a debit that the bank returned late), it is taken back."""
    key = charge_key(charge["id"])
    if charge["status"] != "failed" or ledger.booked(key) is None:
        return False
    return donations.charge_failed(charge_key=key, at=timezone.now())


@in_transaction
def session_completed(account: StripeAccount, session: Object) -> None:
    """The donor finished the checkout. Paid: the charge will tell. Unpaid: the bank has yet to send it."""
    payment = payment_of(account, session)
    if payment is None or session["mode"] != "payment":
        return
    intent = session.get("payment_intent")
    moved = standing(payment).update(
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
    if moved and Payment.objects.filter(pk=payment.pk, error_code=CANCELED).exists():
        _fail(payment, CANCELED)  # the end of a transfer was told before its beginning


def session_failed(account: StripeAccount, session: Object) -> None:
    """The bank did not send the money that was announced."""
    if payment := payment_of(account, session):
        _fail(payment)


@in_transaction
def _fail(payment: Payment, code: str = "async_payment_failed") -> None:
    if standing(payment).update(state=PaymentState.FAILED, error_code=code):
        donations.withdraw_announcement(payment.donation.uuid, at=timezone.now())


def standing(payment: Payment) -> QuerySet[Payment]:
    """The attempt, unless it has ended."""
    return Payment.objects.filter(pk=payment.pk).exclude(state__in=ENDED)


@in_transaction
def book_debit(payment: Payment, charge: Object) -> None:
    """What the newest charge of a completed checkout means that has not succeeded: announced, or never to come."""
    if charge["status"] == "failed":
        _fail(payment)
    elif charge["status"] == "pending" and standing(payment).select_for_update().first():
        donations.announce_donation(
            payment.donation.uuid,
            provider_id=charge["payment_intent"],
            amount=Money.of_stripe(charge["amount"], charge["currency"]),
            at=moment(charge["created"]),
        )


def awaits_transfer(intent: Object) -> bool:
    """Whether it is for the donor to send the money."""
    return _instructions(intent) is not None


def _instructions(intent: Object) -> Object | None:
    return (intent.get("next_action") or {}).get("display_bank_transfer_instructions")


@in_transaction
def see_intent(account: StripeAccount, intent: Object) -> None:
    """Keep where a bank transfer is explained; or note that one which was waited for will not come.

    A part of it is no charge and no donation yet: Stripe waits for the rest, and its page tells how much that is.
    An intent is cancelled with a checkout that expires, too: what that means, the checkout's own event tells.
    """
    address = (_instructions(intent) or {}).get("hosted_instructions_url")
    if intent["status"] != CANCELED and not address:
        return
    payment = payment_of(account, {**intent, "payment_intent": intent["id"]})
    if payment and address:
        standing(payment).filter(charge_id=None).update(transfer_url=address)
    elif payment and payment.donation.mandate_id is None:  # of a collection its invoice tells
        under_way = Payment.objects.filter(pk=payment.pk, state__in=UNDER_WAY)
        if not under_way.update(error_code=CANCELED):
            _fail(payment, CANCELED)


def session_expired(account: StripeAccount, session: Object) -> None:
    """Nobody paid in time; the donation can be tried again."""
    if payment := payment_of(account, session):
        Payment.objects.filter(pk=payment.pk, state__in=UNDER_WAY).update(state=PaymentState.EXPIRED)


def attempt_failed(account: StripeAccount, intent: Object) -> None:
    """A card was declined. The checkout stays open; the donor's page can say why it failed last."""
    if payment := payment_of(account, {**intent, "payment_intent": intent["id"]}):
        standing(payment).exclude(error_code=CANCELED).update(error_code=error_code(intent))


def error_code(intent: Object) -> str:
    """Why the newest attempt failed, in Stripe's or the bank's word; "authentication_required" to be confirmed."""
    error = intent.get("last_payment_error") or {}
    if intent["status"] == "requires_action":
        return "authentication_required"
    return str(error.get("decline_code") or error.get("code") or "declined")[:60]


def unpark(key: str) -> None:
    """A fact has been booked: the events that waited for it are due at once, as if new.

    One that another worker has in hand is left to its back-off: it may be waiting for our locks.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_inboxevent SET next_attempt_at = clock_timestamp(), attempts = 0
            WHERE id IN (SELECT id FROM payments_inboxevent WHERE state = 'parked' AND waits_for = %s
                         FOR UPDATE SKIP LOCKED)
            """,
            [key],
        )
