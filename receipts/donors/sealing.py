"""Papers of erased donors: sealed while a law wants them kept, opened for a legal demand alone, then emptied.

A paper is kept to the end of the last of its regime's years, counted from the year in which it was issued. Emptied, it
keeps its number, amount, day, hash and state; its words and its document are gone (docs/adr/0171-erasing-a-donor.md).
"""

from __future__ import annotations

from datetime import date

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from fundraising import trail
from fundraising.models import Donor

from .. import receipts
from ..models import Document, EndReason, MailState, OutgoingMail, Receipt, Refusal, SealedPaper, YearRefusal
from ..receipts import AlreadyEnded
from ..regimes import REGIMES
from ..years import verbs as year_verbs

LONGEST = 10  # years, for a paper whose regime we have no more


def kept_until(receipt: Receipt) -> date:
    """The last day that the law wants the paper kept."""
    regime = REGIMES.get(receipt.series.regime)
    years = regime.retention_years if regime else LONGEST
    return date(receipt.donor.entity.day_of(receipt.issued_at).year + years, 12, 31)


def seal_papers(donor: Donor) -> int:
    """Seal all papers of a donor who was just erased, and stop what was on its way to them; how many papers.

    In the caller's transaction.
    """
    papers = (
        Receipt.objects.filter(donor=donor, sealing=None).select_related("series", "donor__entity").defer("snapshot")
    )
    sealed = SealedPaper.objects.bulk_create(
        SealedPaper(receipt=receipt, kept_until=kept_until(receipt)) for receipt in papers
    )
    mails = OutgoingMail.objects.filter(
        Q(receipt__donor=donor) | Q(donor=donor) | Q(notice__donation__donor=donor) | Q(notice__mandate__donor=donor)
    )
    mails.filter(state=MailState.DUE).update(state=MailState.CANCELLED)
    Refusal.objects.filter(donation__donor=donor).delete()
    YearRefusal.objects.filter(donor=donor).delete()
    return len(sealed)


@transaction.atomic
def open_sealed(receipt: Receipt, *, by: User, reason: str) -> bytes:
    """The document for whoever the law obliges us to show it to. Raises SealedPaper.DoesNotExist once it is emptied."""
    SealedPaper.objects.get(receipt=receipt, emptied_at=None)
    document = receipts.read_pdf(receipt)
    trail.record(
        "sealed_paper_opened",
        by=by,
        entity=receipt.donor.entity,
        about=f"receipt:{receipt.number}",
        reason=reason,
    )
    return document


def void_outdated() -> int:
    """Void papers of erased donors that a late refund or dispute made untrue: there is nobody to replace them for."""
    outdated = [*receipts.to_replace(), *year_verbs.to_renew()]
    voided = 0
    for receipt in outdated:
        if receipt.donor.erased_at:
            try:
                receipts.void_receipt(receipt, reason=EndReason.AMOUNT_CHANGED)
                voided += 1
            except AlreadyEnded:  # another worker was faster
                continue
    return voided


def empty_due(*, limit: int = 500) -> int:
    """Empty the papers whose time is over, each in a database transaction of its own; how many."""
    over = SealedPaper.objects.filter(emptied_at=None, kept_until__lt=timezone.localdate())
    keys = list(over.order_by("kept_until", "pk").values_list("pk", flat=True)[:limit])
    return sum(_empty(pk) for pk in keys)


@transaction.atomic
def _empty(pk: int) -> bool:
    sealing = SealedPaper.objects.select_for_update(skip_locked=True).filter(pk=pk, emptied_at=None).first()
    if sealing is None:
        return False
    Document.objects.filter(receipt=pk).update(sealed_pdf=b"")
    Receipt.objects.filter(pk=pk).update(snapshot="")
    SealedPaper.objects.filter(pk=pk).update(emptied_at=timezone.now())
    number, entity = sealing.receipt.number, sealing.receipt.series.entity
    trail.record("sealed_paper_emptied", by=None, entity=entity, about=f"receipt:{number}")
    return True
