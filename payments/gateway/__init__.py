"""The gateway to Stripe: the only package that imports the SDK. Plain dicts and dataclasses come out.

The SDK and the API version are pinned together (requirements, API_VERSION). No call is made inside a
database transaction. Each call ends in one of three ways: an answer, a refusal (nothing was done), or
an unknown outcome, which the caller looks up and never blindly repeats.
"""

from .calls import API_VERSION, Connection, Refused, Unavailable, UnknownOutcome, moment
from .charges import (
    cancel_payment_intent,
    find_refund,
    get,
    get_balance,
    get_charge,
    get_payment_intent,
    refund_charge,
)
from .checkout import (
    TRANSFERS,
    CheckoutSession,
    CheckoutTerms,
    CheckoutWords,
    create_checkout,
    expire_checkout,
    find_checkout,
    get_checkout,
)
from .lists import each, patiently
from .subscriptions import (
    card_page,
    change_subscription,
    end_subscription,
    get_invoice,
    get_payment_method,
    get_subscription,
    pay_invoice,
    payments_by_intent,
    payments_of_invoice,
)
from .webhooks import BadSignature, check_signature, connect_webhook

__all__ = [
    "API_VERSION",
    "TRANSFERS",
    "BadSignature",
    "CheckoutSession",
    "CheckoutTerms",
    "CheckoutWords",
    "Connection",
    "Refused",
    "Unavailable",
    "UnknownOutcome",
    "cancel_payment_intent",
    "card_page",
    "change_subscription",
    "check_signature",
    "connect_webhook",
    "create_checkout",
    "each",
    "end_subscription",
    "expire_checkout",
    "find_checkout",
    "find_refund",
    "get",
    "get_balance",
    "get_charge",
    "get_checkout",
    "get_invoice",
    "get_payment_intent",
    "get_payment_method",
    "get_subscription",
    "moment",
    "patiently",
    "pay_invoice",
    "payments_by_intent",
    "payments_of_invoice",
    "refund_charge",
]
