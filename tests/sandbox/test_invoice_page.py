"""The hosted page of an invoice, and the portal's flow for another card, without JavaScript."""

from typing import Any

import httpx
import pytest

from tests.sandbox.conftest import Desk

DAY = 86_400


def _fallen_behind(desk: Desk, case: str = "fails_later") -> Any:
    """A monthly subscription whose first renewal was declined."""
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
    }
    session = desk.stripe.v1.checkout.sessions.create(wanted)
    desk.pay(session, case)
    if case == "three_d_secure_always":
        session = desk.stripe.v1.checkout.sessions.retrieve(session.id)
        intent = desk.stripe.v1.payment_intents.list({"limit": 1}).data[0]
        desk.control(f"intents/{intent.id}/authenticate", outcome="pass")
    desk.advance(32 * DAY)
    return desk.stripe.v1.subscriptions.list({"limit": 1}).data[0]


def _invoice(desk: Desk, subscription: Any) -> Any:
    return desk.stripe.v1.invoices.retrieve(str(desk.stripe.v1.subscriptions.retrieve(subscription.id).latest_invoice))


def _status(desk: Desk, subscription: Any) -> str:
    return str(desk.stripe.v1.subscriptions.retrieve(subscription.id).status)


def test_the_page_shows_what_is_owed_and_why_it_failed(desk: Desk) -> None:
    subscription = _fallen_behind(desk)
    invoice = _invoice(desk, subscription)
    assert invoice.hosted_invoice_url.startswith(desk.url)
    shown = desk.http.get(invoice.hosted_invoice_url)
    assert "10.00 EUR" in shown.text
    assert invoice.number in shown.text
    assert "Your card was declined." in shown.text
    assert "<script" not in shown.text


def test_another_card_pays_it_and_the_subscription_is_active_again(desk: Desk) -> None:
    subscription = _fallen_behind(desk)
    assert _status(desk, subscription) == "past_due"
    url = _invoice(desk, subscription).hosted_invoice_url
    answer = desk.http.post(url, data={"case": "success"})
    assert answer.status_code == 303
    assert "Nothing more is owed" in desk.http.get(answer.headers["location"]).text
    assert _status(desk, subscription) == "active"
    assert _invoice(desk, subscription).status == "paid"


def test_paying_a_paid_invoice_takes_nothing_more(desk: Desk) -> None:
    url = _invoice(desk, _fallen_behind(desk)).hosted_invoice_url
    for _ in range(2):
        desk.http.post(url, data={"card": "4242 4242 4242 4242"})
    assert len([charge for charge in desk.stripe.v1.charges.list().data if charge.status == "succeeded"]) == 2


@pytest.mark.parametrize(("outcome", "status"), [("pass", "paid"), ("fail", "open")])
def test_three_d_secure_is_asked_for_and_leads_back(desk: Desk, outcome: str, status: str) -> None:
    subscription = _fallen_behind(desk, "three_d_secure_always")
    url = _invoice(desk, subscription).hosted_invoice_url
    assert "requires authentication" in desk.http.get(url).text
    second = desk.http.post(url, data={"card": "4000002760003184"}).headers["location"]
    assert "Confirm with your bank" in desk.http.get(second).text
    answer = desk.http.post(second, data={"outcome": outcome})
    assert httpx.URL(desk.url).join(answer.headers["location"]) == httpx.URL(url)
    assert _invoice(desk, subscription).status == status


def test_trying_by_hand_uses_up_no_attempt_of_the_schedule(desk: Desk) -> None:
    subscription = _fallen_behind(desk)
    before = _invoice(desk, subscription)
    for _ in range(5):
        assert desk.http.post(before.hosted_invoice_url, data={"case": "insufficient_funds"}).status_code == 303
    assert "insufficient funds" in desk.http.get(before.hosted_invoice_url).text
    after = _invoice(desk, subscription)
    assert (after.attempt_count, after.next_payment_attempt) == (before.attempt_count, before.next_payment_attempt)
    assert _status(desk, subscription) == "past_due"


def test_a_number_that_is_no_test_number_is_refused(desk: Desk) -> None:
    url = _invoice(desk, _fallen_behind(desk)).hosted_invoice_url
    answer = desk.http.post(url, data={"card": "1234"})
    assert answer.status_code == 402
    assert 'role="alert"' in answer.text
    assert 'value="1234"' in answer.text


def test_an_unknown_or_drafted_invoice_has_no_page(desk: Desk) -> None:
    assert desk.http.get("/c/invoice/in_none").status_code == 404


# --- The portal's flow


def _flow(desk: Desk, customer: str, **flow: Any) -> Any:
    v1: Any = desk.stripe.v1
    v1.billing_portal.configurations.create({"features": {"payment_method_update": {"enabled": True}}})
    data = {"type": "payment_method_update", **flow}
    return v1.billing_portal.sessions.create(
        {"customer": customer, "return_url": "http://shop.example/me", "flow_data": data}
    )


def test_the_flow_saves_another_card_and_leads_where_it_was_told(desk: Desk) -> None:
    subscription = _fallen_behind(desk)
    after = {"type": "redirect", "redirect": {"return_url": "http://shop.example/me?returned=1"}}
    session = _flow(desk, subscription.customer, after_completion=after)
    assert session.flow.type == "payment_method_update"
    shown = desk.http.get(session.url).text
    assert 'name="end"' not in shown
    answer = desk.http.post(session.url, data={"card": "5555 5555 5555 4444"})
    assert (answer.status_code, answer.headers["location"]) == (303, "http://shop.example/me?returned=1")
    kept = desk.stripe.v1.subscriptions.retrieve(subscription.id, {"expand": ["default_payment_method"]})
    method: Any = kept.default_payment_method
    assert (method.card.brand, method.card.last4) == ("mastercard", "4444")


def test_the_flow_refuses_a_card_that_no_bank_would_confirm(desk: Desk) -> None:
    session = _flow(desk, _fallen_behind(desk).customer)
    answer = desk.http.post(session.url, data={"card": "4000000000000002"})
    assert answer.status_code == 402
    assert 'role="alert"' in answer.text
