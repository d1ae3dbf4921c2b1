"""Payments against a real Stripe sandbox over HTTP and real PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import pytest

from payments import gateway, inbox
from tests.conftest import Sandbox
from tests.payments.desk import Desk

SETTINGS = {"balance_transaction_delay": 0, "retry_schedule": [0.05, 0.05, 0.05, 0.05], "sepa_delay": 20}


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No secret or client remembered from another test; nudges go nowhere."""
    inbox._known.clear()
    gateway._client.cache_clear()
    monkeypatch.setattr(inbox.nudge, "wanted", lambda: None)
    yield
    inbox._known.clear()


@pytest.fixture
def desk(sandbox: Sandbox, db: Any) -> Desk:
    """A desk whose work is rolled back; use with `transaction=True` where threads or the gateway take part."""
    sandbox.http.post("/sandbox/settings", json=SETTINGS).raise_for_status()
    return Desk.open(sandbox)
