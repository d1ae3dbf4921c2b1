"""What is kept on disk, and where the sandbox will not run."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from config.processes import answers, free_port
from tests import databases
from tests.sandbox.conftest import Desk, client_for
from tests.waiting import wait_until

COMMAND = ["-m", "granian", "--interface", "asgi", "payments.sandbox.app:application", "--host", "127.0.0.1", "--port"]


@contextmanager
def _running(state: Path) -> Iterator[tuple[Desk, subprocess.Popen[bytes]]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, *COMMAND, str(port)],
        cwd=databases.PROJECT,
        env={**os.environ, "SANDBOX_STATE": str(state), "SANDBOX_SEPA_DELAY": "3600"},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(url), what="the sandbox to start")
        with httpx.Client(base_url=url, timeout=60) as http:
            yield Desk(url, http, client_for(url)), process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_state_survives_a_kill_and_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.sqlite3"
    with _running(state) as (desk, process):
        desk.advance(3600)
        intent = desk.donate(case="sepa_succeeds")
        before = desk.state()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    with _running(state) as (desk, _):
        assert desk.state() == before
        assert desk.http.get("/sandbox/clock").json()["now"] >= intent.created
        desk.advance(86_400)
        assert desk.intent(intent.id).status == "succeeded"


def test_an_undelivered_webhook_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.sqlite3"
    with _running(state) as (desk, _):
        nobody = f"http://127.0.0.1:{free_port()}/"
        desk.stripe.v1.webhook_endpoints.create({"url": nobody, "enabled_events": ["customer.created"]})
        desk.stripe.v1.customers.create({"name": "A"})
    with _running(state) as (desk, _):
        assert desk.http.get("/sandbox/state").json()["deliveries"] == {"pending": 1}


def test_the_sandbox_does_not_start_in_production() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import payments.sandbox.app"],
        cwd=databases.PROJECT,
        env={**os.environ, "OPENAPPEAL_ENV": "production"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "does not run in production" in run.stderr
