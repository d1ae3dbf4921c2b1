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
    with psycopg.connect(url(name)) as connection:
        _tables[name] = _all_tables(connection)


def empty(name: str = NAME) -> None:
    """Leave the database as the template is: its rows go, whoever else is connected is thrown out.

    A hundredth of the time that a copy takes. A database that has grown, has other tables than the template, or may not
    be emptied by us, is copied anew.
    """
    try:
        with psycopg.connect(url(name), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("SET session_replication_role = replica")  # the books' own triggers refuse to delete
            tables = _all_tables(connection)
            if _size(connection) < MAY_GROW_TO and tables == _tables.get(name):
                connection.execute("; ".join(f"DELETE FROM {table}" for table in tables if _is_filled(table)))
                connection.execute("INSERT INTO fundraising_fold (id, xid, folded_at) VALUES (1, '3'::xid8, now())")
                return
    except psycopg.errors.InsufficientPrivilege:
        pass
    renew(name)


def nobody_else_works() -> bool:
    """Whether no other connection to this test process's database is in the middle of anything.

    The server notices a killed client, and lets go of its locks, only when its statement ends.
    """
    with psycopg.connect(url(), autocommit=True) as connection:
        found = connection.execute(
            """SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
               AND backend_type = 'client backend' AND state <> 'idle'"""
        )
        return found.fetchone() is None


def somebody_waits() -> bool:
    """Whether a statement in this test process's database waits for somebody else's lock."""
    with psycopg.connect(url(), autocommit=True) as connection:
        found = connection.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return found.fetchone() is not None


MAY_GROW_TO = 40_000_000  # bytes; a fresh one has 14 million
_tables: dict[str, list[str]] = {}  # of each database, as it was when it was copied
OF_MIGRATIONS = ["django_migrations", "django_content_type", "auth_permission"]


def _size(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row
    return int(row[0])


def _all_tables(connection: psycopg.Connection) -> list[str]:
    tables = connection.execute(
        "SELECT schemaname || '.' || tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
    )
    return [table for (table,) in tables]


def _is_filled(table: str) -> bool:
    """Whether tests fill it: all of ours, and the queues."""
    schema, _, name = table.partition(".")
    return name not in OF_MIGRATIONS if schema == "public" else name.startswith(("q_", "a_"))


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
