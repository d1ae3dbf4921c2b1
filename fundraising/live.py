# ruff: noqa: E402  (Django is set up before anything of ours is imported)
"""The live process: totals as a stream of events and as cached JSON, straight on ASGI.

    GET /totals/<appeal>.json      the newest total; ETag, for any cache in between
    GET /totals/<appeal>/stream    Server-Sent Events: `totals` when a figure changes, `heartbeat` every 15 s
    GET /healthz

No request ever waits for the database, except the first for an appeal that nobody has asked for lately. The
process listens to PostgreSQL for what the fold has changed, reads it once, and tells every viewer. It folds, too.
When the database is away it goes on saying what it knows, and when that was true.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import re
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

import psycopg
from django.conf import settings
from django.db import Error, connection
from psycopg.conninfo import make_conninfo

from . import ledger, totals
from .hub import Hub, Reading, reading
from .models import Appeal, AppealState

if TYPE_CHECKING:
    from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

Header: TypeAlias = tuple[bytes, bytes]
log = logging.getLogger(__name__)

SECONDS_BETWEEN_READS = 0.25  # of one appeal: at most four a second, however fast money comes in
SECONDS_VERIFIED = 5.0  # a total that somebody looks at is read again after this time, changed or not
SECONDS_STALE = 12.0  # older than this, a request waits for a new reading …
SECONDS_PATIENCE = 1.0  # … but no longer than this
SECONDS_WATCHED = 30.0  # for so long after a request for JSON an appeal counts as looked at
SECONDS_UNKNOWN = 5.0  # for so long an appeal that was not found is not looked for again
UNKNOWN_LIMIT = 10_000
FOLD_SECONDS = 0.25
LOOK_SECONDS = 0.02  # while somebody watches, the first donation after a pause is not kept waiting
LONGEST_PAUSE = 15.0
SPARE_FILES = 256  # of the process's open-file limit, for everything but viewers

JSON = (b"content-type", b"application/json")
NO_SNIFF = (b"x-content-type-options", b"nosniff")
CACHED = (b"cache-control", b"public, max-age=1, s-maxage=2, stale-while-revalidate=10, stale-if-error=3600")
NO_STORE = (b"cache-control", b"no-store")
STREAM: list[Header] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx would otherwise hold events back
    NO_SNIFF,
]
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PATH = re.compile(rf"/totals/({_UUID})(\.json|/stream)")
_STREAM_PATH = re.compile(rf"/totals/({_UUID})/stream")


# --- the books, read in a thread of its own ---------------------------------------------------------


def read_totals(appeals: Iterable[str]) -> dict[str, Reading]:
    """The totals of those of the appeals that are public. Raises django.db.Error."""
    public = Appeal.objects.filter(uuid__in=list(appeals), campaign__published=True)
    found = {}
    try:
        for appeal in public.exclude(state=AppealState.DRAFT):
            total = totals.appeal_total(appeal)
            found[str(appeal.uuid)] = reading(totals.as_json(appeal, total), total.as_of.timestamp())
    except Error:
        connection.close()
        raise
    return found


def fold_for_ever(stop: threading.Event, is_watched: Callable[[], bool]) -> None:
    """Fold until told to stop: at most four times a second, and promptly after a quiet while."""
    pause = FOLD_SECONDS
    while not stop.wait(pause):
        try:
            pause = LOOK_SECONDS if is_watched() else FOLD_SECONDS
            if ledger.has_unfolded():
                ledger.fold()
                pause = FOLD_SECONDS
        except Exception as error:  # another live process or Beat folds meanwhile, and reading is exact without
            connection.close()
            pause = min(LONGEST_PAUSE, max(1.0, pause * 2))
            log.warning("fold failed, again in %.0f s: %s", pause, error)
    connection.close()


async def listener() -> psycopg.AsyncConnection:
    """A connection for LISTEN, by Django's parameters; it notices a dead network path within half a minute."""
    asked = {"host", "port", "dbname", "user", "password", "options"}
    given = connection.get_connection_params().items()
    kept: dict[str, str | int | None] = {name: value for name, value in given if name in asked or name[:3] == "ssl"}
    kept |= {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
    return await psycopg.AsyncConnection.connect(make_conninfo("", **kept), autocommit=True)


# --- the process ------------------------------------------------------------------------------------


class Live:
    """Keeps the hub true: listens, reads what changed, verifies what is watched, beats."""

    def __init__(self, limit: int) -> None:
        self.hub = Hub(limit)
        self.listening = False
        self.reads_fail = False
        self._due: set[str] = set()
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._unknown: dict[str, float] = {}
        self._last_read: dict[str, float] = {}
        self._work = asyncio.Event()
        self._reader = ThreadPoolExecutor(1, "totals")  # one thread, so one database connection
        self._stop_folding = threading.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._read_for_ever()),
            asyncio.create_task(self._beat()),
        ]
        watched = lambda: self.hub.viewers > 0  # noqa: E731
        threading.Thread(target=fold_for_ever, args=(self._stop_folding, watched), name="fold", daemon=True).start()

    async def stop(self) -> None:
        self.hub.close()
        self._stop_folding.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._reader.submit(connection.close)
        self._reader.shutdown(wait=False)

    def want(self, appeals: Iterable[str]) -> None:
        """Have these appeals read as soon as they may be."""
        self._due.update(appeals)
        self._work.set()

    async def know(self, appeal: str) -> None:
        """Return when the appeal has been read anew, found or not; or when patience ends."""
        now = time.monotonic()
        if self._unknown.get(appeal, 0.0) > now or len(self._awaited) >= UNKNOWN_LIMIT:
            return
        if appeal in self.hub.feeds and self.reads_fail:
            return  # what we know is all there is to say
        waiter = self._awaited.get(appeal)
        if waiter is None:
            waiter = self._awaited[appeal] = asyncio.get_running_loop().create_future()
            self.want([appeal])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiter), SECONDS_PATIENCE)

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                async with await listener() as ear:
                    await ear.execute("LISTEN totals")
                    self.listening, pause = True, 0.1
                    self.want(self.hub.feeds)  # what was said while nobody listened
                    async for said in ear.notifies():
                        if said.payload in self.hub.feeds:
                            self.want([said.payload])
            except (psycopg.Error, OSError) as error:
                log.warning("not listening, again in %.1f s: %s", pause, error)
            self.listening = False
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _read_for_ever(self) -> None:
        pause = 0.1
        while True:
            await self._work.wait()
            self._work.clear()
            ready = self._ready()
            if not ready:
                continue
            # A database that hangs is one that is away: from now on nobody waits for it.
            overdue = asyncio.get_running_loop().call_later(SECONDS_PATIENCE, setattr, self, "reads_fail", True)
            try:
                found = await asyncio.get_running_loop().run_in_executor(self._reader, read_totals, ready)
            except Exception as error:  # whatever it is: what is known is served, and the time it was true
                self.reads_fail = True
                log.warning("totals not read, again in %.1f s: %s", pause, error, exc_info=not isinstance(error, Error))
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE / 3, pause * 2)
                self.want(ready)
                continue
            finally:
                overdue.cancel()
            self.reads_fail, pause = False, 0.1
            self._publish(ready, found)

    def _ready(self) -> list[str]:
        """What is due and was not read a moment ago; sees to it that we come back for the rest."""
        now = time.monotonic()
        early = {appeal for appeal in self._due if self._last_read.get(appeal, 0.0) + SECONDS_BETWEEN_READS > now}
        ready, self._due = list(self._due - early), early
        if early:
            wait = min(self._last_read[appeal] for appeal in early) + SECONDS_BETWEEN_READS - now
            asyncio.get_running_loop().call_later(wait, self._work.set)
        return ready

    def _publish(self, read: list[str], found: dict[str, Reading]) -> None:
        now = time.monotonic()
        for appeal in read:
            self.hub.publish(appeal, found.get(appeal), now)
            if appeal in found:
                self._last_read[appeal] = now
            else:
                self._forget(appeal, now)
            if waiter := self._awaited.pop(appeal, None):
                waiter.set_result(None)

    def _forget(self, appeal: str, now: float) -> None:
        self._last_read.pop(appeal, None)
        if len(self._unknown) >= UNKNOWN_LIMIT:
            self._unknown.clear()
        self._unknown[appeal] = now + SECONDS_UNKNOWN

    async def _beat(self) -> None:
        """Every second: heartbeats, and a new reading of what is looked at, so that `as_of` stays honest."""
        second = 0
        while True:
            await asyncio.sleep(1)
            second += 1
            now = time.monotonic()
            self.want(
                appeal
                for appeal, feed in self.hub.feeds.items()
                if now - feed.read_at >= SECONDS_VERIFIED and (feed.viewers or now - feed.asked_at < SECONDS_WATCHED)
            )
            self.hub.beat(second)


# --- HTTP -------------------------------------------------------------------------------------------


async def answer(
    send: ASGISendCallable, status: int, headers: list[Header], body: bytes = b"", *, head: bool = False
) -> None:
    """Send a whole answer; for HEAD everything but the body."""
    length = (b"content-length", b"%d" % len(body))
    extra = [] if status == 304 else [length]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *extra], "trailers": False})
    await send({"type": "http.response.body", "body": b"" if head else body, "more_body": False})


async def problem(send: ASGISendCallable, status: int, title: str, *headers: Header, head: bool = False) -> None:
    body = json.dumps({"title": title, "status": status}).encode()
    kind = (b"content-type", b"application/problem+json")
    await answer(send, status, [kind, NO_SNIFF, *(headers or (NO_STORE,))], body, head=head)


def header(scope: HTTPScope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            return value
    return b""


async def respond(live: Live, scope: HTTPScope, send: ASGISendCallable) -> None:
    """Answer anything but a stream."""
    path, head = scope["path"], scope["method"] == "HEAD"
    if not head and scope["method"] != "GET":
        await problem(send, 405, "Method not allowed", (b"allow", b"GET, HEAD"), NO_STORE)
    elif path == "/healthz":
        await health(live, send, head=head)
    elif not (known := _PATH.fullmatch(path)):
        await problem(send, 404, "Not found", head=head)
    elif known[2] == ".json":
        await total(live, known[1], header(scope, b"if-none-match"), send, head=head)
    else:  # a HEAD request for a stream
        await answer(send, 200, STREAM, head=True)


async def health(live: Live, send: ASGISendCallable, *, head: bool) -> None:
    """Well as long as it answers: without a database it still serves what it knows."""
    state = {
        "status": "ok",
        "listening": live.listening,
        "reading": not live.reads_fail,
        "viewers": live.hub.viewers,
    }
    await answer(send, 200, [JSON, NO_STORE], json.dumps(state).encode(), head=head)


async def total(live: Live, appeal: str, tag: bytes, send: ASGISendCallable, *, head: bool) -> None:
    now = time.monotonic()
    feed = live.hub.feeds.get(appeal)
    if feed is None or now - feed.read_at > SECONDS_STALE:
        await live.know(appeal)
        feed = live.hub.feeds.get(appeal)
    if feed is None:
        await not_known(live, appeal, send, head=head)
        return
    feed.asked_at = now
    headers = [JSON, CACHED, (b"etag", feed.etag), NO_SNIFF]
    if tag and (feed.etag in tag or tag == b"*"):
        await answer(send, 304, headers[1:3])
    else:
        await answer(send, 200, headers, feed.reading.json, head=head)


async def not_known(live: Live, appeal: str, send: ASGISendCallable, *, head: bool = False) -> None:
    """Say that there is no such appeal only if the books said so."""
    if live._unknown.get(appeal, 0.0) > time.monotonic():
        await problem(send, 404, "No such appeal", (b"cache-control", b"public, max-age=2"), head=head)
    else:
        await problem(send, 503, "Not known at the moment", (b"retry-after", b"2"), NO_STORE, head=head)


async def stream(live: Live, appeal: str, told: str, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Send the newest total until the viewer has gone. `told` is the version it has seen before."""
    if live.hub.is_full:
        await problem(send, 503, "Too many viewers; ask for the JSON", (b"retry-after", b"30"), NO_STORE)
        return
    if appeal not in live.hub.feeds:
        await live.know(appeal)
    feed = live.hub.feeds.get(appeal)
    if feed is None:
        await not_known(live, appeal, send)
        return
    await receive()  # the request's (empty) body; what comes next is its end
    viewer = live.hub.join(feed, told)
    gone = asyncio.ensure_future(receive())
    gone.add_done_callback(viewer.wake)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": STREAM, "trailers": False})
        # Each browser comes back after a time of its own, so that a crowd cut off at once does not return at once.
        retry = b"retry: %d\n\n" % random.randint(2000, 6000)  # noqa: S311
        await send({"type": "http.response.body", "body": retry, "more_body": True})
        while feed.is_open and not gone.done():
            await send({"type": "http.response.body", "body": feed.message_for(viewer), "more_body": True})
            await viewer.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        live.hub.leave(feed, viewer)
        gone.cancel()


def viewer_limit() -> int:
    """As many as were asked for, and as open files allow; the soft limit is raised to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    wished: int = settings.LIVE_VIEWERS
    return wished if soft == resource.RLIM_INFINITY else max(1, min(wished, soft - SPARE_FILES))


def before_signals(act: Callable[[], None]) -> None:
    """Act as soon as the process is told to end: servers wait for open requests first, and streams stay open."""
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def chained(received: int, frame: FrameType | None, before: object = before) -> None:
            loop.call_soon_threadsafe(act)
            if callable(before):
                before(received, frame)

        signal.signal(number, chained)


class Application:
    """The ASGI application. One Live, made when the server starts it."""

    live: Live

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http":
            watched = scope["method"] == "GET" and _STREAM_PATH.fullmatch(scope["path"])
            if not watched:
                await respond(self.live, scope, send)
                return
            appeal, told = watched[1], header(scope, b"last-event-id").decode("latin-1")
            del scope, watched  # a stream lasts for hours: every byte it holds is held thousands of times
            await stream(self.live, appeal, told, receive, send)
        elif scope["type"] == "lifespan":
            await self._live_through(receive, send)

    async def _live_through(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.live = Live(viewer_limit())
                self.live.start()
                before_signals(self.live.hub.close)
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.live.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


application = Application()
