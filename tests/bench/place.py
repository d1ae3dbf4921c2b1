"""Where a benchmark runs: a database of its own on durable settings, and processes that end with it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from config import embedded_postgres
from config.processes import Group, Program, free_port

PROJECT = Path(__file__).resolve().parent.parent.parent
STATE = PROJECT / ".state" / "bench"
PYTHON = sys.executable


@contextlib.contextmanager
def database() -> Iterator[str]:
    """A fresh database on DATABASE_URL's server, or on an embedded one that is as durable as production's."""
    server = os.environ.get("DATABASE_URL") or embedded_postgres.ensure(STATE, tuning=embedded_postgres.DURABLE)
    name = f"bench_{os.getpid()}"
    base, _, query = server.partition("?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def processes(*programs: Program) -> Iterator[Group]:
    """These programs, running and ready."""
    group = Group({**os.environ, "PYTHONUNBUFFERED": "1"}, PROJECT, STATE / "logs", restart=False)
    try:
        group.start(*programs)
        yield group
    finally:
        group.stop()


def module(name: str, *arguments: object, ready_port: int = 0) -> Program:
    """A module of the benchmarks as a program."""
    url = f"http://127.0.0.1:{ready_port}/" if ready_port else ""
    return Program(name.rsplit(".", 1)[-1], [PYTHON, "-m", name, *map(str, arguments)], ready_url=url)


def resident(pid: int) -> int:
    """Bytes of memory of a process and its children, shared pages counted once each."""
    pids = [pid, *_children(pid)]
    return sum(int(line.split()[1]) * 1024 for one in pids for line in _rollup(one) if line.startswith("Pss:"))


def _rollup(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


__all__ = ["PROJECT", "PYTHON", "STATE", "database", "free_port", "module", "processes", "resident"]
