"""Faults of the API: refused, failing, slow, done without an answer."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Desk, client_for
from tests.waiting import wait_until

INTENT: Any = {"amount": 1000, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("api_429", stripe.RateLimitError),
        ("api_500", stripe.APIError),
        ("api_503", stripe.APIError),
        ("api_409", stripe.APIError),
    ],
)
def test_nothing_is_done_when_the_api_refuses(desk: Desk, kind: str, error: type[stripe.StripeError]) -> None:
    desk.faults({"kind": kind, "count": 1, "match": "POST /v1/payment_intents"})
    with pytest.raises(stripe.StripeError) as refused:
        desk.stripe.v1.payment_intents.create(INTENT)
    if kind != "api_409":
        assert isinstance(refused.value, error)
    assert desk.struck() == {kind: 1}
    assert desk.stripe.v1.charges.list().data == []


def test_the_sdk_gets_over_a_short_outage_with_one_charge(desk: Desk) -> None:
    desk.faults(
        {"kind": "api_503", "count": 1, "match": "POST *"}, {"kind": "api_dropped", "count": 1, "match": "POST *"}
    )
    intent = client_for(desk.url, retries=3).v1.payment_intents.create(INTENT)
    assert intent.status == "succeeded"
    assert desk.struck() == {"api_503": 1, "api_dropped": 1}
    assert len(desk.stripe.v1.charges.list().data) == 1


def test_a_dropped_connection_leaves_the_work_done(desk: Desk) -> None:
    desk.faults({"kind": "api_dropped", "count": 1, "match": "POST *"})
    with pytest.raises(stripe.APIConnectionError):
        desk.stripe.v1.payment_intents.create(INTENT)
    assert [charge.status for charge in desk.stripe.v1.charges.list().data] == ["succeeded"]


@pytest.mark.parametrize(("kind", "charges"), [("api_500_stored", 1), ("api_500_stored_undone", 0)])
def test_a_stored_500_is_replayed_whether_or_not_the_work_was_done(desk: Desk, kind: str, charges: int) -> None:
    desk.faults({"kind": kind, "count": 1})
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            desk.stripe.v1.payment_intents.create(INTENT, {"idempotency_key": "k1"})
        assert failed.value.http_status == 500
    assert failed.value.headers is not None
    assert failed.value.headers["Idempotent-Replayed"] == "true"
    assert len(desk.stripe.v1.charges.list().data) == charges


def test_a_slow_answer_comes_late(desk: Desk) -> None:
    desk.faults({"kind": "api_slow", "seconds": 0.3, "count": 1})
    started = time.monotonic()
    desk.stripe.v1.balance.retrieve()
    assert time.monotonic() - started >= 0.3


def test_a_slow_request_is_not_struck_by_faults_that_came_after_it(desk: Desk) -> None:
    desk.faults({"kind": "api_slow", "seconds": 60, "count": 1, "match": "POST *"})
    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(desk.stripe.v1.payment_intents.create, INTENT)
        wait_until(desk.struck)
        desk.faults({"kind": "api_dropped", "count": 1, "match": "POST *"})  # and lets it go
        assert slow.result().status == "succeeded"
    assert desk.struck() == {}
    with pytest.raises(stripe.APIConnectionError):
        desk.stripe.v1.payment_intents.create(INTENT)


def test_the_same_seed_strikes_the_same_requests(desk: Desk) -> None:
    def run() -> list[bool]:
        desk.faults({"kind": "api_429", "probability": 0.5, "match": "GET /v1/balance"}, seed=11)
        found = []
        for _ in range(12):
            answer = desk.http.get("/v1/balance", headers={"Authorization": "Bearer sk_test_acme"})
            found.append(answer.status_code == 429)
        return found

    first = run()
    assert run() == first
    assert len(set(first)) == 2


def test_an_unknown_fault_is_refused_and_nothing_changes(desk: Desk) -> None:
    desk.faults({"kind": "api_503", "match": "POST *"})
    answer = desk.http.post("/sandbox/faults", json={"faults": [{"kind": "api_418"}]})
    assert (answer.status_code, "api_418" in answer.text) == (400, True)
    assert desk.http.get("/sandbox/faults").json()["faults"][0]["kind"] == "api_503"


def test_the_control_api_takes_json_only(desk: Desk) -> None:
    assert desk.http.post("/sandbox/clock", data={"advance": "60"}).status_code == 400
