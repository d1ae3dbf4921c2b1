"""The pages of the books: what they show, who may change what, and how few questions they ask the database."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from fundraising import breaks, donations, ledger
from fundraising.books import manual_entries, periods
from fundraising.books.manual_entries import Line
from fundraising.desk.books_pages import FUND_GROUPS
from fundraising.exports import work
from fundraising.exports.tables import FUND_COLUMNS
from fundraising.ledger import Bucket
from fundraising.models import Break, Cause, Close, Entry, Export, ExportState, JournalEntry, Purpose, Role
from fundraising.money import Money
from tests import factories, staff
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
MOST_QUERIES = 20


@pytest.fixture
def kit() -> AppealKit:
    """A donation of 100.00 EUR in March, and some of it given back."""
    kit = factories.make_appeal()
    _donation, charge = factories.received_donation(kit, amount=Money(10_000, "EUR"), at=AT)
    factories.refund(charge, Money(2_550, "EUR"), at=AT)
    return kit


@pytest.fixture
def finance(kit: AppealKit) -> Client:
    return staff.at_desk(Role.FINANCE, kit.entity)


@pytest.fixture
def approver(kit: AppealKit) -> Client:
    return staff.at_desk(Role.APPROVER, kit.entity)


def address(kit: AppealKit, path: str) -> str:
    return f"/desk/{kit.entity.slug}/{path}"


def text(client: Client, kit: AppealKit, path: str) -> str:
    answer = client.get(address(kit, path))
    assert answer.status_code == 200, path
    return words(answer.content.decode())


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_trial_balance_of_a_day_shows_both_sides(finance: Client, kit: AppealKit) -> None:
    shown = text(finance, kit, "books/trial-balance/?on=2026-03-31")
    assert "Trial balance at the end of March 31, 2026" in shown
    assert re.search(r"Sum €100\.00 €100\.00", shown)
    assert "Nothing was booked until then" in text(finance, kit, "books/trial-balance/?on=2026-02-28")


def test_what_is_announced_or_promised_stands_below_the_sum_that_it_is_not_in(finance: Client, kit: AppealKit) -> None:
    donation = factories.open_donation(kit, amount=Money(7_700, "EUR"))
    moment = datetime(2026, 3, 12, tzinfo=UTC)
    donations.announce_donation(donation.uuid, provider_id="pi_9", amount=donation.amount, at=moment)
    page = finance.get(address(kit, "books/trial-balance/?on=2026-03-31")).content.decode()
    assert "<tfoot" not in page  # browsers would show it below the memorandum
    shown = words(page)
    assert shown.index("Sum €100.00") < shown.index("in no sum") < shown.index("€77.00")


def test_an_account_shows_what_it_held_its_lines_and_what_it_holds(finance: Client, kit: AppealKit) -> None:
    path = f"books/account/?account=clearing:{factories.PROVIDER}&currency=EUR&first=2026-03-01&last=2026-03-31"
    shown = text(finance, kit, path)
    assert re.search(r"Held before March 1, 2026 €0\.00", shown)
    assert re.search(r"Held at the end of March 31, 2026 €74\.50", shown)


def test_a_fund_shows_what_is_left(finance: Client, kit: AppealKit) -> None:
    shown = text(finance, kit, "books/funds/?first=2026-03-01&last=2026-03-31")
    assert f"{kit.appeal.fund} €0.00 €100.00 €25.50 Refunds €25.50 €0.00" in shown
    assert "€74.50 €0.00 At the end: what was there" in shown


def test_each_figure_of_a_fund_is_told_where_a_column_stands_for_several(finance: Client, kit: AppealKit) -> None:
    shown = text(finance, kit, "books/funds/?first=2026-03-01&last=2026-03-31")
    assert "Refunds and disputes" in shown
    assert "Refunds €25.50" in shown
    [(row, cells)] = [
        told for told in finance.get(address(kit, "books/funds/?first=2026-03-01&last=2026-03-31")).context["funds"]
        if told[0].fund
    ]  # fmt: skip
    assert [name for names in FUND_GROUPS.values() for name in names] == list(FUND_COLUMNS)
    assert [cell.amount.minor for cell in cells] == [0, 10_000, 2_550, 0, 0, 0, 0, 7_450, 0]
    assert row.closing == cells[-2].amount


def test_the_journal_shows_entries_by_filter(finance: Client, kit: AppealKit) -> None:
    shown = text(finance, kit, "journal/?fact=refund&first=2026-03-01&last=2026-03-31")
    assert "refund:" in shown
    assert "charge:" not in shown
    assert "before the first day" in text(finance, kit, "journal/?first=2026-03-31&last=2026-03-01")


def test_an_entry_leads_to_its_donation_and_its_break(finance: Client, kit: AppealKit) -> None:
    entry = Entry.objects.filter(entity=kit.entity).earliest("pk")
    finding = breaks.Finding(Cause.CHARGE_DOUBLED, "ch_1", Money(5, "EUR"), date(2026, 3, 5))
    breaks.note_findings(kit.entity.pk, [Cause.CHARGE_DOUBLED], [finding])
    Break.objects.update(entry=entry)
    answer = finance.get(address(kit, f"journal/{entry.pk}/")).content.decode()
    assert entry.donation
    assert address(kit, f"donations/{entry.donation.uuid}/") in answer
    assert "one donation charged twice" in answer


def test_another_entitys_entry_is_not_found(finance: Client, kit: AppealKit) -> None:
    other = factories.make_appeal()
    factories.received_donation(other)
    entry = Entry.objects.get(entity=other.entity)
    assert finance.get(address(kit, f"journal/{entry.pk}/")).status_code == 404


def test_only_an_approver_numbers_an_account(finance: Client, approver: Client, kit: AppealKit) -> None:
    path = address(kit, "books/accounts/fees/")
    assert finance.get(path).status_code == 403
    bad = approver.post(path, {"number": "49 70 x", "name": "Fees"})
    assert "Digits only, eight at most." in bad.content.decode()
    approver.post(path, {"number": "4970", "name": "Nebenkosten"})
    assert "4970" in text(finance, kit, "books/accounts/")


def form(**changed: str) -> dict[str, object]:
    lines = {
        "lines-TOTAL_FORMS": "3", "lines-INITIAL_FORMS": "0",
        "lines-0-account": "expenses:", "lines-0-currency": "EUR", "lines-0-debit": "1 250,50",
        "lines-1-account": "hand:cash", "lines-1-currency": "EUR", "lines-1-credit": "1250.50",
        "lines-2-currency": "EUR",
    }  # fmt: skip
    return {"text": "Rent", "accounted_on": "2026-03-31", **lines, **changed}


def test_an_entry_by_hand_goes_from_form_to_books_without_script(
    finance: Client, approver: Client, kit: AppealKit
) -> None:
    voucher = SimpleUploadedFile("rent.pdf", b"%PDF-1.7 rent")
    answer = finance.post(address(kit, "journal/manual/new/"), {**form(), "attachment": voucher})
    draft = JournalEntry.objects.get()
    page = address(kit, f"journal/manual/{draft.uuid}/")
    assert answer["Location"] == page
    assert "€1,250.50" in text(finance, kit, f"journal/manual/{draft.uuid}/")
    assert finance.post(f"{page}approve/").status_code == 403
    approver.post(f"{page}approve/")
    draft.refresh_from_db()
    assert draft.entry
    assert draft.entry.accounted_on == date(2026, 3, 31)
    got = finance.get(f"{page}voucher/")
    assert (got.content, got["Content-Type"]) == (b"%PDF-1.7 rent", "application/pdf")
    assert got["Content-Disposition"] == 'attachment; filename="rent.pdf"'
    finance.post(f"{page}reverse/", {"text": "Paid twice", "accounted_on": "2026-03-31"})
    assert JournalEntry.objects.filter(reverses=draft, state="waiting").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lines-1-credit": "1250.51"}, "EUR does not balance: 0.01 too much credit."),
        ({"lines-0-debit": "1.000"}, "EUR has 2 decimals."),
        ({"lines-0-debit": "ten"}, "This is not an amount. Write it like 1250.00."),
        ({"lines-0-credit": "5"}, "Either debit or credit."),
        ({"lines-2-debit": "5"}, "Choose an account."),
        ({"text": ""}, "This field is required."),
        ({"accounted_on": "2999-01-01"}, "This day is still to come."),
        ({"lines-0-account": "bank:none"}, "Select a valid choice."),
    ],
)
def test_a_draft_that_is_wrong_says_what_and_loses_nothing(
    finance: Client, kit: AppealKit, changed: dict[str, str], said: str
) -> None:
    answer = finance.post(address(kit, "journal/manual/new/"), form(**changed)).content.decode()
    assert said in words(answer).replace("&#x27;", "'")
    assert 'value="1250.50"' in answer or "lines-1-credit" in changed
    assert not JournalEntry.objects.exists()


def test_more_lines_are_a_button_away(finance: Client, kit: AppealKit) -> None:
    answer = finance.post(address(kit, "journal/manual/new/"), form(more="1")).content.decode()
    assert 'name="lines-10-account"' in answer
    assert 'value="1250.50"' in answer


def test_the_author_is_told_that_somebody_else_decides(kit: AppealKit) -> None:
    author = staff.make_person(Role.APPROVER, entity=kit.entity)
    euros = Money(5, "EUR")
    lines = [Line(Purpose.EXPENSES, euros), Line(Purpose.OTHER_INCOME, -euros)]
    draft = manual_entries.draft_entry(kit.entity, lines, text="Pens", accounted_on=date(2026, 3, 31), by=author)
    answer = staff.signed_in(author).post(address(kit, f"journal/manual/{draft.uuid}/approve/"))
    assert (answer.status_code, "somebody else decides" in answer.content.decode()) == (422, True)


def test_the_books_are_closed_from_their_page_after_a_look_at_the_checklist(approver: Client, kit: AppealKit) -> None:
    finding = breaks.Finding(Cause.CHARGE_MISSING, "ch_1", Money(-1, "EUR"), date(2026, 3, 5))
    breaks.note_findings(kit.entity.pk, [Cause.CHARGE_MISSING], [finding])
    assert "Open breaks 1" in text(approver, kit, "books/periods/?until=2026-03-31")
    hard = {"hard-until": "2026-03-31", "hard-reason": "March"}
    refused = approver.post(address(kit, "books/periods/close-for-good/"), hard)
    assert "Things of this period are open" in refused.content.decode()
    approver.post(address(kit, "books/periods/close-for-good/"), {**hard, "hard-despite": "known"})
    assert periods.closed_until(kit.entity)[1] == date(2026, 3, 31)
    again = approver.post(address(kit, "books/periods/reopen/"), {"reopen-first": "2026-03-01", "reopen-reason": "x"})
    assert "another finance approver opens it again" in again.content.decode()
    other = staff.at_desk(Role.APPROVER, kit.entity)
    other.post(address(kit, "books/periods/reopen/"), {"reopen-first": "2026-03-01", "reopen-reason": "x"})
    assert Close.objects.filter(entity=kit.entity).count() == 2


def test_finance_sees_the_periods_and_cannot_close_them(finance: Client, kit: AppealKit) -> None:
    assert "Close for good" not in text(finance, kit, "books/periods/").replace("Closed for good", "")
    assert finance.post(address(kit, "books/periods/close/"), {}).status_code == 403


def test_foreign_money_without_a_rate_names_the_rate(approver: Client, kit: AppealKit) -> None:
    assert "EUR on March 5, 2026 or before" in text(approver, kit, "books/periods/valuation/?on=2026-03-31")


# --- Exports ----------------------------------------------------------------------------------------


def test_a_small_table_comes_at_once(finance: Client, kit: AppealKit) -> None:
    path = address(kit, "exports/new/?kind=trial-balance&on=2026-03-31")
    assert 'value="2026-03-31"' in finance.get(path).content.decode()
    answer = finance.post(path, {"format": "csv", "on": "2026-03-31"})
    assert answer["Content-Disposition"] == 'attachment; filename="trial-balance-2026-03-31.csv"'
    assert b"4000,Donations,income,,100.00" in b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert not Export.objects.exists()


def test_a_big_one_is_a_workers(finance: Client, kit: AppealKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MOST_AT_ONCE", 3)
    path = address(kit, "exports/new/?kind=journal")
    answer = finance.post(path, {"format": "xlsx", "first": "2026-03-01", "last": "2026-03-31"})
    assert answer["Location"] == address(kit, "exports/")
    assert "data-going" in finance.get(address(kit, "exports/")).content.decode()
    work.write_due()
    shown = finance.get(address(kit, "exports/")).content.decode()
    assert "data-going" not in shown
    export = Export.objects.get()
    assert export.state == ExportState.READY
    fetched = finance.get(address(kit, f"exports/{export.uuid}/"))
    assert b"".join(fetched.streaming_content).startswith(b"PK")  # type: ignore[attr-defined]
    assert staff.at_desk(Role.FINANCE, kit.entity).get(address(kit, f"exports/{export.uuid}/")).status_code == 404


def test_donors_are_exported_by_those_who_may_read_them(finance: Client, kit: AppealKit) -> None:
    auditor = staff.at_desk(Role.AUDITOR, kit.entity)
    assert auditor.get(address(kit, "exports/new/?kind=donations")).status_code == 403
    assert "Donations with donors" not in text(auditor, kit, "exports/")
    finance.post(address(kit, "exports/new/?kind=donations"), {"format": "csv", "first": "2026-03-01"})
    assert Export.objects.get().kind == "donations"


def test_a_wrong_number_for_datev_is_said_beside_its_field(finance: Client, kit: AppealKit) -> None:
    sent = {"format": "datev", "first": "2026-03-01", "last": "2026-03-31", "consultant": "12", "client": "1"}
    answer = finance.post(address(kit, "exports/new/?kind=journal"), sent)
    assert "has four to seven digits" in answer.content.decode()


def test_whoever_proved_their_second_factor_long_ago_proves_it_again(kit: AppealKit) -> None:
    person = staff.make_person(Role.FINANCE, entity=kit.entity)
    client = staff.signed_in(person, seconds_ago=3600)
    assert client.get(address(kit, "exports/")).status_code == 200
    assert client.get(address(kit, "exports/new/?kind=journal")).status_code == 302


# --- Volume -----------------------------------------------------------------------------------------

PAGES = (
    "books/accounts/", "books/trial-balance/", "books/funds/", "books/periods/", "journal/", "journal/manual/",
    "journal/manual/new/", "books/account/?account=clearing:acct-test&currency=EUR&first=2026-01-01",
    "books/periods/valuation/", "exports/", "exports/new/?kind=journal",
)  # fmt: skip


def test_no_page_asks_more_the_more_there_is(approver: Client, kit: AppealKit) -> None:
    def asked() -> dict[str, int]:
        counts = {}
        for path in PAGES:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert approver.get(address(kit, path)).status_code == 200, path
            counts[path] = len(queries)
        return counts

    before = asked()
    for number in range(30):
        at = AT + timedelta(days=number)
        fund = Bucket(kit.entity.pk, Purpose.DONATIONS, "EUR", fund=kit.appeal.fund_id, round=kit.round.pk)
        clearing = Bucket(kit.entity.pk, Purpose.CLEARING, "EUR", provider=factories.PROVIDER)
        ledger.post(key=f"test:many{number}", legs={clearing: 100, fund: -100}, occurred_at=at)
    after = asked()
    assert max(after.values()) <= MOST_QUERIES, after
    assert after == before
