"""Importing bank statements: each line is booked once, whatever files it comes in; nothing is imported by half."""

from __future__ import annotations

import hashlib
import importlib
import json
from datetime import date, timedelta

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.utils import timezone

from fundraising import ledger
from fundraising.bank import formats, identity, matching, statements
from fundraising.bank.problems import BadStatement, Problem
from fundraising.models import (
    BankAccount,
    BankLine,
    Close,
    Entry,
    MatchKind,
    Role,
    StaffAction,
    Statement,
)
from tests.fundraising.bank.samples import (
    ENGLISH,
    GERMAN,
    OTHER_IBAN,
    Row,
    camt,
    camt_file,
    camt_statement,
    english_csv,
    german_csv,
    make_account,
    mt940,
)
from tests.staff import make_person

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 2)


@pytest.fixture
def account() -> BankAccount:
    return make_account()


@pytest.fixture
def clerk(account: BankAccount) -> User:
    return make_person(Role.FINANCE, entity=account.entity)


def take(account: BankAccount, data: bytes, by: User) -> Statement:
    return statements.import_statement(account, name="november.xml", data=data, by=by)


def in_bank(account: BankAccount) -> int:
    return ledger.balance(statements.bucket_of(account)).minor


def unexplained(account: BankAccount) -> int:
    return ledger.balance(statements.unexplained_of(account)).minor


def amounts(account: BankAccount) -> list[int]:
    rows = BankLine.objects.filter(bank_account=account, withdrawn_at=None).order_by("booked_on", "pk")
    return list(rows.values_list("amount_minor", flat=True))


def test_each_line_is_booked_as_money_in_the_bank_that_nothing_explains_yet(account: BankAccount, clerk: User) -> None:
    statement = take(account, camt([Row(DAY, 5_000), Row(DAY, -1_250)], 100), clerk)
    assert (statement.lines_read, statement.lines_new) == (2, 2)
    assert (statement.opening_minor, statement.closing_minor) == (100, 3_850)
    assert (statement.first_on, statement.last_on) == (DAY, DAY)
    assert in_bank(account) == 3_750
    assert unexplained(account) == -3_750
    line = BankLine.objects.filter(amount_minor=5_000).get()
    assert (line.name, line.unexplained_minor, line.balance_minor) == ("Ada Rossi", 5_000, 5_100)
    assert line.entry is not None
    assert line.entry.accounted_on == DAY
    assert StaffAction.objects.filter(verb="statement_imported", actor=clerk).count() == 1


def test_the_file_is_kept_sealed_as_it_came(account: BankAccount, clerk: User) -> None:
    data = camt([Row(DAY, 5_000)])
    statement = take(account, data, clerk)
    assert statements.bytes_of(statement) == data
    assert b"Ada Rossi" not in bytes(statement.sealed_bytes)


def test_the_same_file_again_is_refused_and_says_when_it_came(account: BankAccount, clerk: User) -> None:
    data = camt([Row(DAY, 5_000)])
    take(account, data, clerk)
    with pytest.raises(BadStatement) as refused:
        take(account, data, clerk)
    assert refused.value.code == Problem.SAME_FILE
    assert "november.xml" in refused.value.message
    assert amounts(account) == [5_000]


def test_who_guesses_what_a_line_says_cannot_prove_it_by_its_key_in_the_journal(
    account: BankAccount, clerk: User
) -> None:
    """Keys stand in journals of auditors and accountants; names on lines are of donors and of partners at risk."""
    take(account, camt([Row(DAY, 500, name="Ada Rossi")]), clerk)
    line = account.lines.get()
    told = [account.pk, DAY.isoformat(), 500, "EUR", line.bank_reference, line.name, line.iban, line.reference]
    guess = hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()
    assert line.entry is not None
    assert guess not in line.entry.key


def test_lines_that_were_kept_before_their_content_was_keyed_are_known_again(
    account: BankAccount, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(identity, "blind_index", lambda _kind, told: told)
        take(account, camt([Row(DAY, 500)]), clerk)
    keyed_content = importlib.import_module("fundraising.migrations.0013_keyed_content_of_bank_lines")
    keyed_content.key_content(apps, None)
    take(account, camt([Row(DAY, 500), Row(DAY, 700)]), clerk)
    assert amounts(account) == [500, 700]


def test_overlapping_files_book_each_line_once(account: BankAccount, clerk: User) -> None:
    rows = [Row(DAY + timedelta(days=n), 100 * (n + 1), text=f"Gift {n}") for n in range(6)]
    take(account, camt(rows[:4]), clerk)
    second = take(account, camt(rows[2:], 300), clerk)
    assert (second.lines_read, second.lines_new) == (4, 2)
    assert amounts(account) == [100, 200, 300, 400, 500, 600]
    assert in_bank(account) == 2_100


def test_a_file_cut_anew_brings_nothing_new(account: BankAccount, clerk: User) -> None:
    rows = [Row(DAY + timedelta(days=n), 700, text="Same every day") for n in range(4)]
    take(account, camt(rows), clerk)
    again = take(account, camt_file(camt_statement(rows[:2]), camt_statement(rows[2:], 1_400)), clerk)
    assert again.lines_new == 0
    assert in_bank(account) == 2_800


def test_equal_lines_of_one_file_are_lines_of_their_own(account: BankAccount, clerk: User) -> None:
    take(account, camt([Row(DAY, 500), Row(DAY, 500), Row(DAY, 500)]), clerk)
    assert amounts(account) == [500, 500, 500]
    assert set(BankLine.objects.values_list("occurrence", flat=True)) == {1, 2, 3}


def test_equal_lines_in_two_files_of_one_day_are_two_where_balances_follow(account: BankAccount, clerk: User) -> None:
    take(account, camt([Row(DAY, 500)], 1_000), clerk)
    afternoon = take(account, camt([Row(DAY, 500)], 1_500), clerk)
    assert afternoon.lines_new == 1
    assert amounts(account) == [500, 500]


def test_equal_lines_at_the_same_balance_are_one(account: BankAccount, clerk: User) -> None:
    take(account, camt([Row(DAY, 500), Row(DAY, 900)], 1_000), clerk)
    again = take(account, camt([Row(DAY, 500)], 1_000), clerk)
    assert again.lines_new == 0


def test_a_day_whose_lines_the_bank_sorts_anew_is_known(account: BankAccount, clerk: User) -> None:
    rows = [Row(DAY, 500), Row(DAY, 900), Row(DAY, -100)]
    take(account, camt(rows, 1_000), clerk)
    again = take(account, camt([*rows[::-1], Row(DAY + timedelta(days=1), 40)], 1_000), clerk)
    assert again.lines_new == 1


def test_without_balances_equal_lines_of_one_day_are_taken_for_the_same(clerk: User) -> None:
    account = make_account(clerk.memberships.get().entity, iban=OTHER_IBAN, mapping=ENGLISH)
    take(account, english_csv([Row(DAY, 500), Row(DAY, 700)]), clerk)
    again = take(account, english_csv([Row(DAY, 500)]), clerk)
    assert again.lines_new == 0


def test_a_day_in_another_format_is_refused(account: BankAccount, clerk: User) -> None:
    take(account, camt([Row(DAY, 500)]), clerk)
    with pytest.raises(BadStatement) as refused:
        take(account, mt940([Row(DAY, 500)]), clerk)
    assert (refused.value.code, refused.value.line) == (Problem.OTHER_FORMAT, 5)
    assert amounts(account) == [500]


def test_another_format_from_the_next_day_on_is_taken(account: BankAccount, clerk: User) -> None:
    take(account, camt([Row(DAY, 500)]), clerk)
    take(account, mt940([Row(DAY + timedelta(days=1), 700)], 500), clerk)
    assert amounts(account) == [500, 700]


def test_a_filtered_export_that_lacks_known_lines_is_refused(account: BankAccount, clerk: User) -> None:
    rows = [Row(DAY + timedelta(days=n), 100 + n, text=f"Gift {n}") for n in range(3)]
    take(account, camt(rows), clerk)
    with pytest.raises(BadStatement) as refused:
        take(account, camt([rows[0], rows[2]]), clerk)
    assert refused.value.code == Problem.CONTRADICTS
    assert "2026-11-03" in refused.value.message


def test_a_day_of_closed_books_counts_on_the_first_open_one(account: BankAccount, clerk: User) -> None:
    Close.objects.create(entity=account.entity, soft_until=DAY, hard_until=DAY, by=clerk)
    take(account, camt([Row(DAY, 500)]), clerk)
    assert Entry.objects.get().accounted_on == DAY + timedelta(days=1)


# --- Refusals -------------------------------------------------------------------------------------


def refusal(account: BankAccount, data: bytes, by: User) -> tuple[Problem, int | None]:
    with pytest.raises(BadStatement) as refused:
        take(account, data, by)
    assert refused.value.message
    assert not Statement.objects.exists()
    assert not BankLine.objects.exists()
    assert not Entry.objects.exists()
    return refused.value.code, refused.value.line


def test_a_statement_of_another_account_is_refused(account: BankAccount, clerk: User) -> None:
    assert refusal(account, camt([Row(DAY, 500)], iban=OTHER_IBAN), clerk) == (Problem.ACCOUNT, 5)
    assert refusal(account, mt940([Row(DAY, 500)], account="12030000/0000202051"), clerk) == (Problem.ACCOUNT, 1)


def test_of_a_file_of_several_accounts_only_this_ones_statements_are_taken(account: BankAccount, clerk: User) -> None:
    other = camt_statement([Row(DAY, 111)], iban=OTHER_IBAN)
    take(account, camt_file(other, camt_statement([Row(DAY, 500)])), clerk)
    assert amounts(account) == [500]


def test_a_statement_in_another_currency_is_refused(account: BankAccount, clerk: User) -> None:
    assert refusal(account, camt([Row(DAY, 500)], currency="USD"), clerk) == (Problem.CURRENCY, 5)
    assert refusal(account, mt940([Row(DAY, 500)], currency="CHF"), clerk) == (Problem.CURRENCY, 1)


def test_a_line_of_the_future_is_refused(account: BankAccount, clerk: User) -> None:
    tomorrow = timezone.localdate() + timedelta(days=1)
    data = camt([Row(DAY, 500), Row(tomorrow, 500)])
    assert refusal(account, data, clerk) == (Problem.FUTURE, 13)


def test_a_line_of_a_year_that_no_bank_keeps_books_of_is_refused(account: BankAccount, clerk: User) -> None:
    """A year of two digits, read as one of four, would be booked in the days of the Romans."""
    assert refusal(account, camt([Row(DAY, 500), Row(date(26, 11, 2), 500)]), clerk) == (Problem.DATE, 13)


def test_csv_in_the_encoding_that_spreadsheets_write_is_read(account: BankAccount, clerk: User) -> None:
    account.csv_mapping = GERMAN
    take(account, german_csv([Row(DAY, 500)]).decode("cp1252").encode("utf-16"), clerk)
    assert amounts(account) == [500]


def test_a_truncated_file_is_refused(account: BankAccount, clerk: User) -> None:
    whole = camt([Row(DAY, 500), Row(DAY, 700)])
    code, line = refusal(account, whole[: len(whole) * 2 // 3], clerk)
    assert code == Problem.BROKEN
    assert line is not None
    swift = mt940([Row(DAY, 500), Row(DAY, 700)])
    assert refusal(account, swift[: swift.index(b":62F:")], clerk) == (Problem.BROKEN, 8)


def test_lines_that_do_not_lead_to_the_closing_balance_are_refused(account: BankAccount, clerk: User) -> None:
    data = camt([Row(DAY, 500), Row(DAY, 700)]).replace(b">12.00<", b">12.01<")
    assert refusal(account, data, clerk) == (Problem.SUM, 13)


def test_a_missing_statement_within_a_file_is_refused(account: BankAccount, clerk: User) -> None:
    data = camt_file(camt_statement([Row(DAY, 500)]), camt_statement([Row(DAY, 700)], 900))
    assert refusal(account, data, clerk) == (Problem.PARTS_APART, 13)


def test_more_decimals_than_the_currency_has_are_refused(account: BankAccount, clerk: User) -> None:
    data = camt([Row(DAY, 500)]).replace(b">5.00<", b">5.005<", 1)
    assert refusal(account, data, clerk)[0] == Problem.DECIMALS


def test_a_document_with_entities_of_its_own_is_refused(account: BankAccount, clerk: User) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>\n<Document'
    data = camt([Row(DAY, 500)]).replace(b"<Document", bomb, 1)
    assert refusal(account, data, clerk)[0] == Problem.ENTITIES


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", Problem.EMPTY),
        (b" \n", Problem.EMPTY),
        (b"%PDF-1.7 ...", Problem.UNKNOWN_FORMAT),
        (b"PK\x03\x04....", Problem.UNKNOWN_FORMAT),
        (b"<html><body>Log in</body></html>", Problem.UNKNOWN_FORMAT),
        (b"Date;Amount\n2026-11-01;5,00\n", Problem.NO_MAPPING),
    ],
)
def test_what_is_no_statement_is_refused(account: BankAccount, clerk: User, data: bytes, code: Problem) -> None:
    assert refusal(account, data, clerk)[0] == code


def test_the_wrong_encoding_is_refused_with_its_line(account: BankAccount, clerk: User) -> None:
    data = mt940([Row(DAY, 500), Row(DAY, 700, name="Zoe Mueller")]).replace(b"ue", "ü".encode("cp1252"))
    assert refusal(account, data, clerk) == (Problem.ENCODING, 8)
    xml = camt([Row(DAY, 500, name="Zoe Mueller")]).replace(b"ue", "ü".encode("cp1252"))
    assert refusal(account, xml, clerk)[0] == Problem.ENCODING


def test_an_encoding_that_the_account_names_is_read(account: BankAccount, clerk: User) -> None:
    account.csv_mapping = {"encoding": "cp1252"}
    account.save()
    take(account, mt940([Row(DAY, 700, name="Zoe Mueller")]).replace(b"ue", "ü".encode("cp1252")), clerk)
    assert BankLine.objects.get().name == "Zoe Müller"


# --- Rolling back ---------------------------------------------------------------------------------


def test_rolling_back_withdraws_what_no_other_statement_holds(account: BankAccount, clerk: User) -> None:
    rows = [Row(DAY + timedelta(days=n), 100 * (n + 1), text=f"Gift {n}") for n in range(4)]
    first = take(account, camt(rows[:3]), clerk)
    take(account, camt(rows[2:], 300), clerk)
    assert statements.roll_back_statement(first, by=clerk, reason="wrong month") == 2
    assert amounts(account) == [300, 400]
    assert in_bank(account) == 700
    assert unexplained(account) == -700
    action = StaffAction.objects.get(verb="statement_rolled_back")
    assert (action.reason, action.after["withdrawn"]) == ("wrong month", 2)


def test_what_was_rolled_back_can_be_imported_and_rolled_back_again(account: BankAccount, clerk: User) -> None:
    data = camt([Row(DAY, 500), Row(DAY, 500)])
    for _round in range(3):
        statement = take(account, data, clerk)
        assert statement.lines_new == 2
        assert in_bank(account) == 1_000
        statements.roll_back_statement(statement, by=clerk, reason="once more")
        assert in_bank(account) == 0
        assert amounts(account) == []
    with pytest.raises(statements.RolledBackBefore):
        statements.roll_back_statement(statement, by=clerk, reason="again")


def test_reversals_count_on_the_day_of_the_line(account: BankAccount, clerk: User) -> None:
    statement = take(account, camt([Row(DAY, 500)]), clerk)
    statements.roll_back_statement(statement, by=clerk, reason="")
    assert set(Entry.objects.values_list("accounted_on", flat=True)) == {DAY}


def test_a_statement_with_matched_lines_is_not_rolled_back(account: BankAccount, clerk: User) -> None:
    statement = take(account, camt([Row(DAY, -500), Row(DAY, -700)]), clerk)
    line = BankLine.objects.get(amount_minor=-700)
    match = matching.match_line(line, kind=MatchKind.BANK_FEE, amount_minor=-700, by=clerk)
    with pytest.raises(statements.LinesMatched) as refused:
        statements.roll_back_statement(statement, by=clerk, reason="")
    assert refused.value.lines == [line.pk]
    assert in_bank(account) == -1_200
    matching.undo_match(match, by=clerk, reason="was wrong")
    assert statements.roll_back_statement(statement, by=clerk, reason="") == 2


def test_a_thousand_lines_need_few_statements_to_the_database(
    account: BankAccount, clerk: User, django_assert_max_num_queries: object
) -> None:
    rows = [Row(DAY, 100 + n, text=f"Gift {n}") for n in range(1_000)]
    with django_assert_max_num_queries(60):  # type: ignore[operator]
        take(account, camt(rows), clerk)
    assert Entry.objects.count() == 1_000


def test_too_many_lines_are_refused_with_what_to_do(
    account: BankAccount, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.csv_mapping = GERMAN
    for module in ("camt", "mt940", "csv_file"):
        monkeypatch.setattr(f"fundraising.bank.{module}.MOST_LINES", 100)
    rows = [Row(DAY, 100 + n) for n in range(160)]
    for data in (camt(rows), mt940(rows), german_csv(rows)):
        assert refusal(account, data, clerk)[0] == Problem.TOO_MANY_LINES


def test_a_file_that_is_too_large_is_refused(
    account: BankAccount, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "LARGEST_FILE", 1_000)
    assert refusal(account, camt([Row(DAY, 500)] * 9), clerk) == (Problem.TOO_LARGE, None)
