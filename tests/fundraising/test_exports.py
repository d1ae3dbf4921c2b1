"""Exports: what is read back is what is in the books, no cell runs, and no half file is ever handed out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from fundraising import books, breaks, donations, ledger
from fundraising.books import manual_entries
from fundraising.books.chart import number_account
from fundraising.exports import csv_file, kinds, packages, table, work, xlsx_file
from fundraising.exports.kinds import ExportRefused
from fundraising.exports.table import Column, Table, Type
from fundraising.exports.work import NotYours, Wish
from fundraising.ledger import Bucket
from fundraising.models import (
    Answer,
    BankAccount,
    BankLine,
    Cause,
    Export,
    ExportPart,
    ExportState,
    LegalEntity,
    Purpose,
    Question,
    Role,
    StaffAction,
)
from fundraising.money import Money
from fundraising.roles import RIGHTS
from payments.models import BalanceTransaction, Dispute, Payout
from tests import factories
from tests.factories import AppealKit
from tests.payments.desk import make_account
from tests.staff import make_person

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
MARCH = {"first": "2026-03-01", "last": "2026-03-31"}
EVIL = ["=1+1", "+39 06", "-2", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("http://x")', "＝1"]


@pytest.fixture
def kit() -> AppealKit:
    """One donation of 100.00 EUR, settled, 40.00 of it refunded; and one of 500 yen."""
    kit = factories.make_appeal()
    _donation, charge = factories.received_donation(kit, amount=Money(10_000, "EUR"), at=AT, last_name="=Rossi")
    euros = Money(10_000, "EUR")
    donations.settle(key="txn:x1", fact_key=charge, gross=euros, settled=euros, fee=Money(175, "EUR"))
    factories.refund(charge, Money(4_000, "EUR"), at=AT)
    factories.received_donation(kit, amount=Money(500, "JPY"), at=AT)
    return kit


def rows_of(data: bytes, encoding: str = "utf-8") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(encoding), newline="")))


def written(entity: LegalEntity, kind: str, form: str = "csv", **filters: str) -> bytes:
    wish = Wish.read(kind, form, filters)
    return b"".join(work.write_now(entity, wish, by=make_person()).pieces)


def test_the_journal_comes_back_from_csv_to_the_cent(kit: AppealKit) -> None:
    rows = rows_of(written(kit.entity, "journal", **MARCH))
    assert len(rows) == 9
    for currency in ("EUR", "JPY"):
        of_it = [row for row in rows if row["Currency"] == currency]
        assert sum(Decimal(row["Debit"] or 0) - Decimal(row["Credit"] or 0) for row in of_it) == 0
    fee = next(row for row in rows if row["Account number"] == "6000")
    assert (fee["Date"], fee["Debit"], fee["Fact"]) == ("2026-03-05", "1.75", "txn:x1")
    assert {row["Debit"] for row in rows if row["Currency"] == "JPY"} == {"500", ""}


def test_the_trial_balance_comes_back_from_a_spreadsheet_as_numbers(kit: AppealKit) -> None:
    book = openpyxl.load_workbook(io.BytesIO(written(kit.entity, "trial-balance", "xlsx", on="2026-03-31")))
    heading, *rows = book.worksheets[0].iter_rows(values_only=True)
    assert heading == ("Currency", "Account number", "Account", "Kind", "Debit", "Credit")
    found = {(row[0], row[1]): Decimal(str(row[4] or 0)) - Decimal(str(row[5] or 0)) for row in rows}
    expected = {
        (column.currency, line.account.number): line.balance.decimal
        for column in books.trial_balance(kit.entity, date(2026, 3, 31))
        for line in column.lines
    }
    assert found == expected


def test_days_are_days_in_a_spreadsheet(kit: AppealKit) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(written(kit.entity, "journal", "xlsx", **MARCH))).worksheets[0]
    assert sheet["A2"].is_date
    assert sheet["A2"].value == datetime(2026, 3, 5)  # noqa: DTZ001
    amounts = [cell for cell in sheet["M"][1:] if cell.value is not None]
    assert {cell.data_type for cell in amounts} == {"n"}


def test_the_ledger_of_an_account_ends_where_the_page_does(kit: AppealKit) -> None:
    account = f"clearing:{factories.PROVIDER}"
    rows = rows_of(written(kit.entity, "account", account=account, currency="EUR", **MARCH))
    assert [row["Balance"] for row in rows] == ["100.00", "0.00", "-40.00"]


def test_funds_and_chart_are_what_the_pages_show(kit: AppealKit) -> None:
    rows = rows_of(written(kit.entity, "funds", first="2026-01-01", last="2026-03-31"))
    euros = next(row for row in rows if row["Currency"] == "EUR")
    told = [euros[name] for name in ("Income", "Refunds", "Fees", "At the end")]
    assert told == ["100.00", "40.00", "1.75", "58.25"]
    assert "1300" in {row["Account number"] for row in rows_of(written(kit.entity, "accounts"))}


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_is_a_formula_in_csv(evil: str) -> None:
    made = table.of_list("x", [Column("A"), Column("B", Type.AMOUNT)], [(evil, Decimal("-1.50"))])
    ((text, amount),) = list(csv.reader(io.StringIO(b"".join(csv_file.write_csv(made)).decode(), newline="")))[1:]
    assert text == f"'{evil}"
    assert amount == "-1.50"


@pytest.mark.parametrize("evil", EVIL[:4] + EVIL[6:])
def test_text_stays_text_in_a_spreadsheet(evil: str) -> None:
    made = table.of_list("x", [Column("A"), Column("B", Type.AMOUNT)], [(evil, Decimal("-1.50"))])
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(xlsx_file.write_xlsx(made)))).worksheets[0]
    assert (sheet["A2"].value, sheet["A2"].data_type, sheet["B2"].value) == (evil, "s", -1.5)


def test_a_table_longer_than_a_sheet_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "MOST_ROWS", 4)
    made = table.of_list("numbers", [Column("N", Type.INTEGER)], [(n,) for n in range(8)])
    sheets = openpyxl.load_workbook(io.BytesIO(b"".join(xlsx_file.write_xlsx(made)))).worksheets
    assert [[cell.value for cell in sheet["A"]] for sheet in sheets] == [["N", 0, 1, 2], ["N", 3, 4, 5], ["N", 6, 7]]


def test_excel_is_told_that_it_is_utf_8(kit: AppealKit) -> None:
    assert written(kit.entity, "journal", "csv-excel", **MARCH).startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("kind", ["bank-lines", "breaks", "manual", "trail", "payouts", "payout-lines", "disputes"])
def test_every_list_of_the_desk_is_written_as_what_is_asked(kit: AppealKit, kind: str) -> None:
    fill_lists(kit)
    for form in ("csv", "xlsx"):
        data = written(kit.entity, kind, form, first="2026-01-01", last=timezone.localdate().isoformat())
        rows = rows_of(data) if form == "csv" else openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]["A"][1:]
        assert len(rows) >= 1, form


def fill_lists(kit: AppealKit) -> None:
    """One row of everything, beside what the donations have left."""
    entity = kit.entity
    by = make_person(Role.FINANCE, entity=entity)
    euros = Money(5, "EUR")
    manual_entries.draft_entry(
        entity,
        [manual_entries.Line(Purpose.EXPENSES, euros), manual_entries.Line(Purpose.OTHER_INCOME, -euros)],
        text="Pens", accounted_on=AT.date(), by=by,
    )  # fmt: skip
    finding = breaks.Finding(Cause.CHARGE_MISSING, "ch_1", euros, AT.date())
    breaks.note_findings(entity.pk, [Cause.CHARGE_MISSING], [finding])
    bank = BankAccount.objects.create(entity=entity, slug="our-bank", name="Our bank", iban="DE02", currency="EUR")
    BankLine.objects.create(bank_account=bank, content="0" * 64, booked_on=AT.date(), amount_minor=5)
    account = make_account(kit)
    moment = {"currency": "EUR", "amount_minor": 5, "status": "paid", "status_at": AT}
    Payout.objects.create(account=account, payout_id="po_1", created_at=AT, arrival_on=AT.date(), **moment)
    BalanceTransaction.objects.create(
        account=account, txn_id="txn_1", type="charge", reporting_category="charge", currency="EUR", amount_minor=5,
        fee_minor=0, net_minor=5, created_at=AT, available_on=AT,
    )  # fmt: skip
    Dispute.objects.create(
        account=account, dispute_id="dp_1", charge_id="ch_1", reason="fraudulent", opened_at=AT, **moment
    )


# --- Accounting packages ----------------------------------------------------------------------------


def test_datev_takes_two_accounts_a_line_and_amounts_with_a_comma(kit: AppealKit) -> None:
    approver = make_person(Role.APPROVER, entity=kit.entity)
    number_account(kit.entity, Purpose.FEES, "", number="4970", name="Nebenkosten", by=approver)
    data = written(kit.entity, "journal", "datev", currency="EUR", lines="entry", consultant="29098", client="55003",
                   **MARCH)  # fmt: skip
    header, fields, *lines = data.decode("cp1252").split("\r\n")
    assert header.startswith('"EXTF";700;21;"Buchungsstapel";13;')
    assert ";29098;55003;20260101;4;20260301;20260331;" in header
    assert len(header.split(";")) == 31
    assert len(fields.split(";")) == 125
    assert lines.pop() == ""
    cells = [line.split(";") for line in lines]
    assert {len(row) for row in cells} == {125}
    assert [(row[0], row[1], row[6], row[7], row[9]) for row in cells] == [
        ("100,00", '"S"', "1300", "4000", "0503"),
        ("1,75", '"S"', "4970", "1300", "0503"),
        ("98,25", '"S"', "1200", "1300", "0503"),
        ("40,00", '"S"', "4100", "1300", "0503"),
    ]


def test_a_day_is_one_journal_with_a_line_for_each_account(kit: AppealKit) -> None:
    rows = rows_of(written(kit.entity, "journal", "xero", currency="EUR", tax_rate="No VAT", **MARCH))
    assert {(row["*Narration"], row["*Date"], row["*TaxRate"]) for row in rows} == {
        ("20260305 OpenAppeal 2026-03-05", "05/03/2026", "No VAT")
    }
    assert {row["*AccountCode"]: row["*Amount"] for row in rows} == {
        "1200": "98.25", "1300": "-40.00", "4000": "-100.00", "4100": "40.00", "6000": "1.75",
    }  # fmt: skip


def test_quickbooks_has_debit_and_credit_apart_and_both_come_to_the_same(kit: AppealKit) -> None:
    rows = rows_of(written(kit.entity, "journal", "quickbooks", lines="entry", **{**MARCH, "currency": "EUR"}))
    assert list(rows[0])[:5] == ["Journal No.", "Journal Date", "Account Name", "Debits", "Credits"]
    by_journal: dict[str, Decimal] = {}
    for row in rows:
        assert bool(row["Debits"]) != bool(row["Credits"])
        change = Decimal(row["Debits"] or 0) - Decimal(row["Credits"] or 0)
        by_journal[row["Journal No."]] = by_journal.get(row["Journal No."], Decimal(0)) + change
    assert set(by_journal.values()) == {Decimal(0)}
    assert len(by_journal) == 3


def test_an_exchange_is_in_both_currencies_files_closed_by_its_bridge() -> None:
    entity = factories.make_entity()
    legs = {
        Bucket(entity.pk, Purpose.CLEARING, "EUR"): -100, Bucket(entity.pk, Purpose.FX, "EUR"): 100,
        Bucket(entity.pk, Purpose.FX, "USD"): -110, Bucket(entity.pk, Purpose.PROVIDER, "USD"): 110,
    }  # fmt: skip
    ledger.post(key="test:fx", legs=legs, occurred_at=AT)
    for currency, amount in (("EUR", "1,00"), ("USD", "1,10")):
        data = written(entity, "journal", "datev", currency=currency, **MARCH).decode("cp1252").split("\r\n")
        assert [line.split(";")[0] for line in data[2:-1]] == [amount]


def test_datev_refuses_what_it_cannot_write() -> None:
    entity = factories.make_entity()
    with pytest.raises(ExportRefused, match="year"):
        Wish.read("journal", "datev", {"first": "2025-12-01", "last": "2026-01-31"}).table(entity)
    with pytest.raises(ExportRefused, match="consultant"):
        written(entity, "journal", "datev", consultant="12", **MARCH)
    legs = {Bucket(entity.pk, Purpose.FEES, "KWD"): 1_005, Bucket(entity.pk, Purpose.CLEARING, "KWD"): -1_005}
    ledger.post(key="test:fils", legs=legs, occurred_at=AT)
    with pytest.raises(packages.PackageRefused, match="decimals"):
        written(entity, "journal", "datev", currency="KWD", **MARCH)


@pytest.mark.parametrize(
    ("kind", "filters", "code"),
    [
        ("journal", {"first": "2026-02-30"}, "first"),
        ("journal", {"first": "2026-04-01", "last": "2026-03-01"}, "order"),
        ("account", {"account": "gold:", "currency": "EUR"}, "account"),
        ("answers", {"page": "0"}, "page"),
    ],
)
def test_filters_that_make_no_sense_are_refused(kind: str, filters: dict[str, str], code: str) -> None:
    with pytest.raises(ExportRefused, match=code):
        Wish.read(kind, "csv", filters).table(factories.make_entity())


# --- What a worker writes ---------------------------------------------------------------------------


def asked(entity: LegalEntity, by: User, kind: str = "donations", form: str = "csv", **filters: str) -> Export:
    return work.ask(entity, Wish.read(kind, form, {**MARCH, **filters}), by=by)


def fetched(export: Export, by: User) -> bytes:
    export.refresh_from_db()
    return b"".join(work.fetch(export, by=by).pieces)


def test_donations_for_a_crm_name_the_donors_and_lie_sealed(kit: AppealKit) -> None:
    by = make_person(Role.FINANCE, entity=kit.entity)
    wish = Wish.read("donations", "csv", MARCH)
    assert wish.needs_worker(kit.entity)
    export = work.ask(kit.entity, wish, by=by)
    assert work.write_due() == 1
    assert b"ada@example.org" not in b"".join(bytes(part.sealed) for part in ExportPart.objects.all())
    rows = rows_of(fetched(export, by))
    assert {(row["First name"], row["Last name"], row["Amount"], row["Currency"]) for row in rows} == {
        ("Ada", "'=Rossi", "100.00", "EUR"), ("Ada", "Rossi", "500", "JPY"),
    }  # fmt: skip
    assert (export.state, export.rows_done, export.rows_total) == (ExportState.READY, 2, 2)
    verbs = StaffAction.objects.filter(about=f"export:{export.uuid}").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["export_asked", "export_fetched"]


def test_answers_have_a_column_for_each_question(kit: AppealKit) -> None:
    page = kit.pages["en"]
    where = Question.objects.create(page=page, position=1, label="Where did you hear of us?")
    Question.objects.create(page=page, position=2, label="May we call?")
    donation = page.donations.order_by("pk")[0]
    Answer.objects.create(donation=donation, question=where, label=where.label, text="@radio")
    by = make_person(Role.FINANCE, entity=kit.entity)
    export = asked(kit.entity, by, "answers", page=str(page.pk))
    work.write_due()
    rows = {row["Donation"]: row for row in rows_of(fetched(export, by))}
    assert rows[str(donation.uuid)]["Where did you hear of us?"] == "'@radio"
    assert {row["May we call?"] for row in rows.values()} == {""}


def test_only_whoever_asked_may_fetch_and_only_for_a_day(kit: AppealKit) -> None:
    by, other = make_person(Role.FINANCE, entity=kit.entity), make_person(Role.APPROVER, entity=kit.entity)
    export = asked(kit.entity, by)
    with pytest.raises(NotYours):  # not written yet
        fetched(export, by)
    work.write_due()
    with pytest.raises(NotYours):
        fetched(export, other)
    assert fetched(export, by)
    Export.objects.update(expires_at=timezone.now())
    with pytest.raises(NotYours):
        fetched(export, by)
    assert work.expire() == 1
    export.refresh_from_db()
    assert (export.state, ExportPart.objects.count()) == (ExportState.EXPIRED, 0)


class Killed(BaseException):
    """A worker that is no more: nothing after it runs."""


def numbers(count: int, dies_at: int | None = None) -> Table:
    def rows() -> Iterator[table.Row]:
        for number in range(count):
            if number == dies_at:
                raise Killed
            yield (number, "x" * 1000)

    return Table("numbers", [Column("N", Type.INTEGER), Column("X")], rows, lambda _limit: count)


def test_a_killed_worker_leaves_nothing_to_fetch_and_the_next_one_starts_anew(
    kit: AppealKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies after two parts; another one takes the export up when the claim is over, from the start."""
    by = make_person(Role.FINANCE, entity=kit.entity)
    made = [numbers(4000, dies_at=3000), numbers(4000)]
    monkeypatch.setitem(
        kinds._kinds, "journal", kinds.Kind("journal", "", frozenset(), lambda _entity, _filters: made[0])
    )
    export = asked(kit.entity, by, "journal")
    with pytest.raises(Killed):
        work.write_due()
    export.refresh_from_db()
    assert (export.state, export.parts.count()) == (ExportState.WORKING, 2)
    with pytest.raises(NotYours):
        fetched(export, by)
    made.pop(0)
    assert work.write_due() == 0  # it may still be alive
    Export.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert work.write_due() == 1
    rows = rows_of(fetched(export, by))
    assert [int(row["N"]) for row in rows] == list(range(4000))


def test_a_worker_whose_claim_is_lost_writes_no_more(kit: AppealKit, monkeypatch: pytest.MonkeyPatch) -> None:
    by = make_person(Role.FINANCE, entity=kit.entity)
    made = numbers(4000)

    def overtaken() -> Iterator[table.Row]:
        for number, row in enumerate(made.rows()):
            if number == 1500:
                Export.objects.update(claimed_until=timezone.now() + timedelta(minutes=9))  # somebody else's claim
                ExportPart.objects.all().delete()
            yield row

    stolen = Table("numbers", made.columns, overtaken, made.count)
    monkeypatch.setitem(
        kinds._kinds, "journal", kinds.Kind("journal", "", frozenset(), lambda _entity, _filters: stolen)
    )
    export = asked(kit.entity, by, "journal")
    work.write_due()
    export.refresh_from_db()
    assert (export.state, export.parts.count()) == (ExportState.WORKING, 0)


def test_one_export_is_written_at_a_time(kit: AppealKit) -> None:
    first, second = (asked(kit.entity, make_person(Role.FINANCE, entity=kit.entity)) for _ in range(2))
    Export.objects.filter(pk=first.pk).update(
        state=ExportState.WORKING, claimed_until=timezone.now() + timedelta(minutes=1)
    )
    assert work.write_due() == 0
    Export.objects.filter(pk=first.pk).update(state=ExportState.FAILED)
    assert work.write_due() == 1
    second.refresh_from_db()
    assert second.state == ExportState.READY


def test_an_export_that_cannot_be_written_says_so_and_leaves_no_part(kit: AppealKit) -> None:
    by = make_person(Role.FINANCE, entity=kit.entity)
    export = asked(kit.entity, by, "journal", "datev")
    Export.objects.update(filters={**MARCH, "consultant": "12"})
    work.write_due()
    export.refresh_from_db()
    assert (export.state, export.error, export.parts.count()) == (ExportState.FAILED, "consultant", 0)


def test_an_export_that_kills_every_worker_is_given_up_after_a_day(kit: AppealKit) -> None:
    export = asked(kit.entity, make_person(Role.FINANCE, entity=kit.entity))
    Export.objects.update(
        state=ExportState.WORKING, claimed_until=timezone.now() - timedelta(1), asked_at=timezone.now() - timedelta(2)
    )
    work.expire()
    export.refresh_from_db()
    assert (export.state, export.error) == (ExportState.FAILED, "gave up")


def test_a_part_opens_in_its_own_place_only(kit: AppealKit) -> None:
    by = make_person(Role.FINANCE, entity=kit.entity)
    first, second = asked(kit.entity, by), asked(kit.entity, by)
    work.write_due()
    sealed = ExportPart.objects.get(export=second).sealed
    ExportPart.objects.filter(export=first).update(sealed=sealed)
    with pytest.raises(Exception, match="does not open"):
        fetched(first, by)


def test_an_auditor_has_every_export_of_the_books_and_none_of_donors() -> None:
    codes = {kind.code for kind in kinds.allowed(RIGHTS[Role.AUDITOR])}
    assert {"journal", "trial-balance", "breaks"} <= codes
    assert not {kind.code for kind in kinds.allowed(RIGHTS[Role.AUDITOR]) if kind.personal}
    assert kinds.allowed(RIGHTS[Role.CAMPAIGNER]) == []
