"""Charges, what they are made by, what goes back of them, and what Stripe holds."""

from __future__ import annotations

from typing import Any

from ..models import RefundRequest, StripeAccount
from .calls import call, client_of
from .lists import each, service_of


def get_payment_intent(account: StripeAccount, intent_id: str) -> dict[str, Any]:
    """The payment intent with its newest charge as a dict."""
    params: Any = {"expand": ["latest_charge"]}
    return call(lambda: client_of(account).v1.payment_intents.retrieve(intent_id, params))


def cancel_payment_intent(account: StripeAccount, intent_id: str) -> dict[str, Any]:
    """Take no money for it any more; Refused when it is paid or was cancelled before."""
    return call(lambda: client_of(account).v1.payment_intents.cancel(intent_id))


def get_charge(account: StripeAccount, charge_id: str) -> dict[str, Any]:
    return call(lambda: client_of(account).v1.charges.retrieve(charge_id))


def get(account: StripeAccount, kind: str, object_id: str) -> dict[str, Any]:
    """One object of a kind (`charges`, `refunds`, `disputes`, …) as it is now."""
    service: Any = service_of(account, kind)
    return call(lambda: service.retrieve(object_id))


def get_balance(account: StripeAccount) -> dict[str, int]:
    """What Stripe holds for the account, available or not yet, in minor units by currency."""
    balance = call(lambda: client_of(account).v1.balance.retrieve())
    held: dict[str, int] = {}
    for row in (*balance["available"], *balance["pending"]):
        currency = row["currency"].upper()
        held[currency] = held.get(currency, 0) + row["amount"]
    return held


def refund_charge(wanted: RefundRequest) -> dict[str, Any]:
    """Give back a part of a charge, or all of it, under the request's key, which must be stored before the call."""
    params: Any = {
        "charge": wanted.charge_id,
        "amount": wanted.amount_minor,
        "metadata": {"refund_request": str(wanted.uuid)},
    }
    if wanted.reason:
        params["reason"] = wanted.reason
    return call(lambda: client_of(wanted.account).v1.refunds.create(params, {"idempotency_key": wanted.key}))


def find_refund(wanted: RefundRequest) -> dict[str, Any] | None:
    """The refund that a call of unknown outcome may have made, whichever key it was asked for under."""
    for refund in each(wanted.account, "refunds", created_gte=0, charge=wanted.charge_id):
        if (refund.get("metadata") or {}).get("refund_request") == str(wanted.uuid):
            return refund
    return None
