"""Mandates: the authority to collect by SEPA direct debit."""

from typing import Any

from payments.sandbox import events, ids
from payments.sandbox.context import Context
from payments.sandbox.store import Object


def open_for(context: Context, payment_method: Object, kind: str) -> Object:
    """A mandate for an IBAN: ``single_use`` for one payment, ``multi_use`` for a series."""
    mandate = context.new(
        "mandate",
        "mandate",
        customer_acceptance={
            "accepted_at": context.now,
            "online": {"ip_address": "127.0.0.1", "user_agent": "sandbox"},
            "type": "online",
        },
        payment_method=payment_method["id"],
        payment_method_details={
            "sepa_debit": {
                "reference": ids.new("ref")[4:20].upper(),
                "url": "https://example.org/mandate",
            },
            "type": "sepa_debit",
        },
        status="active",
        type=kind,
    )
    mandate[kind] = {} if kind == "multi_use" else {"amount": 0, "currency": "eur"}
    return context.save(mandate)


def revoke(context: Context, mandate: Object) -> Object:
    """The bank says that nothing more may be collected."""
    mandate["status"] = "inactive"
    context.save(mandate)
    events.emit(context, "mandate.updated", mandate, {"status": "active"})
    return mandate


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/mandates/{mandate}"""
    return context.get("mandate", key)
