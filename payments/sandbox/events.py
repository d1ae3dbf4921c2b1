"""Events: a snapshot of an object at the moment it changed, queued for every endpoint that wants its type."""

import json
from typing import Any

from payments.sandbox import render
from payments.sandbox.config import API_VERSION
from payments.sandbox.context import Context
from payments.sandbox.store import Object

# Every type the sandbox emits; a test holds this against Stripe's published list.
EVENT_TYPES = frozenset(
    [
        "billing_portal.configuration.created",
        "billing_portal.configuration.updated",
        "billing_portal.session.created",
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.failed",
        "charge.pending",
        "charge.refund.updated",
        "charge.refunded",
        "charge.succeeded",
        "charge.updated",
        "checkout.session.async_payment_failed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.created",
        "customer.deleted",
        "customer.updated",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.marked_uncollectible",
        "invoice.paid",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
        "invoice.updated",
        "invoice.voided",
        "invoice_payment.paid",
        "mandate.updated",
        "payment_intent.canceled",
        "payment_intent.created",
        "payment_intent.partially_funded",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "payment_method.attached",
        "payment_method.automatically_updated",
        "payment_method.detached",
        "payment_method.updated",
        "payout.canceled",
        "payout.created",
        "payout.failed",
        "payout.paid",
        "payout.reconciliation_completed",
        "payout.updated",
        "price.created",
        "price.updated",
        "product.created",
        "product.deleted",
        "product.updated",
        "radar.early_fraud_warning.created",
        "refund.created",
        "refund.failed",
        "refund.updated",
        "setup_intent.canceled",
        "setup_intent.created",
        "setup_intent.requires_action",
        "setup_intent.setup_failed",
        "setup_intent.succeeded",
        "test_helpers.test_clock.advancing",
        "test_helpers.test_clock.created",
        "test_helpers.test_clock.deleted",
        "test_helpers.test_clock.ready",
    ]
)


def emit(context: Context, kind: str, thing: Object, previous: dict[str, Any] | None = None) -> None:
    """Record an event and queue it. ``previous`` holds the former values of what an update changed."""
    if kind not in EVENT_TYPES:
        raise ValueError(f"{kind} is missing from EVENT_TYPES")
    if context.faults.strike("event_never_generated", kind, context.account):
        return
    data: dict[str, Any] = {"object": render.public(context, thing)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = context.new(
        "evt",
        "event",
        api_version=API_VERSION,
        data=data,
        pending_webhooks=0,
        request={"id": context.request_id, "idempotency_key": context.idempotency_key},
        type=kind,
    )
    context.save(event)
    _queue(context, event)


def changes(before: Object, after: Object) -> dict[str, Any]:
    """The former values of what differs, for ``previous_attributes``."""
    return {key: before.get(key) for key in after if not key.startswith("_") and before.get(key) != after[key]}


def wants(endpoint: Object, kind: str) -> bool:
    """Whether an endpoint has asked for events of a type."""
    return endpoint["status"] == "enabled" and bool({"*", kind} & set(endpoint["enabled_events"]))


def _queue(context: Context, event: Object) -> None:
    for endpoint in context.select("webhook_endpoint"):
        if not wants(endpoint, event["type"]):
            continue
        for due, state, faults in _deliveries(context, event["type"]):
            context.store.sql.execute(
                "INSERT INTO deliveries (account, event, endpoint, due, state, faults) VALUES (?, ?, ?, ?, ?, ?)",
                (context.account, event["id"], endpoint["id"], due, state, json.dumps(faults)),
            )


def _deliveries(context: Context, kind: str) -> list[tuple[float, str, dict[str, float]]]:
    """When an event goes to one endpoint, in which state, with which faults: usually once, now, with none."""

    def struck(fault: str, default: float) -> float:
        found = context.faults.strike(f"webhook_{fault}", kind, context.account)
        return 0 if found is None else found.seconds if found.seconds is not None else default

    due = context.clock.deliveries_now() + struck("delayed", 3) + struck("shuffled", 1) * context.faults.chance()
    marks = {
        name: struck(name, default)
        for name, default in (("old_timestamp", 900), ("rotated_secret", 1), ("old_api_version", 1))
    }
    marks = {name: value for name, value in marks.items() if value}
    state = "dropped" if struck("dropped", 1) else "pending"
    copies = [(due, state, marks)]
    if struck("concurrent", 1):
        copies += [(due, state, {**marks, "copy": 1})] * 2
    if struck("duplicated", 1):
        copies.append((due + 1, state, {**marks, "copy": 1}))
    return copies
