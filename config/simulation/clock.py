"""A clock that stands until it is moved, for Python and PostgreSQL alike, as the sandbox's does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import ClassVar
from unittest import mock

from django.db import connection
from django.utils import timezone

from payments import checkout
from payments.gateway import calls, lists
from payments.sweeps import cursors


class Standing(datetime):
    """What `django.utils.timezone` takes for `datetime`: the same, but for the present moment."""

    moment: ClassVar[datetime] = datetime.min.replace(tzinfo=UTC)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return cls.moment.astimezone(tz)


# Found before PostgreSQL's own functions of these names, in this one database. Each database transaction is a little
# later than the one before it, so that what came first stays first.
_FUNCTIONS = """
    CREATE SCHEMA IF NOT EXISTS clock;
    CREATE TABLE clock.standing (moment timestamptz NOT NULL, since xid8 NOT NULL);
    INSERT INTO clock.standing VALUES ('epoch', '0');
    CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS
        $$ SELECT moment + (pg_current_xact_id()::text::bigint - since::text::bigint) * interval '1 microsecond'
           FROM clock.standing $$;
    CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT clock.now() $$;
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %%I SET search_path = clock, pg_catalog, public', current_database());
    END $$;
"""


@contextmanager
def standing(moment: datetime) -> Iterator[None]:
    """Time stands at a moment until `advance` moves it. The database must be one that is thrown away."""
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTIONS, [])
    connection.close()
    _set(moment)
    with mock.patch.object(timezone, "datetime", Standing), hurried():
        yield


def advance(seconds: int) -> None:
    """Move the present moment; the sandbox's clock is moved apart."""
    _set(Standing.moment + timedelta(seconds=seconds))


def _set(moment: datetime) -> None:
    Standing.moment = moment
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clock.standing SET moment = %s, since = pg_current_xact_id()", [moment])


@contextmanager
def hurried() -> Iterator[None]:
    """Pauses that last no real time: virtual time passes between the attempts anyway."""
    with (
        mock.patch.object(lists, "FIRST_PAUSE", 0.01),
        mock.patch.object(calls.Connection, "INITIAL_DELAY", 0.01),
        mock.patch.object(calls.Connection, "MAX_DELAY", 0.01),
        mock.patch.object(cursors, "PATIENCE_SECONDS", 0.1),
        mock.patch.object(checkout, "PATIENCE_SECONDS", 0.1),
    ):
        calls._client.cache_clear()
        yield
    calls._client.cache_clear()
