"""Mending what a donor typed about themselves, and notes on donations, for the desk.

The trail says what was mended or noted on, not what it said.
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from . import trail
from .models import Donation, DonationNote, Donor
from .vault import blind_index, blind_words

NOTE_LENGTH: Final = 2000


class SameDonorExists(Exception):
    """Another donor of this legal entity has exactly these details; nothing was changed."""


@transaction.atomic
def correct_donor(
    donor: Donor,
    *,
    first_name: str,
    last_name: str,
    organisation: str,
    email: str,
    country: str,
    by: User,
    reason: str,
) -> set[str]:
    """Write the right details in the place of the wrong ones; which fields changed. Raises SameDonorExists.

    Papers that print the old ones stay as they are until they are replaced (receipts/desk/verbs.py).
    """
    locked = Donor.objects.select_for_update().select_related("entity").get(pk=donor.pk)
    said = {
        "first_name": first_name,
        "last_name": last_name,
        "organisation": organisation,
        "email": email,
        "country": country,
    }
    if locked.erased_at:
        return set()
    changed = {name for name, value in said.items() if getattr(locked, name) != value}
    if not changed:
        return set()
    identity = identity_index(**said)
    if Donor.objects.filter(entity=locked.entity, identity_index=identity).exclude(pk=locked.pk).exists():
        raise SameDonorExists
    for name, value in said.items():
        setattr(locked, name, value)
    locked.identity_index = identity
    locked.email_index = blind_index(email)
    locked.name_words = blind_words(first_name, last_name, organisation)
    locked.save(update_fields=[*said, "identity_index", "email_index", "name_words"])
    trail.record(
        "donor_corrected",
        by=by,
        entity=locked.entity,
        about=f"donor:{locked.uuid}",
        after={"fields": sorted(changed)},
        reason=reason,
    )
    return changed


def identity_index(*, first_name: str, last_name: str, organisation: str, email: str, country: str) -> str:
    """The blind index by which the same details are the same donor (fundraising/drafts.py makes it alike)."""
    return blind_index(email, first_name, last_name, country, *([organisation] if organisation else []))


@transaction.atomic
def note_on(donation: Donation, text: str, *, by: User) -> DonationNote | None:
    """Write a note beside a donation, for good; None where there is nothing to write."""
    if not (text := text.strip()[:NOTE_LENGTH]):
        return None
    note = DonationNote.objects.create(donation=donation, text=text, by=by)
    trail.record(
        "donation_noted", by=by, entity=donation.entity, about=f"donation:{donation.uuid}", after={"note": note.pk}
    )
    return note


def empty_notes(donor: Donor) -> int:
    """Empty the notes on a donor's donations, because the donor is erased; how many. Who and when stay."""
    return DonationNote.objects.filter(donation__donor=donor).exclude(text="").update(text="")
