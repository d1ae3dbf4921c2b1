"""All that moves Stripe's balance is in the ledger: payouts, those that come back, fees, and what nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

import payments.audit
from fundraising.ledger import Bucket, balance
from fundraising.models import Entry, Purpose
from payments import gateway
from payments.models import BalanceTransaction
from payments.sweeps import cursors, settlement
from tests.payments.desk import Desk, differences
from tests.payments.test_audit_books import audit

pytestmark = pytest.mark.django_db(transaction=True)
DAY = 86_400


def held(desk: Desk, purpose: Purpose, currency: str = "EUR") -> int:
    """What an account of the entity's own holds, in minor units."""
    provider = desk.account.slug if purpose in {Purpose.PROVIDER, Purpose.PAYOUTS} else ""
    return balance(Bucket(desk.kit.entity.pk, purpose, currency, provider=provider)).minor


def give(desk: Desk, *donations: tuple[int, str]) -> None:
    """Donations, charged, told of, and available to be paid out."""
    for minor, currency in donations:
        desk.donate(minor, currency)
    desk.deliver(desk.events())
    desk.advance(3 * DAY)


def pay_out(desk: Desk) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = desk.control(f"accounts/{desk.account.slug}/payout")["payouts"]
    return made


def adjust(desk: Desk, kind: str, category: str, amount: int) -> None:
    path = f"accounts/{desk.account.slug}/adjust"
    desk.control(path, type=kind, reporting_category=category, amount=amount, currency="eur")


def assert_holds_what_stripe_says(desk: Desk) -> None:
    for currency, minor in gateway.get_balance(desk.account).items():
        assert held(desk, Purpose.PROVIDER, currency) == minor, currency
    assert differences(asking_stripe=True) == []


def test_a_payout_leaves_the_account_at_stripe_once(desk: Desk) -> None:
    give(desk, (5_000, "EUR"), (3_000, "EUR"))
    (payout,) = pay_out(desk)
    for _ in range(2):
        settlement.settle_account(desk.account)
    assert held(desk, Purpose.PAYOUTS) == payout["amount"] > 0
    assert held(desk, Purpose.PROVIDER) == 0
    assert Entry.objects.filter(key=f"txn:{payout['balance_transaction']}").count() == 1
    assert_holds_what_stripe_says(desk)


def test_a_payout_that_fails_after_it_was_paid_is_back_at_stripe_and_paid_out_again(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    (payout,) = pay_out(desk)
    desk.advance(2 * DAY)
    settlement.settle_account(desk.account)
    assert desk.stripe.v1.payouts.retrieve(payout["id"]).status == "paid"
    desk.control(f"payouts/{payout['id']}/fail")
    settlement.settle_account(desk.account)
    assert (held(desk, Purpose.PAYOUTS), held(desk, Purpose.PROVIDER)) == (0, payout["amount"])
    assert_holds_what_stripe_says(desk)
    (again,) = pay_out(desk)
    settlement.settle_account(desk.account)
    assert (held(desk, Purpose.PAYOUTS), held(desk, Purpose.PROVIDER)) == (again["amount"], 0)
    assert_holds_what_stripe_says(desk)


def test_a_manual_payout_that_is_cancelled_is_back(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    payout = desk.stripe.v1.payouts.create({"amount": 1_000, "currency": "eur"})
    settlement.settle_account(desk.account)
    assert held(desk, Purpose.PAYOUTS) == 1_000
    desk.stripe.v1.payouts.cancel(payout.id)
    settlement.settle_account(desk.account)
    assert held(desk, Purpose.PAYOUTS) == 0
    assert_holds_what_stripe_says(desk)


def test_the_return_of_a_payout_may_be_read_before_the_payout(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    (payout,) = pay_out(desk)
    desk.control(f"payouts/{payout['id']}/fail")
    ((lines, _until),) = list(cursors.read_onward(desk.account, "balance_transactions", since=settlement.FIRST_DAY))
    for line in reversed(lines):
        for _ in range(2):
            settlement._keep(desk.account, [line])
            settlement.book_kept(desk.account)
    assert held(desk, Purpose.PAYOUTS) == 0
    assert_holds_what_stripe_says(desk)


def test_money_exchanged_by_stripe_is_paid_out_in_the_currency_it_settled_in(desk: Desk) -> None:
    give(desk, (5_000, "USD"), (4_000, "JPY"))
    (payout,) = pay_out(desk)
    settlement.settle_account(desk.account)
    assert payout["currency"] == "eur"
    assert held(desk, Purpose.PAYOUTS) == payout["amount"]
    assert [held(desk, purpose, "USD") for purpose in (Purpose.PAYOUTS, Purpose.PROVIDER)] == [0, 0]
    assert_holds_what_stripe_says(desk)


def test_fees_of_stripes_own_are_fees(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    adjust(desk, "stripe_fee", "fee", -250)
    settlement.settle_account(desk.account)
    assert held(desk, Purpose.FEES) == 250
    assert held(desk, Purpose.SUSPENSE) == 0
    assert_holds_what_stripe_says(desk)


@pytest.mark.parametrize("kind", ["adjustment", "topup", "a_kind_of_next_year"])
def test_what_nobody_knows_waits_in_suspense_and_the_audit_tells_of_it(desk: Desk, kind: str) -> None:
    give(desk, (5_000, "EUR"))
    assert "open  money in suspense" not in audit()[1]
    line = {
        "id": "txn_strange", "type": kind, "reporting_category": "other", "source": None, "currency": "eur",
        "amount": -700, "fee": 20, "net": -720, "exchange_rate": None, "created": 1_790_000_000,
        "available_on": 1_790_000_000,
    }  # fmt: skip
    settlement.settle_account(desk.account)
    settlement._keep(desk.account, [line])
    assert settlement.book_kept(desk.account) == 1
    assert settlement.book_kept(desk.account) == 0
    assert (held(desk, Purpose.SUSPENSE), held(desk, Purpose.FEES)) == (700, 20)
    code, out = audit("--offline")
    assert code == 0
    assert "open  money in suspense that matches nothing" in out
    assert f"-7.00 EUR of {desk.kit.entity.slug}, newest: txn:txn_strange" in " ".join(out.split())
    assert ", 1 open" in out


def test_the_audit_finds_that_stripe_holds_another_sum_than_the_ledger(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    settlement.settle_account(desk.account)
    adjust(desk, "adjustment", "other_adjustment", -100)
    assert differences(asking_stripe=True) == []  # a line of this hour is on its way
    settlement.settle_account(desk.account)
    assert_holds_what_stripe_says(desk)
    BalanceTransaction.objects.filter(type="adjustment").update(booked_at=None)  # though the ledger has it
    found = [check for check in payments.audit.stripe_checks() if not check.ok]
    assert [check.name for check in found if "balance at Stripe" in check.name]
