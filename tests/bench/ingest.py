"""Events end to end, from the webhook's request to the booked donation, with a Stripe that takes 100 ms to answer.

One web process and one worker of ours, at the same time, against dj-stripe on the same server in the same run, one
delivery at a time and sixteen at once. Nothing of ours asks Stripe anything on that path; dj-stripe fetches each
event's objects before it answers.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

import httpx
from django.db import connection
from django.db.models import Max

from config import runner
from fundraising import totals
from fundraising.money import Money
from payments.models import EventState, InboxEvent
from tests import factories
from tests.bench import place, stripe_data
from tests.bench.booking import EVENTS, PEER_EVENTS, POOL, peer_rate, sandbox_events, slow_calls
from tests.bench.results import Result
from tests.bench.webhook import CONNECTIONS, send, web

LATENCY_SECONDS = 0.1


def measure() -> list[Result]:
    """All at the same sandbox; it holds the charges that dj-stripe asks for, and they are the pattern of ours."""
    port = place.free_port()
    url = runner.address(port)
    os.environ["STRIPE_API_BASE"] = url  # for our processes too, would they ask
    state = {"SANDBOX_STATE": str(place.STATE / f"sandbox-{os.getpid()}.sqlite3")}
    with place.processes(runner.sandbox(port, env=state)):
        events = sandbox_events(url, PEER_EVENTS + PEER_EVENTS // 3)
        slow = {"kind": "api_slow", "seconds": LATENCY_SECONDS, "match": "* /v1/*"}
        httpx.post(f"{url}/sandbox/faults", json={"faults": [slow]}).raise_for_status()
        return [
            compare(url, events[PEER_EVENTS:], EVENTS // 2, connections=1, target=50),
            compare(url, events[:PEER_EVENTS], EVENTS, connections=CONNECTIONS, target=None),
        ]


def compare(url: str, events: list[dict[str, Any]], count: int, *, connections: int, target: int | None) -> Result:
    """The peer first, then as many events of ours, over as many connections.

    The target is for one delivery at a time: it was set against what dj-stripe does so.
    """
    peer = peer_rate(url, events, connections=connections)
    before = slow_calls(url)
    ours = our_rate(events[0], count, connections=connections)
    calls = slow_calls(url) - before
    at_once = f"{connections} at once" if connections > 1 else "one at a time"
    return Result(
        f"ingested end to end, Stripe at {LATENCY_SECONDS * 1000:.0f} ms, {at_once}",
        f"{ours:,.0f}/s",
        f"{peer.rate:,.1f}/s by dj-stripe",
        ours / peer.rate,
        target,
        note=f"{count} events from request to booked, a web process and a worker of {POOL}, {calls} calls to Stripe; "
        f"dj-stripe handled {peer.handled} of {len(events)} with {peer.slow_calls / len(events):.1f} calls each; "
        f"{connections} connections, {runner.WEB_THREADS} threads each",
    )


def our_rate(pattern: dict[str, Any], count: int, *, connections: int) -> float:
    """Events a second from the first request to the last one booked, each the charge of a donation of its own."""
    kit = factories.make_appeal()
    account = stripe_data.account(kit)
    bodies = [
        stripe_data.text(
            stripe_data.charge_succeeded(str(payment.uuid), kit.entity.pk * 10**8 + number, pattern["data"]["object"])
        ).replace("EVENT_ID", f"evt_ingest_{number:08}")
        for number, payment in enumerate(stripe_data.payments(kit, account, count))
    ]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # these tables are seconds old; in production autovacuum has long seen them
    pool = workers(InboxEvent.objects.filter(state=EventState.HANDLED).count() + count)
    port = place.free_port()
    with place.processes(web(port)):
        for one in pool:
            assert one.stdin
            one.stdin.write("go\n")
            one.stdin.flush()
        path = f"/webhooks/stripe/{account.slug}/"
        told = send(port, path, "", stripe_data.SECRET, bodies=bodies, connections=connections)
        for one in pool:
            one.communicate(timeout=300)
    assert not told["refused"], told["first_refused"]
    assert totals.appeal_total(kit.appeal).raised == Money(count * 5000, "EUR")
    last = InboxEvent.objects.filter(account=account).aggregate(at=Max("handled_at"))["at"]
    return count / float(last.timestamp() - told["began"])


def workers(expected: int) -> list[subprocess.Popen[str]]:
    """The processes of one worker, ready to be told to go; they end when so many events are handled."""
    command = [place.PYTHON, "-m", "tests.bench.booker", str(expected)]
    pool = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place.PROJECT)
        for _ in range(POOL)
    ]
    assert [one.stdout.readline() for one in pool if one.stdout] == ["ready\n"] * POOL
    return pool
