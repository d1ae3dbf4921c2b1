"""What Stripe says of a payout, in whatever order it comes; and what a payout is made of."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from django.utils import timezone

from fundraising.ledger import Bucket, balance
from fundraising.models import Purpose
from payments import handlers, payouts
from payments.gateway import moment
from payments.models import BalanceTransaction, EventState, InboxEvent, Payout, StripeAccount
from payments.sweeps import settlement, sync
from tests import factories
from tests.payments.desk import Desk, Event, make_account, unhandled
from tests.payments.test_facts_in_any_order import ORDERS, at_once
from tests.payments.test_payouts import adjust, assert_holds_what_stripe_says, give, held, pay_out

DAY = 86_400
KINDS = [kind for kind in handlers.TIMED if kind.startswith("payout.")]


def told(desk: Desk) -> list[Event]:
    return [event for event in desk.events() if event["type"].startswith("payout.")]


def word() -> dict[str, Any]:
    """A payout as the sandbox tells of it, without the sandbox."""
    return {
        "id": "po_1", "currency": "eur", "amount": 4_000, "automatic": True, "created": 1_790_000_000,
        "arrival_date": 1_790_100_000, "status": "pending", "reconciliation_status": "in_progress",
        "statement_descriptor": None, "trace_id": None, "failure_code": None,
    }  # fmt: skip


# --- words, without a sandbox


@pytest.fixture
def account(db: None) -> StripeAccount:
    return make_account(factories.make_appeal())


WORDS: list[tuple[int, dict[str, Any]]] = [
    (0, {"status": "pending"}),
    (10, {"status": "in_transit"}),
    (20, {"status": "paid", "trace_id": {"status": "supported", "value": "T1"}}),
    (20, {"status": "paid", "trace_id": {"status": "supported", "value": "T1"}, "reconciliation_status": "completed"}),
    (30, {"status": "failed", "failure_code": "account_closed"}),
]


@pytest.mark.parametrize("order", [*itertools.permutations(range(5))][::7])
def test_a_payout_ends_as_its_newest_word_says_whatever_the_order(account: StripeAccount, order: list[int]) -> None:
    for number in [*order, *order]:
        seconds, said = WORDS[number]
        payouts.see_payout(account, word() | said, said_at=moment(1_790_000_000 + seconds))
    payout = Payout.objects.get()
    assert (payout.status, payout.failure_code, payout.reconciliation) == ("failed", "account_closed", "completed")
    assert payout.status_at == moment(1_790_000_030)


def test_an_older_word_is_no_news(account: StripeAccount) -> None:
    def see(seconds: int, **said: Any) -> bool:
        return payouts.see_payout(account, word() | said, said_at=moment(1_790_000_000 + seconds))

    assert see(10, status="paid")
    assert not see(10, status="paid")
    assert not see(0, status="pending")
    assert see(20, status="failed")
    assert Payout.objects.get().status == "failed"


# --- with the sandbox


@pytest.mark.django_db
def test_events_of_payouts_say_the_same_in_any_order(desk: Desk) -> None:
    for note, order in ORDERS.items():
        give(desk, (5_000, "EUR"))
        seen = {event["id"] for event in told(desk)}
        [payout] = pay_out(desk)
        desk.advance(2 * DAY)
        desk.control(f"payouts/{payout['id']}/fail")
        events = [event for event in told(desk) if event["id"] not in seen]
        assert {event["type"] for event in events} >= {"payout.paid", "payout.failed"}, note
        desk.deliver(order(events))
        row = Payout.objects.get(payout_id=payout["id"])
        assert (row.status, row.reconciliation, row.amount_minor) == ("failed", "completed", payout["amount"]), note
        assert unhandled() == [], note


@pytest.mark.django_db(transaction=True)
def test_events_of_payouts_may_come_at_once(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    [payout] = pay_out(desk)
    desk.advance(2 * DAY)
    for event in random.Random(1).sample(told(desk), len(told(desk))):
        assert at_once(4, lambda _, event=event: desk.handle(event)) == []  # type: ignore[misc]
    assert Payout.objects.get(payout_id=payout["id"]).status == "paid"


@pytest.mark.django_db
def test_every_event_of_payouts_has_a_handler(desk: Desk) -> None:
    assert set(KINDS) == {
        f"payout.{word}" for word in ("canceled", "created", "failed", "paid", "reconciliation_completed", "updated")
    }


@pytest.mark.django_db(transaction=True)
def test_a_completed_reconciliation_is_itemised_and_its_lines_sum_to_the_payout(desk: Desk) -> None:
    give(desk, (5_000, "EUR"), (3_000, "EUR"))
    [payout] = pay_out(desk)
    desk.advance(2 * DAY)
    desk.deliver(told(desk))
    assert list(payouts.to_itemise().values_list("payout_id", flat=True)) == [payout["id"]]
    assert payouts.itemise_due(desk.account) == 1
    lines = BalanceTransaction.objects.filter(payout_id=payout["id"]).exclude(type="payout")
    assert [line.type for line in lines] == ["charge", "charge"]
    assert sum(line.net_minor for line in lines) == payout["amount"]
    assert payouts.itemise_due(desk.account) == 0


@pytest.mark.django_db(transaction=True)
def test_a_payout_that_no_event_told_of_is_found_by_the_sweep(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    [payout] = pay_out(desk)
    desk.advance(2 * DAY)
    sync.sync_recent(desk.account)
    assert Payout.objects.get(payout_id=payout["id"]).reconciliation == "completed"
    assert not InboxEvent.objects.exclude(state=EventState.HANDLED).exists()


@pytest.mark.django_db(transaction=True)
def test_a_payout_sent_anew_says_which_one_had_failed(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    [first] = pay_out(desk)
    desk.control(f"payouts/{first['id']}/fail")
    [second] = pay_out(desk)
    desk.advance(2 * DAY)
    desk.deliver(told(desk))
    payouts.itemise_due(desk.account)
    assert Payout.objects.get(payout_id=second["id"]).retry_of == first["id"]
    assert Payout.objects.get(payout_id=first["id"]).retry_of == ""


@pytest.mark.django_db(transaction=True)
def test_a_payout_made_by_hand_is_never_itemised(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    desk.stripe.v1.payouts.create({"amount": 1_000, "currency": "eur"})
    desk.advance(2 * DAY)
    desk.deliver(told(desk))
    payout = Payout.objects.get()
    assert (payout.automatic, payout.status, payouts.itemise_due(desk.account)) == (False, "paid", 0)
    with pytest.raises(payouts.NotItemisable):
        payouts.itemise(payout)


@pytest.mark.django_db(transaction=True)
def test_a_negative_payout_takes_money_from_our_bank_account(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    pay_out(desk)
    adjust(desk, "adjustment", "other_adjustment", -700)
    [payout] = pay_out(desk)
    desk.advance(2 * DAY)
    desk.deliver(told(desk))
    settlement.settle_account(desk.account)
    payouts.itemise_due(desk.account)
    row = Payout.objects.get(payout_id=payout["id"])
    assert row.amount_minor == -700
    lines = BalanceTransaction.objects.filter(payout_id=row.payout_id).exclude(type="payout")
    assert sum(line.net_minor for line in lines) == -700
    assert_holds_what_stripe_says(desk)


@pytest.mark.django_db(transaction=True)
def test_itemising_again_takes_stripes_figures_and_lets_go_what_stripe_names_no_more(desk: Desk) -> None:
    give(desk, (5_000, "EUR"))
    [payout] = pay_out(desk)
    desk.advance(2 * DAY)
    desk.deliver(told(desk))
    payouts.itemise_due(desk.account)
    line = BalanceTransaction.objects.get(type="charge")
    BalanceTransaction.objects.filter(pk=line.pk).update(fee_minor=1, net_minor=4_999)
    BalanceTransaction.objects.create(
        account=desk.account, txn_id="txn_strange", type="charge", reporting_category="charge", currency="EUR",
        amount_minor=1, fee_minor=0, net_minor=1, created_at=timezone.now(), available_on=timezone.now(),
        payout_id=payout["id"],
    )  # fmt: skip
    payouts.itemise(Payout.objects.get())
    again = BalanceTransaction.objects.get(pk=line.pk)
    assert (again.fee_minor, again.net_minor) == (line.fee_minor, line.net_minor)
    assert BalanceTransaction.objects.get(txn_id="txn_strange").payout_id == ""


@pytest.mark.django_db(transaction=True)
def test_reserved_money_is_ours_and_apart_and_tax_on_fees_is_no_fee(desk: Desk) -> None:
    desk.control(f"accounts/{desk.account.slug}", fee_tax_percent=22)
    give(desk, (10_000, "EUR"))
    adjust(desk, "reserved_funds", "risk_reserved_funds", -1_000)
    adjust(desk, "tax_fee", "tax", -60)
    settlement.settle_account(desk.account)
    line = BalanceTransaction.objects.get(type="charge")
    assert line.fee_tax_minor > 0
    provider = desk.account.slug
    assert balance(Bucket(desk.kit.entity.pk, Purpose.RESERVED, "EUR", provider=provider)).minor == 1_000
    assert held(desk, Purpose.FEE_TAX) == 60
    of_fund = Bucket(desk.kit.entity.pk, Purpose.FEE_TAX, "EUR", fund=desk.kit.appeal.fund_id)
    assert balance(of_fund).minor == line.fee_tax_minor
    assert held(desk, Purpose.SUSPENSE) == 0
    assert_holds_what_stripe_says(desk)
    adjust(desk, "reserve_release", "risk_reserved_funds", 1_000)
    settlement.settle_account(desk.account)
    assert balance(Bucket(desk.kit.entity.pk, Purpose.RESERVED, "EUR", provider=provider)).minor == 0


@pytest.mark.django_db
def test_lines_of_another_balance_than_that_of_payments_are_left_out(desk: Desk) -> None:
    line = {
        "id": "txn_other", "type": "reserve_hold", "reporting_category": "risk_reserved_funds", "source": None,
        "currency": "eur", "amount": 700, "fee": 0, "net": 700, "exchange_rate": None, "created": 1_790_000_000,
        "available_on": 1_790_000_000, "balance_type": "risk_reserved",
    }  # fmt: skip
    settlement._keep(desk.account, [line, {**line, "id": "txn_ours", "balance_type": "payments"}])
    assert list(BalanceTransaction.objects.values_list("txn_id", flat=True)) == ["txn_ours"]


@pytest.mark.django_db(transaction=True)
def test_what_went_out_with_which_payout_is_known_of_a_donation(desk: Desk) -> None:
    payment = desk.donate(5_000)
    desk.deliver(desk.events())
    desk.advance(3 * DAY)
    [payout] = pay_out(desk)
    desk.advance(2 * DAY)
    desk.deliver(told(desk))
    settlement.settle_account(desk.account)
    assert [found for _line, found in payouts.payout_of(payment.donation)] == [None]
    payouts.itemise_due(desk.account)
    [(line, found)] = payouts.payout_of(payment.donation)
    assert found
    assert (found.payout_id, line.type) == (payout["id"], "charge")
