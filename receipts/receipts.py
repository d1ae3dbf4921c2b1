"""The verbs of a receipt: issue, void, replace; and what waits for them, found by pull.

Each verb is one database transaction and may be called again. Lock order: donation, receipt, series. The series is
locked last and until commit, with the rendering inside, so that a number, its PDF and its mail exist together or not
at all (docs/adr/0030-receipt-numbers-and-documents.md).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import replace
from datetime import timedelta
from itertools import islice

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext

from fundraising import donations
from fundraising.models import Account, Donation, DonationState, EntityText, LegalEntity, Purpose, Tribute
from fundraising.vault import seal_bytes, unseal_bytes

from . import pdf
from .models import (
    Document,
    EndReason,
    Kind,
    MailKind,
    MailState,
    OutgoingMail,
    Receipt,
    ReceiptState,
    Refusal,
    Series,
    new_message_id,
)
from .regimes import Problem, regime_of
from .snapshot import Snapshot

SERIES_LOCK = 0x0A_5E_1E  # any constant: one database transaction at a time opens a series
CODE_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"  # no vowels, nothing that looks like something else
CODE_LENGTH = 8
RETRY_AFTER = [timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6)]


class NotIssuable(Exception):
    """The donation gets no receipt now; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AlreadyEnded(Exception):
    """The receipt was voided or replaced before."""


# --- What waits -------------------------------------------------------------------------------------


def without_receipt() -> QuerySet[Donation]:
    """Received donations that no issued receipt stands for."""
    issued = Receipt.objects.filter(donation=OuterRef("pk"), state=ReceiptState.ISSUED)
    return Donation.objects.filter(~Exists(issued), state=DonationState.RECEIVED)


def due(*, limit: int = 200) -> list[Donation]:
    """Donations to issue receipts for now, oldest first. Those refused lately wait for their next attempt."""
    waiting = _waiting().filter(donation=OuterRef("pk"))
    return list(without_receipt().filter(~Exists(waiting)).order_by("received_at", "pk")[:limit])


def to_void(*, limit: int = 200) -> list[Receipt]:
    """Issued receipts whose donation was given back in full, or taken back. An open dispute voids nothing."""
    gone = [DonationState.REFUNDED, DonationState.CHARGEBACK]
    issued = Receipt.objects.filter(state=ReceiptState.ISSUED, donation__state__in=gone).select_related("donation")
    return list(issued.order_by("pk")[:limit])


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
    changed = (receipt for receipt in touched if donations.acknowledged(receipt.donation) != receipt.amount)
    return list(islice(changed, limit))


def _waiting() -> QuerySet[Refusal]:
    return Refusal.objects.filter(next_attempt_at__gt=timezone.now())


# --- Verbs ------------------------------------------------------------------------------------------


@transaction.atomic
def issue_receipt(donation: Donation) -> Receipt:
    """Issue the donation's receipt, or return the one it has; raises NotIssuable."""
    return _issue(_to_lock().get(pk=donation.pk))


@transaction.atomic
def issue_if_free(donation: Donation) -> Receipt | None:
    """As `issue_receipt`, but None when another worker holds the donation."""
    locked = _to_lock(skip_locked=True).filter(pk=donation.pk).first()
    return _issue(locked) if locked else None


@transaction.atomic
def void_receipt(receipt: Receipt, *, reason: EndReason, actor: str = "") -> Receipt:
    """End a receipt for good and tell the donor; its number survives. Raises AlreadyEnded."""
    _to_lock().get(pk=receipt.donation_id)
    ended = _end(receipt, ReceiptState.VOIDED, reason, actor)
    _queue_mail(ended, MailKind.VOIDED)
    return ended


@transaction.atomic
def replace_receipt(receipt: Receipt, *, reason: EndReason, actor: str = "") -> Receipt:
    """End a receipt and issue one with a new number that says so; raises AlreadyEnded, NotIssuable."""
    donation = _to_lock().get(pk=receipt.donation_id)
    old = _end(receipt, ReceiptState.REPLACED, reason, actor)
    return _write(donation, replaces=old)


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
    return unseal_bytes(bytes(receipt.document.sealed_pdf), _document_context(receipt.number))


def current_receipt(donation: Donation) -> Receipt | None:
    """The donation's issued receipt, if it has one."""
    return Receipt.objects.filter(donation=donation, state=ReceiptState.ISSUED).first()


# --- How it is done ---------------------------------------------------------------------------------


def _to_lock(*, skip_locked: bool = False) -> QuerySet[Donation]:
    """Donations to take under lock, with what a receipt names."""
    locked = Donation.objects.select_for_update(of=("self",), skip_locked=skip_locked)
    return locked.select_related("entity", "donor")


def _issue(donation: Donation) -> Receipt:
    return current_receipt(donation) or _write(donation, replaces=None)


def _write(donation: Donation, *, replaces: Receipt | None) -> Receipt:
    """Number, render and store, under the donation's lock."""
    draft = _compose(donation, replaces)
    series, sequence = _take_number(donation.entity, draft)
    snapshot = replace(draft, number=f"{series.prefix}-{series.year}-{sequence:06d}")
    document = _render(snapshot)
    receipt = Receipt.objects.create(
        series=series,
        sequence=sequence,
        number=snapshot.number,
        donation=donation,
        replaces=replaces,
        locale=snapshot.locale,
        template=snapshot.template,
        currency=snapshot.currency,
        amount_minor=snapshot.net.minor,
        received_on=snapshot.received_on,
        snapshot=snapshot.to_json(),
        pdf_sha256=hashlib.sha256(document).hexdigest(),
        check_code=snapshot.check_code,
    )
    sealed = seal_bytes(document, _document_context(receipt.number))
    Document.objects.create(receipt=receipt, sealed_pdf=sealed)
    _queue_mail(receipt, MailKind.REPLACEMENT if replaces else MailKind.RECEIPT)
    Refusal.objects.filter(pk=donation.pk).delete()
    return receipt


def _render(snapshot: Snapshot) -> bytes:
    try:
        return pdf.render(snapshot)
    except pdf.NoFont as error:
        raise NotIssuable(Problem.NO_FONT) from error


def _compose(donation: Donation, replaces: Receipt | None) -> Snapshot:
    """Everything but the number; raises NotIssuable."""
    net, refunded = donations.acknowledged(donation), donations.given_back(donation)
    if donation.state != DonationState.RECEIVED or donation.received_at is None or net.minor <= 0:
        raise NotIssuable(Problem.NOT_RECEIVED)
    entity, donor = donation.entity, donation.donor
    text = EntityText.objects.filter(entity=entity, locale=donation.locale).first()
    regime = regime_of(entity)
    with translation.override(donation.locale):
        statements = tuple(regime.statements(text))
        tribute = _tribute(donation)
    snapshot = Snapshot(
        regime=regime.code,
        version=regime.version,
        locale=donation.locale,
        number="",
        check_code="".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH)),
        issued_on=timezone.localdate(),
        replaces=replaces.number if replaces else "",
        entity_name=entity.name,
        entity_form=text.legal_form if text else "",
        entity_address=entity.address,
        entity_registration=entity.registration,
        theme=entity.theme,
        donor_name=donor.organisation or donor.full_name,
        donor_person=donor.full_name if donor.organisation else "",
        donor_country=donor.country,
        donation=str(donation.uuid),
        reference=donation.reference,
        received_on=timezone.localdate(donation.received_at),
        currency=net.currency,
        gross_minor=(net + refunded).minor,
        refunded_minor=refunded.minor,
        statements=statements,
        tribute=tribute,
    )
    if problem := regime.refusal(snapshot):
        raise NotIssuable(problem)
    return snapshot


def _tribute(donation: Donation) -> str:
    """Whom the donation remembers or celebrates, as a line in the active language."""
    match Tribute(donation.tribute):
        case Tribute.HONOUR:
            return gettext("In honour of %(name)s") % {"name": donation.tribute_name}
        case Tribute.MEMORY:
            return gettext("In memory of %(name)s") % {"name": donation.tribute_name}
        case Tribute.NONE:
            return ""


def _take_number(entity: LegalEntity, draft: Snapshot) -> tuple[Series, int]:
    """The next number of the series, ours until commit. A rollback gives it back."""
    where = {"entity": entity, "regime": draft.regime, "kind": Kind.DONATION, "year": draft.received_on.year}
    series = Series.objects.filter(**where).first() or _open_series(entity, where)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE receipts_series SET last_number = last_number + 1 WHERE id = %s RETURNING last_number",
            [series.pk],
        )
        return series, cursor.fetchone()[0]


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


def _end(receipt: Receipt, state: ReceiptState, reason: EndReason, actor: str) -> Receipt:
    locked = Receipt.objects.select_for_update().get(pk=receipt.pk)
    if locked.state != ReceiptState.ISSUED:
        raise AlreadyEnded(locked.number)
    locked.state, locked.ended_reason, locked.ended_by = state, reason, actor
    locked.ended_at = timezone.now()
    locked.save(update_fields=["state", "ended_reason", "ended_by", "ended_at"])
    OutgoingMail.objects.filter(receipt=locked, state=MailState.DUE).update(state=MailState.CANCELLED)
    return locked


def _queue_mail(receipt: Receipt, kind: MailKind) -> None:
    sender = receipt.donation.entity.email_from
    OutgoingMail.objects.create(receipt=receipt, kind=kind, message_id=new_message_id(sender))


def _document_context(number: str) -> str:
    """Binds a sealed PDF to its number: moved to another receipt it does not open."""
    return f"receipts_document.sealed_pdf:{number}"
