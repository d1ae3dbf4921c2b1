"""Handling what is in the inbox: one worker per row, failures kept, waiting bounded, nothing lost with a worker."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from config.processes import Running
from fundraising import donations
from fundraising.donations import NotBookedYet
from fundraising.models import Donation, DonationState, Entry
from payments import audit, facts, handlers, inbox, tasks
from payments.models import EventState, InboxEvent
from tests import databases, staff
from tests.conftest import wait_until
from tests.payments.desk import Desk, assert_books_agree, differences, event_of, handle_all, state_of, unhandled

pytestmark = pytest.mark.django_db


def put(desk: Desk, kind: str = "charge.succeeded", **thing: Any) -> InboxEvent:
    """A row as the endpoint stores it; not handled."""
    event = event_of(kind, thing)
    assert inbox.store(desk.account.pk, json.dumps(event).encode())
    return InboxEvent.objects.get(event_id=event["id"])


def test_a_failing_handler_keeps_the_row_and_its_reason_and_undoes_its_own_work(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = desk.donate()

    def books_then_breaks(account: Any, charge: Any) -> None:
        assert facts.book_charge(account, charge)
        raise RuntimeError("a name: Ada Rossi")

    with monkeypatch.context() as patch:
        patch.setitem(handlers.HANDLERS, "charge.succeeded", books_then_breaks)
        desk.deliver(desk.events("charge.succeeded"))
    row = InboxEvent.objects.get()
    assert (row.state, row.attempts, row.reason) == (EventState.RECEIVED, 1, "RuntimeError")
    assert state_of(payment.donation) == DonationState.OPENED
    assert not Entry.objects.exists()
    InboxEvent.objects.update(next_attempt_at=timezone.now())
    handle_all()
    assert state_of(payment.donation) == DonationState.RECEIVED


def test_attempts_come_ever_later_for_a_day_and_then_staff_must_look(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_args: Any) -> None:
        raise RuntimeError

    monkeypatch.setitem(handlers.HANDLERS, "charge.succeeded", breaks)
    row, waits, now = put(desk), [], timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    while row.state == EventState.RECEIVED:
        assert inbox.handle_next()
        assert not inbox.handle_next()  # not before its time
        row.refresh_from_db()
        if row.next_attempt_at:
            waits.append(row.next_attempt_at - now)
            InboxEvent.objects.update(next_attempt_at=now)
    assert (row.state, row.attempts) == (EventState.FAILED, inbox.ATTEMPTS)
    assert waits == sorted(waits)
    assert timedelta(hours=20) < sum(waits, timedelta()) < timedelta(hours=30)
    assert not {check.name: check.ok for check in audit.checks()}["events that failed (cure: replay_event)"]


def test_an_event_that_waits_in_vain_fails_after_days_not_after_tries(desk: Desk) -> None:
    row = put(desk, "refund.created", **REFUND)
    for _ in range(3 * inbox.ATTEMPTS):
        InboxEvent.objects.update(next_attempt_at=timezone.now())
        assert inbox.handle_next()
    row.refresh_from_db()
    assert row.state == EventState.PARKED
    InboxEvent.objects.update(next_attempt_at=timezone.now(), received_at=timezone.now() - timedelta(days=6))
    assert inbox.handle_next()
    row.refresh_from_db()
    assert (row.state, row.reason) == (EventState.FAILED, "waited in vain for charge:ch_lost")


def test_an_event_handled_first_after_days_waits_still_as_long_as_its_tries_last(desk: Desk) -> None:
    """After a stop of a week, or a replay, the calendar alone makes no event fail whose other half is next in line."""
    row = put(desk, "refund.created", **REFUND)
    InboxEvent.objects.update(received_at=timezone.now() - timedelta(days=7))
    states = []
    for _ in range(inbox.ATTEMPTS):
        InboxEvent.objects.update(next_attempt_at=timezone.now())
        assert inbox.handle_next()
        row.refresh_from_db()
        states.append(row.state)
    assert states == [EventState.PARKED] * (inbox.ATTEMPTS - 1) + [EventState.FAILED]


def test_what_cannot_be_found_keeps_no_other_from_its_turn(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "SOUGHT_AT_ONCE", 1)
    sought = []
    for charge in ("ch_a", "ch_b", "ch_c"):
        put(desk, "refund.created", **{**REFUND, "charge": charge})
    while inbox.handle_next():
        pass
    for _ in range(3):
        sought += inbox.waited_for(desk.account, "charge:", attempts=1)
        InboxEvent.objects.filter(waits_for=sought[-1]).update(next_attempt_at=timezone.now())
        assert inbox.handle_next()
    assert sorted(sought) == ["charge:ch_a", "charge:ch_b", "charge:ch_c"]


REFUND = {"id": "re_1", "object": "refund", "charge": "ch_lost", "amount": 500, "currency": "eur",
          "created": 1_780_000_000, "status": "succeeded"}  # fmt: skip


def test_an_event_unhandled_for_ten_minutes_is_told_by_the_audit(desk: Desk) -> None:
    put(desk, "product.created")
    assert differences() == []
    InboxEvent.objects.update(received_at=timezone.now() - timedelta(minutes=11))
    assert len(differences()) == 1


def test_replaying_by_command_and_at_the_desk_handles_again_and_books_nothing_twice(desk: Desk) -> None:
    payment = desk.donate()
    desk.deliver(desk.events())
    row = InboxEvent.objects.get(type="charge.succeeded")
    out = StringIO()
    call_command("replay_event", row.event_id, stdout=out)
    assert "1 replayed" in out.getvalue()
    assert "charge.succeeded handled" in out.getvalue()
    call_command("replay_event", state="handled", stdout=StringIO())
    for wrong in (["evt_unknown"], [], [row.event_id, "--state", "failed"]):
        with pytest.raises(CommandError):
            call_command("replay_event", *wrong)
    chosen = {"action": "replay", "_selected_action": [row.pk]}
    answer = staff.everywhere("finance").post("/admin/payments/inboxevent/", chosen, follow=True)
    assert answer.status_code == 200
    row.refresh_from_db()
    assert row.state == EventState.RECEIVED
    handle_all()
    assert unhandled() == []
    assert donations.net_received(payment.donation).minor == 5_000
    assert_books_agree(desk)


def test_the_sweep_finds_what_no_nudge_told_of(desk: Desk) -> None:
    rows = [put(desk, "product.created") for _ in range(3)]
    tasks.handle_inbox()
    assert InboxEvent.objects.filter(state=EventState.HANDLED).count() == len(rows)


def test_finding_the_next_row_uses_an_index_however_many_were_handled(desk: Desk) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_inboxevent (account_id, event_id, type, body, state, attempts, reason, waits_for,
                                             received_at, next_attempt_at)
            SELECT %s, 'evt_old_' || n, 'x', '', 'handled', 1, '', '', now(), NULL FROM generate_series(1, 100000) n
            """,
            [desk.account.pk],
        )
        put(desk, "product.created")
        cursor.execute("ANALYZE payments_inboxevent")
    due = InboxEvent.objects.filter(state__in=["received", "parked"], next_attempt_at__lte=timezone.now())
    plan = due.select_for_update(skip_locked=True, of=("self",)).select_related("account").order_by("next_attempt_at")
    assert "event_due" in plan[:1].explain()
    assert "Seq Scan on payments_inboxevent" not in plan[:1].explain()


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_have_the_same_row_in_hand_and_deadlock_never(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of one donor's money at once: charges, refunds, debits and their checkouts, by four workers."""
    payments = [desk.checkout(desk.donation(5_000 + n, email="ada@example.org")) for n in range(8)]
    for number, payment in enumerate(payments):
        desk.pay(payment, "sepa_succeeds" if number % 4 == 3 else "success")
    desk.advance(60)
    for payment in payments[::2]:
        for part in (1_000, 2_000, None):
            desk.refund(payment, part)
    events = desk.events() * 2
    for event in sorted(events, key=lambda event: (event["type"] < "charge.s", event["id"])):
        inbox.store(desk.account.pk, json.dumps(event).encode())
    errors: list[str] = []
    monkeypatch.setattr(inbox, "_handle", _watched(inbox._handle, errors))
    _run_workers(4, errors)
    assert errors == []
    assert unhandled() == []
    assert Donation.objects.filter(state=DonationState.REFUNDED).count() == 4
    assert_books_agree(desk)


def _watched(handle: Callable[[InboxEvent], None], errors: list[str]) -> Callable[[InboxEvent], None]:
    """`_handle` that notes a row in two hands, and a row that failed."""
    in_hand: Counter[int] = Counter()
    one_at_a_time = threading.Lock()

    def watched(row: InboxEvent) -> None:
        with one_at_a_time:
            in_hand[row.pk] += 1
            if in_hand[row.pk] > 1:
                errors.append(f"{row} in two hands")
        try:
            handle(row)
        except NotBookedYet:
            raise
        except Exception as error:
            errors.append(f"{row}: {error!r}")
            raise
        finally:
            with one_at_a_time:
                in_hand[row.pk] -= 1

    return watched


def _run_workers(count: int, errors: list[str]) -> None:
    """Handle everything in threads; what is parked is tried again at once."""

    def work() -> None:
        try:
            while InboxEvent.objects.filter(state__in=["received", "parked"]).exists():
                if not inbox.handle_due():
                    inbox.replay(InboxEvent.objects.filter(state="parked"))
        except Exception as error:
            errors.append(repr(error))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(240)


@pytest.mark.celery
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_handling_loses_nothing_and_books_once(desk: Desk, celery_worker: Running) -> None:
    payment = desk.donate()
    with transaction.atomic():
        Donation.objects.select_for_update().get(pk=payment.donation_id)  # the worker will wait for this lock
        event = desk.events("charge.succeeded")[0]
        _store_elsewhere(desk, event)
        tasks.handle_inbox.delay()
        wait_until(databases.somebody_waits, what="the worker has the row in hand")
        os.killpg(celery_worker.process.pid, signal.SIGKILL)
        celery_worker.process.wait()
    wait_until(databases.nobody_else_works)
    assert (InboxEvent.objects.get().state, InboxEvent.objects.get().attempts) == (EventState.RECEIVED, 0)
    handle_all()
    assert unhandled() == []
    assert state_of(payment.donation) == DonationState.RECEIVED
    assert_books_agree(desk)


def _store_elsewhere(desk: Desk, event: dict[str, Any]) -> None:
    """Store and commit an event by another connection."""

    def run() -> None:
        inbox.store(desk.account.pk, json.dumps(event).encode())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
