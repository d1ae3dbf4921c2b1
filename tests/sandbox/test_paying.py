"""Money taken: test cards, 3-D Secure, SEPA, currencies and fees."""

import time
from decimal import Decimal
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from payments.sandbox import money
from tests.sandbox.conftest import Desk


def _charge(intent: stripe.PaymentIntent) -> Any:
    return intent.latest_charge


def test_a_card_payment_has_a_charge_and_a_balance_transaction(desk: Desk) -> None:
    intent = desk.donate(10_000)
    charge = _charge(intent)
    assert (intent.status, intent.amount_received, charge.status) == ("succeeded", 10_000, "succeeded")
    booked = charge.balance_transaction
    assert (booked.amount, booked.fee, booked.net) == (10_000, 165, 9_835)
    assert (booked.source, booked.reporting_category, booked.status) == (charge.id, "charge", "pending")


def test_money_is_available_after_two_days(desk: Desk) -> None:
    booked = _charge(desk.donate(10_000)).balance_transaction
    assert desk.stripe.v1.balance.retrieve().pending[0].amount == 9_835
    desk.advance(2 * 86_400)
    assert desk.stripe.v1.balance_transactions.retrieve(booked.id).status == "available"
    assert desk.stripe.v1.balance.retrieve().available[0].amount == 9_835


def test_events_tell_of_a_payment_in_order(desk: Desk) -> None:
    desk.donate()
    assert desk.event_types()[-4:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_metadata_of_the_intent_reaches_the_charge(desk: Desk) -> None:
    session = desk.open_checkout(
        payment_intent_data={"metadata": {"donation": "d1"}, "statement_descriptor_suffix": "AID"}
    )
    charge = _charge(desk.intent(desk.pay(session)["payment_intent"]))
    assert charge.metadata.to_dict() == {"donation": "d1"}
    assert charge.statement_descriptor_suffix == "AID"


@pytest.mark.parametrize(
    ("case", "code", "decline_code"),
    [
        ("declined", "card_declined", "generic_decline"),
        ("insufficient_funds", "card_declined", "insufficient_funds"),
        ("expired_card", "expired_card", None),
        ("incorrect_cvc", "incorrect_cvc", None),
        ("processing_error", "processing_error", None),
    ],
)
def test_a_declined_card_can_be_tried_again(desk: Desk, case: str, code: str, decline_code: str | None) -> None:
    session = desk.open_checkout()
    declined = desk.pay(session, case)
    assert (declined["status"], declined["payment_status"]) == ("open", "unpaid")
    failed = desk.intent(declined["payment_intent"])
    error = failed.last_payment_error
    assert error is not None
    assert (failed.status, error.code, error.to_dict().get("decline_code")) == (
        "requires_payment_method",
        code,
        decline_code,
    )
    paid = desk.pay(session)
    assert (paid["status"], paid["payment_intent"]) == ("complete", declined["payment_intent"])
    assert desk.state()["charges"]["eur"] == {
        "failed": {"count": 1, "amount": 2500, "refunded": 0},
        "succeeded": {"count": 1, "amount": 2500, "refunded": 0},
    }


def test_the_sdk_raises_a_card_error_that_carries_the_intent(desk: Desk) -> None:
    with pytest.raises(stripe.CardError) as refused:
        desk.stripe.v1.payment_intents.create(
            {"amount": 1000, "currency": "eur", "payment_method": "pm_card_visa_chargeDeclined", "confirm": True}
        )
    assert (refused.value.code, refused.value.http_status) == ("card_declined", 402)
    assert refused.value.error is not None
    assert refused.value.error.payment_intent is not None
    assert refused.value.error.payment_intent.status == "requires_payment_method"


def test_a_paid_session_cannot_be_paid_twice(desk: Desk) -> None:
    session = desk.open_checkout()
    desk.pay(session)
    answer = desk.http.post(f"/sandbox/checkout/{session.id}/pay", json={"case": "success"})
    assert answer.status_code == 400
    assert len(desk.stripe.v1.charges.list().data) == 1


def test_three_d_secure_passed_is_paid(desk: Desk) -> None:
    session = desk.open_checkout()
    waiting = desk.pay(session, "three_d_secure")
    assert waiting["status"] == "open"
    assert desk.state()["charges"] == {}
    desk.control(f"intents/{waiting['authenticate']}/authenticate", outcome="pass")
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_three_d_secure_failed_makes_no_charge(desk: Desk) -> None:
    session = desk.open_checkout()
    waiting = desk.pay(session, "three_d_secure")
    desk.control(f"intents/{waiting['authenticate']}/authenticate", outcome="fail")
    assert desk.state()["charges"] == {}
    assert desk.event_types()[-1] == "payment_intent.payment_failed"
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_sepa_debit_completes_unpaid_and_is_paid_later(desk: Desk) -> None:
    session = desk.open_checkout()
    pending = desk.pay(session, "sepa_succeeds")
    assert (pending["status"], pending["payment_status"]) == ("complete", "unpaid")
    assert desk.intent(pending["payment_intent"]).status == "processing"
    desk.advance(7 * 86_400)
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert _charge(desk.intent(pending["payment_intent"])).balance_transaction.fee == 35
    assert desk.event_types()[-3:] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]


def test_a_sepa_debit_can_fail_later(desk: Desk) -> None:
    session = desk.open_checkout()
    pending = desk.pay(session, "sepa_fails")
    desk.advance(7 * 86_400)
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
    charge = _charge(desk.intent(pending["payment_intent"]))
    assert (charge.status, charge.balance_transaction) == ("failed", None)
    assert desk.event_types()[-3:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]


def test_a_balance_transaction_may_come_later_than_its_charge(desk: Desk) -> None:
    desk.control("settings", balance_transaction_delay=3600)
    intent = desk.donate()
    assert _charge(intent).balance_transaction is None
    desk.advance(3600)
    assert _charge(desk.intent(intent.id)).balance_transaction.amount == 2500
    assert desk.event_types()[-1] == "charge.updated"


def test_yen_settle_in_euros_at_the_fixed_rate(desk: Desk) -> None:
    booked = _charge(desk.donate(1600, "jpy")).balance_transaction
    assert (booked.amount, booked.currency, booked.exchange_rate) == (1000, "eur", 0.00625)


def test_an_account_may_settle_in_several_currencies(desk: Desk) -> None:
    desk.control("accounts/acme", settlement_currencies=["usd", "eur"])
    assert _charge(desk.donate(1000, "eur")).balance_transaction.currency == "eur"
    assert _charge(desk.donate(1000, "usd")).balance_transaction.fee == 44
    converted = _charge(desk.donate(10_000, "gbp")).balance_transaction
    assert (converted.currency, converted.amount) == ("usd", 12_941)


def test_figures_by_currency_add_up(desk: Desk) -> None:
    desk.donate(1000)
    desk.donate(5000, "jpy")
    state = desk.state()
    assert state["charges"]["jpy"]["succeeded"] == {"count": 1, "amount": 5000, "refunded": 0}
    balance = state["balance"]["eur"]
    assert balance["amount"] == 1000 + 3125
    assert balance["net"] == balance["amount"] - balance["fee"]


def test_a_session_expires_by_itself(desk: Desk) -> None:
    session = desk.open_checkout()
    desk.advance(86_401)
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert desk.event_types()[-1] == "checkout.session.expired"


@pytest.mark.parametrize("minutes", [29 - 1, 24 * 60 + 2])
def test_a_session_lives_between_half_an_hour_and_a_day(desk: Desk, minutes: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.open_checkout(expires_at=int(time.time()) + minutes * 60)
    assert refused.value.param == "expires_at"


def test_a_caller_whose_clock_was_not_advanced_can_still_open_a_session(desk: Desk) -> None:
    desk.advance(40 * 86_400)
    session = desk.open_checkout(expires_at=int(time.time()) + 3600)
    desk.advance(3500)
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).status == "open"
    desk.advance(200)
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).status == "expired"


def test_a_session_shows_line_items_only_when_asked(desk: Desk) -> None:
    session = desk.open_checkout()
    assert "line_items" not in desk.stripe.v1.checkout.sessions.retrieve(session.id)
    expanded = desk.stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert expanded.line_items is not None
    assert expanded.line_items.data[0].amount_total == 2500


@given(
    amount=st.integers(1, 10**9),
    source=st.sampled_from(sorted(money.PER_EURO)),
    target=st.sampled_from(sorted(money.PER_EURO)),
)
def test_conversion_is_within_half_a_minor_unit(amount: int, source: str, target: str) -> None:
    exact = amount * money.rate(source, target) * Decimal(10) ** (money.exponent(target) - money.exponent(source))
    if source != target:
        assert abs(Decimal(money.convert(amount, source, target)) - exact) <= Decimal("0.5")
    else:
        assert money.convert(amount, source, target) == amount
