"""Property: no sequence of verbs, at once or one after the other, overdraws a fund or breaks the sums."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fundraising import donations, ledger
from fundraising.appeals import life, rounds
from fundraising.appeals.life import AppealRefused
from fundraising.appeals.rounds import RoundDraft
from fundraising.drafts import NotOpen
from fundraising.models import Break, BreakState, Evidence, SpendingStep, StepKind, StepState
from fundraising.money import Money
from fundraising.spending import audit, findings, stages, steps, verbs
from fundraising.spending.figures import CurrencyFigures
from fundraising.spending.reading import appeal_figures
from fundraising.spending.steps import SpendingRefused
from tests import factories
from tests.fundraising.spending.kits import AT, ON, Spending, euros, give, make_spending

CURRENCIES = ("EUR", "USD")
AMOUNTS = st.integers(1, 60_000)
ACTS = st.one_of(
    st.tuples(
        st.sampled_from(
            ["give", "charge", "refund", "allocate", "commit", "release", "disburse", "arrive", "exchange", "report",
             "return", "advance", "repay", "undo", "fold", "deallocate", "chargeback", "late", "close", "reopen",
             "resolve", "decide", "withdraw", "archive", "step_back"]
        ),
        AMOUNTS,
        st.integers(0, 9),
    )
)  # fmt: skip


class Life:
    """Lives through acts with the verbs; what cannot be is refused, and that is fine."""

    def __init__(self) -> None:
        self.world = make_spending()
        self.charges: list[tuple[str, Money]] = []
        self.opened = [factories.open_donation(self.world.kit) for _each in range(3)]

    def act(self, name: str, minor: int, pick: int) -> None:
        money = Money(minor, CURRENCIES[pick % 2] if pick > 7 else "EUR")
        if name in {"refund", "chargeback", "late", "fold"}:
            getattr(self, name)(money, pick)
            return
        try:
            with transaction.atomic():
                step = getattr(self, name)(money, pick)
                if step and step.state == StepState.WAITING and pick:  # a currency without a rate
                    verbs.approve(step, by=self.world.approver)
        except (SpendingRefused, AppealRefused, NotOpen):
            pass

    def chargeback(self, _money: Money, pick: int) -> None:
        if self.charges:
            charge, _money = self.charges.pop(pick % len(self.charges))
            donations.charge_failed(charge_key=charge, at=AT)

    def late(self, _money: Money, _pick: int) -> None:
        """What was opened before it is paid now, whatever the appeal's state has become; and settled."""
        if self.opened:
            donation = self.opened.pop()
            charge, money = factories.receive(donation, at=AT), donation.amount
            donations.settle(key=f"txn:{charge}", fact_key=charge, gross=money, settled=money, fee=Money(0, "EUR"))

    def close(self, _money: Money, _pick: int) -> None:
        life.close(self.world.kit.appeal, by=self.world.author, reason="enough")

    def reopen(self, money: Money, _pick: int) -> None:
        told = RoundDraft("again", euros(money.minor), {"en": "Again", "it": "Ancora"})
        rounds.open_round(self.world.kit.appeal, told, by=self.world.author)

    def step_back(self, _money: Money, _pick: int) -> None:
        life.step_back(self.world.kit.appeal, by=self.world.author, reason="too early")

    def archive(self, _money: Money, _pick: int) -> None:
        life.archive(self.world.kit.appeal, by=self.world.author)

    def resolve(self, _money: Money, pick: int) -> None:
        steps = life.resolve_surplus(self.world.kit.appeal, by=self.world.author, on=ON, text="rest")
        for step in steps[: pick % 3]:
            verbs.approve(step, by=self.world.approver)

    def waiting(self, pick: int) -> SpendingStep:
        rows = SpendingStep.objects.filter(entity=self.world.kit.entity, state=StepState.WAITING)
        found = list(rows.order_by("pk"))
        if not found:
            raise SpendingRefused("nothing")
        return found[pick % len(found)]

    def decide(self, _money: Money, pick: int) -> SpendingStep:
        return verbs.approve(self.waiting(pick), by=self.world.approver)

    def withdraw(self, _money: Money, pick: int) -> None:
        verbs.withdraw(self.waiting(pick), by=self.world.author)

    def deallocate(self, money: Money, _pick: int) -> SpendingStep:
        return verbs.deallocate(self.world.housing, money, by=self.world.author, on=ON, text="less")

    def give(self, money: Money, _pick: int) -> None:
        self.charges.append((give(self.world.kit, money, fee=money.minor // 30), money))

    def charge(self, money: Money, _pick: int) -> None:
        self.charges.append((factories.received_donation(self.world.kit, amount=money, at=AT)[1], money))

    def refund(self, _money: Money, pick: int) -> None:
        if self.charges:
            charge, money = self.charges.pop(pick % len(self.charges))
            factories.refund(charge, money, at=AT)

    def fold(self, _money: Money, _pick: int) -> None:
        ledger.fold()

    def one(self, kind: StepKind, pick: int) -> SpendingStep:
        found = list(SpendingStep.objects.filter(fund__entity=self.world.kit.entity, kind=kind).order_by("pk"))
        if not found:
            raise SpendingRefused("nothing")
        return found[pick % len(found)]

    def allocate(self, money: Money, pick: int) -> SpendingStep:
        line = self.world.legal if pick % 3 == 0 else self.world.housing
        return verbs.allocate(line, money, by=self.world.author, on=ON)

    def commit(self, money: Money, _pick: int) -> SpendingStep:
        return verbs.commit(self.world.housing, self.world.partner, money, by=self.world.author, on=ON)

    def release(self, money: Money, pick: int) -> SpendingStep:
        return verbs.release(self.one(StepKind.COMMITMENT, pick), money, by=self.world.author, on=ON, text="less")

    def disburse(self, money: Money, pick: int) -> SpendingStep:
        commitment = self.one(StepKind.COMMITMENT, pick)
        return verbs.disburse(commitment, self.world.bank, money, by=self.world.author, on=ON)

    def arrive(self, _money: Money, pick: int) -> SpendingStep:
        tranche = self.one(StepKind.DISBURSEMENT, pick)
        came = Money(max(tranche.amount_minor - pick, 1), tranche.currency)
        return verbs.confirm_arrival(tranche, came, by=self.world.author, on=ON)

    def exchange(self, money: Money, pick: int) -> SpendingStep:
        tranche = self.one(StepKind.DISBURSEMENT, pick)
        return verbs.confirm_arrival(tranche, Money(money.minor, "USD"), by=self.world.author, on=ON)

    def report(self, money: Money, pick: int) -> SpendingStep:
        arrival = self.one(StepKind.ARRIVAL, pick)
        spent = Money(money.minor, arrival.other_currency)
        return verbs.report_spending(arrival, spent, evidence=Evidence.CONFIRMED, by=self.world.author, on=ON)

    def __getattr__(self, name: str) -> Callable[[Money, int], SpendingStep]:
        if name == "return":
            return self.give_back
        raise AttributeError(name)

    def give_back(self, money: Money, pick: int) -> SpendingStep:
        arrival = self.one(StepKind.ARRIVAL, pick)
        held = Money(money.minor, arrival.other_currency)
        came = Money(max(money.minor - pick, 1), "EUR")
        return verbs.return_unspent(arrival, held, came=came, bank_account=self.world.bank, by=self.world.author, on=ON)

    def advance(self, money: Money, pick: int) -> SpendingStep:
        pair = [self.world.fund, self.world.general]
        fund, lender = pair if pick % 2 else pair[::-1]
        return verbs.advance(fund, lender, money, by=self.world.author, on=ON, text="start")

    def repay(self, money: Money, pick: int) -> SpendingStep:
        return verbs.repay(self.one(StepKind.ADVANCE, pick), money, by=self.world.author, on=ON)

    def undo(self, _money: Money, pick: int) -> SpendingStep:
        kinds = [kind for kind in StepKind if kind != StepKind.REVERSAL]
        rows = SpendingStep.objects.filter(fund__entity=self.world.kit.entity, kind__in=kinds, state=StepState.BOOKED)
        found = list(rows.order_by("-pk"))
        if not found:
            raise SpendingRefused("nothing")
        return verbs.undo(found[pick % len(found)], by=self.world.author, on=ON, text="mistake")


def now(world: Spending) -> dict[str, CurrencyFigures]:
    found = appeal_figures(world.kit.appeal, first=date(2026, 1, 1), last=timezone.now().date())
    assert found.gaps() == []
    return {figures.currency: figures for figures in found.by_currency}


def assert_sums_hold(world: Spending) -> None:
    for currency, figures in now(world).items():
        taken = figures.refunds + figures.chargebacks + figures.fees - figures.passed
        somewhere = (
            figures.available + figures.unsettled + figures.to_commit + figures.to_send + figures.underway
            + figures.held + figures.spent + figures.lent - figures.borrowed
        )  # fmt: skip
        assert figures.received - taken + figures.exchanged == somewhere
        assert figures.available == stages.available(world.fund.pk, currency)
        for line in figures.lines:
            assert min(part.minor for part in (line.to_commit, line.to_send, line.underway, line.held)) >= 0
    for name, sql in audit.NONE_OF.items():
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("%%", "%"))
            assert cursor.fetchall() == [], name


@pytest.mark.django_db
@pytest.mark.slow
@given(acts=st.lists(ACTS, min_size=5, max_size=25))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_no_sequence_of_verbs_overdraws_a_fund_or_breaks_the_sums(acts: list[tuple[str, int, int]]) -> None:
    with transaction.atomic():
        life = Life()
        life.give(euros(100_000), 0)
        funds = [(life.world.fund.pk, code) for code in CURRENCIES] + [(life.world.general.pk, "EUR")]
        for act in acts:
            before = {key: stages.available(*key).minor for key in funds}
            life.act(*act)
            after = {key: stages.available(*key).minor for key in funds}
            if act[0] not in {"refund", "chargeback"}:  # money that leaves can make a fund short; no verb of ours can
                for key in funds:
                    assert after[key] >= min(before[key], 0), (act, key)
            assert_sums_hold(life.world)
        transaction.set_rollback(True)


# --- At once ----------------------------------------------------------------------------------------------------


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each call returned or raised, all begun together in connections of their own."""
    start = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        start.wait()
        try:
            return call()
        except SpendingRefused as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.django_db(transaction=True)
def test_of_several_people_who_allocate_the_same_money_at_once_one_gets_it() -> None:
    world = make_spending()
    give(world.kit, euros(100_000))
    tries = at_once(*[lambda: verbs.allocate(world.housing, euros(60_000), by=world.author, on=ON)] * 4)
    assert sum(isinstance(found, SpendingStep) for found in tries) == 1
    assert stages.available(world.fund.pk, "EUR") == euros(40_000)
    assert_sums_hold(world)


@pytest.mark.django_db(transaction=True)
def test_the_same_commitment_is_not_sent_twice_and_two_funds_that_lend_each_other_do_not_wait_forever() -> None:
    world = make_spending()
    give(world.kit, euros(100_000))
    verbs.allocate(world.housing, euros(60_000), by=world.author, on=ON)
    commitment = verbs.commit(world.housing, world.partner, euros(50_000), by=world.author, on=ON)
    tries = at_once(*[lambda: verbs.disburse(commitment, world.bank, euros(50_000), by=world.author, on=ON)] * 3)
    assert sum(isinstance(found, SpendingStep) for found in tries) == 1
    verbs.advance(world.general, world.fund, euros(10_000), by=world.author, on=ON, text="start")
    at_once(
        lambda: verbs.advance(world.general, world.fund, euros(100), by=world.author, on=ON, text="there"),
        lambda: verbs.advance(world.fund, world.general, euros(100), by=world.author, on=ON, text="back"),
        lambda: verbs.advance(world.general, world.fund, euros(100), by=world.author, on=ON, text="there"),
    )
    assert_sums_hold(world)


@pytest.mark.django_db(transaction=True)
def test_a_refund_while_the_money_is_allocated_leaves_a_break_and_no_error() -> None:
    world = make_spending()
    charge = give(world.kit, euros(100_000))
    at_once(
        lambda: verbs.allocate(world.housing, euros(80_000), by=world.author, on=ON),
        lambda: factories.refund(charge, euros(100_000)),
    )
    assert_sums_hold(world)
    findings.note(world.kit.entity)
    short = stages.available(world.fund.pk, "EUR").minor
    assert short in {0, -80_000}  # the refund came first, or after
    found = list(Break.objects.filter(entity=world.kit.entity, cause="fund_short"))
    assert [one.amount_minor for one in found] == ([80_000] if short else [])


@pytest.mark.django_db(transaction=True)
def test_a_chargeback_and_a_refund_while_promises_are_made_leave_a_break_of_what_is_missing() -> None:
    world = make_spending()
    one, other = give(world.kit, euros(60_000)), give(world.kit, euros(40_000))
    verbs.allocate(world.housing, euros(50_000), by=world.author, on=ON)
    at_once(
        lambda: verbs.commit(world.housing, world.partner, euros(50_000), by=world.author, on=ON),
        lambda: donations.charge_failed(charge_key=one, at=AT),
        lambda: factories.refund(other, euros(40_000)),
    )
    assert_sums_hold(world)
    findings.note(world.kit.entity)
    found = Break.objects.get(entity=world.kit.entity, cause="fund_short")
    assert (found.amount_minor, stages.available(world.fund.pk, "EUR")) == (50_000, euros(-50_000))


@pytest.mark.django_db
def test_what_leaves_the_fund_between_our_look_and_the_booking_is_refused_by_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = make_spending()
    give(world.kit, euros(100_000))
    monkeypatch.setattr(steps, "refuse_too_much", lambda step: None)
    with pytest.raises(SpendingRefused, match="overtaken"):
        verbs.allocate(world.housing, euros(100_001), by=world.author, on=ON)
    assert_sums_hold(world)


@pytest.mark.django_db
def test_a_chargeback_after_a_promise_is_a_break_that_goes_when_money_comes() -> None:
    world = make_spending()
    charge = give(world.kit, euros(100_000))
    verbs.allocate(world.housing, euros(80_000), by=world.author, on=ON)
    donations.charge_failed(charge_key=charge, at=AT)
    findings.check_funds()
    found = Break.objects.get(entity=world.kit.entity, cause="fund_short")
    assert (found.amount_minor, found.state, found.facts["available"]) == (80_000, BreakState.OPEN, -80_000)
    assert now(world)["EUR"].available == euros(-80_000)
    give(world.kit, euros(90_000))
    findings.check_funds()
    found.refresh_from_db()
    assert found.state == BreakState.GONE


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@given(acts=st.lists(st.lists(ACTS, min_size=2, max_size=6), min_size=3, max_size=3))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_no_verbs_of_three_people_at_once_overdraw_a_fund_or_break_the_sums(
    acts: list[list[tuple[str, int, int]]],
) -> None:
    life = Life()
    for _each in range(3):
        life.give(euros(50_000), 0)
    refunds = any(act[0] in {"refund", "chargeback"} for mine in acts for act in mine)

    def live(mine: list[tuple[str, int, int]]) -> None:
        for act in mine:
            life.act(*act)

    at_once(*[lambda mine=mine: live(mine) for mine in acts])
    assert_sums_hold(life.world)
    if not refunds:
        assert stages.available(life.world.fund.pk, "EUR").minor >= 0
        assert stages.available(life.world.fund.pk, "USD").minor >= 0
