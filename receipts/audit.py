"""Audit of the paper: do receipts, their numbers and their documents agree with each other and with the ledger?

A refund that was booked minutes ago may still wait for its receipt to be voided or replaced: that is work, not a fault.
After GRACE it is one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, Manager, OuterRef, Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from fundraising.audit import Check
from fundraising.models import Donation, DonationState
from fundraising.money import Money
from fundraising.vault import SealedError, unseal

from . import receipts
from .mail import notices
from .models import (
    UNDELIVERED,
    MailState,
    OutgoingMail,
    Receipt,
    ReceiptLine,
    ReceiptState,
    Refusal,
    SealedPaper,
    YearRefusal,
)
from .regimes import REGIMES, Annual, Problem
from .snapshot import Snapshot

GRACE = timedelta(minutes=10)
MAIL_GRACE = timedelta(days=1)


def checks() -> Iterator[Check]:
    """Every check in turn; reading all documents comes last and takes longest."""
    yield _donations_have_receipts()
    yield from _refused("donations whose receipt is refused", Refusal.objects)
    yield _receipts_have_donations()
    yield from _amounts_agree()
    yield _years_claim_what_their_regime_says()
    yield from _refused("papers of years that are refused", YearRefusal.objects)
    yield _numbers_are_gapless()
    yield _open("mails that failed or came back", OutgoingMail.objects.filter(state__in=UNDELIVERED).count())
    yield _mail_goes_out()
    yield _notices_are_mailed()
    yield _documents_are_whole()


def _none(name: str, found: int) -> Check:
    return Check(name, "0", str(found), found == 0)


def _open(name: str, found: int) -> Check:
    """What waits for a person; the desk says of each why and how to mend it."""
    return Check(name, "0", str(found), ok=True, is_open=found > 0)


def _refused(name: str, refusals: Manager[Any]) -> Iterator[Check]:
    """Refused by a rule, which staff mend; or by a fault of ours, which is one."""
    by_rule = refusals.filter(code__in=[problem.value for problem in Problem]).count()
    yield _open(name, by_rule)
    yield _none(f"{name} by a fault", refusals.count() - by_rule)


def _donations_have_receipts() -> Check:
    """Each received donation is claimed by one paper, or waits for its own or for that of its year."""
    erased = Donation.objects.filter(state=DonationState.RECEIVED, donor__erased_at__isnull=False)
    unpapered = erased.filter(~Exists(ReceiptLine.objects.filter(donation=OuterRef("pk"), claims=True))).count()
    received = Donation.objects.filter(state=DonationState.RECEIVED).count() - unpapered
    claims = ReceiptLine.objects.filter(claims=True, donation__state=DonationState.RECEIVED)
    issued = claims.filter(receipt__state=ReceiptState.ISSUED).count()
    due, waiting = receipts.without_receipt().count(), receipts.unclaimed().count()
    found = f"{issued} + {due} due" + (f" + {waiting - due} at the year's end" if waiting > due else "")
    return Check("received donations = receipts + due", str(received), found, received == issued + waiting)


def _receipts_have_donations() -> Check:
    """Donations refunded within GRACE are left out: their receipts wait to be voided. Disputed ones keep theirs.

    The paper of a year that has a disputed one waits for its end.
    """
    valid = [DonationState.RECEIVED, DonationState.DISPUTED]
    stray = ReceiptLine.objects.filter(receipt__state=ReceiptState.ISSUED).exclude(donation__state__in=valid)
    lately = Donation.objects.filter(entries__booked_at__gt=timezone.now() - GRACE)
    contested = ReceiptLine.objects.filter(receipt=OuterRef("receipt"), donation__state=DonationState.DISPUTED)
    stray = stray.exclude(donation__in=lately).filter(~Exists(contested))
    return _none("receipts without a received donation", stray.values("receipt").distinct().count())


def _years_claim_what_their_regime_says() -> Check:
    """A list claims nothing; a paper that stands for donations claims each of them."""
    lists = [code for code, regime in REGIMES.items() if regime.annual == Annual.SUMMARY]
    lines = ReceiptLine.objects.filter(receipt__state=ReceiptState.ISSUED, receipt__donation=None)
    in_lists = Q(receipt__series__regime__in=lists)
    wrong = lines.filter(in_lists, claims=True) | lines.filter(~in_lists, claims=False)
    return _none("papers of years that claim what they must not", wrong.count())


# Per currency, for papers that stand for donations and for lists: what issued receipts say, what the ledger says of
# their donations, and how many differ. Receipts that differ because of a refund booked within GRACE are left out: they
# wait to be replaced or voided. So are those with disputed donations: what withheld money stays is not known, and no
# receipt is issued for it.
_AMOUNTS = """
    WITH compared AS (
        SELECT receipt.id, receipt.currency, receipt.amount_minor AS paper, lines.claims, (
            SELECT coalesce(-sum(posting.amount_minor), 0)
            FROM receipts_receiptline line
            JOIN fundraising_entry entry ON entry.donation_id = line.donation_id
            JOIN fundraising_posting posting ON posting.entry_id = entry.id
            JOIN fundraising_account account ON account.id = posting.account_id
            WHERE line.receipt_id = receipt.id AND posting.currency = receipt.currency
              AND account.purpose IN ('donations', 'refunds', 'chargebacks')
        ) AS books
        FROM receipts_receipt receipt
        JOIN LATERAL (
            SELECT bool_and(line.claims) AS claims, bool_or(donation.state = 'disputed') AS disputed
            FROM receipts_receiptline line JOIN fundraising_donation donation ON donation.id = line.donation_id
            WHERE line.receipt_id = receipt.id
        ) lines ON true
        WHERE receipt.state = 'issued' AND lines.disputed IS NOT TRUE
    )
    SELECT currency, coalesce(claims, true), sum(books)::bigint, sum(paper)::bigint,
           count(*) FILTER (WHERE books <> paper)
    FROM compared
    WHERE books = paper OR NOT EXISTS (
        SELECT FROM receipts_receiptline line
        JOIN fundraising_entry entry ON entry.donation_id = line.donation_id
        JOIN fundraising_posting posting ON posting.entry_id = entry.id
        JOIN fundraising_account account ON account.id = posting.account_id
        WHERE line.receipt_id = compared.id AND account.purpose IN ('refunds', 'chargebacks')
          AND entry.booked_at > %s
    )
    GROUP BY 1, 2 ORDER BY 1, 2 DESC
"""


def _amounts_agree() -> Iterator[Check]:
    with connection.cursor() as cursor:
        cursor.execute(_AMOUNTS, [timezone.now() - GRACE])
        rows = cursor.fetchall()
    for currency, claims, books, paper, off in rows:
        found = f"{Money(paper, currency)}" + (f", {off} differ" if off else "")
        name = f"receipts in {currency} = ledger" if claims else f"lists of years in {currency} = ledger"
        yield Check(name, str(Money(books, currency)), found, off == 0)


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
    waiting = OutgoingMail.objects.filter(state__in=[MailState.DUE, MailState.SENDING])
    return _none(
        "mails that wait for over a day", waiting.filter(next_attempt_at__lt=timezone.now() - MAIL_GRACE).count()
    )


def _notices_are_mailed() -> Check:
    late = notices.unsent().filter(at__lt=timezone.now() - MAIL_GRACE)
    return _none("notices without a mail for over a day", late.count())


def _documents_are_whole() -> Check:
    """Every document opens, has its hash, and every receipt's columns are those of its sealed snapshot."""
    emptied = SealedPaper.objects.filter(receipt=OuterRef("pk"), emptied_at__isnull=False)
    rows = Receipt.objects.select_related("document", "donation", "series").prefetch_related("lines__donation")
    rows = rows.filter(~Exists(emptied)).defer("snapshot")
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
        and _printed_donations(snapshot)
        == [
            (line.received_on, line.amount_minor, line.donation.reference)
            for line in sorted(receipt.lines.all(), key=lambda line: line.pk)
        ]
        and snapshot.donation == (str(receipt.donation.uuid) if receipt.donation else "")
        and receipt.number == f"{receipt.series}-{receipt.sequence:06d}"
    )


def _printed_donations(snapshot: Snapshot) -> list[tuple[date, int, str]]:
    """What a paper says of its donations, in its order."""
    if snapshot.lines:
        return [(line.received_on, line.amount_minor, line.reference) for line in snapshot.lines]
    return [(snapshot.received_on, snapshot.net.minor, snapshot.reference)]
