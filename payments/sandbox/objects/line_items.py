"""Line items of a Checkout Session: a price, made inline or named, times a quantity."""

from typing import Any

from payments.sandbox import ids
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.objects import products
from payments.sandbox.params import Shape, anything, integer, metadata, text
from payments.sandbox.store import Object

LINE_ITEM = Shape(
    {
        "adjustable_quantity": anything,
        "metadata": metadata,
        "price": text,
        "price_data": products.PRICE_DATA,
        "quantity": integer,
    }
)


def create(context: Context, given: list[dict[str, Any]], mode: str) -> list[Object]:
    """Line items as they are shown; their prices and products are made where they are inline."""
    items = [_create(context, wanted, f"line_items[{index}]") for index, wanted in enumerate(given)]
    if len({item["currency"] for item in items}) > 1:
        raise invalid("All line items must have the same currency.", param="line_items")
    recurs = [item["price"]["type"] == "recurring" for item in items]
    if mode == "payment" and any(recurs):
        raise invalid("You specified `payment` mode but passed a recurring price.", param="line_items")
    if mode == "subscription" and not all(recurs):
        raise invalid("The sandbox takes recurring prices only in `subscription` mode.", param="line_items")
    return items


def _create(context: Context, given: dict[str, Any], param: str) -> Object:
    if "price" in given:
        price = context.get("price", given["price"], f"{param}[price]")
    elif "price_data" in given:
        price = products.create_price(context, given["price_data"])
    else:
        raise invalid("You must provide one of `price` or `price_data` for each line item.", param=param)
    quantity = given.get("quantity", 1)
    if quantity < 1:
        raise invalid("Invalid positive integer", code="parameter_invalid_integer", param=f"{param}[quantity]")
    total = price["unit_amount"] * quantity
    product = context.get("product", price["product"])
    return {
        "id": ids.new("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": given.get("metadata", {}),
        "price": price,
        "quantity": quantity,
    }
