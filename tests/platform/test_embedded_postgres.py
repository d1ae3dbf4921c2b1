"""The embedded server: there when asked for, gone with its last user, whatever is killed in between."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from config import embedded_postgres
from config.embedded_postgres import FAST, Place, server_pid
from tests.waiting import wait_until

PROJECT = Path(__file__).resolve().parent.parent.parent
USER = """
import sys, time
from pathlib import Path
from config import embedded_postgres
print(embedded_postgres.ensure(Path(sys.argv[1]), tuning=embedded_postgres.FAST), flush=True)
time.sleep(600)
"""


class User:
    """Another process that uses the server until it is ended."""

    def __init__(self, state: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(state)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )

    def url(self) -> str:
        assert self.process.stdout is not None
        line: str = self.process.stdout.readline()
        return line.strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    embedded_postgres.destroy(tmp_path / "state")


def runs(state: Path) -> bool:
    pid = server_pid(state)
    return pid > 0 and str(Place.of(state).data.resolve()) in embedded_postgres._command_of(pid)


def answer(url: str, query: LiteralString = "SELECT 1") -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def test_a_killed_user_leaves_no_server_behind(state: Path) -> None:
    user = User(state)
    assert answer(user.url()) == 1
    user.kill()
    wait_until(lambda: not runs(state), what="the server to stop")


def test_the_server_stays_while_anybody_uses_it(state: Path) -> None:
    first, second = User(state), User(state)
    url = first.url()
    assert second.url() == url
    server = server_pid(state)
    first.kill()
    assert answer(url) == 1
    assert server_pid(state) == server
    second.kill()
    wait_until(lambda: not runs(state))


def test_many_starting_at_once_share_one_server(state: Path) -> None:
    users = [User(state) for _ in range(5)]
    with ThreadPoolExecutor() as pool:
        urls = set(pool.map(User.url, users))
    assert len(urls) == 1
    assert answer(urls.pop()) == 1
    for user in users:
        user.kill()


def test_what_was_committed_is_there_after_a_kill_of_the_server(state: Path) -> None:
    user = User(state)
    url = user.url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    killed = server_pid(state)
    os.kill(killed, signal.SIGKILL)

    def again() -> object:
        try:
            return answer(url, "SELECT answer FROM kept")
        except psycopg.OperationalError:
            return None

    assert wait_until(again) == 42
    assert server_pid(state) != killed
    user.kill()


def test_a_killed_keeper_is_replaced_at_the_next_start(state: Path) -> None:
    user = User(state)
    answer(user.url(), "SELECT 1")
    os.kill(int((Place.of(state).home / "keeper.lock").read_text()), signal.SIGKILL)
    wait_until(lambda: not embedded_postgres._kept(Place.of(state)), what="the keeper to die")
    newcomer = User(state)
    assert answer(newcomer.url()) == 1
    user.kill()
    assert answer(Place.of(state).url) == 1
    newcomer.kill()
    wait_until(lambda: not runs(state))


def test_a_stale_pid_file_whose_number_is_another_process_does_not_matter(state: Path) -> None:
    user = User(state)
    user.url()
    user.kill()
    wait_until(lambda: not runs(state))
    stale = f"{os.getpid()}\n{Place.of(state).data}\n"
    (Place.of(state).data / "postmaster.pid").write_text(stale)
    newcomer = User(state)
    assert answer(newcomer.url()) == 1
    newcomer.kill()


@pytest.mark.parametrize("name", ["with some spaces, and 'quotes'", "x" * 120 + "/" + "y" * 120, "übergröße"])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    state = tmp_path / name
    user = User(state)
    assert answer(user.url()) == 1
    user.kill()
    embedded_postgres.destroy(state)
    assert not (state / "postgres").exists()


def test_nothing_listens_on_tcp_and_others_cannot_reach_the_socket(state: Path) -> None:
    user = User(state)
    url = user.url()
    assert answer(url, "SHOW listen_addresses") == ""
    assert Place.of(state).sockets.stat().st_mode & 0o077 == 0
    user.kill()


def test_the_demo_is_durable_and_the_tests_are_fast() -> None:
    assert embedded_postgres.DURABLE["fsync"] == "on"
    assert FAST["fsync"] == "off"


def test_a_start_that_fails_says_why(state: Path) -> None:
    with pytest.raises(embedded_postgres.EmbeddedPostgresError, match="no_such_setting"):
        embedded_postgres.ensure(state, tuning={**FAST, "no_such_setting": "1"})
