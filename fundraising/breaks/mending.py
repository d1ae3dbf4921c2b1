"""Entries that mend another one: what was booked stays, the difference is added, and both are read together.

A mend of the entry `txn:txn_1` has the key `mended:1:txn:txn_1`; the second one `mended:2:…`.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db import transaction

from .. import donations, ledger
from ..ledger import Bucket, Legs, Posted
from ..models import Donation, Entry, Purpose
from ..money import Money

MOST = 9  # of one entry; whoever needs more should reverse it


class MendedTooOften(Exception):
    """The entry has been mended so often that nobody can follow it any more."""


def mends_of(key: str) -> list[Entry]:
    """The entries that mend the one of this key, oldest first."""
    keys = [f"mended:{number}:{key}" for number in range(1, MOST + 1)]
    return list(Entry.objects.filter(key__in=keys).order_by("pk"))


def legs_with_mends(entry: Entry) -> Counter[Bucket]:
    """The legs of an entry and of all that mends it, summed; none of one that was reversed."""
    summed: Counter[Bucket] = Counter()
    for each in [entry, *mends_of(entry.key)]:
        summed.update(ledger.legs_of(each))
    return summed


def mend(entry: Entry, legs: Legs, *, at: datetime) -> Posted:
    """Add the difference to an entry."""
    number = len(mends_of(entry.key)) + 1
    if number > MOST:
        raise MendedTooOften(entry.key)
    return ledger.post(key=f"mended:{number}:{entry.key}", legs=legs, occurred_at=at, donation_id=entry.donation_id)


@transaction.atomic
def correct_received(key: str, *, amount: Money, at: datetime) -> Posted | None:
    """Bring what was booked of a charge to `amount`, and its donation with it; None if it says so already.

    The donation counts at what came, as one by bank transfer does. Raises NotBookedYet.
    """
    received, donation = donations.fact_and_donation(key)
    through, income = donations.sides_of(received)
    off = amount.minor - legs_with_mends(received)[through]
    if amount.currency != through.currency:
        raise ledger.LedgerError(f"{key} is not in {amount.currency}")
    if off == 0:
        return None
    posted = mend(received, {through: off, income: -off}, at=at)
    if donation and income.purpose == Purpose.DONATIONS:
        agreed = Donation.objects.only("announced_minor").get(pk=donation.pk).announced_minor
        Donation.objects.filter(pk=donation.pk).update(
            amount_minor=amount.minor,
            announced_minor=agreed if agreed is not None else donation.amount_minor,
            fee_cover_minor=0,
        )
        donations.follow(donation, posted, income)
    return posted
