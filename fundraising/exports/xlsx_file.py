"""A table as a spreadsheet: real numbers and days, text always as text, flat memory."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from .table import Cell, Column, Row, Table, Type

MOST_ROWS = 1_048_576  # of a sheet, its heading included
MOST_CHARACTERS = 32_767  # of a cell
LEFT_OVER_AFTER = 3600.0
PIECE = 64 * 1024
PREFIX = "openappeal-export-"


def write_xlsx(table: Table) -> Iterator[bytes]:
    """The file in pieces. While it is made, its rows are in a directory of this process, removed afterwards."""
    clear_left_overs()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as directory:
        path = Path(directory) / "table.xlsx"
        options = {"constant_memory": True, "tmpdir": directory, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(str(path), options) as workbook:
            _Sheets(workbook, table).write()
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


def clear_left_overs() -> None:
    """Remove what killed workers left: it may name donors."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if path.stat().st_mtime < time.time() - LEFT_OVER_AFTER:
            shutil.rmtree(path, ignore_errors=True)


class _Sheets:
    """Writes a table from top to bottom; what is too long for one sheet goes on in the next."""

    def __init__(self, workbook: Workbook, table: Table) -> None:
        self.workbook, self.table = workbook, table
        self.heading = workbook.add_format({"bold": True, "bottom": 1})
        self.day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        self.time = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.amounts: dict[int, Format] = {}

    def write(self) -> None:
        sheet, place = self._begin(1), 1
        for row in self.table.rows():
            if place == MOST_ROWS:
                sheet, place = self._begin(len(self.workbook.worksheets()) + 1), 1
            self._write_row(sheet, place, row)
            place += 1

    def _begin(self, number: int) -> Worksheet:
        sheet = self.workbook.add_worksheet(f"{self.table.name[:25]} {number}" if number > 1 else self.table.name[:31])
        for place, column in enumerate(self.table.columns):
            sheet.set_column(place, place, 12 if column.type != Type.TEXT else 24)
            sheet.write_string(0, place, str(column.name), self.heading)
        sheet.freeze_panes(1, 0)
        return sheet

    def _write_row(self, sheet: Worksheet, place: int, row: Row) -> None:
        for at, (column, cell) in enumerate(zip(self.table.columns, row, strict=True)):
            if cell is not None:
                self._write_cell(sheet, place, at, column, cell)

    def _write_cell(self, sheet: Worksheet, row: int, at: int, column: Column, cell: Cell) -> None:
        if isinstance(cell, datetime):
            sheet.write_datetime(row, at, cell.astimezone(UTC).replace(tzinfo=None), self.time)
        elif isinstance(cell, date):
            sheet.write_datetime(row, at, datetime(cell.year, cell.month, cell.day), self.day)  # noqa: DTZ001
        elif isinstance(cell, Decimal):
            sheet.write_number(row, at, cell, self._amount(cell))
        elif isinstance(cell, int) and column.type != Type.TEXT:
            sheet.write_number(row, at, cell)
        else:
            sheet.write_string(row, at, str(cell)[:MOST_CHARACTERS])

    def _amount(self, cell: Decimal) -> Format:
        """A format with as many decimals as the currency has."""
        exponent = cell.as_tuple().exponent
        decimals = -exponent if isinstance(exponent, int) else 0
        if decimals not in self.amounts:
            self.amounts[decimals] = self.workbook.add_format(
                {"num_format": "#,##0." + "0" * decimals if decimals > 0 else "#,##0"}
            )
        return self.amounts[decimals]
