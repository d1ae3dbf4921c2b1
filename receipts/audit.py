"""Audit of the paper: do receipts, their numbers and their documents agree with each other and with the ledger?

A refund that was booked minutes ago may still wait for its receipt to be voided or replaced: that is work, not a fault.
After GRACE it is one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from fundraising.audit import Check
from fundraising.models import Donation, DonationState
from fundraising.money import Money
from fundraising.vault import SealedError, unseal

from . import notices, receipts
from .models import MailState, OutgoingMail, Receipt, ReceiptState, Refusal
from .snapshot import Snapshot

GRACE = timedelta(minutes=10)
MAIL_GRACE = timedelta(days=1)


def checks() -> Iterator[Check]:
    """Every check in turn; reading all documents comes last and takes longest."""
    yield _donations_have_receipts()
    yield _none("donations whose receipt is refused", Refusal.objects.count())
    yield _receipts_have_donations()
    yield from _amounts_agree()
    yield _numbers_are_gapless()
    yield _mail_goes_out()
    yield _notices_are_mailed()
    yield _documents_are_whole()


def _none(name: str, found: int) -> Check:
    return Check(name, "0", str(found), found == 0)


def _donations_have_receipts() -> Check:
    received = Donation.objects.filter(state=DonationState.RECEIVED).count()
    issued = Receipt.objects.filter(state=ReceiptState.ISSUED, donation__state=DonationState.RECEIVED).count()
    due = receipts.without_receipt().count()
    found = f"{issued} + {due} due"
    return Check("received donations = receipts + due", str(received), found, received == issued + due)


def _receipts_have_donations() -> Check:
    """Donations refunded within GRACE are left out: their receipts wait to be voided. Disputed ones keep theirs."""
    valid = [DonationState.RECEIVED, DonationState.DISPUTED]
    stray = Receipt.objects.filter(state=ReceiptState.ISSUED).exclude(donation__state__in=valid)
    lately = Donation.objects.filter(entries__booked_at__gt=timezone.now() - GRACE)
    return _none("receipts without a received donation", stray.exclude(donation__in=lately).count())


# Per currency: what issued receipts say, what the ledger says of their donations, and how many differ. Receipts that
# differ because of a refund booked within GRACE are left out: they wait to be replaced or voided. So are those of
# disputed donations: what withheld money stays is not known, and no receipt is issued for it.
_AMOUNTS = """
    WITH compared AS (
        SELECT receipt.donation_id, receipt.currency, receipt.amount_minor AS paper, (
            SELECT coalesce(-sum(posting.amount_minor), 0)
            FROM fundraising_entry entry
            JOIN fundraising_posting posting ON posting.entry_id = entry.id
            JOIN fundraising_account account ON account.id = posting.account_id
            WHERE entry.donation_id = receipt.donation_id AND posting.currency = receipt.currency
              AND account.purpose IN ('donations', 'refunds', 'chargebacks')
        ) AS books
        FROM receipts_receipt receipt JOIN fundraising_donation donation ON donation.id = receipt.donation_id
        WHERE receipt.state = 'issued' AND donation.state <> 'disputed'
    )
    SELECT currency, sum(books)::bigint, sum(paper)::bigint, count(*) FILTER (WHERE books <> paper)
    FROM compared
    WHERE books = paper OR NOT EXISTS (
        SELECT FROM fundraising_entry entry
        JOIN fundraising_posting posting ON posting.entry_id = entry.id
        JOIN fundraising_account account ON account.id = posting.account_id
        WHERE entry.donation_id = compared.donation_id AND account.purpose IN ('refunds', 'chargebacks')
          AND entry.booked_at > %s
    )
    GROUP BY currency ORDER BY currency
"""


def _amounts_agree() -> Iterator[Check]:
    with connection.cursor() as cursor:
        cursor.execute(_AMOUNTS, [timezone.now() - GRACE])
        rows = cursor.fetchall()
    for currency, books, paper, off in rows:
        found = f"{Money(paper, currency)}" + (f", {off} differ" if off else "")
        yield Check(f"receipts in {currency} = ledger", str(Money(books, currency)), found, off == 0)


_GAPS = """
    SELECT count(*) FROM receipts_series series
    LEFT JOIN (
        SELECT series_id, count(*) AS receipts, min(sequence) AS first, max(sequence) AS last
        FROM receipts_receipt GROUP BY series_id
    ) numbered ON numbered.series_id = series.id
    WHERE coalesce(receipts, 0) <> last_number OR coalesce(last, 0) <> last_number OR coalesce(first, 1) <> 1
"""


def _numbers_are_gapless() -> Check:
    with connection.cursor() as cursor:
        cursor.execute(_GAPS)
        return _none("series with a gap or a repeat", cursor.fetchone()[0])


def _mail_goes_out() -> Check:
    stuck = Q(state=MailState.FAILED) | Q(
        state__in=[MailState.DUE, MailState.SENDING], next_attempt_at__lt=timezone.now() - MAIL_GRACE
    )
    return _none("mails that failed or wait for over a day", OutgoingMail.objects.filter(stuck).count())


def _notices_are_mailed() -> Check:
    late = notices.unsent().filter(at__lt=timezone.now() - MAIL_GRACE)
    return _none("notices without a mail for over a day", late.count())


def _documents_are_whole() -> Check:
    """Every document opens, has its hash, and every receipt's columns are those of its sealed snapshot."""
    rows = Receipt.objects.select_related("document", "donation", "series").defer("snapshot")
    sealed = rows.annotate(sealed_snapshot=Cast("snapshot", TextField()))  # unsealed below: a broken one counts
    found = sum(not _is_whole(receipt, receipt.sealed_snapshot) for receipt in sealed.iterator(chunk_size=200))
    return _none("receipts altered since they were issued", found)


def _is_whole(receipt: Receipt, sealed_snapshot: str) -> bool:
    try:
        document = receipts.read_pdf(receipt)
        snapshot = Snapshot.from_json(unseal(sealed_snapshot, "receipts_receipt.snapshot"))
    except (SealedError, ValueError, KeyError, Receipt.document.RelatedObjectDoesNotExist):
        return False
    printed = (snapshot.number, snapshot.net, snapshot.received_on, snapshot.template, snapshot.check_code)
    return (
        hashlib.sha256(document).hexdigest() == receipt.pdf_sha256
        and printed == (receipt.number, receipt.amount, receipt.received_on, receipt.template, receipt.check_code)
        and snapshot.donation == str(receipt.donation.uuid)
        and receipt.number == f"{receipt.series}-{receipt.sequence:06d}"
    )
