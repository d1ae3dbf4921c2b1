"""Checkout sessions: made once under the attempt's key, found again by our UUID."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fundraising.models import Mandate

from ..models import Payment, StripeAccount, Surface
from .calls import call, client_of, moment
from .lists import each

CLOCKS_DIFFER = timedelta(seconds=60)  # Stripe's and ours, at most
# What Stripe calls a bank transfer in each currency that it takes them in (https://docs.stripe.com/payments/bank-transfers).
TRANSFERS = {
    "EUR": "eu_bank_transfer",
    "GBP": "gb_bank_transfer",
    "JPY": "jp_bank_transfer",
    "MXN": "mx_bank_transfer",
    "USD": "us_bank_transfer",
}
# Where Stripe has accounts for euros; the first for entities from elsewhere.
EURO_ACCOUNTS = ("DE", "BE", "ES", "FR", "IE", "NL")


@dataclass(frozen=True)
class CheckoutSession:
    """What we need of a session.

    `status`: open | complete | expired; `payment_status`: paid | unpaid | no_payment_required.
    """

    id: str
    url: str
    status: str
    payment_status: str
    payment_intent_id: str | None
    expires_at: datetime
    subscription_id: str | None = None
    invoice_id: str | None = None
    client_secret: str = ""


@dataclass(frozen=True)
class CheckoutWords:
    """What the donor reads on Stripe's page, and where it sends them back to."""

    product: str
    email: str
    locale: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True)
class CheckoutTerms:
    """What may be paid with, beside what the account's settings allow; and for a mandate, its first collection.

    `first_at`: None for at once. `bank_transfer`: offer one too.
    """

    excluded_methods: tuple[str, ...] = ()
    first_at: datetime | None = None
    bank_transfer: bool = False


def create_checkout(
    payment: Payment, words: CheckoutWords, terms: CheckoutTerms, *, expires_at: datetime
) -> CheckoutSession:
    """Create the checkout for a payment, under its idempotency key; of a subscription if it is a mandate's first.

    The metadata holds our UUIDs only. Raises Unavailable, Refused or UnknownOutcome.
    """
    donation, account = payment.donation, payment.account
    price: dict[str, Any] = {
        "currency": donation.currency.lower(),
        "unit_amount": donation.amount_minor,
        "product_data": {"name": words.product},
    }
    if donation.mandate:
        price["recurring"] = {"interval": donation.mandate.interval}
    params: dict[str, Any] = {
        **(_regularly(donation.mandate, terms) if donation.mandate else _once(payment)),
        **_surface(payment, words),
        **_payer(payment, words, terms),
        "client_reference_id": str(payment.uuid),
        "metadata": {"payment": str(payment.uuid)},
        "locale": words.locale,
        "expires_at": int(expires_at.timestamp()),
        "line_items": [{"quantity": 1, "price_data": price}],
    }
    if terms.excluded_methods:
        params["excluded_payment_method_types"] = list(terms.excluded_methods)
    options = {"idempotency_key": payment.key}
    return _session(call(lambda: client_of(account).v1.checkout.sessions.create(params, options)))  # type: ignore[arg-type]


def _once(payment: Payment) -> dict[str, Any]:
    intent: dict[str, Any] = {"metadata": {"payment": str(payment.uuid)}}
    if payment.account.descriptor_suffix:
        intent["statement_descriptor_suffix"] = payment.account.descriptor_suffix
    hosted = {"submit_type": "donate"} if payment.surface == Surface.HOSTED else {}
    return {"mode": "payment", **hosted, "payment_intent_data": intent}


def _regularly(mandate: Mandate, terms: CheckoutTerms) -> dict[str, Any]:
    """Payment intents of a subscription take no metadata from here: each charge is known by its invoice."""
    data: dict[str, Any] = {"metadata": {"mandate": str(mandate.uuid)}}
    if terms.first_at:
        data["trial_end"] = int(terms.first_at.timestamp())
    return {"mode": "subscription", "subscription_data": data}


def _surface(payment: Payment, words: CheckoutWords) -> dict[str, Any]:
    """Where the donor pays, with the parameters that Stripe takes for that surface only."""
    if payment.surface == Surface.ELEMENTS:
        return {"ui_mode": "elements", "return_url": words.success_url}
    return {"success_url": words.success_url, "cancel_url": words.cancel_url}


def _payer(payment: Payment, words: CheckoutWords, terms: CheckoutTerms) -> dict[str, Any]:
    """Who pays: an address, or where a bank transfer is offered a customer, whom Stripe keeps what is sent for."""
    if not terms.bank_transfer:
        return {"customer_email": words.email}
    currency, country = payment.donation.currency, payment.donation.entity.country
    transfer: dict[str, Any] = {"type": TRANSFERS[currency]}
    if currency == "EUR":
        transfer["eu_bank_transfer"] = {"country": country if country in EURO_ACCOUNTS else EURO_ACCOUNTS[0]}
    options = {"customer_balance": {"funding_type": "bank_transfer", "bank_transfer": transfer}}
    return {"customer": _customer(payment, words), "payment_method_options": options}


def _customer(payment: Payment, words: CheckoutWords) -> str:
    """A customer for this attempt alone, so that what is sent for it can pay for nothing else.

    Its key is made of the attempt's, which is stored: asked again, the same customer comes back.
    """
    params: Any = {
        "email": words.email,
        "metadata": {"payment": str(payment.uuid)},
        "preferred_locales": [words.locale],
    }
    options: Any = {"idempotency_key": f"{payment.key}:customer"}
    return str(call(lambda: client_of(payment.account).v1.customers.create(params, options))["id"])


def get_checkout(account: StripeAccount, session_id: str) -> CheckoutSession:
    """The session as it is now."""
    return _session(call(lambda: client_of(account).v1.checkout.sessions.retrieve(session_id)))


def expire_checkout(account: StripeAccount, session_id: str) -> CheckoutSession:
    """End an open session, so that nobody can pay it any more; Refused when it is not open (any more)."""
    return _session(call(lambda: client_of(account).v1.checkout.sessions.expire(session_id)))


def find_checkout(payment: Payment, *, asked_within: timedelta) -> CheckoutSession | None:
    """The session that a call of unknown outcome may have made, found by our UUID.

    Only those sessions are read that were made while the calls under the present key were at work, the last of which
    took no longer than `asked_within`: in a crowd, others make thousands before and after.
    """
    since = (payment.key_from or payment.created_at) - CLOCKS_DIFFER
    until = (payment.called_at or payment.created_at) + asked_within + CLOCKS_DIFFER
    window = {"created_gte": int(since.timestamp()), "created_lt": int(until.timestamp()) + 1}
    for session in each(payment.account, "checkout.sessions", **window):
        if session.get("client_reference_id") == str(payment.uuid):
            return _session(session)
    return None


def _session(data: dict[str, Any]) -> CheckoutSession:
    return CheckoutSession(
        id=data["id"],
        url=data.get("url") or "",
        status=data["status"],
        payment_status=data["payment_status"],
        payment_intent_id=data.get("payment_intent") or None,
        subscription_id=data.get("subscription") or None,
        invoice_id=data.get("invoice") or None,
        expires_at=moment(data["expires_at"]),
        client_secret=data.get("client_secret") or "",
    )
