"""Customers."""

from typing import Any

from payments.sandbox import events, listing
from payments.sandbox.context import Context
from payments.sandbox.params import (
    ADDRESS,
    EXPAND,
    Fields,
    Shape,
    anything,
    list_of,
    merged,
    metadata,
    moment_or_range,
    text,
    unsettable,
)  # fmt: skip
from payments.sandbox.params import (
    listing as list_shape,
)
from payments.sandbox.store import Object

FIELDS: Fields = {
    **EXPAND,
    "address": unsettable(ADDRESS),
    "description": unsettable(text),
    "email": unsettable(text),
    "invoice_settings": Shape({"default_payment_method": unsettable(text)}),
    "metadata": metadata,
    "name": unsettable(text),
    "phone": unsettable(text),
    "preferred_locales": list_of(text),
    "shipping": anything,
    "tax_exempt": unsettable(text),
}
CREATE = Shape({**FIELDS, "test_clock": text, "payment_method": text})
UPDATE = Shape(FIELDS)
LIST = list_shape(created=moment_or_range, email=text, test_clock=text)
PAYMENT_METHODS = list_shape(type=text, allow_redisplay=text)


def create(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/customers"""
    customer = context.new(
        "cus",
        "customer",
        address=None,
        balance=0,
        currency=None,
        default_source=None,
        delinquent=False,
        description=None,
        email=None,
        invoice_prefix="SANDBOX",
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        metadata={},
        name=None,
        phone=None,
        preferred_locales=[],
        shipping=None,
        tax_exempt="none",
        test_clock=None,
    )
    _apply(customer, given)
    context.save(customer)
    events.emit(context, "customer.created", customer)
    return customer


def _apply(customer: Object, given: dict[str, Any]) -> None:
    changes = {
        key: value
        for key, value in given.items()
        if key not in ("expand", "metadata", "invoice_settings", "payment_method")
    }
    customer.update(changes)
    customer["metadata"] = merged(customer["metadata"], given.get("metadata", {}))
    customer["invoice_settings"] |= given.get("invoice_settings", {})


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/customers/{customer}"""
    return context.get("customer", key)


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/customers/{customer}"""
    customer = context.get("customer", key)
    before = {**customer, "invoice_settings": dict(customer["invoice_settings"])}
    _apply(customer, given)
    context.save(customer)
    events.emit(context, "customer.updated", customer, events.changes(before, customer))
    return customer


def delete(context: Context, given: dict[str, Any], key: str) -> Object:
    """DELETE /v1/customers/{customer}"""
    customer = context.get("customer", key)
    context.store.remove(context.account, key)
    events.emit(context, "customer.deleted", customer)
    return {"id": key, "object": "customer", "deleted": True}


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/customers"""
    return listing.page(context, "customer", "/v1/customers", given, by=("email", "test_clock"))


def payment_methods(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/customers/{customer}/payment_methods"""
    context.get("customer", key, "customer")
    url = f"/v1/customers/{key}/payment_methods"
    return listing.page(context, "payment_method", url, given, by=("type",), equal={"customer": key})
