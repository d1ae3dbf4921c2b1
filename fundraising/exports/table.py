"""A table to export: typed columns, and rows that are read as they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.functional import Promise

from ..money import EXPONENTS

CHUNK = 2000
Cell = str | int | Decimal | date | datetime | None
Row = Sequence[Cell]


class Type(Enum):
    """What a column holds. Amounts are exact decimals in major units; their currency has a column of its own."""

    TEXT = auto()
    INTEGER = auto()
    AMOUNT = auto()
    DATE = auto()
    TIME = auto()


@dataclass(frozen=True)
class Column:
    name: str | Promise
    type: Type = Type.TEXT


@dataclass(frozen=True)
class Table:
    """A name for the file, columns, and rows read anew by each call; nothing is kept in memory.

    `count` tells how many rows there are, counting no further than the number it is given.
    """

    name: str
    columns: Sequence[Column]
    rows: Callable[[], Iterator[Row]]
    count: Callable[[int | None], int]


def major(minor: int, currency: str) -> Decimal:
    """Minor units as an exact decimal with all the currency's decimals."""
    return Decimal(minor).scaleb(-EXPONENTS[currency])


def of_list(name: str, columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    """A table that is small and already read."""
    return Table(name, columns, lambda: iter(rows), lambda _limit: len(rows))


def of_queryset(name: str, columns: Sequence[Column], found: QuerySet[Any], row: Callable[[Any], Row]) -> Table:
    """A table of a query's objects, streamed from the server."""
    return Table(
        name,
        columns,
        lambda: (row(thing) for thing in found.iterator(chunk_size=CHUNK)),
        lambda limit: (found[:limit] if limit else found).count(),
    )


def of_sql(
    name: str, columns: Sequence[Column], sql: str, parameters: Mapping[str, Any], row: Callable[[Any], Row]
) -> Table:
    """A table of a statement's rows, streamed from the server."""

    def count(limit: int | None) -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({sql} LIMIT {limit or 'ALL'}) AS counted", parameters)
            return int(cursor.fetchone()[0])

    return Table(name, columns, lambda: (row(found) for found in stream(sql, parameters)), count)


def stream(sql: str, parameters: Mapping[str, Any]) -> Iterator[Any]:
    """Rows of a statement by a server-side cursor: one snapshot, and two thousand rows in memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(CHUNK):
            yield from rows


# What a spreadsheet takes for a formula (OWASP, CSV injection), and the wide forms that some take for the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_text(text: str) -> str:
    """Text that no spreadsheet runs: what begins like a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(_FORMULA) else text
