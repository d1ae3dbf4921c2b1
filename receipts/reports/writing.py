"""Files of a report: PDF to read, CSV and XLSX to work with. All of the tables of showing.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from fundraising.exports.csv_file import write_csv_with_mark
from fundraising.exports.table import Column, Type, major, of_list
from fundraising.exports.table import Row as Cells
from fundraising.exports.xlsx_file import write_xlsx
from fundraising.money import Money

from .. import pdf
from ..documents import codes
from ..models import ReportFormat
from .showing import Shown
from .tables import Told

LAYOUT = "receipts/pdf/report.html"


@dataclass(frozen=True)
class Head:
    """What a report says of itself, besides its figures."""

    appeal: str  # title in the language
    slug: str  # of the appeal's page in the language
    entity_name: str
    entity_address: str
    theme: str
    locale: str
    revision: int
    issued_on: date
    reissued_on: date | None
    next_on: date | None
    note: str

    @property
    def url(self) -> str:
        """Where the report stands for everybody, without language changes of the reader."""
        with translation.override(self.locale):
            return settings.PUBLIC_URL + reverse("report", kwargs={"slug": self.slug, "revision": self.revision})


def write(head: Head, shown: Shown) -> dict[ReportFormat, bytes]:
    """The files, in the head's language; the caller has activated it."""
    table = of_list(f"report-{head.revision}", _columns(), list(_rows(head, shown)))
    return {
        ReportFormat.PDF: _pdf(head, shown),
        ReportFormat.CSV: b"".join(write_csv_with_mark(table)),
        ReportFormat.XLSX: b"".join(write_xlsx(table)),
    }


def _pdf(head: Head, shown: Shown) -> bytes:
    context = {
        "head": head,
        "report": shown,
        "address_lines": head.entity_address.splitlines(),
        "accent": pdf.ACCENTS.get(head.theme, pdf.ACCENTS["ember"]),
        "qr": codes.qr(head.url, title=translation.gettext("QR code with the address of this report")),
    }
    return pdf.to_pdf(render_to_string(LAYOUT, context), identifier=f"{head.slug}-{head.revision}")


def _columns() -> list[Column]:
    names = ("revision", "first_day", "last_day", "table", "line", "line_label", "figure", "currency")
    types = {"revision": Type.INTEGER, "first_day": Type.DATE, "last_day": Type.DATE}
    return [*(Column(name, types.get(name, Type.TEXT)) for name in names), Column("amount", Type.AMOUNT)]


def _rows(head: Head, shown: Shown) -> Iterator[Cells]:
    """Every amount of every table on a line of its own, under names that no language changes."""
    people = shown.situation.table if shown.situation else None
    for table in [table for table in (people, *shown.tables, shown.changes) if table]:
        for row in table.rows:
            for key, cell in zip(table.keys, row.cells, strict=True):
                if cell is not None:
                    figure, amount = _figure(key, cell)
                    yield (head.revision, shown.first, shown.last, table.key, row.key, row.label, figure, cell.currency,
                           amount)  # fmt: skip


def _figure(key: str, cell: Money | Told) -> tuple[str, Decimal]:
    """A cell's name in files, and its value: of a band the end that is told."""
    if isinstance(cell, Money):
        return key, major(cell.minor, cell.currency)
    return f"{key}_{cell.end}" if cell.end else key, cell.value
