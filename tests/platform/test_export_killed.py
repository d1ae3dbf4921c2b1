"""A worker that is killed while it writes an export: nothing to fetch, and the next one begins anew."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from fundraising.exports import work
from fundraising.exports.work import NotYours, Wish
from fundraising.ledger import Bucket
from fundraising.models import Export, ExportState, Purpose, Role
from tests import databases, factories
from tests.staff import make_person
from tests.waiting import wait_until

ENTRIES = 40_000
WORKER = "import django; django.setup(); from fundraising.exports import work; work.write_due()"


def fill(entity_id: int) -> None:
    """Many entries, past the triggers that they need not run."""
    hand, other = (Bucket(entity_id, purpose, "EUR") for purpose in (Purpose.SUSPENSE, Purpose.OTHER_INCOME))
    ids = factories.account_ids(hand, other)
    at = datetime(2026, 3, 5, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            """
            WITH entry AS (
                INSERT INTO fundraising_entry (key, entity_id, occurred_at, accounted_on, booked_at)
                SELECT 'fill:' || n, %s, %s, %s, %s FROM generate_series(1, %s) n RETURNING id
            )
            INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor)
            SELECT entry.id, leg.account, 'EUR', leg.minor
            FROM entry, unnest(%s::bigint[], ARRAY[1, -1]) leg (account, minor)
            """,
            [entity_id, at, at.date(), at, ENTRIES, [ids[hand], ids[other]]],
        )
        cursor.execute("SET session_replication_role = DEFAULT")
        # Statistics of the few rows of the tests before would have the planner read all lines for each entry.
        cursor.execute("ANALYZE fundraising_entry, fundraising_posting, fundraising_account")


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_leaves_no_half_file_and_the_next_one_writes_it_whole() -> None:
    entity = factories.make_entity()
    by = make_person(Role.FINANCE, entity=entity)
    fill(entity.pk)
    days = {"first": "2026-03-01", "last": "2026-03-31"}
    export = work.ask(entity, Wish.read("journal", "csv", days), by=by)
    env = {
        **os.environ,
        "DATABASE_URL": databases.url(),
        "BROKER_URL": "memory://",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    with psycopg.connect(databases.url()) as holder:
        # Nobody else can write the third part as long as this is not decided.
        part = "INSERT INTO fundraising_exportpart (export_id, number, sealed) VALUES (%s, 2, '')"
        holder.execute(part, [export.pk])
        with subprocess.Popen([sys.executable, "-c", WORKER], env=env, cwd=databases.PROJECT) as worker:
            wait_until(lambda: export.parts.count() == 2)
            worker.send_signal(signal.SIGKILL)
        holder.rollback()
    wait_until(databases.nobody_else_works)
    export.refresh_from_db()
    assert export.state == ExportState.WORKING
    assert 0 < export.rows_done < 2 * ENTRIES
    with pytest.raises(NotYours):
        work.fetch(export, by=by)
    assert work.write_due() == 0  # its claim still stands
    Export.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert work.write_due() == 1
    export.refresh_from_db()
    data = b"".join(work.fetch(export, by=by).pieces).decode()
    entries = [row["Entry"] for row in csv.DictReader(io.StringIO(data, newline=""))]
    assert (len(entries), len(set(entries))) == (2 * ENTRIES, ENTRIES)
