"""Cutting a connection: what an HTTP server never does of its own accord, and a network does often enough."""

import os
import socket
from contextlib import suppress
from pathlib import Path

from starlette.requests import Request


class ConnectionCut(ConnectionError):
    """The client's connection is gone; there is nobody to answer."""


async def cut(request: Request) -> None:
    """Shut the TCP connection of a request without an answer, so that the client sees it drop."""
    if request.client is None:
        return
    peer = (request.client.host, int(request.client.port))
    # The server does not hand out its sockets, so ours is found among the process's open files by its other end.
    for entry in list(Path("/dev/fd").iterdir()):
        found = _socket(int(entry.name))
        if found is None:
            continue
        with found:
            if _peer(found) == peer:  # more than one where an older connection of that port is not closed yet
                with suppress(OSError):
                    found.shutdown(socket.SHUT_RDWR)


def _socket(number: int) -> socket.socket | None:
    """The socket behind an open file, under a number of its own; None for files of other kinds."""
    try:
        own = os.dup(number)
    except OSError:  # closed meanwhile
        return None
    try:
        return socket.socket(fileno=own)
    except OSError:
        os.close(own)
        return None


def _peer(found: socket.socket) -> tuple[str, int] | None:
    try:
        name = found.getpeername()
    except OSError:
        return None
    return (name[0], name[1]) if isinstance(name, tuple) and len(name) >= 2 else None
