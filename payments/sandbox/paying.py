"""The donor pays, or answers 3-D Secure: the one path behind the pages, the API's confirm and the control API."""

from typing import Any

from payments.sandbox import billing
from payments.sandbox.cards import TestMethod
from payments.sandbox.context import Context
from payments.sandbox.errors import ApiError
from payments.sandbox.objects import (
    bank_transfers,
    charges,
    checkout_sessions,
    payment_intents,
    payment_methods,
    setup_intents,
)
from payments.sandbox.params import ADDRESS
from payments.sandbox.store import Object


def pay(context: Context, session: Object, method: TestMethod, payer: dict[str, Any]) -> Object:
    """Try a test card or IBAN on an open session; the session tells what came of it. ApiError when it is not open."""
    checkout_sessions.require_open(session)
    if method.kind == "customer_balance":
        bank_transfers.require_offered(session)
    billing_details: Object = {name: payer.get(name) or None for name in ("email", "name", "phone")}
    if payer.get("country"):
        billing_details["address"] = dict.fromkeys(ADDRESS.fields) | {"country": payer["country"]}
    wallet = payer.get("wallet")
    payment_method = payment_methods.of_test_method(context, method, billing_details=billing_details, wallet=wallet)
    if checkout_sessions.needs_customer(session):
        checkout_sessions.customer_for(context, session, payment_method["billing_details"])
    if session["mode"] == "setup" or (session["mode"] == "subscription" and billing.costs_nothing_now(session)):
        intent = setup_intents.attempt(context, checkout_sessions.setup_intent_for(context, session), payment_method)
    else:
        intent = payment_intents.attempt(context, checkout_sessions.intent_for(context, session), payment_method)
    return conclude(context, session, intent)


def conclude(context: Context, session: Object, intent: Object) -> Object:
    """Complete the session when its intent is paid or on its way; leave it open otherwise."""
    is_on_its_way = intent["status"] in ("succeeded", "processing") or bank_transfers.is_awaited(intent)
    if session["status"] != "open" or not is_on_its_way:
        return session
    if session["mode"] == "subscription":
        session = billing.start_from_checkout(context, session, intent)
    payer = context.get("payment_method", intent["payment_method"])["billing_details"]
    if intent["object"] == "setup_intent":
        return checkout_sessions.complete(context, session, payer, "no_payment_required")
    return checkout_sessions.complete(context, session, payer, "paid" if intent["status"] == "succeeded" else "unpaid")


def authenticate(context: Context, intent: Object, outcome: str) -> Object:
    """The payer's answer to 3-D Secure: ``pass`` or anything else; session and invoice follow."""
    if intent["object"] == "setup_intent":
        intent = setup_intents.authenticate(context, intent, outcome)
    elif outcome == "pass":
        intent = payment_intents.authenticate(context, intent)
    else:
        intent = payment_intents.fail_authentication(context, intent)
    follow(context, intent)
    return intent


def transfer_arrives(context: Context, intent: Object, minor: int | None = None) -> Object:
    """The money of a bank transfer is here, all of it or so many minor units; no-op when nothing waits for it.

    What is sent beyond the amount stays with the customer and is no charge.
    """
    if not bank_transfers.is_awaited(intent):
        return intent
    if minor is not None and minor < bank_transfers.remaining(intent):
        return bank_transfers.fund_partly(context, intent, minor)
    payment_method = context.get("payment_method", intent["payment_method"])
    intent["next_action"] = None
    intent = payment_intents.succeeded(context, intent, charges.from_transfer(context, intent, payment_method))
    checkout_sessions.settle(context, intent)
    return intent


def follow(context: Context, intent: Object) -> None:
    """Let the session or invoice of an intent follow what became of it."""
    session = checkout_sessions.of_intent(context, intent)
    if session:
        conclude(context, session, intent)
    billing.follow(context, intent)


def confirm(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/payment_intents/{intent}/confirm; ApiError 402 ``card_error`` when the card is refused."""
    try:
        intent = payment_intents.confirm(context, given, key)
    except ApiError as error:
        if error.keeps_work:
            follow(context, context.get("payment_intent", key))
        raise
    follow(context, intent)
    return intent


def waiting_for_authentication(context: Context, session: Object) -> Object | None:
    """The session's intent when 3-D Secure is asked for, else None."""
    intent = context.store.find(context.account, session["_intent"] or "")
    waits = intent and intent["status"] == "requires_action" and not bank_transfers.is_awaited(intent)
    return intent if waits else None


def problem(context: Context, session: Object) -> str:
    """What to tell the payer about the last attempt; empty when there is nothing to tell."""
    intent = context.store.find(context.account, session["_intent"] or "") or {}
    error = intent.get("last_payment_error") or intent.get("last_setup_error") or {}
    return str(error.get("message", ""))
