"""Reading events back: 30 days of them, newest first."""

from typing import Any

from payments.sandbox import errors, listing
from payments.sandbox.config import DAY
from payments.sandbox.context import Context
from payments.sandbox.params import boolean, list_of, moment_or_range, text
from payments.sandbox.params import listing as list_shape
from payments.sandbox.store import Object

LIST = list_shape(created=moment_or_range, delivery_success=boolean, type=text, types=list_of(text))
KEPT = 30 * DAY


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/events/{id}"""
    event = context.get("event", key)
    if event["created"] < context.now - KEPT:
        raise errors.missing("event", key)
    return event


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/events"""
    extra, values = "AND created >= ?", (context.now - KEPT,)
    types = given.get("types", []) or ([given["type"]] if "type" in given else [])
    if types:
        extra += " AND (" + " OR ".join("json_extract(data, '$.type') GLOB ?" for _ in types) + ")"
        values += tuple(types)
    if "delivery_success" in given:
        undelivered = "EXISTS (SELECT 1 FROM deliveries d WHERE d.event = objects.id AND d.state <> 'delivered')"
        extra += f" AND {'NOT ' if given['delivery_success'] else ''}{undelivered}"
    return listing.page(context, "event", "/v1/events", given, extra=extra, values=values)
