"""Webhook endpoints and their signing secrets, of which two are active while one is being rotated."""

import re
from typing import Any
from urllib.parse import urlsplit

from payments.sandbox import ids, listing
from payments.sandbox.config import API_VERSION
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.params import EXPAND, PAGE, Fields, Shape, boolean, list_of, merged, metadata, text, unsettable
from payments.sandbox.store import Object

EVENT_TYPE = re.compile(r"\*|[a-z0-9_]+(\.[a-z0-9_]+)+")
FIELDS: Fields = {
    **EXPAND,
    "description": unsettable(text),
    "enabled_events": list_of(text),
    "metadata": metadata,
    "url": text,
}
CREATE = Shape({**FIELDS, "api_version": text}, required=["enabled_events", "url"])
UPDATE = Shape({**FIELDS, "disabled": boolean})
DELETE = Shape({})
LIST = Shape(PAGE)
MAXIMUM = 16


def create(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/webhook_endpoints: the only answer that shows the secret."""
    _check(given)
    if len(context.select("webhook_endpoint")) >= MAXIMUM:
        raise invalid(f"You have reached the maximum of {MAXIMUM} test webhook endpoints.", param="url")
    secret = ids.new("whsec")
    endpoint = context.new(
        "we",
        "webhook_endpoint",
        api_version=given.get("api_version"),
        application=None,
        description=given.get("description"),
        enabled_events=given["enabled_events"],
        metadata=merged({}, given.get("metadata", {})),
        status="enabled",
        url=given["url"],
        _event_version=given.get("api_version", API_VERSION),
        _secrets=[{"secret": secret, "until": None}],
    )
    context.save(endpoint)
    return {**endpoint, "secret": secret}


def _check(given: dict[str, Any]) -> None:
    parts = urlsplit(given.get("url", "http://host"))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.", code="url_invalid", param="url"
        )
    for index, kind in enumerate(given.get("enabled_events", ["*"])):
        if not EVENT_TYPE.fullmatch(kind):
            raise invalid(f"Invalid event type: {kind}", param=f"enabled_events[{index}]")


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/webhook_endpoints/{webhook_endpoint}"""
    return context.get("webhook_endpoint", key)


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/webhook_endpoints/{webhook_endpoint}"""
    endpoint = context.get("webhook_endpoint", key)
    _check(given)
    endpoint |= {name: given[name] for name in ("description", "enabled_events", "url") if name in given}
    endpoint["metadata"] = merged(endpoint["metadata"], given.get("metadata", {}))
    if "disabled" in given:
        endpoint["status"] = "disabled" if given["disabled"] else "enabled"
    return context.save(endpoint)


def delete(context: Context, given: dict[str, Any], key: str) -> Object:
    """DELETE /v1/webhook_endpoints/{webhook_endpoint}"""
    context.get("webhook_endpoint", key)
    context.store.remove(context.account, key)
    return {"id": key, "object": "webhook_endpoint", "deleted": True}


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/webhook_endpoints"""
    return listing.page(context, "webhook_endpoint", "/v1/webhook_endpoints", given)


def roll_secret(context: Context, endpoint: Object, both_for: int) -> str:
    """A new secret; the one before signs along for ``both_for`` seconds (Stripe's dashboard offers up to 24 hours)."""
    secret = ids.new("whsec")
    until = context.now + both_for
    older = [{**item, "until": min(until, item["until"] or until)} for item in endpoint["_secrets"]]
    endpoint["_secrets"] = [{"secret": secret, "until": None}, *older]
    context.save(endpoint)
    return secret
