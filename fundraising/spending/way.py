"""A donation's way: how far the money has come that it is part of, as a share of the pool, without naming anyone.

No donation goes to one partner or one journey: all of an appeal's money is one. So a donor is told which part of all of
it is allocated, sent, confirmed and accounted for, and about how much of their own amount that is (ADR 232).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db.models import Max, Sum

from .. import donations
from ..models import Appeal, Donation, DonationState, Posting, Purpose
from ..money import Money, apportioned
from .disclosure import PublicFigures
from .published import published_figures

# Where the money of a pool can be, from its end to its beginning.
PLACES: Final = ("spent", "held", "underway", "promised", "waiting", "passed", "costs")


@dataclass(frozen=True)
class Reached:
    """How much of the pool has come so far at least: whole per cent, and about how much of the donation."""

    key: str  # allocated | sent | confirmed | spent
    percent: int
    about: Money


@dataclass(frozen=True)
class Way:
    """`state`: counted | late | withheld | returned. `reached` only where it is counted and the pool can be summed."""

    state: str
    received_on: date | None  # as its receipt has it: where the legal entity sits
    settled_on: date | None
    reached: tuple[Reached, ...] = ()
    waiting: Money | None = None  # about, of the donation: not allocated yet
    passed: Money | None = None  # about: what was left over and passed on for the secondary purpose
    costs: Money | None = None  # about: fees and the share of administration
    spending_until: date | None = None


def way_of(donation: Donation) -> Way | None:
    """The way of a donation that was received; None for one that has not come. Two queries beside the figures."""
    if donation.received_at is None or donation.state not in _CAME:
        return None
    settled_on = _settled_on(donation)
    counted = donations.net_received(donation)
    appeal = donation.page.appeal
    received_on = appeal.fund.entity.day_of(donation.received_at)
    if counted.minor <= 0:
        state = "withheld" if donation.state == DonationState.DISPUTED else "returned"
        return Way(state, received_on, settled_on)
    if donation.fund_id != appeal.fund_id:
        return Way("late", received_on, settled_on)
    return _in_the_pool(counted, received_on, settled_on, appeal)


_CAME: Final = frozenset(
    {DonationState.RECEIVED, DonationState.REFUNDED, DonationState.DISPUTED, DonationState.CHARGEBACK}
)


def _in_the_pool(counted: Money, received_on: date, settled_on: date | None, appeal: Appeal) -> Way:
    found = published_figures(appeal)
    weights = pool(found)
    if not weights or not any(weights.values()):
        return Way("counted", received_on, settled_on)
    percents = dict(zip(weights, apportioned(100, list(weights.values())), strict=True))
    amounts = dict(zip(weights, counted.split(list(weights.values())), strict=True))
    return Way(
        state="counted",
        received_on=received_on,
        settled_on=settled_on,
        reached=tuple(
            Reached(
                key,
                sum(percents[place] for place in places),
                sum((amounts[place] for place in places), start=Money(0, counted.currency)),
            )
            for key, places in _REACHED.items()
        ),
        waiting=amounts["waiting"],
        passed=amounts["passed"],
        costs=amounts["costs"],
        spending_until=found.spending_until,
    )


_REACHED: Final = {
    "allocated": ("spent", "held", "underway", "promised"),
    "sent": ("spent", "held", "underway"),
    "confirmed": ("spent", "held"),
    "spent": ("spent",),
}


def pool(found: PublicFigures) -> dict[str, int]:
    """Where the appeal's money stands, in minor units of its currency, by PLACES; empty without its exchange rates.

    What was spent counts where it is now: money that came back from a partner waits again. A short fund has nothing
    waiting, and its promises weigh as they are.
    """
    own = found.figures.in_own
    if own is None:
        return {}
    amounts = {
        "spent": own.spent,
        "held": own.held,
        "underway": own.underway,
        "promised": own.to_commit + own.to_send,
        "waiting": Money(max(own.available.minor, 0), own.currency) + own.unsettled + own.lent,
        "passed": -own.passed,
        "costs": own.fees + own.admin_fee,
    }
    return {place: max(amounts[place].minor, 0) for place in PLACES}


def _settled_on(donation: Donation) -> date | None:
    """The day on which the books knew that it is settled; None while some of it is still with the provider."""
    lines = Posting.objects.filter(entry__donation=donation, account__purpose=Purpose.CLEARING)
    rows = list(lines.values("currency").annotate(open=Sum("amount_minor"), last=Max("entry__booked_at")))
    if any(row["open"] > 0 for row in rows):
        return None
    moments = [row["last"] for row in rows] or [donation.received_at]
    newest: datetime = max(moments)
    return newest.date()
