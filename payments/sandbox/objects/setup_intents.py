"""Setup intents, confirmation tokens and customer sessions: payment methods saved or shown without taking money."""

from typing import Any

from payments.sandbox import cards, events, ids, listing, render
from payments.sandbox.context import Context
from payments.sandbox.errors import ApiError, invalid
from payments.sandbox.objects import mandates, payment_methods
from payments.sandbox.params import (
    EXPAND,
    Fields,
    Shape,
    anything,
    boolean,
    list_of,
    merged,
    metadata,
    moment_or_range,
    one_of,
    text,
)  # fmt: skip
from payments.sandbox.params import (
    listing as list_shape,
)
from payments.sandbox.store import Object

COMMON: Fields = {
    **EXPAND,
    "payment_method": text,
    "payment_method_data": payment_methods.DATA,
    "payment_method_options": anything,
}
CONFIRMING: Fields = {"confirmation_token": text, "mandate_data": anything, "return_url": text}
DESCRIBING: Fields = {
    "customer": text,
    "description": text,
    "metadata": metadata,
    "payment_method_types": list_of(text),
}
CREATE = Shape(
    {
        **COMMON,
        **CONFIRMING,
        **DESCRIBING,
        "automatic_payment_methods": Shape({"enabled": boolean, "allow_redirects": one_of("always", "never")}),
        "confirm": boolean,
        "usage": one_of("off_session", "on_session"),
    }
)
UPDATE = Shape({**COMMON, **DESCRIBING})
CONFIRM = Shape({**COMMON, **CONFIRMING})
CANCEL = Shape({**EXPAND, "cancellation_reason": one_of("abandoned", "duplicate", "requested_by_customer")})
LIST = list_shape(created=moment_or_range, customer=text, payment_method=text)
CREATE_TOKEN = Shape(
    {
        **EXPAND,
        "payment_method": text,
        "payment_method_data": payment_methods.DATA,
        "return_url": text,
        "setup_future_usage": one_of("off_session", "on_session"),
    }
)
CREATE_SESSION = Shape({**EXPAND, "components": anything, "customer": text}, required=["components", "customer"])
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/setup_intents"""
    if "customer" in given:
        context.get("customer", given["customer"], "customer")
    intent = context.new(
        "seti",
        "setup_intent",
        application=None,
        automatic_payment_methods={"allow_redirects": "always", "enabled": True},
        cancellation_reason=None,
        client_secret=None,
        customer=given.get("customer"),
        description=given.get("description"),
        flow_directions=None,
        last_setup_error=None,
        latest_attempt=None,
        mandate=None,
        metadata=merged({}, given.get("metadata", {})),
        next_action=None,
        on_behalf_of=None,
        payment_method=None,
        payment_method_configuration_details=None,
        payment_method_options={},
        payment_method_types=given.get("payment_method_types") or ["card", "sepa_debit"],
        single_use_mandate=None,
        status="requires_payment_method",
        usage=given.get("usage", "off_session"),
        _return_url=given.get("return_url"),
    )
    intent["client_secret"] = f"{intent['id']}_secret_{ids.new('x')[2:]}"
    context.save(intent)
    events.emit(context, "setup_intent.created", intent)
    if given.get("confirm"):
        return _confirm(context, intent, given)
    return intent


def confirm(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/setup_intents/{intent}/confirm; ApiError 402 when the card is refused."""
    intent = context.get("setup_intent", key, "intent")
    _require_open(intent)
    return _confirm(context, intent, given)


def _confirm(context: Context, intent: Object, given: dict[str, Any]) -> Object:
    intent["_return_url"] = given.get("return_url", intent["_return_url"])
    attempt(context, intent, _chosen_method(context, intent, given))
    error = intent["last_setup_error"]
    if error:
        details = {key: value for key, value in error.items() if key not in ("type", "message", "code")}
        raise ApiError(
            402,
            "card_error",
            error["message"],
            code=error["code"],
            keeps_work=True,
            setup_intent=render.public(context, intent),
            **details,
        )
    return intent


def _chosen_method(context: Context, intent: Object, given: dict[str, Any]) -> Object:
    if "confirmation_token" in given:
        token = context.get("confirmation_token", given["confirmation_token"], "confirmation_token")
        return context.get("payment_method", token["_payment_method"], "payment_method")
    if "payment_method_data" in given:
        return payment_methods.create(context, given["payment_method_data"])
    name = given.get("payment_method") or intent["payment_method"]
    if not name:
        raise invalid("This SetupIntent is missing a payment method.", code="setup_intent_unexpected_state")
    return payment_methods.resolve(context, name)


def attempt(context: Context, intent: Object, payment_method: Object, *, authenticated: bool = False) -> Object:
    """Try to save a payment method; the outcome is in the intent's status and last error."""
    method = payment_methods.test_method(payment_method)
    intent |= {"payment_method": payment_method["id"], "last_setup_error": None, "next_action": None}
    if method.authenticate and not authenticated:
        url = f"{context.base_url}/c/authenticate/{intent['id']}"
        redirect = {"return_url": intent["_return_url"], "url": url}
        intent |= {"status": "requires_action", "next_action": {"type": "redirect_to_url", "redirect_to_url": redirect}}
        context.save(intent)
        events.emit(context, "setup_intent.requires_action", intent)
        return intent
    if method.kind == "card" and method.decline and not method.once_saved:
        message = cards.MESSAGES[method.reason]
        return fail(context, intent, {"type": "card_error", "code": method.decline, "message": message})
    if method.kind == "sepa_debit":
        intent["mandate"] = mandates.open_for(context, payment_method, "multi_use")["id"]
    payment_method["_set_up"] = True
    context.save(payment_method)
    if intent["customer"]:
        payment_methods.attach_to(context, payment_method, intent["customer"])
    intent["status"] = "succeeded"
    context.save(intent)
    events.emit(context, "setup_intent.succeeded", intent)
    return intent


def fail(context: Context, intent: Object, error: Object) -> Object:
    """The payment method was not saved."""
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_setup_error": error,
        "next_action": None,
    }
    context.save(intent)
    events.emit(context, "setup_intent.setup_failed", intent)
    return intent


def authenticate(context: Context, intent: Object, outcome: str) -> Object:
    """The payer's answer to 3-D Secure: ``pass`` or anything else."""
    if outcome == "pass":
        return attempt(context, intent, context.get("payment_method", intent["payment_method"]), authenticated=True)
    message = "The provided PaymentMethod has failed authentication."
    code = "setup_intent_authentication_failure"
    return fail(context, intent, {"type": "invalid_request_error", "code": code, "message": message})


def _require_open(intent: Object) -> None:
    if intent["status"] not in OPEN:
        raise invalid(f"This SetupIntent has a status of {intent['status']}.", code="setup_intent_unexpected_state")


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/setup_intents/{intent}"""
    return context.get("setup_intent", key, "intent")


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/setup_intents/{intent}"""
    intent = context.get("setup_intent", key, "intent")
    _require_open(intent)
    intent |= {name: given[name] for name in ("customer", "description", "payment_method_types") if name in given}
    intent["metadata"] = merged(intent["metadata"], given.get("metadata", {}))
    if "payment_method" in given:
        intent["payment_method"] = payment_methods.resolve(context, given["payment_method"])["id"]
        intent["status"] = "requires_confirmation"
    return context.save(intent)


def cancel(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/setup_intents/{intent}/cancel"""
    intent = context.get("setup_intent", key, "intent")
    _require_open(intent)
    intent |= {"status": "canceled", "cancellation_reason": given.get("cancellation_reason"), "next_action": None}
    context.save(intent)
    events.emit(context, "setup_intent.canceled", intent)
    return intent


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/setup_intents"""
    return listing.page(context, "setup_intent", "/v1/setup_intents", given, by=("customer", "payment_method"))


def create_token(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/test_helpers/confirmation_tokens: what a browser's Payment Element would make."""
    if "payment_method_data" in given:
        payment_method = payment_methods.create(context, given["payment_method_data"])
    elif "payment_method" in given:
        payment_method = payment_methods.resolve(context, given["payment_method"])
    else:
        raise invalid("You must provide either `payment_method` or `payment_method_data`.")
    kind = payment_method["type"]
    preview = {name: payment_method[name] for name in ("allow_redisplay", "billing_details", "customer", "type", kind)}
    token = context.new(
        "ctoken",
        "confirmation_token",
        expires_at=context.now + 12 * 3600,
        mandate_data=None,
        payment_intent=None,
        payment_method_options=None,
        payment_method_preview=preview,
        return_url=given.get("return_url"),
        setup_future_usage=given.get("setup_future_usage"),
        setup_intent=None,
        shipping=None,
        use_stripe_sdk=False,
        _payment_method=payment_method["id"],
    )
    return context.save(token)


def retrieve_token(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/confirmation_tokens/{confirmation_token}"""
    return context.get("confirmation_token", key)


def create_customer_session(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/customer_sessions: a client secret with which a browser may see a customer's saved methods."""
    context.get("customer", given["customer"], "customer")
    if not isinstance(given["components"], dict):
        raise invalid("Invalid object", param="components")
    components: Object = {name: {"enabled": False} for name in ("buy_button", "pricing_table")}
    for name in ("customer_sheet", "mobile_payment_element", "payment_element"):
        wanted = given["components"].get(name, {})
        components[name] = {"enabled": wanted.get("enabled") == "true", "features": None}
    return {
        "object": "customer_session",
        "client_secret": f"cuss_secret_{ids.new('x')[2:]}",
        "components": components,
        "created": context.now,
        "customer": given["customer"],
        "expires_at": context.now + 1800,
        "livemode": False,
    }
