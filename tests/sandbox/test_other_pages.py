"""The portal's page and the control page, as a browser without JavaScript uses them."""

from typing import Any

from tests.sandbox.conftest import Desk


def _portal(desk: Desk) -> tuple[str, Any]:
    """A portal page for a customer with a monthly subscription."""
    v1: Any = desk.stripe.v1
    customer = v1.customers.create({"email": "donor@example.org"})
    product = v1.products.create({"name": "Monthly giving"})
    monthly = {"currency": "eur", "unit_amount": 1000, "product": product.id, "recurring": {"interval": "month"}}
    price = v1.prices.create(monthly)
    method = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    wanted = {"customer": customer.id, "items": [{"price": price.id}], "default_payment_method": method.id}
    subscription = v1.subscriptions.create(wanted)
    v1.billing_portal.configurations.create({"features": {"subscription_cancel": {"enabled": True}}})
    session = v1.billing_portal.sessions.create({"customer": customer.id, "return_url": "http://shop.example/me"})
    return session.url, subscription


def test_a_donor_ends_a_subscription_in_the_portal(desk: Desk) -> None:
    url, subscription = _portal(desk)
    shown = desk.http.get(url).text
    assert "10.00 EUR" in shown
    assert 'href="http://shop.example/me"' in shown
    assert desk.http.post(url, data={"end": subscription.id}).status_code == 303
    assert desk.stripe.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end
    assert "ends after this period" in desk.http.get(url).text


def test_a_donor_changes_the_card_in_the_portal(desk: Desk) -> None:
    url, subscription = _portal(desk)
    desk.http.post(url, data={"case": "fails_later"})
    desk.advance(32 * 86_400)
    assert desk.stripe.v1.subscriptions.retrieve(subscription.id).status == "past_due"


def test_the_portal_does_nothing_to_other_subscriptions(desk: Desk) -> None:
    _, other = _portal(desk)
    url, _ = _portal(desk)
    desk.http.post(url, data={"end": other.id})
    assert not desk.stripe.v1.subscriptions.retrieve(other.id).cancel_at_period_end


def test_an_unknown_portal_is_not_found(desk: Desk) -> None:
    assert desk.http.get("/c/portal/bps_none").status_code == 404


def test_the_control_page_disputes_a_charge_and_moves_time(desk: Desk) -> None:
    charge: Any = desk.donate().latest_charge
    before = desk.http.get("/sandbox/clock").json()["now"]
    assert charge.id in desk.http.get("/sandbox/").text
    assert desk.http.post("/sandbox/", data={"dispute": charge.id}).status_code == 303
    assert desk.stripe.v1.disputes.list().data[0].charge == charge.id
    desk.http.post("/sandbox/", data={"advance": "a day"})
    assert desk.http.get("/sandbox/clock").json()["now"] >= before + 86_400


def test_the_control_page_pays_out_and_lets_it_fail(desk: Desk) -> None:
    desk.donate(10_000)
    desk.advance(2 * 86_400)
    desk.http.post("/sandbox/", data={"pay_out": "acme"})
    payout = desk.stripe.v1.payouts.list().data[0]
    desk.http.post("/sandbox/", data={"fail": payout.id})
    assert desk.stripe.v1.payouts.retrieve(payout.id).status == "failed"


def test_the_control_page_switches_faults(desk: Desk) -> None:
    desk.http.post("/sandbox/", data={"fault": "api_503"})
    assert desk.http.get("/sandbox/faults").json()["faults"][0]["kind"] == "api_503"
    desk.http.post("/sandbox/", data={"calm": "now"})
    assert desk.http.get("/sandbox/faults").json()["faults"] == []


def test_a_form_of_another_site_is_refused(desk: Desk) -> None:
    answer = desk.http.post("/sandbox/", data={"fault": "api_503"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert desk.http.get("/sandbox/faults").json()["faults"] == []
