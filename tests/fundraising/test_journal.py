"""Entries by hand: two people, exact refusals, and a reversal instead of an edit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from fundraising import books, ledger
from fundraising.books import manual_entries, periods
from fundraising.books.manual_entries import Attachment, JournalRefused, Line, NotWaiting, OwnEntry
from fundraising.models import BankAccount, JournalEntry, JournalState, LegalEntity, Purpose, Role, StaffAction
from fundraising.money import Money
from tests import factories
from tests.staff import make_person

pytestmark = pytest.mark.django_db
ON = date(2026, 1, 31)
PDF = b"%PDF-1.7 a bill"


@pytest.fixture
def entity() -> LegalEntity:
    return factories.make_entity()


@pytest.fixture
def writer(entity: LegalEntity) -> User:
    return make_person(Role.FINANCE, entity=entity)


@pytest.fixture
def approver(entity: LegalEntity) -> User:
    return make_person(Role.APPROVER, entity=entity)


def rent(minor: int = 50_000, credit: int | None = None) -> list[Line]:
    other = Line(Purpose.HAND, Money(-(minor if credit is None else credit), "EUR"), provider="cash")
    return [Line(Purpose.EXPENSES, Money(minor, "EUR")), other]


def draft(entity: LegalEntity, by: User, lines: list[Line] | None = None, on: date = ON) -> JournalEntry:
    return manual_entries.draft_entry(entity, rent() if lines is None else lines, text="Rent", accounted_on=on, by=by)


def refusal(entity: LegalEntity, by: User, lines: list[Line]) -> list[tuple[int | None, str]]:
    with pytest.raises(JournalRefused) as refused:
        draft(entity, by, lines)
    assert not JournalEntry.objects.exists()
    return [(problem.line, str(problem.text)) for problem in refused.value.problems]


def test_an_entry_is_in_the_books_once_another_person_approves(
    entity: LegalEntity, writer: User, approver: User
) -> None:
    waiting = draft(entity, writer)
    assert books.trial_balance(entity, ON) == []
    entry = manual_entries.approve_entry(waiting, by=approver)
    assert (entry.key, entry.accounted_on) == (f"journal:{waiting.uuid}", ON)
    (column,) = books.trial_balance(entity, ON)
    assert {line.account.purpose: line.balance.minor for line in column.lines} == {"expenses": 50_000, "hand": -50_000}
    verbs = StaffAction.objects.filter(entity=entity).order_by("pk").values_list("verb", "actor")
    assert list(verbs) == [("journal_entry_drafted", writer.pk), ("journal_entry_approved", approver.pk)]


def test_its_author_neither_approves_nor_rejects_it(entity: LegalEntity, approver: User) -> None:
    waiting = draft(entity, approver)
    with pytest.raises(OwnEntry):
        manual_entries.approve_entry(waiting, by=approver)
    with pytest.raises(OwnEntry):
        manual_entries.reject_entry(waiting, by=approver, decision="no")
    waiting.refresh_from_db()
    assert waiting.state == JournalState.WAITING


def test_it_is_decided_once(entity: LegalEntity, writer: User, approver: User) -> None:
    waiting = draft(entity, writer)
    manual_entries.reject_entry(waiting, by=approver, decision="Paid twice")
    with pytest.raises(NotWaiting):
        manual_entries.approve_entry(waiting, by=approver)
    assert not entity.entries.exists()


def test_a_rejection_says_why(entity: LegalEntity, writer: User, approver: User) -> None:
    with pytest.raises(JournalRefused, match="Say why"):
        manual_entries.reject_entry(draft(entity, writer), by=approver, decision=" ")


def test_what_does_not_balance_is_refused_per_currency_with_the_difference(entity: LegalEntity, writer: User) -> None:
    yen = [Line(Purpose.EXPENSES, Money(7, "JPY"))]
    assert refusal(entity, writer, rent(50_000, 40_001) + yen) == [
        (None, "EUR does not balance: 99.99 too much debit."),
        (None, "JPY does not balance: 7 too much debit."),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line(Purpose.BANK_FEES, Money(1, "EUR"), provider="nowhere"), "There is no such account."),
        (Line(Purpose.HAND, Money(1, "EUR"), provider="gold"), "There is no such account."),
        (Line(Purpose.EXPENSES, Money(1, "EUR"), fund_id=10**9), "There is no such fund."),
        (Line(Purpose.EXPENSES, Money(10**14, "EUR")), "The amount is too large."),
        (
            Line(Purpose.DONATIONS, Money(1, "EUR")),
            "This account follows donations; it is never booked by hand.",
        ),
        (
            Line(Purpose.CLEARING, Money(1, "EUR")),
            "This account says what the bank or the provider says; only a finance approver books there by hand.",
        ),
    ],
)
def test_a_line_on_the_wrong_account_is_named(entity: LegalEntity, writer: User, line: Line, words: str) -> None:
    balance = Line(Purpose.OTHER_INCOME, -line.amount)
    assert refusal(entity, writer, [balance, line])[-1] == (2, words)


def test_an_entry_without_lines_or_with_one_is_refused(entity: LegalEntity, writer: User) -> None:
    assert refusal(entity, writer, []) == [(None, "An entry needs two lines or more.")]
    assert (None, "An entry needs two lines or more.") in refusal(entity, writer, rent()[:1])


def test_a_bank_account_takes_its_own_currency_only(entity: LegalEntity, approver: User) -> None:
    BankAccount.objects.create(entity=entity, slug="our-bank", name="Our bank", iban="DE02", currency="EUR")
    lines = [Line(Purpose.BANK, Money(5, "USD"), provider="our-bank"), Line(Purpose.OPENING, Money(-5, "USD"))]
    assert refusal(entity, approver, lines) == [(1, "This bank account is kept in EUR.")]


def test_nothing_is_booked_on_a_day_that_is_closed_for_good(entity: LegalEntity, writer: User, approver: User) -> None:
    waiting = draft(entity, writer)
    periods.close_hard(entity, until=ON, by=make_person(), reason="January", despite="will be rejected")
    words = "The books are closed for good until 2026-01-31."
    with pytest.raises(JournalRefused, match=words):
        draft(entity, approver)
    with pytest.raises(JournalRefused, match=words):
        manual_entries.approve_entry(waiting, by=approver)


def test_between_soft_and_hard_only_an_approver_writes(entity: LegalEntity, writer: User, approver: User) -> None:
    periods.close_soft(entity, until=ON, by=approver, reason="January")
    with pytest.raises(JournalRefused, match="only a finance approver still books there"):
        draft(entity, writer)
    entry = manual_entries.approve_entry(draft(entity, approver), by=make_person(Role.APPROVER, entity=entity))
    assert entry.accounted_on == ON


def test_a_day_to_come_is_refused(entity: LegalEntity, writer: User) -> None:
    with pytest.raises(JournalRefused, match="still to come"):
        draft(entity, writer, on=datetime.now(UTC).date() + timedelta(days=1))


def test_a_booked_entry_is_taken_back_by_another_one_that_is_approved_too(
    entity: LegalEntity, writer: User, approver: User
) -> None:
    booked = draft(entity, writer)
    entry = manual_entries.approve_entry(booked, by=approver)
    booked.refresh_from_db()
    back = manual_entries.draft_reversal(booked, text="Paid twice", accounted_on=ON, by=writer)
    with pytest.raises(JournalRefused, match="taken back already"):
        manual_entries.draft_reversal(booked, text="Paid twice", accounted_on=ON, by=writer)
    reversal = manual_entries.approve_entry(back, by=approver)
    assert reversal.reverses_id == entry.pk
    assert books.trial_balance(entity, ON) == []


def test_an_entry_that_waits_is_not_taken_back(entity: LegalEntity, writer: User) -> None:
    with pytest.raises(JournalRefused, match="Only an entry that is booked"):
        manual_entries.draft_reversal(draft(entity, writer), text="No", accounted_on=ON, by=writer)


def test_two_lines_on_one_account_are_one_posting(entity: LegalEntity, writer: User, approver: User) -> None:
    entry = manual_entries.approve_entry(draft(entity, writer, [*rent(100), *rent(50)]), by=approver)
    assert sorted(ledger.legs_of(entry).values()) == [-150, 150]


def test_a_voucher_is_sealed_and_opens_again(entity: LegalEntity, writer: User) -> None:
    found = manual_entries.draft_entry(
        entity, rent(), text="Rent", accounted_on=ON, by=writer, attachment=Attachment("C:\\bills\\rent ü.pdf", PDF)
    )
    found.refresh_from_db()
    assert found.sealed_attachment
    assert PDF not in bytes(found.sealed_attachment)
    assert (manual_entries.attachment_of(found), found.attachment_name) == ((PDF, "application/pdf"), "rent_ü.pdf")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<svg onload=alert(1)>", "a PDF, a PNG or a JPEG"),
        (PDF + bytes(manual_entries.MOST_BYTES), "larger than 10 MB"),
    ],
)
def test_what_is_no_voucher_is_refused(entity: LegalEntity, writer: User, data: bytes, words: str) -> None:
    with pytest.raises(JournalRefused, match=words):
        manual_entries.draft_entry(
            entity, rent(), text="Rent", accounted_on=ON, by=writer, attachment=Attachment("bill.pdf", data)
        )
