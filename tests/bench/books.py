"""The books with a million postings of a year: pages, against summing the postings; and exports."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from fundraising import books, ledger
from fundraising.books import JournalFilter, Ledger, Place, periods
from fundraising.books.funds import statement
from fundraising.exports import work
from fundraising.exports.work import Wish
from fundraising.ledger import Bucket
from fundraising.models import Export, LegalEntity, Purpose
from tests import factories
from tests.bench import place
from tests.bench.ledger import execute
from tests.bench.results import Result

POSTINGS = int(os.environ.get("BENCH_POSTINGS", "1000000"))
LAST = date(2026, 6, 30)
MIDDLE = LAST - timedelta(days=180)
TIMES = 9


def measure() -> list[Result]:
    kit = factories.make_appeal()
    fill(kit.entity)
    ledger.fold()
    execute("VACUUM (ANALYZE)")
    return [*pages(kit.entity), *exports(kit.entity)]


def fill(entity: LegalEntity) -> None:
    """A year of entries on 240 accounts: 40 funds in three currencies, each with income and clearing."""
    buckets = []
    for number in range(40):
        fund = entity.funds.create(name=f"Fund {number}").pk
        for currency in ("EUR", "USD", "JPY"):
            buckets.append(Bucket(entity.pk, Purpose.CLEARING, currency, provider="acct"))
            buckets.append(Bucket(entity.pk, Purpose.DONATIONS, currency, fund=fund))
    ids = factories.account_ids(*dict.fromkeys(buckets))
    execute("SET session_replication_role = replica")  # past the triggers that a million of them need not run
    execute(
        """
        WITH pair AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) WITH ORDINALITY
                                 AS pair (debit, credit, currency, number)),
        entry AS (
            INSERT INTO fundraising_entry (key, entity_id, occurred_at, accounted_on, booked_at)
            SELECT 'charge:' || n, %s, day, day::date, day
            FROM generate_series(1, %s) n, LATERAL (SELECT %s::timestamptz - n %% 365 * interval '1 day' AS day) of_n
            RETURNING id
        )
        INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor)
        SELECT entry.id, leg.account, pair.currency, leg.sign * (entry.id %% 1000 + 1)
        FROM entry JOIN pair ON pair.number = entry.id %% 120 + 1,
             unnest(ARRAY[pair.debit, pair.credit], ARRAY[1, -1]) leg (account, sign)
        """,
        [ids[bucket] for bucket in buckets[::2]],
        [ids[bucket] for bucket in buckets[1::2]],
        [bucket.currency for bucket in buckets[::2]],
        entity.pk,
        POSTINGS // 2,
        LAST,
    )
    execute("SET session_replication_role = DEFAULT")


def pages(entity: LegalEntity) -> Iterator[Result]:
    summed = median(lambda: summed_up(entity, MIDDLE))
    yield result("trial balance at a day, half a year ago", lambda: books.trial_balance(entity, MIDDLE), summed)
    yield result(
        "statement of funds, until the same day", lambda: statement(entity, date(MIDDLE.year, 1, 1), MIDDLE), summed
    )
    yield result("checklist before a close", lambda: periods.checklist(entity, MIDDLE), summed)
    yield result("journal, first page", lambda: books.journal_page(entity, JournalFilter(), None), summed)
    deep = Place(MIDDLE, 1)
    yield result("journal, a page in the middle", lambda: books.journal_page(entity, JournalFilter(), deep), summed)
    month = Ledger(Purpose.CLEARING, "acct", "EUR", MIDDLE.replace(day=1), MIDDLE)

    def of_account() -> object:
        opening = books.ledger_opening(entity, month)
        return books.ledger_page(entity, month, opening=opening, after=None), books.ledger_closing(entity, month)

    yield result("ledger of an account, a month of it", of_account, summed)
    column = next(c for c in books.trial_balance(entity, MIDDLE) if c.currency == "EUR")
    off = sum(abs(sum(line.balance.minor for line in c.lines)) for c in books.trial_balance(entity, MIDDLE))
    off += abs(column.debit.minor - sum(minor for _id, minor in summed_up(entity, MIDDLE) if _id == "EUR"))
    yield Result("books: minor units off the sum of all postings", f"{off}", "0", off, 0, ceiling=True)


def summed_up(entity: LegalEntity, on: date) -> list[tuple[Any, ...]]:
    """Debits at a day by summing every posting, as one would without sums per day."""
    return execute(
        """
        SELECT currency, sum(minor) FILTER (WHERE minor > 0)::bigint FROM (
            SELECT account.purpose, account.provider, account.currency, sum(posting.amount_minor) AS minor
            FROM fundraising_posting posting JOIN fundraising_entry entry ON entry.id = posting.entry_id
            JOIN fundraising_account account ON account.id = posting.account_id
            WHERE entry.entity_id = %s AND entry.accounted_on <= %s
            GROUP BY account.purpose, account.provider, account.currency) AS held
        GROUP BY currency
        """,
        entity.pk,
        on,
    )


def result(name: str, read: Callable[[], object], summed: float) -> Result:
    before = len(connection.queries_log)
    connection.force_debug_cursor = True
    read()
    queries = len(connection.queries_log) - before
    connection.force_debug_cursor = False
    ours = median(read)
    note = f"milliseconds; {queries} queries; {POSTINGS:,} postings; beside it the sum of all postings"
    return Result(f"books: {name}", f"{ours:.1f} ms", f"{summed:.0f} ms by SUM", ours, 500, ceiling=True, note=note)


def median(read: Callable[[], object]) -> float:
    """Median time of a call in milliseconds."""
    found = []
    for _ in range(TIMES):
        start = time.perf_counter()
        read()
        found.append((time.perf_counter() - start) * 1000)
    return statistics.median(found)


def exports(entity: LegalEntity) -> Iterator[Result]:
    """The whole journal, as a worker writes it."""
    by = User.objects.create_user("bench-exporter")
    before = place.resident(os.getpid())
    for form in ("csv", "xlsx", "datev"):
        days = {"first": "2026-01-01", "last": LAST.isoformat(), "currency": "EUR", "lines": "entry"}
        if form != "datev":
            days["first"] = (LAST - timedelta(days=365)).isoformat()
        export = work.ask(entity, Wish.read("journal", form, days), by=by)
        start = time.perf_counter()
        work.write_due()
        seconds = time.perf_counter() - start
        export = Export.objects.get(pk=export.pk)
        grown = (place.resident(os.getpid()) - before) / 1e6
        note = f"{export.state}; {export.parts.count()} parts; {grown:.0f} MB more memory afterwards"
        rate = export.rows_done / seconds
        yield Result(
            f"exports: journal as {form}",
            f"{export.rows_done:,} rows",
            f"{seconds:.1f} s",
            rate,
            None,
            note=f"rows a second; {note}",
        )
