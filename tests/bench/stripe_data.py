"""Stripe's side of the benchmarks: an account of ours, payments under way, and the event that each is waiting for."""

from __future__ import annotations

import json
import time
from typing import Any

from payments import gateway
from payments.models import Payment, PaymentState, StripeAccount, WebhookSecret
from tests import factories
from tests.factories import AppealKit

SECRET = "whsec_benchmark"


def account(kit: AppealKit) -> StripeAccount:
    """The entity's Stripe account, with one signing secret."""
    made = StripeAccount.objects.create(
        slug=f"bench-{kit.entity.pk}", entity=kit.entity, api_key="sk_test_benchmark000000000000000000"
    )
    WebhookSecret.objects.create(account=made, secret=SECRET)
    return made


def payments(kit: AppealKit, of: StripeAccount, count: int) -> list[Payment]:
    """Donations of as many donors, each with a checkout open."""
    return [
        Payment.objects.create(donation=factories.open_donation(kit), account=of, state=PaymentState.OPEN)
        for _ in range(count)
    ]


def charge_succeeded(payment_uuid: str, number: int, template: dict[str, Any] | None = None) -> dict[str, Any]:
    """An event as Stripe sends it, id EVENT_ID; the charge is the template's or a plain one, with ids of its own."""
    charge = {
        **(template or PLAIN_CHARGE),
        "id": f"ch_bench{number:016}",
        "payment_intent": f"pi_bench{number:016}",
        "created": int(time.time()),
        "amount": 5000,
        "amount_captured": 5000,
        "currency": "eur",
        "metadata": {"payment": payment_uuid},
    }
    return {
        "id": "EVENT_ID",
        "object": "event",
        "api_version": gateway.API_VERSION,
        "created": int(time.time()),
        "data": {"object": charge},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": "req_bench", "idempotency_key": payment_uuid},
        "type": "charge.succeeded",
    }


def text(event: dict[str, Any]) -> str:
    """The event as Stripe writes it: indented JSON."""
    return json.dumps(event, indent=2)


PLAIN_CHARGE: dict[str, Any] = {
    "object": "charge",
    "amount_refunded": 0,
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "balance_transaction": None,
    "billing_details": {
        "address": {"city": None, "country": "IT", "line1": None, "line2": None, "postal_code": None, "state": None},
        "email": "donor@example.org",
        "name": "Ada Rossi",
        "phone": None,
        "tax_id": None,
    },
    "calculated_statement_descriptor": "LANTERN ACTION",
    "captured": True,
    "customer": None,
    "description": None,
    "destination": None,
    "dispute": None,
    "disputed": False,
    "failure_balance_transaction": None,
    "failure_code": None,
    "failure_message": None,
    "fraud_details": {},
    "livemode": False,
    "on_behalf_of": None,
    "outcome": {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "Payment complete.",
        "type": "authorized",
    },
    "paid": True,
    "payment_method": "pm_benchmark",
    "payment_method_details": {
        "card": {
            "amount_authorized": 5000,
            "brand": "visa",
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": "Xt5EWLLDS7FJjR1c",
            "funding": "credit",
            "last4": "4242",
            "network": "visa",
            "three_d_secure": None,
            "wallet": None,
        },
        "type": "card",
    },
    "receipt_email": None,
    "receipt_number": None,
    "receipt_url": None,
    "refunded": False,
    "review": None,
    "shipping": None,
    "source": None,
    "source_transfer": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "succeeded",
    "transfer_data": None,
    "transfer_group": None,
}
