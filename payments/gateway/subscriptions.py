"""Subscriptions, their invoices, and what they are collected from."""

from __future__ import annotations

from typing import Any

from ..models import StripeAccount
from .calls import call, client_of


def get_subscription(account: StripeAccount, subscription_id: str) -> dict[str, Any]:
    return call(lambda: client_of(account).v1.subscriptions.retrieve(subscription_id))


def change_subscription(
    account: StripeAccount, subscription_id: str, params: dict[str, Any], *, key: str
) -> dict[str, Any]:
    """Set what `params` name to those values; the subscription then. `key` must be stored before the call."""
    given: Any = params
    return call(lambda: client_of(account).v1.subscriptions.update(subscription_id, given, {"idempotency_key": key}))


def end_subscription(account: StripeAccount, subscription_id: str, *, key: str) -> dict[str, Any]:
    """End it now; what is on its way still arrives."""
    given: Any = {"invoice_now": False, "prorate": False}
    return call(lambda: client_of(account).v1.subscriptions.cancel(subscription_id, given, {"idempotency_key": key}))


def get_invoice(account: StripeAccount, invoice_id: str) -> dict[str, Any]:
    return call(lambda: client_of(account).v1.invoices.retrieve(invoice_id))


def pay_invoice(account: StripeAccount, invoice_id: str, *, key: str) -> dict[str, Any]:
    """Try to collect an open invoice now; Refused with the bank's code when the bank says no."""
    return call(lambda: client_of(account).v1.invoices.pay(invoice_id, {}, {"idempotency_key": key}))


def payments_of_invoice(account: StripeAccount, invoice_id: str) -> list[dict[str, Any]]:
    """Stripe's payments of an invoice, each with the payment intent that it is made by."""
    params: Any = {"invoice": invoice_id, "limit": 100}
    found: list[dict[str, Any]] = call(lambda: client_of(account).v1.invoice_payments.list(params))["data"]
    return found


def payments_by_intent(account: StripeAccount, intent_id: str) -> list[dict[str, Any]]:
    """Stripe's payments of invoices that are made by a payment intent; none when it is no invoice's."""
    params: Any = {"payment": {"type": "payment_intent", "payment_intent": intent_id}}
    found: list[dict[str, Any]] = call(lambda: client_of(account).v1.invoice_payments.list(params))["data"]
    return found


def get_payment_method(account: StripeAccount, method_id: str) -> dict[str, Any]:
    return call(lambda: client_of(account).v1.payment_methods.retrieve(method_id))


def card_page(account: StripeAccount, customer_id: str, *, return_url: str, locale: str) -> str:
    """The address of Stripe's page on which a customer replaces the card or account that is collected from."""
    params: Any = {
        "configuration": _portal(account),
        "customer": customer_id,
        "flow_data": {
            "type": "payment_method_update",
            "after_completion": {"type": "redirect", "redirect": {"return_url": return_url}},
        },
        "locale": locale,
        "return_url": return_url,
    }
    url: str = call(lambda: client_of(account).v1.billing_portal.sessions.create(params))["url"]
    return url


def _portal(account: StripeAccount) -> str:
    """Our configuration of Stripe's portal, made when there is none: another card, and nothing else."""
    service = client_of(account).v1.billing_portal.configurations
    ours = {"application": "openappeal"}
    for configuration in call(lambda: service.list({"active": True, "limit": 100}))["data"]:
        if (configuration.get("metadata") or {}).items() >= ours.items():
            return str(configuration["id"])
    params: Any = {"features": {"payment_method_update": {"enabled": True}}, "metadata": ours}
    return str(call(lambda: service.create(params))["id"])
