"""The process runner: says what dies, starts it again, and never leaves an orphan."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config import processes
from config.processes import Group, ProcessError, Program, free_port
from tests.databases import PROJECT
from tests.waiting import wait_until

# A program with a child of its own, which ignores the polite signal, as the worst of servers do.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
text = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", text])
print("pids", os.getpid(), child.pid, flush=True)
time.sleep(600)
"""
RUNNER = """
import sys, time
from pathlib import Path
from config.processes import Group, Program
group = Group({"PATH": ""}, Path("."), Path(sys.argv[1]), say=lambda _name, line: print(line, flush=True))
group.start(Program("stubborn", [sys.executable, "-c", sys.argv[2]], ready_words="pids"))
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be collected has."""
    if Path("/proc/self/stat").exists():
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"
    shown = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True)
    return shown.stdout.strip()[:1] in {"", "Z"}


@pytest.fixture
def lines() -> list[str]:
    return []


def group(tmp_path: Path, lines: list[str], restart: bool = True) -> Group:
    return Group(
        dict(os.environ), PROJECT, tmp_path / "logs", lambda name, line: lines.append(f"{name}: {line}"), restart
    )


def script(name: str, text: str, **options: str) -> Program:
    return Program(name, [sys.executable, "-u", "-c", text], **options)  # type: ignore[arg-type]


def test_who_waits_for_a_line_finds_it_logged_and_shown(tmp_path: Path) -> None:
    told: list[str] = []

    def say(_name: str, line: str) -> None:
        time.sleep(0.2)  # as a slow terminal would take
        told.append(line)

    running = Group(dict(os.environ), PROJECT, tmp_path, say)
    running.start(script("web", "import time; print('up'); time.sleep(600)", ready_words="up"))
    assert (told, (tmp_path / "web.log").read_text()) == (["up"], "up\n")
    running.stop()


def test_stopping_ends_the_stubborn_and_their_children(tmp_path: Path, lines: list[str]) -> None:
    running = group(tmp_path, lines)
    running.start(Program("stubborn", [sys.executable, "-c", STUBBORN], ready_words="pids", patience=0.3))
    pids = [int(word) for word in lines[0].split()[2:]]
    running.stop()
    assert len(pids) == 2
    wait_until(lambda: all(gone(pid) for pid in pids))


def test_a_killed_runner_leaves_no_orphan(tmp_path: Path) -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(tmp_path), STUBBORN], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout is not None
    with runner.stdout as output:
        pids = [int(word) for word in output.readline().split()[1:]]
    assert not any(gone(pid) for pid in pids)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    wait_until(lambda: all(gone(pid) for pid in pids))


def test_what_dies_is_said_and_started_again(tmp_path: Path, lines: list[str]) -> None:
    running = group(tmp_path, lines)
    running.start(script("web", "import time; print('up'); time.sleep(600)", ready_words="up"))
    os.kill(running.find("web").process.pid, signal.SIGKILL)
    wait_until(lambda: lines.count("web: up") == 2)
    running.stop()
    assert "web: ended (signal SIGKILL); starting it again in 0.5 s, 1 of 5" in lines


def test_what_keeps_dying_is_given_up(tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "RESTARTS", 1)
    running = group(tmp_path, lines)
    dies = tmp_path / "dies"
    wait = (
        f"import pathlib, time\nwhile not pathlib.Path({str(dies)!r}).exists(): time.sleep(0.02)\nraise SystemExit(3)"
    )
    running.start(script("beat", f"print('up')\n{wait}", ready_words="up"))
    dies.touch()
    assert running.failed.wait(60)
    running.stop()
    assert lines[-1] == "beat: ended (exit code 3) and is not started again"


def test_what_does_not_start_says_why(tmp_path: Path, lines: list[str]) -> None:
    running = group(tmp_path, lines, restart=False)
    with pytest.raises(ProcessError, match="port is taken"):
        running.start(script("web", "raise SystemExit('the port is taken')", ready_words="up"))
    running.stop()


def test_everything_is_logged_but_routine_and_the_way_up_are_not_shown(tmp_path: Path, lines: list[str]) -> None:
    running = group(tmp_path, lines)
    text = "print('banner'); print('up'); print('INFO all is well'); print('look'); import time; time.sleep(600)"
    running.start(Program("web", [sys.executable, "-u", "-c", text], ready_words="up", routine=re.compile("INFO")))
    wait_until(lambda: lines[-1:] == ["web: look"])
    running.stop()
    assert lines == ["web: up", "web: look"]
    assert (tmp_path / "logs" / "web.log").read_text() == "banner\nup\nINFO all is well\nlook\n"


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert free_port(taken.getsockname()[1]) != taken.getsockname()[1]


def test_a_port_that_was_chosen_is_nobody_elses_until_its_server_has_had_time_to_take_it() -> None:
    """Of some 14,000 that the system gives at random, three hundred would have a double nearly always."""
    chosen = [free_port() for _ in range(300)]
    assert len(set(chosen)) == len(chosen)
    assert free_port(chosen[0]) == chosen[0]


def test_a_port_can_be_chosen_though_somebody_calls_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the pages of a demo that is started again do, on the port that it prefers."""
    callers: list[socket.socket] = []
    listen = socket.create_server

    def called_at_once(address: tuple[str, int]) -> socket.socket:
        server = listen(address)
        callers.append(socket.create_connection(server.getsockname()))
        return server

    monkeypatch.setattr(socket, "create_server", called_at_once)
    socket.setdefaulttimeout(60)
    try:
        port = free_port()
        assert free_port(port) == port
    finally:
        socket.setdefaulttimeout(None)
        for caller in callers:
            caller.close()
    assert len(callers) == 2
