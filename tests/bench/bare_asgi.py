"""The limit for polling: an ASGI application that answers a constant of a total's size, whatever is asked."""

from typing import Any

BODY = b'{"appeal":"%s","raised":{"minor":123456,"currency":"EUR"}}' % (b"0" * 36)
BODY = BODY.ljust(270)
HEADERS = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"public, max-age=1, s-maxage=2, stale-while-revalidate=10, stale-if-error=3600"),
    (b"etag", b'"0123456789abcdef-6b022d95"'),
    (b"x-content-type-options", b"nosniff"),
    (b"content-length", b"270"),
]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
