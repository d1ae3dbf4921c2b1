"""A table as an OpenDocument spreadsheet, all of it text: for forms that take nothing else. For tables of some thousand
rows: it is made in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator

from .table import Cell, Table


def write_ods(table: Table, *, language: str = "en-GB") -> Iterator[bytes]:
    """The file, in one piece. odfdo is imported here: every process would carry it for one rare form."""
    from odfdo import Cell as OdsCell
    from odfdo import Document
    from odfdo import Row as OdsRow
    from odfdo import Table as Sheet

    document = Document("spreadsheet")
    document.meta.language = language
    document.meta.title = table.name
    body = document.body
    body.clear()
    sheet = Sheet(table.name[:31])
    for row in ([str(column.name) for column in table.columns], *table.rows()):
        line = OdsRow()
        for cell in row:
            told = _text(cell)
            line.append_cell(OdsCell(told, cell_type="string") if told else OdsCell(), clone=False)
        sheet.append_row(line, clone=False)
    body.append(sheet)
    written = io.BytesIO()
    document.save(written)
    yield written.getvalue()


def _text(told: Cell) -> str:
    """Text, so that no spreadsheet writes it differently; none where the cell is empty."""
    return "" if told is None else str(told)
