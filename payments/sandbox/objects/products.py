"""Products and prices, also those made inline by a Checkout line item."""

from typing import Any

from payments.sandbox import events, listing, money
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.params import (
    EXPAND,
    Shape,
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

PRODUCT_DATA = Shape(
    {"name": text, "description": text, "images": list_of(text), "metadata": metadata, "statement_descriptor": text},
    required=["name"],
)
RECURRING = Shape(
    {"interval": one_of("day", "week", "month", "year"), "interval_count": integer}, required=["interval"]
)
PRICE_DATA = Shape(
    {
        "currency": money.read_currency,
        "product": text,
        "product_data": PRODUCT_DATA,
        "recurring": RECURRING,
        "tax_behavior": one_of("exclusive", "inclusive", "unspecified"),
        "unit_amount": integer,
    },
    required=["currency", "unit_amount"],
)
CREATE_PRODUCT = PRODUCT_DATA.plus({**EXPAND, "active": boolean, "id": text, "url": text})
UPDATE_PRODUCT = Shape(
    {
        **EXPAND,
        "active": boolean,
        "description": unsettable(text),
        "images": list_of(text),
        "metadata": metadata,
        "name": text,
        "statement_descriptor": text,
        "url": unsettable(text),
    }
)
LIST_PRODUCTS = list_shape(active=boolean, created=moment_or_range)
CREATE_PRICE = PRICE_DATA.plus(
    {**EXPAND, "active": boolean, "lookup_key": text, "metadata": metadata, "nickname": text}
)
UPDATE_PRICE = Shape(
    {**EXPAND, "active": boolean, "lookup_key": text, "metadata": metadata, "nickname": unsettable(text)}
)
LIST_PRICES = list_shape(
    active=boolean, created=moment_or_range, currency=text, product=text, type=one_of("one_time", "recurring")
)


def create_product(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/products"""
    product = context.new(
        "prod",
        "product",
        active=given.get("active", True),
        default_price=None,
        description=given.get("description"),
        images=given.get("images", []),
        marketing_features=[],
        metadata=merged({}, given.get("metadata", {})),
        name=given["name"],
        package_dimensions=None,
        shippable=None,
        statement_descriptor=given.get("statement_descriptor"),
        tax_code=None,
        unit_label=None,
        updated=context.now,
        url=given.get("url"),
    )
    product["id"] = given.get("id", product["id"])
    context.save(product)
    events.emit(context, "product.created", product)
    return product


def retrieve_product(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/products/{id}"""
    return context.get("product", key)


def update_product(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/products/{id}"""
    return _update(context, context.get("product", key), given, {"updated": context.now})


def delete_product(context: Context, given: dict[str, Any], key: str) -> Object:
    """DELETE /v1/products/{id}: only without prices."""
    product = context.get("product", key)
    if context.select("price", product=key):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    context.store.remove(context.account, key)
    events.emit(context, "product.deleted", product)
    return {"id": key, "object": "product", "deleted": True}


def list_products(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/products"""
    return listing.page(context, "product", "/v1/products", given, by=("active",))


def create_price(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/prices, and ``price_data`` elsewhere. ``unit_amount`` in minor units."""
    if given["unit_amount"] < 0:
        raise invalid("Invalid non-negative integer", code="parameter_invalid_integer", param="unit_amount")
    product = _product(context, given)
    recurring = given.get("recurring")
    price = context.new(
        "price",
        "price",
        active=given.get("active", True),
        billing_scheme="per_unit",
        currency=given["currency"],
        custom_unit_amount=None,
        lookup_key=given.get("lookup_key"),
        metadata=merged({}, given.get("metadata", {})),
        nickname=given.get("nickname"),
        product=product["id"],
        recurring=None,
        tax_behavior=given.get("tax_behavior", "unspecified"),
        tiers_mode=None,
        transform_quantity=None,
        type="recurring" if recurring else "one_time",
        unit_amount=given["unit_amount"],
        unit_amount_decimal=str(given["unit_amount"]),
    )
    if recurring:
        price["recurring"] = {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": None,
            "usage_type": "licensed",
        }
    context.save(price)
    events.emit(context, "price.created", price)
    return price


def _product(context: Context, given: dict[str, Any]) -> Object:
    if "product" in given:
        return context.get("product", given["product"], "product")
    if "product_data" not in given:
        raise invalid("You must specify either `product` or `product_data` when creating a price.")
    return create_product(context, given["product_data"])


def retrieve_price(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/prices/{price}"""
    return context.get("price", key)


def update_price(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/prices/{price}"""
    return _update(context, context.get("price", key), given, {})


def _update(context: Context, thing: Object, given: dict[str, Any], also: dict[str, Any]) -> Object:
    before = dict(thing)
    thing |= {name: value for name, value in given.items() if name not in ("expand", "metadata")} | also
    thing["metadata"] = merged(thing["metadata"], given.get("metadata", {}))
    context.save(thing)
    events.emit(context, f"{thing['object']}.updated", thing, events.changes(before, thing))
    return thing


def list_prices(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/prices"""
    return listing.page(context, "price", "/v1/prices", given, by=("active", "currency", "product", "type"))
