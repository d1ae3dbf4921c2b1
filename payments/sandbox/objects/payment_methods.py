"""Payment methods: Stripe's test cards and test IBANs, and its ready-made ``pm_card_…`` names."""

from typing import Any

from payments.sandbox import cards, errors, events, ids, listing
from payments.sandbox.cards import TestMethod
from payments.sandbox.context import Context
from payments.sandbox.params import (
    ADDRESS,
    EXPAND,
    Fields,
    Shape,
    integer,
    merged,
    metadata,
    one_of,
    text,
    unsettable,
)  # fmt: skip
from payments.sandbox.params import (
    listing as list_shape,
)
from payments.sandbox.store import Object

BILLING = Shape(
    {"address": unsettable(ADDRESS), "email": unsettable(text), "name": unsettable(text), "phone": unsettable(text)}
)
CARD = Shape({"number": text, "exp_month": integer, "exp_year": integer, "cvc": text, "token": text})
FIELDS: Fields = {
    "type": one_of("card", "sepa_debit"),
    "billing_details": BILLING,
    "card": CARD,
    "sepa_debit": Shape({"iban": text}, required=["iban"]),
    "metadata": metadata,
    "allow_redisplay": one_of("always", "limited", "unspecified"),
}
DATA = Shape(FIELDS, required=["type"])
CREATE = DATA.plus(EXPAND)
UPDATE = Shape({**EXPAND, "billing_details": BILLING, "metadata": metadata})
ATTACH = Shape({**EXPAND, "customer": text}, required=["customer"])
DETACH = Shape(EXPAND)
LIST = list_shape(customer=text, type=text, allow_redisplay=text)


def create(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/payment_methods, and ``payment_method_data`` elsewhere."""
    method = _known_method(given)
    fields = {key: given[key] for key in ("billing_details", "metadata", "allow_redisplay") if key in given}
    return of_test_method(context, method, **fields)


def _known_method(given: dict[str, Any]) -> TestMethod:
    if given["type"] == "sepa_debit":
        typed, param = given.get("sepa_debit", {}).get("iban", ""), "sepa_debit[iban]"
    else:
        card = given.get("card", {})
        typed, param = card.get("number", ""), "card[number]"
        if "token" in card:
            typed = cards.BY_CASE["success"].number
    method = cards.by_number(typed)
    if method is None or method.kind != given["type"]:
        raise errors.ApiError(
            402,
            "card_error",
            "Your card number is incorrect. The sandbox knows only Stripe's published test numbers.",
            code="incorrect_number",
            param=param,
        )
    return method


def of_test_method(context: Context, method: TestMethod, **fields: Any) -> Object:
    """A payment method for a test card or IBAN."""
    billing = {"address": dict.fromkeys(ADDRESS.fields), "email": None, "name": None, "phone": None, "tax_id": None}
    payment_method = context.new(
        "pm",
        "payment_method",
        allow_redisplay=fields.get("allow_redisplay", "unspecified"),
        billing_details=billing
        | {key: value for key, value in fields.get("billing_details", {}).items() if value is not None},
        customer=None,
        metadata=merged({}, fields.get("metadata", {})),
        type=method.kind,
        _number=method.number,
    )
    details = {"card": _card, "sepa_debit": _sepa_debit}.get(method.kind)
    payment_method[method.kind] = details(method) if details else {}
    if wallet := fields.get("wallet"):
        payment_method["card"]["wallet"] = {"type": wallet, wallet: {}, "dynamic_last4": None}
    return context.save(payment_method)


def _card(method: TestMethod) -> Object:
    return {
        "brand": method.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": method.country,
        "display_brand": method.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": ids.fingerprint(method.number),
        "funding": "credit",
        "generated_from": None,
        "last4": method.last4,
        "networks": {"available": [method.brand], "preferred": None},
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _sepa_debit(method: TestMethod) -> Object:
    return {
        "bank_code": method.number[4:12],
        "branch_code": "",
        "country": method.country,
        "fingerprint": ids.fingerprint(method.number),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": method.last4,
    }


def test_method(payment_method: Object) -> TestMethod:
    """The test card or IBAN behind a payment method."""
    return cards.BY_NUMBER[payment_method["_number"]]


def replace_card(context: Context, payment_method: Object, method: TestMethod) -> Object:
    """The bank issued another card; the payment method lives on with it."""
    before = payment_method[payment_method["type"]]
    if payment_method["type"] != "card" or method.kind != "card":
        raise errors.invalid("Only cards are replaced.")
    payment_method |= {"card": _card(method), "_number": method.number}
    context.save(payment_method)
    events.emit(context, "payment_method.automatically_updated", payment_method, {"card": before})
    return payment_method


def resolve(context: Context, name: str) -> Object:
    """A payment method by id; ``pm_card_visa`` and its like are made on the spot, as Stripe does."""
    if name in cards.BY_READY_MADE:
        return of_test_method(context, cards.BY_READY_MADE[name])
    return context.get("payment_method", name, "payment_method")


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/payment_methods/{payment_method}"""
    return context.get("payment_method", key)


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/payment_methods/{payment_method}"""
    payment_method = context.get("payment_method", key)
    payment_method["billing_details"] |= given.get("billing_details", {})
    payment_method["metadata"] = merged(payment_method["metadata"], given.get("metadata", {}))
    context.save(payment_method)
    if payment_method["customer"]:
        events.emit(context, "payment_method.updated", payment_method)
    return payment_method


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/payment_methods"""
    return listing.page(context, "payment_method", "/v1/payment_methods", given, by=("customer", "type"))


def attach(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/payment_methods/{payment_method}/attach"""
    payment_method = resolve(context, key)
    context.get("customer", given["customer"], "customer")
    return attach_to(context, payment_method, given["customer"])


def attach_to(context: Context, payment_method: Object, customer: str) -> Object:
    """Keep a payment method for a customer. No-op when it is theirs already."""
    if payment_method["customer"] == customer:
        return payment_method
    if payment_method["customer"]:
        raise errors.invalid("The payment method you provided has already been attached to a customer.")
    payment_method["customer"] = customer
    context.save(payment_method)
    events.emit(context, "payment_method.attached", payment_method)
    return payment_method


def detach(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/payment_methods/{payment_method}/detach"""
    payment_method = context.get("payment_method", key)
    if not payment_method["customer"]:
        raise errors.invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    before = payment_method["customer"]
    payment_method["customer"] = None
    context.save(payment_method)
    events.emit(context, "payment_method.detached", payment_method, {"customer": before})
    return payment_method
