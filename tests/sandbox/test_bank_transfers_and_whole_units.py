"""Bank transfers in the hosted checkout, and currencies that know whole units only."""

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Desk

DAY = 86_400
TYPES = {"gbp": "gb_bank_transfer", "jpy": "jp_bank_transfer", "mxn": "mx_bank_transfer", "usd": "us_bank_transfer"}


EURO_ACCOUNT = {"type": "eu_bank_transfer", "eu_bank_transfer": {"country": "DE"}}


def _options(transfer: Any = EURO_ACCOUNT) -> Any:
    return {"customer_balance": {"funding_type": "bank_transfer", "bank_transfer": transfer}}


def _by_transfer(desk: Desk, currency: str = "eur", **more: Any) -> Any:
    """A session that offers a bank transfer."""
    customer = desk.stripe.v1.customers.create({"email": "ada@example.org"})
    transfer = {**EURO_ACCOUNT} if currency == "eur" else {"type": TYPES[currency]}
    return _session(desk, currency, **{"customer": customer.id, "payment_method_options": _options(transfer), **more})


def _session(desk: Desk, currency: str = "eur", minor: int = 2500, **more: Any) -> Any:
    price = {"currency": currency, "unit_amount": minor, "product_data": {"name": "Donation"}}
    items = [{"quantity": 1, "price_data": price}]
    params: Any = {"mode": "payment", "success_url": "http://shop.example/thanks", "line_items": items, **more}
    return desk.stripe.v1.checkout.sessions.create(params)


def _transfer(desk: Desk) -> tuple[Any, Any]:
    """A session whose donor chose to transfer, and its intent."""
    session = _by_transfer(desk)
    answer = desk.http.post(f"/c/pay/{session.id}", data={"case": "bank_transfer", "email": "ada@example.org"})
    assert (answer.status_code, answer.headers["location"]) == (303, "http://shop.example/thanks")
    session = desk.stripe.v1.checkout.sessions.retrieve(session.id)
    return session, desk.stripe.v1.payment_intents.retrieve(str(session.payment_intent))


def _types(desk: Desk) -> list[str]:
    return [event.type for event in desk.stripe.v1.events.list({"limit": 100}).data[::-1]]


def test_a_transfer_completes_the_checkout_unpaid_and_says_where_to_send_the_money(desk: Desk) -> None:
    session, intent = _transfer(desk)
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    told = intent.next_action.display_bank_transfer_instructions
    assert (told.amount_remaining, told.type) == (2500, "eu_bank_transfer")
    assert told.reference
    assert told.financial_addresses[0].iban.account_holder_name == "acme"
    assert "checkout.session.async_payment_succeeded" not in _types(desk)
    assert desk.stripe.v1.charges.list().data == []


@pytest.mark.parametrize("by", ["clock", "control"])
def test_the_money_arrives_with_time_or_when_told_to_and_once(desk: Desk, by: str) -> None:
    session, intent = _transfer(desk)
    if by == "control":
        assert desk.control(f"intents/{intent.id}/fund") == {"status": "succeeded"}
        assert desk.control(f"intents/{intent.id}/fund") == {"status": "succeeded"}
    desk.advance(DAY)
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    charge: Any = desk.stripe.v1.charges.list({"limit": 100}).data
    assert [(one.amount, one.status, one.payment_method_details.type) for one in charge] == [
        (2500, "succeeded", "customer_balance")
    ]
    assert [kind for kind in _types(desk) if kind.startswith(("checkout", "charge", "payment_intent"))] == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "checkout.session.completed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]


def test_money_for_a_cancelled_intent_is_not_taken(desk: Desk) -> None:
    intent = _transfer(desk)[1]
    desk.stripe.v1.payment_intents.cancel(intent.id)
    desk.advance(DAY)
    assert desk.control(f"intents/{intent.id}/fund") == {"status": "canceled"}
    assert desk.stripe.v1.charges.list().data == []


def test_a_transfer_is_offered_to_customers_whose_session_says_so(desk: Desk) -> None:
    assert "bank_transfer" in desk.http.get(_by_transfer(desk).url).text
    customer = desk.stripe.v1.customers.create({}).id
    for session in (
        _session(desk),
        _session(desk, customer=customer),
        _session(desk, customer_creation="always", payment_method_options=_options()),
        _by_transfer(desk, excluded_payment_method_types=["customer_balance"]),
    ):
        assert "bank_transfer" not in desk.http.get(session.url).text
        refused = desk.http.post(f"/sandbox/checkout/{session.id}/pay", json={"case": "bank_transfer"})
        assert refused.status_code == 400
        assert desk.stripe.v1.checkout.sessions.retrieve(session.id).status == "open"


@pytest.mark.parametrize(
    ("currency", "kind"), [("gbp", "sort_code"), ("jpy", "zengin"), ("mxn", "spei"), ("usd", "aba")]
)
def test_other_currencies_have_accounts_of_their_own(desk: Desk, currency: str, kind: str) -> None:
    session = _by_transfer(desk, currency)
    desk.pay(session, "bank_transfer")
    session = desk.stripe.v1.checkout.sessions.retrieve(session.id)
    told: Any = desk.stripe.v1.payment_intents.retrieve(str(session.payment_intent)).next_action
    shown = told.display_bank_transfer_instructions
    assert (shown.type, shown.currency, shown.financial_addresses[0].type) == (TYPES[currency], currency, kind)


@pytest.mark.parametrize(
    ("currency", "transfer"),
    [("usd", EURO_ACCOUNT), ("chf", {"type": "us_bank_transfer"}), ("eur", {"type": "eu_bank_transfer"})],
)
def test_a_transfer_that_does_not_fit_the_currency_is_refused(desk: Desk, currency: str, transfer: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        _session(desk, currency, payment_method_options=_options(transfer))


def test_a_part_is_no_charge_and_what_is_too_much_is_not_taken(desk: Desk) -> None:
    session, intent = _transfer(desk)
    page = intent.next_action.display_bank_transfer_instructions.hosted_instructions_url
    assert "25.00 EUR" in desk.http.get(page).text
    assert desk.control(f"intents/{intent.id}/fund", amount=1000) == {"status": "requires_action"}
    assert "15.00 EUR" in desk.http.get(page).text
    assert desk.stripe.v1.charges.list().data == []
    assert "payment_intent.partially_funded" in _types(desk)
    assert desk.http.post(page, data={"minor": "2000"}).status_code == 303
    [charge] = desk.stripe.v1.charges.list().data
    assert (charge.amount, charge.status) == (2500, "succeeded")
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert "any more" in desk.http.get(page).text


@pytest.mark.parametrize("currency", ["huf", "twd"])
def test_automatic_payouts_are_in_whole_units_and_the_rest_goes_with_the_next(desk: Desk, currency: str) -> None:
    desk.control("accounts/acme", settlement_currencies=[currency])
    paid_out, minor = 0, 1_000_050
    for _ in range(4):
        desk.pay(_session(desk, currency, minor), "success_available")
        [payout] = desk.control("accounts/acme/payout")["payouts"]
        assert payout["amount"] % 100 == 0
        paid_out += payout["amount"]
    lines = desk.stripe.v1.balance_transactions.list({"limit": 100, "type": "charge"}).data
    net = sum(line.net for line in lines)
    assert net % 100 or any(line.net % 100 for line in lines)  # else this proves nothing
    balance = desk.stripe.v1.balance.retrieve()
    rest = sum(row.amount for row in balance.available if row.currency == currency)
    assert 0 <= rest < 100
    assert paid_out + rest == net


@pytest.mark.parametrize("currency", ["huf", "twd"])
def test_manual_payouts_in_fractions_are_refused(desk: Desk, currency: str) -> None:
    desk.control("accounts/acme", settlement_currencies=[currency])
    desk.pay(_session(desk, currency, 5_000_000), "success_available")
    for amount in (100_050, 1):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            desk.stripe.v1.payouts.create({"amount": amount, "currency": currency})
        assert refused.value.param == "amount"
    assert desk.stripe.v1.payouts.create({"amount": 100_000, "currency": currency}).amount == 100_000


@pytest.mark.parametrize("currency", ["isk", "ugx"])
def test_charges_and_refunds_in_fractions_are_refused_where_money_has_none(desk: Desk, currency: str) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        _session(desk, currency, 500_050)
    session = _session(desk, currency, 500_000)
    desk.pay(session)
    [charge] = desk.stripe.v1.charges.list().data
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.stripe.v1.refunds.create({"charge": charge.id, "amount": 150})
    assert refused.value.param == "amount"
    assert desk.stripe.v1.refunds.create({"charge": charge.id, "amount": 200}).amount == 200
