"""The gateway to Stripe: the only module that imports the SDK. Plain dicts and dataclasses come out.

The SDK and the API version are pinned together (requirements, API_VERSION). No call is made inside a
database transaction. Each call ends in one of three ways: an answer, a refusal (nothing was done), or
an unknown outcome, which the caller looks up and never blindly repeats.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

import stripe
from django.conf import settings
from django.db import connection

from .models import Payment, StripeAccount

API_VERSION = "2026-05-27.dahlia"
SIGNATURE_TOLERANCE_SECONDS = 300


class Unavailable(Exception):
    """Stripe took no part: nothing was done, try again later."""


class UnknownOutcome(Exception):
    """Stripe may or may not have done it (time-out, dropped connection, 5xx)."""


class Refused(Exception):
    """Stripe refused; nothing was done. `code` is Stripe's error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class BadSignature(Exception):
    """The webhook is not from Stripe, or too old."""


@dataclass(frozen=True)
class CheckoutSession:
    """What we need of a session: `status` open | complete | expired, `payment_status` paid | unpaid."""

    id: str
    url: str
    status: str
    payment_status: str
    payment_intent_id: str | None
    expires_at: datetime


@lru_cache(maxsize=32)
def _client(api_key: str, base: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": base} if base else {},
        max_network_retries=1,
        http_client=stripe.RequestsClient(timeout=settings.STRIPE_TIMEOUT_SECONDS),
    )


def _of(account: StripeAccount) -> stripe.StripeClient:
    if "_live_" in account.api_key and (not account.livemode or settings.STRIPE_API_BASE):
        raise Refused("live_key_outside_production")
    return _client(account.api_key, settings.STRIPE_API_BASE)


def _call(call: Callable[[], Any]) -> dict[str, Any]:
    """Run one SDK call and sort its ending. StripeObject is no dict: what leaves here is one, fit for JSON."""
    if connection.in_atomic_block:
        raise RuntimeError("a network call inside a database transaction")
    try:
        answer: dict[str, Any] = call().to_dict(for_json=True)
        return answer
    except stripe.RateLimitError as error:
        raise Unavailable("rate_limit") from error
    except (stripe.InvalidRequestError, stripe.AuthenticationError, stripe.PermissionError) as error:
        raise Refused(error.code or type(error).__name__) from error
    except stripe.StripeError as error:
        raise UnknownOutcome(type(error).__name__) from error


def _session(data: dict[str, Any]) -> CheckoutSession:
    return CheckoutSession(
        id=data["id"],
        url=data.get("url") or "",
        status=data["status"],
        payment_status=data["payment_status"],
        payment_intent_id=data.get("payment_intent") or None,
        expires_at=moment(data["expires_at"]),
    )


def moment(timestamp: int) -> datetime:
    """Stripe's seconds since 1970 as an aware datetime."""
    return datetime.fromtimestamp(timestamp, tz=UTC)


@dataclass(frozen=True)
class CheckoutWords:
    """What the donor reads on Stripe's page, and where it sends them back to."""

    product: str
    email: str
    locale: str
    success_url: str
    cancel_url: str


def create_checkout(payment: Payment, words: CheckoutWords, *, expires_at: datetime) -> CheckoutSession:
    """Create the hosted checkout for a payment; its UUID is the idempotency key.

    The metadata holds our UUID only. Raises Unavailable, Refused or UnknownOutcome.
    """
    donation, account = payment.donation, payment.account
    intent: dict[str, Any] = {"metadata": {"payment": str(payment.uuid)}}
    if account.descriptor_suffix:
        intent["statement_descriptor_suffix"] = account.descriptor_suffix
    params: dict[str, Any] = {
        "mode": "payment",
        "submit_type": "donate",
        "client_reference_id": str(payment.uuid),
        "metadata": {"payment": str(payment.uuid)},
        "payment_intent_data": intent,
        "customer_email": words.email,
        "locale": words.locale,
        "success_url": words.success_url,
        "cancel_url": words.cancel_url,
        "expires_at": int(expires_at.timestamp()),
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": donation.currency.lower(),
                    "unit_amount": donation.amount_minor,
                    "product_data": {"name": words.product},
                },
            }
        ],
    }
    options = {"idempotency_key": str(payment.uuid)}
    return _session(_call(lambda: _of(account).v1.checkout.sessions.create(params, options)))  # type: ignore[arg-type]


def get_checkout(account: StripeAccount, session_id: str) -> CheckoutSession:
    """The session as it is now."""
    return _session(_call(lambda: _of(account).v1.checkout.sessions.retrieve(session_id)))


def find_checkout(payment: Payment) -> CheckoutSession | None:
    """The session that a call of unknown outcome may have made, found by our UUID."""
    since = int(payment.created_at.timestamp()) - 60
    for session in each(payment.account, "checkout.sessions", created_gte=since):
        if session.get("client_reference_id") == str(payment.uuid):
            return _session(session)
    return None


def get_payment_intent_charge(account: StripeAccount, intent_id: str) -> dict[str, Any] | None:
    """The newest charge of a payment intent, as a dict, if it has one."""
    params: Any = {"expand": ["latest_charge"]}
    intent = _call(lambda: _of(account).v1.payment_intents.retrieve(intent_id, params))
    return intent.get("latest_charge") or None


def get_charge(account: StripeAccount, charge_id: str) -> dict[str, Any]:
    return _call(lambda: _of(account).v1.charges.retrieve(charge_id))


def refund_charge(account: StripeAccount, charge_id: str, *, minor: int, key: str, reason: str = "") -> dict[str, Any]:
    """Give back `minor` units of a charge. `key` must be stored by the caller before the call."""
    params: Any = {"charge": charge_id, "amount": minor, "metadata": {"refund_request": key}}
    if reason:
        params["reason"] = reason
    return _call(lambda: _of(account).v1.refunds.create(params, {"idempotency_key": key}))


def find_refund(account: StripeAccount, charge_id: str, *, key: str) -> dict[str, Any] | None:
    """The refund that a call of unknown outcome may have made, found by its key."""
    for refund in each(account, "refunds", created_gte=0, charge=charge_id):
        if (refund.get("metadata") or {}).get("refund_request") == key:
            return refund
    return None


def each(account: StripeAccount, kind: str, *, created_gte: int, **filters: Any) -> Iterator[dict[str, Any]]:
    """Every object of a kind (`charges`, `refunds`, `events`, `checkout.sessions`, …), newest first."""
    service: Any = _of(account).v1
    for name in kind.split("."):
        service = getattr(service, name)
    params = {"created": {"gte": created_gte}, "limit": 100, **filters}
    more = True
    while more:
        page = _call(partial(service.list, params))
        yield from page["data"]
        more = page["has_more"]
        params = {**params, "starting_after": page["data"][-1]["id"] if more else None}


def check_signature(body: bytes, header: str, secrets: list[str]) -> None:
    """Accept the body if one of the secrets signed it in the last five minutes; raises BadSignature.

    The SDK hashes text and looks only at the past; a body that is no UTF-8 cannot have been signed
    by Stripe, and a time stamp from the future is refused as well.
    """
    try:
        text = body.decode()
        stamp = int(dict(part.split("=", 1) for part in header.split(",") if "=" in part)["t"])
    except (UnicodeDecodeError, KeyError, ValueError) as error:
        raise BadSignature from error
    if stamp > time.time() + SIGNATURE_TOLERANCE_SECONDS:
        raise BadSignature
    verify: Callable[[str, str, str, int], bool] = stripe.WebhookSignature.verify_header
    for secret in secrets:
        try:
            verify(text, header, secret, SIGNATURE_TOLERANCE_SECONDS)
            return
        except (stripe.SignatureVerificationError, TypeError):  # the latter for a header that is not ASCII
            continue
    raise BadSignature


def connect_webhook(account: StripeAccount, url: str) -> str | None:
    """Have Stripe send the account's events to `url`; the signing secret when the endpoint is new.

    An endpoint of ours at another address is moved to this one and keeps its secret.
    """
    service = _of(account).v1.webhook_endpoints
    ours = {"application": "openappeal"}
    params: Any = {"url": url, "enabled_events": ["*"]}
    for endpoint in _call(lambda: service.list({"limit": 100}))["data"]:
        if (endpoint.get("metadata") or {}).items() >= ours.items():
            _call(partial(service.update, endpoint["id"], params))
            return None
    params = {**params, "api_version": API_VERSION, "metadata": ours}
    secret: str = _call(lambda: service.create(params))["secret"]
    return secret
