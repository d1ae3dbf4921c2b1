"""Foreign money at the end of a period, worked out by hand first."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from fundraising import books, ledger
from fundraising.books import periods, revaluation
from fundraising.books.revaluation import RatesMissing, RevaluationRefused
from fundraising.ledger import Bucket
from fundraising.models import Entry, ExchangeRate, LegalEntity, Purpose, Role
from fundraising.money import Money
from tests import factories
from tests.staff import make_person

pytestmark = pytest.mark.django_db
EARNED, END, NEXT = date(2026, 1, 10), date(2026, 1, 31), date(2026, 2, 1)


def rate(base: str, on: date, value: str) -> None:
    ExchangeRate.objects.create(base=base, quote="USD", on=on, rate=Decimal(value), source="test")


def post(entity: LegalEntity, on: date, *legs: tuple[Purpose, str, int]) -> None:
    at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    buckets = {Bucket(entity.pk, purpose, currency): minor for purpose, currency, minor in legs}
    ledger.post(key=f"test:{factories.next_number()}", legs=buckets, occurred_at=at)


def textbook() -> LegalEntity:
    """100 EUR given at 1.10; 60 of them exchanged into 65 USD; the rate of the last day is 1.20."""
    entity = factories.make_entity()
    rate("EUR", date(2026, 1, 1), "1.10")
    rate("EUR", END, "1.20")
    post(entity, EARNED, (Purpose.CLEARING, "EUR", 10_000), (Purpose.DONATIONS, "EUR", -10_000))
    post(
        entity, date(2026, 1, 20),
        (Purpose.CLEARING, "EUR", -6_000), (Purpose.FX, "EUR", 6_000),
        (Purpose.FX, "USD", -6_500), (Purpose.PROVIDER, "USD", 6_500),
    )  # fmt: skip
    return entity


def test_the_textbooks_example_gains_three_dollars() -> None:
    found = revaluation.value(textbook(), END)
    (euros,) = found.valued
    assert (euros.held, euros.rate, euros.rate_on) == (Money(4_000, "EUR"), Decimal("1.20"), END)
    assert (found.worth, found.earned, found.exchanged) == (
        Money(4_800, "USD"), Money(11_000, "USD"), Money(-6_500, "USD"),
    )  # fmt: skip
    assert found.result == Money(300, "USD")


def test_it_is_booked_on_the_day_and_taken_back_on_the_next() -> None:
    entity = textbook()
    entry = revaluation.revalue(entity, on=END, by=make_person(Role.APPROVER, entity=entity), reason="January")
    assert entry.accounted_on == END
    assert {leg.purpose: minor for leg, minor in ledger.legs_of(entry).items()} == {"fx": 300, "fx_result": -300}
    reversal = Entry.objects.get(reverses=entry)
    assert reversal.accounted_on == NEXT
    results = {
        on: sum(balance.minor for balance in books.balances(entity.pk, on) if balance.purpose == Purpose.FX_RESULT)
        for on in (END, NEXT)
    }
    assert results == {END: -300, NEXT: 0}


def test_after_it_everything_valued_in_dollars_adds_up_to_zero_without_a_remainder() -> None:
    """Money at the rate of the day, income at the rate of its own day; the bridge itself is worth nothing more."""
    entity = textbook()
    revaluation.revalue(entity, on=END, by=make_person(Role.APPROVER, entity=entity), reason="January")
    rates = {(Purpose.CLEARING, "EUR"): Decimal("1.2"), (Purpose.DONATIONS, "EUR"): Decimal("1.1")}
    valued = [
        balance.minor * rates.get((balance.purpose, balance.currency), Decimal(1))
        for balance in books.balances(entity.pk, END)
        if balance.purpose != Purpose.FX
    ]
    assert sum(valued) == 0


def test_a_second_period_holds_the_whole_difference_again() -> None:
    entity = textbook()
    by = make_person(Role.APPROVER, entity=entity)
    revaluation.revalue(entity, on=END, by=by, reason="January")
    rate("EUR", date(2026, 2, 27), "1.00")
    found = revaluation.value(entity, date(2026, 2, 28))
    assert found.result == Money(-500, "USD")  # 40.00 − 110.00 + 65.00
    revaluation.revalue(entity, on=date(2026, 2, 28), by=by, reason="February")
    column = next(c for c in books.trial_balance(entity, date(2026, 2, 28)) if c.currency == "USD")
    assert {line.account.purpose: line.balance.minor for line in column.lines}[Purpose.FX_RESULT] == 500


def test_yen_without_decimals_are_valued_by_their_own() -> None:
    entity = factories.make_entity()
    rate("JPY", date(2026, 1, 1), "0.0065")
    rate("JPY", END, "0.0067")
    post(entity, EARNED, (Purpose.CLEARING, "JPY", 100_000), (Purpose.DONATIONS, "JPY", -100_000))
    assert revaluation.value(entity, END).result == Money(2_000, "USD")


def test_announced_money_is_not_valued() -> None:
    entity = factories.make_entity()
    post(entity, EARNED, (Purpose.PENDING, "EUR", 100), (Purpose.ANNOUNCED, "EUR", -100))
    assert revaluation.value(entity, END).valued == []


def test_it_names_every_rate_that_lacks() -> None:
    entity = textbook()
    post(entity, date(2025, 12, 24), (Purpose.CLEARING, "EUR", 5), (Purpose.DONATIONS, "EUR", -5))
    post(entity, EARNED, (Purpose.CLEARING, "CHF", 5), (Purpose.DONATIONS, "CHF", -5))
    with pytest.raises(RatesMissing) as refused:
        revaluation.value(entity, END)
    assert refused.value.missing == [("CHF", EARNED), ("CHF", END), ("EUR", date(2025, 12, 24))]


def test_a_day_is_valued_once_and_never_after_it_was_closed_for_good() -> None:
    entity = textbook()
    by = make_person(Role.APPROVER, entity=entity)
    revaluation.revalue(entity, on=END, by=by, reason="January")
    assert revaluation.value(entity, END).result == Money(300, "USD")
    with pytest.raises(RevaluationRefused, match="booked"):
        revaluation.revalue(entity, on=END, by=by, reason="January")
    periods.close_hard(entity, until=END, by=by, reason="January")
    with pytest.raises(RevaluationRefused, match="closed"):
        revaluation.revalue(entity, on=date(2026, 1, 30), by=by, reason="January")


def test_with_dollars_only_there_is_nothing_to_book() -> None:
    entity = factories.make_entity()
    post(entity, EARNED, (Purpose.CLEARING, "USD", 5), (Purpose.DONATIONS, "USD", -5))
    with pytest.raises(RevaluationRefused, match="nothing"):
        revaluation.revalue(entity, on=END, by=make_person(), reason="January")
