"""The way of the money, step by step, as a book of accounts tells it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from fundraising import ledger
from fundraising.bank import matching, statements
from fundraising.books.manual_entries import Attachment
from fundraising.ledger import Bucket
from fundraising.models import BankLine, Evidence, MatchKind, Purpose, SpendingStep, StaffAction, StepKind, StepState
from fundraising.money import Money
from fundraising.spending import stages, verbs
from fundraising.spending.figures import CurrencyFigures
from fundraising.spending.reading import appeal_figures
from fundraising.spending.steps import SpendingRefused
from tests import factories
from tests.fundraising.bank.samples import Row, camt
from tests.fundraising.spending.kits import (
    ON,
    SECRET,
    Spending,
    euros,
    give,
    make_bank,
    make_partner,
    make_spending,
    state_policy,
)

pytestmark = pytest.mark.django_db

PDF = Attachment("receipts.pdf", b"%PDF-1.7 seen")


@pytest.fixture
def world(db: None) -> Spending:
    found = make_spending()
    give(found.kit, euros(100_000), fee=3_000)
    return found


def figures(world: Spending, currency: str = "EUR") -> CurrencyFigures:
    found = appeal_figures(world.kit.appeal, first=date(2026, 1, 1), last=timezone.now().date())
    assert found.gaps() == []
    one = found.currency(currency)
    assert one
    return one


def refused(code: str) -> pytest.RaisesExc[SpendingRefused]:
    return pytest.RaisesExc(SpendingRefused, check=lambda error: error.code == code)


def sent(world: Spending, amount: int = 40_000) -> SpendingStep:
    """A tranche on its way."""
    verbs.allocate(world.housing, euros(60_000), by=world.author, on=ON)
    commitment = verbs.commit(world.housing, world.partner, euros(50_000), by=world.author, on=ON)
    return verbs.disburse(commitment, world.bank, euros(amount), by=world.author, on=ON)


def test_the_whole_way_adds_up_at_each_step(world: Spending) -> None:
    assert figures(world).available == euros(97_000)
    verbs.allocate(world.housing, euros(60_000), by=world.author, on=ON)
    now = figures(world)
    assert (now.available, now.to_commit, now.allocated) == (euros(37_000), euros(60_000), euros(60_000))
    commitment = verbs.commit(world.housing, world.partner, euros(50_000), by=world.author, on=ON)
    now = figures(world)
    assert (now.available, now.to_commit, now.to_send) == (euros(37_000), euros(10_000), euros(50_000))
    tranche = verbs.disburse(commitment, world.bank, euros(40_000), by=world.author, on=ON)
    now = figures(world)
    assert (now.available, now.to_send, now.underway) == (euros(37_000), euros(10_000), euros(40_000))
    arrival = verbs.confirm_arrival(tranche, euros(39_900), by=world.author, on=ON)
    now = figures(world)
    assert (now.underway, now.held, now.fees_bank, now.available) == (
        euros(0),
        euros(39_900),
        euros(100),
        euros(37_000),
    )
    verbs.report_spending(arrival, euros(30_000), evidence=Evidence.REVIEWED, by=world.author, on=ON, attachment=PDF)
    verbs.return_unspent(arrival, euros(5_000), bank_account=world.bank, by=world.author, on=ON)
    now = figures(world)
    assert (now.spent, now.returned, now.held, now.available) == (
        euros(30_000), euros(5_000), euros(4_900), euros(42_000),
    )  # fmt: skip
    assert now.spent_by == {"housing": euros(30_000)}
    assert now.unspent == euros(100_000 - 3_000 - 100 - 30_000)
    assert now.unspent == now.available + now.to_commit + now.to_send + now.underway + now.held


def test_a_bank_line_clears_what_was_ordered_from_the_bank_and_then_it_cannot_be_undone(world: Spending) -> None:
    tranche = sent(world, 40_000)
    outgoing = Bucket(world.kit.entity.pk, Purpose.OUTGOING, "EUR", provider=world.bank.slug)
    assert ledger.balance(outgoing) == euros(-40_000)
    statements.import_statement(
        world.bank, name="april", data=camt([Row(ON, -40_001)], iban=world.bank.iban), by=world.author
    )
    line = BankLine.objects.get()
    told = {"kind": MatchKind.STEP, "key": str(tranche.uuid), "by": world.author, "why": "sent"}
    with pytest.raises(matching.NotMatchable):
        matching.match_line(line, amount_minor=-40_001, **told)  # type: ignore[arg-type]
    matching.match_line(line, amount_minor=-40_000, **told)  # type: ignore[arg-type]
    assert ledger.balance(outgoing) == euros(0)
    with refused("in_bank"):
        verbs.undo(tranche, by=world.author, on=ON, text="Mistake")


def test_more_than_is_available_is_not_allocated_and_the_refusal_says_how_much_there_is(world: Spending) -> None:
    with refused("fund_short") as caught:
        verbs.allocate(world.housing, euros(97_001), by=world.author, on=ON)
    assert caught.value.most == euros(97_000)
    assert not SpendingStep.objects.exists()


def test_money_that_is_not_settled_is_not_allocated(world: Spending) -> None:
    factories.received_donation(world.kit, amount=euros(50_000))
    with refused("fund_short"):
        verbs.allocate(world.housing, euros(97_001), by=world.author, on=ON)


def test_a_refund_leaves_less_to_allocate_at_once(world: Spending) -> None:
    charge = give(world.kit, euros(10_000))
    factories.refund(charge, euros(10_000))
    with refused("fund_short"):
        verbs.allocate(world.housing, euros(97_001), by=world.author, on=ON)


def test_more_than_a_line_has_is_not_committed(world: Spending) -> None:
    verbs.allocate(world.housing, euros(60_000), by=world.author, on=ON)
    with refused("line_short"):
        verbs.commit(world.legal, world.partner, euros(1), by=world.author, on=ON)
    with refused("line_short"):
        verbs.commit(world.housing, world.partner, euros(60_001), by=world.author, on=ON)


def test_tranches_come_to_no_more_than_the_commitment_less_what_was_released(world: Spending) -> None:
    tranche = sent(world)
    commitment = tranche.rests_on
    assert commitment
    verbs.release(commitment, euros(4_000), by=world.author, on=ON, text="One family less")
    with refused("step_short") as caught:
        verbs.disburse(commitment, world.bank, euros(6_001), by=world.author, on=ON)
    assert caught.value.most == euros(6_000)
    now = figures(world)
    assert (now.committed, now.to_commit) == (euros(46_000), euros(14_000))


def test_what_arrives_in_another_currency_goes_through_an_exchange_of_the_fund(world: Spending) -> None:
    tranche = sent(world)
    arrival = verbs.confirm_arrival(tranche, Money(43_000, "USD"), by=world.author, on=ON)
    report = verbs.report_spending(arrival, Money(20_000, "USD"), evidence=Evidence.CONFIRMED, by=world.author, on=ON)
    verbs.approve(report, by=world.approver)  # without a rate nobody knows how much it is
    euro, dollar = figures(world), figures(world, "USD")
    assert (euro.disbursed, euro.confirmed, euro.exchanged, euro.available) == (
        euros(40_000), euros(0), euros(-40_000), euros(37_000),
    )  # fmt: skip
    assert (dollar.confirmed, dollar.spent, dollar.held, dollar.available) == (
        Money(43_000, "USD"), Money(20_000, "USD"), Money(23_000, "USD"), Money(0, "USD"),
    )  # fmt: skip


def test_no_more_arrives_than_was_sent_and_it_arrives_once(world: Spending) -> None:
    tranche = sent(world)
    with refused("more_arrived"):
        verbs.confirm_arrival(tranche, euros(40_001), by=world.author, on=ON)
    verbs.confirm_arrival(tranche, euros(40_000), by=world.author, on=ON)
    with refused("step_short"):
        verbs.confirm_arrival(tranche, euros(40_000), by=world.author, on=ON)


def test_partners_account_for_no_more_than_they_have_and_say_how_it_is_shown(world: Spending) -> None:
    arrival = verbs.confirm_arrival(sent(world), euros(40_000), by=world.author, on=ON)
    with refused("evidence"):
        verbs.report_spending(arrival, euros(1), evidence=Evidence.PUBLIC, by=world.author, on=ON)
    with refused("attachment"):
        verbs.report_spending(
            arrival, euros(1), evidence=Evidence.PUBLIC, by=world.author, on=ON, attachment=Attachment("x.exe", b"MZ")
        )
    with refused("step_short"):
        verbs.report_spending(arrival, euros(40_001), evidence=Evidence.CONFIRMED, by=world.author, on=ON)
    report = verbs.report_spending(
        arrival, euros(40_000), evidence=Evidence.REDACTED, by=world.author, on=ON, attachment=PDF
    )
    assert verbs.evidence_of(report) == (PDF.data, "application/pdf")
    report.refresh_from_db()
    assert report.sealed_attachment
    assert PDF.data not in bytes(report.sealed_attachment)


def test_an_account_in_another_currency_sends_nothing(world: Spending) -> None:
    verbs.allocate(world.housing, euros(60_000), by=world.author, on=ON)
    commitment = verbs.commit(world.housing, world.partner, euros(50_000), by=world.author, on=ON)
    with refused("other_currency"):
        verbs.disburse(commitment, make_bank(world.kit.entity, "USD"), euros(1), by=world.author, on=ON)


def test_nothing_of_another_legal_entity_takes_part(world: Spending) -> None:
    stranger = make_partner(factories.make_entity())
    verbs.allocate(world.housing, euros(60_000), by=world.author, on=ON)
    with refused("other_entity"):
        verbs.commit(world.housing, stranger, euros(1), by=world.author, on=ON)


# --- Two people -----------------------------------------------------------------------------------------


@pytest.fixture
def careful(db: None) -> Spending:
    """Above 100 euros two people are needed."""
    found = make_spending(threshold=10_000)
    give(found.kit, euros(100_000))
    return found


def test_above_the_threshold_a_step_waits_and_its_author_cannot_approve_it(careful: Spending) -> None:
    step = verbs.allocate(careful.housing, euros(10_001), by=careful.author, on=ON)
    assert step.state == StepState.WAITING
    assert figures(careful).allocated == euros(0)
    with refused("own_step"):
        verbs.approve(step, by=careful.author)
    booked = verbs.approve(step, by=careful.approver)
    assert (booked.state, figures(careful).allocated) == (StepState.BOOKED, euros(10_001))
    with refused("decided"):
        verbs.approve(step, by=careful.approver)


def test_many_small_steps_of_one_person_within_a_day_need_a_second_one_too(careful: Spending) -> None:
    first = verbs.allocate(careful.housing, euros(6_000), by=careful.author, on=ON)
    second = verbs.allocate(careful.housing, euros(6_000), by=careful.author, on=ON)
    assert (first.state, second.state) == (StepState.BOOKED, StepState.WAITING)


def test_a_currency_without_a_rate_needs_two_people(careful: Spending) -> None:
    give(careful.kit, Money(5_000, "USD"))
    assert verbs.allocate(careful.housing, Money(1, "USD"), by=careful.author, on=ON).state == StepState.WAITING


def test_a_rejected_step_books_nothing_and_says_why(careful: Spending) -> None:
    step = verbs.allocate(careful.housing, euros(20_000), by=careful.author, on=ON)
    with refused("no_reason"):
        verbs.reject(step, by=careful.approver, decision=" ")
    rejected = verbs.reject(step, by=careful.approver, decision="Not in the plan")
    assert (rejected.state, rejected.entry_id) == (StepState.REJECTED, None)


def test_what_is_gone_when_a_step_is_approved_is_not_booked(careful: Spending) -> None:
    one = verbs.allocate(careful.housing, euros(60_000), by=careful.author, on=ON)
    two = verbs.allocate(careful.legal, euros(60_000), by=careful.author, on=ON)
    verbs.approve(one, by=careful.approver)
    with refused("fund_short"):
        verbs.approve(two, by=careful.approver)
    assert SpendingStep.objects.get(pk=two.pk).state == StepState.WAITING


# --- Undoing ----------------------------------------------------------------------------------------------


def test_a_step_is_undone_by_a_reversal_but_not_while_others_rest_on_it(world: Spending) -> None:
    tranche = sent(world)
    commitment = tranche.rests_on
    assert commitment
    with refused("others_rest"):
        verbs.undo(commitment, by=world.author, on=ON, text="Mistake")
    verbs.undo(tranche, by=world.author, on=ON, text="Wrong account")
    with refused("undone"):
        verbs.undo(tranche, by=world.author, on=ON, text="Again")
    verbs.undo(commitment, by=world.author, on=ON, text="Mistake")
    now = figures(world)
    assert (now.disbursed, now.committed, now.to_commit, now.underway) == (euros(0), euros(0), euros(60_000), euros(0))
    assert SpendingStep.objects.get(pk=tranche.pk).state == StepState.UNDONE


def test_an_allocation_that_was_committed_is_not_undone(world: Spending) -> None:
    allocation = verbs.allocate(world.housing, euros(60_000), by=world.author, on=ON)
    verbs.commit(world.housing, world.partner, euros(50_000), by=world.author, on=ON)
    with refused("went_on"):
        verbs.undo(allocation, by=world.author, on=ON, text="Mistake")


# --- Between funds ------------------------------------------------------------------------------------------


def test_an_advance_lets_a_fund_spend_before_its_money_is_in_and_is_given_back(world: Spending) -> None:
    with refused("fund_short"):
        verbs.advance(world.general, world.fund, euros(97_001), by=world.author, on=ON, text="Start")
    given = verbs.advance(world.general, world.fund, euros(20_000), by=world.author, on=ON, text="Start at once")
    now = figures(world)
    assert (now.lent, now.available, now.unspent) == (euros(20_000), euros(77_000), euros(97_000))
    assert stages.available(world.general.pk, "EUR") == euros(20_000)
    with refused("step_short"):
        verbs.repay(given, euros(20_001), by=world.author, on=ON)
    verbs.repay(given, euros(15_000), by=world.author, on=ON)
    assert (figures(world).lent, stages.available(world.general.pk, "EUR")) == (euros(5_000), euros(5_000))
    with refused("others_rest"):
        verbs.undo(given, by=world.author, on=ON, text="Mistake")


def test_administrative_costs_are_borne_by_the_policy_told_before_and_at_most_at_real_cost(world: Spending) -> None:
    appeal = world.kit.appeal
    with refused("overhead"):
        verbs.charge_overhead(appeal, euros(1), by=world.author, on=ON)
    state_policy(world, 700)
    give(world.kit, euros(50_000))  # the 100,000 of before were given without a policy
    with refused("overhead"):
        verbs.charge_overhead(appeal, euros(1), by=world.author, on=ON)
    rent = {
        Bucket(world.kit.entity.pk, Purpose.EXPENSES, "EUR"): 2_000,
        Bucket(world.kit.entity.pk, Purpose.BANK, "EUR", provider=world.bank.slug): -2_000,
    }
    ledger.post(key="rent:1", legs=rent, occurred_at=timezone.now())
    with refused("overhead") as caught:
        verbs.charge_overhead(appeal, euros(2_001), by=world.author, on=ON)
    assert caught.value.most == euros(2_000)  # the real cost
    ledger.post(key="rent:2", legs={leg: minor * 10 for leg, minor in rent.items()}, occurred_at=timezone.now())
    verbs.charge_overhead(appeal, euros(3_000), by=world.author, on=ON)
    with refused("overhead") as caught:
        verbs.charge_overhead(appeal, euros(501), by=world.author, on=ON)
    assert caught.value.most == euros(500)  # 7 per cent of 50,000, less what was charged
    now = figures(world)
    assert (now.admin_fee, now.available) == (euros(3_000), euros(97_000 + 50_000 - 3_000))


# --- What the database refuses, whoever writes ------------------------------------------------------------------


def by_hand(world: Spending, minor: int, **changes: object) -> SpendingStep:
    """An allocation past the verb."""
    posted = ledger.post(
        key=f"step:by-hand-{factories.next_number()}",
        legs={
            stages.bucket(world.fund, Purpose.ALLOCATED, "EUR", "housing"): minor,
            stages.bucket(world.fund, Purpose.EARMARKED, "EUR"): -minor,
        },
        occurred_at=timezone.now(),
    )
    fields = {
        "entity": world.kit.entity, "fund": world.fund, "kind": StepKind.ALLOCATION, "line": world.housing,
        "currency": "EUR", "amount_minor": minor, "accounted_on": ON, "needs_second": False, "by": world.author,
        "state": StepState.BOOKED, "entry_id": posted.entry_id, "decided_at": timezone.now(), **changes,
    }  # fmt: skip
    return SpendingStep.objects.create(**fields)


def test_the_database_refuses_an_overdrawn_fund_past_the_verbs(world: Spending) -> None:
    by_hand(world, 97_000)
    with pytest.raises(IntegrityError, match="has less than this"), transaction.atomic():
        by_hand(world, 1)


def test_the_database_refuses_an_author_who_approves_and_a_second_person_who_is_missing(world: Spending) -> None:
    with pytest.raises(IntegrityError, match="step_author_cannot_approve"), transaction.atomic():
        by_hand(world, 1, needs_second=True, decided_by=world.author)
    with pytest.raises(IntegrityError, match="step_needs_two"), transaction.atomic():
        by_hand(world, 1, needs_second=True)


def test_the_database_keeps_steps_and_budgets_as_they_were_written(world: Spending) -> None:
    step = verbs.allocate(world.housing, euros(1_000), by=world.author, on=ON)
    for refuse in (
        lambda: SpendingStep.objects.filter(pk=step.pk).update(amount_minor=2),
        lambda: SpendingStep.objects.filter(pk=step.pk).delete(),
        lambda: world.housing.amounts.update(amount_minor=2),
    ):
        with pytest.raises(IntegrityError, match=r"refused|not changed"), transaction.atomic():
            refuse()


def test_budgets_are_revised_by_new_rows_and_reports_of_earlier_days_keep_theirs(world: Spending) -> None:
    verbs.set_budget(world.kit.appeal, world.housing.category, euros(700_000), reason="More families", by=world.author)  # type: ignore[arg-type]
    assert world.housing.amounts.count() == 2
    assert next(line for line in figures(world).lines if line.category == "housing").budgeted == euros(700_000)
    early = appeal_figures(
        world.kit.appeal, first=date(2026, 1, 1), last=timezone.now().date() - timedelta(days=1)
    ).currency("EUR")
    assert early
    assert all(line.budgeted == euros(0) for line in early.lines)


def test_the_trail_tells_every_step_and_no_partner(world: Spending) -> None:
    tranche = sent(world)
    verbs.confirm_arrival(tranche, euros(40_000), by=world.author, on=ON, text=f"Thanks from {SECRET}")
    told = StaffAction.objects.filter(verb="step_booked")
    assert [line.after["kind"] for line in told.order_by("pk")] == [
        "allocation", "commitment", "disbursement", "arrival",
    ]  # fmt: skip
    assert SECRET not in str(list(StaffAction.objects.values()))
