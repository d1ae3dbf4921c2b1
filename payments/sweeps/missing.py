"""What parked events wait for and no event tells, asked of Stripe: refunds, invoices, subscriptions."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fundraising.donations import NotBookedYet

from .. import facts, gateway, inbox
from ..facts import Object, invoice_of, unpark
from ..mandates import invoices, subscriptions
from ..models import EventState, InboxEvent, StripeAccount

log = logging.getLogger(__name__)


def find_missing_refunds() -> int:
    """Fetch the refunds that a charge event told of and no refund event has shown; how many were booked."""
    waiting = InboxEvent.objects.filter(state=EventState.PARKED, waits_for__startswith=facts.refunds_of(""))
    found = 0
    for account in StripeAccount.objects.filter(events__in=waiting).distinct():
        try:
            for waits_for in inbox.waited_for(account, facts.refunds_of(""), attempts=2):
                found += _find_refunds(account, waits_for.removeprefix(facts.refunds_of("")))
        except (gateway.Unavailable, gateway.UnknownOutcome) as error:
            log.warning("looking for refunds of %s stops: %s", account, error)
    return found


def _find_refunds(account: StripeAccount, charge_id: str) -> int:
    found, asked = 0, False
    try:
        for refund in gateway.each(account, "refunds", created_gte=0, charge=charge_id):
            found += book_refund_and_charge(account, refund)
            asked |= refund["status"] == "requires_action"
        if asked:  # a refund of its own event will tell, once the donor has said where the money goes, or never
            inbox.dismiss(account, facts.refunds_of(charge_id), "a refund waits for the donor's bank details")
    except gateway.Refused as error:  # it holds up no other
        log.warning("refunds of %s of %s not found: %s", charge_id, account, error)
    return found


def find_missing_invoices() -> int:
    """Ask Stripe for what parked events wait for: an intent's invoice, why a collection failed, a subscription.

    How many were asked about.
    """
    parked = InboxEvent.objects.filter(state=EventState.PARKED)
    asked = 0
    for account in StripeAccount.objects.filter(events__in=parked).distinct():
        try:
            asked += sum(_find_for(account, *finder) for finder in FINDERS)
        except (gateway.Unavailable, gateway.UnknownOutcome) as error:
            log.warning("looking for invoices of %s stops: %s", account, error)
    return asked


def _find_for(account: StripeAccount, prefix: str, find: Callable[[StripeAccount, str], None], attempts: int) -> int:
    keys = inbox.waited_for(account, prefix, attempts=attempts)
    for waits_for in keys:
        try:
            find(account, waits_for.removeprefix(prefix))
        except gateway.Refused as error:  # it holds up no other
            log.warning("%s of %s not found: %s", waits_for, account, error)
    return len(keys)


def _find_by_intent(account: StripeAccount, intent_id: str) -> None:
    """Book what a payment intent brought: to its invoice's donation if that is ours, else to suspense."""
    intent = gateway.get_payment_intent(account, intent_id)
    lines = gateway.payments_by_intent(account, intent_id)
    if lines and invoices.see_whole(account, invoices.ask(account, lines[0]["invoice"]), intent):
        return
    charge = intent.get("latest_charge")
    if charge:
        facts.book_stranger(account, charge)
    inbox.dismiss(account, invoice_of(intent_id), "of no invoice of ours")


def _find_invoice(account: StripeAccount, invoice_id: str) -> None:
    if not invoices.fetch(account, invoice_id):
        for key in (invoices.invoice_key(invoice_id), invoices.reason_of(invoice_id)):
            inbox.dismiss(account, key, "no invoice of ours")


def _find_subscription(account: StripeAccount, subscription_id: str) -> None:
    if subscriptions.fetch(account, subscription_id):
        unpark(subscriptions.subscription_word(subscription_id))


# What is waited for, who asks, and after how many tries: an event that will come by itself is given time.
FINDERS = (
    (invoice_of(""), _find_by_intent, 2),
    (invoices.invoice_key(""), _find_invoice, 2),
    (invoices.reason_of(""), _find_invoice, 1),
    (subscriptions.subscription_word(""), _find_subscription, 1),
)


def book_charge(account: StripeAccount, charge: Object) -> bool:
    """Book a charge; should it be known only by its invoice, ask Stripe for that. Never within a transaction."""
    try:
        return facts.book_charge(account, charge)
    except NotBookedYet:
        _find_by_intent(account, charge["payment_intent"])
        return True


def book_refund_and_charge(account: StripeAccount, refund: Object) -> bool:
    """Book a refund; should its charge be unknown (older than the sweep), fetch and book that first."""
    try:
        return facts.book_refund(account, refund)
    except NotBookedYet:
        book_charge(account, gateway.get_charge(account, str(refund["charge"])))
        return facts.book_refund(account, refund)
