"""Every handler, whatever the order and number of its events: delivered twice, reversed, shuffled, at once, unknown."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from fundraising import donations
from fundraising.donations import NotBookedYet
from payments import handlers
from payments.models import Payment
from tests.payments.desk import Desk, Event, assert_books_agree, booked, state_of, unhandled
from tests.payments.scenarios import SCENARIOS, Scenario

pytestmark = pytest.mark.django_db

# Of single donations; those of mandates are in test_mandates_in_any_order.py.
SINGLE = [kind for kind in handlers.HANDLERS if not kind.startswith(("invoice", "payment_method"))]
HANDLED = [*SINGLE, *handlers.DISPUTES]
Order = Callable[[list[Event]], list[Event]]


def _shuffled(seed: int) -> Order:
    return lambda events: random.Random(seed).sample(events * 2, len(events) * 2)


ORDERS: dict[str, Order] = {
    "in order": lambda events: events,
    "each twice": lambda events: [event for event in events for _ in range(2)],
    "reversed, twice": lambda events: events[::-1] * 2,
    "shuffled 1": _shuffled(1),
    "shuffled 2": _shuffled(2),
}


def happened(desk: Desk, scenario: Scenario) -> tuple[Payment, list[Event]]:
    """The scenario at the sandbox; nothing is delivered yet."""
    before = {event["id"] for event in desk.events()}
    payment = desk.checkout(transfers=scenario.transfers)
    scenario.happen(desk, payment)
    return payment, [event for event in desk.events() if event["id"] not in before]


def assert_ended(desk: Desk, scenario: Scenario, payment: Payment, note: str = "") -> None:
    payment.refresh_from_db()
    assert state_of(payment.donation) == scenario.donation, note
    assert payment.state == scenario.payment, note
    assert donations.net_received(payment.donation).minor == scenario.net, note
    assert unhandled() == [], note


@pytest.mark.parametrize("name", SCENARIOS)
def test_books_say_the_same_whatever_the_order_of_events(desk: Desk, name: str) -> None:
    scenario = SCENARIOS[name]
    for note, order in ORDERS.items():
        payment, events = happened(desk, scenario)
        desk.deliver(order(events))
        assert_ended(desk, scenario, payment, note)
    assert_books_agree(desk)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_fact_alone_or_again_at_the_end_changes_nothing_more(desk: Desk, name: str) -> None:
    payment, events = happened(desk, SCENARIOS[name])
    desk.deliver(events)
    for event in events * 2:
        desk.handle(event)
    assert_ended(desk, SCENARIOS[name], payment)
    assert_books_agree(desk)


def test_every_handler_takes_part_in_a_scenario(desk: Desk) -> None:
    seen: set[str] = set()
    for scenario in SCENARIOS.values():
        happened(desk, scenario)
    seen.update(event["type"] for event in desk.events())
    assert set(HANDLED) - seen == set()


def _strangers_event(desk: Desk, kind: str) -> Event:
    """An event of that type about an object that is none of ours."""
    for scenario in SCENARIOS.values():
        _payment, events = happened(desk, scenario)
        if found := [event for event in events if event["type"] == kind]:
            thing = found[0]["data"]["object"]
            thing.update(metadata={}, client_reference_id=None, payment_intent="pi_of_a_stranger")
            thing["id"] = "pi_of_a_stranger" if thing["object"] == "payment_intent" else f"{thing['id']}_x"
            if "charge" in thing:
                thing["charge"] = "ch_of_a_stranger"
            return found[0]
    raise AssertionError(f"no scenario has {kind}")


@pytest.mark.parametrize("kind", HANDLED)
def test_an_object_that_is_none_of_ours_goes_to_suspense_or_waits_and_touches_no_donation(
    desk: Desk, kind: str
) -> None:
    event = _strangers_event(desk, kind)
    before = list(Payment.objects.order_by("pk").values())
    try:
        desk.handle(event)
    except NotBookedYet:
        assert event["data"]["object"]["object"] in {"refund", "charge", "dispute"}
    charged = event["type"] in {"charge.succeeded", "charge.updated", "charge.refunded"}
    assert booked(desk, "charge:") == ({"EUR": 5_000} if charged else {})
    assert list(Payment.objects.order_by("pk").values()) == before


def at_once(count: int, act: Callable[[int], Any]) -> list[Exception]:
    """Run `act` in threads that start together, each with a connection of its own; what they raised."""
    barrier, errors = threading.Barrier(count), []

    def run(number: int) -> None:
        try:
            barrier.wait(60)
            act(number)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    return errors


@pytest.mark.django_db(transaction=True)
def test_every_handler_may_run_several_times_at_once(desk: Desk) -> None:
    for name, scenario in SCENARIOS.items():
        payment, events = happened(desk, scenario)
        for event in events:
            if event["type"] in HANDLED:
                errors = at_once(4, lambda _, event=event: desk.handle(event))  # type: ignore[misc]
                assert [error for error in errors if not isinstance(error, NotBookedYet)] == [], (name, event["type"])
        payment.refresh_from_db()
        assert (state_of(payment.donation), payment.state) == (scenario.donation, scenario.payment), name
    assert_books_agree(desk)
