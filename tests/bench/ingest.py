"""Events end to end, from the webhook's request to the booked donation, with a Stripe that takes 100 ms to answer.

One web process and one worker of ours, at the same time, against what dj-stripe acknowledges on the same server in the
same run. Nothing of ours asks Stripe anything on that path; dj-stripe fetches each event's objects before it answers.
"""

from __future__ import annotations

import os
import subprocess

import httpx
from django.db.models import Max, Min

from config import runner
from fundraising import totals
from fundraising.money import Money
from payments.models import InboxEvent
from tests import factories
from tests.bench import place, stripe_data
from tests.bench.booking import EVENTS, PEER_EVENTS, POOL, peer_rate, sandbox_events
from tests.bench.results import Result
from tests.bench.webhook import CONNECTIONS, send, web

LATENCY_SECONDS = 0.1


def measure() -> list[Result]:
    """The peer first; its events' charges are the pattern of ours."""
    port = place.free_port()
    url = runner.address(port)
    state = {"SANDBOX_STATE": str(place.STATE / f"sandbox-{os.getpid()}.sqlite3")}
    with place.processes(runner.sandbox(port, env=state)):
        events = sandbox_events(url, PEER_EVENTS)
        slow = {"kind": "api_slow", "seconds": LATENCY_SECONDS, "match": "* /v1/*"}
        httpx.post(f"{url}/sandbox/faults", json={"faults": [slow]}).raise_for_status()
        peer, refused = peer_rate(url, events)
    ours = our_rate(events[0])
    return [
        Result(
            f"ingested end to end, Stripe at {LATENCY_SECONDS * 1000:.0f} ms",
            f"{ours:,.0f}/s",
            f"{peer:,.1f}/s by dj-stripe",
            ours / peer,
            50,
            note=f"{EVENTS} events from request to booked, a web process and a worker of {POOL}; dj-stripe took "
            f"{PEER_EVENTS - refused} of {PEER_EVENTS}; {CONNECTIONS} connections, {runner.WEB_THREADS} threads each",
        )
    ]


def our_rate(pattern: dict[str, object]) -> float:
    """Events a second from the first one stored to the last one booked, each the charge of a donation of its own."""
    kit = factories.make_appeal()
    account = stripe_data.account(kit)
    charge = pattern["data"]["object"]  # type: ignore[index]
    bodies = []
    for number, payment in enumerate(stripe_data.payments(kit, account, EVENTS)):
        event = stripe_data.charge_succeeded(str(payment.uuid), number, charge)
        bodies.append(stripe_data.text(event).replace("EVENT_ID", f"evt_ingest_{number:08}"))
    handled = InboxEvent.objects.filter(state="handled").count()
    command = [place.PYTHON, "-m", "tests.bench.booker", str(handled + EVENTS)]
    pool = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place.PROJECT)
        for _ in range(POOL)
    ]
    assert [one.stdout.readline() for one in pool if one.stdout] == ["ready\n"] * POOL
    port = place.free_port()
    with place.processes(web(port)):
        for one in pool:
            assert one.stdin
            one.stdin.write("go\n")
            one.stdin.flush()
        told = send(port, f"/webhooks/stripe/{account.slug}/", "", stripe_data.SECRET, bodies=bodies)
        for one in pool:
            one.communicate(timeout=300)
    assert not told["refused"], told["first_refused"]
    assert totals.appeal_total(kit.appeal).raised == Money(EVENTS * 5000, "EUR")
    rows = InboxEvent.objects.filter(account=account)
    span = rows.aggregate(first=Min("received_at"), last=Max("handled_at"))
    return EVENTS / float((span["last"] - span["first"]).total_seconds())
