"""Events booked by one worker of ours, against events acknowledged by dj-stripe on the same server in the same run.

dj-stripe handles an event before it acknowledges it, and fetches the objects from Stripe: here from our sandbox on the
same machine, the fastest Stripe there is. Both get events of real charges of that sandbox. Ours are stored already
(what storing costs is measured apart) and are handled by the task's own function.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from django.db import connection
from psycopg import sql

from config import runner
from config.processes import Program
from fundraising import totals
from fundraising.money import Money
from payments import inbox
from payments.models import EventState, InboxEvent
from tests import factories
from tests.bench import place, stripe_data
from tests.bench.results import Result
from tests.bench.webhook import CONNECTIONS, send

EVENTS = int(os.environ.get("BENCH_EVENTS", "2000"))
PEER_EVENTS = int(os.environ.get("BENCH_PEER_EVENTS", "120"))
PEER = place.STATE / "dj-stripe"
POOL = 2  # processes of one worker, as the runner starts it
KEY = "sk_test_benchmark000000000000000000"


def measure() -> list[Result]:
    """The peer first; its events' charges are the pattern of ours."""
    port = place.free_port()
    url = runner.address(port)
    state = {"SANDBOX_STATE": str(place.STATE / f"sandbox-{os.getpid()}.sqlite3")}
    with place.processes(runner.sandbox(port, env=state)):
        events = sandbox_events(url, PEER_EVENTS)
        peer = peer_rate(url, events)
    ours = our_rate(events[0])
    return [
        Result(
            "booked by one worker",
            f"{ours:,.0f}/s",
            f"{peer.rate:,.1f}/s by dj-stripe",
            ours / peer.rate,
            15,
            note=f"{EVENTS} events, a worker of {POOL} processes; dj-stripe handled {peer.handled} of "
            f"{PEER_EVENTS}, {CONNECTIONS} connections, {runner.WEB_THREADS} threads, Stripe played by our sandbox",
        )
    ]


# --- the sandbox's events -----------------------------------------------------------------------------


def sandbox_events(url: str, count: int) -> list[dict[str, Any]]:
    """Events of that many card payments."""
    with httpx.Client(base_url=url, auth=(KEY, ""), timeout=30) as stripe:
        for _ in range(count):
            paid = {"amount": 5000, "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa"}
            stripe.post("/v1/payment_intents", data={**paid, "payment_method_types[]": "card"}).raise_for_status()
        found: list[dict[str, Any]] = []
        while len(found) < count:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = stripe.get("/v1/events", params={"type": "charge.succeeded", "limit": 100, **after}).json()["data"]
            found += page
            assert page, "the sandbox keeps fewer events than payments"
        return found[:count]


# --- dj-stripe ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Peer:
    """What dj-stripe did: events a second, how many it handled, and its calls to Stripe that a fault made slow."""

    rate: float
    handled: int
    slow_calls: int


def peer_rate(stripe: str, events: list[dict[str, Any]], *, connections: int = CONNECTIONS) -> Peer:
    """Send dj-stripe the events; it has handled each when it acknowledges it."""
    python = install_peer()
    with peer_database() as database:
        env = {"PEER_DATABASE_URL": database, "STRIPE_API_BASE": stripe, "PYTHONPATH": str(Path(__file__).parent)}
        command = [str(python), "-m", "peer.prepare", stripe_data.SECRET]
        made = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr[-2000:]
        port = place.free_port()
        threads = ["--blocking-threads", str(runner.WEB_THREADS), "--backpressure", str(8 * runner.WEB_THREADS)]
        served = [str(python), *runner.granian("wsgi", "peer.wsgi:application", port)[1:], *threads]
        with place.processes(Program("dj-stripe", served, ready_url=f"http://127.0.0.1:{port}/up", env=env)):
            path = f"/stripe/webhook/{made.stdout.split()[-1]}/"
            before = slow_calls(stripe)
            bodies = [stripe_data.text(event) for event in events]
            told = send(port, path, "", stripe_data.SECRET, bodies=bodies, connections=connections)
            calls = slow_calls(stripe) - before
        handled = peer_handled(database)
    assert handled == told["accepted"] > len(events) / 2, (handled, told["accepted"], told["first_refused"])
    return Peer(handled / told["seconds"], handled, calls)


def slow_calls(stripe: str) -> int:
    """Calls that the sandbox has answered slowly since its faults were set."""
    return int(httpx.get(f"{stripe}/sandbox/faults").json()["injected"].get("api_slow", 0))


def peer_handled(database: str) -> int:
    """Events whose webhook dj-stripe noted as processed and whose charge it keeps."""
    with psycopg.connect(database) as server:
        found = server.execute(
            "SELECT count(DISTINCT event.id) FROM djstripe_webhookeventtrigger webhook"
            " JOIN djstripe_event event ON webhook.event_id = event.id"
            " JOIN djstripe_charge charge ON charge.id = event.stripe_data #>> '{data,object,id}'"
            " WHERE webhook.processed"
        ).fetchone()
    return int(found[0]) if found else 0


def install_peer() -> Path:
    """dj-stripe in an environment of its own; its interpreter."""
    python = PEER / "bin" / "python"
    locked = place.PROJECT / "requirements" / "bench.txt"
    stamp = PEER / "installed.txt"
    if not stamp.exists() or stamp.read_text() != locked.read_text():
        venv.create(PEER, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(locked)]
        subprocess.run(install, check=True)
        stamp.write_text(locked.read_text())
    return python


@contextlib.contextmanager
def peer_database() -> Iterator[str]:
    """A database for dj-stripe beside ours."""
    ours = os.environ["DATABASE_URL"]
    base, _, query = ours.partition("?")
    name = f"bench_peer_{os.getpid()}"
    with psycopg.connect(ours, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


# --- ours ---------------------------------------------------------------------------------------------


def our_rate(pattern: dict[str, Any]) -> float:
    """Events a second that one worker books, each the charge of a donation of its own."""
    kit = factories.make_appeal()
    account = stripe_data.account(kit)
    for number, payment in enumerate(stripe_data.payments(kit, account, EVENTS)):
        event = stripe_data.charge_succeeded(str(payment.uuid), number, pattern["data"]["object"])
        inbox.store(account.pk, stripe_data.text(event).replace("EVENT_ID", f"evt_booking_{number:08}").encode())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    command = [place.PYTHON, "-m", "tests.bench.booker"]
    pool = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place.PROJECT)
        for _ in range(POOL)
    ]
    assert [one.stdout.readline() for one in pool if one.stdout] == ["ready\n"] * POOL
    for one in pool:
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    seconds = max(float(one.communicate()[0]) for one in pool)
    states = dict.fromkeys(InboxEvent.objects.filter(account=account).values_list("state", flat=True).distinct())
    assert list(states) == [EventState.HANDLED], states
    assert totals.appeal_total(kit.appeal).raised == Money(EVENTS * 5000, "EUR")
    return EVENTS / seconds


__all__ = ["json", "measure"]
