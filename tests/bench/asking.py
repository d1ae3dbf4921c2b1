"""Ask for one address again and again over 16 connections.

`python -m tests.bench.asking PORT PATH` prints answers a second.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

CONNECTIONS = 16
PIPELINED = 4  # requests that a connection has under way, so that the asking is not what is measured
SECONDS = float(os.environ.get("BENCH_SECONDS", "4")) / 2


class Asker(asyncio.Protocol):
    """One connection; counts answers."""

    def __init__(self, request: bytes) -> None:
        self.request, self.answers = request, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request * PIPELINED)

    def data_received(self, data: bytes) -> None:
        got = data.count(b"HTTP/1.1 200")
        assert b"HTTP/1.1 4" not in data, data[:200]
        self.answers += got
        if got:
            self.transport.write(self.request * got)


async def run(port: int, path: str) -> float:
    """Answers a second."""
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    made = [await loop.create_connection(lambda: Asker(request), "127.0.0.1", port) for _ in range(CONNECTIONS)]
    await asyncio.sleep(0.3)
    before, began = sum(asker.answers for _, asker in made), time.monotonic()
    await asyncio.sleep(SECONDS)
    rate = (sum(asker.answers for _, asker in made) - before) / (time.monotonic() - began)
    for transport, _ in made:
        transport.close()
    return rate


if __name__ == "__main__":
    print(asyncio.run(run(int(sys.argv[1]), sys.argv[2])))
