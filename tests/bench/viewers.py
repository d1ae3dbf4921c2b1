"""Many viewers of one stream, in a process of their own: `python -m tests.bench.viewers PORT PATH COUNT`.

For each line on standard input it waits until every viewer has had one more total, then prints a JSON list of when
each of them had it (the system's monotonic clock, which all processes share).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from tests.bench.limits import raise_file_limit

WAVE = 250  # connections opened together
EVENT = b"event: totals\n"


class Viewer(asyncio.Protocol):
    """One connection; notes the moment of each total."""

    def __init__(self, arrivals: list[float], enough: asyncio.Event, count: int, request: bytes) -> None:
        self.arrivals, self.enough, self.count, self.request = arrivals, enough, count, request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if EVENT in data:
            self.arrivals.append(time.monotonic())
            if len(self.arrivals) == self.count:
                self.enough.set()


async def watch(port: int, path: str, count: int) -> None:
    """Open the connections, then serve rounds until standard input ends."""
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode()
    arrivals: list[float] = []
    enough = asyncio.Event()
    for start in range(0, count, WAVE):
        size = min(WAVE, count - start)
        await asyncio.gather(
            *(
                loop.create_connection(lambda: Viewer(arrivals, enough, count, request), "127.0.0.1", port)
                for _ in range(size)
            )
        )
    while True:
        try:
            async with asyncio.timeout(15):
                await enough.wait()
            await asyncio.sleep(0.2)  # what comes twice would show
        except TimeoutError:
            pass
        print(json.dumps(arrivals), flush=True)
        # The first list is that of the totals at connect; each line asks for one more.
        if not await loop.run_in_executor(None, sys.stdin.readline):
            return
        arrivals.clear()
        enough.clear()
        print("ready", flush=True)


if __name__ == "__main__":
    raise_file_limit()
    asyncio.run(watch(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
