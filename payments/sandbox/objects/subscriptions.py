"""Subscriptions: started, renewed by the virtual clock, activated by money, ended for lack of it."""

from typing import Any

from payments.sandbox import events, listing
from payments.sandbox.config import DAY
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.objects import invoices, periods, products
from payments.sandbox.params import (
    merged,
)  # fmt: skip
from payments.sandbox.store import Object

ALIVE = ("active", "trialing", "past_due", "unpaid", "paused", "incomplete")


def open_subscription(context: Context, given: dict[str, Any]) -> Object:
    """A subscription that has not yet asked for money; a trial or a later anchor ends its first period."""
    context.get("customer", given["customer"], "customer")
    items = [make_item(context, wanted) for wanted in given["items"]]
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
    set_period(subscription, context.now, end)
    context.save(subscription)
    events.emit(context, "customer.subscription.created", subscription)
    _plan(context, subscription)
    return subscription


def make_item(context: Context, given: dict[str, Any]) -> Object:
    """An item of a subscription, with a price named or made inline."""
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


def set_period(subscription: Object, start: int, end: int) -> None:
    """Where the period is written: on each item, not on the subscription."""
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
    set_period(subscription, start, following)
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
    """What had begun was not paid: past due while attempts are planned, then over."""
    if subscription["status"] not in ("active", "past_due"):
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
    for invoice in context.select("invoice", _subscription=subscription["id"], status="open"):
        invoices.leave(context, invoice)
    return subscription


def resume_collection(context: Context, subscription: Object) -> None:
    """Job: the moment up to which collections were paused has come."""
    paused = subscription["pause_collection"]
    if paused and paused["resumes_at"] and paused["resumes_at"] <= context.now and subscription["status"] in ALIVE:
        _change(context, subscription, pause_collection=None)


def cancel_in_time(context: Context, subscription: Object) -> None:
    """Job: ``cancel_at`` has come."""
    due = subscription["cancel_at"]
    if due and due <= context.now and subscription["status"] in ALIVE:
        end(context, subscription, "cancellation_requested")
