"""A table as CSV: RFC 4180, UTF-8, numbers with a point, days and times as ISO 8601."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from .table import Cell, Column, Row, Table, Type, safe_text

BOM = b"\xef\xbb\xbf"
CHUNK_BYTES = 64 * 1024


def write_csv(table: Table) -> Iterator[bytes]:
    """The file in pieces."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([safe_text(str(column.name)) for column in table.columns])
    for row in table.rows():
        writer.writerow(_cells(table.columns, row))
        if buffer.tell() >= CHUNK_BYTES:
            yield _taken(buffer)
    yield _taken(buffer)


def write_csv_with_mark(table: Table) -> Iterator[bytes]:
    """The same with a byte order mark, by which Excel knows that it is UTF-8."""
    yield BOM
    yield from write_csv(table)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def _cells(columns: Sequence[Column], row: Row) -> list[str]:
    return [_cell(column, cell) for column, cell in zip(columns, row, strict=True)]


def _cell(column: Column, cell: Cell) -> str:
    if cell is None:
        return ""
    if column.type == Type.TEXT:
        return safe_text(str(cell))
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if column.type == Type.AMOUNT:
        return f"{cell:f}"
    return str(cell)
