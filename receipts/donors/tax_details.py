"""What tax receipts need of a donor: which of it, since when it is known, and keeping it. Never showing it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from fundraising import trail
from fundraising.models import Donation, Donor, TaxDetails

from ..composing import address_lines
from ..mail.link_letters import LACKING
from ..models import Receipt, ReceiptState, Refusal, YearRefusal
from ..regimes import DonorNeed, Problem, regime_of
from ..snapshot import Snapshot

ADDRESS_FIELDS = ("title", "street", "postcode", "city", "region")
FIELDS = (*ADDRESS_FIELDS, "tax_number")
WAITING = (*LACKING, Problem.AT_YEARS_END)


def needs_of(donor: Donor) -> frozenset[DonorNeed]:
    """What the laws of this donor's papers want to know: of today's, and of those that wait."""
    waiting = Refusal.objects.filter(donation__donor=donor, code__in=WAITING).values_list("donation__received_at")
    entity = donor.entity
    days = {entity.today()} | {entity.day_of(at) for (at,) in waiting[:50] if at}
    days |= {date(year, 12, 31) for year in YearRefusal.objects.filter(donor=donor).values_list("year", flat=True)}
    regimes = [regime_of(entity, donor.country, day)[0] for day in sorted(days)]
    return frozenset().union(*(regime.donor_needs for regime in regimes))


def asks_details(donation: Donation) -> bool:
    """Whether the law of this donation's paper wants to know more of the donor than their name."""
    on = donation.entity.day_of(donation.received_at or donation.opened_at)
    return bool(regime_of(donation.entity, donation.donor.country, on)[0].donor_needs)


def known_since(donor: Donor) -> datetime | None:
    """When the details were last written; their words stay in the vault."""
    return TaxDetails.objects.filter(donor=donor).values_list("changed_at", flat=True).first()


@transaction.atomic
def keep(donor: Donor, said: Mapping[str, str]) -> bool:
    """Write what a donor says of themselves; what was refused for want of it is due at once. Whether any of it is new.

    Fields that are not in `said` stay as they are.
    """
    if not _write(donor, said):
        return False
    _due_again(donor)
    return True


@transaction.atomic
def correct(donor: Donor, said: Mapping[str, str], *, by: User, reason: str) -> set[str]:
    """As `keep`, by staff: which fields changed. The trail says so, and not what they say."""
    changed = _write(donor, said)
    if changed:
        _due_again(donor)
        trail.record(
            "tax_details_changed",
            by=by,
            entity=donor.entity,
            about=f"donor:{donor.uuid}",
            after={"fields": sorted(changed)},
            reason=reason,
        )
    return changed


def _write(donor: Donor, said: Mapping[str, str]) -> set[str]:
    locked = Donor.objects.select_for_update().filter(pk=donor.pk, erased_at=None).first()
    if locked is None:
        return set()
    row = TaxDetails.objects.filter(donor=locked).first() or TaxDetails(donor=locked)
    changed = {name for name in FIELDS if name in said and getattr(row, name) != said[name]}
    if changed:
        for name in changed:
            setattr(row, name, said[name])
        row.changed_at = timezone.now()
        row.save()
    return changed


def _due_again(donor: Donor) -> None:
    Refusal.objects.filter(donation__donor=donor, code__in=LACKING).update(next_attempt_at=timezone.now())
    YearRefusal.objects.filter(donor=donor, code__in=LACKING).update(next_attempt_at=timezone.now())


def prints_details(receipt: Receipt) -> bool:
    """Whether the paper prints what the donor told for it: such a one is for their mailbox alone."""
    snapshot = Snapshot.from_json(receipt.snapshot)
    return bool(snapshot.donor_address or snapshot.donor_tax_number)


def printed_otherwise(donor: Donor) -> list[Receipt]:
    """The donor's valid papers that print details and not these: whom the desk may replace."""
    issued = Receipt.objects.filter(donor=donor, state=ReceiptState.ISSUED, sealing=None)
    details = TaxDetails.objects.filter(donor=donor).first()
    changed_at = details.changed_at if details else timezone.now()
    older = issued.filter(issued_at__lt=changed_at).order_by("pk")
    return [receipt for receipt in older if _differs(Snapshot.from_json(receipt.snapshot), details, donor)]


def _differs(snapshot: Snapshot, details: TaxDetails | None, donor: Donor) -> bool:
    """Whether a paper that prints an address or a number prints another one than is known now."""
    number = details.tax_number if details else ""
    address = address_lines(details, donor, snapshot.locale) if details else ""
    printed_number, printed_address = snapshot.donor_tax_number, snapshot.donor_address
    return printed_number not in {"", number} or printed_address not in {"", address}
