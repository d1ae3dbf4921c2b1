"""The verbs of a receipt: issue, void, replace; and what waits for them, found by pull.

Each verb is one database transaction and may be called again. Lock order: donation, receipt, series. The series is
locked last and until commit, with the rendering inside, so that a number, its PDF and its mail exist together or not
at all (docs/adr/0030-receipt-numbers-and-documents.md).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain, islice

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from fundraising import donations
from fundraising.models import Account, Channel, Donation, DonationState, Donor, LegalEntity, Purpose
from fundraising.vault import seal_bytes, unseal_bytes

from . import pdf
from .composing import NotIssuable, compose
from .documents import copies, signing
from .models import (
    Document,
    EndReason,
    IssuerRegime,
    Kind,
    MailKind,
    MailState,
    OutgoingMail,
    Receipt,
    ReceiptLine,
    ReceiptState,
    Refusal,
    Series,
    new_message_id,
)
from .regimes import BY_STATUS, REGIMES, Problem, choices_of, is_yearly
from .snapshot import Snapshot

SERIES_LOCK = 0x0A_5E_1E  # any constant: one database transaction at a time opens a series
RETRY_AFTER = [timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6)]


class AlreadyEnded(Exception):
    """The receipt was voided or replaced before."""


# --- What waits -------------------------------------------------------------------------------------


def unclaimed() -> QuerySet[Donation]:
    """Received donations that no paper stands for: due, or waiting for the paper of their year."""
    claims = ReceiptLine.objects.filter(donation=OuterRef("pk"), claims=True)
    received = Donation.objects.filter(state=DonationState.RECEIVED, donor__erased_at=None)
    return received.exclude(_without_paper()).filter(~Exists(claims))


def _without_paper() -> Q:
    """What was given in kind, but to entities under a law that acknowledges it."""
    acknowledging = [code for code, regime in REGIMES.items() if regime.takes_in_kind]
    chosen = LegalEntity.objects.filter(regimes__regime__in=acknowledging).values("pk")
    by_status = [status for status, code in BY_STATUS.items() if code in acknowledging]
    return Q(channel=Channel.IN_KIND) & ~Q(entity__in=chosen) & ~Q(entity__tax_status__in=by_status)


def without_receipt() -> QuerySet[Donation]:
    """Received donations that should have a receipt of their own and have none."""
    yearly = yearly_ones()
    return unclaimed().exclude(yearly) if yearly else unclaimed()


def yearly_ones() -> Q:
    """Which donations the paper of a year stands for, as entities chose (receipts/regimes); empty where none did."""
    found = Q()
    for entity in LegalEntity.objects.filter(regimes__regime__in=REGIMES).distinct():
        before = Q()
        for choice in choices_of(entity):
            one = _under(choice)
            if is_yearly(choice):
                found |= one & ~before if before else one
            before |= one
    return found


def _under(choice: IssuerRegime) -> Q:
    """Donations of the days and countries of a choice."""
    first, after = choice.entity.hours_of(choice.since, choice.until or choice.since)
    one = Q(entity=choice.entity_id, received_at__gte=first)
    if choice.until:
        one &= Q(received_at__lt=after)
    return one & Q(donor__country__in=choice.donor_countries) if choice.donor_countries else one


def due(*, limit: int = 200) -> list[Donation]:
    """Donations to issue receipts for now, oldest first, by their keys. Those refused lately wait for their turn."""
    waiting = _waiting().filter(donation=OuterRef("pk"))
    return list(without_receipt().filter(~Exists(waiting)).order_by("received_at", "pk").only("uuid")[:limit])


def to_void(*, limit: int = 200) -> list[Receipt]:
    """Issued receipts whose donation was given back in full, taken back, or that staff said was none of this money's.

    An open dispute voids nothing.
    """
    gone = Q(donation__state__in=[DonationState.REFUNDED, DonationState.CHARGEBACK])
    undone = Q(donation__state=DonationState.OPENED) & ~Q(donation__channel=Channel.ONLINE)
    reversed_ = Q(donation__state=DonationState.OPENED, donation__breaks__resolution="reverse")
    issued = Receipt.objects.filter(state=ReceiptState.ISSUED).select_related("donation")
    found = {receipt.pk: receipt for one in (gone, undone, reversed_) for receipt in issued.filter(one)[:limit]}
    return sorted(found.values(), key=lambda receipt: receipt.pk)[:limit]


def to_replace(*, limit: int = 200) -> list[Receipt]:
    """Issued receipts that no longer say what the ledger says was received less given back. Refused ones wait.

    Only a refund or a lost dispute, or its undoing, changes that. So only receipts with such an entry since they were
    issued are compared; the hour allows for a database transaction that began before it got the donation's lock.
    """
    left = [Purpose.REFUNDS, Purpose.CHARGEBACKS]
    back = list(Account.objects.filter(purpose__in=left).values_list("pk", flat=True))
    touched = (
        Receipt.objects.filter(
            state=ReceiptState.ISSUED,
            donation__state=DonationState.RECEIVED,
            donation__entries__postings__account__in=back,
            donation__entries__booked_at__gt=F("issued_at") - timedelta(hours=1),
        )
        .filter(~Exists(_waiting().filter(donation=OuterRef("donation"))))
        .select_related("donation")
        .order_by("pk")
        .distinct()
    )
    mended = Receipt.objects.filter(  # by a break's resolution: few, and compared each time
        state=ReceiptState.ISSUED, donation__state=DonationState.RECEIVED, donation__breaks__resolution="take_theirs"
    ).select_related("donation")
    changed = (
        receipt
        for receipt in {one.pk: one for one in chain(touched, mended)}.values()
        if donations.acknowledged(receipt.sole_donation) != receipt.amount
    )
    return list(islice(changed, limit))


def _waiting() -> QuerySet[Refusal]:
    return Refusal.objects.filter(next_attempt_at__gt=timezone.now())


# --- Verbs ------------------------------------------------------------------------------------------


@transaction.atomic
def issue_receipt(donation: Donation) -> Receipt:
    """Issue the donation's receipt, or return the one it has; raises NotIssuable."""
    return _issue(to_lock().get(pk=donation.pk))


@transaction.atomic
def issue_if_free(donation: Donation) -> Receipt | None:
    """As `issue_receipt`, but None when another worker holds the donation."""
    locked = to_lock(skip_locked=True).filter(pk=donation.pk).first()
    return _issue(locked) if locked else None


@transaction.atomic
def void_receipt(receipt: Receipt, *, reason: EndReason, actor: str = "") -> Receipt:
    """End a receipt for good and tell the donor; its number survives. Raises AlreadyEnded."""
    lock_donations_of(receipt)
    ended = end(receipt, ReceiptState.VOIDED, reason, actor)
    _queue_mail(ended, MailKind.VOIDED)
    return ended


@transaction.atomic
def replace_receipt(receipt: Receipt, *, reason: EndReason, actor: str = "") -> Receipt:
    """End the receipt of a donation and issue one with a new number that says so; raises AlreadyEnded, NotIssuable.

    Corrected, it is one of the law of where the donor lives; else it stays under its own, wherever they moved since.
    """
    donation = to_lock().get(pk=receipt.sole_donation.pk)
    old = end(receipt, ReceiptState.REPLACED, reason, actor)
    return _write(donation, replaces=old, regime="" if reason == EndReason.CORRECTED else old.series.regime)


def refuse(donation: Donation, code: str) -> None:
    """Note why the donation got no receipt, and when to try again."""
    refusal, is_new = Refusal.objects.get_or_create(
        donation=donation, defaults={"code": code[:60], "next_attempt_at": timezone.now() + RETRY_AFTER[0]}
    )
    if not is_new:
        wait = RETRY_AFTER[min(refusal.attempts, len(RETRY_AFTER) - 1)]
        Refusal.objects.filter(pk=refusal.pk).update(
            code=code[:60], attempts=F("attempts") + 1, next_attempt_at=timezone.now() + wait
        )


def read_pdf(receipt: Receipt) -> bytes:
    """The document as issued; raises SealedError if it was altered."""
    return unseal_bytes(bytes(receipt.document.sealed_pdf), document_context(receipt.number))


def note_opened(receipt: Receipt) -> None:
    """The donor has fetched it: the first time is kept."""
    if receipt.opened_at is None and receipt.state == ReceiptState.ISSUED:
        Receipt.objects.filter(pk=receipt.pk, opened_at=None, state=ReceiptState.ISSUED).update(
            opened_at=timezone.now()
        )


def current_receipt(donation: Donation) -> Receipt | None:
    """The donation's issued receipt, if it has one."""
    return Receipt.objects.filter(donation=donation, state=ReceiptState.ISSUED).first()


# --- How it is done ---------------------------------------------------------------------------------


def to_lock(*, skip_locked: bool = False) -> QuerySet[Donation]:
    """Donations to take under lock, with what a receipt names."""
    locked = Donation.objects.select_for_update(of=("self",), skip_locked=skip_locked)
    return locked.select_related("entity", "donor")


def _issue(donation: Donation) -> Receipt:
    if receipt := current_receipt(donation):
        return receipt
    if ReceiptLine.objects.filter(donation=donation, claims=True).exists():
        raise NotIssuable(Problem.ON_YEARS_PAPER)
    return _write(donation, replaces=None)


def _write(donation: Donation, *, replaces: Receipt | None, regime: str = "") -> Receipt:
    """Compose, number, render and store, under the donation's lock."""
    draft = compose(donation, replaces=replaces.number if replaces else "", regime=regime)
    line = ReceiptLine(donation=donation, amount_minor=draft.net.minor, received_on=draft.received_on)
    receipt = store(draft, donation.donor, [line], donation=donation, replaces=replaces)
    Refusal.objects.filter(pk=donation.pk).delete()
    return receipt


def store(
    draft: Snapshot, donor: Donor, lines: Sequence[ReceiptLine], *, donation: Donation | None, replaces: Receipt | None
) -> Receipt:
    """Number, render and store a paper whose donations are locked; `donation` is None for the paper of a year."""
    series = series_of(donor.entity, draft)
    sequence = take_numbers(series, 1)
    snapshot = replace(draft, number=number_of(series, sequence))
    document = _render(snapshot)
    receipt = row_of(snapshot, donor, donation, series, sequence, document)
    receipt.replaces = replaces
    receipt.save(force_insert=True)
    for line in lines:
        line.receipt = receipt
    ReceiptLine.objects.bulk_create(lines)
    sealed = seal_bytes(document, document_context(receipt.number))
    Document.objects.create(receipt=receipt, sealed_pdf=sealed)
    _queue_mail(receipt, MailKind.REPLACEMENT if replaces else MailKind.RECEIPT)
    return receipt


def _render(snapshot: Snapshot) -> bytes:
    try:
        return printed(snapshot)
    except pdf.NoFont as error:
        raise NotIssuable(Problem.NO_FONT) from error
    except pdf.TooLong as error:
        raise NotIssuable(Problem.TOO_LONG) from error


def printed(snapshot: Snapshot, *, printer: pdf.Printer | None = None) -> bytes:
    """The document as it is stored and sent: signed and closed to changes where the law wants that of what is mailed.

    Else an archive file where the legal entity wants them: that cannot be encrypted. Raises the errors of pdf.render.
    `printer`: as there.
    """
    document = pdf.render(snapshot, printer=printer)
    if REGIMES[snapshot.regime].protected and snapshot.kind == Kind.DONATION and signing.is_ready():
        return signing.protected(document, place=snapshot.place)
    return copies.as_archive(document, snapshot) if snapshot.archive else document


def row_of(
    snapshot: Snapshot, donor: Donor, donation: Donation | None, series: Series, sequence: int, document: bytes
) -> Receipt:
    """The receipt, not yet stored."""
    return Receipt(
        series=series,
        sequence=sequence,
        number=snapshot.number,
        donor=donor,
        donation=donation,
        locale=snapshot.locale,
        template=snapshot.template,
        currency=snapshot.currency,
        amount_minor=snapshot.net.minor,
        received_on=snapshot.received_on,
        snapshot=snapshot.to_json(),
        pdf_sha256=hashlib.sha256(document).hexdigest(),
        check_code=snapshot.check_code,
    )


def series_of(entity: LegalEntity, draft: Snapshot) -> Series:
    """The series that numbers a paper; opened if it is the first."""
    where = {"entity": entity, "regime": draft.regime, "kind": Kind(draft.kind), "year": draft.received_on.year}
    return Series.objects.filter(**where).first() or _open_series(entity, where)


def take_numbers(series: Series, count: int) -> int:
    """The first of the next numbers of a series, ours until commit. A rollback gives them back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE receipts_series SET last_number = last_number + %s WHERE id = %s RETURNING last_number",
            [count, series.pk],
        )
        return int(cursor.fetchone()[0]) - count + 1


def number_of(series: Series, sequence: int) -> str:
    """A number as it is printed."""
    return f"{series.prefix}-{series.year}-{sequence:06d}"


def _open_series(entity: LegalEntity, where: dict[str, object]) -> Series:
    """A new series; a series keeps its prefix from year to year, and no other ever takes it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SERIES_LOCK])
    if series := Series.objects.filter(**where).first():
        return series
    same = {key: value for key, value in where.items() if key != "year"}
    earlier = Series.objects.filter(**same).first()
    return Series.objects.create(**where, prefix=earlier.prefix if earlier else _free_prefix(entity.name))


def _free_prefix(name: str) -> str:
    """The initials of the entity's name in A-Z, numbered when another series has them."""
    initials = "".join(re.findall(r"\b[A-Z0-9]", name.upper()))[:4] or "R"
    taken = set(Series.objects.filter(prefix__startswith=initials).values_list("prefix", flat=True))
    candidates = (f"{initials}{number or ''}" for number in [0, *range(2, len(taken) + 3)])
    return next(candidate for candidate in candidates if candidate not in taken)


def lock_donations_of(receipt: Receipt) -> None:
    """Take the donations of a paper under lock, in the order of their keys."""
    rows = Donation.objects.select_for_update(of=("self",)).filter(receipt_lines__receipt=receipt)
    list(rows.order_by("pk").values_list("pk", flat=True))


def end(receipt: Receipt, state: ReceiptState, reason: EndReason, actor: str) -> Receipt:
    """End a paper whose donations are locked; raises AlreadyEnded."""
    locked = Receipt.objects.select_for_update().get(pk=receipt.pk)
    if locked.state != ReceiptState.ISSUED:
        raise AlreadyEnded(locked.number)
    locked.state, locked.ended_reason, locked.ended_by = state, reason, actor
    locked.ended_at = timezone.now()
    locked.save(update_fields=["state", "ended_reason", "ended_by", "ended_at"])
    ReceiptLine.objects.filter(receipt=locked, claims=True).update(claims=False)
    OutgoingMail.objects.filter(receipt=locked, state=MailState.DUE).update(state=MailState.CANCELLED)
    return locked


def _queue_mail(receipt: Receipt, kind: MailKind) -> None:
    if not receipt.donor.email:  # recorded by staff, who print it
        return
    sender = receipt.donor.entity.email_from
    OutgoingMail.objects.create(receipt=receipt, kind=kind, message_id=new_message_id(sender))


def document_context(number: str) -> str:
    """Binds a sealed PDF to its number: moved to another receipt it does not open."""
    return f"receipts_document.sealed_pdf:{number}"
