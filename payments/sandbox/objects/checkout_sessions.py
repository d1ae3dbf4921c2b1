"""Checkout Sessions: what the hosted page shows, and what follows when the donor pays or lets it expire."""

import time
from typing import Any

from payments.sandbox import errors, events, ids, listing, money
from payments.sandbox.config import DAY
from payments.sandbox.context import Context
from payments.sandbox.objects import bank_transfers, customers, line_items, payment_intents, setup_intents
from payments.sandbox.params import (
    EXPAND,
    PAGE,
    Fields,
    Shape,
    anything,
    boolean,
    integer,
    list_of,
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

PAYMENT_INTENT_DATA = Shape(
    {
        "description": text,
        "metadata": metadata,
        "receipt_email": text,
        "setup_future_usage": one_of("off_session", "on_session"),
        "statement_descriptor": text,
        "statement_descriptor_suffix": text,
    }
)
SUBSCRIPTION_DATA = Shape(
    {
        "billing_cycle_anchor": integer,
        "description": text,
        "metadata": metadata,
        "proration_behavior": one_of("create_prorations", "none"),
        "trial_end": integer,
        "trial_period_days": integer,
    }
)
PAYMENT_METHOD_OPTIONS = Shape({"card": anything, "customer_balance": bank_transfers.OPTIONS, "sepa_debit": anything})
COPIED: Fields = {
    "allow_promotion_codes": boolean,
    "billing_address_collection": one_of("auto", "required"),
    "cancel_url": text,
    "client_reference_id": text,
    "customer_creation": one_of("always", "if_required"),
    "customer_email": text,
    "excluded_payment_method_types": list_of(text),
    "integration_identifier": text,
    "locale": text,
    "origin_context": one_of("mobile_app", "web"),
    "payment_method_collection": one_of("always", "if_required"),
    "redirect_on_completion": one_of("always", "if_required", "never"),
    "return_url": text,
    "submit_type": one_of("auto", "book", "donate", "pay", "subscribe"),
    "success_url": text,
}
CREATE = Shape(
    {
        **EXPAND,
        **COPIED,
        "adaptive_pricing": Shape({"enabled": boolean}),
        "currency": money.read_currency,
        "custom_text": anything,
        "customer": text,
        "expires_at": integer,
        "line_items": list_of(line_items.LINE_ITEM),
        "metadata": metadata,
        "mode": one_of("payment", "setup", "subscription"),
        "name_collection": anything,
        "payment_intent_data": PAYMENT_INTENT_DATA,
        "payment_method_configuration": text,
        "payment_method_options": PAYMENT_METHOD_OPTIONS,
        "payment_method_types": list_of(text),
        "saved_payment_method_options": anything,
        "setup_intent_data": Shape({"description": text, "metadata": metadata}),
        "subscription_data": SUBSCRIPTION_DATA,
        "ui_mode": one_of("hosted_page", "embedded_page", "elements"),
    }
)
UPDATE = Shape({**EXPAND, "metadata": unsettable(metadata)})
EXPIRE = Shape(EXPAND)
LIST = list_shape(
    created=moment_or_range,
    customer=text,
    customer_details=Shape({"email": text}),
    payment_intent=text,
    status=one_of("open", "complete", "expired"),
    subscription=text,
)
LINE_ITEMS = Shape(PAGE)
NOT_OF_ELEMENTS = ("cancel_url", "origin_context", "submit_type", "success_url")
SHORTEST, LONGEST, SLACK = 30 * 60, DAY, 60


def create(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/checkout/sessions"""
    mode, ui_mode = given.get("mode", "payment"), given.get("ui_mode", "hosted_page")
    _check(context, given, mode, ui_mode)
    lifetime = _lifetime(context, given)
    items = line_items.create(context, given.get("line_items", []), mode)
    total = sum(item["amount_total"] for item in items)
    currency = items[0]["currency"] if items else given.get("currency")
    if mode == "payment":
        money.check_amount(total, items[0]["currency"], "line_items")
    bank_transfers.check_options(given.get("payment_method_options", {}), currency)
    session = context.new(
        "cs_test",
        "checkout.session",
        **{name: given.get(name) for name in COPIED if name not in ("return_url", "redirect_on_completion")},
        adaptive_pricing={"enabled": False},
        after_expiration=None,
        amount_subtotal=total if items else None,
        amount_total=total if items else None,
        automatic_tax={"enabled": False, "liability": None, "provider": None, "status": None},
        client_secret=None,
        collected_information=None,
        consent=None,
        consent_collection=None,
        currency=currency,
        currency_conversion=None,
        custom_fields=[],
        custom_text=_custom_text(given),
        customer=given.get("customer"),
        customer_details=None,
        discounts=[],
        expires_at=given.get("expires_at", context.now + lifetime),
        invoice=None,
        invoice_creation=None,
        metadata=merged({}, given.get("metadata", {})),
        mode=mode,
        payment_intent=None,
        payment_link=None,
        payment_method_configuration_details=None,
        payment_method_options=given.get("payment_method_options", {}),
        payment_method_types=given.get("payment_method_types") or ["card", "sepa_debit"],
        payment_status="unpaid",
        permissions=None,
        phone_number_collection={"enabled": False},
        recovered_from=None,
        saved_payment_method_options=None,
        setup_intent=None,
        shipping_address_collection=None,
        shipping_cost=None,
        shipping_options=[],
        status="open",
        subscription=None,
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        ui_mode=ui_mode,
        url=None,
        wallet_options=None,
        _intent=None,
        _line_items=items,
        _payment_intent_data=given.get("payment_intent_data", {}),
        _subscription_data=given.get("subscription_data", {}),
        _setup_intent_data=given.get("setup_intent_data", {}),
    )
    _defaults(context, session, given)
    context.save(session)
    context.later("expire_checkout", session, lifetime)
    return session


def _check(context: Context, given: dict[str, Any], mode: str, ui_mode: str) -> None:
    needed = "success_url" if ui_mode == "hosted_page" else "return_url"
    if needed not in given and given.get("redirect_on_completion") != "never":
        raise errors.unreadable(f"Missing required param: {needed}.", code="parameter_missing", param=needed)
    if mode != "setup" and not given.get("line_items"):
        raise errors.unreadable("Missing required param: line_items.", code="parameter_missing", param="line_items")
    if given.get("submit_type") and mode != "payment" and given["submit_type"] not in ("auto", "subscribe"):
        raise errors.invalid("`submit_type` can only be used in `payment` mode.", param="submit_type")
    for name, owner in (
        ("payment_intent_data", "payment"),
        ("subscription_data", "subscription"),
        ("setup_intent_data", "setup"),
    ):
        if name in given and mode != owner:
            raise errors.invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    for name in NOT_OF_ELEMENTS if ui_mode == "elements" else ():
        if name in given:
            raise errors.invalid(f"You can not pass `{name}` when `ui_mode` is `elements`.", param=name)
    if "customer" in given and "customer_email" in given:
        raise errors.invalid("You may only specify one of these parameters: customer, customer_email.")
    if "customer" in given:
        context.get("customer", given["customer"], "customer")


def _lifetime(context: Context, given: dict[str, Any]) -> int:
    """Seconds until the session expires; ``expires_at`` may go by the virtual clock or by the caller's real one."""
    if "expires_at" not in given:
        return LONGEST
    for now in (context.now, int(time.time())):
        if SHORTEST - SLACK <= given["expires_at"] - now <= LONGEST + SLACK:
            return int(given["expires_at"]) - now
    raise errors.invalid(
        "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
        param="expires_at",
    )


def _custom_text(given: dict[str, Any]) -> Object:
    empty = dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance"))
    return empty | {name: value or None for name, value in given.get("custom_text", {}).items() if name in empty}


def _defaults(context: Context, session: Object, given: dict[str, Any]) -> None:
    """What depends on the mode and on where the page is shown."""
    session["excluded_payment_method_types"] = given.get("excluded_payment_method_types", [])
    if session["mode"] == "payment" and not session["customer"] and not session["customer_creation"]:
        session["customer_creation"] = "if_required"
    if session["ui_mode"] == "hosted_page":
        session["url"] = f"{context.base_url}/c/pay/{session['id']}"
        return
    session["client_secret"] = f"{session['id']}_secret_{ids.new('x')[2:]}"
    session["redirect_on_completion"] = given.get("redirect_on_completion", "always")
    if "return_url" in given:
        session["return_url"] = given["return_url"]


def prefilled_email(context: Context, session: Object) -> str:
    """The e-mail address that the page starts with."""
    customer = context.find("customer", session["customer"])
    return str(session["customer_email"] or (customer or {}).get("email") or "")


def require_open(session: Object) -> None:
    """ApiError unless the session can still be paid or expired."""
    if session["status"] != "open":
        raise errors.invalid(
            f"This Checkout Session is {session['status']}; only open sessions can be paid or expired.",
            code="checkout_session_not_open",
        )


def customer_for(context: Context, session: Object, payer: dict[str, Any]) -> str:
    """The session's customer, made from what the payer typed when there is none."""
    if not session["customer"]:
        fields = {"email": payer.get("email"), "name": payer.get("name")}
        session["customer"] = customers.create(context, {key: value for key, value in fields.items() if value})["id"]
    return str(session["customer"])


def needs_customer(session: Object) -> bool:
    """Whether paying makes a customer: when asked to, and whenever a payment method is to be kept."""
    keeps = session["mode"] != "payment" or session["_payment_intent_data"].get("setup_future_usage")
    return bool(keeps or session["customer_creation"] == "always")


def intent_for(context: Context, session: Object) -> Object:
    """The session's payment intent, made at the first attempt."""
    if session["_intent"]:
        return context.get("payment_intent", session["_intent"])
    data = {"amount": session["amount_total"], "currency": session["currency"], **session["_payment_intent_data"]}
    if session["customer"]:
        data["customer"] = session["customer"]
    if session["mode"] == "subscription":
        data |= {"setup_future_usage": "off_session", "description": "Subscription creation"}
    intent = payment_intents.open_intent(context, data)
    session["_intent"] = intent["id"]
    session["payment_intent"] = intent["id"] if session["mode"] == "payment" else None
    context.save(session)
    return intent


def setup_intent_for(context: Context, session: Object) -> Object:
    """The session's setup intent, for when nothing is to be paid now."""
    if session["_intent"]:
        return context.get("setup_intent", session["_intent"])
    intent = setup_intents.create(context, {"customer": session["customer"], **session["_setup_intent_data"]})
    session["_intent"] = intent["id"]
    session["setup_intent"] = intent["id"] if session["mode"] == "setup" else None
    context.save(session)
    return intent


def of_intent(context: Context, intent: Object) -> Object | None:
    """The session that an intent belongs to, or None."""
    found = context.select("checkout.session", _intent=intent["id"])
    return found[0] if found else None


def complete(context: Context, session: Object, payer: Object, payment_status: str) -> Object:
    """The donor is done: paid, unpaid (a delayed method) or nothing to pay."""
    session |= {"status": "complete", "payment_status": payment_status, "url": None}
    session["customer_details"] = {
        "address": payer["address"],
        "business_name": None,
        "email": payer["email"],
        "individual_name": None,
        "name": payer["name"],
        "phone": payer["phone"],
        "tax_exempt": "none",
        "tax_ids": [],
    }
    context.save(session)
    events.emit(context, "checkout.session.completed", session)
    return session


def settle(context: Context, intent: Object) -> None:
    """A delayed payment ended: tell so on the session it belongs to, if there is one."""
    session = of_intent(context, intent)
    if session is None:
        return
    arrived = intent["status"] == "succeeded"
    session["payment_status"] = "paid" if arrived else "unpaid"
    context.save(session)
    events.emit(context, f"checkout.session.async_payment_{'succeeded' if arrived else 'failed'}", session)


def expire(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/checkout/sessions/{session}/expire"""
    session = context.get("checkout.session", key, "session")
    require_open(session)
    intent = context.find("payment_intent", session["_intent"])
    if intent and intent["status"] in payment_intents.OPEN:
        payment_intents.cancel(context, {}, intent["id"])
    session |= {"status": "expired", "url": None}
    context.save(session)
    events.emit(context, "checkout.session.expired", session)
    return session


def expire_if_open(context: Context, session: Object) -> None:
    """Job: the session's time is up."""
    if session["status"] == "open":
        expire(context, {}, session["id"])


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/checkout/sessions/{session}"""
    return context.get("checkout.session", key, "session")


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/checkout/sessions/{session}: metadata only."""
    session = context.get("checkout.session", key, "session")
    session["metadata"] = (
        merged(session["metadata"], given.get("metadata") or {}) if given.get("metadata", {}) is not None else {}
    )
    return context.save(session)


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/checkout/sessions"""
    by = ("customer", "payment_intent", "status", "subscription")
    equal = {"customer_details.email": given.get("customer_details", {}).get("email")}
    return listing.page(context, "checkout.session", "/v1/checkout/sessions", given, by=by, equal=equal)


def list_line_items(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/checkout/sessions/{session}/line_items"""
    return included_line_items(context, context.get("checkout.session", key, "session"), given.get("limit", 10))


def included_line_items(context: Context, session: Object, limit: int = 10) -> Object:
    """What ``expand[]=line_items`` shows."""
    items = session["_line_items"]
    return listing.of(f"/v1/checkout/sessions/{session['id']}/line_items", items[:limit], has_more=len(items) > limit)
