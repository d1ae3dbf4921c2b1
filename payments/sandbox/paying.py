"""The donor pays a Checkout Session: the one path behind the hosted page and the control API."""

from typing import Any

from payments.sandbox.cards import TestMethod
from payments.sandbox.context import Context
from payments.sandbox.objects import checkout_sessions, payment_intents, payment_methods
from payments.sandbox.store import Object


def pay(context: Context, session: Object, method: TestMethod, payer: dict[str, Any]) -> Object:
    """Try a test card or IBAN on an open session; the session tells what came of it. ApiError when it is not open."""
    checkout_sessions.require_open(session)
    billing = {name: payer.get(name) or None for name in ("email", "name", "phone")}
    if payer.get("country"):
        billing["address"] = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")) | {
            "country": payer["country"]
        }
    payment_method = payment_methods.of_test_method(context, method, billing_details=billing)
    return PAY[session["mode"]](context, session, payment_method)


def _pay_once(context: Context, session: Object, payment_method: Object) -> Object:
    if session["customer_creation"] == "always":
        checkout_sessions.customer_for(context, session, payment_method["billing_details"])
    intent = checkout_sessions.intent_for(context, session)
    payment_intents.attempt(context, intent, payment_method)
    return conclude(context, session, intent)


def conclude(context: Context, session: Object, intent: Object) -> Object:
    """Complete the session when its intent is paid or on its way; leave it open otherwise."""
    if intent["status"] not in ("succeeded", "processing"):
        return session
    payer = context.get("payment_method", intent["payment_method"])["billing_details"]
    return checkout_sessions.complete(context, session, payer, "paid" if intent["status"] == "succeeded" else "unpaid")


def waiting_for_authentication(context: Context, session: Object) -> Object | None:
    """The session's intent when 3-D Secure is asked for, else None."""
    intent = context.find("payment_intent", session["payment_intent"])
    return intent if intent and intent["status"] == "requires_action" else None


def problem(context: Context, session: Object) -> str:
    """What to tell the payer about the last attempt; empty when there is nothing to tell."""
    intent = context.find("payment_intent", session["payment_intent"])
    return (
        str((intent or {}).get("last_payment_error", {}).get("message", ""))
        if intent and intent["last_payment_error"]
        else ""
    )


PAY = {"payment": _pay_once}
