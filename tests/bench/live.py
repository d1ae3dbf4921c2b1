"""Live totals: 5,000 viewers on one process against a bare event loop; the polled JSON against bare ASGI."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.db import connection

from config import runner
from config.processes import Program
from tests import factories
from tests.bench import place
from tests.bench.results import Result, percentile
from tests.factories import AppealKit

VIEWERS = int(os.environ.get("BENCH_VIEWERS", "5000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "20"))
POLLING_ROUNDS = 5


def measure() -> list[Result]:
    """Fan-out and memory, then polling."""
    kit = factories.make_appeal()
    appeal = str(kit.appeal.uuid)
    return [*streaming(kit, appeal), polling(appeal)]


# --- the stream ---------------------------------------------------------------------------------------


def streaming(kit: AppealKit, appeal: str) -> list[Result]:
    """Each server alone with its viewers, in turn and twice: what disturbs the machine disturbs both."""
    donations = [factories.open_donation(kit) for _ in range(ROUNDS)]
    bare_port, port = place.free_port(), place.free_port()
    bare_hub = place.module("tests.bench.bare_hub", bare_port, ready_port=bare_port)
    bare, ours = Told(), Told()
    for _ in range(2):
        fan_out(bare, bare_hub, bare_port, "/", lambda: notify(appeal))
        stream = f"/totals/{appeal}/stream"
        fan_out(ours, runner.live(port), port, stream, lambda: factories.receive(donations.pop()))
    return [latency(ours.rounds, bare.rounds), memory(min(ours.bytes_each), min(bare.bytes_each))]


@dataclass
class Told:
    """When viewers were told, round by round, in seconds from the change; and what each cost the server."""

    rounds: list[list[float]] = field(default_factory=list)
    bytes_each: list[float] = field(default_factory=list)


def fan_out(told: Told, server: Program, port: int, path: str, change: Callable[[], object]) -> None:
    """Half of the rounds on a server of its own."""
    with place.processes(server) as group:
        pid = group.running[0].process.pid
        alone = place.resident(pid)
        with viewers(port, path) as ask:
            first = len(ask(None))
            assert first == VIEWERS, f"{first} of {VIEWERS} viewers were told"
            told.bytes_each.append((place.resident(pid) - alone) / VIEWERS)
            for number in range(ROUNDS // 2):
                time.sleep(0.4 + 0.037 * (number % 7))  # out of step with the fold
                arrivals = ask(change)
                assert len(arrivals) == VIEWERS, f"{len(arrivals)} of {VIEWERS} viewers were told"
                told.rounds.append(arrivals)


def latency(ours: list[list[float]], bare: list[list[float]]) -> Result:
    mine, limit = typical_p99(ours), typical_p99(bare)
    whole = [percentile([one for arrivals in rounds for one in arrivals], 0.99) * 1000 for rounds in (ours, bare)]
    return Result(
        f"live: commit to {VIEWERS} viewers, p99",
        f"{mine * 1000:.0f} ms",
        f"{limit * 1000:.0f} ms",
        mine / limit,
        2,
        ceiling=True,
        note=f"median of {ROUNDS} rounds' p99 (over all rounds: {whole[0]:.0f} and {whole[1]:.0f} ms); "
        "ours from the commit of a donation through fold, NOTIFY and read; the limit from a bare NOTIFY to fixed bytes",
    )


def typical_p99(rounds: list[list[float]]) -> float:
    """The median over rounds of the time by which 99 of 100 viewers were told."""
    return statistics.median(percentile(arrivals, 0.99) for arrivals in rounds)


def memory(ours: float, bare: float) -> Result:
    return Result(
        "live: memory a viewer",
        f"{ours / 1000:.1f} kB",
        f"{bare / 1000:.1f} kB",
        ours / 1000,
        20,
        ceiling=True,
        note="the ratio is kilobytes of the server's processes",
    )


def notify(appeal: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('bare_hub', %s)", [appeal])


@contextlib.contextmanager
def viewers(port: int, path: str) -> Iterator[Callable[[Callable[[], object] | None], list[float]]]:
    """A process with VIEWERS open streams; call it with a change, get each viewer's seconds from the change."""
    command = [place.PYTHON, "-m", "tests.bench.viewers", str(port), path, str(VIEWERS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place.PROJECT)
    assert process.stdin
    assert process.stdout
    stdin, stdout = process.stdin, process.stdout

    def ask(change: Callable[[], object] | None) -> list[float]:
        began = 0.0
        if change:
            stdin.write("one more\n")
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


# --- polling ------------------------------------------------------------------------------------------


def polling(appeal: str) -> Result:
    """The cached total against a constant, both under the same server, asked in turn."""
    ports = {"ours": place.free_port(), "bare": place.free_port()}
    bare = runner.live(ports["bare"])
    command = [part.replace("fundraising.live:", "tests.bench.bare_asgi:") for part in bare.command]
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    paths = {"ours": f"/totals/{appeal}.json", "bare": "/constant.json"}
    with place.processes(runner.live(ports["ours"]), Program("bare", command, ready_url=bare.ready_url)):
        for _ in range(POLLING_ROUNDS):
            for name, port in ports.items():
                rates[name].append(get(port, paths[name]))
    ours, limit = statistics.median(rates["ours"]), statistics.median(rates["bare"])
    return Result("live: totals JSON", f"{ours:,.0f}/s", f"{limit:,.0f}/s", ours / limit, 0.8, note="16 connections")


def get(port: int, path: str) -> float:
    """Answers a second to one process with 16 connections that ask again and again."""
    command = [place.PYTHON, "-m", "tests.bench.asking", str(port), path]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=place.PROJECT)
    return float(done.stdout)
