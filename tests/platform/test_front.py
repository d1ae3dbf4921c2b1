"""The demo's front: one origin, streams that stream, and nothing the client says about itself believed."""

import http.server
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from config.front import BadRequest, rewrite
from config.processes import Group, Program, free_port
from tests.databases import PROJECT
from tests.waiting import wait_until

PATIENCE_SECONDS = 60


class Backend(http.server.BaseHTTPRequestHandler):
    """Says what it was asked, streams slowly, or takes a body."""

    protocol_version = "HTTP/1.1"
    go_on = threading.Event()
    gone = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-Backend", str(self.connection.getsockname()[1]))
        if not self.path.endswith("stream"):
            body = "".join(f"{name}: {value}\n" for name, value in self.headers.items()).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"data: 1\n\n")
        self.go_on.wait(PATIENCE_SECONDS)
        try:
            while True:
                self.wfile.write(b"data: 2\n\n")
                time.sleep(0.02)
        except OSError:
            self.gone.set()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def backends() -> Iterator[tuple[int, int]]:
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield servers[0].server_port, servers[1].server_port
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def front(backends: tuple[int, int], processes: Group) -> str:
    port = free_port()
    command = [sys.executable, "-m", "config.front", str(port), *(str(backend) for backend in backends)]
    processes.start(Program("front", command, ready_url=f"http://127.0.0.1:{port}/"))
    return f"http://127.0.0.1:{port}"


def test_totals_go_to_live_and_everything_else_to_web(front: str, backends: tuple[int, int]) -> None:
    web, live = backends
    for path, backend in {"/": web, "/it/a/x/": web, "/totals": web, "/totals/x": live, "/x/totals/": web}.items():
        assert httpx.get(front + path, timeout=PATIENCE_SECONDS).headers["X-Backend"] == str(backend), path


def test_the_client_cannot_claim_another_origin(front: str) -> None:
    forged = {
        "X-Forwarded-For": "9.9.9.9",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=9.9.9.9",
        "X-Real-IP": "9.9.9.9",
    }
    seen = httpx.get(front, headers=forged, timeout=PATIENCE_SECONDS).text
    assert "9.9.9.9" not in seen
    assert "X-Forwarded-For: 127.0.0.1\n" in seen
    assert "X-Forwarded-Proto: http\n" in seen
    assert f"X-Forwarded-Host: {front.removeprefix('http://')}\n" in seen


def test_events_arrive_as_they_are_sent_and_a_leaving_viewer_frees_the_backend(front: str) -> None:
    with httpx.stream("GET", f"{front}/totals/stream", timeout=PATIENCE_SECONDS) as response:
        chunks = response.iter_bytes()
        assert next(chunks) == b"data: 1\n\n"
        Backend.go_on.set()
        assert b"data: 2" in next(chunks)
    assert Backend.gone.wait(PATIENCE_SECONDS)


def test_a_body_of_megabytes_passes_whole(front: str) -> None:
    body = bytes(range(256)) * 20_000
    assert httpx.post(front, content=body, timeout=PATIENCE_SECONDS).content == body


def test_a_client_that_stops_sending_still_gets_its_answer(front: str) -> None:
    with socket.create_connection(("127.0.0.1", int(front.rsplit(":", 1)[1])), timeout=PATIENCE_SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"X-Forwarded-Host: example" in answer


def test_a_head_in_single_bytes_is_understood(front: str) -> None:
    with socket.create_connection(("127.0.0.1", int(front.rsplit(":", 1)[1])), timeout=PATIENCE_SECONDS) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET / HTTP/1.1\r\nHost: slow\r\n\r\n":
            client.sendall(bytes([byte]))
        assert client.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "head",
    [b"GET / HTTP/1.1\r\nno colon", b"GET http://other/ HTTP/1.1", b"GET / HTTP/1.1\r\n folded: 1", b"rubbish",
     b"GET / HTTP/1.1\r\nA : b", b"GET / HTTP/1.1\r\nA: b\nC: d", b"GET / HTTP/1.1\r\nA: \0"],
)  # fmt: skip
def test_a_head_that_two_servers_could_read_differently_is_refused(head: bytes) -> None:
    with pytest.raises(BadRequest):
        rewrite(head + b"\r\n\r\n", "127.0.0.1")


def test_an_endless_head_is_refused(front: str) -> None:
    answer = httpx.get(front, headers={"X-Long": "x" * 100_000}, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 400


def test_a_backend_that_is_down_is_said(processes: Group, tmp_path: Path) -> None:
    port, nobody = free_port(), str(free_port())
    group = Group(processes.env, PROJECT, tmp_path, restart=False)
    group.start(Program("front", [sys.executable, "-m", "config.front", str(port), nobody, nobody]))
    try:
        wait_until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
        answer = httpx.get(f"http://127.0.0.1:{port}/", timeout=PATIENCE_SECONDS)
        assert (answer.status_code, answer.headers["Retry-After"]) == (502, "2")
    finally:
        group.stop()
