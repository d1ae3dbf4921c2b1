"""A clock that runs ahead of the real one, for Python and PostgreSQL alike, as far as the sandbox's does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import ClassVar
from unittest import mock

from django.db import connection
from django.utils import timezone

from payments import checkout, sweeps
from payments.gateway import calls, lists


class Ahead(datetime):
    """What `django.utils.timezone` takes for `datetime`: the same, but for the present moment."""

    by: ClassVar[timedelta] = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.by


# Found before PostgreSQL's own functions of these names, in this one database.
_FUNCTIONS = """
    CREATE SCHEMA IF NOT EXISTS clock;
    CREATE TABLE clock.ahead (seconds bigint NOT NULL);
    INSERT INTO clock.ahead VALUES (0);
    CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS
        $$ SELECT pg_catalog.now() + (SELECT seconds FROM clock.ahead) * interval '1 second' $$;
    CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
        $$ SELECT pg_catalog.clock_timestamp() + (SELECT seconds FROM clock.ahead) * interval '1 second' $$;
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %%I SET search_path = clock, pg_catalog, public', current_database());
    END $$;
"""


@contextmanager
def running_ahead() -> Iterator[None]:
    """Let time be moved by `advance`. The database must be one that is thrown away."""
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTIONS, [])
    connection.close()
    Ahead.by = timedelta(0)
    with mock.patch.object(timezone, "datetime", Ahead), hurried():
        yield


def advance(seconds: int) -> None:
    """Move the present moment; the sandbox's clock is moved apart."""
    Ahead.by += timedelta(seconds=seconds)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clock.ahead SET seconds = seconds + %s", [seconds])


@contextmanager
def hurried() -> Iterator[None]:
    """Pauses that last no real time: virtual time passes between the attempts anyway."""
    with (
        mock.patch.object(lists, "FIRST_PAUSE", 0.01),
        mock.patch.object(calls.Connection, "INITIAL_DELAY", 0.01),
        mock.patch.object(calls.Connection, "MAX_DELAY", 0.01),
        mock.patch.object(sweeps, "PATIENCE_SECONDS", 0.1),
        mock.patch.object(checkout, "PATIENCE_SECONDS", 0.1),
    ):
        calls._client.cache_clear()
        yield
    calls._client.cache_clear()
