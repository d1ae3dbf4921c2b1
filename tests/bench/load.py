"""Send signed webhooks as fast as they are answered: `python -m tests.bench.load`, its orders as JSON on stdin.

Orders: port, path, secret, connections, seconds, and either bodies or an event (JSON text with EVENT_ID where the
id goes) and how many requests. All are built and signed before the first is sent. Answers with JSON: accepted,
refused, began (Unix time), seconds, latencies.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import json
import sys
import time
from typing import Any


def requests(orders: dict[str, Any]) -> list[bytes]:
    """Whole HTTP requests: of the given bodies, or of one event with another id each time."""
    now = int(time.time())
    given: list[str] = orders["bodies"]
    numbered = (orders["event"].replace("EVENT_ID", f"evt_{orders['name']}_{n:08}") for n in range(orders["requests"]))
    return [request(orders, body.encode(), now) for body in given or numbered]


def request(orders: dict[str, Any], body: bytes, now: int) -> bytes:
    """One request, signed."""
    signature = hmac.new(orders["secret"].encode(), b"%d." % now + body, hashlib.sha256).hexdigest()
    head = (
        f"POST {orders['path']} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Stripe-Signature: t={now},v1={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Sender(asyncio.Protocol):
    """One connection that sends the next request when the last one is answered."""

    def __init__(self, left: list[bytes], ended: asyncio.Future[None], until: float) -> None:
        self.left, self.ended, self.until = left, ended, until
        self.latencies: list[float] = []
        self.refused: list[bytes] = []
        self.answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def send(self) -> None:
        if not self.left or time.monotonic() > self.until:
            self.finish()
            return
        self.sent = time.perf_counter()
        self.transport.write(self.left.pop())

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, complete, body = self.answer.partition(b"\r\n\r\n")
        if not complete or not _is_whole(head.lower(), body):
            return
        self.answer = b""
        if head.startswith(b"HTTP/1.1 200"):
            self.latencies.append(time.perf_counter() - self.sent)
        else:
            self.refused.append(head.split(b"\r\n", 1)[0])
        self.send()

    def connection_lost(self, _error: Exception | None) -> None:
        self.finish()

    def finish(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _is_whole(head: bytes, body: bytes) -> bool:
    """Whether a body has arrived, be it of a told length or in chunks; the head in small letters."""
    if b"\r\ntransfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    start = head.find(b"content-length:")
    return start < 0 or len(body) >= int(head[start + 15 :].split(b"\r\n", 1)[0])


async def run(orders: dict[str, Any]) -> dict[str, Any]:
    """Send it all, or for as long as was ordered."""
    loop = asyncio.get_running_loop()
    left = requests(orders)
    began_at, began = time.time(), time.monotonic()
    ends = [loop.create_future() for _ in range(orders["connections"])]
    until = began + orders["seconds"]
    made = [
        await loop.create_connection(functools.partial(Sender, left, end, until), "127.0.0.1", orders["port"])
        for end in ends
    ]
    await asyncio.gather(*ends)
    senders = [sender for _transport, sender in made]
    refused = [line.decode() for sender in senders for line in sender.refused]
    return {
        "accepted": sum(len(sender.latencies) for sender in senders),
        "refused": len(refused),
        "first_refused": refused[:1],
        "began": began_at,
        "seconds": time.monotonic() - began,
        "latencies": [latency for sender in senders for latency in sender.latencies],
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.loads(sys.stdin.read())))))
