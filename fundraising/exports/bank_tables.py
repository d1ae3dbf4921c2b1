"""The exports of the bank: accounts, statements, lines with and without names."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..bank.lists import account_rows, lines, statement_lines
from ..models import BankAccount, BankLine, LegalEntity, Statement
from ..roles import May
from . import kinds
from .kinds import ExportRefused, Filters, Kind
from .table import Column, Row, Table, Type, major, of_list, of_queryset

BOOKS = frozenset({May.READ_BOOKS, May.EXPORT})
NAMES = BOOKS | {May.READ_DONORS, May.READ_PARTNERS}
DAYS = ("first", "last")
KEPT = ("account", "statement", "state", "amount")


def bank_accounts(entity: LegalEntity, _filters: Filters) -> Table:
    """The bank accounts with what the books and the bank say they hold."""
    rows: list[Row] = [
        (
            row.account.name, row.account.iban, row.account.currency, row.in_books.decimal,
            row.at_bank.decimal if row.at_bank is not None else None, row.newest.last_on if row.newest else None,
            row.unexplained, row.unexplained_sum.decimal,
        )
        for row in account_rows(entity)
    ]  # fmt: skip
    columns = [
        Column(_("Bank account")), Column(_("IBAN or account number")), Column(_("Currency")),
        Column(_("In the books"), Type.AMOUNT), Column(_("At the bank"), Type.AMOUNT), Column(_("Last day"), Type.DATE),
        Column(_("Lines that nothing explains"), Type.INTEGER), Column(_("Sum of these"), Type.AMOUNT),
    ]  # fmt: skip
    return of_list("bank-accounts", columns, rows)


def statements(entity: LegalEntity, filters: Filters) -> Table:
    """Statements as they were imported, of one bank account or of all."""
    found = Statement.objects.filter(bank_account__entity=entity).select_related("bank_account", "imported_by")
    if slug := filters.get("account"):
        found = found.filter(bank_account__slug=slug)

    def row(one: Statement) -> Row:
        return (
            one.bank_account.name, one.name, str(one.get_format_display()), one.first_on, one.last_on, one.lines_read,
            one.lines_new, one.bank_account.currency, one.opening.decimal if one.opening is not None else None,
            one.closing.decimal if one.closing is not None else None, one.imported_at, one.imported_by.get_username(),
            one.rolled_back_at,
        )  # fmt: skip

    columns = [
        Column(_("Bank account")), Column(_("File")), Column(_("Format")), Column(_("From"), Type.DATE),
        Column(_("Until"), Type.DATE), Column(_("Lines"), Type.INTEGER), Column(_("New lines"), Type.INTEGER),
        Column(_("Currency")), Column(_("Opening balance"), Type.AMOUNT), Column(_("Closing balance"), Type.AMOUNT),
        Column(_("Imported"), Type.TIME), Column(_("By")), Column(_("Rolled back"), Type.TIME),
    ]  # fmt: skip
    return of_queryset("statements", columns, found.defer("sealed_bytes").order_by("pk"), row)


def _lines(entity: LegalEntity, filters: Filters) -> QuerySet[BankLine]:
    """The lines of a statement, of an account by what its page filters, or of all accounts."""
    if wanted := filters.get("statement"):
        return statement_lines(_statement(entity, wanted))
    if slug := filters.get("account"):
        account = BankAccount.objects.filter(entity=entity, slug=slug).first()
        if account is None:
            raise ExportRefused("filters")
        return lines(account, {**filters, "state": filters.get("state") or "all"}).order_by("booked_on", "pk")
    first, last = kinds.days(filters)
    found = BankLine.objects.filter(bank_account__entity=entity, booked_on__range=(first, last), withdrawn_at=None)
    return found.select_related("bank_account").order_by("booked_on", "pk")


def _statement(entity: LegalEntity, wanted: str) -> Statement:
    try:
        uuid = UUID(wanted)
    except ValueError:
        raise ExportRefused("filters") from None
    found = Statement.objects.filter(bank_account__entity=entity, uuid=uuid).defer("sealed_bytes").first()
    if found is None:
        raise ExportRefused("filters")
    return found


_COLUMNS = (
    Column(_("Bank account")), Column(_("Booked on"), Type.DATE), Column(_("Value date"), Type.DATE),
    Column(_("Currency")), Column(_("Amount"), Type.AMOUNT), Column(_("Unexplained"), Type.AMOUNT),
    Column(_("Reference of the bank")), Column(_("Entry"), Type.INTEGER), Column(_("Rolled back"), Type.TIME),
)  # fmt: skip
_NAMED = (Column(_("From or to")), Column(_("Their account")), Column(pgettext_lazy("bank line", "What it is for")))


def _row(line: BankLine) -> Row:
    currency = line.bank_account.currency
    amounts = (major(line.amount_minor, currency), major(line.unexplained_minor, currency))
    return (
        line.bank_account.name, line.booked_on, line.value_on, currency, *amounts, line.bank_reference, line.entry_id,
        line.withdrawn_at,
    )  # fmt: skip


def bank_lines(entity: LegalEntity, filters: Filters) -> Table:
    """Lines of bank statements without names: those are donors'."""
    return of_queryset("bank-lines", _COLUMNS, _lines(entity, {**filters, "q": ""}), _row)


def named_lines(entity: LegalEntity, filters: Filters) -> Table:
    """The same with who sent the money or got it, and for what."""

    def row(line: BankLine) -> Row:
        return (*_row(line), line.name, line.iban, line.reference)

    return of_queryset("bank-lines", (*_COLUMNS, *_NAMED), _lines(entity, filters), row)


KINDS = (
    Kind("bank-accounts", _("Bank accounts"), BOOKS, bank_accounts),
    Kind("statements", _("Statements"), BOOKS, statements, kept=("account",)),
    Kind("bank-lines", _("Bank lines"), BOOKS, bank_lines, DAYS, kept=KEPT),
    Kind("bank-lines-named", _("Bank lines with names"), NAMES, named_lines, DAYS, personal=True,
         kept=(*KEPT, "q"), secret=frozenset({"q"})),
)  # fmt: skip
