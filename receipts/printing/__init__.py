"""Paper for the post: whoever has no e-mail address, or whose mail came back, gets what was issued by letter.

A batch is the list of its papers; the file to print is an export of it, written by a worker from the stored bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from pypdf import PdfWriter

from fundraising import trail
from fundraising.exports.kinds import GENERIC, ExportRefused, Format, Kind
from fundraising.exports.table import Column, Row, Table, Type, of_queryset
from fundraising.models import LegalEntity
from fundraising.roles import May

from .. import receipts
from ..documents import signing
from ..models import UNDELIVERED, OutgoingMail, PrintBatch, PrintedReceipt, Receipt, ReceiptState

AT_ONCE = 500  # papers of a batch: a printer's tray, and a file that a worker can hold
PIECE = 256 * 1024


class NothingToPrint(Exception):
    """No paper waits for the post."""


def waiting(entity: LegalEntity) -> QuerySet[Receipt]:
    """Valid papers that no mail brought and no batch has, oldest first."""
    mails = OutgoingMail.objects.filter(receipt=OuterRef("pk"))
    by_post = Q(donor__email="") | Q(Exists(mails.filter(state__in=UNDELIVERED)))
    issued = Receipt.objects.filter(
        donor__entity=entity, donor__erased_at=None, state=ReceiptState.ISSUED, printed=None
    )
    return issued.filter(by_post).order_by("pk")


@transaction.atomic
def make_batch(entity: LegalEntity, *, by: User) -> PrintBatch:
    """Put what waits, five hundred at most, into a batch; raises NothingToPrint."""
    LegalEntity.objects.select_for_update(no_key=True).get(pk=entity.pk)  # one batch at a time
    papers = list(waiting(entity).values_list("pk", flat=True)[:AT_ONCE])
    if not papers:
        raise NothingToPrint
    last = PrintBatch.objects.filter(entity=entity).aggregate(last=Max("number"))["last"] or 0
    batch = PrintBatch.objects.create(entity=entity, number=last + 1, made_by=by, count=len(papers))
    PrintedReceipt.objects.bulk_create(PrintedReceipt(batch=batch, receipt_id=paper) for paper in papers)
    about = f"print_batch:{batch.number}"
    trail.record("papers_printed", by=by, entity=entity, about=about, after={"papers": len(papers)})
    return batch


def table(entity: LegalEntity, filters: Mapping[str, str]) -> Table:
    """The papers of a batch; raises ExportRefused for one that is not there."""
    number = filters.get("batch", "")
    batch = PrintBatch.objects.filter(entity=entity, number=int(number) if number.isdecimal() else 0).first()
    if batch is None:
        raise ExportRefused("filters")
    papers = Receipt.objects.filter(printed__batch=batch).select_related("donor").defer("snapshot").order_by("pk")

    def row(receipt: Receipt) -> Row:
        donor = receipt.donor
        return receipt.number, entity.day_of(receipt.issued_at), donor.organisation or donor.full_name, donor.country

    columns = [Column(_("Number")), Column(_("Issued"), Type.DATE), Column(_("Donor")), Column(_("Country"))]
    return of_queryset(f"print-{batch.number}", columns, papers, row)


def _write(_entity: LegalEntity, _filters: Mapping[str, str]) -> Callable[[Table], Iterator[bytes]]:
    return _one_file


def _one_file(papers: Table) -> Iterator[bytes]:
    """All papers behind each other, as they were issued, in pieces."""
    writer, file = PdfWriter(), io.BytesIO()
    for number, *_rest in papers.rows():
        receipt = Receipt.objects.select_related("document").get(number=number)
        writer.append(io.BytesIO(signing.opened(receipts.read_pdf(receipt))))
    writer.write(file)
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


EXPORT = Kind(
    "print-batch",
    _("Papers to print"),
    frozenset({May.RESEND, May.READ_DONORS, May.EXPORT}),
    table,
    personal=True,
    kept=("batch",),
    listed=False,
    formats=(Format("pdf", _("One PDF to print"), "pdf", "application/pdf", _write), *GENERIC),
)
