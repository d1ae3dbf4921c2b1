"""What Stripe tells of a mandate, whatever the order and number of its events: twice, reversed, shuffled, at once."""

from __future__ import annotations

import pytest
from django.db.models import Sum

from fundraising.models import BROUGHT, Mandate, Posting
from payments import handlers
from payments.models import Payment
from tests.payments.desk import Desk, Event, assert_books_agree, differences, unhandled
from tests.payments.mandate_scenarios import SCENARIOS, MandateScenario
from tests.payments.test_facts_in_any_order import ORDERS

pytestmark = pytest.mark.django_db(transaction=True)

OF_MANDATES = [*handlers.TIMED, *(kind for kind in handlers.HANDLERS if kind.startswith(("invoice", "payment_method")))]


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
    return mandate


@pytest.mark.parametrize("name", SCENARIOS)
def test_books_and_mandates_say_the_same_whatever_the_order_of_events(desk: Desk, name: str) -> None:
    scenario = SCENARIOS[name]
    for note in ("in order", "reversed, twice", "shuffled 1"):
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
