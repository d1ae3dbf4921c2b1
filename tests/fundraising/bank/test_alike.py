"""Files without balances: however they are cut, no line is booked twice, and those that may be missing are asked."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fundraising import ledger
from fundraising.bank import alike, findings, matching, statements
from fundraising.breaks.resolutions import RESOLUTIONS
from fundraising.breaks.resolving import resolve, seen
from fundraising.models import Alike, AlikeState, BankAccount, BankLine, Break, BreakState, Cause, MatchKind, Role
from fundraising.models import Statement as Imported
from tests.factories import next_number
from tests.fundraising.bank.samples import ENGLISH, Row, english_csv, make_account
from tests.staff import make_person

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 2)
GIFT = Row(DAY, 500, text="Gift")


@pytest.fixture
def account() -> BankAccount:
    return make_account(mapping=ENGLISH)


@pytest.fixture
def clerk(account: BankAccount) -> User:
    return make_person(Role.FINANCE, entity=account.entity)


def on(days: int, minor: int = 500, text: str = "Gift") -> Row:
    return Row(DAY + timedelta(days=days), minor, text=text)


def take(account: BankAccount, clerk: User, *rows: Row) -> Imported:
    return statements.import_statement(account, name="x.csv", data=english_csv(rows), by=clerk)


def in_books(account: BankAccount) -> Counter[tuple[date, int]]:
    rows = BankLine.objects.filter(bank_account=account, withdrawn_at=None)
    return Counter(rows.values_list("booked_on", "amount_minor"))


def asked(account: BankAccount) -> list[tuple[int, bool]]:
    return [(one.count, one.is_likely) for one in alike.undecided(account.entity)]


def test_equal_lines_in_two_files_that_cut_a_day_are_one_until_somebody_says_that_they_are_two(
    account: BankAccount, clerk: User
) -> None:
    take(account, clerk, on(-1, 100), GIFT)
    second = take(account, clerk, GIFT, on(1, 200))
    assert in_books(account)[DAY, 500] == 1
    assert asked(account) == [(1, False)]
    [row] = alike.book_as_own(Alike.objects.get(), count=1, by=clerk)
    assert in_books(account)[DAY, 500] == 2
    assert (row.occurrence, list(row.statements.all()), row.unexplained_minor) == (2, [second], 500)
    assert ledger.balance(statements.bucket_of(account)).minor == 100 + 500 + 500 + 200
    assert asked(account) == []
    with pytest.raises(alike.DecidedBefore):
        alike.book_as_own(Alike.objects.get(), count=1, by=clerk)


def test_each_statement_holds_its_own_line_once_they_are_two(account: BankAccount, clerk: User) -> None:
    first, second = take(account, clerk, on(-1, 100), GIFT), take(account, clerk, GIFT, on(1, 200))
    alike.book_as_own(Alike.objects.get(), count=1, by=clerk)
    statements.roll_back_statement(first, by=clerk, reason="wrong")
    assert in_books(account) == Counter({(DAY, 500): 1, (DAY + timedelta(days=1), 200): 1})
    statements.roll_back_statement(second, by=clerk, reason="wrong")
    assert in_books(account) == Counter()


def test_a_decision_is_taken_back_unless_its_line_is_matched(account: BankAccount, clerk: User) -> None:
    take(account, clerk, on(-1, 100), GIFT)
    take(account, clerk, GIFT, on(1, 200))
    [row] = alike.book_as_own(Alike.objects.get(), count=1, by=clerk)
    match = matching.match_line(row, kind=MatchKind.BANK_FEE, amount_minor=500, by=clerk)
    with pytest.raises(statements.LinesMatched):
        alike.decide_again(Alike.objects.get(), by=clerk, reason="no")
    matching.undo_match(match, by=clerk, reason="no")
    alike.decide_again(Alike.objects.get(), by=clerk, reason="it was one")
    assert in_books(account)[DAY, 500] == 1
    assert asked(account) == [(1, False)]
    alike.book_as_own(Alike.objects.get(), count=1, by=clerk)
    assert in_books(account)[DAY, 500] == 2


def test_a_file_that_holds_the_day_whole_decides_it(account: BankAccount, clerk: User) -> None:
    take(account, clerk, on(-1, 100), GIFT)
    take(account, clerk, GIFT, on(1, 200))
    take(account, clerk, on(-1, 100), GIFT, GIFT, on(1, 200))
    assert in_books(account)[DAY, 500] == 2
    assert asked(account) == []
    take(account, clerk, on(-2, 7), on(-1, 100), GIFT)
    assert in_books(account)[DAY, 500] == 2
    assert asked(account) == []


def test_files_that_end_in_the_same_day_hold_the_same_lines_of_it(account: BankAccount, clerk: User) -> None:
    take(account, clerk, on(-1, 100), GIFT)
    take(account, clerk, on(-2, 50), on(-1, 100), GIFT, GIFT)
    assert in_books(account)[DAY, 500] == 2
    assert asked(account) == []


def test_a_stretch_of_different_lines_is_likely_the_same_and_nobody_is_asked(account: BankAccount, clerk: User) -> None:
    both = [GIFT, Row(DAY, 700, text="Other gift"), Row(DAY, -300, text="Paper")]
    take(account, clerk, on(-1, 100), *both)
    take(account, clerk, *both, on(1, 200))
    assert {likely for _count, likely in asked(account)} == {True}
    findings.note(account.entity)
    assert not Break.objects.filter(cause=Cause.LINES_ALIKE).exists()


def test_what_nobody_can_know_is_a_break_until_it_is_decided(account: BankAccount, clerk: User) -> None:
    take(account, clerk, on(-1, 100), GIFT)
    take(account, clerk, GIFT, on(1, 200))
    findings.note(account.entity)
    found = Break.objects.get(cause=Cause.LINES_ALIKE)
    assert (found.state, found.amount_minor, found.occurred_on) == (BreakState.OPEN, -500, DAY)
    alike.say_same(Alike.objects.get(), by=clerk)
    findings.note(account.entity)
    found.refresh_from_db()
    assert found.state == BreakState.GONE
    assert Alike.objects.get().state == AlikeState.SAME


@pytest.mark.parametrize(("code", "lines"), [("lines_own", 2), ("lines_same", 1)])
def test_the_break_is_resolved_by_either_answer(account: BankAccount, clerk: User, code: str, lines: int) -> None:
    account.entity.currency, account.entity.approval_above_minor = "EUR", 10_000
    account.entity.save()
    take(account, clerk, on(-1, 100), GIFT)
    take(account, clerk, GIFT, on(1, 200))
    findings.note(account.entity)
    found = Break.objects.get(cause=Cause.LINES_ALIKE)
    resolution = next(one for one in RESOLUTIONS if one.code == code)
    resolve(found, resolution, by=clerk, reason="As the bank shows", choice={}, as_seen=seen(found))
    assert in_books(account)[DAY, 500] == lines
    findings.note(account.entity)
    assert Break.objects.get(cause=Cause.LINES_ALIKE).state == BreakState.RESOLVED


def test_more_than_there_may_be_is_not_booked(account: BankAccount, clerk: User) -> None:
    take(account, clerk, on(-1, 100), GIFT)
    take(account, clerk, GIFT, on(1, 200))
    for count in (0, 2, -1):
        with pytest.raises(ValueError):
            alike.book_as_own(Alike.objects.get(), count=count, by=clerk)
    assert in_books(account)[DAY, 500] == 1


# --- Any cutting ----------------------------------------------------------------------------------


@st.composite
def cuttings(draw: st.DrawFn) -> tuple[list[Row], list[tuple[int, int]]]:
    """A month in which many lines look alike, and stretches of it that cover it all, overlapping, in any order."""
    steps = draw(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([500, 700, -300])), min_size=1, max_size=10))
    rows, day = [], DAY
    for step, minor in steps:
        day += timedelta(days=step)
        rows.append(Row(day, minor))
    places = st.integers(0, len(rows))
    extra = draw(st.lists(st.tuples(places, places), max_size=4))
    cuts = sorted({0, len(rows), *draw(st.lists(places, max_size=3))})
    files = [*pairwise(cuts), *((min(pair), max(pair)) for pair in extra if pair[0] != pair[1])]
    return rows, draw(st.permutations(list(dict.fromkeys(files))))


class _Enough(Exception):
    """Undo what the example wrote."""


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(cuttings(), st.randoms(use_true_random=False))
def test_any_cutting_in_any_order_gives_the_same_lines(
    case: tuple[list[Row], list[tuple[int, int]]], chance: object
) -> None:
    rows, files = case
    data = {english_csv(rows[start:end]) for start, end in files}
    assume(len(data) == len(files))  # the same bytes are the same file
    truth = Counter((row.on, row.minor) for row in rows)
    try:
        with transaction.atomic():
            account = make_account(mapping=ENGLISH, iban=f"DE{next_number():020}")
            clerk = make_person(Role.FINANCE, entity=account.entity)
            for number, (start, end) in enumerate(files):
                take(account, clerk, *rows[start:end])
                assert in_books(account) <= truth
                if number % 2:
                    _answer(account, clerk, Counter((row.on, row.minor) for row in _seen(rows, files[: number + 1])))
            _answer(account, clerk, truth)
            assert in_books(account) == truth
            assert not alike.undecided(account.entity).exists()
            assert ledger.balance(statements.bucket_of(account)).minor == sum(row.minor for row in rows)
            raise _Enough
    except _Enough:
        pass


def _seen(rows: list[Row], files: list[tuple[int, int]]) -> list[Row]:
    """The lines that are in any of these files."""
    return [row for index, row in enumerate(rows) if any(start <= index < end for start, end in files)]


def _answer(account: BankAccount, clerk: User, truth: Counter[tuple[date, int]]) -> None:
    """As somebody does who looks at the bank."""
    for one in alike.undecided(account.entity):
        key = (one.line.booked_on, one.line.amount_minor)
        missing = min(truth[key] - in_books(account)[key], one.count)
        if missing > 0:
            alike.book_as_own(one, count=missing, by=clerk)
        else:
            alike.say_same(one, by=clerk)
