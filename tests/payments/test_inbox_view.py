"""The webhook endpoint: what is stored, what is refused, and that nothing anyone sends is ever a 500."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.utils import timezone

from payments import inbox
from payments.models import EventState, InboxEvent, WebhookSecret
from tests.conftest import Sandbox, wait_until
from tests.payments.desk import SECRET, Desk, booked, event_of, handle_all, sign, state_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(db: Any) -> Desk:
    """A desk without a sandbox: nothing here asks Stripe."""
    return Desk.open(Sandbox("http://127.0.0.1:9", None))  # type: ignore[arg-type]


def body_of(kind: str = "product.created", **changed: Any) -> bytes:
    return json.dumps(event_of(kind, {"id": "prod_1", "object": "product"}, **changed)).encode()


def only_row() -> InboxEvent:
    return InboxEvent.objects.get()


def test_a_signed_body_is_stored_byte_for_byte(desk: Desk) -> None:
    body = b'{ "id":"evt_1",\n\t"type" : "product.created", "note": "\xc3\xa9", "data": {"object": {}} }\n\n'
    assert desk.post(body) == 200
    row = only_row()
    assert (bytes(row.body), row.event_id, row.type, row.state) == (body, "evt_1", "product.created", "received")


def test_any_active_secret_signs_and_a_retired_one_does_not(desk: Desk) -> None:
    now = timezone.now()
    for secret, retired in (("whsec_new", None), ("whsec_going", now + timedelta(days=1)), ("whsec_gone", now)):
        WebhookSecret.objects.create(account=desk.account, secret=secret, retired_at=retired)
    for secret, answer in ((SECRET, 200), ("whsec_new", 200), ("whsec_going", 200), ("whsec_gone", 400)):
        body = body_of()
        assert desk.post(body, sign(body, secret)) == answer, secret
    assert InboxEvent.objects.count() == 3


def test_one_good_signature_among_several_is_enough(desk: Desk) -> None:
    body = body_of()
    stamp, good = sign(body).split(",")
    assert desk.post(body, f"{stamp},v0=abc,v1={'0' * 64},{good}") == 200


def test_a_secret_that_is_added_later_is_known_within_a_second(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    body = body_of()
    assert desk.post(body, sign(body, "whsec_added")) == 400
    WebhookSecret.objects.create(account=desk.account, secret="whsec_added")
    monkeypatch.setattr(inbox, "_NEW_SECRETS_AFTER_SECONDS", 0)
    assert desk.post(body, sign(body, "whsec_added")) == 200


@pytest.mark.parametrize(
    "header",
    [
        "", "t=", "v1=abc", "t=1,v1=", "nonsense", "t=x,v1=y", "t=,v1=", "=,=", "t=9" + "9" * 5000 + ",v1=0",
        "t={now},v1=" + "0" * 64, "t={now}", "t={now},v1=é", "t={now},v1=" + "é" * 64, "t=-{now},v1=0", "t={now},v1",
    ],
)  # fmt: skip
def test_a_bad_signature_is_refused_and_nothing_is_stored(desk: Desk, header: str) -> None:
    assert desk.post(body_of(), header.replace("{now}", str(int(time.time())))) == 400
    assert not InboxEvent.objects.exists()


@pytest.mark.parametrize("seconds", [-86_400, -310, 600, 10**9])
def test_a_signature_from_another_time_is_refused(desk: Desk, seconds: int) -> None:
    body = body_of()
    assert desk.post(body, sign(body, at=time.time() + seconds)) == 400
    assert not InboxEvent.objects.exists()


def test_a_changed_body_is_refused(desk: Desk) -> None:
    body = body_of()
    assert desk.post(body + b" ", sign(body)) == 400
    assert not InboxEvent.objects.exists()


def test_more_than_a_megabyte_is_too_large_and_just_below_is_not(desk: Desk) -> None:
    head = body_of()
    fitting = head + b" " * (settings.WEBHOOK_MAX_BYTES - len(head))
    assert desk.post(fitting) == 200
    assert desk.post(fitting + b" ") == 413
    assert InboxEvent.objects.count() == 1


@pytest.mark.parametrize(("length", "answer"), [("", 400), ("0", 400), ("5", 400), ("-1", 413), ("x", 413), ("²", 413)])
def test_a_lying_content_length_stores_nothing(desk: Desk, length: str, answer: int) -> None:
    body = body_of()
    response = desk.client.post(
        f"/webhooks/stripe/{desk.account.slug}/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": sign(body)},
        CONTENT_LENGTH=length,
    )
    assert response.status_code == answer
    assert not InboxEvent.objects.exists()


def test_an_unknown_account_is_not_found_and_only_posts_are_taken(desk: Desk) -> None:
    assert desk.post(body_of(), slug="nobody") == 404
    assert desk.client.get(f"/webhooks/stripe/{desk.account.slug}/").status_code == 405


def test_an_event_sent_to_the_endpoint_of_another_account_is_refused(desk: Desk) -> None:
    other = Desk.open(Sandbox("http://127.0.0.1:9", None))  # type: ignore[arg-type]
    WebhookSecret.objects.filter(account=other.account).update(retired_at=timezone.now())
    WebhookSecret.objects.create(account=other.account, secret="whsec_of_the_other")
    body = body_of()
    assert desk.post(body, slug=other.account.slug) == 400
    assert not InboxEvent.objects.exists()


def test_the_same_event_is_stored_once_per_account(desk: Desk) -> None:
    other = Desk.open(Sandbox("http://127.0.0.1:9", None))  # type: ignore[arg-type]
    body = body_of()
    for slug in (desk.account.slug, desk.account.slug, other.account.slug):
        assert desk.post(body, slug=slug) == 200
    assert sorted(InboxEvent.objects.values_list("account__slug", flat=True)) == sorted(
        [desk.account.slug, other.account.slug]
    )


RUBBISH = {
    "not UTF-8": b"\xff\xfe{}",
    "list": b"[]",
    "null": b"null",
    "string": b'"x"',
    "number": b"12",
    "huge number": b"9" * 5000,
    "NaN": b"NaN",
    "empty": b"",
    "NUL": b"\x00",
    "no JSON": b"{",
    "no keys": b"{}",
    "deep": b"[" * 100_000,
    "deep within": b'{"id":"evt_1","type":"x","data":{"object":{"a":' + b"[" * 100_000,
    "data is a list": b'{"id":"evt_1","type":"x","data":[]}',
    "object is null": b'{"id":"evt_1","type":"x","data":{"object":null}}',
    "id is a number": b'{"id":1,"type":"x","data":{"object":{}}}',
    "id is empty": b'{"id":"","type":"x","data":{"object":{}}}',
    "id with NUL": b'{"id":"evt_\\u0000","type":"x","data":{"object":{}}}',
    "id with half a character": b'{"id":"evt_\\ud800","type":"x","data":{"object":{}}}',
    "id too long": b'{"id":"' + b"e" * 200 + b'","type":"x","data":{"object":{}}}',
    "type too long": b'{"id":"evt_1","type":"' + b"e" * 200 + b'","data":{"object":{}}}',
    "type is a list": b'{"id":"evt_1","type":[],"data":{"object":{}}}',
}


@pytest.mark.parametrize("name", RUBBISH)
def test_signed_rubbish_is_kept_in_quarantine_or_refused(desk: Desk, name: str) -> None:
    body = RUBBISH[name]
    answer = desk.post(body)
    kept = list(InboxEvent.objects.values_list("state", "type"))
    assert (answer, kept) in [(200, [("quarantined", "")]), (400, [])]
    handle_all()
    assert inbox.replay(InboxEvent.objects.all()) == 0


ODD_EVENTS: dict[str, dict[str, Any]] = {
    "charge without anything": {"type": "charge.succeeded", "object": {}},
    "status is a list": {"type": "charge.succeeded", "object": {"status": []}},
    "huge amount": {"type": "charge.succeeded", "object": {"amount_captured": 10**400}},
    "float amount": {"type": "charge.succeeded", "object": {"amount_captured": 19.99}},
    "amount as text": {"type": "charge.succeeded", "object": {"amount_captured": "5000"}},
    "negative amount": {"type": "charge.succeeded", "object": {"amount_captured": -5}},
    "zero amount": {"type": "charge.succeeded", "object": {"amount_captured": 0}},
    "unknown currency": {"type": "charge.succeeded", "object": {"currency": "xxx"}},
    "currency with NUL": {"type": "charge.succeeded", "object": {"currency": "\0"}},
    "created far away": {"type": "charge.succeeded", "object": {"created": 10**20}},
    "metadata is a list": {"type": "charge.succeeded", "object": {"metadata": ["payment"]}},
    "payment is a number": {"type": "charge.succeeded", "object": {"metadata": {"payment": 7}}},
    "id too long": {"type": "charge.succeeded", "object": {"id": "ch_" + "x" * 500}},
    "id with NUL": {"type": "charge.succeeded", "object": {"id": "ch_\0"}},
    "charge of a refund too long": {"type": "refund.created", "object": {"charge": "ch_" + "x" * 500}},
    "charge of a refund with NUL": {"type": "refund.created", "object": {"charge": "ch_\0"}},
    "charge of a refund with half a character": {"type": "refund.created", "object": {"charge": "\ud800"}},
    "session without mode": {"type": "checkout.session.completed", "object": {"metadata": {}}},
    "api version with NUL": {"type": "charge.succeeded", "object": {}, "api_version": "\0"},
    "api version is a list": {"type": "charge.succeeded", "object": {}, "api_version": ["x"] * 1000},
}
CHARGE = {
    "id": "ch_1", "object": "charge", "status": "succeeded", "captured": True, "amount_captured": 5_000, "metadata": {},
    "currency": "eur", "created": 1_780_000_000, "payment_intent": None, "charge": None, "amount": 5_000,
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_EVENTS)
def test_an_odd_event_is_kept_with_its_reason_and_holds_up_no_other(desk: Desk, name: str) -> None:
    odd = {**ODD_EVENTS[name]}
    thing = {**CHARGE, **odd.pop("object")}
    if name == "charge without anything":
        thing = {}
    kind = odd.pop("type")
    assert desk.post(json.dumps(event_of(kind, thing, **odd)).encode()) == 200
    assert desk.post(body_of()) == 200
    handle_all()
    row, other = InboxEvent.objects.order_by("pk")
    assert other.state == EventState.HANDLED
    if row.state != EventState.HANDLED:
        assert (row.attempts, row.reason != "", row.handled_at) == (1, True, None)
    assert all(minor > 0 for minor in booked(desk, "charge:").values())


def test_an_unknown_type_is_kept_and_handled_without_effect(desk: Desk) -> None:
    assert desk.post(body_of("a.type.of.next.year")) == 200
    handle_all()
    assert (only_row().state, only_row().type) == (EventState.HANDLED, "a.type.of.next.year")


def test_unknown_fields_in_an_event_disturb_nothing(desk: Desk) -> None:
    thing = {**CHARGE, "new_field": {"deep": [1]}, "other": None}
    row = desk.tell("charge.succeeded", thing, new_top={"x": 1}, context="acct_1")
    assert row.state == EventState.HANDLED


@pytest.mark.parametrize("livemode", [True, None, "false", 0])
def test_an_event_of_the_other_mode_is_quarantined(desk: Desk, livemode: Any) -> None:
    row = desk.tell("charge.succeeded", CHARGE, livemode=livemode)
    assert (row.state, row.reason) == (EventState.QUARANTINED, "live and test mode do not match")


def test_an_event_of_another_api_version_is_parked_until_it_is_replayed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = desk.tell("charge.succeeded", CHARGE, api_version="2020-08-27")
    assert (row.state, row.next_attempt_at) == (EventState.PARKED, None)
    assert "2020-08-27" in row.reason
    monkeypatch.setattr("payments.gateway.API_VERSION", "2020-08-27")
    assert inbox.replay(InboxEvent.objects.all()) == 1
    handle_all()
    assert only_row().state == EventState.HANDLED


def test_a_charge_that_names_a_payment_of_another_account_is_no_donation(desk: Desk) -> None:
    other = Desk.open(Sandbox("http://127.0.0.1:9", None))  # type: ignore[arg-type]
    donation = other.donation()
    payment = donation.payments.create(account=other.account)
    row = desk.tell("charge.succeeded", {**CHARGE, "metadata": {"payment": str(payment.uuid)}})
    assert row.state == EventState.HANDLED
    assert state_of(donation) == "opened"


def test_the_broker_may_be_down_the_event_is_stored_and_the_answer_is_200(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []

    def send(name: str, **_options: Any) -> None:
        lost.append(name)
        raise OSError("the broker is down")

    monkeypatch.setattr(current_app, "send_task", send)
    nudge = inbox.Nudge()
    monkeypatch.setattr(inbox, "nudge", nudge)
    assert desk.post(body_of()) == 200
    wait_until(lambda: lost)
    assert only_row().state == EventState.RECEIVED
    handle_all()
    assert only_row().state == EventState.HANDLED
