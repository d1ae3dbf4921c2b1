"""The ledger: 32 writers on one campaign with fold and reading, against appending only; and a total over a million."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.db import connection

from fundraising import ledger, totals
from fundraising.ledger import Bucket
from fundraising.models import Purpose
from tests import factories
from tests.bench import place
from tests.bench.results import Result
from tests.bench.webhook import pgbench
from tests.factories import AppealKit

WRITERS = 32
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
MILLION = int(os.environ.get("BENCH_DONATIONS", "1000000"))
TAIL = 500  # donations that are not folded yet, as in a rush of 2,000 a second

# What ledger.post sends, and the same without the books' constraints and triggers.
POST = """
\\set minor random(100, 100000)
WITH new AS (
    INSERT INTO {entry} (key, entity_id, donation_id, reverses_id, occurred_at, booked_at)
    VALUES ('bench:' || :client_id || ':' || pg_current_xact_id(), {entity}, NULL, NULL, now(), now())
    ON CONFLICT (key) DO NOTHING RETURNING id
), lines AS (
    INSERT INTO {posting} (entry_id, account_id, currency, amount_minor)
    SELECT new.id, leg.* FROM new,
        unnest(ARRAY[{clearing}, {income}]::bigint[], ARRAY['EUR', 'EUR']::varchar[],
               ARRAY[CAST(:minor AS bigint), -CAST(:minor AS bigint)]) leg
)
SELECT id FROM new;
"""
BARE = """
    CREATE TABLE bare_entry (LIKE fundraising_entry INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING IDENTITY);
    ALTER TABLE bare_entry ALTER accounted_on DROP NOT NULL;
    CREATE TABLE bare_posting (LIKE fundraising_posting INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING IDENTITY);
"""


def measure() -> list[Result]:
    """Writing first, on small tables; then reading from large ones."""
    kit = factories.make_appeal()
    return [*writing(kit), *reading(factories.make_appeal())]


def sides(kit: AppealKit) -> tuple[Bucket, Bucket]:
    clearing = Bucket(kit.entity.pk, Purpose.CLEARING, "EUR", provider=factories.PROVIDER)
    return clearing, Bucket(kit.entity.pk, Purpose.DONATIONS, "EUR", fund=kit.appeal.fund_id, round=kit.round.pk)


def writing(kit: AppealKit) -> list[Result]:
    clearing, income = sides(kit)
    accounts = factories.account_ids(clearing, income)
    ids = {"entity": kit.entity.pk, "clearing": accounts[clearing], "income": accounts[income]}
    execute(BARE)
    rates: dict[str, list[float]] = {"with fold": [], "append only": [], "bare": []}
    for _ in range(ROUNDS):
        with folding(kit.appeal.pk):
            rates["with fold"].append(write("fundraising_entry", "fundraising_posting", ids))
        ledger.fold()
        rates["append only"].append(write("fundraising_entry", "fundraising_posting", ids))
        ledger.fold()
        rates["bare"].append(write("bare_entry", "bare_posting", ids))
    execute("DROP TABLE bare_entry, bare_posting")
    difference = abs(check(income)) + abs(check(clearing))
    ours, append, bare = (statistics.median(rates[name]) for name in ("with fold", "append only", "bare"))
    return [
        Result(
            f"ledger: {WRITERS} writers on one campaign",
            f"{ours:,.0f}/s",
            f"{append:,.0f}/s",
            ours / append,
            0.8,
            note="limit: the same statement without fold and reading; without constraints and triggers too: "
            f"{bare:,.0f}/s ({ours / bare:.2f}); medians of {ROUNDS}",
        ),
        Result("ledger: cents off afterwards", f"{difference}", "0", difference, 0, ceiling=True),
    ]


def write(entry: str, posting: str, ids: dict[str, int]) -> float:
    """Entries a second by WRITERS connections."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "post.sql"
        path.write_text(POST.format(entry=entry, posting=posting, **ids))
        return pgbench("-f", str(path), "-c", str(WRITERS), "-j", "2")


@contextlib.contextmanager
def folding(appeal_id: int) -> Iterator[None]:
    """Fold and reading, as in a live process with viewers."""
    command = [place.PYTHON, "-m", "tests.bench.folding", str(appeal_id)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place.PROJECT)
    assert process.stdout
    assert process.stdout.readline() == "folding\n"
    try:
        yield
    finally:
        told, _ = process.communicate()
    assert int(told) > 0, "nothing was read"


def check(bucket: Bucket) -> int:
    """Minor units between the balance, before and after a last fold, and the sum of all postings."""
    account = factories.account_ids(bucket)[bucket]
    before = ledger.balance(bucket).minor
    ledger.fold()
    after = ledger.balance(bucket).minor
    [(whole,)] = execute(
        "SELECT coalesce(sum(amount_minor), 0) FROM fundraising_posting WHERE account_id = %s", account
    )
    return abs(int(whole) - before) + abs(int(whole) - after)


def reading(kit: AppealKit) -> list[Result]:
    """The total of one appeal after a million donations, most of them folded."""
    fill(kit, MILLION)
    ledger.fold()
    fill(kit, TAIL)
    execute("VACUUM (ANALYZE) fundraising_entry, fundraising_posting, fundraising_tally, fundraising_checkpoint")
    total = totals.appeal_total(kit.appeal)
    assert total.donations == MILLION + TAIL
    income = factories.account_ids(sides(kit)[1])[sides(kit)[1]]
    ours = explain(*statement_of(lambda: totals.appeal_total(kit.appeal)))
    summed = explain(
        "SELECT sum(amount_minor) FROM fundraising_posting WHERE account_id = %(income)s", {"income": income}
    )
    return [
        Result(
            f"ledger: total of {MILLION:,} donations",
            f"{ours:.2f} ms",
            f"{summed:.1f} ms by SUM",
            ours,
            0.3,
            ceiling=True,
            note=f"the ratio is milliseconds in the database; {TAIL} donations not folded yet; "
            f"{summed / ours:,.0f} times faster than SUM",
        )
    ]


def fill(kit: AppealKit, count: int) -> None:
    """Donations straight into the tables, past the triggers that a million of them need not run."""
    clearing, income = sides(kit)
    accounts = factories.account_ids(clearing, income)
    execute("SET session_replication_role = replica")
    execute(
        """
        WITH entry AS (
            INSERT INTO fundraising_entry (key, entity_id, occurred_at, accounted_on, booked_at)
            SELECT 'fill:' || pg_current_xact_id() || ':' || n, %s, now(), now(), now()
            FROM generate_series(1, %s) n RETURNING id
        ), tally AS (
            INSERT INTO fundraising_tally (entry_id, round_id, donations, round_donors, appeal_donors, campaign_donors)
            SELECT id, %s, 1, 1, 1, 1 FROM entry
        )
        INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor)
        SELECT entry.id, leg.account, 'EUR', leg.sign * (entry.id %% 1000 + 1)
        FROM entry, unnest(%s::bigint[], ARRAY[1, -1]) leg (account, sign)
        """,
        kit.entity.pk,
        count,
        kit.round.pk,
        [accounts[clearing], accounts[income]],
    )
    execute("SET session_replication_role = DEFAULT")


def statement_of(read: Callable[[], object]) -> tuple[str, Any]:
    """The one statement that a function sends, with its parameters."""
    sent: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], statement: str, parameters: Any, many: bool, context: Any) -> Any:
        sent.append((statement, parameters))
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(note):
        read()
    [only] = sent
    return only


def explain(statement: str, parameters: Any, times: int = 51) -> float:
    """Median execution time of a statement in the database, in milliseconds."""
    found = []
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
            found.append(float(cursor.fetchone()[0][0]["Execution Time"]))
    return statistics.median(found)


def execute(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []
