"""Invoices of subscriptions and their payments: drafted, finalized, paid, tried again, voided."""

from typing import Any

from payments.sandbox import events, ids, listing
from payments.sandbox.config import DAY
from payments.sandbox.context import Context
from payments.sandbox.errors import ApiError, invalid
from payments.sandbox.objects import accounts, payment_intents, payment_methods
from payments.sandbox.params import (
    EXPAND,
    PAGE,
    Shape,
    boolean,
    merged,
    metadata,
    moment_or_range,
    one_of,
    text,
    unsettable,
)  # fmt: skip
from payments.sandbox.params import (
    listing as list_shape,
)
from payments.sandbox.store import Object

UPDATE = Shape({**EXPAND, "auto_advance": boolean, "description": unsettable(text), "metadata": metadata})
PAY = Shape({**EXPAND, "off_session": boolean, "paid_out_of_band": boolean, "payment_method": text})
VOID = Shape(EXPAND)
LIST = list_shape(
    created=moment_or_range,
    customer=text,
    status=one_of("draft", "open", "paid", "uncollectible", "void"),
    subscription=text,
)
PAYMENT = Shape({"type": one_of("payment_intent", "charge"), "payment_intent": text, "charge": text})
LIST_PAYMENTS = Shape(
    {
        **PAGE,
        "created": moment_or_range,
        "invoice": text,
        "payment": PAYMENT,
        "status": one_of("canceled", "open", "paid"),
    }
)
# A failed renewal is tried again after so many days; then the subscription ends.
RETRY_DAYS = (3, 5, 7)


def draft(context: Context, subscription: Object, *, reason: str, start: int, end: int, charged: bool = True) -> Object:
    """A draft for one period of a subscription; without charge (trial, later anchor) it amounts to nothing."""
    customer = context.get("customer", subscription["customer"])
    account = accounts.current(context)
    key = ids.new("in")
    lines = [_line(key, subscription, item, start, end, charged) for item in subscription["_items"]]
    total = sum(line["amount"] for line in lines)
    invoice = context.new(
        "in",
        "invoice",
        account_country=account["country"],
        account_name=account["settings"]["dashboard"]["display_name"],
        account_tax_ids=None,
        amount_due=total,
        amount_overpaid=0,
        amount_paid=0,
        amount_paid_off_stripe=0,
        amount_remaining=total,
        amount_shipping=0,
        application=None,
        attempt_count=0,
        attempted=False,
        auto_advance=True,
        automatic_tax={"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
        automatically_finalizes_at=None,
        billing_reason=reason,
        collection_method="charge_automatically",
        currency=subscription["currency"],
        custom_fields=None,
        customer=customer["id"],
        customer_address=customer["address"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        customer_phone=customer["phone"],
        customer_shipping=None,
        customer_tax_exempt="none",
        customer_tax_ids=[],
        default_payment_method=None,
        default_source=None,
        default_tax_rates=[],
        description=None,
        discounts=[],
        due_date=None,
        effective_at=None,
        ending_balance=None,
        footer=None,
        from_invoice=None,
        hosted_invoice_url=None,
        invoice_pdf=None,
        issuer={"type": "self"},
        last_finalization_error=None,
        latest_revision=None,
        lines=listing.of(f"/v1/invoices/{key}/lines", lines),
        metadata={},
        next_payment_attempt=None,
        number=None,
        on_behalf_of=None,
        parent={
            "quote_details": None,
            "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
            "type": "subscription_details",
        },
        payment_settings={"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        period_end=end,
        period_start=start,
        post_payment_credit_notes_amount=0,
        pre_payment_credit_notes_amount=0,
        receipt_number=None,
        rendering=None,
        shipping_cost=None,
        shipping_details=None,
        starting_balance=0,
        statement_descriptor=None,
        status="draft",
        status_transitions=dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        subtotal=total,
        subtotal_excluding_tax=total,
        test_clock=None,
        total=total,
        total_discount_amounts=[],
        total_excluding_tax=total,
        total_pretax_credit_amounts=[],
        total_taxes=[],
        webhooks_delivered_at=None,
        _intent=None,
        _subscription=subscription["id"],
    )
    invoice["id"] = key
    context.save(invoice)
    events.emit(context, "invoice.created", invoice)
    return invoice


def _line(invoice: str, subscription: Object, item: Object, start: int, end: int, charged: bool) -> Object:
    price = item["price"]
    amount = price["unit_amount"] * item["quantity"] if charged else 0
    details = {
        "invoice_item": None,
        "proration": False,
        "proration_details": None,
        "subscription": subscription["id"],
        "subscription_item": item["id"],
    }
    return {
        "id": ids.new("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": None,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice,
        "livemode": False,
        "metadata": subscription["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": details,
            "type": "subscription_item_details",
        },
        "period": {"end": end, "start": start},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "subtotal": amount,
        "taxes": [],
    }


def finalize(context: Context, invoice: Object, intent: Object | None = None) -> Object:
    """Number it and ask for the money: with an intent of its own, or one that a Checkout Session already has."""
    invoice |= {"status": "open", "number": f"SANDBOX-{context.store.place(context.account, invoice['id']):06d}"}
    invoice["effective_at"] = invoice["status_transitions"]["finalized_at"] = context.now
    invoice["hosted_invoice_url"] = f"{context.base_url}/c/invoice/{invoice['id']}"
    context.save(invoice)
    events.emit(context, "invoice.finalized", invoice)
    if invoice["total"] == 0:
        return settle(context, invoice)
    intent = intent or payment_intents.open_intent(
        context,
        {
            "amount": invoice["total"],
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "description": "Subscription",
            "setup_future_usage": "off_session",
        },
    )
    intent["_invoice"] = invoice["id"]
    context.save(intent)
    invoice["_intent"] = intent["id"]
    context.save(invoice)
    _expect_payment(context, invoice, intent)
    return invoice


def _expect_payment(context: Context, invoice: Object, intent: Object) -> None:
    context.save(
        context.new(
            "inpay",
            "invoice_payment",
            amount_paid=None,
            amount_requested=invoice["total"],
            currency=invoice["currency"],
            invoice=invoice["id"],
            is_default=True,
            payment={"payment_intent": intent["id"], "type": "payment_intent"},
            status="open",
            status_transitions={"canceled_at": None, "paid_at": None},
        )
    )


def collect(context: Context, invoice: Object, payment_method: Object, *, off_session: bool = True) -> Object:
    """Try to collect an open invoice. The outcome is in the intent; whoever calls lets the invoice follow it."""
    intent = context.get("payment_intent", invoice["_intent"])
    intent["_off_session"] = off_session
    return payment_intents.attempt(context, intent, payment_method)


def settle(context: Context, invoice: Object) -> Object:
    """The invoice is paid, or there was nothing to pay."""
    invoice |= {"status": "paid", "amount_paid": invoice["total"], "amount_remaining": 0, "attempted": True}
    invoice["next_payment_attempt"] = None
    invoice["status_transitions"]["paid_at"] = context.now
    invoice["attempt_count"] += 1 if invoice["total"] else 0
    context.save(invoice)
    for payment in context.select("invoice_payment", invoice=invoice["id"]):
        payment |= {"status": "paid", "amount_paid": invoice["total"]}
        payment["status_transitions"]["paid_at"] = context.now
        context.save(payment)
        events.emit(context, "invoice_payment.paid", payment)
    events.emit(context, "invoice.paid", invoice)
    events.emit(context, "invoice.payment_succeeded", invoice)
    return invoice


def refuse(context: Context, invoice: Object, intent: Object) -> Object:
    """The money did not come; the next attempt is planned while there are any left and the subscription goes on.

    A first invoice is tried again too if its debit was on its way: only then had the subscription begun.
    """
    tries = invoice["attempt_count"]
    invoice |= {"attempted": True, "attempt_count": tries + 1}
    begun = context.get("subscription", invoice["_subscription"])["status"] in ("active", "past_due")
    planned = context.now + RETRY_DAYS[tries] * DAY if begun and tries < len(RETRY_DAYS) else None
    invoice["next_payment_attempt"] = planned
    context.save(invoice)
    error = intent["last_payment_error"] or {}
    if intent["status"] == "requires_action" or error.get("code") == "authentication_required":
        events.emit(context, "invoice.payment_action_required", invoice)
    events.emit(context, "invoice.payment_failed", invoice)
    return invoice


def leave(context: Context, invoice: Object) -> Object:
    """Its subscription is over: it stays open, and nobody tries to collect it."""
    before = dict(invoice)
    invoice |= {"auto_advance": False, "next_payment_attempt": None}
    context.save(invoice)
    events.emit(context, "invoice.updated", invoice, events.changes(before, invoice))
    return invoice


def mark(context: Context, invoice: Object, status: str) -> Object:
    """``void`` or ``uncollectible``: it will not be collected."""
    kinds = {
        "void": ("voided_at", "invoice.voided"),
        "uncollectible": ("marked_uncollectible_at", "invoice.marked_uncollectible"),
    }
    stamp, kind = kinds[status]
    invoice["status"] = status
    invoice["next_payment_attempt"] = None
    invoice["status_transitions"][stamp] = context.now
    context.save(invoice)
    intent = context.find("payment_intent", invoice["_intent"])
    if status == "void" and intent and intent["status"] in payment_intents.OPEN:
        payment_intents.cancel(context, {}, intent["id"])
    events.emit(context, kind, invoice)
    return invoice


def void(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/invoices/{invoice}/void"""
    invoice = context.get("invoice", key, "invoice")
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"You can only pass in open or uncollectible invoices. This invoice is {invoice['status']}.")
    return mark(context, invoice, "void")


def method_for(context: Context, invoice: Object, name: str | None) -> Object:
    """What to collect with: the named method, else the subscription's, else the customer's."""
    subscription = context.get("subscription", invoice["_subscription"])
    customer = context.get("customer", invoice["customer"])
    found = name or subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    if not found:
        raise ApiError(
            400,
            "invalid_request_error",
            "This customer has no attached payment source or default payment method.",
            code="resource_missing",
        )
    return payment_methods.resolve(context, found)


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/invoices/{invoice}"""
    return context.get("invoice", key, "invoice")


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/invoices/{invoice}"""
    invoice = context.get("invoice", key, "invoice")
    before = dict(invoice)
    invoice |= {name: given[name] for name in ("auto_advance", "description") if name in given}
    invoice["metadata"] = merged(invoice["metadata"], given.get("metadata", {}))
    context.save(invoice)
    events.emit(context, "invoice.updated", invoice, events.changes(before, invoice))
    return invoice


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/invoices"""
    equal = {"_subscription": given.get("subscription")}
    return listing.page(context, "invoice", "/v1/invoices", given, by=("customer", "status"), equal=equal)


def included_payments(context: Context, invoice: Object) -> Object:
    """What ``expand[]=payments`` shows."""
    return listing.page(context, "invoice_payment", "/v1/invoice_payments", {}, equal={"invoice": invoice["id"]})


def included_secret(context: Context, invoice: Object) -> Object | None:
    """What ``expand[]=confirmation_secret`` shows."""
    intent = context.find("payment_intent", invoice["_intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"} if intent else None


def retrieve_payment(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/invoice_payments/{invoice_payment}"""
    return context.get("invoice_payment", key)


def list_payments(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/invoice_payments"""
    equal = {f"payment.{name}": value for name, value in given.get("payment", {}).items()}
    by = ("invoice", "status")
    return listing.page(context, "invoice_payment", "/v1/invoice_payments", given, by=by, equal=equal)
