"""A real worker is killed in the middle of papers of a year, or of a fund report: the next one makes them whole."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from config.processes import Running
from fundraising.models import Donation, Donor, Role
from fundraising.money import Money
from receipts import audit, tasks
from receipts.models import (
    AnnualRun,
    Document,
    FundReport,
    OutgoingMail,
    Receipt,
    ReceiptLine,
    ReportDocument,
    ReportFormat,
    ReportState,
    RunState,
    Series,
)
from receipts.reports import tasks as report_tasks
from receipts.reports import work
from receipts.years import runs as year_runs
from receipts.years import verbs as year_verbs
from tests import databases, factories, staff
from tests.receipts import factories_of_years
from tests.waiting import wait_until

pytestmark = [pytest.mark.celery, pytest.mark.django_db(transaction=True)]

YEAR = timezone.localdate().year - 1
MARCH = datetime(YEAR, 3, 14, 12, tzinfo=UTC)
DONORS = 8
# Rows that the worker comes to in the middle: a number about to be taken, and the donations of the run's last donor.
SERIES = "receipts_series", "SELECT FROM receipts_series FOR UPDATE"
LAST_DONOR = (
    "fundraising_donation",
    "SELECT FROM fundraising_donation WHERE donor_id = (SELECT max(id) FROM fundraising_donor) FOR UPDATE",
)


@contextmanager
def held(url: str, rows: str) -> Iterator[None]:
    """Rows that a worker has to wait for, so that it can be killed there."""
    with psycopg.connect(url) as holder:
        holder.execute(rows)
        yield
        holder.rollback()


def waits_for(table: str) -> bool:
    """Whether a statement about a table waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
               AND query LIKE %s""",
            [f"%{table}%"],
        )
        return bool(cursor.fetchone()[0])


def kill(worker: Running) -> None:
    """With all its children, without a word."""
    os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait()


@pytest.mark.parametrize("rows", [SERIES, LAST_DONOR], ids=["at a number", "at the last donor"])
def test_a_worker_killed_in_a_run_of_papers_of_a_year_leaves_all_there_once_after_the_next(
    rows: tuple[str, str], database_url: str, celery_worker: Running
) -> None:
    table, statement = rows
    kit = factories.make_appeal()
    factories_of_years.issue_yearly(kit.entity)
    for number in range(2 * DONORS):
        donation, _ = factories.received_donation(kit, at=MARCH, email=f"d{number % DONORS}@example.org")
        factories_of_years.note_details(donation.donor)
    first = Donor.objects.filter(entity=kit.entity).order_by("pk")[0]
    year_verbs.issue_year(first, YEAR)  # so that there is a series to hold
    run = year_runs.ask(kit.entity, YEAR, by=staff.make_person(Role.FINANCE, entity=kit.entity))
    with held(database_url, statement):
        tasks.issue_years.delay()
        wait_until(lambda: waits_for(table), 60, "the worker has come to what is held")
        kill(celery_worker)
    wait_until(databases.nobody_else_works)
    run.refresh_from_db()
    assert run.state == RunState.WORKING
    assert run.donors_done < DONORS
    assert Receipt.objects.count() == 1 + run.issued  # no half donor: papers and counts go together
    year_runs.work_off()
    run.refresh_from_db()
    assert run.state == RunState.WORKING  # its claim still stands
    AnnualRun.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    year_runs.work_off()
    run.refresh_from_db()
    assert (run.state, run.donors_done, run.issued, run.refused) == (RunState.DONE, DONORS, DONORS - 1, 0)
    assert sorted(Receipt.objects.values_list("sequence", flat=True)) == list(range(1, DONORS + 1))
    assert Series.objects.get().last_number == Document.objects.count() == OutgoingMail.objects.count() == DONORS
    claimed = ReceiptLine.objects.filter(claims=True).values_list("donation", flat=True)
    assert sorted(claimed) == sorted(Donation.objects.values_list("pk", flat=True))
    assert [check.name for check in audit.checks() if not check.ok] == []


def test_a_worker_killed_while_it_issues_a_fund_report_leaves_it_and_its_number_to_the_next(
    database_url: str, celery_worker: Running
) -> None:
    kit = factories.make_appeal()
    by = staff.make_person(Role.FINANCE, entity=kit.entity)
    factories.received_donation(kit, amount=Money(100_00, "EUR"))
    ask(kit, by)
    assert work.make_due() == 1
    report = ask(kit, by)
    appeal = f"SELECT FROM fundraising_appeal WHERE id = {kit.appeal.pk} FOR NO KEY UPDATE"
    row = f"SELECT FROM receipts_fundreport WHERE id = {report.pk} FOR UPDATE"
    with psycopg.connect(database_url) as storing:
        with held(database_url, appeal):
            report_tasks.make_due.delay()
            wait_until(lambda: waits_for("fundraising_appeal"), 60, "the worker has claimed the report")
            storing.execute(row)
        wait_until(lambda: waits_for("receipts_fundreport"), 60, "the worker has made the files and stores them")
        kill(celery_worker)
        storing.rollback()
    wait_until(databases.nobody_else_works)
    report.refresh_from_db()
    assert (report.state, report.revision, report.documents.count()) == (ReportState.WAITING, None, 0)
    assert work.make_due() == 0  # its claim still stands
    FundReport.objects.filter(pk=report.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert work.make_due() == 1
    ask(kit, by)
    assert work.make_due() == 1
    issued = FundReport.objects.order_by("pk").values_list("state", "revision")
    assert list(issued) == [("issued", 1), ("issued", 2), ("issued", 3)]
    files = ReportDocument.objects.filter(report=report).values_list("locale", "format")
    assert sorted(files) == sorted((locale, form) for locale in factories.LOCALES for form in ReportFormat)


def ask(kit: factories.AppealKit, by: User) -> FundReport:
    """A report of the last month, asked for."""
    today = timezone.now().date()
    report = work.draft(kit.appeal, first=today - timedelta(days=30), last=today, next_on=None, notes={}, by=by)
    work.ask(report, by=by)
    return report
