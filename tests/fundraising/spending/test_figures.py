"""The figures of an appeal against the postings that they come from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from fundraising import donations, ledger
from fundraising.models import ExchangeRate
from fundraising.money import Money
from fundraising.spending.reading import appeal_figures
from tests import factories
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db

MARCH, APRIL = datetime(2026, 3, 10, 12, tzinfo=UTC), datetime(2026, 4, 10, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 4, 1), date(2026, 4, 30)


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def settle(charge: str, gross: Money, *, settled: Money, fee: int, tax: int = 0) -> None:
    donations.settle(
        key=f"txn:{charge}",
        fact_key=charge,
        gross=gross,
        settled=settled,
        fee=Money(fee, settled.currency),
        fee_tax=Money(tax, settled.currency),
    )


@pytest.fixture
def kit(db: None) -> AppealKit:
    return factories.make_appeal()


def test_an_appeal_without_money_has_no_figures(kit: AppealKit) -> None:
    found = appeal_figures(kit.appeal, first=FIRST, last=LAST)
    assert found.by_currency == ()
    assert found.gaps() == []


@pytest.mark.parametrize("folded", [False, True])
def test_what_came_before_is_the_opening_and_what_came_in_the_days_is_net_of_fees_and_refunds(
    kit: AppealKit, folded: bool
) -> None:
    _one, early = factories.received_donation(kit, amount=euros(10_000), at=MARCH)
    settle(early, euros(10_000), settled=euros(10_000), fee=320, tax=20)
    _two, charge = factories.received_donation(kit, amount=euros(20_000), at=APRIL)
    settle(charge, euros(20_000), settled=euros(20_000), fee=600, tax=100)
    factories.refund(charge, euros(5_000), at=APRIL)
    if folded:
        ledger.fold()
    found = appeal_figures(kit.appeal, first=FIRST, last=LAST)
    figures = found.currency("EUR")
    assert figures
    assert figures.opening == euros(9_680)
    assert figures.received == euros(20_000)
    assert figures.received_by == {"online": euros(20_000)}
    assert (figures.refunds, figures.fees_provider, figures.fee_tax) == (euros(5_000), euros(500), euros(100))
    assert figures.net == euros(14_400)
    assert figures.unspent == figures.available == euros(24_080)
    assert found.gaps() == []


def test_what_is_charged_and_not_settled_cannot_be_allocated(kit: AppealKit) -> None:
    _one, charge = factories.received_donation(kit, amount=euros(10_000), at=APRIL)
    factories.refund(charge, euros(2_000), at=APRIL)
    figures = appeal_figures(kit.appeal, first=FIRST, last=LAST).currency("EUR")
    assert figures
    assert figures.unspent == figures.unsettled == euros(8_000)
    assert figures.available == euros(0)


def test_a_refund_of_settled_money_lowers_what_is_available_at_once(kit: AppealKit) -> None:
    _one, charge = factories.received_donation(kit, amount=euros(10_000), at=APRIL)
    settle(charge, euros(10_000), settled=euros(10_000), fee=300)
    factories.refund(charge, euros(2_000), at=APRIL)
    figures = appeal_figures(kit.appeal, first=FIRST, last=LAST).currency("EUR")
    assert figures
    assert figures.available == euros(7_700)


def test_exchanged_money_leaves_one_currency_and_is_in_the_other(kit: AppealKit) -> None:
    _one, charge = factories.received_donation(kit, amount=euros(10_000), at=APRIL)
    settle(charge, euros(10_000), settled=Money(11_000, "USD"), fee=300)
    ExchangeRate.objects.create(base="USD", quote="EUR", on=LAST, rate=Decimal("0.9"), source="test")
    found = appeal_figures(kit.appeal, first=FIRST, last=LAST)
    in_euros, in_dollars = found.currency("EUR"), found.currency("USD")
    assert in_euros
    assert in_dollars
    assert (in_euros.received, in_euros.exchanged, in_euros.unspent) == (euros(10_000), euros(-10_000), euros(0))
    assert (in_dollars.exchanged, in_dollars.unspent) == (Money(11_000, "USD"), Money(10_700, "USD"))
    assert found.gaps() == []
    assert found.in_own
    assert found.in_own.received == euros(10_000)
    assert found.in_own.unspent == euros(9_630)
    assert found.in_own.opening + found.in_own.net - found.in_own.spent == found.in_own.unspent


def test_without_a_rate_there_is_no_sum_in_the_appeals_currency(kit: AppealKit) -> None:
    factories.received_donation(kit, amount=Money(10_000, "USD"), at=APRIL)
    found = appeal_figures(kit.appeal, first=FIRST, last=LAST)
    assert found.in_own is None
    assert found.missing_rates == ("USD",)


def test_figures_ask_the_same_few_queries_however_much_there_is(
    kit: AppealKit, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for currency in ("EUR", "USD", "JPY"):
        for minor in (1_000, 2_000, 3_000):
            factories.received_donation(kit, amount=Money(minor, currency), at=APRIL)
    with django_assert_num_queries(3):
        assert len(appeal_figures(kit.appeal, first=FIRST, last=LAST).by_currency) == 3
