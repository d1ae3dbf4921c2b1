"""The figures of the morning page: where the money is, which breaks are open; and all of them in rows, to export."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Min, Sum
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from fundraising.books.days import holdings
from fundraising.desk import Desk
from fundraising.models import Break, BreakState, Cause, LegalEntity, Purpose
from fundraising.money import Money
from payments.breaks import reconciliation
from payments.breaks.reconciliation import DayState
from payments.desk.disputes import deadlines

from .links import to
from .trends import Trends
from .worries import worries

# Where money can be, in the order in which it travels.
PLACES: tuple[tuple[Purpose, str | Promise, str | Promise], ...] = (
    (Purpose.PENDING, _("announced by banks"), _("not received yet, in no total")),
    (Purpose.CLEARING, _("charged"), _("not settled by Stripe yet")),
    (Purpose.PROVIDER, _("at Stripe"), _("settled, not paid out")),
    (Purpose.RESERVED, _("held back by Stripe"), ""),
    (Purpose.PAYOUTS, _("on its way"), _("paid out, not seen in the bank")),
    (Purpose.HAND, _("in hand"), _("cash and cheques")),
    (Purpose.BANK, _("in the bank"), _("by the statements imported")),
    (Purpose.SUSPENSE, _("unexplained"), _("in the books, matched with nothing")),
)
STATES: dict[DayState, str | Promise] = {
    DayState.NOTHING: pgettext_lazy("state of a day", "nothing moved"),
    DayState.RECONCILED: pgettext_lazy("state of a day", "agrees"),
    DayState.IN_TRANSIT: pgettext_lazy("state of a day", "on its way"),
    DayState.BREAKS: pgettext_lazy("state of a day", "breaks are open"),
}
MOST_DISPUTES = 1000


@dataclass(frozen=True)
class Whereabouts:
    """One row for each currency, one column for each place that holds anything."""

    places: tuple[tuple[str | Promise, str | Promise], ...]
    rows: tuple[tuple[str, tuple[Money | None, ...]], ...]


@dataclass(frozen=True)
class OpenBreaks:
    """Open breaks of one cause."""

    cause: Cause
    count: int
    waiting: int  # of them for a second person
    since: datetime  # when the oldest was found
    oldest: date  # the day of the oldest money
    amounts: tuple[Money, ...]  # by how much the books are off, by currency; positive where they have too much
    url: str


def whereabouts(entity: LegalEntity) -> Whereabouts:
    """What each place holds now."""
    found = holdings(entity.pk, [place[0] for place in PLACES])
    held: dict[str, dict[Purpose, Money]] = defaultdict(dict)
    for holding in found:
        code, purpose = holding.amount.currency, holding.purpose
        amount = -holding.amount if purpose == Purpose.SUSPENSE else holding.amount  # a liability: owed to somebody
        held[code][purpose] = held[code].get(purpose, Money(0, code)) + amount
    used = [place for place in PLACES if any(held[code].get(place[0]) for code in held)]
    rows = tuple((code, tuple(held[code].get(place[0]) for place in used)) for code in sorted(held))
    return Whereabouts(tuple(place[1:] for place in used), rows)


def open_breaks(desk: Desk) -> list[OpenBreaks]:
    """By cause, the oldest first. Summed as on their own page: too much and too little weigh each other up."""
    rows = (
        Break.objects.filter(entity=desk.entity, state__in=[BreakState.OPEN, BreakState.PROPOSED])
        .values("cause", "currency", "state")
        .annotate(count=Count("pk"), since=Min("found_at"), oldest=Min("occurred_on"), off=Sum("amount_minor"))
        .order_by("since", "cause", "currency")
    )
    by_cause = defaultdict(list)
    for row in rows:
        by_cause[Cause(row["cause"])].append(row)
    found = []
    for cause, parts in by_cause.items():
        amounts: dict[str, int] = defaultdict(int)
        for part in parts:
            amounts[part["currency"]] += int(part["off"])
        found.append(
            OpenBreaks(
                cause=cause,
                count=sum(part["count"] for part in parts),
                waiting=sum(part["count"] for part in parts if part["state"] == BreakState.PROPOSED),
                since=parts[0]["since"],
                oldest=min(part["oldest"] for part in parts),
                amounts=tuple(Money(minor, code) for code, minor in amounts.items() if minor),
                url=to(desk, "desk-breaks", query={"cause": cause.value}),
            )
        )
    return found


# --- All of it in rows ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """One figure of the page."""

    section: str | Promise
    what: str | Promise
    amount: Money | None = None
    count: int | None = None
    on: date | None = None
    note: str = ""


def of_the_morning(desk: Desk) -> Iterator[Figure]:
    """Every figure of the morning page, in its order."""
    yield from _waiting(desk)
    yield from _came_in(desk.entity)
    yield from _held(desk.entity)
    today = timezone.now().date()
    for day in days_of(desk.entity, today.replace(day=1)):
        yield Figure(_("Reconciliation"), STATES[day.state], count=day.open_breaks or None, on=day.on)


def _waiting(desk: Desk) -> Iterator[Figure]:
    for worry in worries(desk):
        yield Figure(_("What waits for you"), worry.text, on=worry.since.date() if worry.since else None)
    for found in open_breaks(desk):
        note = gettext("%(count)d wait for a second person") % {"count": found.waiting} if found.waiting else ""
        for amount in found.amounts or (None,):
            yield Figure(_("Open breaks"), found.cause.label, amount, found.count, found.oldest, note)
    for row in deadlines(desk.entity, limit=MOST_DISPUTES):
        one = row.dispute
        due = one.evidence_due_by.date() if one.evidence_due_by else None
        yield Figure(_("Disputes to answer"), one.dispute_id, one.amount, on=due, note=one.reason)


def _came_in(entity: LegalEntity) -> Iterator[Figure]:
    section = _("What came in")
    for row in Trends(entity.pk, timezone.now().date()).came_in():
        yield Figure(section, _("Today"), row.today)
        yield Figure(section, _("Yesterday"), row.yesterday)
        yield Figure(section, _("7 days"), row.week)
        yield Figure(section, _("This month"), row.month, row.donations)
        yield Figure(section, _("of it given back or withheld"), row.given_back)


def _held(entity: LegalEntity) -> Iterator[Figure]:
    found = whereabouts(entity)
    for _code, amounts in found.rows:
        for (name, note), amount in zip(found.places, amounts, strict=True):
            if amount is not None:
                yield Figure(_("Where the money is"), name, amount, note=str(note))


def days_of(entity: LegalEntity, first: date) -> list[reconciliation.Day]:
    """The days of a month, to its end."""
    return reconciliation.days(entity, first)
