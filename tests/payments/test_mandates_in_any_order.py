"""What Stripe tells of a mandate, whatever the order and number of its events: twice, reversed, shuffled, at once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from fundraising import ledger
from fundraising.models import BROUGHT, Donation, Mandate, MandateState, Posting, Purpose
from payments import gateway, handlers
from payments.mandates import subscriptions
from payments.models import EventState, InboxEvent, Payment, Subscription
from payments.sweeps import missing, sync
from tests.payments.desk import DAY, Desk, Event, assert_books_agree, booked, differences, handle_all, unhandled
from tests.payments.mandate_scenarios import SCENARIOS, MandateScenario
from tests.payments.test_facts_in_any_order import ORDERS, at_once

pytestmark = pytest.mark.django_db(transaction=True)

# Those of payouts are in test_payout_words.py.
OF_MANDATES = [
    *(kind for kind in handlers.TIMED if not kind.startswith("payout")),
    *(kind for kind in handlers.HANDLERS if kind.startswith(("invoice", "payment_method"))),
]
# What several workers may have in hand at once.
CROWDED = ("renewed twice", "renewal failed, then mended", "renewed by debit", "ended while a debit was on its way")


def happened(desk: Desk, scenario: MandateScenario) -> tuple[Payment, list[Event]]:
    """The scenario at the sandbox; nothing is delivered yet."""
    before = {event["id"] for event in desk.events()}
    payment = desk.sign_up()
    scenario.happen(desk, payment)
    return payment, [event for event in desk.events() if event["id"] not in before]


def net(mandate: Mandate) -> int:
    lines = Posting.objects.filter(entry__donation__mandate=mandate, account__purpose__in=BROUGHT)
    return -(lines.aggregate(sum=Sum("amount_minor"))["sum"] or 0)


def assert_ended(scenario: MandateScenario, payment: Payment, note: str = "") -> Mandate:
    mandate = Mandate.objects.get(donations=payment.donation_id)
    donations = mandate.donations.order_by("opened_at", "pk")
    assert unhandled() == [], note
    assert mandate.state == scenario.mandate, note
    assert mandate.end_reason == scenario.reason, note
    assert sorted(donation.state for donation in donations) == sorted(scenario.donations), note
    assert net(mandate) == scenario.net, note
    assert not mandate.donations.filter(payments=None).exists(), note
    failing = scenario.mandate == MandateState.FAILING
    assert (subscriptions.waiting(mandate) is not None, mandate.retry_on is not None) == (failing, failing), note
    return mandate


@pytest.mark.parametrize("name", SCENARIOS)
def test_books_and_mandates_say_the_same_whatever_the_order_of_events(desk: Desk, name: str) -> None:
    scenario = SCENARIOS[name]
    for note in ("reversed, twice", "shuffled 1"):
        payment, events = happened(desk, scenario)
        desk.deliver(ORDERS[note](events))
        desk.sweep()
        assert told_of(assert_ended(scenario, payment, note)) <= set(scenario.told), note
    assert_books_agree(desk)
    assert differences(asking_stripe=True) == []


def told_of(mandate: Mandate) -> set[str]:
    return set(mandate.notices.values_list("kind", flat=True))


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.told])
def test_the_donor_is_told_of_each_thing_once_when_events_come_as_it_happens(desk: Desk, name: str) -> None:
    desk.delivered = set()
    payment = desk.sign_up()
    SCENARIOS[name].happen(desk, payment)
    desk.keep_up()
    mandate = assert_ended(SCENARIOS[name], payment)
    assert list(mandate.notices.order_by("at", "pk").values_list("kind", flat=True)) == SCENARIOS[name].told
    assert differences(asking_stripe=True) == []


def test_every_handler_of_mandates_takes_part_in_a_scenario(desk: Desk) -> None:
    for name in ("renewal failed, then mended", "ended while failing", "failed renewal voided", "card replaced"):
        happened(desk, SCENARIOS[name])
    for name in ("bank asks at a renewal", "first debit arrived"):
        happened(desk, SCENARIOS[name])
    desk.control(f"checkout/{desk.sign_up().session_id}/pay", case="success")
    seen = {event["type"] for event in desk.events()}
    # Only Stripe's dashboard can say so of an invoice.
    assert set(OF_MANDATES) - seen == {"invoice.marked_uncollectible"}


@pytest.mark.parametrize("name", CROWDED)
def test_several_workers_may_have_the_events_of_one_mandate_in_hand(
    desk: Desk, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    payment, events = happened(desk, SCENARIOS[name])
    for event in ORDERS["shuffled 2"](events):
        assert desk.post(json.dumps(event).encode()) == 200
    assert at_once(4, lambda _: handle_all()) == []
    desk.sweep()
    assert [record.message for record in caplog.records if record.name == "payments.inbox"] == []
    assert_ended(SCENARIOS[name], payment)
    assert_books_agree(desk)


def test_a_subscription_of_somebody_else_touches_nothing_and_its_money_waits_in_suspense(desk: Desk) -> None:
    price = {
        "currency": "eur",
        "unit_amount": 900,
        "product_data": {"name": "Magazine"},
        "recurring": {"interval": "month"},
    }
    wanted: Any = {
        "mode": "subscription",
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": "http://shop.example",
    }
    session = desk.stripe.v1.checkout.sessions.create(wanted)
    stranger = Payment(session_id=session.id)
    desk.control(f"checkout/{session.id}/pay", case="sepa_succeeds")
    desk.advance(60)
    desk.until_next_collection(stranger, 60)
    method = desk.subscription(stranger).default_payment_method
    desk.stripe.v1.payment_methods.update(method, {"billing_details": {"name": "Somebody"}})
    desk.deliver(ORDERS["shuffled 1"](desk.events()))
    desk.sweep()
    assert unhandled() == []
    assert not Donation.objects.exists()
    assert not Payment.objects.exists()
    assert not Subscription.objects.exists()
    assert booked(desk, "charge:") == {"EUR": 1_800}
    assert ledger.balance(ledger.Bucket(desk.account.entity_id, Purpose.SUSPENSE, "EUR")).minor == -1_800
    assert_books_agree(desk)


def test_a_failure_of_which_stripe_shows_no_attempt_is_not_tried_as_new_with_every_sweep(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _payment, events = happened(desk, SCENARIOS["renewal failed, then mended"])
    failed = next(event for event in events if event["type"] == "invoice.payment_failed")
    of_invoice = gateway.get_invoice
    monkeypatch.setattr(gateway, "get_invoice", lambda account, key: of_invoice(account, key) | {"status": "open"})
    monkeypatch.setattr(gateway, "payments_of_invoice", lambda *_: [])
    # What is said of the subscription comes first.
    desk.deliver([event for event in events if event["type"].startswith("customer.subscription")])
    desk.deliver([failed])
    tries = []
    for _ in range(3):
        missing.find_missing_invoices()
        InboxEvent.objects.filter(state=EventState.PARKED).update(next_attempt_at=timezone.now())
        handle_all()
        tries.append(InboxEvent.objects.get(event_id=failed["id"]).attempts)
    assert tries == sorted(set(tries))


def test_an_object_of_ours_that_nothing_was_heard_of_is_found_by_a_sweep(desk: Desk) -> None:
    payment = desk.sign_up()
    SCENARIOS["renewed twice"].happen(desk, payment)
    desk.advance(DAY)
    sync.sync_account(desk.account, since=timezone.now() - timedelta(hours=1))
    desk.sweep()
    assert_ended(SCENARIOS["renewed twice"], payment)
    assert differences(asking_stripe=True) == []
