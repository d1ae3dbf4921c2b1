"""Issuing many receipts at once: the same rules as receipts.issue_receipt, many times as fast.

One database transaction locks the donations that no other worker holds, composes all papers from a few queries, takes
as many numbers as it needs from each series, prints by stamping (receipts/stamping) and stores everything in rows of
hundreds. Lock order as ever: donations, then series, both in the order of their keys. A paper that cannot be printed
takes its number back with it: the batch is rolled back and done again without that donation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Model, Q, Sum
from psycopg import sql

from fundraising.models import Donation, DonationState, Posting, Purpose, TaxDetails
from fundraising.money import Money
from fundraising.vault import seal_bytes

from . import pdf, receipts
from .composing import Issuer, NotIssuable, has_worth, issuer_of, of_donation
from .documents.blanks import Blanks
from .models import Advantage, Document, MailKind, OutgoingMail, Receipt, ReceiptLine, Refusal, Series, new_message_id
from .regimes import Problem
from .snapshot import Snapshot

if TYPE_CHECKING:
    from .stamping.press import Press


@dataclass
class Batch:
    """What became of donations: receipts issued, and why others were refused, by the donation's key."""

    issued: list[Receipt] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Paper:
    """A receipt on its way: numbered, not yet printed."""

    donation: Donation
    snapshot: Snapshot
    series: Series
    sequence: int


class _Unprintable(Exception):
    """Some papers cannot be printed; their numbers must not stay taken."""

    def __init__(self, codes: dict[int, str]) -> None:
        super().__init__(codes)
        self.codes = codes


Issuers = dict[tuple[object, ...], Issuer]


def issue_batch(donations: Sequence[Donation], issuers: Issuers | None = None) -> Batch:
    """Issue the receipts of donations that no other worker holds and that have none; refusals are told, not raised.

    `issuers` are remembered from batch to batch by who issues several: for a minute, not for longer.
    """
    issuers = {} if issuers is None else issuers
    unprintable: dict[int, str] = {}
    while True:
        keys = {donation.pk for donation in donations} - unprintable.keys()
        try:
            batch = _issue(keys, issuers)
        except _Unprintable as problem:
            unprintable |= problem.codes
        else:
            batch.refused |= unprintable
            return batch


@transaction.atomic
def _issue(keys: Collection[int], issuers: Issuers) -> Batch:
    batch = Batch()
    locked = list(receipts.to_lock(skip_locked=True).filter(pk__in=keys).order_by("pk"))
    without = set(receipts.without_receipt().filter(pk__in=keys).values_list("pk", flat=True))  # looked at under lock
    papers = _number(_compose([donation for donation in locked if donation.pk in without], issuers, batch))
    documents = _print(papers)
    batch.issued = _store(papers, documents)
    return batch


# --- Composing --------------------------------------------------------------------------------------


def _compose(donations: Sequence[Donation], issuers: Issuers, batch: Batch) -> list[tuple[Donation, Snapshot]]:
    """The papers but for their numbers; those that cannot be issued are noted in the batch."""
    received, back = _sums(donations)
    details = TaxDetails.objects.in_bulk([donation.donor_id for donation in donations], field_name="donor_id")
    returned = {one.donation_id: one for one in Advantage.objects.filter(donation__in=donations)}
    drafts = []
    for donation in donations:
        net = Money(received[donation.pk] - back[donation.pk], donation.currency)
        try:
            if donation.state != DonationState.RECEIVED or donation.received_at is None or not has_worth(donation, net):
                raise NotIssuable(Problem.NOT_RECEIVED)
            issuer = _issuer(issuers, donation, donation.entity.day_of(donation.received_at))
            draft = of_donation(
                donation,
                issuer,
                net=net,
                refunded=Money(back[donation.pk], donation.currency),
                details=details.get(donation.donor_id) if issuer.regime.donor_needs else None,
                returned=returned.get(donation.pk),
            )
        except NotIssuable as problem:
            batch.refused[donation.pk] = problem.code
        else:
            drafts.append((donation, draft))
    return drafts


def _sums(donations: Sequence[Donation]) -> tuple[dict[int, int], dict[int, int]]:
    """What was received and what was given back of each donation, in minor units, as booked."""
    gone = Q(account__purpose__in=[Purpose.REFUNDS, Purpose.CHARGEBACKS])
    rows = (
        Posting.objects.filter(entry__donation__in=[donation.pk for donation in donations])
        .values_list("entry__donation")
        .annotate(
            received=Sum("amount_minor", filter=Q(account__purpose=Purpose.DONATIONS), default=0),
            back=Sum("amount_minor", filter=gone, default=0),
        )
    )
    received: dict[int, int] = defaultdict(int)
    back: dict[int, int] = defaultdict(int)
    for key, one, other in rows:
        received[key], back[key] = -one, other
    return received, back


def _issuer(known: Issuers, donation: Donation, on: date) -> Issuer:
    """Who issues, asked once for donations of one entity, country, language and day."""
    country, locale = donation.donor.country, donation.locale
    key = (donation.entity_id, country, locale, on)
    if key not in known:
        known[key] = issuer_of(donation.entity, donor_country=country, donor_locale=locale, on=on)
    return known[key]


# --- Numbers and paper ------------------------------------------------------------------------------


def _number(drafts: list[tuple[Donation, Snapshot]]) -> list[Paper]:
    """Number the papers of each series in the order of their donations. All series are open before one is locked."""
    found: dict[tuple[object, ...], Series] = {}
    by_series: dict[Series, list[tuple[Donation, Snapshot]]] = defaultdict(list)
    for donation, draft in drafts:
        key = (donation.entity_id, draft.regime, draft.kind, draft.received_on.year)
        series = found.get(key) or found.setdefault(key, receipts.series_of(donation.entity, draft))
        by_series[series].append((donation, draft))
    papers = []
    for series in sorted(by_series, key=lambda series: series.pk):
        first = receipts.take_numbers(series, len(by_series[series]))
        for sequence, (donation, draft) in enumerate(by_series[series], start=first):
            snapshot = replace(draft, number=receipts.number_of(series, sequence))
            papers.append(Paper(donation, snapshot, series, sequence))
    return papers


def _print(papers: Sequence[Paper]) -> list[bytes]:
    documents, failed = [], {}
    for paper in papers:
        try:
            documents.append(receipts.printed(paper.snapshot, printer=_print_one))
        except pdf.NoFont:
            failed[paper.donation.pk] = str(Problem.NO_FONT)
        except pdf.TooLong:
            failed[paper.donation.pk] = str(Problem.TOO_LONG)
    if failed:
        raise _Unprintable(failed)
    return documents


def _print_one(snapshot: Snapshot, setting: str) -> bytes:
    return press().print(blanks().page(snapshot, setting), identifier=snapshot.number)


@cache
def press() -> Press:
    """This process's press: it remembers what it compiled. Imported here as WeasyPrint is by receipts/pdf.py."""
    from .stamping.press import Press

    return Press(pdf.to_pdf)


@cache
def blanks() -> Blanks:
    """This process's blanks."""
    return Blanks()


# --- Storing ----------------------------------------------------------------------------------------


def _store(papers: Sequence[Paper], documents: Sequence[bytes]) -> list[Receipt]:
    rows = [
        receipts.row_of(paper.snapshot, paper.donation.donor, paper.donation, paper.series, paper.sequence, document)
        for paper, document in zip(papers, documents, strict=True)
    ]
    lines, sealed, mails = [], [], []
    for row, key, paper, document in zip(rows, _new_keys(len(rows)), papers, documents, strict=True):
        row.pk, day = key, row.received_on
        lines.append(ReceiptLine(receipt=row, donation=row.donation, amount_minor=row.amount_minor, received_on=day))
        sealed_pdf = seal_bytes(document, receipts.document_context(row.number))
        sealed.append({"receipt_id": key, "sealed_pdf": sealed_pdf})  # a Document and its row would hold each other
        if row.donor.email:  # others were recorded by staff, who print it
            message_id = new_message_id(paper.donation.entity.email_from)
            mails.append(OutgoingMail(receipt=row, kind=MailKind.RECEIPT, message_id=message_id))
    _copy(Receipt, [vars(row) for row in rows])
    _copy(ReceiptLine, [vars(line) for line in lines])
    _copy(Document, sealed)
    _copy(OutgoingMail, [vars(mail) for mail in mails])
    Refusal.objects.filter(pk__in=[paper.donation.pk for paper in papers]).delete()
    return rows


def _new_keys(count: int) -> list[int]:
    """Keys for receipts, whose lines, documents and mails name them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('receipts_receipt', 'id')) FROM generate_series(1, %s)", [count]
        )
        return [key for (key,) in cursor.fetchall()]


def _copy(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Store new rows, values by attribute, by binary COPY: in a statement a document would take twice its size."""
    if not rows:
        return
    fields = [one for one in model._meta.concrete_fields if not one.primary_key or rows[0].get(one.attname)]
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join([sql.Identifier(str(one.column)) for one in fields])
    )
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        copy.set_types([str(one.db_type(connection)).partition("(")[0] for one in fields])
        for row in rows:
            copy.write_row([one.get_prep_value(row[one.attname]) for one in fields])
