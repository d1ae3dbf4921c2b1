"""Money given back: full, partial, too much, late, never."""

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Desk


def _refund(desk: Desk, intent: stripe.PaymentIntent, amount: int | None = None) -> stripe.Refund:
    given: Any = {"payment_intent": intent.id, "expand": ["balance_transaction"]}
    if amount is not None:
        given["amount"] = amount
    return desk.stripe.v1.refunds.create(given)


def test_a_full_refund_takes_the_amount_back_but_not_the_fee(desk: Desk) -> None:
    intent = desk.donate(10_000)
    refund: Any = _refund(desk, intent)
    assert (refund.status, refund.amount) == ("succeeded", 10_000)
    assert (refund.balance_transaction.amount, refund.balance_transaction.fee) == (-10_000, 0)
    charge: Any = desk.intent(intent.id).latest_charge
    assert (charge.refunded, charge.amount_refunded) == (True, 10_000)
    assert desk.state()["balance"]["eur"]["net"] == -165


def test_partial_refunds_add_up_to_the_charge_and_no_further(desk: Desk) -> None:
    intent = desk.donate(1000)
    _refund(desk, intent, 400)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refused:
        _refund(desk, intent, 601)
    assert refused.value.param == "amount"
    _refund(desk, intent, 600)
    with pytest.raises(stripe.InvalidRequestError) as again:
        _refund(desk, intent)
    assert again.value.code == "charge_already_refunded"
    assert desk.state()["refunds"]["eur"]["succeeded"] == {"count": 2, "amount": 1000}


@pytest.mark.parametrize("amount", [0, -1])
def test_a_refund_is_of_something(desk: Desk, amount: int) -> None:
    intent = desk.donate()
    with pytest.raises(stripe.InvalidRequestError):
        _refund(desk, intent, amount)


def test_a_failed_charge_cannot_be_refunded(desk: Desk) -> None:
    intent = desk.intent(desk.pay(desk.open_checkout(), "declined")["payment_intent"])
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        _refund(desk, intent)


def test_a_refund_of_a_sepa_debit_waits(desk: Desk) -> None:
    intent = desk.donate(case="sepa_succeeds")
    desk.advance(86_400)
    refund = _refund(desk, intent)
    assert refund.status == "pending"
    desk.advance(86_400)
    assert desk.stripe.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_a_refund_can_fail_later_and_the_money_comes_back(desk: Desk) -> None:
    intent = desk.donate(1000, case="refund_fails")
    before = desk.state()["balance"]["eur"]["net"]
    refund = _refund(desk, intent)
    assert refund.status == "succeeded"
    desk.advance(86_400)
    failed: Any = desk.stripe.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_balance_transaction.amount) == ("failed", 1000)
    assert desk.state()["balance"]["eur"]["net"] == before
    charge: Any = desk.intent(intent.id).latest_charge
    assert (charge.refunded, charge.amount_refunded) == (False, 0)
    assert desk.event_types()[-3:] == ["refund.failed", "refund.updated", "charge.refund.updated"]


def test_only_a_refund_that_waits_for_the_donor_can_be_cancelled(desk: Desk) -> None:
    intent = desk.donate(1000)
    waiting = desk.stripe.v1.refunds.create(
        {"payment_intent": intent.id, "amount": 300, "instructions_email": "donor@example.org"}
    )
    assert desk.stripe.v1.refunds.cancel(waiting.id).status == "canceled"
    done = _refund(desk, intent, 1000)
    with pytest.raises(stripe.InvalidRequestError):
        desk.stripe.v1.refunds.cancel(done.id)


def test_refunds_are_listed_by_charge_and_within_it(desk: Desk) -> None:
    intent = desk.donate()
    refund = _refund(desk, intent, 100)
    desk.donate()
    assert [found.id for found in desk.stripe.v1.refunds.list({"payment_intent": intent.id}).data] == [refund.id]
    charge: Any = desk.stripe.v1.charges.retrieve(refund.charge, {"expand": ["refunds"]})  # type: ignore[arg-type]
    assert [found.id for found in charge.refunds.data] == [refund.id]
