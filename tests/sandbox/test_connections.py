"""Cutting connections: the client sees its connection drop, and nothing is left open."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from pathlib import Path

from starlette.requests import Request

from payments.sandbox.connections import cut


def open_files() -> set[str]:
    return {entry.name for entry in Path("/dev/fd").iterdir()}


def test_a_cut_drops_the_connection_and_leaves_no_file_open() -> None:
    reading, writing = os.pipe()  # a file that is no socket, as a server has many
    with socket.create_server(("127.0.0.1", 0)) as server:
        gc.collect()  # what earlier tests left is closed now, or while we look: fewer is no matter
        before = open_files()
        for _time in range(3):
            with socket.create_connection(server.getsockname()) as client:
                accepted, peer = server.accept()
                with accepted:
                    asyncio.run(cut(Request({"type": "http", "client": peer})))
                    assert client.recv(1) == b""
        assert open_files() <= before
    os.close(reading)
    os.close(writing)
