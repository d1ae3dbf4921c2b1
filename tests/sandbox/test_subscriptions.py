"""Regular giving: started through Checkout, renewed by the clock, refused, mended, paused, ended."""

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from payments.sandbox.objects import periods
from tests.sandbox.conftest import Desk

DAY = 86_400


def _subscribe(desk: Desk, case: str = "success", **data: Any) -> stripe.checkout.Session:
    item = {
        "currency": "eur",
        "unit_amount": 1000,
        "product_data": {"name": "Monthly giving"},
        "recurring": {"interval": "month"},
    }
    wanted: Any = {
        "mode": "subscription",
        "line_items": [{"quantity": 1, "price_data": item}],
        "success_url": "http://shop.example",
        "subscription_data": {"metadata": {"mandate": "m1"}, **data},
    }
    session = desk.stripe.v1.checkout.sessions.create(wanted)
    desk.pay(session, case)
    return desk.stripe.v1.checkout.sessions.retrieve(session.id)


def _subscription(desk: Desk, session: stripe.checkout.Session) -> Any:
    return desk.stripe.v1.subscriptions.retrieve(str(session.subscription), {"expand": ["latest_invoice"]})


def _paid(desk: Desk) -> list[Any]:
    return desk.stripe.v1.invoices.list({"status": "paid", "limit": 100}).data


def test_checkout_starts_a_subscription_with_a_paid_invoice(desk: Desk) -> None:
    session = _subscribe(desk)
    assert (session.status, session.payment_status, session.payment_intent) == ("complete", "paid", None)
    subscription = _subscription(desk, session)
    assert subscription.status == "active"
    invoice = subscription.latest_invoice
    assert (invoice.id, invoice.status, invoice.amount_paid) == (session.invoice, "paid", 1000)
    assert invoice.parent.subscription_details.metadata.to_dict() == {"mandate": "m1"}
    assert desk.event_types()[-3:] == [
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]


def test_an_invoice_leads_to_its_charge_through_its_payments(desk: Desk) -> None:
    session = _subscribe(desk)
    payment: Any = desk.stripe.v1.invoice_payments.list({"invoice": str(session.invoice)}).data[0]
    assert (payment.status, payment.amount_paid) == ("paid", 1000)
    charge: Any = desk.intent(payment.payment.payment_intent).latest_charge
    assert (charge.status, charge.balance_transaction.net) == ("succeeded", 961)
    by_intent: Any = {"payment": {"type": "payment_intent", "payment_intent": payment.payment.payment_intent}}
    assert desk.stripe.v1.invoice_payments.list(by_intent).data[0].id == payment.id


def test_the_clock_renews_every_month(desk: Desk) -> None:
    session = _subscribe(desk)
    desk.advance(93 * DAY)
    invoices = _paid(desk)
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_cycle"] * 3 + ["subscription_create"]
    assert desk.state()["charges"]["eur"]["succeeded"] == {"count": 4, "amount": 4000, "refunded": 0}
    item = _subscription(desk, session)["items"].data[0]
    assert item.current_period_start == invoices[0].period_start


def test_a_declined_card_starts_no_subscription_and_can_be_tried_again(desk: Desk) -> None:
    session = _subscribe(desk, "declined")
    assert (session.status, session.subscription) == ("open", None)
    assert desk.stripe.v1.subscriptions.list().data == []
    desk.pay(session)
    assert len(desk.stripe.v1.subscriptions.list().data) == 1


def test_a_failing_renewal_is_tried_again_and_then_gives_up(desk: Desk) -> None:
    session = _subscribe(desk, "fails_later")
    desk.advance(32 * DAY)
    behind = _subscription(desk, session)
    assert (behind.status, behind.latest_invoice.status) == ("past_due", "open")
    desk.advance(20 * DAY)
    over = _subscription(desk, session)
    assert (over.status, over.cancellation_details.reason) == ("canceled", "payment_failed")
    assert over.latest_invoice.attempt_count == 4
    assert desk.event_types().count("invoice.payment_failed") == 4


def test_a_new_card_mends_a_failing_renewal(desk: Desk) -> None:
    session = _subscribe(desk, "fails_later")
    desk.advance(32 * DAY)
    behind = _subscription(desk, session)
    paid = desk.stripe.v1.invoices.pay(behind.latest_invoice.id, {"payment_method": "pm_card_visa"})
    assert paid.status == "paid"
    assert _subscription(desk, session).status == "active"


def test_a_replaced_card_is_charged_at_the_next_renewal(desk: Desk) -> None:
    session = _subscribe(desk)
    desk.control(
        f"payment_methods/{_subscription(desk, session).default_payment_method}/replace", case="insufficient_funds"
    )
    desk.advance(32 * DAY)
    assert _subscription(desk, session).status == "past_due"


def test_a_later_first_charge_costs_nothing_now(desk: Desk) -> None:
    first = desk.http.get("/sandbox/clock").json()["now"] + 10 * DAY
    session = _subscribe(desk, trial_end=first)
    assert (session.payment_status, _subscription(desk, session).status) == ("no_payment_required", "trialing")
    assert desk.state()["charges"] == {}
    desk.advance(11 * DAY)
    assert _subscription(desk, session).status == "active"
    assert desk.state()["charges"]["eur"]["succeeded"]["count"] == 1


def test_a_sepa_subscription_is_active_while_the_debit_is_on_its_way(desk: Desk) -> None:
    session = _subscribe(desk, "sepa_succeeds")
    assert (session.payment_status, _subscription(desk, session).status) == ("unpaid", "active")
    desk.advance(DAY)
    assert _subscription(desk, session).latest_invoice.status == "paid"
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")]
)
def test_a_paused_collection_takes_no_money_until_it_resumes(desk: Desk, behavior: Any, status: str) -> None:
    session = _subscribe(desk)
    resumes = desk.http.get("/sandbox/clock").json()["now"] + 45 * DAY
    desk.stripe.v1.subscriptions.update(
        str(session.subscription), {"pause_collection": {"behavior": behavior, "resumes_at": resumes}}
    )
    desk.advance(40 * DAY)
    assert _subscription(desk, session).latest_invoice.status == status
    assert len(_paid(desk)) == 1
    desk.advance(30 * DAY)
    assert _subscription(desk, session).latest_invoice.status == "paid"
    assert len(_paid(desk)) == 2


def test_a_changed_amount_is_charged_from_the_next_period(desk: Desk) -> None:
    session = _subscribe(desk)
    subscription = _subscription(desk, session)
    item = subscription["items"].data[0]
    price: Any = {
        "currency": "eur",
        "unit_amount": 2500,
        "product": item.price.product,
        "recurring": {"interval": "month"},
    }
    change: Any = {"items": [{"id": item.id, "price_data": price}]}
    with pytest.raises(stripe.InvalidRequestError, match="does not prorate"):
        desk.stripe.v1.subscriptions.update(subscription.id, change)
    change["proration_behavior"] = "none"
    desk.stripe.v1.subscriptions.update(subscription.id, change)
    desk.advance(32 * DAY)
    assert [invoice.amount_paid for invoice in _paid(desk)] == [2500, 1000]


def test_a_cancelled_subscription_runs_to_the_end_of_its_period(desk: Desk) -> None:
    session = _subscribe(desk)
    desk.stripe.v1.subscriptions.update(str(session.subscription), {"cancel_at_period_end": True})
    assert _subscription(desk, session).status == "active"
    desk.advance(32 * DAY)
    assert _subscription(desk, session).status == "canceled"
    assert len(_paid(desk)) == 1
    assert desk.event_types()[-1] == "customer.subscription.deleted"


def test_a_test_clock_moves_the_sandbox(desk: Desk) -> None:
    _subscribe(desk)
    now = desk.http.get("/sandbox/clock").json()["now"]
    clock = desk.stripe.v1.test_helpers.test_clocks.create({"frozen_time": now})
    advanced = desk.stripe.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": now + 32 * DAY})
    assert advanced.status == "ready"
    assert len(_paid(desk)) == 2


def _day(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


def test_the_thirty_first_comes_back_after_february() -> None:
    monthly = {"interval": "month", "interval_count": 1}
    anchor = _day(2026, 1, 31)
    assert periods.following(anchor, monthly, anchor) == _day(2026, 2, 28)
    assert periods.following(anchor, monthly, _day(2026, 2, 28)) == _day(2026, 3, 31)
    assert periods.boundary(_day(2024, 2, 29), {"interval": "year", "interval_count": 1}, 1) == _day(2025, 2, 28)
    assert periods.boundary(anchor, {"interval": "week", "interval_count": 2}, 1) == _day(2026, 2, 14)
