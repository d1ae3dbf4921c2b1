"""Stripe's lists, read to their end, with patience where it asks for that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..models import StripeAccount
from .calls import Unavailable, call, client_of

FIRST_PAUSE = 1.0  # seconds, when Stripe asks for fewer requests and does not say when to come again


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
    service: Any = service_of(account, kind)
    created = {"gte": created_gte} if created_lt is None else {"gte": created_gte, "lt": created_lt}
    params = {"created": created, "limit": 100, **filters}
    more = True
    while more:
        page = patiently(partial(call, partial(service.list, params)), patience)
        yield from page["data"]
        more = page["has_more"]
        params = {**params, "starting_after": page["data"][-1]["id"] if more else None}


def service_of(account: StripeAccount, kind: str) -> Any:
    service: Any = client_of(account).v1
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
