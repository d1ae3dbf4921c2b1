"""The picture of the money: what comes into a node goes out of it, to the minor unit; no label lies on another."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fundraising.models import Category, Evidence
from fundraising.money import Money
from fundraising.spending import verbs
from fundraising.spending.converting import converted
from fundraising.spending.figures import CategoryFigures, CurrencyFigures
from fundraising.spending.flow import LINE, WIDTH, Flow, Picture, drawn, flow_of, mirrored
from fundraising.spending.published import published_figures
from tests.fundraising.spending.kits import ON, euros, give, make_spending

AMOUNTS = st.one_of(st.integers(0, 200), st.integers(0, 10**12))
SIGNED = st.one_of(st.integers(-200, 200), st.integers(-(10**9), 10**9))

MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def lines(draw: Callable[..., Any], currency: str) -> CategoryFigures:
    """A category whose stages hold what came into them less what went on, as the ledger has it."""
    spent, returned, held, underway, to_send, to_commit = (draw(AMOUNTS) for _each in range(6))
    confirmed = spent + returned + held
    # What is kept or changed on the way makes what was sent differ from what arrived, in either direction.
    arrived = max(confirmed + draw(SIGNED), 0)
    disbursed = underway + arrived
    committed = to_send + disbursed
    amounts = {
        "budgeted": draw(AMOUNTS), "allocated": to_commit + committed, "committed": committed, "disbursed": disbursed,
        "arrived": arrived, "confirmed": confirmed, "spent": spent, "returned": returned, "to_commit": to_commit,
        "to_send": to_send, "underway": underway, "held": held,
    }  # fmt: skip
    category = draw(st.sampled_from([*Category.values, "several"]))
    return CategoryFigures(category=category, **{name: Money(minor, currency) for name, minor in amounts.items()})


@st.composite
def figures(draw: Callable[..., object], currency: str = "") -> CurrencyFigures:
    """Any figures that add up, counted from the beginning: short funds, negative fees and exchanges among them."""
    code = currency or str(draw(st.sampled_from(["EUR", "JPY", "KWD"])))
    found = draw(st.lists(lines(code), max_size=5, unique_by=lambda line: line.category))
    assert isinstance(found, list)

    def money(strategy: st.SearchStrategy[int]) -> Money:
        minor = draw(strategy)
        assert isinstance(minor, int)
        return Money(minor, code)

    zero = Money(0, code)
    lost = sum((line.arrived - line.confirmed for line in found), start=zero).minor
    kept = money(st.integers(0, max(lost, 0)))
    made = CurrencyFigures(
        currency=code,
        opening=zero,
        received_by={"online": money(AMOUNTS), "bank": money(AMOUNTS)},
        refunds=money(AMOUNTS),
        withheld=money(AMOUNTS),
        chargebacks=money(AMOUNTS),
        fees_provider=money(SIGNED),
        fee_tax=money(AMOUNTS),
        fees_bank=kept + money(SIGNED),
        kept_underway=kept,
        admin_fee=money(AMOUNTS),
        other=money(SIGNED),
        exchanged=money(SIGNED),
        passed=money(SIGNED),
        pending=money(AMOUNTS),
        unsettled=money(AMOUNTS),
        lent=money(AMOUNTS),
        borrowed=money(AMOUNTS),
        unspent=zero,
        lines=tuple(found),
    )
    return with_unspent(made)


def with_unspent(made: CurrencyFigures) -> CurrencyFigures:
    values = {one.name: getattr(made, one.name) for one in fields(made)}
    return CurrencyFigures(**{**values, "unspent": made.opening + made.net - made.spent})


def picture_of(flow: Flow) -> Picture:
    return drawn(flow, {node.name: (f"{node.name} in two", "lines", str(node.minor)) for node in flow.nodes})


@MANY
@given(figures())
def test_every_node_gives_what_it_gets_to_the_minor_unit_and_ends_are_the_figures(money: CurrencyFigures) -> None:
    assert list(money.gaps()) == []
    flow = flow_of(money)
    assert list(flow.gaps()) == []
    assert all(link.minor > 0 for link in flow.links)
    nodes = {node.name: node.minor for node in flow.nodes}
    for name, value in {
        "sent": money.disbursed, "arrived": money.confirmed, "allocated": money.allocated, "unsettled": money.unsettled,
        "to_send": money.to_send, "to_commit": money.to_commit, "underway": money.underway, "held": money.held,
        "returned": money.returned, "lent": money.lent, "borrowed": money.borrowed, "refunds": money.refunds,
        "withheld": money.withheld, "chargebacks": money.chargebacks, "admin_fee": money.admin_fee,
    }.items():  # fmt: skip
        assert nodes.get(name, 0) == value.minor, name
    assert nodes.get("available", 0) - nodes.get("short", 0) == money.available.minor
    spent = {node.category: node.minor for node in flow.nodes if node.key == "spent"}
    assert spent == {category: value.minor for category, value in money.spent_by.items()}


@MANY
@given(figures("USD"), figures("EUR"))
def test_converted_figures_add_up_and_flow_like_any_other(dollars: CurrencyFigures, in_euros: CurrencyFigures) -> None:
    own = converted((in_euros, dollars), "EUR", {"USD": SimpleNamespace(rate=Decimal("0.917243"))})  # type: ignore[dict-item]
    assert list(own.gaps()) == []
    assert list(flow_of(own).gaps()) == []


@MANY
@given(figures())
def test_nothing_is_drawn_over_another_thing_or_outside_of_the_picture(money: CurrencyFigures) -> None:
    flow = flow_of(money)
    picture = picture_of(flow)
    assert all(block.height > 0 for block in picture.blocks)
    for picture_ in (picture, mirrored(picture, flow)):
        for block in picture_.blocks:
            assert 0 <= block.x <= WIDTH - block.width
            assert 0 <= block.y <= block.y + block.height <= picture.height
    by_column = itertools.groupby(sorted(picture.blocks, key=lambda block: (block.x, block.y)), lambda block: block.x)
    for _x, column in by_column:
        for above, below in itertools.pairwise(column):
            assert above.y + above.height < below.y
            assert above.lines[-1][0] + LINE <= below.lines[0][0] + 0.2  # of rounding
    places = sorted({block.x for block in picture.blocks})
    assert all(second - first > 150 for first, second in itertools.pairwise(places))


@MANY
@given(figures())
def test_bands_stay_within_the_nodes_that_they_join(money: CurrencyFigures) -> None:
    flow = flow_of(money)
    picture = picture_of(flow)
    blocks = {block.node.name: block for block in picture.blocks}
    for band in picture.bands:
        numbers = [
            float(part)
            for part in band.path.replace("M", "").replace("Z", "").replace("C", " ").replace("V", " ").split()
        ]
        source, target = blocks[band.link.source], blocks[band.link.target]
        assert source.y - 0.2 <= numbers[1] <= source.y + source.height + 0.2
        assert target.y - 0.2 <= numbers[7] <= target.y + target.height + 0.2


def test_no_money_is_no_picture() -> None:
    zero = Money(0, "EUR")
    names = [one.name for one in fields(CurrencyFigures) if one.type == "Money"]
    flow = flow_of(CurrencyFigures(currency="EUR", received_by={}, **dict.fromkeys(names, zero)))  # type: ignore[arg-type]
    assert (flow.nodes, flow.links) == ((), ())
    assert picture_of(flow).blocks == ()


@pytest.mark.django_db
def test_what_banks_keep_and_exchanges_on_the_way_are_told_apart() -> None:
    world = make_spending()
    give(world.kit, euros(100_000), fee=3_000)
    verbs.allocate(world.housing, euros(60_000), by=world.author, on=ON)
    commitment = verbs.commit(world.housing, world.partner, euros(50_000), by=world.author, on=ON)
    first = verbs.disburse(commitment, world.bank, euros(20_000), by=world.author, on=ON)
    second = verbs.disburse(commitment, world.bank, euros(10_000), by=world.author, on=ON)
    here = verbs.confirm_arrival(first, euros(19_985), by=world.author, on=ON)
    verbs.confirm_arrival(second, Money(11_200, "USD"), by=world.author, on=ON)
    verbs.report_spending(here, euros(5_000), evidence=Evidence.CONFIRMED, by=world.author, on=ON)
    verbs.return_unspent(here, euros(1_000), came=euros(990), bank_account=world.bank, by=world.author, on=ON)
    world.partner.delay_days = 0
    world.partner.save()
    found = published_figures(world.kit.appeal).figures
    in_euros, in_dollars = found.currency("EUR"), found.currency("USD")
    assert in_euros
    assert in_dollars
    nodes = {node.name: node.minor for node in flow_of(in_euros).nodes}
    assert nodes == {
        "received": 100_000, "returned_in": 1_000, "fees": 3_010, "purpose": 97_990, "available": 37_990,
        "allocated": 60_000, "to_commit": 10_000, "to_send": 20_000, "sent": 30_000, "kept_underway": 15,
        "changed_underway": 10_000, "arrived": 19_985, "spent:housing": 5_000, "held": 13_985, "returned": 1_000,
    }  # fmt: skip
    dollars = {node.name: node.minor for node in flow_of(in_dollars).nodes}
    assert dollars == {"changed_in": 11_200, "arrived": 11_200, "held": 11_200}
