"""Fees and exchange from balance transactions; what webhooks lost is found by reading Stripe's lists."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from fundraising import donations
from fundraising.ledger import Bucket, balance
from fundraising.models import DonationState, Entry, Purpose
from fundraising.totals import appeal_total
from payments import gateway, inbox, tasks
from payments.models import BalanceTransaction, EventState, InboxEvent, Payment, PaymentState, StripeAccount, SyncCursor
from payments.sweeps import cursors, missing, settlement, sync
from tests import factories
from tests.payments.desk import Desk, differences, make_account, state_of, unhandled

pytestmark = pytest.mark.django_db(transaction=True)


def held(desk: Desk, purpose: Purpose, currency: str, *, ours: bool = False) -> int:
    """Balance of an account: at the provider, or of the appeal's fund."""
    fund, round_ = desk.kit.appeal.fund_id, desk.kit.round.pk
    if purpose in {Purpose.PROVIDER, Purpose.CLEARING}:
        bucket = Bucket(desk.kit.entity.pk, purpose, currency, provider=desk.account.slug)
    elif purpose == Purpose.FX:
        bucket = Bucket(desk.kit.entity.pk, purpose, currency, fund, round_)
    else:
        bucket = Bucket(desk.kit.entity.pk, purpose, currency, None if ours else fund)
    return balance(bucket).minor


def assert_balance_is_stripes(desk: Desk) -> None:
    """At the provider we hold what its balance says, and nothing is left to settle."""
    for currency, figures in desk.state()["balance"].items():
        assert held(desk, Purpose.PROVIDER, currency.upper()) == figures["net"], currency
    for currency in ("EUR", "USD", "JPY"):
        assert held(desk, Purpose.CLEARING, currency) == 0, currency
    assert differences(asking_stripe=True) == []


def test_fees_and_exchange_are_booked_once_in_every_currency(desk: Desk) -> None:
    desk.control(f"accounts/{desk.account.slug}", settlement_currencies=["eur"])
    payments = [desk.donate(5_000, "EUR"), desk.donate(3_300, "USD"), desk.donate(4_001, "JPY")]
    desk.refund(payments[1], 1_100)
    desk.refund(payments[2])
    lines_before_facts = settlement.settle_account(desk.account)
    assert (lines_before_facts, BalanceTransaction.objects.count()) == (0, 5)
    desk.deliver(desk.events())
    assert settlement.settle_account(desk.account) == 5
    entries = Entry.objects.count()
    assert settlement.settle_account(desk.account) == 0
    assert Entry.objects.count() == entries
    euros = list(desk.stripe.v1.balance_transactions.list({"limit": 100}).auto_paging_iter())
    assert held(desk, Purpose.FEES, "EUR") == sum(line.fee for line in euros) > 0
    assert held(desk, Purpose.FX, "USD") == 2_200
    assert held(desk, Purpose.FX, "JPY") == 0
    usd = sum(line.amount for line in euros if line.source in _ids_of(desk, "usd"))
    jpy = sum(line.amount for line in euros if line.source in _ids_of(desk, "jpy"))
    assert held(desk, Purpose.FX, "EUR") == -usd - jpy
    assert appeal_total(desk.kit.appeal).raised.minor == 5_000 + usd + jpy
    assert_balance_is_stripes(desk)


def _ids_of(desk: Desk, currency: str) -> set[str]:
    charges = {charge.id for charge in desk.charges() if charge.currency == currency}
    refunds = desk.stripe.v1.refunds.list({"limit": 100}).data
    return charges | {refund.id for refund in refunds if refund.currency == currency}


def test_the_line_of_a_refund_that_failed_and_of_money_in_suspense_is_booked_too(desk: Desk) -> None:
    payment = desk.donate()
    desk.control(f"refunds/{desk.refund(payment).id}/fail")
    stranger = desk.stripe.v1.payment_intents.create(
        {"amount": 900, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True,
         "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    )  # fmt: skip
    desk.stripe.v1.refunds.create({"payment_intent": stranger.id, "amount": 400})
    desk.deliver(desk.events())
    assert settlement.settle_account(desk.account) == 5
    assert balance(Bucket(desk.kit.entity.pk, Purpose.SUSPENSE, "EUR")).minor == -500
    assert_balance_is_stripes(desk)


def test_a_balance_transaction_that_appears_later_is_found_by_the_next_reading(desk: Desk) -> None:
    desk.control("settings", balance_transaction_delay=3_600)
    desk.donate()
    desk.deliver(desk.events())
    assert settlement.settle_account(desk.account) == 0
    desk.advance(3_600)
    assert settlement.settle_account(desk.account) == 1
    assert_balance_is_stripes(desk)


def test_a_reading_from_a_later_time_leaves_no_gap_in_the_steady_one(desk: Desk) -> None:
    """As after days without settlement, when somebody syncs the last two hours first."""
    desk.donate()
    desk.deliver(desk.events())
    desk.advance(8 * 3600)
    settlement.settle_account(desk.account, since=timezone.now() + timedelta(hours=7))
    assert not SyncCursor.objects.exists()
    assert settlement.settle_account(desk.account) == 1


def test_a_line_that_does_not_fit_the_books_holds_up_no_other_and_is_told_by_the_audit(desk: Desk) -> None:
    desk.donate(5_000)
    desk.donate(700)
    desk.deliver(desk.events())
    settlement._keep(desk.account, list(gateway.each(desk.account, "balance_transactions", created_gte=0)))
    line = BalanceTransaction.objects.order_by("created_at", "pk").first()
    BalanceTransaction.objects.filter(pk=line.pk).update(amount_minor=1)  # type: ignore[union-attr]
    assert settlement.book_kept(desk.account) == 1
    BalanceTransaction.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert [text for text in differences() if "unbooked for an hour" in text]


def test_sync_books_everything_when_no_webhook_ever_came_and_some_events_were_never_made(desk: Desk) -> None:
    desk.faults({"kind": "event_never_generated", "probability": 0.5}, seed=3)
    payments = [desk.donate(1_000 + n, "USD" if n % 2 else "EUR") for n in range(6)]
    for payment in payments[:3]:
        desk.refund(payment, 200)
    desk.refund(payments[0])
    desk.control(f"refunds/{desk.refund(payments[4]).id}/fail")
    debit, lost_debit = desk.donate(case="sepa_succeeds"), desk.donate(case="sepa_fails")
    call_command("sync_stripe", stdout=StringIO())
    Payment.objects.update(look_up_at=timezone.now())
    sync.look_up_payments()
    assert [state_of(one.donation) for one in (debit, lost_debit)] == [DonationState.PENDING] * 2
    desk.faults({"kind": "event_never_generated"})
    desk.advance(60)
    call_command("sync_stripe", "--since=2h", stdout=StringIO())
    Payment.objects.update(look_up_at=timezone.now())
    sync.look_up_payments()
    tasks.settle()
    assert [state_of(one.donation) for one in (debit, lost_debit)] == [DonationState.RECEIVED, DonationState.OPENED]
    assert state_of(payments[0].donation) == DonationState.REFUNDED
    assert unhandled() == []
    assert_balance_is_stripes(desk)


def test_sync_fetches_the_events_we_never_got_and_only_those(desk: Desk) -> None:
    desk.donate()
    desk.deliver(desk.events()[:1])
    missing = len(desk.events()) - 1
    assert sync.sync_events(desk.account, since=timezone.now() - timedelta(hours=1)) == missing
    assert sync.sync_events(desk.account, since=timezone.now() - timedelta(hours=1)) == 0
    assert InboxEvent.objects.filter(state=EventState.RECEIVED).count() == missing


def test_the_refund_of_a_charge_older_than_the_sweep_brings_its_charge_with_it(desk: Desk) -> None:
    payment = desk.donate()
    desk.advance(3 * 3600)
    desk.refund(payment)
    sync.sync_account(desk.account, since=timezone.now() + timedelta(hours=2))
    assert state_of(payment.donation) == DonationState.REFUNDED


def test_a_refund_that_only_the_charge_told_of_is_fetched_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = desk.donate()
    desk.deliver(desk.events())
    desk.faults({"kind": "event_never_generated", "match": "refund.created"})
    desk.refund(payment, 1_000)
    desk.refund(payment, 2_000)
    desk.deliver(desk.events("charge.refunded"))
    InboxEvent.objects.filter(state="parked").update(attempts=2)
    desk.faults()
    asked = _count_lists(monkeypatch)
    assert missing.find_missing_refunds() == 2
    assert asked == ["refunds"]
    while unhandled():
        InboxEvent.objects.filter(state="parked").update(next_attempt_at=timezone.now())
        assert inbox.handle_due()
    assert missing.find_missing_refunds() == 0
    assert asked == ["refunds"]


def test_a_charge_whose_refunds_stripe_refuses_to_list_holds_up_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, payment = desk.donate(), desk.donate()
    desk.deliver(desk.events())
    desk.faults({"kind": "event_never_generated", "match": "refund.created"})
    for each in (refused, payment):
        desk.refund(each, 1_000)
        desk.deliver(desk.events("charge.refunded"))
    InboxEvent.objects.filter(state="parked").update(attempts=2)
    real, wrong = gateway.each, desk.charge_of(refused).id

    def refuse(account: StripeAccount, kind: str, **filters: Any) -> Any:
        if filters["charge"] == wrong:
            raise gateway.Refused("resource_missing")
        return real(account, kind, **filters)

    monkeypatch.setattr(gateway, "each", refuse)
    assert missing.find_missing_refunds() == 1
    assert donations.net_received(payment.donation).minor == desk.charge_of(payment).amount - 1_000


def _count_lists(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    each = gateway.each

    def counted(account: StripeAccount, kind: str, **filters: Any) -> Any:
        asked.append(kind)
        return each(account, kind, **filters)

    monkeypatch.setattr(gateway, "each", counted)
    return asked


def test_looking_up_backs_off_and_one_broken_account_stops_no_other(desk: Desk) -> None:
    broken = make_account(factories.make_appeal())
    StripeAccount.objects.filter(pk=broken.pk).update(api_key="sk_test_!")
    long_ago = timezone.now() - timedelta(hours=10)
    stuck = Payment.objects.create(
        donation=desk.donation(), account=broken, state=PaymentState.UNKNOWN, created_at=long_ago, look_up_at=long_ago
    )
    payment = desk.donate()
    Payment.objects.filter(pk=payment.pk).update(look_up_at=timezone.now() - timedelta(minutes=1))
    assert sync.look_up_payments() == 2
    assert state_of(payment.donation) == DonationState.RECEIVED
    stuck.refresh_from_db()
    assert stuck.state == PaymentState.UNKNOWN
    assert stuck.look_up_at > timezone.now() + timedelta(hours=4)
    assert sync.look_up_payments() == 0
    tasks.settle()
    assert BalanceTransaction.objects.filter(account=desk.account).exclude(booked_at=None).count() == 1


def test_sweeps_stop_politely_when_stripe_asks_for_less_and_go_on_the_next_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "PATIENCE_SECONDS", 0)
    payments = [desk.donate(), desk.donate()]
    Payment.objects.update(look_up_at=timezone.now() - timedelta(minutes=1))
    desk.faults({"kind": "api_429"})
    for sweep in (tasks.look_up_payments, tasks.settle, tasks.sync_recent):
        sweep()
    assert desk.struck() == {"api_429": 3}
    with pytest.raises(CommandError, match="does not answer"):
        call_command("sync_stripe")
    assert not SyncCursor.objects.exists()
    desk.faults()
    tasks.look_up_payments()
    assert [state_of(payment.donation) for payment in payments] == [DonationState.RECEIVED] * 2
    tasks.sync_recent()
    assert SyncCursor.objects.filter(kind="charges").exists()
    assert_balance_is_stripes(desk)
