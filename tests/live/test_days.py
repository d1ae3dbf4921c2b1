"""Sums of days: checkpoint and tail, exact at every moment, whatever is folded, closed or made anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from fundraising import ledger
from fundraising.books import days
from fundraising.models import DayCheckpoint, Purpose
from fundraising.money import Money
from tests import factories
from tests.factories import AppealKit
from tests.live.conftest import fold_all

pytestmark = pytest.mark.services
FIRST = date(2026, 3, 1)


def give(kit: AppealKit, on: date, minor: int, currency: str = "EUR") -> str:
    at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    return factories.received_donation(kit, amount=Money(minor, currency), at=at)[1]


def received(kit: AppealKit) -> dict[tuple[date, str], tuple[int, int, int]]:
    """Debit, credit and count of the income of each day."""
    sums = days.day_sums(kit.entity.pk, first=FIRST, purposes=[Purpose.DONATIONS])
    return {(one.on, one.currency): (one.debit_minor, one.credit_minor, one.postings) for one in sums}


def same_at_every_moment(kit: AppealKit, read: Callable[[AppealKit], object]) -> object:
    """What `read` says before a fold, after it, and after all was made anew."""
    before = read(kit)
    fold_all()
    assert read(kit) == before, "a fold changes nothing"
    ledger.rebuild()
    assert read(kit) == before, "nor does making all anew"
    return before


def test_a_day_has_its_sums_before_and_after_a_fold(database_url: str) -> None:
    kit = factories.make_appeal()
    for day, minor in ((0, 1_000), (0, 500), (1, 70)):
        give(kit, FIRST + timedelta(day), minor)
    give(kit, FIRST, 9_000, "JPY")
    give(kit, FIRST - timedelta(1), 1)
    assert same_at_every_moment(kit, received) == {
        (FIRST, "EUR"): (0, 1_500, 2),
        (FIRST + timedelta(1), "EUR"): (0, 70, 1),
        (FIRST, "JPY"): (0, 9_000, 1),
    }
    assert DayCheckpoint.objects.exists()


def test_what_comes_after_a_fold_is_added_to_its_day_once(database_url: str) -> None:
    kit = factories.make_appeal()
    give(kit, FIRST, 1_000)
    fold_all()
    give(kit, FIRST, 200)
    assert received(kit) == {(FIRST, "EUR"): (0, 1_200, 2)}
    fold_all()
    assert received(kit) == {(FIRST, "EUR"): (0, 1_200, 2)}


def test_debits_and_credits_of_a_day_are_kept_apart(database_url: str) -> None:
    kit = factories.make_appeal()
    charge = give(kit, FIRST, 1_000)
    factories.refund(charge, Money(400, "EUR"), at=datetime(2026, 3, 1, 13, tzinfo=UTC))

    def clearing(kit: AppealKit) -> object:
        [found] = days.day_sums(kit.entity.pk, first=FIRST, purposes=[Purpose.CLEARING])
        return found.debit_minor, found.credit_minor

    assert same_at_every_moment(kit, clearing) == (1_000, 400)


def test_holdings_are_the_balances_by_currency_and_none_of_zero(database_url: str) -> None:
    kit = factories.make_appeal()
    charge = give(kit, FIRST, 1_000)
    give(kit, FIRST, 9_000, "JPY")
    factories.refund(charge, Money(1_000, "EUR"), at=timezone.now())

    def held(kit: AppealKit) -> object:
        return [one.amount for one in days.holdings(kit.entity.pk, [Purpose.CLEARING, Purpose.PROVIDER])]

    assert same_at_every_moment(kit, held) == [Money(9_000, "JPY")]
