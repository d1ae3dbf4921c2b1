"""Live totals: 5,000 viewers on one process, from commit to viewer, against a bare event loop; JSON against bare ASGI."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator

import psycopg
from django.db import connection

from config import runner
from config.processes import Program
from tests import factories
from tests.bench import place
from tests.bench.results import Result, percentile

VIEWERS = int(os.environ.get("BENCH_VIEWERS", "5000"))
ROUNDS = 20


def measure() -> list[Result]:
    """Fan-out and memory, then polling."""
    kit = factories.make_appeal()
    appeal = str(kit.appeal.uuid)
    donations = [factories.open_donation(kit) for _ in range(ROUNDS + 1)]

    def donate() -> None:
        factories.receive(donations.pop())

    ours, ours_each = fan_out(runner.live, f"/totals/{appeal}/stream", donate)
    bare, bare_each = fan_out(bare_hub, "/", lambda: notify(appeal))
    return [
        Result(
            f"live: commit → {VIEWERS} viewers, p99",
            f"{percentile(ours, 0.99) * 1000:.0f} ms",
            f"{percentile(bare, 0.99) * 1000:.0f} ms",
            percentile(ours, 0.99) / percentile(bare, 0.99),
            2,
            ceiling=True,
            note=f"medians {percentile(ours, 0.5) * 1000:.0f} and {percentile(bare, 0.5) * 1000:.0f} ms; ours from the "
            "commit of a donation through fold, NOTIFY and read to the viewer; the limit from a bare NOTIFY to fixed bytes",
        ),
        Result(
            "live: memory a viewer",
            f"{ours_each / 1000:.1f} kB",
            f"{bare_each / 1000:.1f} kB",
            ours_each / 1000,
            20,
            ceiling=True,
            note="the ratio is kilobytes",
        ),
    ]


def notify(appeal: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('totals', %s)", [appeal])


def bare_hub(port: int) -> Program:
    return place.module("tests.bench.bare_hub", port, ready_port=0)


def fan_out(server: Callable[[int], Program], path: str, change: Callable[[], None]) -> tuple[list[list[float]], float]:
    """Seconds from `change` to each viewer, round by round, and bytes of server memory for each viewer."""
    port = place.free_port()
    with place.processes(server(port)) as group:
        time.sleep(1)
        pid = group.running[0].process.pid
        alone = place.resident(pid)
        latencies: list[list[float]] = []
        with viewers(port, path) as ask:
            told = len(ask(""))
            assert told == VIEWERS, f"{told} of {VIEWERS} viewers were told"
            each = (place.resident(pid) - alone) / VIEWERS
            for number in range(ROUNDS):
                time.sleep(0.3 + 0.037 * (number % 7))  # out of step with the fold
                arrivals = ask("change", change)
                assert len(arrivals) >= VIEWERS, f"{len(arrivals)} of {VIEWERS} viewers were told"
                latencies.append(arrivals)
    return latencies, each


@contextlib.contextmanager
def viewers(port: int, path: str) -> Iterator[Callable[..., list[float]]]:
    """A process with VIEWERS open streams; call it with a change, get each viewer's seconds from the change."""
    command = [place.PYTHON, "-m", "tests.bench.viewers", str(port), path, str(VIEWERS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place.PROJECT)
    assert process.stdin
    assert process.stdout
    stdin, stdout = process.stdin, process.stdout

    def ask(word: str, change: Callable[[], None] | None = None) -> list[float]:
        began = 0.0
        if change:
            stdin.write(f"{word}\n")
            stdin.flush()
            assert stdout.readline() == "ready\n"
            change()
            began = time.monotonic()
        return [arrival - began for arrival in json.loads(stdout.readline())]

    try:
        yield ask
    finally:
        stdin.close()
        process.wait(30)


__all__ = ["measure", "psycopg"]
