"""Start, watch and stop the processes of one installation so that none is ever left behind.

Each process leads a process group of its own. A guard, told of every group, ends them all when the process
that started them vanishes, also by `kill -9`: its standard input then reaches its end. That works on any Unix.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

STOP_SECONDS: Final = 5.0
READY_SECONDS: Final = 120.0  # all together, on a machine that does much else
RESTARTS: Final = 5
LAST_WORDS_SECONDS: Final = 20.0  # to read to its end what an ended process has said
STEADY_SECONDS: Final = 60.0  # who ran this long has its restarts forgotten


class ProcessError(RuntimeError):
    """A process did not start or would not stay; the text has the end of its output."""


def free_port(preferred: int = 0) -> int:
    """A loopback port nobody listens on: the preferred one if it can be had.

    A connection made to it and ended from its side stays with the system for a minute (TIME_WAIT): until then a server
    may still ask for this port, but no process that asks for any port is given it.
    """
    for port in (preferred, 0):
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", port)) as probe,
            socket.create_connection(probe.getsockname()),
            probe.accept()[0],  # closed first; ours, or that of somebody who called before
        ):
            return int(probe.getsockname()[1])
    raise ProcessError("no free port on 127.0.0.1")


def answers(url: str) -> bool:
    """Whether an HTTP server answers there with anything but a server error."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path or "/", headers={"Connection": "close"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@dataclass(frozen=True)
class Program:
    """What to run, and how to tell that it is ready: an address that answers, or words in its output."""

    name: str
    command: Sequence[str]
    ready_url: str = ""
    ready_words: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    routine: re.Pattern[str] | None = None  # lines for the log file only
    patience: float = STOP_SECONDS  # to end in order, before its whole group is killed


class Running:
    """One program's process: its output read line by line, its end noticed, started again unless told to stop."""

    def __init__(self, program: Program, group: Group) -> None:
        self.program, self.group = program, group
        self.tail: deque[str] = deque(maxlen=15)
        self.was_ready = False  # until then its output goes to the log only, and its end is final
        self.stopping = threading.Event()
        self.restarts = 0
        self.process = self._spawn()
        self.pump = threading.Thread(target=self._watch, name=f"watch {program.name}", daemon=True)
        self.pump.start()

    def _spawn(self) -> subprocess.Popen[str]:
        self.started = time.monotonic()
        process = subprocess.Popen(
            self.program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=self.group.directory,
            env={**self.group.env, **self.program.env},
            start_new_session=True,
        )
        self.group.guard.add(process.pid)
        return process

    def _watch(self) -> None:
        while True:
            self._read(self.process)
            code = self.process.wait()
            end_group(self.process.pid, 0)  # children that outlived it hold its ports
            self.group.guard.remove(self.process.pid)
            if self.stopping.is_set() or not self._again(code):
                return

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.tail.append(line.rstrip())
                is_ready = bool(self.program.ready_words) and self.program.ready_words in line
                self.group.tell(self, line.rstrip(), shown=self.was_ready or is_ready)
                if is_ready:
                    self.was_ready = True  # only now: whoever waits for this line finds it logged and shown

    def _again(self, code: int) -> bool:
        """Start a process that ended by itself once more, ever later; give up after RESTARTS."""
        self.restarts = 1 if time.monotonic() - self.started > STEADY_SECONDS else self.restarts + 1
        why = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if not self.was_ready or self.restarts > RESTARTS or not self.group.restart:
            self.group.give_up(self, why)
            return False
        pause = 0.5 * 2 ** (self.restarts - 1)
        self.group.say(
            self.program.name, f"ended ({why}); starting it again in {pause:g} s, {self.restarts} of {RESTARTS}"
        )
        if self.stopping.wait(pause):
            return False
        with self.group.changing:
            if self.stopping.is_set():
                return False
            self.process = self._spawn()
        return True

    def ready(self) -> bool:
        """Whether it is, or once was, ready."""
        if not self.was_ready and not self.program.ready_words:
            self.was_ready = not self.program.ready_url or answers(self.program.ready_url)
        return self.was_ready

    def ended(self) -> bool:
        return self.process.poll() is not None


class Group:
    """The processes of one installation, in the order they were started."""

    def __init__(
        self,
        env: Mapping[str, str],
        directory: Path,
        logs: Path,
        say: Callable[[str, str], None] = lambda _name, _line: None,
        restart: bool = True,
    ) -> None:
        self.env, self.directory, self.logs, self.say, self.restart = env, directory, logs, say, restart
        self.running: list[Running] = []
        self.changing = threading.Lock()
        self.failed = threading.Event()  # one gave up
        self.told_to_stop = threading.Event()
        self.files: dict[str, IO[str]] = {}
        logs.mkdir(parents=True, exist_ok=True)
        self.guard = Guard()

    def start(self, *programs: Program) -> None:
        """Start programs together; return when all are ready, or told to stop. Raises ProcessError when one is not."""
        for program in programs:
            self.files[program.name] = (self.logs / f"{program.name}.log").open("w")
        fresh = [Running(program, self) for program in programs]
        self.running += fresh
        deadline = time.monotonic() + READY_SECONDS
        waiting = fresh
        while (waiting := [one for one in waiting if not one.ready()]) and not self.told_to_stop.is_set():
            for one in waiting:
                if one.ended() or time.monotonic() > deadline:
                    one.pump.join(LAST_WORDS_SECONDS if one.ended() else 0.0)
                    raise ProcessError("\n  ".join([f"{one.program.name} did not start:", *one.tail]))
            time.sleep(0.02)

    def tell(self, one: Running, line: str, *, shown: bool) -> None:
        """Log a line of output; show it too where that is wanted, unless it is routine."""
        program = one.program
        with contextlib.suppress(ValueError):  # the file is closed: we are stopping
            self.files[program.name].write(f"{line}\n")
            self.files[program.name].flush()
        if shown and not (program.routine and program.routine.search(line)):
            self.say(program.name, line)

    def give_up(self, one: Running, why: str) -> None:
        if one.was_ready:
            self.say(one.program.name, f"ended ({why}) and is not started again")
        self.failed.set()

    def find(self, name: str) -> Running:
        """The running program of that name. Raises StopIteration when there is none."""
        return next(one for one in self.running if one.program.name == name)

    def stop(self, order: Iterable[Iterable[str]] = ()) -> None:
        """Stop everything: first the named ones, step by step, then the rest; nothing is left when this returns."""
        with self.changing:
            for one in self.running:
                one.stopping.set()
        for names in [*order, [one.program.name for one in self.running]]:
            step = [one for one in self.running if one.program.name in set(names) and not one.ended()]
            for one in step:
                with contextlib.suppress(ProcessLookupError):
                    one.process.terminate()
            asked = time.monotonic()
            for one in step:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    one.process.wait(max(0.0, asked + one.program.patience - time.monotonic()))
                end_group(one.process.pid, 0)
        for one in self.running:
            one.pump.join(STOP_SECONDS)
        for file in self.files.values():
            file.close()
        self.guard.close()


class Guard:
    """A process that outlives a killed parent just long enough to end its process groups."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        self.lock = threading.Lock()

    def add(self, group: int) -> None:
        self._write(f"+{group}\n")

    def remove(self, group: int) -> None:
        self._write(f"-{group}\n")

    def _write(self, line: str) -> None:
        assert self.process.stdin is not None
        with self.lock, contextlib.suppress(BrokenPipeError, ValueError):
            self.process.stdin.write(line)
            self.process.stdin.flush()

    def close(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def end_group(group: int, seconds: float) -> None:
    """End a process group: in order if it manages within that time, else by force."""
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 0.0)):
        deadline = time.monotonic() + patience
        try:
            os.killpg(group, number)
            while time.monotonic() < deadline:
                os.killpg(group, 0)
                time.sleep(0.05)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            return


def guard(lines: Iterable[str]) -> None:
    """The guard's whole life: note the groups, and end what is left when the lines end."""
    groups: set[int] = set()
    for line in lines:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    enders = [threading.Thread(target=end_group, args=(group, STOP_SECONDS)) for group in groups]
    for ender in enders:
        ender.start()
    for ender in enders:
        ender.join()


if __name__ == "__main__":
    guard(sys.stdin)
