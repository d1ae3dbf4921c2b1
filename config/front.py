"""One address for web and live, as a reverse proxy gives it in production: for the demo and the tests only.

`python -m config.front PORT WEB_PORT LIVE_PORT` listens on loopback, hands /totals/… to live and all else to web.
It answers one request for each connection, so it need not understand bodies: after the head, bytes are passed on as
they come, and a stream of events streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Final

HEAD_BYTES: Final = 64 * 1024
HEAD_SECONDS: Final = 30.0
CHUNK: Final = 64 * 1024
LIVE_PREFIX: Final = b"/totals/"
# Ours to say, never the client's: what it claims about its origin is dropped.
REPLACED: Final = frozenset(
    b"connection keep-alive proxy-connection forwarded x-forwarded-for x-forwarded-host x-forwarded-proto "
    b"x-forwarded-port x-real-ip".split()
)


class BadRequest(ValueError):
    """The request's head cannot be understood."""


def rewrite(head: bytes, client: str) -> tuple[bytes, bytes]:
    """Return the target of a request and its head as the backend shall see it. Raises BadRequest."""
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or not words[1].startswith(b"/") or not words[2].startswith(b"HTTP/1."):
        raise BadRequest
    host, kept = b"", []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip() or set(line) & {0, 10, 13}:
            raise BadRequest  # folded lines, `Name :` and stray line ends: what two servers could read differently
        if name.lower() == b"host":
            host = value.strip()
        if name.lower() not in REPLACED:
            kept.append(line)
    said = [b"X-Forwarded-For: " + client.encode(), b"X-Forwarded-Proto: http", b"X-Forwarded-Host: " + host]
    return words[1], b"\r\n".join([first, *kept, *said, b"Connection: close", b"", b""])


async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass bytes on as they come until the source ends or the sink is gone."""
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(CHUNK):
            sink.write(chunk)
            await sink.drain()


def plain(status: str, text: str) -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Cache-Control: no-store\r\nRetry-After: 2\r\nConnection: close\r\n\r\n".encode() + body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, web: int, live: int) -> None:
    """Serve one connection: one request, one response."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
        target, head = rewrite(head, writer.get_extra_info("peername")[0])
    except (asyncio.IncompleteReadError, TimeoutError):
        return  # it said nothing, or not all
    except (asyncio.LimitOverrunError, BadRequest):
        writer.write(plain("400 Bad Request", "This request cannot be understood.\n"))
        return
    try:
        answer, ask = await asyncio.open_connection("127.0.0.1", live if target.startswith(LIVE_PREFIX) else web)
    except OSError:
        writer.write(plain("502 Bad Gateway", "The service is starting or restarting; try again in a moment.\n"))
        return
    ask.write(head)
    # The client's end of sending is not the end of its listening: only the response's end ends the exchange.
    sending = asyncio.create_task(pour(reader, ask))
    try:
        await pour(answer, writer)
    finally:
        sending.cancel()
        ask.close()


async def serve(port: int, web: int, live: int) -> None:
    """Listen on a loopback port until cancelled."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await exchange(reader, writer, web, live)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port, limit=HEAD_BYTES, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(*(int(number) for number in sys.argv[1:4])))
