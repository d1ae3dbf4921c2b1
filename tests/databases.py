"""Test databases: migrated once into a template, then copied, which takes a tenth of a second.

The template is named after a digest of all migrations and kept on the embedded server between runs; on a server that
is not ours nothing is kept.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

PROJECT = Path(__file__).resolve().parent.parent
LOCK = 7_120_511  # pg_advisory_lock: one test process at a time makes or copies templates
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")[:12]
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
SERVER_URL = os.environ["DATABASE_URL"]
NAME = f"test_{os.getppid() if WORKER != 'main' else os.getpid()}_{WORKER}"


def url(name: str = NAME) -> str:
    """The address of a database on the tests' server."""
    base, _, query = SERVER_URL.partition("?")
    return base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


def template_name() -> str:
    """The template's name: a new one whenever a migration, the settings or a locked dependency changes."""
    digest = hashlib.sha256()
    for pattern in ("*/migrations/*.py", "*/*.sql", "*/sql/*", "config/settings.py", "requirements/base.txt"):
        for path in sorted(PROJECT.glob(pattern)):
            digest.update(path.read_bytes())
    kept = "kept" if settings.EMBEDDED else str(os.getppid() if WORKER != "main" else os.getpid())
    return f"template_{kept}_{digest.hexdigest()[:12]}"


@contextmanager
def server() -> Iterator[psycopg.Connection]:
    """A connection to the server's own database, alone among all test processes."""
    with psycopg.connect(SERVER_URL, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield connection


def names(connection: psycopg.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT datname FROM pg_database")]


def drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def renew(name: str = NAME) -> None:
    """Make the database anew from the template; whoever is connected to it is thrown out."""
    template = template_name()
    with server() as connection:
        if template not in names(connection):
            make_template(connection, template)
        drop(connection, name)
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))


def make_template(connection: psycopg.Connection, template: str) -> None:
    """Migrate a fresh database from nothing; it gets the template's name only when that is done."""
    draft = f"{template}_draft"
    drop(connection, draft)
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
    default = connections["default"]
    before = default.settings_dict["NAME"]
    default.close()
    default.settings_dict["NAME"] = draft
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        default.close()
        default.settings_dict["NAME"] = before
    for old in names(connection):
        if settings.EMBEDDED and old.startswith("template_kept_") and old != draft:
            drop(connection, old)
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    connection.execute(rename.format(sql.Identifier(draft), sql.Identifier(template)))


def remove_leftovers() -> None:
    """Drop this run's databases, and on the embedded server those of runs that were killed."""
    with server() as connection:
        for name in names(connection):
            ours = name.startswith((f"test_{os.getpid()}_", f"template_{os.getpid()}_"))
            kind, number, *_ = f"{name}__".split("_")
            if ours or (settings.EMBEDDED and kind == "test" and not alive(number)):
                drop(connection, name)


def alive(number: str) -> bool:
    """Whether a process of that number runs; anything else than a number counts as alive."""
    with suppress(ValueError, PermissionError):
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return False
    return True
