"""Reconciling an account of a million lines at Stripe: how time grows with the lines, and how much memory it takes."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from django.db import connection, transaction

from fundraising.ledger import Bucket
from fundraising.models import BankAccount, Break, Purpose
from payments.breaks import reconciliation
from payments.models import StripeAccount
from tests import factories
from tests.bench.results import Result

MANY = int(os.environ.get("BENCH_LINES", "1000000"))
FEW = MANY // 10
IN_A_PAYOUT = 1_000
MOST_MEGABYTES = 300
TIMES = 2


def measure() -> list[Result]:
    """A tenth of the lines first; then all of them."""
    seconds, megabytes = {}, 0.0
    for lines in (FEW, MANY):
        account = fill(lines)
        with peak_of_database() as peak:
            seconds[lines] = min(reconcile(account) for _ in range(TIMES))
        megabytes = peak[0] + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = seconds[MANY] / seconds[FEW]
    return [
        Result(
            f"reconcile: {MANY:,} lines to {FEW:,}",
            f"{seconds[MANY]:.1f} s",
            f"{seconds[FEW]:.1f} s",
            ratio,
            11,
            ceiling=True,
            note=f"best of {TIMES}; every line against its charge, settlement, payout and bank line",
        ),
        Result(
            f"reconcile: memory at {MANY:,} lines",
            f"{megabytes:.0f} MB",
            f"{MOST_MEGABYTES} MB",
            megabytes,
            MOST_MEGABYTES,
            ceiling=True,
            note="peak of this whole process, and of the database's own memory for it",
        ),
    ]


def reconcile(account: StripeAccount) -> float:
    """Seconds of one reconciliation, which finds nothing. Stripe is not asked within a database transaction."""
    began = time.monotonic()
    with transaction.atomic():
        found = reconciliation.reconcile(account)
    assert found == [], found[:3]
    assert not Break.objects.filter(entity=account.entity_id).exists()
    return time.monotonic() - began


def fill(lines: int) -> StripeAccount:
    """An account whose donations were charged, settled, paid out by the thousand, and are in the bank."""
    kit = factories.make_appeal()
    slug = f"bench-{lines}"
    account = StripeAccount.objects.create(slug=slug, entity=kit.entity, api_key=f"sk_test_{slug}")
    bank = BankAccount.objects.create(entity=kit.entity, slug=f"bank-{lines}", name="Bank", iban=slug, currency="EUR")
    buckets = {
        "clearing": Bucket(kit.entity.pk, Purpose.CLEARING, "EUR", provider=slug),
        "provider": Bucket(kit.entity.pk, Purpose.PROVIDER, "EUR", provider=slug),
        "payouts": Bucket(kit.entity.pk, Purpose.PAYOUTS, "EUR", provider=slug),
        "income": Bucket(kit.entity.pk, Purpose.DONATIONS, "EUR", fund=kit.appeal.fund_id, round=kit.round.pk),
        "fees": Bucket(kit.entity.pk, Purpose.FEES, "EUR", fund=kit.appeal.fund_id),
    }
    ids = factories.account_ids(*buckets.values())
    names = {name: ids[bucket] for name, bucket in buckets.items()}
    names |= {"account": account.pk, "entity": kit.entity.pk, "lines": lines, "each": IN_A_PAYOUT, "bank": bank.pk}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for statement in FILL:
            cursor.execute(statement, names)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute(
            "VACUUM (ANALYZE) fundraising_entry, fundraising_posting, payments_balancetransaction, payments_payout,"
            " fundraising_match, fundraising_bankline"
        )
    return account


# Of each line n: an amount between 10 and 500 euros, and a fee of a hundredth of it and 25 cents.
LINES = """
    lines AS (SELECT n, 1000 + n %% 49000 AS amount, (1000 + n %% 49000) / 100 + 25 AS fee,
                     now() - interval '60 days' + n * interval '1 second' / 40 AS at
              FROM generate_series(1, %(lines)s) n)
"""
PAYOUTS = f"""
    {LINES}, sent AS (SELECT (n - 1) / %(each)s AS p, sum(amount - fee) AS net FROM lines GROUP BY 1)
"""
FILL = [
    f"""
    WITH {LINES}
    INSERT INTO payments_balancetransaction
        (account_id, txn_id, type, reporting_category, source, payout_id, currency, amount_minor, fee_minor,
         net_minor, created_at, available_on, booked_at)
    SELECT %(account)s, 'txn_%(lines)s_' || n, 'charge', 'charge', 'ch_%(lines)s_' || n,
           'po_%(lines)s_' || (n - 1) / %(each)s, 'EUR', amount, fee, amount - fee, at, at, at FROM lines
    """,
    f"""
    WITH {LINES}, charged AS (
        INSERT INTO fundraising_entry (key, entity_id, occurred_at, accounted_on, booked_at)
        SELECT 'charge:ch_%(lines)s_' || n, %(entity)s, at, at::date, at FROM lines RETURNING id, key
    )
    INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor)
    SELECT charged.id, leg.account, 'EUR', leg.sign * lines.amount
    FROM charged JOIN lines ON charged.key = 'charge:ch_%(lines)s_' || n
    CROSS JOIN LATERAL (VALUES (%(clearing)s, 1), (%(income)s, -1)) leg (account, sign)
    """,
    f"""
    WITH {LINES}, settled AS (
        INSERT INTO fundraising_entry (key, entity_id, occurred_at, accounted_on, booked_at)
        SELECT 'txn:txn_%(lines)s_' || n, %(entity)s, at, at::date, at FROM lines RETURNING id, key
    )
    INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor)
    SELECT settled.id, leg.account, 'EUR', leg.minor
    FROM settled JOIN lines ON settled.key = 'txn:txn_%(lines)s_' || n
    CROSS JOIN LATERAL (VALUES (%(clearing)s, -lines.amount), (%(provider)s, lines.amount - lines.fee),
                               (%(fees)s, lines.fee)) leg (account, minor)
    """,
    f"""
    WITH {PAYOUTS}
    INSERT INTO payments_payout
        (account_id, payout_id, currency, amount_minor, automatic, status, reconciliation, status_at, created_at,
         arrival_on, descriptor, trace_id, failure_code, retry_of, itemised_at)
    SELECT %(account)s, 'po_%(lines)s_' || p, 'EUR', net, true, 'paid', 'completed', now(), now(),
           now()::date - 30, '', '', '', '', now() FROM sent
    """,
    f"""
    WITH {PAYOUTS}, settled AS (
        INSERT INTO fundraising_entry (key, entity_id, occurred_at, accounted_on, booked_at)
        SELECT 'txn:txn_%(lines)s_p' || p, %(entity)s, now(), now()::date, now() FROM sent RETURNING id, key
    ), kept AS (
        INSERT INTO payments_balancetransaction
            (account_id, txn_id, type, reporting_category, source, payout_id, currency, amount_minor, fee_minor,
             net_minor, created_at, available_on, booked_at)
        SELECT %(account)s, 'txn_%(lines)s_p' || p, 'payout', 'payout', 'po_%(lines)s_' || p, 'po_%(lines)s_' || p,
               'EUR', -net, 0, -net, now(), now(), now() FROM sent
    ), posted AS (
        INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor)
        SELECT settled.id, leg.account, 'EUR', leg.sign * sent.net
        FROM settled JOIN sent ON settled.key = 'txn:txn_%(lines)s_p' || p
        CROSS JOIN LATERAL (VALUES (%(payouts)s, 1), (%(provider)s, -1)) leg (account, sign)
    ), line AS (
        INSERT INTO fundraising_bankline
            (bank_account_id, content, occurrence, booked_on, amount_minor, unexplained_minor, bank_reference,
             reference, name, iban, iban_index, words)
        SELECT %(bank)s, md5(p::text), 1, now()::date - 30, net, 0, p::text, '', '', '', '', '{{}}' FROM sent
        RETURNING id, amount_minor, bank_reference
    )
    INSERT INTO fundraising_match (uuid, line_id, kind, key, amount_minor, why, entry_id, at)
    SELECT gen_random_uuid(), line.id, 'payout', 'po_%(lines)s_' || line.bank_reference, line.amount_minor, '',
           -line.id, now() FROM line
    """,
]


@contextlib.contextmanager
def peak_of_database() -> Iterator[list[float]]:
    """Megabytes that the database's process of this connection had of its own at most; 0 where it runs elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        status = Path(f"/proc/{cursor.fetchone()[0]}/status")
    peak, ended = [0.0], threading.Event()

    def watch() -> None:
        with contextlib.suppress(OSError):
            while not ended.wait(0.02):
                own = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("RssAnon")]
                peak[0] = max(peak[0], sum(map(int, own)) / 1024)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()
