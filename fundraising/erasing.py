"""Erasing a donor: what the books know of a person goes, and what they know of money stays.

The verb that staff call is config/desk/erasing.py: it erases in every app in one database transaction.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from django.db.models import QuerySet
from django.utils import timezone

from .models import (
    Answer,
    BankLine,
    Comment,
    Donation,
    DonationNote,
    DonationState,
    Donor,
    Mandate,
    MandateState,
    PublicName,
    TaxDetails,
    Tribute,
)
from .offline.references import in_groups, references_in
from .vault import blind_index, blind_words

# So long a payment that was opened may still be made, and one that was received asks for its paper or comes back.
PAYING = timedelta(days=2)
RECENT = timedelta(days=30)
ALIVE = (MandateState.ACTIVE, MandateState.PAUSED, MandateState.FAILING)


class Obstacle(StrEnum):
    """What has to be over first; in words in config/desk/erasing.py."""

    MANDATE = "mandate"
    UNDER_WAY = "under_way"
    DISPUTE = "dispute"
    RECENT = "recent"
    IN_BANK = "in_bank"


def obstacles(donor: Donor) -> list[Obstacle]:
    """What keeps a donor from being erased now: money that still moves cannot do without its owner."""
    now, given = timezone.now(), Donation.objects.filter(donor=donor)
    opened = Donation.objects.filter(donor=donor, state=DonationState.OPENED, opened_at__gt=now - PAYING)
    found = {
        Obstacle.MANDATE: Mandate.objects.filter(donor=donor, state__in=ALIVE).exists(),
        Obstacle.UNDER_WAY: given.filter(state=DonationState.PENDING).exists() or opened.exists(),
        Obstacle.DISPUTE: given.filter(state=DonationState.DISPUTED).exists(),
        Obstacle.RECENT: given.filter(state=DonationState.RECEIVED, received_at__gt=now - RECENT).exists(),
        Obstacle.IN_BANK: _quoted_by_an_open_line(donor),
    }
    return [obstacle for obstacle, stands in found.items() if stands]


def _quoted_by_an_open_line(donor: Donor) -> bool:
    """Whether the bank has money that quotes a reference of theirs and is not matched: its line would keep their name,
    and without its text nobody could say any more whose money it is."""
    given = Donation.objects.filter(donor=donor, transfer_reference__isnull=False)
    references = {str(reference) for reference in given.values_list("transfer_reference", flat=True)}
    if not references:
        return False
    words = blind_words(*references, *map(in_groups, references))
    waiting = BankLine.objects.filter(bank_account__entity=donor.entity_id).exclude(unexplained_minor=0)
    found = waiting.filter(words__overlap=[*words, *donor.name_words])
    return any(references.intersection(references_in(f"{line.reference} {line.name}")) for line in found.iterator())


def forget_lines(lines: QuerySet[BankLine]) -> None:
    """Remove whom these lines of the bank name. The sealed file of the statement is the bank's voucher and stays as
    long as the books do."""
    lines.update(name="", iban="", iban_index="", reference="", words=[])


def erase(donor: Donor) -> None:
    """Remove what the books know of a person, in the caller's transaction, under the lock of the donor's row.

    Country and language stay, which are no person; so do amounts, days, references and postings.
    """
    nobody = f"erased-{donor.uuid.hex}"
    Donor.objects.filter(pk=donor.pk).update(
        email="",
        first_name="",
        last_name="",
        organisation="",
        email_index=nobody,
        identity_index=nobody,
        name_words=[],
        erased_at=timezone.now(),
    )
    TaxDetails.objects.filter(donor=donor).delete()
    given = Donation.objects.filter(donor=donor)
    Comment.objects.filter(donation__in=given).delete()
    Answer.objects.filter(donation__in=given).delete()
    DonationNote.objects.filter(donation__in=given).exclude(text="").update(text="")
    for pk, uuid in given.values_list("pk", "uuid"):  # the index of a form tells whether somebody sent that form
        Donation.objects.filter(pk=pk).update(submission=blind_index("erased", str(uuid)))
    given.update(
        tribute=Tribute.NONE,
        tribute_name="",
        employer="",
        in_kind="",
        newsletter_consent="",
        public_name=PublicName.ANONYMOUS,
    )
    Mandate.objects.filter(donor=donor).update(public_name=PublicName.ANONYMOUS)
    forget_lines(BankLine.objects.filter(matches__donation__in=given))
