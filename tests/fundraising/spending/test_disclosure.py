"""What the public may see of an appeal's money, and from when."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fundraising import ledger
from fundraising.models import BudgetLine, Category, Evidence, ExchangeRate, Partner, SpendingStep
from fundraising.money import Money
from fundraising.spending import cells, verbs
from fundraising.spending.cells import Cells
from fundraising.spending.disclosure import PublicFigures, category_label, public_figures, publication
from fundraising.spending.figures import SHARED, CurrencyFigures
from fundraising.spending.reading import appeal_figures
from tests.fundraising.spending.kits import ON, SECRET, Spending, euros, give, make_partner, make_spending
from tests.fundraising.spending.test_histories import ACTS, Life

pytestmark = pytest.mark.django_db
LATER = date(2099, 1, 1)  # all delays have passed


@pytest.mark.parametrize("folded", [False, True])
def test_steps_with_partners_are_shown_after_their_days_and_the_sums_hold_meanwhile(folded: bool) -> None:
    world = make_spending()
    world.partner.delay_days = 30
    world.partner.save()
    give(world.kit, euros(100_000))
    verbs.allocate(world.housing, euros(50_000), by=world.author, on=ON)
    commitment = verbs.commit(world.housing, world.partner, euros(30_000), by=world.author, on=ON)
    verbs.disburse(commitment, world.bank, euros(20_000), by=world.author, on=ON)
    verbs.allocate(world.legal, euros(7_000), by=world.author, on=ON)
    if folded:
        ledger.fold()

    early = public_figures(world.kit.appeal, first=date.min, last=ON, on=ON + timedelta(days=29))
    money = early.figures.currency("EUR")
    assert money
    assert (money.allocated, money.to_commit, money.committed, money.disbursed) == tuple(
        map(euros, (50_000, 50_000, 0, 0))
    )
    assert money.available == euros(50_000)
    assert early.figures.gaps() == []
    assert early.spending_until == ON - timedelta(days=1)

    late = public_figures(world.kit.appeal, first=date.min, last=ON, on=ON + timedelta(days=30))
    money = late.figures.currency("EUR")
    assert money
    assert (money.allocated, money.to_commit, money.committed, money.disbursed) == tuple(
        map(euros, (57_000, 27_000, 30_000, 20_000))
    )
    assert late.figures.gaps() == []
    assert late.spending_until is None


# --- Small amounts -------------------------------------------------------------------------------------------


def lives(
    world: Spending, line: BudgetLine, partner: Partner, minor: int, *, spent: int = 0, back: int = 0
) -> SpendingStep:
    """The partner is promised, sent and has an amount, and reports and returns part of it."""
    verbs.allocate(line, euros(minor), by=world.author, on=ON)
    commitment = verbs.commit(line, partner, euros(minor), by=world.author, on=ON)
    tranche = verbs.disburse(commitment, world.bank, euros(minor), by=world.author, on=ON)
    arrival = verbs.confirm_arrival(tranche, euros(minor), by=world.author, on=ON)
    if spent:
        verbs.report_spending(arrival, euros(spent), evidence=Evidence.CONFIRMED, by=world.author, on=ON)
    if back:
        verbs.return_unspent(arrival, euros(back), bank_account=world.bank, by=world.author, on=ON)
    return arrival


def named(world: Spending, alias: str, *, least: int = 0, region: str = "the south") -> Partner:
    return make_partner(
        world.kit.entity, shown="alias", alias=alias, region=region, delay_days=0, least_shown_minor=least
    )


def public(world: Spending) -> PublicFigures:
    return public_figures(world.kit.appeal, first=date.min, last=ON, on=LATER)


@pytest.fixture
def rich() -> Spending:
    world = make_spending()
    for category in (Category.FOOD, Category.MEDICAL):
        verbs.set_budget(world.kit.appeal, category, euros(500_000), reason="First estimate", by=world.author)
    give(world.kit, euros(1_000_000))
    return world


def line_of(world: Spending, category: Category) -> BudgetLine:
    return world.kit.appeal.budget_lines.get(category=category)


def shown_lines(found: PublicFigures) -> dict[str, int]:
    money = found.figures.currency("EUR")
    assert money
    return {line.category: line.disbursed.minor for line in money.lines}


def rows_of(found: PublicFigures) -> dict[str, int]:
    return {row.name: row.sent.minor for row in found.partners["EUR"]}


def test_a_category_too_small_for_a_partner_is_shown_with_the_next_smallest_and_the_sums_stay(rich: Spending) -> None:
    careful = named(rich, "Lighthouse", least=10_000)
    lives(rich, rich.legal, careful, 9_999)
    lives(rich, rich.housing, careful, 50_000)
    lives(rich, line_of(rich, Category.FOOD), careful, 30_000)
    found = public(rich)
    assert shown_lines(found) == {"housing": 50_000, "several": 39_999}
    assert found.figures.gaps() == []
    money = found.figures.currency("EUR")
    assert money
    assert (money.disbursed, money.allocated) == (euros(89_999), euros(89_999))
    assert category_label("several") == "several purposes"
    assert found.figures.in_own
    assert found.figures.in_own.lines == money.lines


def test_an_amount_that_is_large_enough_is_shown_by_itself(rich: Spending) -> None:
    careful = named(rich, "Lighthouse", least=10_000)
    lives(rich, rich.legal, careful, 10_000)
    lives(rich, rich.housing, careful, 50_000)
    assert shown_lines(public(rich)) == {"housing": 50_000, "legal": 10_000}


def test_a_small_rest_in_a_large_category_is_not_shown_either(rich: Spending) -> None:
    careful = named(rich, "Lighthouse", least=10_000)
    lives(rich, rich.legal, careful, 30_000, spent=29_000)  # 1,000 are held
    lives(rich, rich.housing, careful, 50_000, spent=30_000)
    assert shown_lines(public(rich)) == {"several": 80_000}


def test_of_a_single_category_that_is_too_small_only_the_sum_is_shown(rich: Spending) -> None:
    lives(rich, rich.legal, named(rich, "Lighthouse", least=10_000), 500)
    assert shown_lines(public(rich)) == {"several": 500}


def test_without_a_rate_nobody_knows_whether_an_amount_is_large_enough(rich: Spending) -> None:
    give(rich.kit, Money(90_000, "USD"))
    dollars = {"by": rich.author, "on": ON}
    careful = named(rich, "Lighthouse", least=1)
    for line, minor in ((rich.legal, 20_000), (rich.housing, 40_000)):
        step = verbs.allocate(line, Money(minor, "USD"), **dollars)  # type: ignore[arg-type]
        verbs.approve(step, by=rich.approver)
        verbs.approve(verbs.commit(line, careful, Money(minor, "USD"), **dollars), by=rich.approver)  # type: ignore[arg-type]

    def codes() -> set[str]:
        money = public(rich).figures.currency("USD")
        assert money
        return {line.category for line in money.lines}

    assert codes() == {"several"}
    ExchangeRate.objects.create(base="USD", quote="EUR", on=ON, rate=Decimal("0.9"), source="test")
    assert codes() == {"housing", "legal"}


def test_what_one_span_of_a_publication_hides_no_other_tells(rich: Spending) -> None:
    careful = named(rich, "Lighthouse", least=10_000)
    lives(rich, rich.legal, careful, 20_000, spent=20_000)
    lives(rich, rich.housing, careful, 40_000, spent=40_000)
    later = ON + timedelta(days=1)
    verbs.report_spending(
        lives(rich, line_of(rich, Category.FOOD), careful, 30_000),
        euros(500), evidence=Evidence.CONFIRMED, by=rich.author, on=later,
    )  # fmt: skip
    ever, day = publication(rich.kit.appeal, [(date.min, later), (later, later)], on=LATER)
    assert shown_lines(ever) == {"housing": 40_000, "several": 50_000}
    assert "food" not in shown_lines(day)
    assert ever.figures.gaps() == day.figures.gaps() == []


# --- Partners ------------------------------------------------------------------------------------------------


def test_partners_are_shown_by_alias_and_region_and_all_others_as_one_row_and_it_adds_up(rich: Spending) -> None:
    lives(rich, rich.legal, named(rich, "Lighthouse"), 40_000, spent=10_000, back=5_000)
    lives(rich, rich.housing, named(rich, "Harbour", region="the north"), 30_000)
    for minor in (2_000, 3_000):
        lives(rich, rich.housing, make_partner(rich.kit.entity), minor, spent=1_000)
    found = public(rich)
    rows = found.partners["EUR"]
    assert [(row.name, row.region, row.sent.minor, row.held.minor) for row in rows] == [
        ("Harbour", "the north", 30_000, 30_000),
        ("Lighthouse", "the south", 40_000, 25_000),
        ("withheld for safety", "", 5_000, 3_000),
    ]
    money = found.figures.currency("EUR")
    assert money
    assert money.shares == ()
    for name, figure in (("sent", "disbursed"), ("arrived", "arrived"), ("confirmed", "confirmed"), ("spent", "spent"),
                         ("returned", "returned"), ("underway", "underway"), ("held", "held")):  # fmt: skip
        assert sum(getattr(row, name).minor for row in rows) == getattr(money, figure, money.total(figure)).minor
    assert SECRET not in repr(found)


def test_a_row_of_one_withheld_partner_is_shown_with_the_smallest_other_one(rich: Spending) -> None:
    lives(rich, rich.legal, named(rich, "Lighthouse"), 40_000)
    lives(rich, rich.legal, named(rich, "Harbour"), 30_000)
    lives(rich, rich.housing, make_partner(rich.kit.entity), 70_000)
    assert rows_of(public(rich)) == {"Lighthouse": 40_000, "withheld for safety": 100_000}


def test_a_partner_too_small_to_be_shown_is_withheld_with_another_one(rich: Spending) -> None:
    lives(rich, rich.legal, named(rich, "Lighthouse", least=5_000), 4_999)
    lives(rich, rich.legal, named(rich, "Harbour"), 30_000)
    lives(rich, rich.legal, named(rich, "Meadow"), 90_000)
    assert rows_of(public(rich)) == {"Meadow": 90_000, "withheld for safety": 34_999}


# --- Whatever happens ----------------------------------------------------------------------------------------

ROWS = st.lists(
    st.tuples(
        st.tuples(*[st.integers(-300, 300) | st.just(0)] * 3), st.sampled_from([0, 50, 200]), st.booleans()
    ),
    max_size=7,
)  # fmt: skip


@given(rows=ROWS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_small_cell_is_left_alone_or_is_what_the_sum_of_hidden_rows_comes_to(
    rows: list[tuple[tuple[int, int, int], int, bool]],
) -> None:
    table = [Cells(str(number), minors, least) for number, (minors, least, _must) in enumerate(rows)]
    must = {str(number) for number, (_minors, _least, chosen) in enumerate(rows) if chosen}
    hidden = cells.together(table, lambda minor, least: minor >= least, must)
    assert must <= hidden
    for row in table:
        if row.key not in hidden:
            assert all(not minor or abs(minor) >= row.least for minor in row.minors)
    several = [row for row in table if row.key in hidden]
    if several and len(several) < len(table):  # else only the sum is shown, which is public anyway
        assert sum(not row.is_empty for row in several) >= 2
        for column in range(3):
            total = sum(row.minors[column] for row in several)
            small = [row for row in several if 0 < abs(row.minors[column]) < row.least]
            assert all(abs(total) >= row.least or total == 0 for row in small)
            assert not (small and sum(bool(row.minors[column]) for row in several) == 1)


@pytest.mark.slow
@given(acts=st.lists(ACTS, min_size=5, max_size=25), least=st.sampled_from([0, 5_000, 30_000]))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_public_figures_of_any_life_add_up_and_tell_no_small_amount(
    acts: list[tuple[str, int, int]], least: int
) -> None:
    with transaction.atomic():
        life = Life()
        Partner.objects.filter(pk=life.world.partner.pk).update(
            least_shown_minor=least, delay_days=0, shown="alias", alias="Lighthouse"
        )
        life.give(euros(100_000), 0)
        for act in acts:
            life.act(*act)
        staff = appeal_figures(life.world.kit.appeal, first=date.min, last=LATER)
        assert staff.gaps() == []
        found = public_figures(life.world.kit.appeal, first=date.min, last=LATER, on=LATER)
        assert found.figures.gaps() == []
        for money in found.figures.by_currency:
            own = staff.currency(money.currency)
            assert own
            assert_same_sums(money, own)
            assert_nothing_small(money, least)
            for row_name, figure in (("sent", "disbursed"), ("spent", "spent"), ("held", "held")):
                rows = found.partners.get(money.currency, ())
                assert sum(getattr(row, row_name).minor for row in rows) == money.total(figure).minor
        transaction.set_rollback(True)


def assert_same_sums(money: CurrencyFigures, own: CurrencyFigures) -> None:
    for figure in SHARED:
        assert money.total(figure) == own.total(figure)
    assert (money.unspent, money.available) == (own.unspent, own.available)


def assert_nothing_small(money: CurrencyFigures, least: int) -> None:
    """Of several lines none has a small figure; a single one is the sum."""
    several = next((line for line in money.lines if line.category == "several"), None)
    for line in money.lines:
        if line is not several:
            for figure in SHARED:
                minor = abs(getattr(line, figure).minor)
                assert not minor or minor >= least
                assert not least or not minor or money.currency == "EUR"  # no rate is booked
