"""One call to Stripe: through the SDK, with its time-outs and retries, and sorted by its ending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings
from django.db import connection

from ..models import StripeAccount

API_VERSION = "2026-05-27.dahlia"


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


def client_of(account: StripeAccount) -> stripe.StripeClient:
    if "_live_" in account.api_key and (not account.livemode or settings.STRIPE_API_BASE):
        raise Refused("live_key_outside_production")
    return _client(account.api_key, settings.STRIPE_API_BASE)


def call(ask: Callable[[], Any]) -> dict[str, Any]:
    """Run one SDK call and sort its ending. StripeObject is no dict: what leaves here is one, fit for JSON."""
    if connection.in_atomic_block:
        raise RuntimeError("a network call inside a database transaction")
    try:
        answer: dict[str, Any] = ask().to_dict(for_json=True)
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


def moment(timestamp: int) -> datetime:
    """Stripe's seconds since 1970 as an aware datetime."""
    return datetime.fromtimestamp(timestamp, tz=UTC)
