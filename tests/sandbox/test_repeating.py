"""A sandbox that does the same again: time stands, ids come from a number, webhooks go out when they are asked for."""

from typing import Any

from tests.sandbox.conftest import Desk, Receiver

AT = 1_767_603_600
DAY = 86_400


def _told(receiver: Receiver) -> list[tuple[str, Any]]:
    return [(received.event["id"], received.event["data"]["object"]) for received in receiver.received]


def _a_month(desk: Desk, receiver: Receiver, *, repeat: int) -> list[tuple[str, Any]]:
    """Three donations of which one comes by SEPA, with half of the webhooks shuffled, duplicated or lost."""
    receiver.received.clear()
    desk.control("reset", repeat=repeat, at=AT)
    receiver.register(desk, "charge.succeeded", "payment_intent.succeeded", "charge.updated")
    shuffled = {"kind": "webhook_shuffled", "probability": 0.5, "seconds": DAY}
    lost = [{"kind": kind, "probability": 0.3} for kind in ("webhook_dropped", "webhook_duplicated")]
    desk.faults(shuffled, *lost, seed=repeat)
    for case in ("success", "sepa_succeeds", "success"):
        desk.donate(case=case)
        desk.flush()
    for _day in range(3):
        desk.advance(DAY)
        desk.flush()
    return _told(receiver)


def test_the_same_number_gives_the_same_events_in_the_same_order(desk: Desk, receiver: Receiver) -> None:
    first = _a_month(desk, receiver, repeat=7)
    assert len(first) > 3
    assert _a_month(desk, receiver, repeat=7) == first
    assert _a_month(desk, receiver, repeat=8) != first


def test_time_stands_until_it_is_moved(desk: Desk) -> None:
    desk.control("reset", repeat=1, at=AT)
    assert desk.donate().created == AT
    desk.advance(90)
    assert desk.donate().created == AT + 90


def test_nothing_is_delivered_before_flush_asks(desk: Desk, receiver: Receiver) -> None:
    desk.control("reset", repeat=1, at=AT)
    receiver.register(desk, "charge.succeeded")
    desk.donate()
    desk.advance(DAY)
    assert receiver.received == []
    assert desk.flush() == {"outstanding": 0, "deliveries": {"delivered": 1}}
    assert receiver.types() == ["charge.succeeded"]


def test_a_refused_event_waits_for_its_turn_by_the_virtual_clock(desk: Desk, receiver: Receiver) -> None:
    desk.control("reset", repeat=1, at=AT)
    desk.control("settings", retry_schedule=[3600])
    receiver.register(desk, "charge.succeeded")
    receiver.answers = [500]
    desk.donate()
    assert desk.flush()["outstanding"] == 1
    desk.advance(3599)
    assert desk.flush()["outstanding"] == 1
    desk.advance(1)
    assert desk.flush()["deliveries"] == {"delivered": 1}


def test_after_an_ordinary_reset_time_runs_and_ids_never_repeat(desk: Desk, receiver: Receiver) -> None:
    desk.control("reset", repeat=1, at=AT)
    standing = desk.donate()
    desk.control("reset")
    receiver.register(desk, "charge.succeeded")
    running = desk.donate()
    receiver.wait_for(1)
    assert running.created > standing.created
    desk.control("reset", repeat=1, at=AT)
    assert desk.donate().id == standing.id != running.id
