"""The life of an appeal: what moves it, what stands in the way, where money goes that comes late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from fundraising import disputed, donations, drafts, ledger, totals
from fundraising.appeals import life, rounds
from fundraising.appeals.life import AppealRefused
from fundraising.appeals.obstacles import Act, in_the_way
from fundraising.appeals.rounds import RoundDraft
from fundraising.ledger import Bucket
from fundraising.models import (
    Appeal,
    AppealState,
    Break,
    DonationPage,
    Evidence,
    Fund,
    Goal,
    Purpose,
    Round,
    RoundText,
    SpendingStep,
    StaffAction,
    StepKind,
    StepState,
)
from fundraising.money import Money
from fundraising.spending import findings, stages, surplus, verbs
from fundraising.spending.steps import SpendingRefused
from tests import factories
from tests.fundraising.spending.kits import AT, ON, Spending, euros, give, make_spending

pytestmark = pytest.mark.django_db
REASONS = {"en": "Winter lasts longer", "it": "L'inverno dura di più"}


@pytest.fixture
def world(db: None) -> Spending:
    return make_spending(threshold=50_000)


@contextmanager
def in_way(*codes: str) -> Iterator[None]:
    with pytest.raises(AppealRefused) as caught:
        yield
    assert tuple(obstacle.code for obstacle in caught.value.obstacles) == codes


@contextmanager
def database_refuses(name: str) -> Iterator[None]:
    """The block, and what is looked at only when a database transaction ends."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic(), all_at_once():
        yield
    diagnosis = getattr(caught.value.__cause__, "diag", None)
    assert getattr(diagnosis, "constraint_name", None) == name


@contextmanager
def all_at_once() -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def state(world: Spending) -> str:
    return Appeal.objects.get(pk=world.kit.appeal.pk).state


def close(world: Spending) -> None:
    life.close(world.kit.appeal, by=world.author, reason="The families are safe")


def resolve(world: Spending) -> list[SpendingStep]:
    return life.resolve_surplus(world.kit.appeal, by=world.author, on=ON, text="What is left")


def of_late_fund(world: Spending, purpose: Purpose = Purpose.DONATIONS) -> Money:
    late = world.kit.appeal.late_fund_id
    return -ledger.balance(Bucket(world.kit.entity.pk, purpose, "EUR", late))


# --- Draft to open ------------------------------------------------------------------------------------------


def make_draft(world: Spending) -> Appeal:
    entity = world.kit.entity
    fund = Fund.objects.create(entity=entity, name="Boats")
    return Appeal.objects.create(
        campaign=world.kit.campaign, slug="boats", fund=fund, late_fund=world.general, currency="EUR"
    )


def test_a_draft_is_opened_once_it_has_all_that_donors_must_be_told(world: Spending) -> None:
    appeal = make_draft(world)
    with in_way("no_page", "no_round"):
        life.publish(appeal, by=world.author)
    page = DonationPage.objects.create(appeal=appeal, locale="en", slug="boats")
    first = rounds.open_round(appeal, RoundDraft("Winter", euros(100)), by=world.author)
    with in_way("no_wording", "no_currency"):
        life.publish(appeal, by=world.author)
    wording = world.kit.wordings["en"]
    wording.pk, wording.appeal = None, appeal
    wording.save()
    money = world.kit.pages["en"].currencies.first()
    assert money
    money.pk, money.page = None, page
    money.save()
    life.publish(appeal, by=world.author)
    appeal.refresh_from_db()
    assert (appeal.state, first.number, first.goals.get().amount_minor) == (AppealState.OPEN, 1, 100)
    told = StaffAction.objects.filter(about="appeal:boats").order_by("pk")
    assert [line.verb for line in told] == ["round_opened", "appeal_opened"]


def test_whatever_the_path_the_database_opens_no_appeal_without_goal_or_wording(world: Spending) -> None:
    appeal = make_draft(world)
    with database_refuses("appeal_complete"):
        Appeal.objects.filter(pk=appeal.pk).update(state=AppealState.OPEN)
    with database_refuses("appeal_complete"):
        DonationPage.objects.create(appeal=world.kit.appeal, locale="de", slug="boote")
    hidden = DonationPage.objects.create(appeal=world.kit.appeal, locale="de", slug="boote", published=False)
    with database_refuses("appeal_complete"):
        DonationPage.objects.filter(pk=hidden.pk).update(published=True)


def test_the_database_knows_which_state_follows_on_which(world: Spending) -> None:
    give(world.kit, euros(10_000))
    for unknown in (AppealState.ARCHIVED, AppealState.RESOLVED, AppealState.DRAFT):
        with database_refuses("appeal_in_order"):
            Appeal.objects.filter(pk=world.kit.appeal.pk).update(state=unknown)
    close(world)
    with database_refuses("appeal_in_order"):  # there is money in its fund
        Appeal.objects.filter(pk=world.kit.appeal.pk).update(state=AppealState.RESOLVED)


def test_each_act_is_refused_from_other_states_and_without_a_reason(world: Spending) -> None:
    for act in (Act.PUBLISH, Act.RESOLVE, Act.ARCHIVE):
        assert [one.code for one in in_the_way(world.kit.appeal, act)] == ["state"]
    with in_way("no_reason"):
        life.close(world.kit.appeal, by=world.author, reason=" ")
    life.begin_closing(world.kit.appeal, by=world.author, reason="Nearly there")
    with in_way("state"):
        life.begin_closing(world.kit.appeal, by=world.author, reason="Again")
    assert state(world) == AppealState.CLOSING


# --- The way back -------------------------------------------------------------------------------------------


def test_a_step_back_is_taken_only_where_nothing_was_done_meanwhile(world: Spending) -> None:
    def back() -> None:
        life.step_back(world.kit.appeal, by=world.author, reason="Too early")

    back()
    assert state(world) == AppealState.DRAFT
    life.publish(world.kit.appeal, by=world.author)
    donation, _charge = factories.received_donation(world.kit)
    with in_way("given"):
        back()
    life.begin_closing(world.kit.appeal, by=world.author, reason="Nearly there")
    back()
    assert state(world) == AppealState.OPEN
    life.begin_closing(world.kit.appeal, by=world.author, reason="Nearly there")
    late = factories.open_donation(world.kit)
    with in_way("given_since"):
        back()
    close(world)
    back()
    assert state(world) == AppealState.CLOSING
    close(world)
    factories.receive(late)
    with in_way("late_money"):
        back()
    assert donation.round == late.round


# --- Closing: money that comes late -------------------------------------------------------------------------


def test_what_was_opened_before_and_paid_after_closing_goes_to_the_secondary_purpose(world: Spending) -> None:
    early, late = factories.open_donation(world.kit), factories.open_donation(world.kit)
    factories.receive(early)
    close(world)
    with pytest.raises(drafts.NotOpen):
        factories.open_donation(world.kit)
    charge = factories.receive(late)
    late.refresh_from_db()
    assert (early.fund, late.fund) == (world.fund, world.general)
    assert of_late_fund(world) == factories.FIFTY_EUROS
    assert totals.appeal_total(world.kit.appeal).raised == factories.FIFTY_EUROS  # the late one is not in it
    factories.refund(charge, euros(1_000))  # and what goes back leaves from where it went
    assert of_late_fund(world, Purpose.REFUNDS) == euros(-1_000)


def test_a_debit_announced_before_closing_and_paid_after_it_is_late_money(world: Spending) -> None:
    late = factories.open_donation(world.kit)
    donations.announce_donation(late.uuid, provider_id="py_1", amount=late.amount, at=AT)
    close(world)
    assert [one.what for one in surplus.left_of(world.fund)] == ["pending"]
    factories.receive(late)
    assert surplus.left_of(world.fund) == []
    assert of_late_fund(world) == late.amount


def test_a_dispute_won_after_the_surplus_was_resolved_is_a_break_until_it_is_resolved_once_more(
    world: Spending,
) -> None:
    charge = give(world.kit, euros(10_000))
    give(world.kit, euros(5_000))
    disputed.withhold_disputed(key="dispute:1", charge_key=charge, amount=euros(10_000), at=AT)
    close(world)
    with in_way("unsettled", "withheld"):
        resolve(world)
    disputed.lose_disputed(key="dispute:1", charge_key=charge, at=AT)
    settle_back(charge, 10_000, "lost")
    [step] = resolve(world)
    verbs.approve(step, by=world.approver)
    assert (step.amount, state(world)) == (euros(5_000), AppealState.RESOLVED)
    disputed.return_disputed(key="dispute:1", charge_key=charge, at=AT)
    settle_back(charge, -10_000, "won")
    findings.check_funds()
    found = Break.objects.get(entity=world.kit.entity, cause="fund_left")
    assert (found.amount_minor, found.state) == (10_000, "open")
    with in_way("available"):
        life.archive(world.kit.appeal, by=world.author)
    [again] = resolve(world)
    verbs.approve(again, by=world.approver)
    findings.check_funds()
    found.refresh_from_db()
    assert (found.state, state(world)) == ("gone", AppealState.RESOLVED)
    life.archive(world.kit.appeal, by=world.author)
    assert state(world) == AppealState.ARCHIVED


def settle_back(charge: str, minor: int, key: str) -> None:
    """The provider has drawn (or given back) what a dispute is about."""
    back = euros(-minor)
    donations.settle(key=f"txn:{charge}:{key}", fact_key=charge, gross=back, settled=back, fee=euros(0))


# --- What is left -------------------------------------------------------------------------------------------


def test_all_that_is_left_goes_by_two_people_and_by_currency_and_the_last_one_resolves_it(world: Spending) -> None:
    give(world.kit, euros(10_000), fee=300)
    give(world.kit, Money(4_000, "USD"))
    close(world)
    steps = resolve(world)
    assert [(step.kind, step.amount, step.state) for step in steps] == [
        (StepKind.SURPLUS, euros(9_700), StepState.WAITING),
        (StepKind.SURPLUS, Money(4_000, "USD"), StepState.WAITING),
    ]
    with pytest.raises(SpendingRefused, match="own_step"):
        verbs.approve(steps[0], by=world.author)
    assert [one.code for one in in_the_way(Appeal.objects.get(pk=world.kit.appeal.pk), Act.RESOLVE)] == [
        "surplus_waits"
    ]
    before = stages.available(world.general.pk, "EUR")
    verbs.approve(steps[0], by=world.approver)
    assert state(world) == AppealState.CLOSED
    verbs.approve(steps[1], by=world.approver)
    assert state(world) == AppealState.RESOLVED
    assert stages.available(world.general.pk, "EUR") - before == euros(9_700)
    assert surplus.left_of(world.fund) == []


def test_nothing_is_passed_on_while_money_is_anywhere_else(world: Spending) -> None:
    give(world.kit, euros(40_000))
    factories.received_donation(world.kit, amount=euros(1_000), at=AT)  # not settled
    who: dict[str, Any] = {"by": world.author, "on": ON}
    verbs.allocate(world.housing, euros(20_000), **who)
    commitment = verbs.commit(world.housing, world.partner, euros(12_000), **who)
    tranche = verbs.disburse(commitment, world.bank, euros(9_000), **who)
    verbs.confirm_arrival(tranche, euros(9_000), **who)
    verbs.disburse(commitment, world.bank, euros(1_000), **who)
    verbs.advance(world.general, world.fund, euros(500), **who, text="start")
    close(world)
    assert [(one.code, one.amount) for one in in_the_way(Appeal.objects.get(), Act.RESOLVE)] == [
        ("allocated", euros(8_000)), ("committed", euros(2_000)), ("held", euros(9_000)), ("lent", euros(500)),
        ("underway", euros(1_000)), ("unsettled", euros(1_000)),
    ]  # fmt: skip


def test_a_rest_of_an_allocation_is_taken_back_and_then_passed_on(world: Spending) -> None:
    give(world.kit, euros(10_000))
    verbs.allocate(world.housing, euros(8_000), by=world.author, on=ON)
    close(world)
    with pytest.raises(SpendingRefused, match="line_short"):
        verbs.deallocate(world.housing, euros(8_001), by=world.author, on=ON, text="Not needed")
    verbs.deallocate(world.housing, euros(8_000), by=world.author, on=ON, text="Not needed")
    [step] = resolve(world)
    assert step.amount == euros(10_000)


def test_a_step_that_is_not_all_that_is_left_any_more_is_not_approved_but_withdrawn(world: Spending) -> None:
    charge = give(world.kit, euros(10_000))
    close(world)
    [step] = resolve(world)
    factories.refund(charge, euros(1_000))
    donations.settle(key="txn:refund", fact_key=charge, gross=euros(-1_000), settled=euros(-1_000), fee=euros(0))
    with pytest.raises(SpendingRefused, match="other_rest"):
        verbs.approve(step, by=world.approver)
    with in_way("surplus_waits"):
        resolve(world)
    with pytest.raises(SpendingRefused, match="others_step"):
        verbs.withdraw(step, by=world.approver)
    verbs.withdraw(step, by=world.author)
    [anew] = resolve(world)
    assert anew.amount == euros(9_000)
    with pytest.raises(SpendingRefused, match="decided"):
        verbs.approve(step, by=world.approver)


def test_a_deficit_is_borne_by_the_unrestricted_fund(world: Spending) -> None:
    charge = give(world.kit, euros(10_000))
    spend_all(world, 10_000)
    donations.charge_failed(charge_key=charge, at=AT)
    settle_back(charge, 10_000, "failed")
    other = factories.open_donation(world.kit, amount=euros(12_000))
    close(world)
    with pytest.raises(SpendingRefused, match="fund_short"):
        resolve(world)
    donations.settle(
        key="txn:late", fact_key=factories.receive(other), gross=euros(12_000), settled=euros(12_000), fee=euros(0)
    )
    [step] = resolve(world)
    assert (step.kind, step.amount, step.other_fund) == (StepKind.DEFICIT, euros(10_000), world.general)
    verbs.approve(step, by=world.approver)
    assert state(world) == AppealState.RESOLVED
    assert stages.available(world.general.pk, "EUR") == euros(2_000)


def spend_all(world: Spending, minor: int) -> None:
    who: dict[str, Any] = {"by": world.author, "on": ON}
    verbs.allocate(world.housing, euros(minor), **who)
    commitment = verbs.commit(world.housing, world.partner, euros(minor), **who)
    arrival = verbs.confirm_arrival(verbs.disburse(commitment, world.bank, euros(minor), **who), euros(minor), **who)
    verbs.report_spending(arrival, euros(minor), evidence=Evidence.CONFIRMED, **who)


def test_where_nothing_is_left_it_is_resolved_at_once_and_the_way_back_is_open(world: Spending) -> None:
    close(world)
    assert resolve(world) == []
    assert state(world) == AppealState.RESOLVED
    with pytest.raises(SpendingRefused, match="resolved"):
        verbs.allocate(world.housing, euros(1), by=world.author, on=ON)
    life.archive(world.kit.appeal, by=world.author)
    with in_way("resolved"):
        rounds.open_round(world.kit.appeal, RoundDraft("More", euros(5), REASONS), by=world.author)
    for before in (AppealState.RESOLVED, AppealState.CLOSED):
        life.step_back(world.kit.appeal, by=world.author, reason="Not yet")
        assert state(world) == before


def test_undoing_what_was_passed_on_closes_the_appeal_again_unless_it_is_archived(world: Spending) -> None:
    give(world.kit, euros(10_000))
    close(world)
    [step] = resolve(world)
    step = verbs.approve(step, by=world.approver)
    with in_way("surplus_passed"):
        life.step_back(world.kit.appeal, by=world.author, reason="Not yet")
    life.archive(world.kit.appeal, by=world.author)
    with pytest.raises(SpendingRefused, match="archived"):
        verbs.undo(step, by=world.author, on=ON, text="Not yet")
    life.step_back(world.kit.appeal, by=world.author, reason="Not yet")
    back = verbs.undo(step, by=world.author, on=ON, text="Not yet")
    assert back.state == StepState.WAITING  # two people here too
    verbs.approve(back, by=world.approver)
    assert state(world) == AppealState.CLOSED
    assert stages.available(world.fund.pk, "EUR") == euros(10_000)


def test_what_was_ordered_from_the_bank_and_is_on_no_statement_keeps_an_appeal_from_the_archive(
    world: Spending,
) -> None:
    give(world.kit, euros(10_000))
    spend_all(world, 10_000)
    close(world)
    assert resolve(world) == []
    with in_way("orders"):
        life.archive(world.kit.appeal, by=world.author)


# --- Rounds and goals ---------------------------------------------------------------------------------------


def test_a_second_round_tells_readers_why_closes_the_first_and_opens_a_closed_appeal(world: Spending) -> None:
    close(world)
    with in_way("no_reason_in"):
        rounds.open_round(world.kit.appeal, RoundDraft("Winter", euros(900), {"en": "Winter"}), by=world.author)
    with in_way("opens_later", "no_reason_in", "no_reason_in"):
        later = timezone.now() + timedelta(days=2)
        rounds.open_round(world.kit.appeal, RoundDraft("Winter", euros(900), opens_at=later), by=world.author)
    second = rounds.open_round(world.kit.appeal, RoundDraft("Winter", euros(900), REASONS), by=world.author)
    first = Round.objects.get(appeal=world.kit.appeal, number=1)
    assert (second.number, second.is_open(), first.closes_at, state(world)) == (
        2, True, second.opens_at, AppealState.OPEN,
    )  # fmt: skip
    assert dict(second.texts.values_list("locale", "reason")) == REASONS


def test_a_goal_is_changed_by_a_new_one_and_a_round_closed_only_once(world: Spending) -> None:
    with in_way("no_goal_amount", "no_reason"):
        rounds.set_goal(world.kit.round, euros(0), reason="", by=world.author)
    with in_way("no_goal_amount"):
        rounds.set_goal(world.kit.round, Money(100, "USD"), reason="More", by=world.author)
    rounds.set_goal(world.kit.round, euros(6_000_000), reason="More families", by=world.author)
    with in_way("same_goal"):
        rounds.set_goal(world.kit.round, euros(6_000_000), reason="More families", by=world.author)
    assert [goal.amount_minor for goal in world.kit.round.goals.all()] == [6_000_000, 5_000_000]
    rounds.close_round(world.kit.round, by=world.author, reason="Reached")
    with in_way("round_over"):
        rounds.close_round(world.kit.round, by=world.author, reason="Reached")


def test_what_a_round_said_is_never_changed(world: Spending) -> None:
    text = RoundText.objects.create(round=world.kit.round, locale="en", reason="First families")
    factories.received_donation(world.kit)
    Round.objects.filter(pk=world.kit.round.pk).update(closes_at=timezone.now() - timedelta(hours=1))
    own = Round.objects.filter(pk=world.kit.round.pk)
    changes: list[dict[str, Any]] = [{"reason": "Other"}, {"number": 7}, {"closes_at": None}, {"opens_at": AT}]
    for change in changes:
        with pytest.raises(IntegrityError, match="a round is not changed"), transaction.atomic():
            own.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        RoundText.objects.filter(pk=text.pk).update(reason="Other")
    with pytest.raises(IntegrityError), transaction.atomic():
        Goal.objects.filter(round=world.kit.round).update(amount_minor=1)


def test_a_fund_keeps_its_restriction_once_there_is_money(world: Spending) -> None:
    give(world.kit, euros(100))
    with database_refuses("fund_restriction_stands"):
        Fund.objects.filter(pk=world.fund.pk).update(restricted=False)
