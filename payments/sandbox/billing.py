"""What joins payment intents, invoices and subscriptions: whatever one of them does, the others follow."""

from typing import Any

from payments.sandbox import events, render
from payments.sandbox.context import Context
from payments.sandbox.errors import ApiError, invalid
from payments.sandbox.objects import invoices, payment_intents, payment_methods, subscriptions
from payments.sandbox.store import Object


def create_subscription(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/subscriptions"""
    if "default_payment_method" in given:
        payment_method = payment_methods.resolve(context, given["default_payment_method"])
        given = {**given, "default_payment_method": payment_method["id"]}
    subscription = subscriptions.open_subscription(context, given)
    invoice = subscriptions.first_invoice(context, subscription)
    if invoice["status"] == "paid":
        return subscriptions.activate(context, subscription)
    behavior = given.get("payment_behavior", "allow_incomplete")
    if behavior == "default_incomplete":
        return subscription
    intent = _collect(context, invoice, None, off_session=given.get("off_session", False))
    if behavior == "error_if_incomplete" and intent["status"] not in ("succeeded", "processing"):
        raise _refusal(context, intent, keeps_work=False)
    return context.get("subscription", subscription["id"])


def start_from_checkout(context: Context, session: Object, intent: Object) -> Object:
    """The subscription that a paid Checkout Session stands for; its first invoice adopts the session's payment."""
    data = dict(session["_subscription_data"])
    items = [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in session["_line_items"]]
    data |= {"customer": session["customer"], "items": items, "default_payment_method": intent["payment_method"]}
    subscription = subscriptions.open_subscription(context, data)
    paid_with = intent if intent["object"] == "payment_intent" else None
    invoice = subscriptions.first_invoice(context, subscription, paid_with)
    if paid_with:
        follow(context, context.get("payment_intent", intent["id"]))
    else:
        subscriptions.activate(context, subscription)
    session |= {"subscription": subscription["id"], "invoice": invoice["id"]}
    return context.save(session)


def costs_nothing_now(session: Object) -> bool:
    """Whether a subscription bought by a session begins without a charge."""
    return bool({"trial_end", "trial_period_days", "billing_cycle_anchor"} & set(session["_subscription_data"]))


def _collect(context: Context, invoice: Object, method: str | None, *, off_session: bool) -> Object:
    payment_method = invoices.method_for(context, invoice, method)
    intent = invoices.collect(context, invoice, payment_method, off_session=off_session)
    follow(context, intent)
    return intent


def follow(context: Context, intent: Object) -> None:
    """Let the invoice of an intent, and its subscription, follow what became of the intent."""
    invoice = context.find("invoice", intent.get("_invoice"))
    if invoice is None or invoice["status"] != "open":
        return
    subscription = context.get("subscription", invoice["_subscription"])
    if intent["status"] == "succeeded":
        invoices.settle(context, invoice)
        subscriptions.activate(context, subscription)
    elif intent["status"] == "processing":
        subscriptions.activate(context, subscription)
    elif intent["status"] in payment_intents.OPEN and invoice["attempted"] and not intent["_off_session"]:
        # The payer tried by hand: no attempt of the schedule's, whatever came of it.
        if intent["status"] != "requires_action":
            events.emit(context, "invoice.payment_failed", invoice)
    elif intent["status"] in payment_intents.OPEN:
        invoices.refuse(context, invoice, intent)
        subscriptions.fall_behind(context, subscription, invoice)


def renew_subscription(context: Context, subscription: Object) -> None:
    """Job: a period ended."""
    subscriptions.renew(context, subscription)


def finalize_invoice(context: Context, invoice: Object) -> None:
    """Job: an hour after a renewal was drafted it is finalized and collected."""
    if invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    if context.get("subscription", invoice["_subscription"])["status"] == "canceled":
        return
    invoice = invoices.finalize(context, invoice)
    if invoice["status"] == "open":
        retry_invoice(context, invoice)


def retry_invoice(context: Context, invoice: Object) -> None:
    """Job: try to collect an open invoice; having nothing to collect with counts as a failed attempt."""
    if invoice["status"] != "open" or not invoice["auto_advance"]:
        return
    try:
        _collect(context, invoice, None, off_session=True)
    except ApiError:
        follow(context, context.get("payment_intent", invoice["_intent"]))


def pay_invoice(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/invoices/{invoice}/pay; ApiError 402 when the card is refused."""
    invoice = context.get("invoice", key, "invoice")
    if invoice["status"] == "draft":
        invoice = invoices.finalize(context, invoice)
    if invoice["status"] != "open":
        raise invalid(f"Invoice is already {invoice['status']}", code="invoice_not_open")
    if given.get("paid_out_of_band"):
        payment_intents.cancel(context, {}, invoice["_intent"])
        subscriptions.activate(context, context.get("subscription", invoice["_subscription"]))
        return invoices.settle(context, invoice)
    intent = _collect(context, invoice, given.get("payment_method"), off_session=given.get("off_session", True))
    if intent["status"] not in ("succeeded", "processing"):
        raise _refusal(context, intent, keeps_work=True)
    return context.get("invoice", key)


def _refusal(context: Context, intent: Object, *, keeps_work: bool) -> ApiError:
    error = intent["last_payment_error"] or {}
    return ApiError(
        402,
        "card_error",
        error.get("message", "This payment requires additional user action before it can be completed successfully."),
        code=error.get("code", "invoice_payment_intent_requires_action"),
        keeps_work=keeps_work,
        payment_intent=render.public(context, intent),
        **({"decline_code": error["decline_code"]} if "decline_code" in error else {}),
    )
