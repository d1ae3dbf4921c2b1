"""What the donor's page of a mandate shows, and what follows from the amount and the dates that a donor chooses."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Sum
from django.urls import reverse

from .. import offers
from ..models import BROUGHT, Donation, Interval, Mandate, PaymentMethod, Posting
from ..money import Money
from ..offers import Currency, Fee


@dataclass(frozen=True)
class Collection:
    """One donation under a mandate, as a line of the page."""

    uuid: UUID
    url: str
    amount: Money
    at: datetime
    state: str


def collections(mandate: Mandate, limit: int | None = None) -> list[Collection]:
    """The donations of a mandate, newest first."""
    rows = Donation.objects.filter(mandate=mandate).order_by("-opened_at", "-pk")[:limit]
    return [_collection(row) for row in rows]


def _collection(row: Donation) -> Collection:
    address = reverse("donation", kwargs={"uuid": row.uuid})
    return Collection(row.uuid, address, row.amount, row.received_at or row.opened_at, row.state)


def brought(mandate: Mandate) -> Money:
    """What a mandate has brought so far, less what went back; as booked."""
    lines = Posting.objects.filter(
        entry__donation__mandate=mandate, account__purpose__in=BROUGHT, currency=mandate.currency
    )
    return Money(-(lines.aggregate(sum=Sum("amount_minor"))["sum"] or 0), mandate.currency)


def offer_of(mandate: Mandate) -> Currency | None:
    """What the mandate's page takes in its currency; None if it takes that currency no more."""
    return next((found for found in offers.currencies(mandate.page) if found.code == mandate.currency), None)


def fee_cover(offer: Currency, wished: Money, method: str) -> Money:
    """What covers the fee of this way to pay on top of `wished`; of cards, where nothing else is known."""
    fees: dict[str, Fee] = {fee.method: fee for fee in offer.fees}
    fee = fees.get(method) or fees.get(PaymentMethod.CARD)
    return fee.cover(wished) if fee else Money(0, wished.currency)


def later(day: date, months: int) -> date:
    """The same day some months later, or the last of a month that is too short for it."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def one_later(mandate: Mandate) -> date | None:
    """The collection after the next one: until then a mandate is paused whose next collection is skipped."""
    if mandate.next_on is None:
        return None
    return later(mandate.next_on, 12 if mandate.interval == Interval.YEAR else 1)
