"""The stand-in for Stripe.js: what its script and frames ask of the sandbox, and what opens a session to them."""

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Desk

ITEM = {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 2500, "product_data": {"name": "Donation"}}}


def _session(desk: Desk, **more: Any) -> Any:
    params: Any = {
        "mode": "payment",
        "ui_mode": "elements",
        "return_url": "http://shop.example/back?id={CHECKOUT_SESSION_ID}",
        "customer_email": "ada@example.org",
        "line_items": [ITEM],
        **more,
    }
    return desk.stripe.v1.checkout.sessions.create(params)


def _ask(desk: Desk, session: Any, what: str, **given: str) -> Any:
    fields = {"key": "pk_test_acme", "client_secret": session.client_secret, "locale": "it", **given}
    return desk.http.post(f"/v1/payment_pages/{session.id}/{what}", data=fields)


def _confirm(desk: Desk, session: Any, number: str = "4242424242424242", **given: str) -> Any:
    return _ask(desk, session, "confirm", method="card", number=number, expiry="12/34", cvc="123", **given).json()


def test_the_scripts_and_frames_are_served_and_may_stand_in_any_page(desk: Desk) -> None:
    for name in ("stripe.js", "element.js", "authenticate.js"):
        answer = desk.http.get(f"/dahlia/{name}")
        assert answer.headers["content-type"].startswith("text/javascript")
    frame = desk.http.get("/dahlia/element", params={"locale": "it-IT"})
    assert "Numero della carta" in frame.text
    assert "frame-ancestors" not in frame.headers["content-security-policy"]
    assert "default-src 'none'" in frame.headers["content-security-policy"]
    assert desk.http.get("/dahlia/secrets.txt").status_code == 404
    assert desk.http.get("/dahlia/stripe_js_pages.py").status_code == 404


def test_key_and_client_secret_open_a_session_and_nothing_else_does(desk: Desk) -> None:
    session = _session(desk)
    told = _ask(desk, session, "init")
    assert told.headers["access-control-allow-origin"] == "*"
    assert (told.json()["amount"], told.json()["divisor"], told.json()["status"]) == (2500, 100, "open")
    for what in ("init", "confirm"):
        for wrong, status in (
            ({"key": "pk_live_x"}, 401), ({"key": "sk_test_x"}, 401), ({"key": ""}, 401),
            ({"key": "pk_test_other"}, 404), ({"client_secret": ""}, 404),
            ({"client_secret": f"{session.id}_secret_x"}, 404),
        ):  # fmt: skip
            refused = _ask(desk, session, what, method="google_pay", **wrong)
            assert refused.status_code == status, (what, wrong)
            assert "error" in refused.json()
    params: Any = {"mode": "payment", "success_url": "http://shop.example", "line_items": [ITEM]}
    hosted = desk.stripe.v1.checkout.sessions.create(params)
    assert _ask(desk, hosted, "init", client_secret="").status_code == 404


def test_a_card_a_wallet_and_a_debit_pay(desk: Desk) -> None:
    card = _session(desk)
    assert _confirm(desk, card) == {"type": "done"}
    wallet = _session(desk)
    assert _ask(desk, wallet, "confirm", method="google_pay").json() == {"type": "done"}
    debit = _session(desk)
    iban = {"method": "sepa_debit", "iban": "DE89 3704 0044 0532 0130 00", "name": "Ada"}
    assert _ask(desk, debit, "confirm", **iban).json() == {"type": "done"}
    sessions = [desk.stripe.v1.checkout.sessions.retrieve(session.id) for session in (card, wallet, debit)]
    assert [session.payment_status for session in sessions] == ["paid", "paid", "unpaid"]
    assert {session.status for session in sessions} == {"complete"}
    charges: list[Any] = desk.stripe.v1.charges.list({"limit": 3}).data[::-1]
    assert [charge.payment_method_details.type for charge in charges] == ["card", "card", "sepa_debit"]
    assert charges[1].payment_method_details.card.wallet.type == "google_pay"
    assert _ask(desk, card, "init").json()["return_url"].endswith("{CHECKOUT_SESSION_ID}")


def test_a_decline_is_told_in_the_donors_language_and_the_session_stays_open(desk: Desk) -> None:
    session = _session(desk)
    refused = _confirm(desk, session, "4000000000000002")
    assert refused == {"type": "error", "message": "La carta è stata rifiutata.", "declineCode": "generic_decline"}
    assert _confirm(desk, session, "1234")["message"].startswith("Non è uno dei numeri di prova")
    assert _ask(desk, session, "init").json()["status"] == "open"
    assert _confirm(desk, session) == {"type": "done"}
    assert _confirm(desk, session)["error"]["code"] == "checkout_session_not_open"


@pytest.mark.parametrize(("outcome", "status"), [("pass", "complete"), ("fail", "open")])
def test_the_banks_question_is_answered_in_a_frame(desk: Desk, outcome: str, status: str) -> None:
    session = _session(desk)
    asked = _confirm(desk, session, "4000002760003184")
    assert asked["type"] == "authenticate"
    assert 'value="pass"' in desk.http.get(asked["url"]).text
    desk.http.post(asked["url"], data={"outcome": outcome}).raise_for_status()
    told = _ask(desk, session, "init").json()
    assert told["status"] == status
    assert bool(told["problem"]) == (outcome == "fail")
    assert desk.http.get(asked["url"]).status_code == 404


def test_only_what_the_session_offers_can_be_used(desk: Desk) -> None:
    assert _ask(desk, _session(desk), "init").json()["methods"] == ["card", "sepa_debit", "google_pay"]
    cards_only = _session(desk, excluded_payment_method_types=["sepa_debit"])
    debits_only = _session(desk, excluded_payment_method_types=["card"])
    price = {**ITEM["price_data"], "currency": "usd"}  # type: ignore[dict-item]
    dollars = _session(desk, line_items=[{**ITEM, "price_data": price}])
    assert _ask(desk, cards_only, "init").json()["methods"] == ["card", "google_pay"]
    assert _ask(desk, debits_only, "init").json()["methods"] == ["sepa_debit"]
    assert _ask(desk, dollars, "init").json()["methods"] == ["card", "google_pay"]
    assert _confirm(desk, debits_only)["type"] == "error"
    assert _ask(desk, debits_only, "confirm", method="google_pay").json()["type"] == "error"


def test_a_session_for_elements_has_no_page_of_its_own_and_refuses_what_stripe_refuses(desk: Desk) -> None:
    session = _session(desk)
    assert session.url is None
    assert desk.http.get(f"/c/pay/{session.id}").status_code == 404
    for name, value in (
        ("submit_type", "donate"),
        ("cancel_url", "http://x.example"),
        ("success_url", "http://x.example"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            _session(desk, **{name: value})
        assert refused.value.param == name
    params: Any = {"mode": "payment", "ui_mode": "elements", "line_items": [ITEM]}
    with pytest.raises(stripe.InvalidRequestError):
        desk.stripe.v1.checkout.sessions.create(params)


def test_an_expired_session_cannot_be_paid(desk: Desk) -> None:
    session = _session(desk)
    desk.stripe.v1.checkout.sessions.expire(session.id)
    assert _ask(desk, session, "init").json()["status"] == "expired"
    assert _confirm(desk, session)["error"]["code"] == "checkout_session_not_open"
