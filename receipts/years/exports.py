"""Exports of the papers of a year: all of them as a ZIP, their list, what was refused, and the runs.

The ZIP names donors: a worker writes it, sealed, and it expires (fundraising/exports).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fundraising.exports import kinds
from fundraising.exports.kinds import ExportRefused, Format, Kind
from fundraising.exports.table import Column, Row, Table, Type, major, of_queryset
from fundraising.models import LegalEntity
from fundraising.roles import May

from .. import receipts
from ..desk.problems import of_refusal
from ..models import AnnualRun, Receipt, ReceiptState, YearRefusal

Filters = Mapping[str, str]


def year_of(filters: Filters) -> int:
    """The year that is asked for; without one, last year. Raises ExportRefused."""
    told = filters.get("year") or str(timezone.localdate().year - 1)
    if not re.fullmatch(r"20\d\d", told):
        raise ExportRefused("year")
    return int(told)


def standing(entity: LegalEntity, year: int) -> QuerySet[Receipt]:
    """The papers of a year that are valid."""
    rows = Receipt.objects.filter(donor__entity=entity, donation=None, series__year=year, state=ReceiptState.ISSUED)
    return rows.order_by("series", "sequence")


# --- All papers of a year as a ZIP ------------------------------------------------------------------


class _Pipe(io.RawIOBase):
    """What was written and not yet taken; cannot go back, so the ZIP is written front to back."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.waiting += piece
        return len(piece)

    def take(self) -> bytes:
        found = bytes(self.waiting)
        self.waiting.clear()
        return found


def write_zip(table: Table) -> Iterator[bytes]:
    """The documents that the rows name by their numbers, piece by piece; they are compressed already."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for (number,) in table.rows():
            document = receipts.read_pdf(
                Receipt.objects.select_related("document").defer("snapshot").get(number=number)
            )
            archive.writestr(zipfile.ZipInfo(f"{number}.pdf", date_time=(1980, 1, 1, 0, 0, 0)), document)
            yield pipe.take()
    yield pipe.take()


def papers(entity: LegalEntity, filters: Filters) -> Table:
    """The numbers of a year's papers."""
    year = year_of(filters)
    rows = standing(entity, year).only("number", "series")
    return of_queryset(f"papers-{year}", [Column(_("Number"))], rows, lambda paper: (paper.number,))


# --- Lists ------------------------------------------------------------------------------------------


def listed(entity: LegalEntity, filters: Filters) -> Table:
    """A year's papers without names, with those that are no longer valid."""
    year = year_of(filters)
    rows = Receipt.objects.filter(donor__entity=entity, donation=None, series__year=year)
    rows = rows.select_related("series", "donor", "replaces").defer("snapshot", "replaces__snapshot")

    def row(paper: Receipt) -> Row:
        return (
            paper.number, str(paper.donor.uuid), paper.series.regime, paper.currency,
            major(paper.amount_minor, paper.currency), str(paper.get_state_display()), paper.issued_at,
            paper.replaces.number if paper.replaces else "",
        )  # fmt: skip

    columns = [
        Column(_("Number")), Column(_("Donor")), Column(_("Regime")), Column(_("Currency")),
        Column(_("Amount"), Type.AMOUNT), Column(_("State")), Column(_("Issued"), Type.TIME), Column(_("Replaces")),
    ]  # fmt: skip
    return of_queryset(f"papers-{year}", columns, rows.order_by("series", "sequence"), row)


def refused(entity: LegalEntity, filters: Filters) -> Table:
    """Donors who have no paper of a year, and why."""
    year = year_of(filters)
    rows = YearRefusal.objects.filter(donor__entity=entity, year=year).select_related("donor").order_by("pk")
    columns = [Column(_("Donor")), Column(_("Why, and how to mend it")), Column(_("Since"), Type.TIME)]
    return of_queryset(
        f"refused-{year}", columns, rows, lambda one: (str(one.donor.uuid), of_refusal(one.code), one.first_at)
    )


def runs(entity: LegalEntity, _filters: Filters) -> Table:
    """How often papers of years were asked for, by whom, and what came of it."""
    rows = AnnualRun.objects.filter(entity=entity).select_related("asked_by").order_by("-pk")

    def row(run: AnnualRun) -> Row:
        return (
            run.year, run.asked_at, run.asked_by.get_username(), str(run.get_state_display()), run.donors_done,
            run.donors_total, run.issued, run.replaced, run.refused,
        )  # fmt: skip

    columns = [
        Column(_("Year"), Type.INTEGER), Column(_("Asked for"), Type.TIME), Column(_("By")), Column(_("State")),
        Column(_("Donors done"), Type.INTEGER), Column(_("Donors"), Type.INTEGER), Column(_("Issued"), Type.INTEGER),
        Column(_("Replaced"), Type.INTEGER), Column(_("Refused"), Type.INTEGER),
    ]  # fmt: skip
    return of_queryset("papers-runs", columns, rows, row)


def register_all() -> None:
    """Make them known."""
    listing, naming = frozenset({May.EXPORT}), frozenset({May.EXPORT, May.READ_DONORS})
    archive = Format("zip", _("ZIP of PDFs"), "zip", "application/zip", lambda _entity, _filters: write_zip)
    year = ("year",)
    kinds.register(
        Kind("papers-zip", _("Papers of a year (PDF)"), naming, papers, year, personal=True, formats=(archive,))
    )
    kinds.register(Kind("papers-list", _("Papers of a year (list)"), listing, listed, year))
    kinds.register(Kind("papers-runs", _("Runs of papers of years"), listing, runs))
    kinds.register(Kind("papers-refused", _("Papers of a year that were refused"), listing, refused, year))
