"""Fund reports: made from the books, kept as issued, the same figures on page, PDF, CSV and XLSX."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from fundraising import donations
from fundraising.models import AppealWording, Donation, DonationPage, Evidence, Partner, Role, StaffAction
from fundraising.money import Money
from fundraising.spending import verbs
from receipts import pdf
from receipts.models import FundReport, ReportDocument, ReportState
from receipts.reports import reading, work
from receipts.reports.showing import shown
from receipts.reports.tables import Row, Table, rate_words
from receipts.reports.work import ReportRefused
from tests import factories, staff
from tests.factories import AppealKit
from tests.fundraising.spending import kits
from tests.receipts.reading import reader, text_of_pdf

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = timezone.localdate


@pytest.fixture
def kit() -> AppealKit:
    """An appeal that received 150 euros and 40 dollars, and gave 20 euros back."""
    kit = factories.make_appeal(currencies=("EUR", "USD"))
    for minor in (10_000, 5_000):
        factories.received_donation(kit, amount=Money(minor, "EUR"))
    factories.received_donation(kit, amount=Money(4_000, "USD"))
    _, charge = factories.received_donation(kit, amount=Money(2_000, "EUR"))
    factories.refund(charge, Money(2_000, "EUR"))
    return kit


@pytest.fixture
def finance(kit: AppealKit) -> User:
    return staff.make_person(Role.FINANCE, entity=kit.entity)


def drafted(kit: AppealKit, by: User, **notes: str) -> FundReport:
    first = min(TODAY() - timedelta(days=30), date(2026, 4, 1))
    return work.draft(kit.appeal, first=first, last=TODAY(), next_on=TODAY() + timedelta(days=30), notes=notes, by=by)


def issued(kit: AppealKit, by: User, **notes: str) -> FundReport:
    report = drafted(kit, by, **notes)
    work.ask(report, by=by)
    assert work.make_due() == 1
    report.refresh_from_db()
    assert report.state == ReportState.ISSUED, report.error
    return report


def address(kit: AppealKit, rest: str = "", locale: str = "en") -> str:
    return f"/{locale}/a/{kit.pages[locale].slug}/reports/{rest}"


def test_a_report_says_what_the_ledger_says(kit: AppealKit, finance: User) -> None:
    report = issued(kit, finance)
    euros = report.data["period"]["EUR"]
    assert (euros["received"], euros["refunds"], euros["net"], euros["unspent"]) == (17_000, 2_000, 15_000, 15_000)
    assert report.data["period"]["USD"]["net"] == 4_000
    given = Donation.objects.filter(round=kit.round, currency="EUR")
    assert euros["net"] == sum(donations.net_received(donation).minor for donation in given)


def test_a_report_tells_by_purpose_what_was_allocated_sent_and_spent_and_adds_up(client: Client) -> None:
    spending = kits.make_spending()
    kit, by = spending.kit, spending.author
    kits.give(kit, Money(600_000, "EUR"), fee=9_000)
    verbs.allocate(spending.housing, Money(200_000, "EUR"), by=by, on=kits.ON)
    promised = verbs.commit(spending.housing, spending.partner, Money(150_000, "EUR"), by=by, on=kits.ON)
    sent = verbs.disburse(promised, spending.bank, Money(120_000, "EUR"), by=by, on=kits.ON)
    arrived = verbs.confirm_arrival(sent, Money(120_000, "EUR"), by=by, on=kits.ON)
    verbs.report_spending(arrived, Money(70_000, "EUR"), evidence=Evidence.CONFIRMED, by=by, on=kits.ON)
    report = issued(kit, by)
    assert report.data["budget"] == 1_000_000
    rows = list(csv.DictReader(io.StringIO(client.get(address(kit, "1/report.csv")).content.decode("utf-8-sig"))))
    amounts = {(row["table"], row["line"], row["figure"]): Decimal(row["amount"]) for row in rows}
    housing = [amounts["categories-EUR", "housing", name] for name in ("allocated", "committed", "disbursed", "spent")]
    assert housing == [2_000, 1_500, 1_200, 700]
    money = {name: amounts["money", "EUR", name] for name in ("opening", "net", "spent", "unspent")}
    assert money["opening"] + money["net"] + money["spent"] == money["unspent"] == 5_210
    places = [amount for (table, line, _name), amount in amounts.items() if table == "places" and line != "unspent"]
    assert sum(places) == money["unspent"]
    html = client.get(address(kit, "1/")).content.decode()
    assert kits.SECRET not in html
    assert "Coverage" in html


def at_risk(spending: kits.Spending, *, delay_days: int = 0) -> Partner:
    """A partner shown by alias who was sent 900 euros for housing and 40 for legal costs; so little is not shown."""
    partner = kits.make_partner(
        spending.kit.entity, shown="alias", alias="Lighthouse Crew", region="the south", delay_days=delay_days,
        least_shown_minor=10_000,
    )  # fmt: skip
    for line, minor in ((spending.housing, 90_000), (spending.legal, 4_000)):
        money = Money(minor, "EUR")
        verbs.allocate(line, money, by=spending.author, on=TODAY())
        promised = verbs.commit(line, partner, money, by=spending.author, on=TODAY())
        verbs.disburse(promised, spending.bank, money, by=spending.author, on=TODAY())
    return partner


def test_a_report_shows_small_purposes_together_and_partners_by_alias_and_says_nothing_of_them_before_their_days(
    client: Client,
) -> None:
    spending = kits.make_spending()
    kit, by = spending.kit, spending.author
    kits.give(kit, Money(600_000, "EUR"))
    partner = at_risk(spending, delay_days=10)
    early = issued(kit, by)
    assert early.data["spending_until"] == (TODAY() - timedelta(days=1)).isoformat()
    html = client.get(address(kit, "1/")).content.decode()
    assert "spending is shown until" in html
    assert "Lighthouse Crew" not in html
    assert early.data["partners"] == {}
    Partner.objects.filter(pk=partner.pk).update(delay_days=0)
    report = issued(kit, by)
    assert (report.data["version"], report.data["spending_until"]) == (2, None)
    assert [line["category"] for line in report.data["period"]["EUR"]["lines"]] == ["several"]
    for text in (
        client.get(address(kit, "2/")).content.decode(),
        text_of_pdf(client.get(address(kit, "2/report.pdf")).content),
    ):
        for words in ("Several purposes", "Through whom it went", "Lighthouse Crew, the south", "940.00"):
            assert words in text
    rows = list(csv.DictReader(io.StringIO(client.get(address(kit, "2/report.csv")).content.decode("utf-8-sig"))))
    amounts = {(row["table"], row["line"], row["figure"]): row["amount"] for row in rows}
    assert amounts["partners-EUR", "Lighthouse Crew", "sent"] == amounts["categories-EUR", "several", "disbursed"]
    assert not {line for _table, line, _figure in amounts} & {"housing", "legal"}


def test_purposes_put_together_since_the_report_before_are_no_change(client: Client) -> None:
    spending = kits.make_spending()
    kit, by = spending.kit, spending.author
    kits.give(kit, Money(600_000, "EUR"))
    partner = at_risk(spending)
    Partner.objects.filter(pk=partner.pk).update(least_shown_minor=0)
    assert len(issued(kit, by).data["period"]["EUR"]["lines"]) == 2
    Partner.objects.filter(pk=partner.pk).update(least_shown_minor=10_000)
    assert len(issued(kit, by).data["period"]["EUR"]["lines"]) == 1
    assert "No figure has changed." in client.get(address(kit, "2/")).content.decode()


def test_a_report_of_the_first_version_of_data_is_still_shown(kit: AppealKit, finance: User) -> None:
    data = issued(kit, finance).data
    old = {name: value for name, value in data.items() if name not in {"version", "spending_until", "partners"}}
    assert shown(old) == shown(data)


def test_page_and_all_files_show_the_same_figures(kit: AppealKit, finance: User, client: Client) -> None:
    issued(kit, finance, en="Nobody was left behind.")
    html = client.get(address(kit, "1/")).content.decode()
    paper = text_of_pdf(client.get(address(kit, "1/report.pdf")).content)
    for words in ("€150.00", "€170.00", "-€20.00", "$40.00", "Nobody was left behind."):
        assert words in html, words
        assert words in paper, words
    rows = list(csv.DictReader(io.StringIO(client.get(address(kit, "1/report.csv")).content.decode("utf-8-sig"))))
    amounts = {(row["table"], row["line"], row["figure"], row["currency"]): row["amount"] for row in rows}
    assert amounts["money", "EUR", "net", "EUR"] == "150.00"
    assert amounts["money", "EUR", "back", "EUR"] == "-20.00"
    assert amounts["channels", "online", "USD", "USD"] == "40.00"
    assert amounts["places", "unspent", "EUR", "EUR"] == "150.00"
    sheet = openpyxl.load_workbook(io.BytesIO(client.get(address(kit, "1/report.xlsx")).content)).active
    assert sheet is not None
    cells = list(sheet.iter_rows(values_only=True))
    assert [[str(cell) for cell in row[:8]] for row in cells[1:]] == [
        [row["revision"], f"{row['first_day']} 00:00:00", f"{row['last_day']} 00:00:00", *list(row.values())[3:8]]
        for row in rows
    ]
    assert [f"{row[8]:.2f}" for row in cells[1:]] == [row["amount"] for row in rows]


def test_a_report_is_in_the_language_of_each_page_of_the_appeal(kit: AppealKit, finance: User, client: Client) -> None:
    issued(kit, finance, it="Nessuno è rimasto indietro.")
    assert ReportDocument.objects.count() == 6
    assert "Nessuno è rimasto indietro." in text_of_pdf(client.get(address(kit, "1/report.pdf", "it")).content)
    assert "150,00" in client.get(address(kit, "1/", "it")).content.decode()
    assert "Nessuno" not in client.get(address(kit, "1/")).content.decode()


def test_a_language_that_came_after_a_report_finds_its_files_in_a_language_of_then(
    kit: AppealKit, finance: User, client: Client
) -> None:
    issued(kit, finance)
    words = {"title": "Ausreise", "ask": "Helfen", "purpose": "Reise", "secondary_purpose": "Andere in Gefahr"}
    AppealWording.objects.create(appeal=kit.appeal, locale="de", version=1, **words)
    kit.pages["de"] = DonationPage.objects.create(appeal=kit.appeal, locale="de", slug=f"{kit.appeal.slug}-de")
    page = client.get(address(kit, "1/", "de")).content.decode()
    for form in ("pdf", "csv", "xlsx"):
        assert address(kit, f"1/report.{form}", "de") in page
        there = client.get(address(kit, f"1/report.{form}", "de"))
        assert there.content == client.get(address(kit, f"1/report.{form}")).content
    assert client.get(address(kit, "1/report.odt", "de")).status_code == 404


def test_currencies_stand_in_one_order_on_the_page_and_in_files_the_appeals_own_first(
    kit: AppealKit, finance: User, client: Client
) -> None:
    for currency in ("CHF", "JPY"):
        factories.received_donation(kit, amount=Money(50_000, currency))
    report = issued(kit, finance)
    rows = csv.DictReader(io.StringIO(client.get(address(kit, "1/report.csv")).content.decode("utf-8-sig")))
    written = [row["line"] for row in rows if (row["table"], row["figure"]) == ("money", "net")]
    assert written == ["EUR", "CHF", "JPY", "USD"]
    # Read back from the database, which sorts the keys of what it keeps: so do the page and what is issued again.
    assert list(report.data["period"]) == ["CHF", "EUR", "JPY", "USD"]
    assert [row.key for row in shown(report.data).tables[0].rows] == written


def test_a_sum_does_not_stand_alone_at_the_head_of_a_page() -> None:
    def pages(rows: int) -> list[str]:
        lines = [Row(f"line-{number}", [Money(number, "EUR")]) for number in range(rows)]
        table = Table("t", "Title", "Line", ["Amount"], ["amount"], [*lines, Row("Together", [], is_sum=True)])
        style = render_to_string("receipts/pdf/report.css")
        body = render_to_string("receipts/_report_table.html", {"table": table})
        html = f'<html lang="en"><title>Lines</title><style>{style}</style><body class="report">{body}</body></html>'
        return [page.extract_text() for page in reader(pdf.to_pdf(html, identifier="lines")).pages]

    fit = pages(200)[0].count("line-")
    first, last = pages(fit)
    assert first.count("line-") == fit - 1
    assert f"line-{fit - 1}" in last
    assert "Together" in last


def test_revisions_are_numbered_and_the_next_one_tells_what_has_changed(
    kit: AppealKit, finance: User, client: Client
) -> None:
    issued(kit, finance)
    factories.received_donation(kit, amount=Money(2_500, "EUR"))
    second = issued(kit, finance)
    assert second.revision == 2
    html = client.get(address(kit, "2/")).content.decode()
    assert "What has changed since the report before" in html
    assert "€25.00" in html
    first = client.get(address(kit, "1/")).content.decode()
    assert "There is a newer one: report 2." in first
    assert "€25.00" not in first
    listed = client.get(address(kit)).content.decode()
    assert listed.index("Report 2:") < listed.index("Report 1:")


def test_an_issued_report_never_changes_whatever_the_books_say_later(
    kit: AppealKit, finance: User, client: Client
) -> None:
    report = issued(kit, finance)
    before = client.get(address(kit, "1/report.pdf")).content
    factories.received_donation(kit, amount=Money(2_500, "EUR"))
    assert client.get(address(kit, "1/report.pdf")).content == before
    for statement in (
        "UPDATE receipts_fundreport SET data = '{}'",
        "DELETE FROM receipts_fundreport",
        "UPDATE receipts_reportdocument SET sha256 = 'x'",
        f"INSERT INTO receipts_reportnote (report_id, locale, text) VALUES ({report.pk}, 'fr', 'x')",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(ReportRefused, match="asked"):
        work.drop(report, by=finance)


def test_a_revision_number_is_never_skipped_or_taken_twice(kit: AppealKit, finance: User) -> None:
    report = drafted(kit, finance)
    values = {"state": ReportState.ISSUED, "issued_at": timezone.now(), "issued_by": finance}
    for revision in (2, 5):
        with pytest.raises(DatabaseError, match="not the next one"), transaction.atomic():
            FundReport.objects.filter(pk=report.pk).update(revision=revision, **values)


def test_days_that_make_no_sense_are_refused(kit: AppealKit, finance: User) -> None:
    today = TODAY()
    for first, last, next_on, code in (
        (today, today - timedelta(days=1), None, "order"),
        (today, today + timedelta(days=1), None, "future"),
        (today, today, today, "next"),
    ):
        with pytest.raises(ReportRefused, match=code):
            work.draft(kit.appeal, first=first, last=last, next_on=next_on, notes={}, by=finance)
    drafted(kit, finance)
    with pytest.raises(ReportRefused, match="begun"):
        drafted(kit, finance)


def test_figures_that_contradict_each_other_make_no_report(
    kit: AppealKit, finance: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = drafted(kit, finance)
    work.ask(report, by=finance)

    def broken(*_args: object, **_more: object) -> None:
        raise reading.DoesNotAddUp("EUR")

    monkeypatch.setattr(reading, "read", broken)
    assert work.make_due() == 1
    report.refresh_from_db()
    assert (report.state, report.error, report.revision) == (ReportState.FAILED, "DoesNotAddUp", None)
    assert not ReportDocument.objects.exists()
    monkeypatch.undo()
    work.ask(report, by=finance)
    work.make_due()
    report.refresh_from_db()
    assert report.revision == 1


def test_what_a_killed_worker_left_is_made_once_its_claim_is_over(kit: AppealKit, finance: User) -> None:
    report = drafted(kit, finance)
    work.ask(report, by=finance)
    FundReport.objects.update(claimed_until=timezone.now() + timedelta(minutes=1))
    assert work.make_due() == 0
    FundReport.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert work.make_due() == 1


def test_nobody_outside_sees_a_draft_or_the_reports_of_an_unpublished_appeal(
    kit: AppealKit, finance: User, client: Client
) -> None:
    drafted(kit, finance)
    assert client.get(address(kit, "1/")).status_code == 404
    assert "There is no report yet." in client.get(address(kit)).content.decode()
    DonationPage.objects.update(published=False)
    assert client.get(address(kit)).status_code == 404


def test_staff_draft_look_and_issue_at_the_desk(kit: AppealKit) -> None:
    desk = staff.at_desk(Role.FINANCE, kit.entity)
    where = f"/desk/{kit.entity.slug}/reports/"
    assert kit.wordings["en"].title in desk.get(where).content.decode()
    told = {"first": "2026-01-01", "last": TODAY().isoformat(), "next_on": "", "note_en": "As planned.", "note_it": ""}
    wrong = desk.post(f"{where}of/{kit.appeal.slug}/", {**told, "last": "2999-01-01"})
    assert (wrong.status_code, "Only days that are over" in wrong.content.decode()) == (422, True)
    answer = desk.post(f"{where}of/{kit.appeal.slug}/", told, follow=True)
    shown = answer.content.decode()
    assert "€150.00" in shown
    assert "As planned." in shown
    report = FundReport.objects.get()
    desk.post(f"{where}{report.uuid}/issue/")
    work.make_due()
    assert "issued" in desk.get(f"{where}{report.uuid}/").content.decode()
    assert list(StaffAction.objects.filter(about=work.about(report)).order_by("pk").values_list("verb", flat=True)) == [
        "report_drafted",
        "report_asked",
    ]


def test_a_campaigner_drafts_and_finance_issues(kit: AppealKit, finance: User) -> None:
    campaigner = staff.at_desk(Role.CAMPAIGNER, kit.entity)
    report = drafted(kit, finance)
    where = f"/desk/{kit.entity.slug}/reports/{report.uuid}/"
    assert campaigner.get(where).status_code == 200
    assert campaigner.post(f"{where}issue/").status_code == 403


def test_a_rate_is_written_as_its_reader_writes_numbers() -> None:
    with override("it"):
        assert "1 USD = 0,92 EUR" in rate_words("USD", Decimal("0.9200"), "EUR", date(2026, 1, 9))
    with override("en"):
        assert "1 USD = 0.92 EUR" in rate_words("USD", Decimal("0.9200"), "EUR", date(2026, 1, 9))
