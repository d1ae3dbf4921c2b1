"""Numbers stay 1..N whatever happens at once: several workers, failures in the middle, a process that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from fundraising.models import Donation
from receipts import pdf, receipts, tasks
from receipts.models import Document, OutgoingMail, Receipt, Series
from receipts.snapshot import Snapshot
from tests import databases, factories
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


def sequences() -> list[int]:
    return list(Receipt.objects.order_by("sequence").values_list("sequence", flat=True))


def in_thread(work: object, *args: object) -> object:
    """Call `work` and close the thread's own connection."""
    assert callable(work)
    try:
        return work(*args)
    finally:
        connections.close_all()


def test_many_threads_on_the_same_donations_issue_each_receipt_once() -> None:
    kit = factories.make_appeal()
    donations = [factories.received_donation(kit)[0] for _ in range(6)]
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(in_thread, receipts.issue_receipt, donation) for donation in donations * 4]
        numbers = [job.result() for job in jobs]
    assert len(set(numbers)) == 6
    assert sequences() == [1, 2, 3, 4, 5, 6]


def test_two_workers_share_the_work_and_leave_no_gap() -> None:
    kit = factories.make_appeal()
    for _ in range(8):
        factories.received_donation(kit)
    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(in_thread, tasks.work_off) for _ in range(2)]:
            job.result()
    tasks.work_off()  # what one worker held when the other came by
    assert sequences() == list(range(1, 9))
    assert OutgoingMail.objects.count() == Document.objects.count() == 8


def test_failures_in_the_middle_leave_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    kit = factories.make_appeal()
    donations = [factories.received_donation(kit)[0] for _ in range(8)]
    render, turn, lock = pdf.render, iter(range(100)), threading.Lock()

    def fail_every_third(snapshot: Snapshot, **how: pdf.Printer | None) -> bytes:
        with lock:
            if next(turn) % 3 == 1:
                raise OSError("out of ink")
        return render(snapshot, **how)

    monkeypatch.setattr(pdf, "render", fail_every_third)

    def insist(donation: Donation) -> None:
        while True:
            try:
                receipts.issue_receipt(donation)
            except OSError:
                continue
            return

    with ThreadPoolExecutor(3) as pool:
        for job in [pool.submit(in_thread, insist, donation) for donation in donations]:
            job.result()
    assert sequences() == list(range(1, 9))
    assert next(turn) > 8  # some did fail


def test_a_worker_holding_a_donation_is_not_waited_for() -> None:
    donation, _ = factories.received_donation()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT FROM fundraising_donation WHERE id = %s FOR UPDATE", [donation.pk])
            held.set()
            done.wait(60)
            cursor.execute("ROLLBACK")

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(in_thread, hold)
        assert held.wait(60)
        assert receipts.issue_if_free(donation) is None
        done.set()
        job.result()
    assert receipts.issue_if_free(donation) is not None


# A worker that issues three receipts in each database transaction and is killed when it has taken a step so many times.
DYING_WORKER = """
import os, signal, sys
import django
django.setup()
from receipts import bulk, tasks
tasks.AT_ONCE = 3
name, times = sys.argv[1], int(sys.argv[2])
step = getattr(bulk, name)
def last(*args):
    global times
    done, times = step(*args), times - 1
    if not times:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
setattr(bulk, name, last)
tasks.work_off()
"""


def test_a_process_killed_while_issuing_leaves_no_gap_and_no_half_receipt(database_url: str) -> None:
    kit = factories.make_appeal()
    for _ in range(24):
        factories.received_donation(kit)
    env = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    # In the second transaction of each: with numbers taken and pages half printed; and with all stored.
    for issued, step, times in ((3, "_print_one", "5"), (6, "_store", "2")):
        command = [sys.executable, "-c", DYING_WORKER, step, times]
        assert subprocess.run(command, env=env, cwd=databases.PROJECT).returncode == -signal.SIGKILL
        wait_until(_no_other_transaction)
        assert sequences() == list(range(1, issued + 1))
    tasks.work_off()
    assert sequences() == list(range(1, 25))
    assert Series.objects.get().last_number == Document.objects.count() == OutgoingMail.objects.count() == 24


def _no_other_transaction() -> bool:
    """The server notices a killed client only when its statement ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
               AND pid <> pg_backend_pid() AND state <> 'idle')"""
        )
        return bool(cursor.fetchone()[0])
