"""Facts: what a Stripe object means for the books. Used by webhooks and by every sweep alike.

Each function takes an object as Stripe sent it (a dict) and may be called any number of times, in any
order; the ledger's keys carry the object's own id.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from fundraising import donations, ledger
from fundraising.donations import NotBookedYet, in_transaction
from fundraising.money import Money

from .gateway import moment
from .models import (
    ENDED,
    Dispute,
    FraudWarning,
    Payment,
    PaymentState,
    StripeAccount,
)
from .subscriptions import see_card

Object = dict[str, Any]
# A completed checkout whose charge no webhook has told of by then is looked up.
CHARGE_EVENT_WITHIN = timedelta(seconds=20)
UNDER_WAY = [PaymentState.CREATED, PaymentState.UNKNOWN, PaymentState.OPEN]


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


def _amount(minor: int, currency: str) -> Money:
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
    key, amount = charge_key(charge["id"]), _amount(charge["amount_captured"], charge["currency"])
    is_new = donations.receive_donation(
        donation, key=key, amount=amount, at=moment(charge["created"]), provider=account.slug
    )
    if is_new:
        unpark(key)
    return is_new


@in_transaction
def book_stranger(account: StripeAccount, charge: Object) -> bool:
    """Book a succeeded charge that is none of ours to suspense."""
    if charge["status"] != "succeeded" or not charge["captured"]:
        return False
    key, amount = charge_key(charge["id"]), _amount(charge["amount_captured"], charge["currency"])
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
                                         ELSE payment.payment_intent_id END
            FROM fundraising_donation donation
            WHERE donation.id = payment.donation_id AND payment.account_id = %(account)s AND payment.{name} = %(value)s
            RETURNING donation.uuid
            """,  # the name is one of two of our own
            {"charge": charge["id"], "intent": charge["payment_intent"] or None, "account": account.pk, "value": value},
        )
        found = cursor.fetchone()
    return found[0] if found else None


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


# For words of one second: the later in this list follows on the earlier.
COURSE = [
    "warning_needs_response", "needs_response", "warning_under_review", "under_review",
    "warning_closed", "prevented", "lost", "won",
]  # fmt: skip
FINAL = {"warning_closed", "prevented", "lost", "won"}


@in_transaction
def see_dispute(account: StripeAccount, dispute: Object, *, said_at: datetime, moved: frozenset[str]) -> bool:
    """Note what a dispute says of itself, and book its money: `moved` by "dispute" and "dispute_reversal".

    The status never moves money by itself, except that a lost one makes what is withheld a loss.
    Raises NotBookedYet while money has moved on a charge that is not booked.
    """
    row = _note_dispute(account, dispute, said_at)
    moved |= {line["reporting_category"] for line in dispute.get("balance_transactions") or ()}
    fact = {"key": dispute_key(dispute["id"]), "charge_key": charge_key(dispute["charge"])}
    if not moved & {"dispute", "dispute_reversal"} and ledger.booked(fact["key"]) is None:
        return False
    amount, at = _amount(dispute["amount"], dispute["currency"]), moment(dispute["created"])
    is_new = donations.withhold_disputed(**fact, amount=amount, at=at)
    if "dispute_reversal" in moved:
        return donations.return_disputed(**fact, at=max(at, said_at)) or is_new
    follow = donations.lose_disputed if row.status == "lost" else donations.reopen_disputed
    return follow(**fact, at=max(at, row.status_at)) or is_new


def _note_dispute(account: StripeAccount, dispute: Object, said_at: datetime) -> Dispute:
    """The dispute's row with the newest status; what is older than the row changes nothing."""
    charge = ledger.booked(charge_key(dispute["charge"]))
    due = (dispute.get("evidence_details") or {}).get("due_by")
    status = dispute["status"]
    said = {
        "status": status,
        "status_at": said_at,
        "reason": dispute["reason"],
        "amount_minor": _amount(dispute["amount"], dispute["currency"]).minor,
        "evidence_due_by": moment(due) if due else None,
        "closed_at": said_at if status in FINAL else None,
    }
    identity = {
        "charge_id": dispute["charge"],
        "currency": dispute["currency"].upper(),
        "opened_at": moment(dispute["created"]),
    }
    Dispute.objects.bulk_create(
        [Dispute(account=account, dispute_id=dispute["id"], **identity, **said)], ignore_conflicts=True
    )
    row = Dispute.objects.select_for_update().get(account=account, dispute_id=dispute["id"])
    if (said_at, _course(status)) > (row.status_at, _course(row.status)):
        Dispute.objects.filter(pk=row.pk).update(**said)
    if charge and charge.donation_id and row.donation_id is None:
        Dispute.objects.filter(pk=row.pk).update(donation=charge.donation_id)
    row.refresh_from_db()
    return row


def _course(status: str) -> int:
    return COURSE.index(status) if status in COURSE else -1


@in_transaction
def charge_failed(account: StripeAccount, charge: Object) -> bool:
    """A charge failed. If it was booked as received (a debit that the bank returned late), it is taken back."""
    key = charge_key(charge["id"])
    if charge["status"] != "failed" or ledger.booked(key) is None:
        return False
    return donations.charge_failed(charge_key=key, at=timezone.now())


def see_warning(account: StripeAccount, warning: Object) -> bool:
    """Keep a card network's early fraud warning; payments/refunds.py decides what follows."""
    _row, is_new = FraudWarning.objects.get_or_create(
        account=account,
        warning_id=warning["id"],
        defaults={
            "charge_id": warning["charge"],
            "fraud_type": warning["fraud_type"],
            "warned_at": moment(warning["created"]),
        },
    )
    return is_new


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


def session_failed(account: StripeAccount, session: Object) -> None:
    """The bank did not send the money that was announced."""
    if payment := payment_of(account, session):
        _fail(payment)


@in_transaction
def _fail(payment: Payment) -> None:
    if standing(payment).update(state=PaymentState.FAILED, error_code="async_payment_failed"):
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


def session_expired(account: StripeAccount, session: Object) -> None:
    """Nobody paid in time; the donation can be tried again."""
    if payment := payment_of(account, session):
        Payment.objects.filter(pk=payment.pk, state__in=UNDER_WAY).update(state=PaymentState.EXPIRED)


def attempt_failed(account: StripeAccount, intent: Object) -> None:
    """A card was declined. The checkout stays open; the donor's page can say why it failed last."""
    if payment := payment_of(account, {**intent, "payment_intent": intent["id"]}):
        standing(payment).update(error_code=error_code(intent))


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
