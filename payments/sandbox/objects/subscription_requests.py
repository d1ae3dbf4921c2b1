"""What the API asks of subscriptions: change, pause, resume, cancel, list. Proration is not imitated."""

from typing import Any

from payments.sandbox import events, listing
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.objects import payment_methods, products, subscriptions
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
)
from payments.sandbox.params import (
    listing as list_shape,
)
from payments.sandbox.store import Object

ITEM = Shape(
    {
        "deleted": boolean,
        "id": text,
        "metadata": metadata,
        "price": text,
        "price_data": products.PRICE_DATA,
        "quantity": integer,
    }
)
CANCELLATION = Shape(
    {
        "comment": unsettable(text),
        "feedback": unsettable(
            one_of(
                "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex",
                "too_expensive", "unused",
            )
        ),
    }
)  # fmt: skip
COMMON: Fields = {
    **EXPAND,
    "cancel_at": unsettable(integer),
    "cancel_at_period_end": boolean,
    "default_payment_method": text,
    "description": unsettable(text),
    "items": list_of(ITEM),
    "metadata": metadata,
    "off_session": boolean,
    "payment_behavior": one_of(
        "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
    ),
    "payment_settings": anything,
    "proration_behavior": one_of("always_invoice", "create_prorations", "none"),
    "trial_settings": Shape(
        {"end_behavior": Shape({"missing_payment_method": one_of("cancel", "create_invoice", "pause")})}
    ),
}
CREATE = Shape(
    {
        **COMMON,
        "billing_cycle_anchor": integer,
        "customer": text,
        "trial_end": integer,
        "trial_period_days": integer,
    },
    required=["customer", "items"],
)
PAUSE = Shape({"behavior": one_of("keep_as_draft", "mark_uncollectible", "void"), "resumes_at": integer}, ["behavior"])
UPDATE = Shape(
    {
        **COMMON,
        "billing_cycle_anchor": one_of("now", "unchanged"),
        "cancellation_details": CANCELLATION,
        "pause_collection": unsettable(PAUSE),
        "trial_end": integer,
    }
)
CANCEL = Shape({**EXPAND, "cancellation_details": CANCELLATION, "invoice_now": boolean, "prorate": boolean})
RESUME = Shape(
    {
        **EXPAND,
        "billing_cycle_anchor": one_of("now", "unchanged"),
        "proration_behavior": one_of("always_invoice", "create_prorations", "none"),
    }
)
LIST = list_shape(
    created=moment_or_range,
    customer=text,
    price=text,
    status=one_of(
        "active",
        "all",
        "canceled",
        "ended",
        "incomplete",
        "incomplete_expired",
        "past_due",
        "paused",
        "trialing",
        "unpaid",
    ),
)


def cancel(context: Context, given: dict[str, Any], key: str) -> Object:
    """DELETE /v1/subscriptions/{subscription_exposed_id}"""
    subscription = context.get("subscription", key)
    if subscription["status"] not in subscriptions.ALIVE:
        raise invalid(f"No such subscription: '{key}'", code="resource_missing", param="id", status=404)
    subscription["cancellation_details"] |= given.get("cancellation_details", {})
    return subscriptions.end(context, subscription, "cancellation_requested")


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/subscriptions/{subscription_exposed_id}"""
    subscription = context.get("subscription", key)
    if subscription["status"] not in subscriptions.ALIVE:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    before = dict(subscription)
    if "items" in given:
        _change_items(context, subscription, given)
    plain = (
        "cancel_at",
        "cancel_at_period_end",
        "default_payment_method",
        "description",
        "pause_collection",
        "trial_settings",
    )
    subscription |= {name: given[name] for name in plain if name in given}
    if given.get("pause_collection"):
        subscription["pause_collection"].setdefault("resumes_at", None)
    if "default_payment_method" in given:
        subscription["default_payment_method"] = payment_methods.resolve(context, given["default_payment_method"])["id"]
    subscription["metadata"] = merged(subscription["metadata"], given.get("metadata", {}))
    subscription["cancellation_details"] |= given.get("cancellation_details", {})
    if "cancel_at_period_end" in given:
        subscription["canceled_at"] = context.now if given["cancel_at_period_end"] else None
        subscription["cancel_at"] = subscriptions.period_end(subscription) if given["cancel_at_period_end"] else None
    if "trial_end" in given:
        _move_trial_end(context, subscription, given)
    context.save(subscription)
    if (given.get("pause_collection") or {}).get("resumes_at"):
        resumes_at = given["pause_collection"]["resumes_at"]
        context.later("resume_collection", subscription, resumes_at - context.now)
    if given.get("cancel_at"):
        context.later("cancel_subscription_in_time", subscription, given["cancel_at"] - context.now)
    events.emit(context, "customer.subscription.updated", subscription, events.changes(before, subscription))
    return subscription


def _refuse_proration(given: dict[str, Any]) -> None:
    if given.get("proration_behavior") != "none":
        raise invalid("The sandbox does not prorate; pass proration_behavior=none.", param="proration_behavior")


def _change_items(context: Context, subscription: Object, given: dict[str, Any]) -> None:
    """Other prices or quantities, charged from the next period on."""
    _refuse_proration(given)
    items = {item["id"]: dict(item) for item in subscription["_items"]}
    start = subscription["_items"][0]["current_period_start"]
    until = subscriptions.period_end(subscription)
    for wanted in given["items"]:
        key = wanted.get("id", "")
        if wanted.get("deleted"):
            items.pop(key, None)
        elif key in items and not {"price", "price_data"} & set(wanted):
            items[key]["quantity"] = wanted.get("quantity", items[key]["quantity"])
        else:
            new = subscriptions.make_item(context, wanted)
            new["id"] = key or new["id"]
            items[new["id"]] = new
    if not items:
        raise invalid("A subscription must have at least one active item.", param="items")
    subscription["_items"] = list(items.values())
    subscriptions.set_period(subscription, start, until)


def _move_trial_end(context: Context, subscription: Object, given: dict[str, Any]) -> None:
    """Skipping to a later date: the next charge comes at the trial's end, and later ones follow it."""
    _refuse_proration(given)
    if given["trial_end"] <= context.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    moment = given["trial_end"]
    subscription |= {
        "status": "trialing",
        "trial_end": moment,
        "trial_start": context.now,
        "billing_cycle_anchor": moment,
    }
    subscriptions.set_period(subscription, context.now, moment)
    context.later("renew_subscription", subscription, moment - context.now)


def resume(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/subscriptions/{subscription}/resume: only a paused one."""
    subscription = context.get("subscription", key)
    if subscription["status"] != "paused":
        raise invalid(f"Only paused subscriptions can be resumed; this one is {subscription['status']}.")
    subscription["billing_cycle_anchor"] = context.now
    subscriptions.begin_period(context, subscription, reason="subscription_cycle")
    events.emit(context, "customer.subscription.resumed", subscription)
    return subscription


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/subscriptions/{subscription_exposed_id}"""
    return context.get("subscription", key)


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/subscriptions: cancelled ones only when asked for."""
    status = given.get("status")
    extra = "" if status else "AND json_extract(data, '$.status') <> 'canceled'"
    if status == "ended":
        extra = "AND json_extract(data, '$.status') IN ('canceled', 'incomplete_expired')"
    if "price" in given:
        extra += " AND json_extract(data, '$._items[0].price.id') = ?"
    values = (given["price"],) if "price" in given else ()
    exact = None if status in ("all", "ended") else status
    return listing.page(
        context,
        "subscription",
        "/v1/subscriptions",
        given,
        extra=extra,
        values=values,
        by=("customer",),
        equal={"status": exact},
    )
