"""The gateway to Stripe: the only module that imports the SDK. Plain dicts and dataclasses come out.

The SDK and the API version are pinned together (requirements, API_VERSION). No call is made inside a
database transaction. Each call ends in one of three ways: an answer, a refusal (nothing was done), or
an unknown outcome, which the caller looks up and never blindly repeats.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import stripe
from django.conf import settings
from django.db import connection

from fundraising.models import Mandate

from .models import Payment, RefundRequest, StripeAccount, Surface

API_VERSION = "2026-05-27.dahlia"
SIGNATURE_TOLERANCE_SECONDS = 300
FIRST_PAUSE = 1.0  # seconds, when Stripe asks for fewer requests and does not say when to come again
CLOCKS_DIFFER = timedelta(seconds=60)  # Stripe's and ours, at most


class Unavailable(Exception):
    """Stripe took no part: nothing was done, try again later; in `retry_after` seconds if it said when."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class UnknownOutcome(Exception):
    """Stripe may or may not have done it (time-out, dropped connection, 5xx).

    `is_replay`: the failure is the one that Stripe keeps under the idempotency key. The first call under that key is
    over then, and no call under it will ever have another result.
    """

    def __init__(self, reason: str, *, is_replay: bool = False) -> None:
        super().__init__(reason)
        self.is_replay = is_replay


class Refused(Exception):
    """Stripe refused; nothing was done. `code` is Stripe's error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class BadSignature(Exception):
    """The webhook is not from Stripe, or too old."""


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


class Connection(stripe.RequestsClient):
    """The SDK's connection; a subclass, so that its pauses between attempts can be set here."""


@lru_cache(maxsize=32)
def _client(api_key: str, base: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": base} if base else {},
        max_network_retries=1,
        http_client=Connection(timeout=settings.STRIPE_TIMEOUT_SECONDS),
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
        raise Unavailable("rate_limit", retry_after=_seconds(_header(error, "Retry-After"))) from error
    except stripe.CardError as error:  # the bank's word, of which events tell as well
        raise Refused(_declined(error)) from error
    except (stripe.InvalidRequestError, stripe.AuthenticationError, stripe.PermissionError) as error:
        raise Refused(error.code or type(error).__name__) from error
    except stripe.StripeError as error:
        is_replay = _header(error, "Idempotent-Replayed") == "true"
        raise UnknownOutcome(type(error).__name__, is_replay=is_replay) from error


def _declined(error: stripe.CardError) -> str:
    """The bank's reason where it gave one."""
    body: Any = error.json_body or {}
    return str((body.get("error") or {}).get("decline_code") or error.code or "declined")


def _header(error: stripe.StripeError, name: str) -> str:
    """A header of the answer that an error came with, whatever the case of its name; '' without."""
    headers = {key.lower(): value for key, value in (error.headers or {}).items()}
    return str(headers.get(name.lower(), ""))


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None


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


@dataclass(frozen=True)
class CheckoutTerms:
    """What may be paid with, beside what the account's settings allow; and for a mandate, its first collection.

    `first_at`: None for at once.
    """

    excluded_methods: tuple[str, ...] = ()
    first_at: datetime | None = None


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
        "client_reference_id": str(payment.uuid),
        "metadata": {"payment": str(payment.uuid)},
        "customer_email": words.email,
        "locale": words.locale,
        "expires_at": int(expires_at.timestamp()),
        "line_items": [{"quantity": 1, "price_data": price}],
    }
    if terms.excluded_methods:
        params["excluded_payment_method_types"] = list(terms.excluded_methods)
    options = {"idempotency_key": payment.key}
    return _session(_call(lambda: _of(account).v1.checkout.sessions.create(params, options)))  # type: ignore[arg-type]


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


def get_checkout(account: StripeAccount, session_id: str) -> CheckoutSession:
    """The session as it is now."""
    return _session(_call(lambda: _of(account).v1.checkout.sessions.retrieve(session_id)))


def expire_checkout(account: StripeAccount, session_id: str) -> CheckoutSession:
    """End an open session, so that nobody can pay it any more; Refused when it is not open (any more)."""
    return _session(_call(lambda: _of(account).v1.checkout.sessions.expire(session_id)))


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


def get_payment_intent_charge(account: StripeAccount, intent_id: str) -> dict[str, Any] | None:
    """The newest charge of a payment intent, as a dict, if it has one."""
    return get_payment_intent(account, intent_id).get("latest_charge") or None


def get_charge(account: StripeAccount, charge_id: str) -> dict[str, Any]:
    return _call(lambda: _of(account).v1.charges.retrieve(charge_id))


def get(account: StripeAccount, kind: str, object_id: str) -> dict[str, Any]:
    """One object of a kind (`charges`, `refunds`, `disputes`, …) as it is now."""
    service: Any = _service(account, kind)
    return _call(lambda: service.retrieve(object_id))


def get_balance(account: StripeAccount) -> dict[str, int]:
    """What Stripe holds for the account, available or not yet, in minor units by currency."""
    balance = _call(lambda: _of(account).v1.balance.retrieve())
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
    return _call(lambda: _of(wanted.account).v1.refunds.create(params, {"idempotency_key": wanted.key}))


def find_refund(wanted: RefundRequest) -> dict[str, Any] | None:
    """The refund that a call of unknown outcome may have made, whichever key it was asked for under."""
    for refund in each(wanted.account, "refunds", created_gte=0, charge=wanted.charge_id):
        if (refund.get("metadata") or {}).get("refund_request") == str(wanted.uuid):
            return refund
    return None


def get_subscription(account: StripeAccount, subscription_id: str) -> dict[str, Any]:
    return _call(lambda: _of(account).v1.subscriptions.retrieve(subscription_id))


def change_subscription(
    account: StripeAccount, subscription_id: str, params: dict[str, Any], *, key: str
) -> dict[str, Any]:
    """Set what `params` name to those values; the subscription then. `key` must be stored before the call."""
    given: Any = params
    return _call(lambda: _of(account).v1.subscriptions.update(subscription_id, given, {"idempotency_key": key}))


def end_subscription(account: StripeAccount, subscription_id: str, *, key: str) -> dict[str, Any]:
    """End it now; what is on its way still arrives."""
    given: Any = {"invoice_now": False, "prorate": False}
    return _call(lambda: _of(account).v1.subscriptions.cancel(subscription_id, given, {"idempotency_key": key}))


def get_invoice(account: StripeAccount, invoice_id: str) -> dict[str, Any]:
    return _call(lambda: _of(account).v1.invoices.retrieve(invoice_id))


def pay_invoice(account: StripeAccount, invoice_id: str, *, key: str) -> dict[str, Any]:
    """Try to collect an open invoice now; Refused with the bank's code when the bank says no."""
    return _call(lambda: _of(account).v1.invoices.pay(invoice_id, {}, {"idempotency_key": key}))


def payments_of_invoice(account: StripeAccount, invoice_id: str) -> list[dict[str, Any]]:
    """Stripe's payments of an invoice, each with the payment intent that it is made by."""
    params: Any = {"invoice": invoice_id, "limit": 100}
    found: list[dict[str, Any]] = _call(lambda: _of(account).v1.invoice_payments.list(params))["data"]
    return found


def payments_by_intent(account: StripeAccount, intent_id: str) -> list[dict[str, Any]]:
    """Stripe's payments of invoices that are made by a payment intent; none when it is no invoice's."""
    params: Any = {"payment": {"type": "payment_intent", "payment_intent": intent_id}}
    found: list[dict[str, Any]] = _call(lambda: _of(account).v1.invoice_payments.list(params))["data"]
    return found


def get_payment_intent(account: StripeAccount, intent_id: str) -> dict[str, Any]:
    """The payment intent with its newest charge as a dict."""
    params: Any = {"expand": ["latest_charge"]}
    return _call(lambda: _of(account).v1.payment_intents.retrieve(intent_id, params))


def get_payment_method(account: StripeAccount, method_id: str) -> dict[str, Any]:
    return _call(lambda: _of(account).v1.payment_methods.retrieve(method_id))


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
    url: str = _call(lambda: _of(account).v1.billing_portal.sessions.create(params))["url"]
    return url


def _portal(account: StripeAccount) -> str:
    """Our configuration of Stripe's portal, made when there is none: another card, and nothing else."""
    service = _of(account).v1.billing_portal.configurations
    ours = {"application": "openappeal"}
    for configuration in _call(lambda: service.list({"active": True, "limit": 100}))["data"]:
        if (configuration.get("metadata") or {}).items() >= ours.items():
            return str(configuration["id"])
    params: Any = {"features": {"payment_method_update": {"enabled": True}}, "metadata": ours}
    return str(_call(lambda: service.create(params))["id"])


def each(
    account: StripeAccount,
    kind: str,
    *,
    created_gte: int,
    created_lt: int | None = None,
    patience: float = 0,
    **filters: Any,
) -> Iterator[dict[str, Any]]:
    """Every object of a kind (`charges`, `refunds`, `events`, `checkout.sessions`, …), newest first.

    Should Stripe ask for fewer requests, up to `patience` seconds are waited before this gives up: sweeps have time,
    a donor has not.
    """
    service: Any = _service(account, kind)
    created = {"gte": created_gte} if created_lt is None else {"gte": created_gte, "lt": created_lt}
    params = {"created": created, "limit": 100, **filters}
    more = True
    while more:
        page = patiently(partial(_call, partial(service.list, params)), patience)
        yield from page["data"]
        more = page["has_more"]
        params = {**params, "starting_after": page["data"][-1]["id"] if more else None}


def _service(account: StripeAccount, kind: str) -> Any:
    service: Any = _of(account).v1
    for name in kind.split("."):
        service = getattr(service, name)
    return service


def patiently(ask: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Ask again while Stripe wants fewer requests, each time later: as it says, else 1, 2, 4 … seconds, `seconds` in
    all at most. Raises Unavailable then."""
    waited, pause = 0.0, FIRST_PAUSE
    while True:
        try:
            return ask()
        except Unavailable as error:
            pause = max(pause, error.retry_after or 0)
            if waited + pause > seconds:
                raise
        time.sleep(pause)
        waited, pause = waited + pause, 2 * pause


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
