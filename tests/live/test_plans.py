"""What the hot statements cost on large tables: PostgreSQL's own plans, not a stopwatch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection, connections

from fundraising import ledger, totals
from tests import databases, factories
from tests.bench.ledger import execute, fill, statement_of
from tests.live.conftest import fold_all

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("database_url")]

JIT_ABOVE = 100_000  # PostgreSQL's default: a dearer statement is compiled first, which takes ten times as long
DONATIONS, NEW = 50_000, 500


def plan(statement: str, parameters: Any) -> dict[str, Any]:
    """PostgreSQL's plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        found: dict[str, Any] = cursor.fetchone()[0][0]["Plan"]
        return found


@pytest.fixture
def appeal() -> factories.AppealKit:
    """An appeal with many donations, the last of them not folded; in a database without another test's statistics."""
    connections.close_all()
    databases.renew()
    kit = factories.make_appeal()
    fill(kit, DONATIONS)
    fold_all()
    fill(kit, NEW)
    execute("VACUUM (ANALYZE) fundraising_entry, fundraising_posting, fundraising_tally")
    return kit


def test_reading_a_total_is_never_dear_enough_to_be_compiled(appeal: factories.AppealKit) -> None:
    found = plan(*statement_of(lambda: totals.appeal_total(appeal.appeal)))
    assert found["Total Cost"] < JIT_ABOVE / 10


def test_a_fold_looks_up_new_lines_and_reads_no_table_whole(appeal: factories.AppealKit) -> None:
    [(since, until)] = execute("SELECT xid::text, pg_snapshot_xmin(pg_current_snapshot())::text FROM fundraising_fold")
    for statement in (ledger._FOLD_POSTINGS, ledger._FOLD_TALLIES):
        found = json.dumps(plan(statement, {"since": since, "until": until}))
        assert '"Seq Scan"' not in found


def test_many_donations_are_counted_exactly(appeal: factories.AppealKit) -> None:
    assert totals.appeal_total(appeal.appeal).donations == DONATIONS + NEW
