"""Who watches which total, and what they were last told. Pure asyncio: knows no database and no HTTP.

A viewer only ever needs the newest total. So nothing is queued for anyone: a change wakes the viewers,
and each takes what is newest when its connection can take more. A slow viewer skips, and costs no memory.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

HEARTBEAT_SECONDS = 15


@dataclass(frozen=True)
class Reading:
    """A total as read from the books: its JSON, its version, and when it was true (seconds of the epoch)."""

    version: str
    json: bytes
    true_at: float


class Viewer:
    """One open stream. `told` is the version it has been sent."""

    __slots__ = ("_called", "_waiter", "slot", "told")

    def __init__(self, told: str, slot: int) -> None:
        self.told = told
        self.slot = slot
        self._called = False  # woken while not waiting: the next wait is none
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Return when there may be something to say, or nothing left to say it to."""
        if not self._called:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
            self._waiter = None
        self._called = False

    def wake(self, _done: object = None) -> None:
        self._called = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Feed:
    """The newest total of one appeal, encoded once for everybody, and its viewers."""

    def __init__(self, reading: Reading, asked_at: float) -> None:
        self.viewers: set[Viewer] = set()
        self.asked_at = asked_at  # both by the monotonic clock
        self.read_at = asked_at
        self.is_open = True
        self.reading = reading
        self._heartbeat = self._both = b""
        self._encode()

    def take(self, reading: Reading) -> bool:
        """Replace the total; whether a figure has changed."""
        is_news = self.reading.version != reading.version
        self.reading = reading
        self._encode()
        return is_news

    def _encode(self) -> None:
        version = self.reading.version.encode()
        # The time is part of the answer, so it is part of the tag: a 304 never vouches for an older one.
        self.etag = b'"%s-%x"' % (version, int(self.reading.true_at))
        self._event = b"id: %s\nevent: totals\ndata: %s\n\n" % (version, self.reading.json)
        self._second = 0  # what was put together of it is out of date

    def message_for(self, viewer: Viewer) -> bytes:
        """The total if the viewer does not have it yet, and in any case how old the knowledge of it is.

        Encoded once a second, whoever asks: the same bytes go to everybody.
        """
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._heartbeat = self._heartbeat_at(second)
            self._both = self._event + self._heartbeat
        if viewer.told == self.reading.version:
            return self._heartbeat
        viewer.told = self.reading.version
        return self._both

    def _heartbeat_at(self, second: int) -> bytes:
        """When the total was last true, and how many seconds ago: browsers' clocks are often wrong."""
        as_of = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.reading.true_at))
        age = max(0, second - int(self.reading.true_at))
        return b'event: heartbeat\ndata: {"as_of":"%s","age":%d}\n\n' % (as_of.encode(), age)

    def wake(self, viewers: Iterable[Viewer] | None = None) -> None:
        for viewer in self.viewers if viewers is None else viewers:
            viewer.wake()

    def close(self) -> None:
        """End every stream: the appeal is not public any more, or the process is about to stop."""
        self.is_open = False
        self.wake()


@dataclass
class Hub:
    """All feeds, and the count of their viewers."""

    limit: int
    feeds: dict[str, Feed] = field(default_factory=dict)
    viewers: int = 0
    _joined: int = 0

    @property
    def is_full(self) -> bool:
        return self.viewers >= self.limit

    def join(self, feed: Feed, told: str) -> Viewer:
        """Add a viewer. Heartbeats of different viewers fall into different seconds."""
        self._joined += 1
        viewer = Viewer(told, self._joined % HEARTBEAT_SECONDS)
        feed.viewers.add(viewer)
        self.viewers += 1
        return viewer

    def leave(self, feed: Feed, viewer: Viewer) -> None:
        if viewer in feed.viewers:
            feed.viewers.discard(viewer)
            self.viewers -= 1

    def publish(self, appeal: str, reading: Reading | None, now: float) -> None:
        """Take a fresh reading of an appeal; none means that it is not public (any more)."""
        feed = self.feeds.get(appeal)
        if reading is None:
            if feed is not None:
                del self.feeds[appeal]
                feed.close()
        elif feed is None:
            self.feeds[appeal] = Feed(reading, now)
        else:
            feed.read_at = now
            if feed.take(reading):
                feed.wake()

    def beat(self, second: int) -> None:
        """Wake the viewers whose heartbeat is due in this second."""
        slot = second % HEARTBEAT_SECONDS
        for feed in self.feeds.values():
            feed.wake([viewer for viewer in feed.viewers if viewer.slot == slot])

    def close(self) -> None:
        for feed in self.feeds.values():
            feed.close()


def reading(figures: dict[str, object], true_at: float) -> Reading:
    """A reading of what totals.as_json returned."""
    return Reading(str(figures["version"]), json.dumps(figures, separators=(",", ":")).encode(), true_at)
