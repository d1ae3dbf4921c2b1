"""The exports of what staff work on: breaks and their history, manual entries, periods, the trail, staff."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .. import staff, trail
from ..books import periods, revaluation
from ..books.chart import Chart
from ..books.revaluation import RatesMissing
from ..breaks import listing
from ..models import Break, BreakNote, Close, JournalEntry, JournalLine, LegalEntity, StaffAction
from ..money import Money
from ..roles import May
from ..trail_words import in_words
from . import kinds
from .kinds import ExportRefused, Filters, Kind
from .table import Column, Row, Table, Type, major, of_list, of_queryset

BOOKS = frozenset({May.READ_BOOKS, May.EXPORT})
DAYS = ("first", "last")


def _number(filters: Filters, name: str) -> int | None:
    text = filters.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _uuid(filters: Filters, name: str) -> UUID:
    try:
        return UUID(filters.get(name, ""))
    except ValueError:
        raise ExportRefused("filters") from None


# --- Breaks -----------------------------------------------------------------------------------------


def breaks(entity: LegalEntity, filters: Filters) -> Table:
    """Breaks with what became of them: of some days, and as their page filters them."""
    asked = {**filters, "state": filters.get("state") or "all"}
    rows = listing.all_of(entity, asked).filter(occurred_on__range=kinds.days(filters))
    found = listing.filtered(rows, asked, _number(filters, "by")).select_related("owner", "resolved_by", "approved_by")

    def row(one: Break) -> Row:
        people = (one.owner, one.resolved_by, one.approved_by)
        return (
            one.occurred_on, str(one.get_cause_display()), one.subject, one.currency, one.amount.decimal,
            str(one.get_state_display()), one.found_at, *(person.get_username() if person else "" for person in people),
            one.resolution, one.reason, one.resolved_at, one.entry_id,
        )  # fmt: skip

    columns = [
        Column(_("Date"), Type.DATE), Column(_("Cause")), Column(_("What")), Column(_("Currency")),
        Column(_("Amount"), Type.AMOUNT), Column(_("State")), Column(_("Found"), Type.TIME), Column(_("Owner")),
        Column(_("Resolved by")), Column(_("Approved by")), Column(_("Resolution")), Column(_("Why")),
        Column(_("Resolved"), Type.TIME), Column(_("Entry"), Type.INTEGER),
    ]  # fmt: skip
    return of_queryset("breaks", columns, found.order_by("found_at", "pk"), row)


def history(entity: LegalEntity, filters: Filters) -> Table:
    """What happened to one break, and what people said of it."""
    found = BreakNote.objects.filter(found__entity=entity, found__uuid=_uuid(filters, "found")).select_related("by")

    def row(note: BreakNote) -> Row:
        facts = json.dumps(note.facts, ensure_ascii=False) if note.facts else ""
        return note.at, note.by.get_username() if note.by else "", note.event, note.text, facts

    columns = [Column(_("When"), Type.TIME), *map(Column, (_("By"), _("What"), _("Text"), _("Facts")))]
    return of_queryset("break", columns, found.order_by("pk"), row)


# --- The books by hand ------------------------------------------------------------------------------


def _manual(entity: LegalEntity) -> QuerySet[JournalEntry]:
    rows = JournalEntry.objects.filter(entity=entity).select_related("by", "decided_by")
    return rows.defer("sealed_attachment")


def manual(entity: LegalEntity, filters: Filters) -> Table:
    """Entries by hand of some days, also those that wait or were rejected."""
    found = _manual(entity).filter(accounted_on__range=kinds.days(filters))
    if state := filters.get("state"):
        found = found.filter(state=state)

    def row(one: JournalEntry) -> Row:
        return (
            one.accounted_on, str(one.uuid), one.text, str(one.get_state_display()), one.by.get_username(), one.at,
            one.decided_by.get_username() if one.decided_by else "", one.decided_at, one.decision, one.entry_id,
        )  # fmt: skip

    columns = [
        Column(_("Date"), Type.DATE), Column(_("Entry by hand")),
        Column(pgettext_lazy("manual entry", "What it is for")), Column(_("State")),
        Column(_("By")), Column(_("When"), Type.TIME), Column(_("Decided by")), Column(_("Decided"), Type.TIME),
        Column(_("Why")), Column(_("Entry"), Type.INTEGER),
    ]  # fmt: skip
    return of_queryset("manual-entries", columns, found.order_by("accounted_on", "pk"), row)


def manual_lines(entity: LegalEntity, filters: Filters) -> Table:
    """The lines of one entry by hand."""
    lines = JournalLine.objects.filter(journal_entry__entity=entity, journal_entry__uuid=_uuid(filters, "entry"))
    chart = Chart(entity)

    def row(line: JournalLine) -> Row:
        account, amount = chart.find(line.purpose, line.provider), major(abs(line.amount_minor), line.currency)
        return (
            account.number, account.name, line.fund.name if line.fund else "", line.currency,
            amount if line.amount_minor > 0 else None, amount if line.amount_minor < 0 else None,
        )  # fmt: skip

    columns = [
        Column(_("Account number")), Column(_("Account")), Column(_("Fund")), Column(_("Currency")),
        Column(_("Debit"), Type.AMOUNT), Column(_("Credit"), Type.AMOUNT),
    ]  # fmt: skip
    return of_queryset("manual-entry", columns, lines.select_related("fund").order_by("pk"), row)


def closes(entity: LegalEntity, _filters: Filters) -> Table:
    """When the books were closed and opened again, and why."""
    found = Close.objects.filter(entity=entity).select_related("by").order_by("-pk")

    def row(close: Close) -> Row:
        return close.at, close.by.get_username(), close.soft_until, close.hard_until, close.reason

    columns = [
        Column(_("When"), Type.TIME), Column(_("By")), Column(_("Closed until"), Type.DATE),
        Column(_("Closed for good until"), Type.DATE), Column(_("Why")),
    ]  # fmt: skip
    return of_queryset("periods", columns, found, row)


def checklist(entity: LegalEntity, filters: Filters) -> Table:
    """What is open before the books are closed until a day."""
    on = kinds.day(filters, "on", kinds.today())
    rows: list[Row] = [(str(check.label), check.count) for check in periods.checklist(entity, on)]
    columns = [Column(_("What")), Column(_("How many"), Type.INTEGER)]
    return of_list(f"before-closing-{on.isoformat()}", columns, rows)


def valuation(entity: LegalEntity, filters: Filters) -> Table:
    """What foreign money was worth at the end of a day."""
    on = kinds.day(filters, "on", kinds.today())
    try:
        found = revaluation.value(entity, on)
    except RatesMissing:
        raise ExportRefused("rates") from None

    def line(what: Any, worth: Money, earned: Money | None = None, *held: Any) -> Row:
        rate = held or (None, None, None, None)
        return str(what), *rate, worth.currency, worth.decimal, earned.decimal if earned is not None else None

    rows = [
        line(_("Held"), one.worth, one.earned, one.held.currency, one.held.decimal, str(one.rate.normalize()),
             one.rate_on)
        for one in found.valued
    ]  # fmt: skip
    rows += [
        line(_("Sum"), found.worth, found.earned),
        line(_("less exchanged (bridge)"), found.exchanged),
        line(_("Gain, or loss"), found.result),
    ]
    columns = [
        Column(_("What")), Column(_("Currency held")), Column(_("Held"), Type.AMOUNT), Column(_("Rate")),
        Column(_("Rate of"), Type.DATE), Column(_("Currency")), Column(_("Worth now"), Type.AMOUNT),
        Column(_("Earned, at the rate of its day"), Type.AMOUNT),
    ]  # fmt: skip
    return of_list(f"foreign-money-{on.isoformat()}", columns, rows)


# --- Who did what -----------------------------------------------------------------------------------


def actions(entity: LegalEntity, filters: Filters) -> Table:
    """What staff did on some days."""
    since, until = kinds.moments(filters)
    conditions = {
        "actor": _number(filters, "who"),
        "verb": filters.get("verb"),
        "about__startswith": filters.get("about"),
    }
    found = trail.lines_of(entity).filter(at__gte=since, at__lt=until)
    found = found.filter(**{name: value for name, value in conditions.items() if value}).order_by("pk")

    def row(action: StaffAction) -> Row:
        told = (json.dumps(values, ensure_ascii=False) for values in (action.before, action.after))
        return action.at, action.actor_name, in_words(action.verb), action.about, *told, action.reason, action.hash

    columns = [
        Column(_("When"), Type.TIME), Column(_("Who")), Column(_("What")), Column(_("To what")), Column(_("Before")),
        Column(_("After")), Column(_("Why")), Column(_("Hash")),
    ]  # fmt: skip
    return of_queryset("trail", columns, found, row)


def people(entity: LegalEntity, _filters: Filters) -> Table:
    """Who has which role, with which second factor."""

    def row(person: User) -> Row:
        roles = ", ".join(str(membership.get_role_display()) for membership in person.here)  # type: ignore[attr-defined]
        factors = ", ".join(str(factor.get_type_display()) for factor in person.factors)  # type: ignore[attr-defined]
        return (
            person.get_username(), person.get_full_name(), person.email, roles, factors, person.last_login,
            str(_("yes") if person.is_active else _("no")),
        )  # fmt: skip

    columns = [
        Column(_("Name for signing in")), Column(_("Person")), Column(_("E-mail address")), Column(_("Roles here")),
        Column(_("Second factor")), Column(_("Last sign-in"), Type.TIME), Column(_("May sign in")),
    ]  # fmt: skip
    return of_queryset("staff", columns, staff.people_of(entity), row)


STAFF, TRAIL = frozenset({May.MANAGE_STAFF, May.EXPORT}), frozenset({May.READ_TRAIL, May.EXPORT})
KINDS = (
    Kind("breaks", _("Breaks"), BOOKS, breaks, DAYS, kept=listing.FILTERS),
    Kind("break", _("History of a break"), BOOKS, history, kept=("found",), listed=False),
    Kind("manual", _("Manual entries"), BOOKS, manual, DAYS, kept=("state",)),
    Kind("manual-lines", _("Lines of a manual entry"), BOOKS, manual_lines, kept=("entry",), listed=False),
    Kind("periods", _("Closing of the books"), BOOKS, closes),
    Kind("checklist", _("What is open before closing"), BOOKS, checklist, ("on",)),
    Kind("valuation", _("Foreign money"), BOOKS, valuation, ("on",)),
    Kind("trail", _("Trail"), TRAIL, actions, DAYS, kept=("who", "verb", "about")),
    Kind("staff", _("Staff"), STAFF, people),
)
