"""Payments against a real Stripe sandbox over HTTP and real PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import pytest

from payments import inbox
from payments.gateway import calls
from tests.conftest import Sandbox
from tests.payments.desk import Desk
from tests.sandbox.conftest import SLOW_BANKS

SETTINGS = {**SLOW_BANKS, "retry_schedule": [0.05, 0.05, 0.05, 0.05]}


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No secret or client remembered from another test; nudges go nowhere."""
    inbox._known.clear()
    calls._client.cache_clear()
    monkeypatch.setattr(inbox.nudge, "wanted", lambda: None)
    yield
    inbox._known.clear()
    calls._client.cache_clear()


@pytest.fixture
def desk(sandbox: Sandbox, db: Any) -> Desk:
    """A desk whose work is rolled back; use with `transaction=True` where threads or the gateway take part."""
    sandbox.http.post("/sandbox/settings", json=SETTINGS).raise_for_status()
    return Desk.open(sandbox)


@pytest.fixture
def live(desk: Desk) -> Desk:
    """A desk to which events are delivered as they happen."""
    desk.delivered = set()
    return desk
