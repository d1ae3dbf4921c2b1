"""Subscriptions: started, renewed by the virtual clock, changed, paused, resumed, cancelled. Proration is not imitated."""

from typing import Any

from payments.sandbox import events, listing
from payments.sandbox.config import DAY
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.objects import invoices, payment_methods, periods, products
from payments.sandbox.params import (
    EXPAND,
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
COMMON = {
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
ALIVE = ("active", "trialing", "past_due", "unpaid", "paused", "incomplete")


def open_subscription(context: Context, given: dict[str, Any]) -> Object:
    """A subscription that has not yet asked for money; its first period ends at the trial's end or the anchor, if any."""
    context.get("customer", given["customer"], "customer")
    items = [_item(context, wanted) for wanted in given["items"]]
    recurring = items[0]["price"]["recurring"]
    trial_end = given.get("trial_end") or (
        context.now + given["trial_period_days"] * DAY if given.get("trial_period_days") else None
    )
    anchor = trial_end or given.get("billing_cycle_anchor") or context.now
    if anchor < context.now:
        raise invalid("The billing cycle anchor or trial end must be in the future.", param="billing_cycle_anchor")
    subscription = context.new(
        "sub",
        "subscription",
        application=None,
        application_fee_percent=None,
        automatic_tax={"disabled_reason": None, "enabled": False, "liability": None},
        billing_cycle_anchor=anchor,
        billing_cycle_anchor_config=None,
        billing_mode={"flexible": None, "type": "classic"},
        billing_schedules=[],
        billing_thresholds=None,
        cancel_at=given.get("cancel_at"),
        cancel_at_period_end=given.get("cancel_at_period_end", False),
        canceled_at=None,
        cancellation_details={"comment": None, "feedback": None, "reason": None},
        collection_method="charge_automatically",
        currency=items[0]["price"]["currency"],
        customer=given["customer"],
        days_until_due=None,
        default_payment_method=given.get("default_payment_method"),
        default_source=None,
        default_tax_rates=[],
        description=given.get("description"),
        discounts=[],
        ended_at=None,
        invoice_settings={"account_tax_ids": None, "issuer": {"type": "self"}},
        latest_invoice=None,
        metadata=merged({}, given.get("metadata", {})),
        next_pending_invoice_item_invoice=None,
        on_behalf_of=None,
        pause_collection=None,
        payment_settings={
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        pending_invoice_item_interval=None,
        pending_setup_intent=None,
        pending_update=None,
        schedule=None,
        start_date=context.now,
        status="trialing" if trial_end else "incomplete",
        test_clock=None,
        transfer_data=None,
        trial_end=trial_end,
        trial_settings=given.get("trial_settings") or {"end_behavior": {"missing_payment_method": "create_invoice"}},
        trial_start=context.now if trial_end else None,
        _items=items,
    )
    end = anchor if anchor > context.now else periods.following(anchor, recurring, context.now)
    _set_period(subscription, context.now, end)
    context.save(subscription)
    events.emit(context, "customer.subscription.created", subscription)
    _plan(context, subscription)
    return subscription


def _item(context: Context, given: dict[str, Any]) -> Object:
    if "price_data" in given:
        price = products.create_price(context, given["price_data"])
    else:
        price = context.get("price", given.get("price", ""), "items[0][price]")
    if price["type"] != "recurring":
        raise invalid("The price specified is set to `type=one_time` but this field only accepts recurring prices.")
    return context.new(
        "si",
        "subscription_item",
        billing_thresholds=None,
        discounts=[],
        metadata=given.get("metadata", {}),
        price=price,
        quantity=given.get("quantity", 1),
        tax_rates=[],
    )


def _set_period(subscription: Object, start: int, end: int) -> None:
    for item in subscription["_items"]:
        item |= {"subscription": subscription["id"], "current_period_start": start, "current_period_end": end}
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    subscription["items"] = listing.of(url, subscription["_items"])


def period_end(subscription: Object) -> int:
    """When the current period ends."""
    return int(subscription["_items"][0]["current_period_end"])


def first_charge(subscription: Object) -> bool:
    """Whether the first period costs anything: not in a trial, nor before a later anchor."""
    return int(subscription["billing_cycle_anchor"]) <= int(subscription["created"])


def _plan(context: Context, subscription: Object) -> None:
    context.later("renew_subscription", subscription, period_end(subscription) - context.now)
    if subscription["cancel_at"]:
        context.later("cancel_subscription_in_time", subscription, subscription["cancel_at"] - context.now)


def first_invoice(context: Context, subscription: Object, intent: Object | None = None) -> Object:
    """The invoice of the first period, finalized; ``intent`` is what a Checkout Session has already collected with."""
    invoice = invoices.draft(
        context,
        subscription,
        reason="subscription_create",
        start=subscription["start_date"],
        end=period_end(subscription),
        charged=first_charge(subscription),
    )
    subscription["latest_invoice"] = invoice["id"]
    context.save(subscription)
    return invoices.finalize(context, invoice, intent)


def activate(context: Context, subscription: Object) -> Object:
    """Money came (or none was due): active, unless on trial or over."""
    if subscription["status"] in ("incomplete", "past_due", "unpaid"):
        _change(context, subscription, status="active")
    return subscription


def _change(context: Context, subscription: Object, **fields: Any) -> Object:
    before = dict(subscription)
    subscription |= fields
    context.save(subscription)
    events.emit(context, "customer.subscription.updated", subscription, events.changes(before, subscription))
    return subscription


def renew(context: Context, subscription: Object) -> Object | None:
    """A period ended: begin the next, and draft its invoice; None when there is nothing to invoice."""
    if subscription["status"] not in ("active", "trialing", "past_due") or period_end(subscription) > context.now:
        return None
    if subscription["cancel_at_period_end"]:
        end(context, subscription, "cancellation_requested")
        return None
    if subscription["status"] == "trialing" and _pauses_without_method(context, subscription):
        subscription["status"] = "paused"
        context.save(subscription)
        events.emit(context, "customer.subscription.paused", subscription)
        return None
    return begin_period(context, subscription, reason="subscription_cycle")


def _pauses_without_method(context: Context, subscription: Object) -> bool:
    customer = context.get("customer", subscription["customer"])
    has_method = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    return not has_method and subscription["trial_settings"]["end_behavior"]["missing_payment_method"] == "pause"


def begin_period(context: Context, subscription: Object, *, reason: str) -> Object:
    """The next period and its draft invoice."""
    start = period_end(subscription) if period_end(subscription) <= context.now else context.now
    following = periods.following(
        subscription["billing_cycle_anchor"], subscription["_items"][0]["price"]["recurring"], context.now
    )
    before = {"items": subscription["items"], "status": subscription["status"]}
    _set_period(subscription, start, following)
    if subscription["status"] in ("trialing", "paused"):
        subscription["status"] = "active"
    paused = subscription["pause_collection"]
    if paused and paused["resumes_at"] and paused["resumes_at"] <= context.now:
        subscription["pause_collection"] = paused = None
    invoice = invoices.draft(context, subscription, reason=reason, start=start, end=following)
    subscription["latest_invoice"] = invoice["id"]
    context.save(subscription)
    events.emit(context, "customer.subscription.updated", subscription, before)
    context.later("renew_subscription", subscription, following - context.now)
    if paused:
        _hold_back(context, invoice, paused["behavior"])
    else:
        context.later("finalize_invoice", invoice, 3600)
    return invoice


def _hold_back(context: Context, invoice: Object, behavior: str) -> None:
    if behavior == "keep_as_draft":
        context.save({**invoice, "auto_advance": False})
        return
    invoice = invoices.finalize(context, invoice)
    invoices.mark(context, invoice, "void" if behavior == "void" else "uncollectible")


def fall_behind(context: Context, subscription: Object, invoice: Object) -> None:
    """A renewal was not paid: past due while attempts are planned, then over."""
    if invoice["billing_reason"] != "subscription_cycle":
        return
    if invoice["next_payment_attempt"]:
        if subscription["status"] == "active":
            _change(context, subscription, status="past_due")
        context.later("retry_invoice", invoice, invoice["next_payment_attempt"] - context.now)
    else:
        end(context, subscription, "payment_failed")


def end(context: Context, subscription: Object, reason: str) -> Object:
    """The subscription is over, now."""
    subscription |= {"status": "canceled", "ended_at": context.now}
    subscription["canceled_at"] = subscription["canceled_at"] or context.now
    subscription["cancellation_details"]["reason"] = reason
    context.save(subscription)
    events.emit(context, "customer.subscription.deleted", subscription)
    return subscription


def cancel_in_time(context: Context, subscription: Object) -> None:
    """Job: ``cancel_at`` has come."""
    due = subscription["cancel_at"]
    if due and due <= context.now and subscription["status"] in ALIVE:
        end(context, subscription, "cancellation_requested")


def cancel(context: Context, given: dict[str, Any], key: str) -> Object:
    """DELETE /v1/subscriptions/{subscription_exposed_id}"""
    subscription = context.get("subscription", key)
    if subscription["status"] not in ALIVE:
        raise invalid(f"No such subscription: '{key}'", code="resource_missing", param="id", status=404)
    subscription["cancellation_details"] |= given.get("cancellation_details", {})
    return end(context, subscription, "cancellation_requested")


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/subscriptions/{subscription_exposed_id}"""
    subscription = context.get("subscription", key)
    if subscription["status"] not in ALIVE:
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
        subscription["cancel_at"] = period_end(subscription) if given["cancel_at_period_end"] else None
    if "trial_end" in given:
        _move_trial_end(context, subscription, given)
    context.save(subscription)
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
    until = period_end(subscription)
    for wanted in given["items"]:
        key = wanted.get("id", "")
        if wanted.get("deleted"):
            items.pop(key, None)
        elif key in items and not {"price", "price_data"} & set(wanted):
            items[key]["quantity"] = wanted.get("quantity", items[key]["quantity"])
        else:
            new = _item(context, wanted)
            new["id"] = key or new["id"]
            items[new["id"]] = new
    if not items:
        raise invalid("A subscription must have at least one active item.", param="items")
    subscription["_items"] = list(items.values())
    _set_period(subscription, start, until)


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
    _set_period(subscription, context.now, moment)
    context.later("renew_subscription", subscription, moment - context.now)


def resume(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/subscriptions/{subscription}/resume: only a paused one."""
    subscription = context.get("subscription", key)
    if subscription["status"] != "paused":
        raise invalid(f"Only paused subscriptions can be resumed; this one is {subscription['status']}.")
    subscription["billing_cycle_anchor"] = context.now
    begin_period(context, subscription, reason="subscription_cycle")
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
        customer=given.get("customer"),
        status=exact,
    )
