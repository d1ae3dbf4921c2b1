"""Invoices of subscriptions: each that is paid, or tried, is a donation and an attempt to pay it.

An invoice names its mandate, and its charge names only a payment intent; what joins the two is Stripe's invoice
payment. Events of the three come in any order: each waits for the one it rests on. Where an event was lost, or never
tells what we need (why a bank refused), `sweeps/missing.py` asks Stripe.
Lock order: subscription, mandate, payment, donation.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from fundraising import donations, mandates
from fundraising.donations import NotBookedYet, in_transaction
from fundraising.mandates import NotCollectable
from fundraising.models import DonationState, Mandate, MandateState
from fundraising.money import Money

from .. import facts, gateway
from ..facts import CHARGE_EVENT_WITHIN, Object, invoice_of, standing, unpark
from ..gateway import moment
from ..models import ENDED, Payment, PaymentState, StripeAccount, Subscription
from . import subscriptions
from .subscriptions import ANSWER, mandate_of

log = logging.getLogger(__name__)

# Stripe tries again after days; between its events we ask about an open invoice this often at most.
LOOK_UP_OPEN = timedelta(days=1)
FAILED = {"requires_payment_method", "requires_action", "requires_confirmation"}
# An invoice only goes forward in this list: whenever it was said, the later word is the newer.
COURSE = ["draft", "open", "uncollectible", "void", "paid"]
LONG_AGO = datetime.min.replace(tzinfo=UTC)
NO_MORE = datetime.max.replace(tzinfo=UTC)  # "not tried again" is the last word of a second


def invoice_key(invoice_id: str) -> str:
    """What an event waits for that rests on an invoice's payment being known."""
    return f"invoice:{invoice_id}"


def reason_of(invoice_id: str) -> str:
    """What a failed collection waits for: why it failed, which its events do not tell."""
    return f"reason of {invoice_id}"


@in_transaction
def see_invoice(account: StripeAccount, invoice: Object, *, said_at: datetime) -> bool:
    """Note an invoice that was paid or tried; drafts, empty ones and those of others do nothing."""
    mandate = _mandate(account, invoice)
    if mandate is None or not _was_tried(invoice):
        return False
    payment = _payment(account, mandate, invoice)
    if payment is None:
        return False
    _hear(payment, invoice, said_at)
    if invoice["status"] == "paid":
        paid_at = (invoice.get("status_transitions") or {}).get("paid_at")
        _note_paid(mandate, payment, invoice["id"], moment(paid_at) if paid_at else said_at)
    elif invoice["status"] in {"void", "uncollectible"}:
        _give_up(mandate, payment, said_at)
    _expect_retry(mandate)
    return True


@in_transaction
def see_failure(account: StripeAccount, invoice: Object, *, said_at: datetime) -> bool:
    """An attempt to collect failed, or the bank asks the donor first. Raises NotBookedYet until it is known why."""
    mandate = _mandate(account, invoice)
    if mandate is None or not _was_tried(invoice):
        return False
    payment = _payment(account, mandate, invoice)
    if payment is None or payment.state in {PaymentState.SUCCEEDED, PaymentState.FAILED}:
        return False  # old news: it was paid since, or given up
    _hear(payment, invoice, said_at)
    if payment.invoice_status != "open":
        return False  # likewise, though its charge is still to come
    if payment.payment_intent_id is None:
        raise NotBookedYet(reason_of(invoice["id"]))
    is_news = _note_failure(mandate, payment, invoice, payment.error_code, said_at)
    _expect_retry(mandate)
    return is_news


@in_transaction
def see_invoice_payment(account: StripeAccount, line: Object) -> bool:
    """Note which payment intent an invoice is paid by. Raises NotBookedYet before the invoice is known."""
    intent_id = (line.get("payment") or {}).get("payment_intent")
    if not intent_id:
        return False
    payment = Payment.objects.filter(account=account, invoice_id=line["invoice"]).first()
    if payment is None:
        raise NotBookedYet(invoice_key(line["invoice"]))
    return _note_intent(payment, intent_id)


@in_transaction
def see_processing(account: StripeAccount, intent: Object, *, said_at: datetime) -> bool:
    """A debit of a collection is on its way. Raises NotBookedYet before its invoice is known."""
    if not intent.get("customer") or (intent.get("metadata") or {}).get("payment"):
        return False  # of a single donation its checkout tells
    payment = Payment.objects.filter(account=account, payment_intent_id=intent["id"]).select_related("donation").first()
    if payment is None:
        raise NotBookedYet(invoice_of(intent["id"]))
    return _announce(payment, intent, said_at)


@in_transaction
def see_session(account: StripeAccount, session: Object) -> None:
    """A checkout was completed; where it began a subscription, its first invoice is that of the form's donation."""
    if session["mode"] != "subscription":
        return facts.session_completed(account, session)
    payment = facts.payment_of(account, session)
    if payment is None or payment.donation.mandate_id is None:
        return None
    _lock(payment.donation.mandate_id)
    invoice_id = session.get("invoice")
    standing(payment).update(session_id=session["id"])
    if not (invoice_id and _has_failed(payment, invoice_id)):
        soon = timezone.now() + CHARGE_EVENT_WITHIN
        standing(payment).update(state=PaymentState.COMPLETED, look_up_at=soon)
    if session["payment_status"] == "no_payment_required" or not invoice_id:
        return None  # the first collection comes later, with an invoice of its own
    if not Payment.objects.filter(account=account, invoice_id=invoice_id).exists():
        Payment.objects.filter(pk=payment.pk, invoice_id=None).update(invoice_id=invoice_id)
        unpark(invoice_key(invoice_id))
    if session["payment_status"] == "unpaid" and not _has_failed(payment, invoice_id):
        amount = Money.of_stripe(session["amount_total"], session["currency"])
        _announce_once(payment, invoice_id, amount, moment(session["created"]))
    return None


def see_session_failed(account: StripeAccount, session: Object) -> None:
    """The bank did not send the money. Of a subscription, the invoice tells, which Stripe may try again."""
    if session["mode"] != "subscription":
        facts.session_failed(account, session)


def _mandate(account: StripeAccount, invoice: Object) -> Mandate | None:
    """The mandate that an invoice is of, locked behind its subscription; None when it is none of ours."""
    details = ((invoice.get("parent") or {}).get("subscription_details")) or {}
    mandate = mandate_of(account, details.get("metadata"))
    return _lock(mandate.pk) if mandate else None


def _lock(mandate_id: int) -> Mandate:
    """Whoever joins invoices, attempts and donations of a mandate does so one after the other."""
    Subscription.objects.select_for_update(of=("self",)).filter(mandate=mandate_id).first()
    return Mandate.objects.select_for_update(of=("self",)).get(pk=mandate_id)


def _was_tried(invoice: Object) -> bool:
    """Whether money was asked for: not so for what is empty, still a draft, or void because of a pause."""
    tried = invoice["status"] == "paid" or invoice.get("attempt_count")
    return bool(tried and invoice["status"] != "draft" and invoice["amount_due"] > 0)


def _payment(account: StripeAccount, mandate: Mandate, invoice: Object) -> Payment | None:
    """The attempt that stands for an invoice, made with its donation if there is none. Under the mandate's lock."""
    known = Payment.objects.filter(account=account, invoice_id=invoice["id"]).select_related("donation").first()
    if known:
        return known
    is_first = invoice["billing_reason"] == "subscription_create" or mandate.first_on is not None
    collect = mandates.collect if is_first else mandates.collect_next
    amount = Money.of_stripe(invoice["amount_due"], invoice["currency"])
    try:
        donation = collect(mandate.uuid, about=invoice["id"], amount=amount, at=moment(invoice["created"]))
    except NotCollectable:
        log.warning("invoice %s was made after the end of mandate %s", invoice["id"], mandate.uuid)
        return None
    # The first one was begun by a checkout.
    begun = Payment.objects.filter(donation=donation, invoice_id=None).exclude(state__in=ENDED)
    payment = begun.select_for_update(of=("self",)).first()
    if payment is None:
        soon = timezone.now() + LOOK_UP_OPEN
        payment = Payment.objects.create(
            donation=donation, account=account, state=PaymentState.OPEN, invoice_id=invoice["id"], look_up_at=soon
        )
    else:
        payment.invoice_id = invoice["id"]
        payment.save(update_fields=["invoice_id"])
    unpark(invoice_key(invoice["id"]))
    return payment


def _note_intent(payment: Payment, intent_id: str) -> bool:
    """Note the payment intent, the first one for good; the charges that waited for it come next."""
    noted = Payment.objects.filter(pk=payment.pk, payment_intent_id=None).update(payment_intent_id=intent_id)
    unpark(invoice_of(intent_id))
    return bool(noted)


def _note_paid(mandate: Mandate, payment: Payment, invoice_id: str, at: datetime) -> None:
    soon = timezone.now() + CHARGE_EVENT_WITHIN
    standing(payment).update(state=PaymentState.COMPLETED, error_code="", look_up_at=soon)
    mandates.mended(mandate.uuid, about=invoice_id, at=at)


def _give_up(mandate: Mandate, payment: Payment, at: datetime) -> None:
    """Nobody tries to collect it any more. Should it be paid after all, its charge will be booked."""
    standing(payment).update(state=PaymentState.FAILED)
    donations.withdraw_announcement(payment.donation.uuid, at=at)
    if subscriptions.waiting(mandate) is None:
        mandates.let_off(mandate.uuid, at=at)


def _hear(payment: Payment, invoice: Object, said_at: datetime) -> None:
    """Keep the newest word of an invoice: what has become of it, and when Stripe tries to collect it again."""
    planned = invoice.get("next_payment_attempt") if invoice["status"] == "open" else None
    retry_at = moment(planned) if planned else None
    known = (_course(payment.invoice_status), payment.invoice_said_at or LONG_AGO, payment.retry_at or NO_MORE)
    if (_course(invoice["status"]), said_at, retry_at or NO_MORE) > known:
        payment.invoice_status, payment.invoice_said_at, payment.retry_at = invoice["status"], said_at, retry_at
        payment.save(update_fields=["invoice_status", "invoice_said_at", "retry_at"])


def _course(status: str) -> int:
    return COURSE.index(status) if status in COURSE else -1


def _expect_retry(mandate: Mandate) -> None:
    """Tell the mandate when the collection that waits is tried again."""
    waiting = Payment.objects.filter(donation__mandate=mandate, invoice_id=subscriptions.waiting(mandate)).first()
    mandates.expect_retry(mandate.uuid, on=waiting.retry_at.date() if waiting and waiting.retry_at else None)


def _note_failure(mandate: Mandate, payment: Payment, invoice: Object, code: str, at: datetime) -> bool:
    """The donor is told of each attempt once, and that it was the last where Stripe plans no other."""
    is_news = mandates.failed(
        mandate.uuid,
        about=f"{invoice['id']}:{invoice['attempt_count']}",
        step=invoice["attempt_count"],
        is_last=payment.retry_at is None,
        code=code,
        at=at,
    )
    if mandate.state == MandateState.ENDED:
        standing(payment).update(state=PaymentState.FAILED)
        return False
    if is_news:
        standing(payment).update(state=PaymentState.OPEN, look_up_at=timezone.now() + LOOK_UP_OPEN)
        donations.withdraw_announcement(payment.donation.uuid, at=at)
    return is_news


def _has_failed(payment: Payment, invoice_id: str, *, since: datetime | None = None) -> bool:
    mandate = payment.donation.mandate
    failed_at = mandates.last_failed_at(mandate, invoice_id) if mandate else None
    return failed_at is not None and (since is None or failed_at >= since)


def _announce(payment: Payment, intent: Object, at: datetime) -> bool:
    if payment.invoice_id is None or _has_failed(payment, payment.invoice_id, since=at):
        return False
    if not standing(payment).update(state=PaymentState.COMPLETED):
        return False
    charge = intent.get("latest_charge") or intent["id"]  # another attempt of the same intent has another charge
    amount = Money.of_stripe(intent["amount"], intent["currency"])
    return _announce_once(payment, charge if isinstance(charge, str) else charge["id"], amount, at)


def _announce_once(payment: Payment, provider_id: str, amount: Money, at: datetime) -> bool:
    """Checkout and payment intent both tell of the first debit: it is announced by whichever comes first."""
    payment.donation.refresh_from_db(fields=["state"])
    if payment.donation.state != DonationState.OPENED:
        return False
    return donations.announce_donation(payment.donation.uuid, provider_id=provider_id, amount=amount, at=at)


# --- asking Stripe


def fetch(account: StripeAccount, invoice_id: str) -> bool:
    """Ask Stripe about an invoice, its payment intent and charge, and book what they say; False if it is not ours."""
    answer = ask(account, invoice_id)
    intents = [_intent_id(line) for line in gateway.payments_of_invoice(account, invoice_id)]
    intent_id = next(filter(None, intents), None)
    intent = gateway.get_payment_intent(account, intent_id) if intent_id else None
    return see_whole(account, answer, intent)


@dataclass(frozen=True)
class Answer:
    """An invoice as Stripe had it when it was asked, and when what had been heard of it by then was said."""

    invoice: Object
    asked_at: datetime
    heard_at: datetime | None

    def said_at(self, payment: Payment) -> datetime:
        """When this counts as said: after all that had been heard, unless an event came meanwhile."""
        if payment.invoice_said_at != self.heard_at:
            return self.asked_at
        return max(self.asked_at, self.heard_at or self.asked_at) + ANSWER


def ask(account: StripeAccount, invoice_id: str) -> Answer:
    """Ask Stripe for an invoice. Never within a transaction."""
    known = Payment.objects.filter(account=account, invoice_id=invoice_id)
    heard_at = known.values_list("invoice_said_at", flat=True).first()
    asked_at = timezone.now()
    return Answer(gateway.get_invoice(account, invoice_id), asked_at, heard_at)


def _intent_id(line: Object) -> str | None:
    return (line.get("payment") or {}).get("payment_intent") if line["status"] != "canceled" else None


@in_transaction
def see_whole(account: StripeAccount, answer: Answer, intent: Object | None) -> bool:
    """Book an invoice with its payment intent, both as Stripe has them now; False if it is none of ours."""
    invoice, said_at = answer.invoice, answer.asked_at
    mandate = _mandate(account, invoice)
    if mandate is None:
        return False
    intent = intent or {"status": ""}
    charge = intent.get("latest_charge")
    if _was_tried(invoice) or intent["status"] in {"processing", "succeeded"}:
        payment = _payment(account, mandate, invoice)
        if payment is None:
            return False
        if intent["status"]:
            _note_intent(payment, intent["id"])
            unpark(reason_of(invoice["id"]))
        if charge:
            facts.book_charge(account, charge)
        payment.refresh_from_db()
        said_at = answer.said_at(payment)
        _hear(payment, invoice, said_at)
        _follow(mandate, payment, invoice, intent, moment(charge["created"]) if charge else said_at)
    see_invoice(account, invoice, said_at=said_at)
    return True


def _follow(mandate: Mandate, payment: Payment, invoice: Object, intent: Object, at: datetime) -> None:
    """What the newest attempt on an open invoice means, made `at`."""
    if payment.invoice_status != "open":
        return
    if intent["status"] == "processing":
        _announce(payment, intent, at)
    elif intent["status"] in FAILED and invoice["attempt_count"]:
        code = facts.error_code(intent)
        standing(payment).update(error_code=code)
        _note_failure(mandate, payment, invoice, code, at)


def see_listed(account: StripeAccount, invoice: Object, said_at: datetime) -> bool:
    """See an invoice that Stripe lists, and ask for the rest of it where the books do not have it yet."""
    payment = Payment.objects.filter(account=account, invoice_id=invoice["id"]).first()
    if payment and payment.state == PaymentState.SUCCEEDED:
        return False
    if _was_tried(invoice) and invoice["status"] in {"paid", "open"}:
        return fetch(account, invoice["id"])
    return see_invoice(account, invoice, said_at=said_at)
