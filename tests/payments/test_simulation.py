"""Simulations of a few seeds: every fault of webhooks, API and broker, and then books that agree to the cent.

OPENAPPEAL_SIMULATIONS=50 and OPENAPPEAL_SIMULATED_DONATIONS=100 make it longer; `make chaos` runs many seeds alone.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.db import connections

from config.simulation import faults, place
from config.simulation.driver import Driver
from config.simulation.verdict import Verdict, judge
from payments.sandbox.faults import API_FAULTS, WEBHOOK_FAULTS
from tests import databases
from tests.conftest import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
SEEDS = range(1, int(os.environ.get("OPENAPPEAL_SIMULATIONS", "1")) + 1)
DONATIONS = int(os.environ.get("OPENAPPEAL_SIMULATED_DONATIONS", "3"))
Simulated = tuple[Driver, Verdict, dict[str, int]]


def assert_is_good(simulated: Simulated) -> None:
    _driver, verdict, _struck = simulated
    assert (verdict.lost, verdict.double, verdict.differences) == ([], [], [])
    assert verdict.charged == verdict.booked


@pytest.mark.parametrize("seed", SEEDS)
def test_after_any_faults_the_books_agree_with_stripe_to_the_cent(
    sandbox: Sandbox, live_server: Any, seed: int
) -> None:
    simulated = place.simulate(sandbox.http, live_server.url, seed_number=seed, count=DONATIONS, months=1, choice="all")
    assert_is_good(simulated)
    assert sum(simulated[2].values()) > 5 * DONATIONS, "the faults struck"


def test_after_months_of_any_faults_the_books_agree_with_stripe_to_the_cent(sandbox: Sandbox, live_server: Any) -> None:
    simulated = place.simulate(sandbox.http, live_server.url, seed_number=101, count=8, months=2, choice="all")
    assert_is_good(simulated)
    assert simulated[1].renewals > 0


def test_a_seed_does_the_same_again(sandbox: Sandbox, live_server: Any) -> None:
    def told() -> tuple[Any, ...]:
        simulated = place.simulate(sandbox.http, live_server.url, seed_number=3, count=2, months=1, choice="all")
        assert_is_good(simulated)
        driver, verdict, struck = simulated
        events = [(event["id"], event["type"], event["created"]) for event in driver.world.all("events")]
        return driver.acts, struck, verdict, events

    first = told()
    connections.close_all()
    databases.empty()
    assert told() == first


def test_without_faults_none_strikes_and_what_goes_missing_then_is_told(sandbox: Sandbox, live_server: Any) -> None:
    simulated = place.simulate(sandbox.http, live_server.url, seed_number=5, count=3, months=1, choice="none")
    assert_is_good(simulated)
    driver, verdict, struck = simulated
    assert not any(struck.values())
    assert not verdict.explained["events of another API version, set aside"]
    driver.charge_of_others()
    tampered = judge(driver.world)
    assert [key.partition(":")[0] for key in tampered.lost] == ["charge", "txn"]
    assert [text for text in tampered.differences if "charges" in text]
    assert (tampered.charged, tampered.booked) == (verdict.charged + 1, verdict.booked)


def test_all_faults_are_all_that_the_sandbox_knows() -> None:
    assert faults.WEBHOOKS.keys() == WEBHOOK_FAULTS.keys()
    assert faults.API.keys() == API_FAULTS.keys()
    assert {fault["kind"] for fault in faults.wanted("all")} == WEBHOOK_FAULTS.keys() | API_FAULTS.keys()
    assert faults.wanted("none") == []
