"""Sweeps: they go on where they stopped, wait when Stripe asks for it, and one bad object holds up no other."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from fundraising.models import DonationState, MandateState
from payments import facts, gateway, payouts, tasks
from payments.gateway import calls
from payments.models import BalanceTransaction, EventState, InboxEvent, Payment, Payout, StripeAccount, SyncCursor
from payments.sweeps import cursors, settlement, sync
from tests.payments.desk import Desk, differences, handle_all, state_of, unhandled

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the gateway would have waited, instead of waiting."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def count_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of the lists that are asked for, in order; a page each."""
    asked: list[str] = []
    each = gateway.each

    def counted(account: StripeAccount, kind: str, **filters: Any) -> Any:
        asked.append(kind)
        return each(account, kind, **filters)

    monkeypatch.setattr(gateway, "each", counted)
    return asked


def test_a_lost_webhook_about_money_is_made_up_for_by_the_second_settlement(desk: Desk) -> None:
    given = [desk.donate(5_000), desk.donate(2_000, "USD"), desk.donate(case="sepa_succeeds")]
    desk.refund(given[1])
    failed = desk.refund(given[0], 1_000)
    desk.control(f"refunds/{failed.id}/fail")
    dispute = desk.dispute(given[0])
    desk.control(f"disputes/{dispute['id']}/decide", outcome="won")
    desk.advance(60)
    tasks.settle()
    assert state_of(given[0].donation) == DonationState.OPENED  # its webhook may be on its way
    for _ in range(2):
        tasks.settle()
    states = [state_of(payment.donation) for payment in given]
    assert states == [DonationState.RECEIVED, DonationState.REFUNDED, DonationState.RECEIVED]
    assert not settlement.waiting(desk.account).exists()
    assert differences(asking_stripe=True) == []


def test_when_nothing_was_lost_a_settlement_asks_stripe_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.donate()
    desk.deliver(desk.events())
    fetched: list[str] = []
    monkeypatch.setattr(gateway, "get", lambda *asked: fetched.append(asked[1]))
    asked = count_calls(monkeypatch)
    for _ in range(3):
        tasks.settle()
    assert (asked, fetched) == (["balance_transactions"] * 3, [])


def test_a_sweep_waits_as_long_as_stripe_says_and_no_longer_than_it_has_patience(
    desk: Desk, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = desk.donate()
    desk.faults({"kind": "api_429", "count": 3})
    tasks.sync_recent()
    assert pauses == [1, 2, 4]
    assert state_of(payment.donation) == DonationState.RECEIVED
    desk.faults({"kind": "api_429"})
    pauses.clear()
    tasks.sync_recent()
    assert pauses == [1, 2, 4, 8]  # another sixteen would be more than its half minute
    pauses.clear()
    refusals = iter([gateway.Unavailable("rate_limit", retry_after=7)])

    def refused_once() -> dict[str, Any]:
        if refusal := next(refusals, None):
            raise refusal
        return {}

    assert gateway.patiently(refused_once, 30) == {}
    assert pauses == [7]
    with pytest.raises(gateway.Unavailable):
        gateway.patiently(lambda: (_ for _ in ()).throw(gateway.Unavailable("x", retry_after=3_600)), 30)


def test_the_seconds_that_stripe_asks_for_are_read_from_its_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert calls._seconds("12") == 12
    assert [calls._seconds(text) for text in ("", "soon", "-1")] == [None] * 3
    desk.faults({"kind": "api_429"})
    with pytest.raises(gateway.Unavailable) as refused:
        gateway.get_balance(desk.account)
    assert refused.value.retry_after is None


def test_a_sweep_cut_short_goes_on_where_it_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty donations in an hour, windows of eight at most: an interruption loses one window's reading."""
    monkeypatch.setattr(cursors, "MOST", 8)
    started = timezone.now()
    for _ in range(30):
        desk.donate(1_000)
        desk.advance(120)
    # As if the hour were over: the sandbox's clock cannot go back.
    monkeypatch.setattr(timezone, "now", lambda: started + timedelta(hours=1, minutes=1))
    read: list[int] = []

    def read_one_window() -> None:
        new = cursors.read_new(desk.account, "charges", first=started - timedelta(minutes=1), overlap=timedelta(0))
        for number, window in enumerate(new):
            if number:
                raise gateway.Unavailable("rate_limit")
            read.extend(charge["created"] for charge in window)

    for _ in range(30):
        with suppress(gateway.Unavailable):
            read_one_window()
            break
    assert (len(read), read) == (30, sorted(set(read)))
    assert SyncCursor.objects.get(kind="charges").read_until > started + timedelta(hours=1)
    monkeypatch.undo()


def test_a_window_with_a_crowd_is_divided_and_every_object_read_once_oldest_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "MOST", 3)
    started = timezone.now()
    for pause in (0, 0, 0, 0, 0, 3_600, 60, 86_400, 0):
        desk.advance(pause)
        desk.donate(1_000)
    later = started + timedelta(days=2)
    monkeypatch.setattr(timezone, "now", lambda: later)
    windows = [window for window, _ in cursors.read_onward(desk.account, "charges", since=started - timedelta(days=30))]
    monkeypatch.undo()
    made = [charge["created"] for window in windows for charge in window]
    assert len(made) == 9
    assert made == sorted(made)
    assert len(windows) > 3


def test_a_cursor_never_goes_back(desk: Desk) -> None:
    now = timezone.now()
    for at, expected in (
        (now, now),
        (now - timedelta(days=1), now),
        (now + timedelta(days=1), now + timedelta(days=1)),
    ):
        cursors._move_cursor(desk.account, "charges", at)
        assert SyncCursor.objects.get(kind="charges").read_until == expected


def test_an_endpoint_that_was_down_for_days_is_made_up_for_from_the_cursor(desk: Desk) -> None:
    tasks.sync_recent()
    SyncCursor.objects.update(read_until=timezone.now() - timedelta(days=9))
    payment = desk.donate()
    assert sync.sync_recent(desk.account)["charges"] == 1
    assert state_of(payment.donation) == DonationState.RECEIVED
    cursors = SyncCursor.objects.filter(read_until__gt=timezone.now() - timedelta(minutes=1))
    assert set(cursors.values_list("kind", flat=True)) >= {kind.name for kind in sync.KINDS} | {"balance_transactions"}


def test_one_object_that_cannot_be_booked_holds_up_no_other_and_is_told_and_tried_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = desk.donate(1_000), desk.donate(2_000)
    bad_charge = desk.charge_of(bad).id
    book = facts.book_charge

    def refuse_one(account: StripeAccount, charge: facts.Object) -> bool:
        if charge["id"] == bad_charge:
            raise ValueError("Ada Rossi, 12 Harbour Street")
        return book(account, charge)

    with monkeypatch.context() as patch:
        patch.setattr(facts, "book_charge", refuse_one)
        for _ in range(2):
            found = sync.sync_recent(desk.account)
            handle_all()
        assert (found["charges not booked"], found["charges"]) == (1, 0)
    assert [state_of(one.donation) for one in (bad, good)] == [DonationState.OPENED, DonationState.RECEIVED]
    row = InboxEvent.objects.get(event_id__startswith="sweep_")
    assert (row.type, row.state, row.reason) == ("charge.updated", EventState.RECEIVED, "ValueError")
    InboxEvent.objects.update(received_at=timezone.now() - timedelta(minutes=11))
    assert [text for text in differences() if "unhandled for ten minutes: 1" in text]
    InboxEvent.objects.update(next_attempt_at=timezone.now())
    handle_all()
    assert (state_of(bad.donation), unhandled()) == (DonationState.RECEIVED, [])


def test_a_balance_transaction_whose_object_stripe_does_not_know_holds_up_no_other(desk: Desk) -> None:
    payment = desk.donate()
    tasks.settle()
    line = BalanceTransaction.objects.get()
    BalanceTransaction.objects.create(
        **{field.attname: getattr(line, field.attname) for field in line._meta.fields if field.attname != "id"}
        | {"txn_id": "txn_other", "source": "ch_unknown"}
    )
    found = sync.settle_and_find(desk.account)
    assert (found["charges"], found["charges not found"]) == (1, 1)
    assert state_of(payment.donation) == DonationState.RECEIVED


def test_the_end_of_an_old_mandate_that_no_event_told_of_is_found(desk: Desk) -> None:
    payment = desk.sign_up()
    desk.pay(payment)
    desk.deliver(desk.events())
    desk.faults({"kind": "event_never_generated"})
    mandate = payment.donation.mandate
    assert mandate
    mandate.refresh_from_db()
    desk.stripe.v1.subscriptions.cancel(mandate.subscription.subscription_id)
    desk.faults()
    SyncCursor.objects.update_or_create(
        account=desk.account, kind="subscriptions", defaults={"read_until": timezone.now() + timedelta(days=30)}
    )
    sync.sync_recent(desk.account)
    mandate.refresh_from_db()
    assert mandate.state == MandateState.ACTIVE
    tasks.sync_mandates()
    mandate.refresh_from_db()
    assert mandate.state == MandateState.ENDED


def test_attempts_that_stripe_does_not_know_hold_up_no_other_however_many_they_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "LOOKED_UP_AT_ONCE", 2)
    unknown, known = [desk.checkout() for _ in range(3)], desk.donate()
    now = timezone.now()
    for number, payment in enumerate([*unknown, known]):
        Payment.objects.filter(pk=payment.pk).update(look_up_at=now - timedelta(hours=9 - number))
    for number, payment in enumerate(unknown):
        Payment.objects.filter(pk=payment.pk).update(session_id=f"cs_gone{number}")
    assert [sync.look_up_payments() for _sweep in range(3)] == [2, 2, 0]
    assert state_of(known.donation) == DonationState.RECEIVED


def test_a_payout_that_stripe_does_not_know_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    at = timezone.now()
    for number, name in enumerate(("po_gone", "po_here")):
        Payout.objects.create(
            account=desk.account, payout_id=name, currency="EUR", amount_minor=500, status="paid", status_at=at,
            reconciliation=payouts.COMPLETED, created_at=at + timedelta(seconds=number), arrival_on=at.date(),
        )  # fmt: skip
    itemised = []

    def itemise(payout: Payout) -> int:
        if payout.payout_id == "po_gone":
            raise gateway.Refused("resource_missing")
        itemised.append(payout.payout_id)
        return 1

    monkeypatch.setattr(payouts, "itemise", itemise)
    assert (payouts.itemise_due(desk.account), itemised) == (1, ["po_here"])
