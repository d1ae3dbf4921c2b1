"""The bank's pages: importing, looking, matching by hand, splitting, undoing, rolling back; and who may."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.desk import bank_imports
from config.desk.search import search
from fundraising import offline
from fundraising.bank import statements
from fundraising.desk import Desk
from fundraising.models import (
    BankAccount,
    BankLine,
    DonationState,
    LegalEntity,
    Match,
    Role,
    Statement,
    Upload,
    UploadState,
)
from fundraising.money import Money
from tests import factories
from tests.fundraising.bank.samples import ENGLISH, GERMAN, OTHER_IBAN, Row, camt, english_csv, german_csv, make_account
from tests.staff import at_desk, make_person, signed_in

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 2)


def address(entity: LegalEntity, rest: str) -> str:
    return f"/desk/{entity.slug}/bank/{rest}"


def upload(desk: Client, account: BankAccount, data: bytes, name: str = "november.xml", **more: Any) -> Any:
    """Upload a file, look at it, and import it."""
    file = SimpleUploadedFile(name, data)
    where = address(account.entity, f"accounts/{account.slug}/import/")
    answer = desk.post(where, {"file": file}, follow=True, **more)
    held = Upload.objects.filter(state=UploadState.READY).last()
    if held is None:
        return answer
    return desk.post(address(account.entity, f"uploads/{held.uuid}/confirm/"), follow=True)


def imported(account: BankAccount, *rows: Row) -> list[BankLine]:
    clerk = make_person(Role.FINANCE, entity=account.entity)
    statements.import_statement(account, name="x", data=camt(rows), by=clerk)
    return list(BankLine.objects.filter(bank_account=account).order_by("pk"))


def page_of(desk: Client, line: BankLine) -> str:
    return desk.get(address(line.bank_account.entity, f"lines/{line.pk}/")).content.decode()


def match(desk: Client, line: BankLine, **data: str) -> Any:
    return desk.post(address(line.bank_account.entity, f"lines/{line.pk}/match/"), data, follow=True)


def test_a_statement_is_imported_and_what_came_of_it_is_told(desk: Client, account: BankAccount) -> None:
    answer = upload(desk, account, camt([Row(DAY, 5_000), Row(DAY, -300)], 100))
    text = answer.content.decode()
    assert answer.redirect_chain
    assert "november.xml" in text
    assert "Ada Rossi" in text
    assert Statement.objects.get().lines_new == 2


def test_names_on_lines_are_read_by_those_who_may_read_donors_and_partners(account: BankAccount) -> None:
    """A line that went out may name a partner at risk: care of donors does not open it, whatever else somebody does."""
    [line] = imported(account, Row(DAY, -30_000, name="Quenzoborough", text="Zvyrgat"))
    slug, person = account.entity.slug, make_person(Role.AUDITOR, Role.DONOR_CARE, entity=account.entity)
    both = signed_in(person)
    shown = [
        page_of(both, line),
        both.get(address(account.entity, f"accounts/{account.slug}/lines/"), {"state": "all"}).content.decode(),
        both.get(address(account.entity, f"statements/{line.statements.get().uuid}/")).content.decode(),
    ]
    for word in ("Quenzoborough", "Zvyrgat"):
        assert all(word not in html for html in shown)
    found = search(Desk(person, account.entity, frozenset({Role.AUDITOR, Role.DONOR_CARE})), "Quenzoborough")
    assert found.lines == []
    approver = Desk(person, account.entity, frozenset({Role.APPROVER}))
    assert search(approver, "Quenzoborough").lines == [line]
    html = at_desk(Role.FINANCE, account.entity).get(f"/desk/{slug}/search/", {"q": "Zvyrgat"}).content.decode()
    assert "Quenzoborough" in html


def test_a_broken_file_is_refused_with_its_line_and_nothing_is_imported(desk: Client, account: BankAccount) -> None:
    answer = upload(desk, account, camt([Row(DAY, 5_000)], iban=OTHER_IBAN))
    assert answer.status_code == 422
    assert "Line 5: the statement is of account DE02120300000000202051" in answer.content.decode()
    assert "Nothing was imported." in answer.content.decode()
    assert not Statement.objects.exists()


def test_an_upload_without_a_file_is_refused(desk: Client, account: BankAccount) -> None:
    assert desk.post(address(account.entity, f"accounts/{account.slug}/import/")).status_code == 422


def test_an_upload_that_is_too_large_is_refused_unread(
    desk: Client, account: BankAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_imports, "LARGEST_FILE", 100)
    monkeypatch.setattr(bank_imports, "FORM_BYTES", 100)
    answer = upload(desk, account, camt([Row(DAY, 5_000)]))
    assert "The file is larger than" in answer.content.decode()
    assert not Statement.objects.exists()


def test_an_upload_from_another_site_is_refused(account: BankAccount) -> None:
    client = Client(enforce_csrf_checks=True)
    at = at_desk(Role.FINANCE, account.entity)
    client.cookies = at.cookies
    file = SimpleUploadedFile("x", camt([Row(DAY, 5_000)]))
    answer = client.post(address(account.entity, f"accounts/{account.slug}/import/"), {"file": file})
    assert answer.status_code == 403
    assert not Statement.objects.exists()


def test_a_donation_that_is_quoted_is_matched_by_the_import(
    desk: Client, account: BankAccount, kit: factories.AppealKit
) -> None:
    donation = offline.open_transfer(factories.draft(kit, amount=Money(5_000, "EUR")))
    text = f"Gift {donation.transfer_reference} thank you"
    upload(desk, account, camt([Row(date.today(), 5_000, text=text)]))  # noqa: DTZ011
    donation.refresh_from_db()
    assert donation.state == DonationState.RECEIVED
    found = Match.objects.get()
    assert (found.by, found.donation, found.amount_minor) == (None, donation, 5_000)


def test_a_suggestion_says_why_and_one_click_matches_it(
    desk: Client, account: BankAccount, kit: factories.AppealKit
) -> None:
    donation = offline.open_transfer(factories.draft(kit, amount=Money(5_000, "EUR")))
    reference = str(donation.transfer_reference)
    [line] = imported(account, Row(date.today(), 4_000, text=f"{reference[:4]} {reference[4:].lower()}"))  # noqa: DTZ011
    text = page_of(desk, line)
    assert "quotes its reference" in text
    assert "is of another amount" in text
    match(desk, line, kind="donation", what=str(donation.uuid), reasons="quoted")
    assert "by itself" not in page_of(desk, line)
    assert (Match.objects.get().reasons, Match.objects.get().why) == (["quoted"], "")
    assert "quotes its reference" in page_of(desk, line)
    donation.refresh_from_db()
    assert (donation.state, donation.amount_minor) == (DonationState.RECEIVED, 4_000)


def test_a_line_is_split_into_parts_and_each_can_be_undone(desk: Client, account: BankAccount) -> None:
    [line] = imported(account, Row(DAY, -1_000))
    match(desk, line, kind="bank_fee", amount="2.50")
    match(desk, line, kind="other", account="expenses", amount="7.50", why="paper")
    line.refresh_from_db()
    assert line.unexplained_minor == 0
    fee = Match.objects.get(kind="bank_fee")
    assert fee.amount_minor == -250
    desk.post(address(account.entity, f"matches/{fee.uuid}/undo/"), {"reason": "was no fee"})
    line.refresh_from_db()
    assert line.unexplained_minor == -250
    assert "undone on" in page_of(desk, line)
    match(desk, line, kind="bank_fee", amount="-2.00")
    line.refresh_from_db()
    assert line.unexplained_minor == -50


def test_what_cannot_be_matched_is_said_beside_the_field(desk: Client, account: BankAccount) -> None:
    [line] = imported(account, Row(DAY, 1_000))
    for data, told in (
        ({"kind": "donation", "what": "12345678"}, "no such donation"),
        ({"kind": "payout", "what": "po_none"}, "no such payout"),
        ({"kind": "own", "what": "nowhere"}, "no such bank account"),
        ({"kind": "bank_fee", "amount": "10.01"}, "more than is left"),
        ({"kind": "bank_fee", "amount": "ten"}, "no amount"),
        ({"kind": "bank_fee", "amount": "-1"}, "no amount"),
        ({"kind": "other", "account": "expenses"}, "Say why"),
        ({"kind": "other", "why": "x"}, "Say what it is booked to"),
        ({"kind": "donation"}, "Say which one"),
    ):
        answer = match(desk, line, **data)
        assert answer.status_code == 422, data
        assert told in answer.content.decode(), data
    assert not Match.objects.exists()


def test_a_statement_is_rolled_back_or_says_which_lines_are_matched(desk: Client, account: BankAccount) -> None:
    first, second = imported(account, Row(DAY, -1_000), Row(DAY, 500))
    match(desk, first, kind="bank_fee")
    statement = Statement.objects.get()
    where = address(account.entity, f"statements/{statement.uuid}/roll-back/")
    answer = desk.post(where, {"reason": "wrong"})
    assert answer.status_code == 409
    assert f"lines/{first.pk}/" in answer.content.decode()
    desk.post(address(account.entity, f"matches/{Match.objects.get().uuid}/undo/"), {"reason": "x"})
    answer = desk.post(where, {"reason": "wrong"}, follow=True)
    assert "2 lines are withdrawn" in answer.content.decode()
    second.refresh_from_db()
    assert second.withdrawn_at
    assert desk.post(where, {"reason": ""}).status_code == 200


def test_lines_are_found_by_state_day_amount_and_words(desk: Client, account: BankAccount) -> None:
    imported(account, Row(DAY, 5_000, name="Zoë Bianchi"), Row(date(2026, 11, 5), -700, text="Paper and ink"))
    where = address(account.entity, f"accounts/{account.slug}/lines/")

    def found(**query: str) -> tuple[bool, bool]:
        text = desk.get(where, query).content.decode()
        return "Zoë Bianchi" in text, "Paper and ink" in text

    assert found() == (True, True)
    assert found(q="bianchi") == (True, False)
    assert found(q="INK paper") == (False, True)
    assert found(amount="7") == (False, True)
    assert found(amount="-50") == (False, False)
    assert found(first="2026-11-03") == (False, True)
    assert found(last="2026-11-03") == (True, False)
    assert found(first="nonsense") == (False, False)


def test_whoever_may_not_see_donors_sees_no_names(account: BankAccount) -> None:
    [line] = imported(account, Row(DAY, 5_000, name="Zoë Bianchi", text="for Zoë"))
    auditor = at_desk(Role.AUDITOR, account.entity)
    statement = Statement.objects.get()
    for rest in (f"lines/{line.pk}/", f"accounts/{account.slug}/lines/?q=bianchi", f"statements/{statement.uuid}/"):
        answer = auditor.get(address(account.entity, rest))
        assert answer.status_code == 200, rest
        assert "Zoë" not in answer.content.decode(), rest
        assert "Bianchi" not in answer.content.decode(), rest
        assert "/match/" not in answer.content.decode()


def test_another_legal_entitys_bank_is_not_there(account: BankAccount) -> None:
    [line] = imported(account, Row(DAY, 5_000))
    elsewhere = factories.make_entity()
    stranger = at_desk(Role.FINANCE, elsewhere)
    for rest in (f"lines/{line.pk}/", f"accounts/{account.slug}/lines/", f"statements/{Statement.objects.get().uuid}/"):
        assert stranger.get(address(elsewhere, rest)).status_code == 404, rest


def test_a_bank_account_is_added_with_its_iban_checked(desk: Client, kit: factories.AppealKit) -> None:
    where = address(kit.entity, "add/")
    told = {"name": "Savings", "iban": "DE02 1203 0000 0000 2020 52", "currency": "EUR"}
    assert "check digits" in desk.post(where, told).content.decode()
    desk.post(where, {**told, "iban": "DE02 1203 0000 0000 2020 51"})
    account = BankAccount.objects.get(slug="savings")
    assert (account.iban, account.entity) == (OTHER_IBAN, kit.entity)
    assert "is here already" in desk.post(where, {**told, "iban": OTHER_IBAN}).content.decode()
    edit = address(kit.entity, "accounts/savings/")
    desk.post(edit, {"name": "Reserve", "iban": OTHER_IBAN, "takes_donations": ""})
    account.refresh_from_db()
    assert (account.name, account.currency) == ("Reserve", "EUR")
    shown = desk.post(edit, {"name": "Reserve", "iban": OTHER_IBAN, "takes_donations": "on"})
    assert "Another account of this currency" in shown.content.decode()


@pytest.mark.parametrize(
    ("mapping", "data"),
    [(GERMAN, german_csv([Row(DAY, 5_000, name="Zoë Müller")])), (ENGLISH, english_csv([Row(DAY, 5_000)]))],
)
def test_columns_of_csv_are_tried_on_a_sample_and_saved(
    desk: Client, account: BankAccount, mapping: dict[str, object], data: bytes
) -> None:
    where = address(account.entity, f"accounts/{account.slug}/columns/")
    file = SimpleUploadedFile("x.csv", data)
    tried = desk.post(where, {**mapping, "file": file, "try": "1"}).content.decode()
    assert "As it is read" in tried
    assert "€50" in tried
    account.refresh_from_db()
    assert account.csv_mapping == {}
    assert desk.post(where, {**mapping, "save": "1"}).status_code == 302
    account.refresh_from_db()
    assert account.csv_mapping["date"] == mapping["date"]
    upload(desk, account, data, "x.csv")
    assert BankLine.objects.get().amount_minor == 5_000


def test_a_wrong_column_is_said_when_tried(desk: Client, account: BankAccount) -> None:
    where = address(account.entity, f"accounts/{account.slug}/columns/")
    file = SimpleUploadedFile("x.csv", german_csv([Row(DAY, 5_000)]))
    text = desk.post(where, {**GERMAN, "amount": "Summe", "file": file, "try": "1"}).content.decode()
    assert "there is no column “Summe”" in text
    assert "Verwendungszweck" in text


def test_the_banks_pages_need_few_queries(
    desk: Client, account: BankAccount, django_assert_max_num_queries: Any
) -> None:
    for number in range(4):
        make_account(account.entity, iban=f"DE{number:020}")
    rows = [Row(DAY, 100 + n, text=f"Gift {n}") for n in range(80)]
    line = imported(account, *rows)[0]
    statement = Statement.objects.get()
    for rest in (
        "", f"accounts/{account.slug}/lines/?state=all", f"accounts/{account.slug}/statements/",
        f"statements/{statement.uuid}/", f"lines/{line.pk}/", f"accounts/{account.slug}/columns/",
    ):  # fmt: skip
        with django_assert_max_num_queries(20):
            assert desk.get(address(account.entity, rest)).status_code == 200
