"""Payment intents: from ``requires_payment_method`` to ``succeeded``, one charge for every attempt."""

from typing import Any

from payments.sandbox import events, ids, listing, money, render
from payments.sandbox.context import Context
from payments.sandbox.errors import ApiError, invalid
from payments.sandbox.objects import bank_transfers, charges, mandates, payment_methods
from payments.sandbox.params import (
    EXPAND,
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

COMMON: Fields = {
    **EXPAND,
    "payment_method": text,
    "payment_method_data": payment_methods.DATA,
    "payment_method_options": anything,
    "payment_method_types": list_of(text),
    "receipt_email": unsettable(text),
    "setup_future_usage": unsettable(one_of("off_session", "on_session")),
}
CONFIRMING: Fields = {
    "confirmation_token": text,
    "error_on_requires_action": boolean,
    "mandate": text,
    "mandate_data": anything,
    "off_session": boolean,
    "return_url": text,
}
DESCRIBING: Fields = {
    "amount": integer,
    "currency": money.read_currency,
    "customer": text,
    "description": unsettable(text),
    "metadata": metadata,
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
}
CREATE = Shape(
    {
        **COMMON,
        **CONFIRMING,
        **DESCRIBING,
        "automatic_payment_methods": Shape({"enabled": boolean, "allow_redirects": one_of("always", "never")}),
        "capture_method": one_of("automatic", "automatic_async"),
        "confirm": boolean,
        "confirmation_method": one_of("automatic", "manual"),
    },
    required=["amount", "currency"],
)
UPDATE = Shape({**COMMON, **DESCRIBING})
CONFIRM = Shape({**COMMON, **CONFIRMING})
REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
CANCEL = Shape({**EXPAND, "cancellation_reason": one_of(*REASONS)})
LIST = list_shape(created=moment_or_range, customer=text)
AUTHENTICATION_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod "
    "to attempt to fulfill this PaymentIntent again."
)
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/payment_intents"""
    intent = open_intent(context, given)
    if given.get("confirm"):
        return _confirm(context, intent, given)
    if "payment_method" in given:
        intent["payment_method"] = payment_methods.resolve(context, given["payment_method"])["id"]
        intent["status"] = "requires_confirmation"
        context.save(intent)
    return intent


def open_intent(context: Context, given: dict[str, Any]) -> Object:
    """A new intent for ``amount`` minor units of ``currency``; ApiError when they are not chargeable."""
    money.check_amount(given["amount"], given["currency"], "amount")
    if given.get("customer"):
        context.get("customer", given["customer"], "customer")
    intent = context.new(
        "pi",
        "payment_intent",
        amount=given["amount"],
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        application=None,
        application_fee_amount=None,
        automatic_payment_methods={"allow_redirects": "always", "enabled": True},
        canceled_at=None,
        cancellation_reason=None,
        capture_method=given.get("capture_method", "automatic_async"),
        client_secret=None,
        confirmation_method=given.get("confirmation_method", "automatic"),
        currency=given["currency"],
        customer=given.get("customer"),
        description=given.get("description"),
        last_payment_error=None,
        latest_charge=None,
        metadata=merged({}, given.get("metadata", {})),
        next_action=None,
        on_behalf_of=None,
        payment_method=None,
        payment_method_configuration_details=None,
        payment_method_options={},
        payment_method_types=given.get("payment_method_types") or ["card", "sepa_debit"],
        processing=None,
        receipt_email=given.get("receipt_email"),
        review=None,
        setup_future_usage=given.get("setup_future_usage"),
        shipping=None,
        statement_descriptor=given.get("statement_descriptor"),
        statement_descriptor_suffix=given.get("statement_descriptor_suffix"),
        status="requires_payment_method",
        transfer_data=None,
        transfer_group=None,
        _off_session=bool(given.get("off_session")),
        _authenticated=False,
        _return_url=given.get("return_url"),
        _mandate=None,
        _invoice=None,
    )
    intent["client_secret"] = f"{intent['id']}_secret_{ids.new('x')[2:]}"
    context.save(intent)
    events.emit(context, "payment_intent.created", intent)
    return intent


def confirm(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/payment_intents/{intent}/confirm; ApiError 402 ``card_error`` when the card is refused."""
    intent = context.get("payment_intent", key, "intent")
    _require(intent, "confirm", OPEN)
    return _confirm(context, intent, given)


def _confirm(context: Context, intent: Object, given: dict[str, Any]) -> Object:
    payment_method = _chosen_method(context, intent, given)
    intent["_off_session"] = bool(given.get("off_session"))
    intent["_return_url"] = given.get("return_url", intent["_return_url"])
    intent |= {name: given[name] for name in ("receipt_email", "setup_future_usage") if name in given}
    attempt(context, intent, payment_method)
    if intent["last_payment_error"]:
        raise _card_error(context, intent)
    return intent


def _chosen_method(context: Context, intent: Object, given: dict[str, Any]) -> Object:
    if "confirmation_token" in given:
        token = context.get("confirmation_token", given["confirmation_token"], "confirmation_token")
        return context.get("payment_method", token["_payment_method"], "payment_method")
    if "payment_method_data" in given:
        return payment_methods.create(context, given["payment_method_data"])
    name = given.get("payment_method") or intent["payment_method"]
    if not name:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
        )
    return payment_methods.resolve(context, name)


def attempt(context: Context, intent: Object, payment_method: Object) -> Object:
    """Try to take the money. Never raises for a refusal: the outcome is in the intent's status and last error."""
    method = payment_methods.test_method(payment_method)
    intent |= {"payment_method": payment_method["id"], "last_payment_error": None, "next_action": None}
    if method.kind == "customer_balance":
        return bank_transfers.announce(context, intent)
    ready = intent["_authenticated"] or (method.authenticate == "setup" and payment_method.get("_set_up"))
    if method.authenticate and not ready:
        if intent["_off_session"]:
            charge = charges.decline(context, intent, payment_method, "authentication_required")
            return _refused(context, intent, payment_method, charge)
        return _ask_for_authentication(context, intent)
    if method.kind == "sepa_debit" and not intent["_mandate"]:
        kind = "multi_use" if intent["setup_future_usage"] else "single_use"
        intent["_mandate"] = mandates.open_for(context, payment_method, kind)["id"]
    charge = charges.attempt(context, intent, payment_method)
    if charge["status"] == "failed":
        return _refused(context, intent, payment_method, charge)
    _keep_method(context, intent, payment_method)
    if charge["status"] == "pending":
        intent |= {"status": "processing", "latest_charge": charge["id"]}
        context.save(intent)
        events.emit(context, "payment_intent.processing", intent)
        return intent
    return succeeded(context, intent, charge)


def _keep_method(context: Context, intent: Object, payment_method: Object) -> None:
    if intent["setup_future_usage"] and intent["customer"]:
        payment_method["_set_up"] = intent["setup_future_usage"] == "off_session"
        context.save(payment_method)
        payment_methods.attach_to(context, payment_method, intent["customer"])


def succeeded(context: Context, intent: Object, charge: Object) -> Object:
    """The charge went through."""
    intent |= {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"]}
    context.save(intent)
    events.emit(context, "payment_intent.succeeded", intent)
    return intent


def _ask_for_authentication(context: Context, intent: Object) -> Object:
    url = f"{context.base_url}/c/authenticate/{intent['id']}"
    intent |= {
        "status": "requires_action",
        "next_action": {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": intent["_return_url"], "url": url},
        },
    }
    context.save(intent)
    events.emit(context, "payment_intent.requires_action", intent)
    return intent


def _refused(context: Context, intent: Object, payment_method: Object, charge: Object) -> Object:
    error = {
        "type": "card_error",
        "code": charge["failure_code"],
        "message": charge["failure_message"],
        "charge": charge["id"],
        "payment_method": render.public(context, payment_method),
    }
    if charge["outcome"]["reason"] != charge["failure_code"]:
        error["decline_code"] = charge["outcome"]["reason"]
    return failed(context, intent, error, charge)


def failed(context: Context, intent: Object, error: Object, charge: Object | None = None) -> Object:
    """The attempt failed; the intent waits for another payment method."""
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_payment_error": error,
        "next_action": None,
    }
    intent["_authenticated"] = False
    if charge:
        intent["latest_charge"] = charge["id"]
    context.save(intent)
    events.emit(context, "payment_intent.payment_failed", intent)
    return intent


def _card_error(context: Context, intent: Object) -> ApiError:
    details = {
        key: value for key, value in intent["last_payment_error"].items() if key not in ("type", "message", "code")
    }
    return ApiError(
        402,
        "card_error",
        intent["last_payment_error"]["message"],
        code=intent["last_payment_error"]["code"],
        keeps_work=True,
        payment_intent=render.public(context, intent),
        **details,
    )


def authenticate(context: Context, intent: Object) -> Object:
    """The payer passed 3-D Secure: try again, authenticated."""
    _require(intent, "authenticate", ("requires_action",))
    intent["_authenticated"] = True
    return attempt(context, intent, context.get("payment_method", intent["payment_method"]))


def fail_authentication(context: Context, intent: Object) -> Object:
    """The payer did not pass 3-D Secure; no charge is made."""
    _require(intent, "authenticate", ("requires_action",))
    payment_method = context.get("payment_method", intent["payment_method"])
    return failed(
        context,
        intent,
        {
            "type": "invalid_request_error",
            "code": "payment_intent_authentication_failure",
            "message": AUTHENTICATION_FAILED,
            "payment_method": render.public(context, payment_method),
        },
    )


def _require(intent: Object, verb: str, statuses: tuple[str, ...]) -> None:
    if intent["status"] not in statuses:
        raise invalid(
            f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}. "
            f"Only a PaymentIntent with one of the following statuses may be used: {', '.join(statuses)}.",
            code="payment_intent_unexpected_state",
        )


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/payment_intents/{intent}"""
    return context.get("payment_intent", key, "intent")


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/payment_intents/{intent}"""
    intent = context.get("payment_intent", key, "intent")
    fixed = {"amount", "currency", "payment_method", "customer"} & set(given)
    if fixed:
        _require(intent, "update", OPEN)
    wanted = {**intent, **given}
    money.check_amount(wanted["amount"], wanted["currency"], "amount")
    plain = set(DESCRIBING) | {"receipt_email", "setup_future_usage"}
    intent |= {name: value for name, value in given.items() if name in plain and name != "metadata"}
    intent["metadata"] = merged(intent["metadata"], given.get("metadata", {}))
    if "payment_method" in given:
        intent["payment_method"] = payment_methods.resolve(context, given["payment_method"])["id"]
        intent["status"] = "requires_confirmation"
    return context.save(intent)


def cancel(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/payment_intents/{intent}/cancel"""
    intent = context.get("payment_intent", key, "intent")
    _require(intent, "cancel", OPEN)
    intent |= {"status": "canceled", "canceled_at": context.now, "next_action": None}
    intent["cancellation_reason"] = given.get("cancellation_reason")
    context.save(intent)
    events.emit(context, "payment_intent.canceled", intent)
    return intent


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/payment_intents"""
    return listing.page(context, "payment_intent", "/v1/payment_intents", given, by=("customer",))
