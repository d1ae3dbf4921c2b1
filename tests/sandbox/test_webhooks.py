"""Webhooks: signed, retried, rotated, and everything that can go wrong with them."""

import stripe

from tests.sandbox.conftest import Desk, Receiver


def test_an_event_is_signed_so_that_the_sdk_accepts_it(desk: Desk, receiver: Receiver) -> None:
    secret = receiver.register(desk, "charge.succeeded").secret
    assert secret is not None
    intent = desk.donate()
    received = receiver.wait_for(1)[0]
    event = stripe.Webhook.construct_event(received.body, received.signature, secret)  # type: ignore[no-untyped-call]
    assert (event.type, event.data.object["payment_intent"]) == ("charge.succeeded", intent.id)
    assert (event.api_version, event.livemode, event.pending_webhooks) == ("2026-05-27.dahlia", False, 1)


def test_an_endpoint_gets_only_the_types_it_asked_for(desk: Desk, receiver: Receiver) -> None:
    receiver.register(desk, "charge.succeeded", "checkout.session.completed")
    desk.donate()
    desk.flush()
    assert sorted(receiver.types()) == ["charge.succeeded", "checkout.session.completed"]


def test_a_disabled_endpoint_gets_nothing(desk: Desk, receiver: Receiver) -> None:
    endpoint = receiver.register(desk)
    desk.stripe.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    desk.donate()
    assert desk.flush()["outstanding"] == 0
    assert receiver.received == []


def test_a_refused_event_is_tried_again_until_it_is_accepted(desk: Desk, receiver: Receiver) -> None:
    receiver.register(desk, "charge.succeeded")
    receiver.answers = [500, 404]
    desk.donate()
    desk.flush()
    assert len({received.event["id"] for received in receiver.received}) == 1
    assert len(receiver.received) == 3
    event = desk.stripe.v1.events.list({"type": "charge.succeeded"}).data[0]
    assert event.pending_webhooks == 0


def test_an_event_is_given_up_when_the_schedule_ends_and_can_be_sent_again(desk: Desk, receiver: Receiver) -> None:
    receiver.register(desk, "charge.succeeded")
    receiver.answers = [500] * 4
    desk.donate()
    assert desk.flush()["deliveries"] == {"failed": 1}
    assert desk.stripe.v1.events.list({"delivery_success": False}).data[0].type == "charge.succeeded"
    assert desk.control("flush", retry_now=True)["deliveries"] == {"delivered": 1}


def test_the_request_that_caused_an_event_is_named(desk: Desk) -> None:
    desk.stripe.v1.customers.create({"name": "A"}, {"idempotency_key": "once"})
    event = desk.stripe.v1.events.list({"type": "customer.created"}).data[0]
    assert event["request"]["idempotency_key"] == "once"


def test_both_secrets_sign_while_one_is_rotated(desk: Desk, receiver: Receiver) -> None:
    endpoint = receiver.register(desk, "customer.created")
    old = endpoint.secret
    new = desk.control(f"webhook_endpoints/{endpoint.id}/roll", both_for=3600)["secret"]
    desk.stripe.v1.customers.create({"name": "A"})
    received = receiver.wait_for(1)[0]
    for secret in (old, new):
        stripe.Webhook.construct_event(received.body, received.signature, secret)  # type: ignore[no-untyped-call]
    desk.advance(3601)
    desk.stripe.v1.customers.create({"name": "B"})
    assert receiver.wait_for(2)[1].signature.count("v1=") == 1


def _accepted(receiver: Receiver, secret: str | None) -> list[bool]:
    found = []
    for received in receiver.received:
        try:
            stripe.Webhook.construct_event(received.body, received.signature, secret)  # type: ignore[no-untyped-call]
            found.append(True)
        except stripe.SignatureVerificationError:
            found.append(False)
    return found


def test_faults_of_signature_strike_the_first_attempt_only(desk: Desk, receiver: Receiver) -> None:
    for kind in ("webhook_old_timestamp", "webhook_rotated_secret"):
        receiver.received.clear()
        endpoint = receiver.register(desk, "customer.created")
        receiver.answers = [400]
        desk.faults({"kind": kind, "count": 1})
        desk.stripe.v1.customers.create({"name": "A"})
        desk.flush()
        assert _accepted(receiver, endpoint.secret) == [False, True]
        assert desk.struck() == {kind: 1}
        desk.stripe.v1.webhook_endpoints.delete(endpoint.id)


def test_an_event_may_come_twice_or_three_times_at_once(desk: Desk, receiver: Receiver) -> None:
    receiver.register(desk, "customer.created")
    desk.faults({"kind": "webhook_duplicated", "count": 1})
    desk.stripe.v1.customers.create({"name": "A"})
    assert len({received.event["id"] for received in receiver.wait_for(2)}) == 1
    desk.faults({"kind": "webhook_concurrent", "count": 1})
    desk.stripe.v1.customers.create({"name": "B"})
    receiver.wait_for(5)
    desk.flush()
    assert len(receiver.received) == 5
    assert len({received.event["id"] for received in receiver.received}) == 2


def test_a_dropped_event_can_still_be_listed(desk: Desk, receiver: Receiver) -> None:
    receiver.register(desk, "customer.created")
    desk.faults({"kind": "webhook_dropped"})
    desk.stripe.v1.customers.create({"name": "A"})
    assert desk.control("flush", retry_now=True)["deliveries"] == {"dropped": 1}
    assert receiver.received == []
    assert [event.type for event in desk.stripe.v1.events.list().data] == ["customer.created"]


def test_an_event_may_never_be_generated(desk: Desk, receiver: Receiver) -> None:
    receiver.register(desk)
    desk.faults({"kind": "event_never_generated", "match": "charge.*"})
    intent = desk.donate()
    assert intent.status == "succeeded"
    assert [kind for kind in desk.event_types() if kind.startswith("charge.")] == []
    assert desk.struck() == {"event_never_generated": 1}


def test_shuffled_events_all_arrive(desk: Desk, receiver: Receiver) -> None:
    receiver.register(desk, "customer.created")
    desk.faults(
        {"kind": "webhook_shuffled", "seconds": 86_400}, seed=3
    )  # so that it matters not how slowly they are made
    made = [desk.stripe.v1.customers.create({"name": f"{number}"}).id for number in range(8)]
    assert receiver.received == []
    desk.control("flush", retry_now=True)
    arrived = [received.event["data"]["object"]["id"] for received in receiver.received]
    assert sorted(arrived) == sorted(made)
    assert arrived != made


def test_an_old_api_version_is_said_in_the_event(desk: Desk, receiver: Receiver) -> None:
    receiver.register(desk, "customer.created")
    desk.faults({"kind": "webhook_old_api_version"})
    desk.stripe.v1.customers.create({"name": "A"})
    assert receiver.wait_for(1)[0].event["api_version"] == "2020-08-27"


def test_an_update_tells_what_it_replaced(desk: Desk) -> None:
    customer = desk.stripe.v1.customers.create({"name": "Before"})
    desk.stripe.v1.customers.update(customer.id, {"name": "After"})
    event = desk.stripe.v1.events.list({"type": "customer.updated"}).data[0]
    assert event.to_dict()["data"]["previous_attributes"] == {"name": "Before"}


def test_events_reach_back_thirty_days(desk: Desk) -> None:
    desk.stripe.v1.customers.create({"name": "A"})
    desk.advance(31 * 86_400)
    assert desk.stripe.v1.events.list().data == []
