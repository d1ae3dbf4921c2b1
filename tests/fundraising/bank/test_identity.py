"""However a month of lines is cut into overlapping files, and in whatever order they come, each line is booked once."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fundraising import ledger
from fundraising.bank import statements
from fundraising.models import BankLine, Entry, Role
from tests.factories import next_number
from tests.fundraising.bank.samples import Row, camt, make_account
from tests.staff import make_person

pytestmark = pytest.mark.django_db
FIRST = date(2026, 10, 1)
OPENING = 100_000


@st.composite
def months(draw: st.DrawFn) -> list[Row]:
    """Few days, amounts and texts, no references of the bank: many lines look alike, and no balance comes twice."""
    steps = draw(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([500, 700, -300])), min_size=1, max_size=12))
    rows, day, balance, seen = [], FIRST, OPENING, {OPENING}
    for step, minor in steps:
        day, balance = day + timedelta(days=step), balance + minor
        if balance in seen:
            continue
        seen.add(balance)
        rows.append(Row(day, minor))
    balances = [OPENING]
    for row in rows:
        balances.append(balances[-1] + row.minor)
    return rows if len(set(balances)) == len(balances) else rows[:1]


@st.composite
def cuttings(draw: st.DrawFn) -> tuple[list[Row], list[tuple[int, int]]]:
    """A month, and stretches of it that cover it all, overlap as they like, in any order."""
    rows = draw(months())
    places = st.integers(0, len(rows))
    extra = draw(st.lists(st.tuples(places, places), max_size=4))
    cuts = sorted({0, len(rows), *draw(st.lists(places, max_size=3))})
    files = [*pairwise(cuts), *((min(pair), max(pair)) for pair in extra if pair[0] != pair[1])]
    return rows, draw(st.permutations(list(dict.fromkeys(files))))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(cuttings())
def test_any_cutting_in_any_order_books_each_line_once(case: tuple[list[Row], list[tuple[int, int]]]) -> None:
    rows, files = case
    try:
        with transaction.atomic():
            account = make_account(iban=f"DE{next_number():020}")
            clerk = make_person(Role.FINANCE, entity=account.entity)
            for start, end in files:
                opening = OPENING + sum(row.minor for row in rows[:start])
                data = camt(rows[start:end], opening, iban=account.iban)
                statements.import_statement(account, name="x", data=data, by=clerk)
            lines = BankLine.objects.filter(bank_account=account)
            booked = Counter(lines.values_list("booked_on", "amount_minor"))
            assert booked == Counter((row.on, row.minor) for row in rows)
            assert ledger.balance(statements.bucket_of(account)).minor == sum(row.minor for row in rows)
            assert Entry.objects.filter(bank_line__bank_account=account).count() == len(rows)
            raise _Enough
    except _Enough:
        pass


class _Enough(Exception):
    """Undo what the example wrote."""
