"""Run a whole installation on this machine: the demo, and everything that smoke and browser tests need.

`python -m config.runner demo` starts the database, the Stripe sandbox, web, live, worker, beat and the front, says
where everything is, and stops it all on Ctrl-C. Tests use `running()`: the same on free ports with a state of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from config import embedded_postgres
from config.processes import Group, ProcessError, Program, free_port

PROJECT: Final = Path(__file__).resolve().parent.parent
STATIC: Final = PROJECT / ".state" / "static"  # the same for every state directory
PREFERRED: Final = {"front": 8000, "web": 8010, "live": 8011, "sandbox": 8012}
ANY: Final[dict[str, int]] = {}
PROCESSES: Final = ("sandbox", "web", "live", "worker", "beat", "front")
STOP_ORDER: Final = (("front",), ("web", "live", "beat", "worker"), ("sandbox",))
ROUTINE: Final = re.compile(r"\[INFO\]|\bINFO\b|\bDEBUG\b|^\s|^$")
COLOURS: Final = {"front": 36, "web": 32, "live": 35, "worker": 33, "beat": 34, "sandbox": 90, "postgres": 31}
WEB_THREADS: Final = 8  # each keeps one database connection
Say = Callable[[str, str], None]


def quiet(_name: str, _line: str) -> None:
    """Say nothing: for tests; the logs are in the state directory."""


@dataclass(frozen=True)
class Installation:
    """One running installation: its addresses, and how to run a management command in its environment."""

    state: Path
    database_url: str
    ports: Mapping[str, int]
    group: Group

    @property
    def url(self) -> str:
        """The one origin that browsers see."""
        return address(self.ports["front"])

    @property
    def sandbox_url(self) -> str:
        return address(self.ports["sandbox"])

    def manage(self, *arguments: str) -> str:
        """Run `manage.py` and return what it printed; cut short when told to stop. Raises ProcessError."""
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=dict(self.group.env),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the runner to act on
        )
        self.group.guard.add(process.pid)
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                output, errors = process.communicate(timeout=0.2)
                break
            if self.group.told_to_stop.is_set():
                process.terminate()
        self.group.guard.remove(process.pid)
        if process.returncode and not self.group.told_to_stop.is_set():
            raise ProcessError("\n  ".join([f"manage.py {' '.join(arguments)}:", *errors.splitlines()[-15:]]))
        return output

    def stop(self) -> None:
        """Stop every process in order. The database stops by itself when its last user is gone."""
        self.group.stop(STOP_ORDER)


def address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def prepare(
    state: Path,
    *,
    ports: Mapping[str, int] = ANY,
    env: Mapping[str, str] | None = None,
    tuning: Mapping[str, str] = embedded_postgres.DURABLE,
    say: Say = quiet,
    restart: bool = True,
) -> Installation:
    """Choose ports and start the database, unless `env` or the environment has a DATABASE_URL; start nothing else."""
    state = state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    given = {**os.environ, **(env or {})}
    if given.get("OPENAPPEAL_ENV") == "production":
        raise ProcessError("The runner is for the demo and the tests; production uses the units in deploy/.")
    database_url = given.get("DATABASE_URL") or embedded_postgres.ensure(state, tuning=tuning)
    chosen = choose_ports(state, ports)
    environment = {
        "OPENAPPEAL_ENV": "demo",
        **given,
        "DATABASE_URL": database_url,
        "OPENAPPEAL_STATE": str(state),
        "STATIC_ROOT": given.get("STATIC_ROOT") or str(STATIC),
        "PUBLIC_URL": address(chosen["front"]),
        "STRIPE_API_BASE": address(chosen["sandbox"]),
        "SANDBOX_STATE": given.get("SANDBOX_STATE") or str(state / "sandbox.sqlite3"),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
    }
    group = Group(environment, PROJECT, state / "logs", say, restart)
    return Installation(state, database_url, chosen, group)


def choose_ports(state: Path, preferred: Mapping[str, int]) -> dict[str, int]:
    """The preferred ports where they are free, else those of the last time, else any."""
    note = state / "ports.json"
    last: dict[str, int] = json.loads(note.read_text()) if note.exists() else {}
    chosen: dict[str, int] = {}
    for name in PREFERRED:
        port = free_port(preferred.get(name) or last.get(name, 0))
        chosen[name] = port if port in (preferred.get(name), last.get(name)) else free_port(last.get(name, 0))
    note.write_text(json.dumps(chosen))
    return chosen


@contextlib.contextmanager
def running(
    state: Path,
    *,
    env: Mapping[str, str] | None = None,
    tuning: Mapping[str, str] = embedded_postgres.FAST,
    only: Container[str] = PROCESSES,
    say: Say = quiet,
    restart: bool = False,
) -> Iterator[Installation]:
    """A whole installation on free ports, migrated but not seeded; stopped at the end. Raises ProcessError."""
    installation = prepare(state, env=env, tuning=tuning, say=say, restart=restart)
    try:
        installation.manage("migrate", "--no-input", "-v0")
        if installation.group.env["OPENAPPEAL_ENV"] == "demo":
            collect_static(installation)
        installation.group.start(*(one for one in programs(installation) if one.name in only))
        yield installation
    finally:
        installation.stop()


def programs(installation: Installation) -> list[Program]:
    """Every process of an installation."""
    python, ports = sys.executable, installation.ports
    celery = [python, "-m", "celery", "--quiet", "-A", "config"]
    routine = None if os.environ.get("VERBOSE") else ROUTINE
    threads = ["--blocking-threads", str(WEB_THREADS), "--backpressure", str(8 * WEB_THREADS)]
    schedule = ["--schedule", str(installation.state / "beat-schedule"), "--pidfile", ""]
    alone = ["--without-gossip", "--without-mingle"]
    front = [python, "-m", "config.front", *(str(ports[name]) for name in ("front", "web", "live"))]
    return [
        sandbox(ports["sandbox"], routine=routine),
        Program(
            "web",
            [*granian("wsgi", "config.wsgi:application", ports["web"]), *threads],
            ready_url=address(ports["web"]) + "/healthz",
            routine=routine,
        ),
        live(ports["live"], routine=routine),
        Program(
            "worker",
            [*celery, "worker", "--concurrency", "2", "--loglevel", "INFO", *alone],
            ready_words=" ready.",
            routine=routine,
            patience=3.0,  # an idle worker's pool takes five to fold itself up; a task that is cut off is found again
        ),
        Program(
            "beat",
            [*celery, "beat", "--loglevel", "INFO", *schedule],
            ready_words="beat: Starting",
            routine=routine,
        ),
        Program("front", front, ready_url=address(ports["front"]) + "/healthz", routine=routine),
    ]


def live(port: int, *, routine: re.Pattern[str] | None = None) -> Program:
    """The live process on a port. A viewer is a request that stays: thousands of them, each with a small buffer."""
    many = ["--backlog", "4096", "--backpressure", "65536", "--http1-buffer-size", "8192"]
    command = [*granian("asgi", "fundraising.live:application", port), *many]
    return Program("live", command, ready_url=address(port) + "/healthz", routine=routine)


def sandbox(port: int, *, env: Mapping[str, str] | None = None, routine: re.Pattern[str] | None = None) -> Program:
    """The stand-in for Stripe on a port; `env` for its SANDBOX_ settings."""
    url = address(port)
    command = granian("asgi", "payments.sandbox.app:application", port)
    return Program("sandbox", command, ready_url=f"{url}/", env={"SANDBOX_URL": url, **(env or {})}, routine=routine)


def granian(interface: str, application: str, port: int) -> list[str]:
    """The command for one granian server on a loopback port."""
    command = [sys.executable, "-m", "granian", "--interface", interface, application, "--no-ws"]
    return [*command, "--host", "127.0.0.1", "--port", str(port), "--workers-kill-timeout", "2"]


def collect_static(installation: Installation) -> None:
    """Collect the static files, unless nothing changed since the last time."""
    places = [PROJECT / "static", *PROJECT.glob("[a-z]*/static")]
    sources = sorted(path for place in places for path in place.rglob("*") if path.is_file())
    known = [f"{path}:{path.stat().st_mtime_ns}" for path in sources]
    known.append((PROJECT / "requirements" / "base.txt").read_text())
    root = Path(installation.group.env["STATIC_ROOT"])
    root.mkdir(parents=True, exist_ok=True)
    with (root.parent / "static.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        now = hashlib.sha256("\n".join(known).encode()).hexdigest()
        if lock.read() != now:
            installation.manage("collectstatic", "--no-input", "-v0")
            _note(lock, "" if installation.group.told_to_stop.is_set() else now)


# --- the demo -------------------------------------------------------------------------------------


class Console:
    """What the demo prints: steps with their time, then each process's remarkable lines under its name."""

    def __init__(self) -> None:
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.lock = threading.Lock()
        self.unfinished = False  # the cursor stands behind a step's name

    def say(self, name: str, line: str) -> None:
        label = f"{name:>8} │ "
        if self.colour:
            label = f"\033[{COLOURS.get(name, 37)}m{label}\033[0m"
        self.write(f"{label}{line}\n")

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show what is being done, and then how long it took."""
        began = time.monotonic()
        self.write(f"  {text:<52}", unfinished=True)
        yield
        beginning = "" if self.unfinished else f"  {text:<52}"  # another line came in between
        self.write(f"{beginning} {time.monotonic() - began:5.1f} s\n", joins=True)

    def write(self, text: str, *, unfinished: bool = False, joins: bool = False) -> None:
        with self.lock, contextlib.suppress(BrokenPipeError):
            sys.stdout.write(f"\n{text}" if self.unfinished and not joins else text)
            sys.stdout.flush()
            self.unfinished = unfinished


WHERE: Final = """
  OpenAppeal is running (started in {seconds:.1f} s).

    Campaigns            {url}/
    Desk of staff        {url}/desk/
    Administration       {url}/admin/
    What to try          {url}/demo/
    Sent mail            {url}/demo/mail/
    REST API             {url}/api/v1/docs/
    Stripe sandbox       {sandbox}/
    Logs and data        {state}

  Demo accounts (the six-digit codes they need are on {url}/demo/)
{seeded}

  Try this: open a campaign in two windows, give in one of them, and watch the total of the other. Cards, with
  any later date and any code: 4242 4242 4242 4242 pays · 4000 0027 6000 3184 asks the bank first (3-D Secure)
  · 4000 0000 0000 0002 is declined · 4000 0000 0000 9995 has no money. Then look for the receipt in the mail.

  Ctrl-C stops everything. The data stay; `make clean` removes them.

"""


def demo(state: Path) -> int:
    """Start the demo, say where it is, and keep it running until it is told to stop; return an exit code."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "runner.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            print(f"The demo of {state} is running already: {lock.read().strip()}", file=sys.stderr)
            return 1
        try:
            return _demo(state, Console(), lambda text: _note(lock, text))
        except (ProcessError, embedded_postgres.EmbeddedPostgresError) as error:
            print(f"\n{error}", file=sys.stderr)
            return 1


def _note(file: IO[str], text: str) -> None:
    """Replace a file's content."""
    file.truncate(0)
    file.write(text)
    file.flush()


def _demo(state: Path, console: Console, note: Callable[[str], None]) -> int:
    began = time.monotonic()
    console.write("\n  OpenAppeal demo\n\n")
    with console.step("database"):
        here = prepare(state, ports=PREFERRED, say=console.say)
    told = here.group.told_to_stop
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: told.set())
    try:
        seeded = _start(here, console)
        note(f"{here.url} (process {os.getpid()})")
        if not told.is_set():
            text = "\n".join(f"    {line}".rstrip() for line in seeded.splitlines())
            seconds = time.monotonic() - began
            console.write(
                WHERE.format(seconds=seconds, url=here.url, sandbox=here.sandbox_url, state=state, seeded=text)
            )
        _watch(here, console)
        return 1 if here.group.failed.is_set() else 0
    finally:
        stopping = time.monotonic()
        console.write("\n  Stopping …")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # it takes seconds, and has its own time limits
        here.stop()
        console.write(f" stopped in {time.monotonic() - stopping:.1f} s.\n")


def _start(here: Installation, console: Console) -> str:
    """Bring everything up; return what seeding printed. Stops early, with nothing more started, when told."""
    told = here.group.told_to_stop
    migrations = [*PROJECT.glob("*/migrations/*.py"), PROJECT / "requirements" / "base.txt"]
    with console.step("migrations, static files"), ThreadPoolExecutor() as pool:
        migrating = pool.submit(_once, here, ("migrate", "--no-input", "-v0"), migrations)
        collect_static(here)
        migrating.result()
    if told.is_set():
        return ""
    with console.step("sandbox, web, live, worker, beat, front"):
        here.group.start(*programs(here))
    if told.is_set():
        return ""
    with console.step("demo content"):
        demo = [*PROJECT.glob("config/demo/*"), *PROJECT.glob("config/management/commands/seed_demo.py")]
        sandbox_born = (here.state / "sandbox.sqlite3").stat().st_ino
        command = ("seed_demo", "--history")
        return _once(here, command, [*migrations, *demo], here.url, here.sandbox_url, str(sandbox_born))


def _once(here: Installation, command: tuple[str, ...], sources: list[Path], *circumstances: str) -> str:
    """Run a management command, unless it was the last time run on our own database with just these sources."""
    born = (here.state / "postgres" / "data" / "PG_VERSION", PROJECT)
    known_by = [here.database_url, *circumstances, *(str(path.stat().st_ino) for path in born if path.exists())]
    digest = hashlib.sha256("\n".join(known_by).encode())
    for path in sorted(path for path in sources if path.is_file()):
        digest.update(path.read_bytes())
    note = here.state / f"{command[0]}.done"
    if here.database_url == embedded_postgres.Place.of(here.state).url and note.exists():
        known, _, output = note.read_text().partition("\n")
        if known == digest.hexdigest():
            return output
    output = here.manage(*command)
    if not here.group.told_to_stop.is_set():
        note.touch(mode=0o600)  # it may have the demo's passwords
        note.write_text(f"{digest.hexdigest()}\n{output}")
    return output


def _watch(here: Installation, console: Console) -> None:
    """Wait until told to stop or a process has been given up; say when the database had to be started again."""
    server = embedded_postgres.server_pid(here.state)
    while not here.group.told_to_stop.wait(0.5) and not here.group.failed.is_set():
        now = embedded_postgres.server_pid(here.state)
        if now and now != server:
            console.say("postgres", "had ended and was started again by its keeper")
            server = now


if __name__ == "__main__":
    if sys.argv[1:] != ["demo"]:
        sys.exit("usage: python -m config.runner demo")
    sys.exit(demo(embedded_postgres.default_state().resolve()))
