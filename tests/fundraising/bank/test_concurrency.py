"""Two people at once: the same file, or the same line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from fundraising import ledger
from fundraising.bank import matching, statements, uploads
from fundraising.bank.problems import BadStatement, Problem
from fundraising.models import BankAccount, BankLine, MatchKind, Role, Statement, Upload, UploadState
from payments.bank import imports as bank_imports
from tests import databases
from tests.fundraising.bank.samples import Row, camt, make_account
from tests.staff import make_person
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each call returned or raised, all begun together in connections of their own."""
    start = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        start.wait()
        try:
            return call()
        except (BadStatement, matching.NotMatchable, uploads.NotWaiting) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def take(account: BankAccount, data: bytes, by: User) -> Statement:
    return statements.import_statement(account, name="x", data=data, by=by)


def test_whatever_two_people_do_at_once_each_line_is_booked_and_matched_once() -> None:
    account = make_account()
    clerk = make_person(Role.FINANCE, entity=account.entity)
    rows = [Row(date(2026, 11, 2), 100 + n, text=f"Gift {n}") for n in range(40)]
    same = camt(rows)
    results = at_once(*[lambda: take(account, same, clerk)] * 3)
    refused = [result.code for result in results if isinstance(result, BadStatement)]
    assert refused == [Problem.SAME_FILE] * 2

    overlapping = [camt(rows[start:], sum(row.minor for row in rows[:start])) for start in (10, 20)]
    at_once(*[lambda data=data: take(account, data, clerk) for data in overlapping])
    assert BankLine.objects.count() == 40
    assert ledger.balance(statements.bucket_of(account)).minor == sum(row.minor for row in rows)

    line = BankLine.objects.order_by("pk")[0]
    results = at_once(
        *[lambda: matching.match_line(line, kind=MatchKind.BANK_FEE, amount_minor=line.amount_minor, by=clerk)] * 3
    )
    assert sum(isinstance(result, matching.NotMatchable) for result in results) == 2


SLOW_WORKER = """
import time
import django
django.setup()
from fundraising.bank import uploads
def tell(beat, done):
    print("booked", done, flush=True)
    time.sleep(60)
uploads.Beat.tell = tell
from payments.bank import imports as bank_imports
bank_imports.work()
"""


def test_a_worker_killed_in_the_middle_of_an_import_leaves_nothing_and_the_next_one_imports_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LINES_AT_ONCE", 10)
    account = make_account()
    clerk = make_person(Role.FINANCE, entity=account.entity)
    rows = [Row(date(2026, 11, 2), 100 + n, text=f"Gift {n}") for n in range(40)]
    upload = uploads.hold(account, name="large.xml", data=camt(rows), by=clerk, found=None)
    assert bank_imports.work() == 1
    upload.refresh_from_db()
    assert uploads.confirm(upload, by=clerk) is None

    env = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    worker = subprocess.Popen(
        [sys.executable, "-c", SLOW_WORKER], cwd=databases.PROJECT, env=env, stdout=subprocess.PIPE, text=True
    )
    with worker:
        assert worker.stdout is not None
        assert worker.stdout.readline().startswith("booked")
        worker.kill()
    upload.refresh_from_db()
    assert (upload.state, upload.attempt) == (UploadState.IMPORTING, 1)
    assert not BankLine.objects.exists()
    assert bank_imports.work() == 0  # until its claim is over

    Upload.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert bank_imports.work() == 1
    upload.refresh_from_db()
    assert upload.state == UploadState.IMPORTED
    assert BankLine.objects.count() == 40
    assert ledger.balance(statements.bucket_of(account)).minor == sum(row.minor for row in rows)


def test_a_worker_tells_how_far_it_is_while_its_import_is_not_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    account = make_account()
    clerk = make_person(Role.FINANCE, entity=account.entity)
    upload = uploads.hold(account, name="x", data=camt([Row(date(2026, 11, 2), 100)]), by=clerk, found={"new": 1})
    Upload.objects.update(state=UploadState.IMPORTING)
    claimed = uploads.claim()
    assert claimed is not None
    with transaction.atomic(), uploads.Beat(claimed, seconds=0.01) as beat:
        beat.tell(7)
        wait_until(lambda: Upload.objects.get(pk=upload.pk).done == 7)


def test_two_people_who_confirm_one_file_import_it_once() -> None:
    account = make_account()
    clerk = make_person(Role.FINANCE, entity=account.entity)
    data = camt([Row(date(2026, 11, 2), 100 + n) for n in range(20)])
    upload = uploads.hold(account, name="x", data=data, by=clerk, found=bank_imports.read(account, data))
    results = at_once(*[lambda: uploads.confirm(upload, by=clerk)] * 3)
    assert sum(isinstance(result, uploads.NotWaiting) for result in results) == 2
    assert BankLine.objects.count() == 20
