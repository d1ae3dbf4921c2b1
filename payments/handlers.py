"""Which event means which fact. Every other type is kept in the inbox and does nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import facts
from .models import StripeAccount

Event = dict[str, Any]
Handler = Callable[[StripeAccount, dict[str, Any]], object]


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
    "refund.created": facts.book_refund,
    "refund.updated": facts.book_refund,
    "refund.failed": facts.book_refund,
    "charge.refund.updated": facts.book_refund,
    "checkout.session.completed": facts.session_completed,
    "checkout.session.async_payment_succeeded": facts.session_completed,
    "checkout.session.async_payment_failed": facts.session_failed,
    "checkout.session.expired": facts.session_expired,
    "payment_intent.payment_failed": facts.attempt_failed,
}


def handle(account: StripeAccount, event: Event) -> None:
    """Book what the event tells; raises NotBookedYet when it rests on a fact still to come."""
    if handler := HANDLERS.get(event["type"]):
        handler(account, event["data"]["object"])
