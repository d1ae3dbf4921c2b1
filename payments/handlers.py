"""Which event means which fact. Every other type is kept in the inbox and does nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from . import disputes, facts, payouts
from .gateway import moment
from .mandates import invoices, subscriptions
from .models import StripeAccount

Event = dict[str, Any]
Handler = Callable[[StripeAccount, dict[str, Any]], object]


class Timed(Protocol):
    """A handler of words of which the newest counts."""

    def __call__(self, account: StripeAccount, thing: dict[str, Any], /, *, said_at: datetime) -> object: ...


def charge_seen(account: StripeAccount, charge: dict[str, Any]) -> None:
    facts.book_charge(account, charge)


def charge_refunded(account: StripeAccount, charge: dict[str, Any]) -> None:
    # Its refunds may be waiting for the charge: to wait for them in turn would undo it.
    if not facts.book_charge(account, charge):
        facts.require_refunds(charge)


HANDLERS: dict[str, Handler] = {
    "charge.succeeded": charge_seen,
    "charge.updated": charge_seen,
    "charge.refunded": charge_refunded,
    "charge.failed": facts.charge_failed,
    "refund.created": facts.book_refund,
    "refund.updated": facts.book_refund,
    "refund.failed": facts.book_refund,
    "charge.refund.updated": facts.book_refund,
    "checkout.session.completed": invoices.see_session,
    "checkout.session.async_payment_succeeded": invoices.see_session,
    "checkout.session.async_payment_failed": invoices.see_session_failed,
    "checkout.session.expired": facts.session_expired,
    "payment_intent.canceled": facts.see_intent,
    "payment_intent.partially_funded": facts.see_intent,
    "payment_intent.payment_failed": facts.attempt_failed,
    "payment_intent.requires_action": facts.see_intent,
    "radar.early_fraud_warning.created": disputes.see_warning,
    "invoice_payment.paid": invoices.see_invoice_payment,
    "payment_method.automatically_updated": subscriptions.see_method,
    "payment_method.updated": subscriptions.see_method,
}
TIMED: dict[str, Timed] = {
    "customer.subscription.created": subscriptions.see_subscription,
    "customer.subscription.deleted": subscriptions.see_subscription,
    "customer.subscription.updated": subscriptions.see_subscription,
    "invoice.marked_uncollectible": invoices.see_invoice,
    "invoice.paid": invoices.see_invoice,
    "invoice.payment_action_required": invoices.see_failure,
    "invoice.payment_failed": invoices.see_failure,
    "invoice.payment_succeeded": invoices.see_invoice,
    "invoice.updated": invoices.see_invoice,
    "invoice.voided": invoices.see_invoice,
    "payment_intent.processing": invoices.see_processing,
    "payout.canceled": payouts.see_payout,
    "payout.created": payouts.see_payout,
    "payout.failed": payouts.see_payout,
    "payout.paid": payouts.see_payout,
    "payout.reconciliation_completed": payouts.see_payout,
    "payout.updated": payouts.see_payout,
}
# Which money each event of a dispute says has moved; a dispute is told to be as it was when the event was made.
DISPUTES = {
    "charge.dispute.created": frozenset[str](),
    "charge.dispute.updated": frozenset[str](),
    "charge.dispute.closed": frozenset[str](),
    "charge.dispute.funds_withdrawn": frozenset({"dispute"}),
    "charge.dispute.funds_reinstated": frozenset({"dispute", "dispute_reversal"}),
}


def handle(account: StripeAccount, event: Event) -> None:
    """Book what the event tells; raises NotBookedYet when it rests on a fact still to come."""
    if handler := HANDLERS.get(event["type"]):
        handler(account, event["data"]["object"])
    elif timed := TIMED.get(event["type"]):
        timed(account, event["data"]["object"], said_at=moment(event["created"]))
    elif event["type"] in DISPUTES:
        moved = DISPUTES[event["type"]]
        disputes.see_dispute(account, event["data"]["object"], said_at=moment(event["created"]), moved=moved)
