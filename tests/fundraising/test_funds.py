"""The statement of funds sums to the ledger; what is spent of restricted money is released by the same entry."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from fundraising import ledger
from fundraising.appeals import life
from fundraising.books import balances
from fundraising.books.chart import KINDS, Kind
from fundraising.books.funds import FundStatement, accounts_of, of_classes, statement
from fundraising.ledger import Bucket
from fundraising.models import Evidence, Purpose, Role, SpendingStep
from fundraising.money import Money
from fundraising.spending import audit, verbs
from fundraising.spending.reading import appeal_figures
from tests import factories, staff
from tests.fundraising.spending.kits import AT, ON, Spending, euros, give, make_spending

pytestmark = pytest.mark.django_db
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


@pytest.fixture
def world(db: None) -> Spending:
    return make_spending()


def report(world: Spending, minor: int) -> SpendingStep:
    """Money that a partner has and, of it, has spent."""
    verbs.allocate(world.housing, euros(minor), by=world.author, on=ON)
    commitment = verbs.commit(world.housing, world.partner, euros(minor), by=world.author, on=ON)
    tranche = verbs.disburse(commitment, world.bank, euros(minor), by=world.author, on=ON)
    arrival = verbs.confirm_arrival(tranche, euros(minor), by=world.author, on=ON)
    return verbs.report_spending(arrival, euros(minor), evidence=Evidence.CONFIRMED, by=world.author, on=ON)


def released(world: Spending) -> tuple[Money, Money]:
    """What is released of the fund, and against it."""
    own = Bucket(world.kit.entity.pk, Purpose.RELEASED, "EUR", world.fund.pk)
    free = Bucket(world.kit.entity.pk, Purpose.RELEASED, "EUR")
    return ledger.balance(own), ledger.balance(free)


def row_of(world: Spending, currency: str = "EUR", *, first: date = FIRST) -> FundStatement:
    found = statement(world.kit.entity, first, LAST)
    return next(row for row in found if row.fund == world.fund and row.currency == currency)


def assert_sums_to_the_ledger(world: Spending) -> None:
    """All that any currency has in money stands against the closings of its funds."""
    sums: dict[str, int] = {}
    for balance in balances(world.kit.entity.pk, LAST):
        if KINDS[balance.purpose] in {Kind.ASSET, Kind.LIABILITY}:
            sums[balance.currency] = sums.get(balance.currency, 0) + balance.minor
    found = statement(world.kit.entity, FIRST, LAST)
    for currency, minor in sums.items():
        assert sum(row.closing.minor for row in found if row.currency == currency) == minor
    for one in of_classes(found):
        for side in ([row[1] for row in one.rows], [row[2] for row in one.rows]):
            assert sum(amount.minor for amount in side[:-1]) == side[-1].minor
        closings = [row.closing.minor for row in found if row.currency == one.currency and row.is_restricted]
        assert one.rows[-1][1].minor == sum(closings)


def test_a_spend_report_releases_what_was_spent_by_its_own_entry_and_its_reversal_takes_it_back(
    world: Spending,
) -> None:
    give(world.kit, euros(100_000), fee=3_000)
    step = report(world, 40_000)
    assert released(world) == (euros(40_000), euros(-40_000))
    assert step.entry
    assert {leg.purpose for leg in ledger.legs_of(step.entry)} == {Purpose.SPENT, Purpose.HELD, Purpose.RELEASED}
    verbs.undo(step, by=world.author, on=ON, text="Mistake")
    assert released(world) == (euros(0), euros(0))
    assert row_of(world).released == euros(0)


def test_no_figure_of_an_appeal_and_nothing_available_changes_by_a_release(world: Spending) -> None:
    give(world.kit, euros(100_000), fee=3_000)
    report(world, 40_000)
    figures = appeal_figures(world.kit.appeal, first=FIRST, last=LAST)
    found = figures.currency("EUR")
    assert found
    assert figures.gaps() == []
    assert (found.net, found.spent, found.unspent, found.available) == (
        euros(97_000), euros(40_000), euros(57_000), euros(57_000),
    )  # fmt: skip


def test_each_fund_has_its_statement_and_all_of_them_sum_to_the_ledger(world: Spending) -> None:
    charge = give(world.kit, euros(100_000), fee=3_000)
    give(world.kit, Money(5_000, "USD"))
    report(world, 40_000)
    factories.refund(charge, euros(2_000), at=AT)
    verbs.advance(world.general, world.fund, euros(1_000), by=world.author, on=ON, text="start")
    row = row_of(world)
    assert (row.opening, row.income, row.refunds, row.fees, row.spent, row.released) == (
        euros(0), euros(100_000), euros(2_000), euros(3_000), euros(40_000), euros(40_000),
    )  # fmt: skip
    assert row.closing == euros(55_000)
    later = row_of(world, first=LAST)
    assert (later.opening, later.income, later.spent, later.closing) == (
        euros(55_000), euros(0), euros(0), euros(55_000),
    )  # fmt: skip
    assert_sums_to_the_ledger(world)


def test_what_is_passed_on_leaves_one_statement_and_comes_to_another(world: Spending) -> None:
    give(world.kit, euros(10_000))
    report(world, 4_000)
    life.close(world.kit.appeal, by=world.author, reason="The families are safe")
    [step] = life.resolve_surplus(world.kit.appeal, by=world.author, on=ON, text="What is left")
    verbs.approve(step, by=world.approver)
    row = row_of(world)
    general = next(one for one in statement(world.kit.entity, FIRST, LAST) if one.fund == world.general)
    assert (row.passed, row.closing, general.passed, general.closing) == (
        euros(-6_000), euros(0), euros(6_000), euros(6_000),
    )  # fmt: skip
    assert_sums_to_the_ledger(world)
    [classes] = of_classes(statement(world.kit.entity, FIRST, LAST))
    told = {name: (bound.minor, free.minor) for name, bound, free in classes.rows}
    assert (told["released"], told["spent"], told["passed"]) == ((-4_000, 4_000), (0, -4_000), (-6_000, 6_000))


def test_the_audit_finds_money_that_was_spent_and_not_released(world: Spending) -> None:
    give(world.kit, euros(10_000))
    report(world, 4_000)
    sql = audit.NONE_OF["restricted money that was spent and not released, or released and not spent"]
    own = Bucket(world.kit.entity.pk, Purpose.RELEASED, "EUR", world.fund.pk)
    ids = [*factories.account_ids(own).values()]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
        assert cursor.fetchall() == []
        cursor.execute("SET LOCAL session_replication_role = replica")  # the books' own triggers refuse it
        cursor.execute("UPDATE fundraising_posting SET amount_minor = 1 WHERE account_id = ANY(%s)", [ids])
        cursor.execute(sql)
        assert cursor.fetchall() == [(world.fund.pk,)]
        transaction.set_rollback(True)


def test_the_pages_of_funds_lead_down_to_the_postings(world: Spending) -> None:
    give(world.kit, euros(100_000), fee=3_000)
    report(world, 40_000)
    client: Client = staff.at_desk(Role.AUDITOR, world.kit.entity)
    days = {"first": "2026-01-01", "last": "2026-12-31"}
    page = client.get(reverse("desk-funds", args=[world.kit.entity.slug]), days).content.decode()
    for shown in ("€1,000.00", "€400.00", "€570.00", "With donor restrictions"):
        assert shown in page
    address = reverse("desk-fund", args=[world.kit.entity.slug, world.fund.pk])
    assert address in page
    answer = client.get(address, days)
    assert "Released from restriction" in answer.content.decode()
    accounts = accounts_of(world.kit.entity, world.fund, FIRST, LAST)
    assert {row.account.purpose for row in accounts} >= {Purpose.DONATIONS, Purpose.SPENT, Purpose.RELEASED}
    query = {"account": "released:", "currency": "EUR", "fund": str(world.fund.pk), **days}
    ledger_page = client.get(reverse("desk-account", args=[world.kit.entity.slug]), query).content.decode()
    assert "step:" in ledger_page
