"""What was ordered from the bank: suggested for its line, matched once, and a break where no line comes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from fundraising.bank import matching, orders, statements
from fundraising.models import BankLine, Break, MatchKind, SpendingStep
from fundraising.spending import verbs
from fundraising.spending.steps import SpendingRefused
from tests.fundraising.bank.samples import Row, camt
from tests.fundraising.spending.kits import ON, Spending, euros, give, make_spending

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> Spending:
    found = make_spending()
    give(found.kit, euros(100_000))
    return found


def sent(world: Spending, minor: int) -> SpendingStep:
    verbs.allocate(world.housing, euros(minor), by=world.author, on=ON)
    commitment = verbs.commit(world.housing, world.partner, euros(minor), by=world.author, on=ON)
    return verbs.disburse(commitment, world.bank, euros(minor), by=world.author, on=ON)


def line(world: Spending, minor: int) -> BankLine:
    data = camt([Row(ON + timedelta(days=1), minor)], iban=world.bank.iban)
    statements.import_statement(world.bank, name=f"april{minor}", data=data, by=world.author)
    return BankLine.objects.get(amount_minor=minor)


def test_a_line_is_suggested_the_step_of_its_amount_and_says_nothing_of_the_partner(world: Spending) -> None:
    step, _other = sent(world, 40_000), sent(world, 7_000)
    [suggested] = orders.for_lines([line(world, -40_000)])[0]
    assert (suggested.kind, suggested.key, suggested.amount_minor) == (MatchKind.STEP, str(step.uuid), -40_000)
    assert world.partner.real_name not in " ".join(map(str, suggested.words))
    assert orders.for_lines([line(world, 40_000)]) == [[]]  # it came in
    assert orders.step_named(world.bank, str(step.uuid)[:8]) == step


def test_a_step_is_covered_once_and_undoing_the_match_opens_it_again(world: Spending) -> None:
    step = sent(world, 40_000)
    told = {"kind": MatchKind.STEP, "key": str(step.uuid), "by": world.author}
    match = matching.match_line(line(world, -40_000), amount_minor=-40_000, **told)  # type: ignore[arg-type]
    with pytest.raises(matching.NotMatchable):
        matching.match_line(line(world, -39_999), amount_minor=-39_999, **told)  # type: ignore[arg-type]
    assert orders.open_orders(world.bank) == []
    with pytest.raises(SpendingRefused, match="in_bank"):
        verbs.undo(step, by=world.author, on=ON, text="Mistake")
    matching.undo_match(match, by=world.author, reason="Another one")
    assert [(found, minor) for found, minor in orders.open_orders(world.bank)] == [(step, -40_000)]
    verbs.undo(step, by=world.author, on=ON, text="Mistake")
    assert orders.open_orders(world.bank) == []


def test_an_order_that_is_on_no_statement_is_a_break_until_it_is_matched(world: Spending) -> None:
    step = sent(world, 40_000)
    orders.check_orders()
    found = Break.objects.get(entity=world.kit.entity, cause="order_not_in_bank")
    assert (found.amount_minor, found.subject, found.occurred_on) == (-40_000, f"step:{step.uuid}", ON)
    told = {"kind": MatchKind.STEP, "key": str(step.uuid), "by": world.author}
    matching.match_line(line(world, -40_000), amount_minor=-40_000, **told)  # type: ignore[arg-type]
    orders.check_orders()
    found.refresh_from_db()
    assert found.state == "gone"


def test_an_order_of_these_days_is_no_break_yet(world: Spending, monkeypatch: pytest.MonkeyPatch) -> None:
    sent(world, 40_000)
    monkeypatch.setattr(timezone, "localdate", lambda *_args: ON + timedelta(days=9))
    assert list(orders.late_orders(world.bank)) == []
    monkeypatch.setattr(timezone, "localdate", lambda *_args: ON + timedelta(days=10))
    assert len(list(orders.late_orders(world.bank))) == 1


def test_no_step_is_of_an_earlier_day_than_the_one_it_rests_on(world: Spending) -> None:
    verbs.allocate(world.housing, euros(5_000), by=world.author, on=ON)
    commitment = verbs.commit(world.housing, world.partner, euros(5_000), by=world.author, on=ON)
    with pytest.raises(SpendingRefused, match="too_early"):
        verbs.disburse(commitment, world.bank, euros(5_000), by=world.author, on=ON - timedelta(days=1))
