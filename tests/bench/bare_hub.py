"""The limit for live totals: nothing but an event loop, sockets and LISTEN. `python -m tests.bench.bare_hub PORT`.

It parses nothing, reads no total and checks no viewer: each notification's fixed bytes are written to all sockets.
"""

from __future__ import annotations

import asyncio
import os
import sys

import psycopg

from tests.bench.limits import raise_file_limit

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FIGURES = b'{"appeal":"%s","raised":{"minor":123456,"currency":"EUR"},"donations":123}' % (b"0" * 36)
EVENT = b"id: 0123456789abcdef\nevent: totals\ndata: %s\n\nevent: heartbeat\ndata: %s\n\n" % (
    FIGURES.ljust(270),
    b" " * 40,
)
CHUNK = b"%x\r\n%s\r\n" % (len(EVENT), EVENT)

transports: set[asyncio.Transport] = set()


class Connection(asyncio.Protocol):
    """A viewer's connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transports.add(transport)

    def data_received(self, _data: bytes) -> None:
        self.transport.write(HEAD + CHUNK)

    def connection_lost(self, _error: Exception | None) -> None:
        transports.discard(self.transport)


async def serve(port: int) -> None:
    """Serve until cancelled."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=4096)
    async with server, await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"], autocommit=True) as listener:
        await listener.execute("LISTEN bare_hub")
        async for _said in listener.notifies():
            for transport in transports:
                transport.write(CHUNK)


if __name__ == "__main__":
    raise_file_limit()
    asyncio.run(serve(int(sys.argv[1])))
