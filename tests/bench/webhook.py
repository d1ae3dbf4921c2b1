"""Webhooks acknowledged by one web process, against bare INSERTs of the same bodies on the same server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Any

from django.db import connection

from config import embedded_postgres, runner
from config.processes import Program
from tests import factories
from tests.bench import place, stripe_data
from tests.bench.results import Result, percentile

CONNECTIONS = 16
SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
LIMIT_CONNECTIONS = 8
FASTEST = 5_000  # requests a second; so many are built beforehand


def measure() -> list[Result]:
    """One process, 16 connections, kept alive."""
    account = stripe_data.account(factories.make_appeal())
    event = stripe_data.text(stripe_data.charge_succeeded(str(uuid.uuid4()), 1))
    limit = bare_inserts(account.pk, event)
    port = place.free_port()
    with place.processes(web(port)):
        told = send(port, f"/webhooks/stripe/{account.slug}/", event, stripe_data.SECRET)
    assert not told["refused"], told["first_refused"]
    stored = rows(account.pk)
    assert told["accepted"] == stored, f"{told['accepted']} acknowledged and {stored} stored"
    rate = told["accepted"] / told["seconds"]
    return [
        Result(
            "webhook acknowledged",
            f"{rate:,.0f}/s",
            f"{limit:,.0f}/s",
            rate / limit,
            0.2,
            note=f"p99 {percentile(told['latencies'], 0.99) * 1000:.0f} ms; {CONNECTIONS} connections against bare "
            f"INSERTs by {LIMIT_CONNECTIONS}; body of {len(event)} bytes",
        )
    ]


def rows(account_id: int) -> int:
    """Events stored for an account; those of other measures in the same run are others' accounts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM payments_inboxevent WHERE account_id = %s", [account_id])
        return int(cursor.fetchone()[0])


def web(port: int) -> Program:
    """The web process as it is run."""
    threads = ["--blocking-threads", str(runner.WEB_THREADS), "--backpressure", str(8 * runner.WEB_THREADS)]
    command = [*runner.granian("wsgi", "config.wsgi:application", port), *threads]
    return Program("web", command, ready_url=f"http://127.0.0.1:{port}/healthz")


def send(
    port: int, path: str, event: str, secret: str, *, bodies: list[str] | None = None, connections: int = CONNECTIONS
) -> dict[str, Any]:
    """Send bodies once each, or an event again and again, by a process of its own; what it tells."""
    orders = {
        "port": port,
        "path": path,
        "event": event,
        "secret": secret,
        "name": uuid.uuid4().hex[:8],
        "connections": connections,
        "bodies": bodies or [],
        "requests": int(SECONDS * FASTEST),
        "seconds": 120 if bodies else SECONDS,
    }
    done = subprocess.run(
        [place.PYTHON, "-m", "tests.bench.load"],
        input=json.dumps(orders),
        check=True,
        capture_output=True,
        text=True,
        cwd=place.PROJECT,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def bare_inserts(account_id: int, event: str) -> float:
    """Rows a second that PostgreSQL takes into the same table from its own load program."""
    script = (
        "INSERT INTO payments_inboxevent (account_id, event_id, type, body, state, attempts, reason, waits_for,"
        f" received_at, next_attempt_at) VALUES ({account_id}, 'bare_' || :client_id || '_' || pg_current_xact_id(),"
        f" 'bare', '\\x{event.encode().hex()}', 'received', 0, '', '', now(), now())"
        " ON CONFLICT (account_id, event_id) DO NOTHING;\n"
    )
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "insert.sql"
        path.write_text(script)
        told = pgbench("-f", str(path), "-c", str(LIMIT_CONNECTIONS), "-j", "2")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM payments_inboxevent WHERE type = 'bare'")
    return told


def pgbench(*options: str) -> float:
    """Database transactions a second by PostgreSQL's own load program."""
    program = embedded_postgres.binaries() / "pgbench"
    command = [str(program), "-n", "-M", "prepared", "-T", str(int(SECONDS)), *options, os.environ["DATABASE_URL"]]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])
