"""A file is looked at before it is imported; a large one is read and imported by a worker, whole or not at all."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from fundraising import offline
from fundraising.bank import statements, uploads
from fundraising.bank.problems import BadStatement, Problem
from fundraising.models import (
    BankAccount,
    BankLine,
    Close,
    Entry,
    Role,
    StaffAction,
    Statement,
    Upload,
    UploadState,
)
from fundraising.money import Money
from payments.bank import imports as bank_imports
from tests import factories
from tests.fundraising.bank.samples import (
    ENGLISH,
    OTHER_IBAN,
    Row,
    camt,
    camt_file,
    camt_statement,
    english_csv,
)
from tests.staff import at_desk, signed_in

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 2)


@pytest.fixture
def desk(clerk: User) -> Client:
    return signed_in(clerk)


def address(account: BankAccount, rest: str) -> str:
    return f"/desk/{account.entity.slug}/bank/{rest}"


def send(desk: Client, account: BankAccount, data: bytes, name: str = "november.xml") -> Any:
    where = address(account, f"accounts/{account.slug}/import/")
    return desk.post(where, {"file": SimpleUploadedFile(name, data)}, follow=True)


def act(desk: Client, upload: Upload, verb: str) -> Any:
    return desk.post(address(upload.bank_account, f"uploads/{upload.uuid}/{verb}/"), follow=True)


def test_a_file_is_shown_before_anything_of_it_is_imported(
    desk: Client, account: BankAccount, kit: factories.AppealKit
) -> None:
    donation = offline.open_transfer(factories.draft(kit, amount=Money(5_000, "EUR")))
    today = timezone.localdate()
    rows = [Row(today, 5_000, text=str(donation.transfer_reference)), Row(today, -300), Row(today, 40)]
    text = send(desk, account, camt(rows, 100)).content.decode()
    for told in ("november.xml", account.iban, "CAMT.053", "€50.40", "€48.40"):
        assert told in text, told
    upload = Upload.objects.get()
    assert (upload.found["lines"], upload.found["new"], upload.found["donations"], upload.found["payouts"]) == (
        3, 3, 1, 0,
    )  # fmt: skip
    assert b"Ada Rossi" not in bytes(upload.sealed_bytes)
    assert not Statement.objects.exists()
    assert not Entry.objects.exists()
    act(desk, upload, "confirm")
    assert Statement.objects.get().lines_new == 3
    upload.refresh_from_db()
    assert (upload.state, bytes(upload.sealed_bytes)) == (UploadState.IMPORTED, b"")
    donation.refresh_from_db()
    assert donation.state == "received"


def test_confirmed_twice_it_is_imported_once_and_the_back_button_leads_to_the_statement(
    desk: Client, account: BankAccount
) -> None:
    send(desk, account, camt([Row(DAY, 500)]))
    upload = Upload.objects.get()
    for _click in range(2):
        answer = act(desk, upload, "confirm")
        assert answer.redirect_chain[-1][0].endswith(f"/statements/{Statement.objects.get().uuid}/")
    assert BankLine.objects.count() == 1
    assert act(desk, upload, "cancel").status_code == 200
    upload.refresh_from_db()
    assert upload.state == UploadState.IMPORTED


def test_a_cancelled_file_is_let_go_and_cannot_be_confirmed(desk: Client, account: BankAccount) -> None:
    send(desk, account, camt([Row(DAY, 500)]))
    upload = Upload.objects.get()
    assert "Nothing was imported." in act(desk, upload, "cancel").content.decode()
    act(desk, upload, "confirm")
    upload.refresh_from_db()
    assert (upload.state, bytes(upload.sealed_bytes)) == (UploadState.CANCELLED, b"")
    assert not Statement.objects.exists()
    verbs = ["statement_uploaded", "upload_cancelled"]
    assert list(StaffAction.objects.order_by("pk").values_list("verb", flat=True)) == verbs


def test_a_file_waits_for_its_person_alone(desk: Client, account: BankAccount) -> None:
    send(desk, account, camt([Row(DAY, 500)]))
    upload = Upload.objects.get()
    other = at_desk(Role.FINANCE, account.entity)
    assert other.get(address(account, f"uploads/{upload.uuid}/")).status_code == 404
    assert act(other, upload, "confirm").status_code == 404
    assert act(other, upload, "cancel").status_code == 404
    assert "november.xml" not in other.get(address(account, f"accounts/{account.slug}/import/")).content.decode()
    assert "november.xml" in desk.get(address(account, f"accounts/{account.slug}/import/")).content.decode()
    assert not Statement.objects.exists()


def test_a_file_that_waited_too_long_is_let_go(desk: Client, account: BankAccount) -> None:
    send(desk, account, camt([Row(DAY, 500)]))
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    upload = Upload.objects.get()
    act(desk, upload, "confirm")
    assert not Statement.objects.exists()
    assert uploads.expire() == 1
    upload.refresh_from_db()
    assert (upload.state, bytes(upload.sealed_bytes)) == (UploadState.EXPIRED, b"")
    assert "waited too long" in desk.get(address(account, f"uploads/{upload.uuid}/")).content.decode()


def test_a_wrong_file_is_not_held(desk: Client, account: BankAccount) -> None:
    answer = send(desk, account, camt([Row(DAY, 500)], iban=OTHER_IBAN))
    assert answer.status_code == 422
    assert "Line 5: the statement is of account" in answer.content.decode()
    assert not Upload.objects.exists()


def test_what_others_imported_meanwhile_is_shown_before_it_is_confirmed_again(
    desk: Client, account: BankAccount, clerk: User
) -> None:
    rows = [Row(DAY + timedelta(days=n), 100 + n, text=f"Gift {n}") for n in range(3)]
    send(desk, account, camt(rows))
    upload = Upload.objects.get()
    statements.import_statement(account, name="other", data=camt(rows[:2]), by=clerk)
    text = act(desk, upload, "confirm").content.decode()
    assert "look at it again" in text
    assert Statement.objects.count() == 1
    upload.refresh_from_db()
    assert (upload.state, upload.found["new"]) == (UploadState.READY, 1)
    act(desk, upload, "confirm")
    assert BankLine.objects.count() == 3


def test_the_same_file_uploaded_twice_is_imported_once(desk: Client, account: BankAccount) -> None:
    for _time in range(2):
        send(desk, account, camt([Row(DAY, 500)]))
    first, second = Upload.objects.order_by("pk")
    act(desk, first, "confirm")
    assert "imported already" in act(desk, second, "confirm").content.decode()
    assert BankLine.objects.count() == 1
    second.refresh_from_db()
    assert second.state == UploadState.REFUSED


def test_nobody_piles_files_up(desk: Client, account: BankAccount) -> None:
    for number in range(uploads.MOST_WAITING):
        send(desk, account, camt([Row(DAY, 500 + number)]))
    answer = send(desk, account, camt([Row(DAY, 499)]))
    assert answer.status_code == 422
    assert Upload.objects.count() == uploads.MOST_WAITING


# --- Warnings -------------------------------------------------------------------------------------


def warned(account: BankAccount, data: bytes) -> list[str]:
    return [code for code, *_values in bank_imports.read(account, data)["warnings"]]


def test_a_gap_to_the_statement_before_or_after_is_warned_of(account: BankAccount, clerk: User) -> None:
    days = [DAY + timedelta(days=n) for n in range(3)]
    statements.import_statement(account, name="x", data=camt([Row(days[1], 500)], 1_000), by=clerk)
    assert warned(account, camt([Row(days[2], 100)], 1_500)) == []
    assert warned(account, camt([Row(days[2], 100)], 1_700)) == ["gap_before"]
    assert warned(account, camt([Row(days[0], 100)], 900)) == []
    assert warned(account, camt([Row(days[0], 100)], 800)) == ["gap_after"]
    assert warned(account, camt([Row(days[0], 100), Row(days[1], 500), Row(days[2], 7)], 900)) == []


def test_the_page_says_how_large_the_gap_is(desk: Client, account: BankAccount, clerk: User) -> None:
    statements.import_statement(account, name="october.xml", data=camt([Row(DAY, 500)], 1_000), by=clerk)
    text = send(desk, account, camt([Row(DAY + timedelta(days=1), 100)], 1_700)).content.decode()
    assert "“october.xml” closes with. They are 2.00 EUR apart." in text


def test_lines_known_already_other_accounts_and_closed_days_are_warned_of(account: BankAccount, clerk: User) -> None:
    data = camt([Row(DAY, 500)])
    statements.import_statement(account, name="x", data=data, by=clerk)
    mixed = camt_file(camt_statement([Row(DAY, 9)], iban=OTHER_IBAN), camt_statement([Row(DAY, 500)]))
    assert warned(account, mixed) == ["nothing_new", "others"]
    Close.objects.create(entity=account.entity, soft_until=DAY, by=clerk)
    assert warned(account, camt([Row(DAY, 500), Row(DAY, 7)])) == ["closed"]


def test_lines_that_look_alike_are_announced(account: BankAccount, clerk: User) -> None:
    account.csv_mapping = ENGLISH
    account.save()
    days = [DAY + timedelta(days=n) for n in (-1, 0, 1)]
    first = english_csv([Row(days[0], 1), Row(days[1], 500)])
    statements.import_statement(account, name="x", data=first, by=clerk)
    assert warned(account, english_csv([Row(days[1], 500), Row(days[2], 2)])) == ["no_balances", "alike"]


# --- Large files ----------------------------------------------------------------------------------


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LINES_AT_ONCE", 5)


LARGE = [Row(DAY, 100 + n, text=f"Gift {n}") for n in range(12)]


def test_a_large_file_is_read_and_imported_by_a_worker(desk: Client, account: BankAccount, small_limit: None) -> None:
    text = send(desk, account, camt(LARGE)).content.decode()
    assert "being read" in text
    upload = Upload.objects.get()
    assert bank_imports.work() == 1
    upload.refresh_from_db()
    assert (upload.state, upload.found["lines"]) == (UploadState.READY, 12)
    assert "being imported" in act(desk, upload, "confirm").content.decode()
    assert not Statement.objects.exists()
    assert bank_imports.work() == 1
    upload.refresh_from_db()
    assert upload.state == UploadState.IMPORTED
    assert Statement.objects.get().lines_new == 12
    assert bank_imports.work() == 0
    answer = desk.get(address(account, f"uploads/{upload.uuid}/"))
    assert answer.status_code == 302


def test_a_large_file_that_is_wrong_says_so_with_its_line(
    desk: Client, account: BankAccount, small_limit: None
) -> None:
    send(desk, account, camt(LARGE, iban=OTHER_IBAN))
    bank_imports.work()
    upload = Upload.objects.get()
    assert (upload.state, upload.problem["code"]) == (UploadState.REFUSED, Problem.ACCOUNT)
    assert "Line 5" in desk.get(address(account, f"uploads/{upload.uuid}/")).content.decode()
    assert bytes(upload.sealed_bytes) == b""


def test_while_a_worker_imports_a_small_file_of_the_account_waits_behind_it(
    desk: Client, account: BankAccount, small_limit: None
) -> None:
    send(desk, account, camt(LARGE))
    bank_imports.work()
    act(desk, Upload.objects.get(), "confirm")
    total = sum(row.minor for row in LARGE)
    send(desk, account, camt([Row(DAY + timedelta(days=1), 7)], total), "small.xml")
    small = Upload.objects.get(name="small.xml")
    assert "being imported" in act(desk, small, "confirm").content.decode()
    assert bank_imports.work() == 2
    assert Statement.objects.count() == 2


def test_what_a_dead_worker_left_is_taken_up_from_the_start_and_at_last_given_up(
    desk: Client, account: BankAccount, small_limit: None
) -> None:
    send(desk, account, camt(LARGE))
    for attempt in range(1, uploads.ATTEMPTS + 1):
        taken = uploads.claim()
        assert taken is not None
        assert taken.attempt == attempt
        assert uploads.claim() is None
        Upload.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert uploads.claim() is None
    assert uploads.expire() == 1
    assert Upload.objects.get().problem["code"] == Problem.NO_WORKER


def test_a_worker_that_lost_its_claim_imports_nothing(desk: Client, account: BankAccount, small_limit: None) -> None:
    send(desk, account, camt(LARGE))
    bank_imports.work()
    act(desk, Upload.objects.get(), "confirm")
    slow = uploads.claim()
    assert slow is not None
    Upload.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert bank_imports.work() == 1
    with pytest.raises((uploads.ClaimLost, BadStatement)):
        uploads.import_claimed(slow)
    assert Statement.objects.count() == 1
    assert BankLine.objects.count() == 12


def test_batches_with_more_parts_than_lines_may_be_are_refused(
    account: BankAccount, monkeypatch: pytest.MonkeyPatch, clerk: User
) -> None:
    monkeypatch.setattr("fundraising.bank.files.MOST_LINES", 3)
    with pytest.raises(BadStatement) as refused:
        statements.import_statement(account, name="x", data=camt(LARGE[:4]), by=clerk)
    assert refused.value.code == Problem.TOO_MANY_LINES
