"""Webhooks: whether one is from Stripe, and where Stripe sends them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import stripe

from ..models import StripeAccount
from .calls import API_VERSION, call, client_of

SIGNATURE_TOLERANCE_SECONDS = 300


class BadSignature(Exception):
    """The webhook is not from Stripe, or too old."""


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
    service = client_of(account).v1.webhook_endpoints
    ours = {"application": "openappeal"}
    params: Any = {"url": url, "enabled_events": ["*"]}
    for endpoint in call(lambda: service.list({"limit": 100}))["data"]:
        if (endpoint.get("metadata") or {}).items() >= ours.items():
            call(partial(service.update, endpoint["id"], params))
            return None
    params = {**params, "api_version": API_VERSION, "metadata": ours}
    secret: str = call(lambda: service.create(params))["secret"]
    return secret
