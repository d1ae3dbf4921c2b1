"""The exports of pages that need more than one app. Registered when the project is ready."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fundraising.desk import Desk
from fundraising.desk.who import desk_of
from fundraising.exports import kinds
from fundraising.exports.kinds import ExportRefused, Filters, Kind
from fundraising.exports.table import CHUNK, Column, Row, Table, Type, of_list, of_queryset
from fundraising.models import Donation, Donor, LegalEntity, Mandate
from fundraising.roles import May
from payments.models import MandateChange
from receipts.models import Receipt

from . import figures
from .month import month_of
from .search import search
from .timeline import Story, mail_name
from .trends import Trends

BOOKS = frozenset({May.READ_BOOKS, May.EXPORT})
DONORS = frozenset({May.READ_DONORS, May.EXPORT})


def _desk(entity: LegalEntity, filters: Filters) -> Desk:
    """The desk of whoever asked, with the rights they have now; raises ExportRefused."""
    asked = filters.get("by", "")
    user = User.objects.filter(pk=int(asked), is_active=True).first() if asked.isdecimal() else None
    desk = desk_of(user, entity.slug) if user else None
    if desk is None:
        raise ExportRefused("filters")
    return desk


def _uuid(filters: Filters, name: str) -> UUID:
    try:
        return UUID(filters.get(name, ""))
    except ValueError:
        raise ExportRefused("filters") from None


def _today() -> date:
    return timezone.now().date()


# --- The day ----------------------------------------------------------------------------------------


def morning(entity: LegalEntity, filters: Filters) -> Table:
    """The figures of the morning page, one a row."""
    rows = [
        (
            str(one.section), str(one.what), one.amount.currency if one.amount is not None else "",
            one.amount.decimal if one.amount is not None else None, one.count, one.on, one.note,
        )
        for one in figures.of_the_morning(_desk(entity, filters))
    ]  # fmt: skip
    columns = [
        Column(_("Section")), Column(_("What")), Column(_("Currency")), Column(_("Amount"), Type.AMOUNT),
        Column(_("How many"), Type.INTEGER), Column(_("Since, or of"), Type.DATE), Column(_("Note")),
    ]  # fmt: skip
    return of_list(f"morning-{_today().isoformat()}", columns, rows)


def calendar(entity: LegalEntity, filters: Filters) -> Table:
    """The figures of each day of a month, and how far it is reconciled."""
    first = month_of(filters.get("month", ""), _today())
    rows: list[Row] = []
    for day in figures.days_of(entity, first):
        state = str(figures.STATES[day.state])
        rows += [
            (
                day.on, state, day.open_breaks, one.net.currency, one.lines, one.gross.decimal, one.fees.decimal,
                one.net.decimal, one.arrived.decimal,
            )
            for one in day.figures
        ]  # fmt: skip
        if not day.figures and day.open_breaks:
            rows.append((day.on, state, day.open_breaks, "", None, None, None, None, None))
    columns = [
        Column(_("Date"), Type.DATE), Column(_("State")), Column(_("Open breaks"), Type.INTEGER), Column(_("Currency")),
        Column(_("Lines"), Type.INTEGER), Column(_("Gross"), Type.AMOUNT), Column(_("Fees"), Type.AMOUNT),
        Column(_("Net"), Type.AMOUNT), Column(_("Of it in the bank"), Type.AMOUNT),
    ]  # fmt: skip
    return of_list(f"reconciliation-{first:%Y-%m}", columns, rows)


def trends(entity: LegalEntity, _filters: Filters) -> Table:
    """What was received each day of the last ninety."""
    rows = [(day, code, amount.decimal) for code, days in Trends(entity.pk, _today()).by_day().items()
            for day, amount in sorted(days.items(), reverse=True)]  # fmt: skip
    columns = [Column(_("Date"), Type.DATE), Column(_("Currency")), Column(_("Received"), Type.AMOUNT)]
    return of_list("received-by-day", columns, rows)


def fees(entity: LegalEntity, _filters: Filters) -> Table:
    """What the provider kept, week by week."""
    rows = [
        (week.first, one.currency, week.settled.decimal, week.fees.decimal, week.share_label)
        for one in Trends(entity.pk, _today()).fees()
        for week in one.weeks
    ]
    columns = [
        Column(_("Week from"), Type.DATE), Column(_("Currency")), Column(_("Settled"), Type.AMOUNT),
        Column(_("Fees"), Type.AMOUNT), Column(_("Share")),
    ]  # fmt: skip
    return of_list("fees-by-week", columns, rows)


# --- What was searched for --------------------------------------------------------------------------


def found(entity: LegalEntity, filters: Filters) -> Table:
    """What a search finds, as its page shows it: donors only to those who may see them."""
    desk = _desk(entity, filters)
    columns = [
        Column(_("What")), Column(_("Reference or id")), Column(_("Date"), Type.DATE), Column(_("Donor, from or to")),
        Column(_("Currency")), Column(_("Amount"), Type.AMOUNT), Column(_("State")), Column(_("Found by, or what for")),
    ]  # fmt: skip
    return of_list("found", columns, list(_found_rows(desk, filters.get("q", ""))))


def _found_rows(desk: Desk, query: str) -> Iterator[Row]:
    result, named = search(desk, query), desk.may(May.READ_DONORS)
    for row in result.donations:
        one, donor = row.donation, row.donation.donor
        name = ", ".join(filter(None, (donor.full_name, donor.organisation))) if named else ""
        reasons = ", ".join(map(str, row.reasons))
        state = str(one.get_state_display())
        yield (str(_("Donation")), str(one.uuid), one.opened_at.date(), name, one.currency, one.amount.decimal, state,
               reasons)  # fmt: skip
    for payout in result.payouts:
        yield (str(_("Payout")), payout.payout_id, payout.arrival_on, "", payout.currency, payout.amount.decimal,
               payout.status, "")  # fmt: skip
    for receipt in result.receipts:
        yield (str(_("Receipt")), receipt.number, receipt.issued_at.date(), "", receipt.currency,
               receipt.amount.decimal, str(receipt.get_state_display()), "")  # fmt: skip
    for line in result.lines:
        who, what = (line.name, line.reference) if desk.may_read_bank_names else ("", "")
        yield (str(_("Bank line")), line.bank_reference or line.bank_account.name, line.booked_on, who,
               line.bank_account.currency, line.amount.decimal, "", what)  # fmt: skip
    for entry in result.entries:
        yield str(_("Entry")), entry.key, entry.accounted_on, "", "", None, "", ""
    for event in result.events:
        state = str(event.get_state_display())
        yield str(_("Event of Stripe")), event.event_id, event.received_at.date(), "", "", None, state, event.type


# --- One donation, one donor ------------------------------------------------------------------------


def story(entity: LegalEntity, filters: Filters) -> Table:
    """A donation's timeline, and its papers; without notes of staff, which may name people."""
    told = _story(entity, filters)
    told.notes = []
    return _told(told)


def noted_story(entity: LegalEntity, filters: Filters) -> Table:
    """The same with notes of staff."""
    return _told(_story(entity, filters))


def _story(entity: LegalEntity, filters: Filters) -> Story:
    donation = Donation.objects.filter(entity=entity, uuid=_uuid(filters, "donation")).select_related("page").first()
    if donation is None:
        raise ExportRefused("filters")
    return Story(_desk(entity, filters), donation)


def _told(told: Story) -> Table:
    rows: list[Row] = [
        (
            row.at, row.text, row.amount.currency if row.amount is not None else "",
            row.amount.decimal if row.amount is not None else None, row.entry.key if row.entry else "", "",
        )
        for row in told.rows()
    ]  # fmt: skip
    rows += [
        (one.issued_at, one.number, one.currency, one.amount.decimal, "", str(one.get_state_display()))
        for one in told.receipts
    ]
    rows += [(mail.sent_at, mail_name(mail), "", None, "", str(mail.get_state_display())) for mail in told.mails]
    columns = [
        Column(_("When"), Type.TIME), Column(_("What")), Column(_("Currency")), Column(_("Amount"), Type.AMOUNT),
        Column(_("Entry")), Column(_("State of the paper")),
    ]  # fmt: skip
    return of_list(f"donation-{told.donation.reference}", columns, rows)


def donor(entity: LegalEntity, filters: Filters) -> Table:
    """All that came from a donor's e-mail address."""
    one = Donor.objects.filter(entity=entity, uuid=_uuid(filters, "donor")).first()
    if one is None:
        raise ExportRefused("filters")
    same = Donor.objects.filter(entity=entity, email_index=one.email_index)
    donations = Donation.objects.filter(donor__in=same).select_related("donor").order_by("-opened_at", "-pk")
    mandates = Mandate.objects.filter(donor__in=same).select_related("donor").order_by("-pk")
    papers = Receipt.objects.filter(donor__in=same).select_related("donor").defer("snapshot").order_by("-pk")
    columns = [
        Column(_("What")), Column(_("Reference")), Column(_("When"), Type.TIME), Column(_("As")), Column(_("Currency")),
        Column(_("Amount"), Type.AMOUNT), Column(_("State")),
    ]  # fmt: skip
    return Table(
        "donor",
        columns,
        lambda: _donor_rows(donations, mandates, papers),
        lambda _limit: sum(rows.count() for rows in (donations, mandates, papers)),
    )


def _donor_rows(donations: QuerySet[Donation], mandates: QuerySet[Mandate], papers: QuerySet[Receipt]) -> Iterator[Row]:
    def row(what: str, reference: str, at: datetime, thing: Donation | Mandate | Receipt) -> Row:
        state = str(thing.get_state_display())
        return what, reference, at, thing.donor.full_name, thing.currency, thing.amount.decimal, state

    for donation in donations.iterator(chunk_size=CHUNK):
        yield row(str(_("Donation")), str(donation.uuid), donation.opened_at, donation)
    for mandate in mandates.iterator(chunk_size=CHUNK):
        yield row(f"{_('Mandate')}: {mandate.get_interval_display()}", str(mandate.uuid), mandate.opened_at, mandate)
    for paper in papers.iterator(chunk_size=CHUNK):
        yield row(str(_("Receipt")), paper.number, datetime.combine(paper.received_on, time(), UTC), paper)


def mandate(entity: LegalEntity, filters: Filters) -> Table:
    """What was collected under a mandate."""
    rows = Donation.objects.filter(mandate__entity=entity, mandate__uuid=_uuid(filters, "mandate")).order_by("-pk")

    def row(one: Donation) -> Row:
        return str(one.uuid), one.opened_at, one.currency, one.amount.decimal, str(one.get_state_display())

    columns = [
        Column(_("Donation")), Column(_("Date"), Type.TIME), Column(_("Currency")), Column(_("Amount"), Type.AMOUNT),
        Column(_("State")),
    ]  # fmt: skip
    return of_queryset("collections", columns, rows, row)


def changes(entity: LegalEntity, filters: Filters) -> Table:
    """What was to be changed of a mandate."""
    rows = MandateChange.objects.filter(mandate__entity=entity, mandate__uuid=_uuid(filters, "mandate"))

    def row(one: MandateChange) -> Row:
        states = (str(one.get_kind_display()), one.created_at, one.asked_by, str(one.get_state_display()))
        return *states, one.error_code, one.made_at

    columns = [
        Column(_("Change")), Column(_("Wanted"), Type.TIME), Column(_("Wanted by")), Column(_("State")),
        Column(_("Stripe's answer")), Column(_("Made"), Type.TIME),
    ]  # fmt: skip
    return of_queryset("changes-of-a-mandate", columns, rows.order_by("-pk"), row)


KINDS = (
    Kind("morning", _("Morning"), BOOKS, morning),
    Kind("calendar", _("Reconciliation, day by day"), BOOKS, calendar, kept=("month",)),
    Kind("trends", _("Received per day"), BOOKS, trends),
    Kind("trends-fees", _("Fees week by week"), BOOKS, fees),
    Kind("found-named", _("What a search found, with donors"), BOOKS | DONORS, found, personal=True, kept=("q",),
         secret=frozenset({"q"}), listed=False),
    Kind("found", _("What a search found"), BOOKS, found, kept=("q",), secret=frozenset({"q"}), listed=False),
    Kind("donation", _("What became of a donation"), BOOKS, story, kept=("donation",), listed=False),
    Kind("donation-noted", _("What became of a donation, with notes of staff"), BOOKS | DONORS, noted_story,
         personal=True, kept=("donation",), listed=False),
    Kind("mandate", _("What was collected under a mandate"), BOOKS, mandate, kept=("mandate",), listed=False),
    Kind("mandate-changes", _("Changes of a mandate"), BOOKS, changes, kept=("mandate",), listed=False),
    Kind("donor", _("What came from a donor"), DONORS, donor, personal=True, kept=("donor",), listed=False),
)  # fmt: skip


def register_all() -> None:
    """Make them known."""
    for kind in KINDS:
        kinds.register(kind)
