"""The exports of this app: the books, donations and answers; with those of bank_tables.py and work_tables.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from .. import books, offline, totals
from ..books.chart import Chart
from ..books.funds import accounts_of, of_classes, statement
from ..mandates.listing import FILTERS, listed
from ..models import Appeal, Donation, DonationPage, LegalEntity, Mandate, Purpose, Question
from ..money import EXPONENTS, Money
from ..roles import May
from . import bank_tables, kinds, work_tables
from .kinds import GENERIC, PACKAGES, ExportRefused, Filters, Kind, register
from .table import Column, Row, Table, Type, major, of_list, of_queryset, of_sql

BOOKS = frozenset({May.READ_BOOKS, May.EXPORT})
DONORS = frozenset({May.READ_DONORS, May.EXPORT})
DAYS = ("first", "last")


def _amount(value: Money | None) -> Any:
    return value.decimal if value else None


_JOURNAL = """
    SELECT entry.accounted_on, entry.occurred_at, entry.booked_at, entry.id, entry.key, reversed.key,
           donation.uuid::text, account.purpose, account.provider, coalesce(fund.name, ''), account.currency,
           posting.amount_minor
    FROM fundraising_entry entry
    CROSS JOIN LATERAL (
        SELECT id, account_id, amount_minor FROM fundraising_posting WHERE entry_id = entry.id OFFSET 0) posting
    JOIN fundraising_account account ON account.id = posting.account_id
    LEFT JOIN fundraising_fund fund ON fund.id = account.fund_id
    LEFT JOIN fundraising_entry reversed ON reversed.id = entry.reverses_id
    LEFT JOIN fundraising_donation donation ON donation.id = entry.donation_id
    WHERE entry.entity_id = %(entity)s AND entry.accounted_on BETWEEN %(first)s AND %(last)s
      AND (%(fact)s = '' OR entry.key LIKE %(fact)s || ':%%')
      AND (%(key)s = '' OR entry.key = %(key)s)
      AND (NOT %(late)s OR (entry.occurred_at AT TIME ZONE 'UTC')::date < entry.accounted_on)
    ORDER BY entry.accounted_on, entry.id, posting.id
"""


def journal(entity: LegalEntity, filters: Filters) -> Table:
    """Every posting of some days, an entry's lines together."""
    first, last = kinds.days(filters)
    chart = Chart(entity)

    def row(found: Any) -> Row:
        on, occurred, booked, entry_id, key, reverses, donation, purpose, provider, fund, currency, minor = found
        account, amount = chart.find(purpose, provider), major(abs(minor), currency)
        return (
            on, occurred, booked, entry_id, key, reverses, donation, account.number, account.name, account.kind.value,
            fund, currency, amount if minor > 0 else None, amount if minor < 0 else None,
        )  # fmt: skip

    columns = [
        Column(_("Date"), Type.DATE), Column(_("Happened"), Type.TIME), Column(_("Booked"), Type.TIME),
        Column(_("Entry"), Type.INTEGER), Column(_("Fact")), Column(_("Takes back")), Column(_("Donation")),
        Column(_("Account number")), Column(_("Account")), Column(_("Kind")), Column(_("Fund")), Column(_("Currency")),
        Column(_("Debit"), Type.AMOUNT), Column(_("Credit"), Type.AMOUNT),
    ]  # fmt: skip
    asked = {"fact": filters.get("fact", ""), "key": filters.get("key", ""), "late": bool(filters.get("late"))}
    parameters = {"entity": entity.pk, "first": first, "last": last, **asked}
    return of_sql("journal", columns, _JOURNAL, parameters, row)


def trial_balance(entity: LegalEntity, filters: Filters) -> Table:
    """Every account at the end of a day."""
    on = kinds.day(filters, "on", kinds.today())
    rows: list[Row] = [
        (
            column.currency, line.account.number, line.account.name, str(line.account.kind.label),
            _amount(line.debit), _amount(line.credit),
        )
        for column in books.trial_balance(entity, on)
        for line in [*column.lines, *column.memorandum]
    ]  # fmt: skip
    columns = [
        Column(_("Currency")), Column(_("Account number")), Column(_("Account")), Column(_("Kind")),
        Column(_("Debit"), Type.AMOUNT), Column(_("Credit"), Type.AMOUNT),
    ]  # fmt: skip
    return of_list(f"trial-balance-{on.isoformat()}", columns, rows)


def funds(entity: LegalEntity, filters: Filters) -> Table:
    """The statement of funds for some days; without any, of the year so far."""
    first, last = kinds.year_so_far(filters)
    columns = [
        Column(_("Fund")), Column(_("Currency")),
        *(Column(name, Type.AMOUNT) for name in (*FUND_COLUMNS.values(), _("At the end"), _("Released"))),
    ]  # fmt: skip
    rows: list[Row] = [
        (
            row.fund.name if row.fund else "", row.currency, *(getattr(row, name).decimal for name in FUND_COLUMNS),
            row.closing.decimal, row.released.decimal,
        )
        for row in statement(entity, first, last)
    ]  # fmt: skip
    return of_list(f"funds-{first.isoformat()}-{last.isoformat()}", columns, rows)


# As people read a statement of funds; costs are positive and go off.
FUND_COLUMNS: Final = {
    "opening": _("At the beginning"), "income": _("Income"), "refunds": _("Refunds"), "disputes": _("Disputes"),
    "fees": _("Fees"), "spent": _("Spent"), "overhead": _("Administration"), "other": _("Other"),
    "passed": _("Passed on"), "exchanged": _("Exchanged"),
}  # fmt: skip


def net_assets(entity: LegalEntity, filters: Filters) -> Table:
    """Net assets with and without donor restrictions for some days, by currency."""
    first, last = kinds.year_so_far(filters)
    words = {**FUND_COLUMNS, "released": _("Released"), "closing": _("At the end")}
    rows: list[Row] = [
        (found.currency, str(words[name]), bound.decimal, free.decimal, (bound + free).decimal)
        for found in of_classes(statement(entity, first, last))
        for name, bound, free in found.rows
    ]
    names = (_("With donor restrictions"), _("Without"), _("Together"))
    columns = [Column(_("Currency")), Column(_("What")), *(Column(name, Type.AMOUNT) for name in names)]
    return of_list(f"net-assets-{first.isoformat()}-{last.isoformat()}", columns, rows)


def fund_accounts(entity: LegalEntity, filters: Filters) -> Table:
    """The accounts of one fund for some days: what each held and what moved."""
    first, last = kinds.year_so_far(filters)
    number = filters.get("fund", "")
    fund = entity.funds.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 18 else None
    if fund is None:
        raise ExportRefused("fund")
    rows: list[Row] = [
        (
            row.account.number, row.account.name, row.before.currency, row.before.decimal, row.moved.decimal,
            row.after.decimal,
        )
        for row in accounts_of(entity, fund, first, last)
    ]  # fmt: skip
    names = (_("At the beginning"), _("Moved"), _("At the end"))
    columns = [
        Column(_("Account number")), Column(_("Account")), Column(_("Currency")),
        *(Column(name, Type.AMOUNT) for name in names),
    ]  # fmt: skip
    return of_list(f"fund-{fund.pk}", columns, rows)


def chart(entity: LegalEntity, filters: Filters) -> Table:
    """The chart of accounts."""
    rows: list[Row] = [
        (account.number, account.name, str(account.kind.label), account.purpose.value, account.provider)
        for account in Chart(entity).accounts
    ]
    names = (_("Account number"), _("Account"), _("Kind"), _("Purpose"), _("Provider or bank account"))
    return of_list("accounts", [Column(name) for name in names], rows)


def read_ledger(filters: Filters) -> books.Ledger:
    """Which account's ledger the filters name; raises ExportRefused."""
    purpose, _colon, provider = filters.get("account", "").partition(":")
    currency, fund = filters.get("currency", ""), filters.get("fund", "")
    if purpose not in Purpose.values or currency not in EXPONENTS or (fund and not fund.isdecimal()):
        raise ExportRefused("account")
    first, last = kinds.days(filters)
    return books.Ledger(Purpose(purpose), provider, currency, first, last, int(fund) if fund else None)


def account(entity: LegalEntity, filters: Filters) -> Table:
    """An account's lines with its balance after each."""
    wanted = read_ledger(filters)
    parameters = books.ledger_parameters(entity, wanted, books.ledger_opening(entity, wanted))
    names = dict(entity.funds.values_list("pk", "name"))

    def row(found: Any) -> Row:
        line = books.ledger_line(found, wanted.currency)
        return (
            line.accounted_on, line.occurred_at, line.entry_id, line.key, names.get(line.fund_id or 0, ""),
            wanted.currency, _amount(line.debit), _amount(line.credit), line.running.decimal,
        )  # fmt: skip

    columns = [
        Column(_("Date"), Type.DATE), Column(_("Happened"), Type.TIME), Column(_("Entry"), Type.INTEGER),
        Column(_("Fact")), Column(_("Fund")), Column(_("Currency")), Column(_("Debit"), Type.AMOUNT),
        Column(_("Credit"), Type.AMOUNT), Column(_("Balance"), Type.AMOUNT),
    ]  # fmt: skip
    number = Chart(entity).find(wanted.purpose, wanted.provider).number
    sql = f"{books.LEDGER_LINES} ORDER BY entry.accounted_on, entry.id, posting.id"
    return of_sql(f"account-{number}-{wanted.currency}", columns, sql, parameters, row)


# --- Donors -----------------------------------------------------------------------------------------


def _received(entity: LegalEntity, filters: Filters) -> QuerySet[Donation]:
    since, until = kinds.moments(filters)
    return Donation.objects.filter(entity=entity, received_at__gte=since, received_at__lt=until).order_by(
        "received_at", "pk"
    )


def donations(entity: LegalEntity, filters: Filters) -> Table:
    """Received donations with their donors, for a CRM."""
    found = _received(entity, filters).select_related("donor", "fund", "round__appeal__campaign", "mandate")

    def row(one: Donation) -> Row:
        donor = one.donor
        return (
            str(one.uuid), one.received_at, one.state, one.channel, one.currency, major(one.amount_minor, one.currency),
            major(one.fee_cover_minor, one.currency), one.fund.name if one.fund else "",
            one.round.appeal.campaign.slug, one.round.appeal.slug, one.round.number,
            str(one.mandate.uuid) if one.mandate else "", one.transfer_reference or "", str(donor.uuid),
            donor.first_name, donor.last_name, donor.organisation, donor.email, donor.country, donor.locale,
            one.newsletter_consent, one.public_name, one.tribute, one.tribute_name, one.employer,
        )  # fmt: skip

    columns = [
        Column(_("Donation")), Column(_("Received"), Type.TIME), Column(_("State")), Column(_("How it came")),
        Column(_("Currency")), Column(_("Amount"), Type.AMOUNT), Column(_("Of which covers the fee"), Type.AMOUNT),
        Column(_("Fund")), Column(_("Campaign")), Column(_("Appeal")), Column(_("Round"), Type.INTEGER),
        Column(_("Mandate")), Column(_("Reference")), Column(_("Donor")), Column(_("First name")),
        Column(_("Last name")), Column(_("Organisation")), Column(_("E-mail")), Column(_("Country")),
        Column(_("Language")), Column(_("Newsletter consent")), Column(_("Shown publicly as")), Column(_("Tribute")),
        Column(_("In honour or memory of")), Column(_("Employer")),
    ]  # fmt: skip
    return of_queryset("donations", columns, found, row)


def answers(entity: LegalEntity, filters: Filters) -> Table:
    """What donors answered to the questions of one donation page, a donation a row."""
    wanted = filters.get("page", "")
    page = DonationPage.objects.filter(
        pk=int(wanted) if wanted.isdecimal() else 0, appeal__campaign__entity=entity
    ).first()
    if page is None:
        raise ExportRefused("page")
    questions = list(Question.objects.filter(page=page))
    found = _received(entity, filters).filter(page=page).select_related("donor").prefetch_related("answers")

    def row(one: Donation) -> Row:
        told = {answer.question_id: answer.text for answer in one.answers.all()}
        return (
            str(one.uuid), one.received_at, str(one.donor.uuid), one.donor.email,
            *(told.get(question.pk, "") for question in questions),
        )  # fmt: skip

    columns = [
        Column(_("Donation")), Column(_("Received"), Type.TIME), Column(_("Donor")), Column(_("E-mail")),
        *(Column(question.label) for question in questions),
    ]  # fmt: skip
    return of_queryset(f"answers-{page.slug}", columns, found, row)


def awaited(entity: LegalEntity, _filters: Filters) -> Table:
    """Donations by bank transfer whose money is still to come."""
    found = offline.awaited(entity).select_related("donor", "wording").order_by("-pk")

    def row(one: Donation) -> Row:
        return (
            str(one.uuid), one.reference, one.transfer_reference or "", one.donor.full_name, one.donor.email,
            one.wording.title, one.currency, major(one.amount_minor, one.currency), one.opened_at,
        )  # fmt: skip

    columns = [
        Column(_("Donation")), Column(_("Reference")), Column(_("Reference of the transfer")), Column(_("Donor")),
        Column(_("E-mail")), Column(_("For")), Column(_("Currency")), Column(_("Amount"), Type.AMOUNT),
        Column(_("Opened"), Type.TIME),
    ]  # fmt: skip
    return of_queryset("awaited", columns, found, row)


def mandates(entity: LegalEntity, filters: Filters) -> Table:
    """Mandates as their page filters them, without who gave them."""
    return _mandates(entity, filters, (), lambda _one: ())


def mandates_named(entity: LegalEntity, filters: Filters) -> Table:
    """The same with donors."""
    columns = Column(_("Donor")), Column(_("E-mail"))
    return _mandates(entity, filters, columns, lambda one: (one.donor.full_name, one.donor.email))


def _mandates(
    entity: LegalEntity, filters: Filters, of_donors: tuple[Column, ...], donor: Callable[[Mandate], Row]
) -> Table:
    def row(one: Any) -> Row:  # a Mandate, with its newest failure
        return (
            str(one.uuid), one.reference, str(one.get_state_display()), *donor(one), one.wording.title, one.currency,
            one.amount.decimal, one.fee_cover.decimal, str(one.get_interval_display()), one.next_on, one.paused_until,
            one.failed_at, one.failed_code or "", one.retry_on, one.opened_at, one.started_at, one.ended_at,
            str(one.get_end_reason_display()),
        )  # fmt: skip

    columns = [
        Column(_("Mandate")), Column(_("Reference")), Column(_("State")), *of_donors, Column(_("For")),
        Column(_("Currency")), Column(_("Amount"), Type.AMOUNT), Column(_("Of it to cover the fee"), Type.AMOUNT),
        Column(_("Rhythm")), Column(_("Next collected on"), Type.DATE), Column(_("Paused until"), Type.DATE),
        Column(_("Last failure"), Type.TIME), Column(_("Why it failed")), Column(_("Tried again on"), Type.DATE),
        Column(_("Signed up"), Type.TIME), Column(_("Confirmed"), Type.TIME), Column(_("Ended"), Type.TIME),
        Column(_("Why it ended")),
    ]  # fmt: skip
    return of_queryset("mandates", columns, listed(entity, filters).order_by("-pk"), row)


def appeals(entity: LegalEntity, _filters: Filters) -> Table:
    """What each appeal has raised, as its public page says it."""
    found = list(Appeal.objects.filter(campaign__entity=entity).select_related("campaign").order_by("pk"))
    raised = totals.appeal_totals(found)

    def row(appeal: Appeal) -> Row:
        total = raised[appeal.pk]
        return (
            appeal.campaign.slug, appeal.slug, str(appeal.get_state_display()), total.raised.currency,
            total.raised.decimal, total.pending.decimal, _amount(total.goal), total.donations, total.donors,
        )  # fmt: skip

    columns = [
        Column(_("Campaign")), Column(_("Appeal")), Column(_("State")), Column(_("Currency")),
        Column(_("Raised"), Type.AMOUNT), Column(_("Announced"), Type.AMOUNT), Column(_("Goal"), Type.AMOUNT),
        Column(_("Donations"), Type.INTEGER), Column(_("Donors"), Type.INTEGER),
    ]  # fmt: skip
    return of_list("appeals", columns, [row(appeal) for appeal in found])


OF_BOOKS = (
    Kind("journal", _("Journal"), BOOKS, journal, (*DAYS, "fact"), formats=(*GENERIC, *PACKAGES), kept=("key", "late")),
    Kind("trial-balance", _("Trial balance"), BOOKS, trial_balance, ("on",)),
    Kind("account", _("Ledger of an account"), BOOKS, account, ("currency", *DAYS), kept=("account", "fund"),
         listed=False),
    Kind("funds", _("Statement of funds"), BOOKS, funds, DAYS),
    Kind("net-assets", _("Net assets with and without donor restrictions"), BOOKS, net_assets, DAYS),
    Kind("fund-accounts", _("Accounts of a fund"), BOOKS, fund_accounts, DAYS, kept=("fund",), listed=False),
    Kind("accounts", _("Chart of accounts"), BOOKS, chart),
    Kind("mandates", _("Mandates"), BOOKS, mandates, kept=FILTERS),
    Kind("appeals", _("Campaigns and what they raised"), BOOKS, appeals),
)  # fmt: skip
OF_DONORS = (
    Kind("donations", _("Donations with donors (CRM)"), DONORS, donations, DAYS, personal=True),
    Kind("answers", _("Answers to a page's questions"), DONORS, answers, ("page", *DAYS), personal=True),
    Kind("mandates-named", _("Mandates with donors"), DONORS, mandates_named, personal=True, kept=FILTERS),
    Kind("awaited", _("Bank transfers that are awaited"), DONORS, awaited, personal=True),
)


def register_all() -> None:
    """Make the exports of this app known; called when the app is ready."""
    for kind in (*OF_BOOKS, *bank_tables.KINDS, *work_tables.KINDS, *OF_DONORS):
        register(kind)
