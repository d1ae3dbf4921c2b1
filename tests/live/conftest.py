"""A real live process on a free port, and a viewer that reads its stream."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from django.db.models.expressions import RawSQL

from config import runner
from config.processes import Group, free_port
from fundraising import ledger
from fundraising.models import Entry
from tests import databases
from tests.waiting import wait_until

PATIENCE = 60.0  # seconds; what comes sooner is seen sooner
# The first one to ask for an appeal waits a second at most for the books, and is then asked to come back.
NOT_KNOWN = (503, "2")


def fold_all() -> None:
    """Fold until nothing is left. Writers in any database of the server hold a fold back, those of other tests too."""

    def folded() -> bool:
        ledger.fold()
        return not Entry.objects.filter(xid__gte=RawSQL("(SELECT xid FROM fundraising_fold)", [])).exists()

    wait_until(folded, 60, "everything folded")


@dataclass
class Event:
    """One Server-Sent Event."""

    name: str = "message"
    id: str = ""
    data: str = ""

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.data)
        return found


@dataclass
class Stream:
    """A raw connection to a stream: what a browser's EventSource would see of it."""

    connection: socket.socket
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    _buffer: bytes = b""
    _text: bytes = b""

    def open(self, path: str, **headers: str) -> Stream:
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: localhost",
            *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
        ]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        head = self._until(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        return self

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            received = self.connection.recv(65536)
            if not received:
                raise EOFError("the stream has ended")
            self._buffer += received
        found, _, self._buffer = self._buffer.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += self.connection.recv(65536)
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def next(self) -> Event:
        """The next event. Raises TimeoutError, and EOFError after the last chunk."""
        while b"\n\n" not in self._text:
            size = int(self._until(b"\r\n"), 16)
            if not size:
                raise EOFError("the stream has ended")
            self._text += self._exactly(size)
            self._exactly(2)
        block, _, self._text = self._text.partition(b"\n\n")
        event = Event()
        for line in block.decode().split("\n"):
            name, _, value = line.partition(": ")
            if name == "event":
                event.name = value
            elif name in {"id", "data"}:
                setattr(event, name, value)
        return event

    def named(self, name: str) -> Event:
        """The next event of that name. Raises AssertionError after a minute of others: heartbeats never end."""
        deadline = time.monotonic() + PATIENCE
        while (event := self.next()).name != name:
            assert time.monotonic() < deadline, f"no {name} within {PATIENCE:g} s"
        return event


@dataclass(frozen=True)
class LiveProcess:
    """A running live process."""

    port: int
    http: httpx.Client
    log: Path
    group: Group

    def stop(self) -> int:
        """Tell it to end; its exit code, negative when it had to be killed."""
        self.group.stop()
        return int(self.group.find("live").process.returncode)

    def watch(self, appeal: object, **headers: str) -> Stream:
        """Open the stream of an appeal; again while the books are not read yet, as the answer asks for."""

        def opened() -> Stream | None:
            connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            stream = Stream(connection).open(f"/totals/{appeal}/stream", **headers)
            if (stream.status, stream.headers.get("retry-after")) != NOT_KNOWN:
                return stream
            connection.close()
            return None

        found = wait_until(opened, PATIENCE, "the total is known")
        assert found
        return found

    def get(self, path: str, **headers: str) -> httpx.Response:
        """The answer to a request; asked again while the books are not read yet, as the answer asks for."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}

        def answered() -> httpx.Response | None:
            answer = self.http.get(path, headers=told)
            return None if (answer.status_code, answer.headers.get("retry-after")) == NOT_KNOWN else answer

        found = wait_until(answered, PATIENCE, "the total is known")
        assert found is not None
        return found

    def ask(self, appeal: object, **headers: str) -> httpx.Response:
        return self.get(f"/totals/{appeal}.json", **headers)

    def health(self) -> dict[str, object]:
        found: dict[str, object] = self.http.get("/healthz").json()
        return found


@contextlib.contextmanager
def live_process(logs: Path, **env: str) -> Iterator[LiveProcess]:
    port = free_port()
    given = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": databases.url(), **env}
    group = Group(given, databases.PROJECT, logs, restart=False)
    try:
        group.start(replace(runner.live(port), patience=PATIENCE))
        with httpx.Client(base_url=runner.address(port), timeout=PATIENCE) as http:
            yield LiveProcess(port, http, logs / "live.log", group)
    finally:
        group.stop()
        print((logs / "live.log").read_text())


@pytest.fixture
def live(database_url: str, tmp_path: Path) -> Iterator[LiveProcess]:
    """One live process on this test's database."""
    with live_process(tmp_path) as process:
        yield process


@pytest.fixture
def start_live(database_url: str, tmp_path: Path) -> Iterator[Callable[..., LiveProcess]]:
    """Start live processes with an environment of their own."""
    with contextlib.ExitStack() as stack:
        numbers = itertools.count()
        yield lambda **env: stack.enter_context(live_process(tmp_path / f"live-{next(numbers)}", **env))
