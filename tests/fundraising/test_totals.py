"""Totals and counts: what the public sees is what the books say, in every currency and after every change."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fundraising import audit, donations, ledger, totals
from fundraising.models import Donation, DonationState, ExchangeRate, Goal, Round, Tally
from fundraising.money import Money
from tests import factories

pytestmark = pytest.mark.django_db


def rate(base: str, value: str, *, on: date | None = None) -> None:
    ExchangeRate.objects.create(
        base=base, quote="EUR", on=on or timezone.localdate(), rate=Decimal(value), source="central bank"
    )


def second_round(kit: factories.AppealKit) -> factories.AppealKit:
    """The same appeal, asking again."""
    round_ = Round.objects.create(
        appeal=kit.appeal, number=2, reason="More families", opens_at=timezone.now() - timedelta(hours=1)
    )
    return factories.AppealKit(kit.entity, kit.campaign, kit.appeal, round_, kit.pages, kit.wordings)


def counts(kit: factories.AppealKit) -> tuple[int, int]:
    total = totals.appeal_total(kit.appeal)
    return total.donations, total.donors


def test_nothing_given_is_zero_of_the_goal() -> None:
    total = totals.appeal_total(factories.make_appeal(goal_minor=5_000_000).appeal)
    assert (total.raised, total.goal, total.percent) == (Money(0, "EUR"), Money(5_000_000, "EUR"), 0)
    assert (total.donations, total.donors, total.by_currency, total.approximate) == (0, 0, (), False)


def test_several_currencies_are_summed_at_the_newest_stored_rate_and_rounded_once() -> None:
    kit = factories.make_appeal()
    rate("USD", "0.5", on=date(2026, 1, 1))
    rate("USD", "0.905", on=date(2026, 2, 1))
    rate("JPY", "0.00615", on=date(2026, 2, 3))
    for amount in (Money(5_000, "EUR"), Money(1_001, "USD"), Money(1_001, "USD"), Money(1_500, "JPY")):
        factories.received_donation(kit, amount=amount)
    total = totals.appeal_total(kit.appeal)
    # 50.00 + 20.02 × 0.905 + 1500 × 0.00615 = 50 + 18.1181 + 9.225 = 77.3431
    assert total.raised == Money(7_734, "EUR")
    assert total.by_currency == (Money(5_000, "EUR"), Money(1_500, "JPY"), Money(2_002, "USD"))
    assert (total.approximate, total.rates_date) == (True, date(2026, 2, 1))


def test_what_is_settled_in_the_appeals_currency_counts_at_the_rate_really_paid() -> None:
    kit = factories.make_appeal()
    rate("USD", "0.5")
    _one, charge = factories.received_donation(kit, amount=Money(1_000, "USD"))
    factories.received_donation(kit, amount=Money(1_000, "USD"))
    gross, settled, fee = Money(1_000, "USD"), Money(912, "EUR"), Money(40, "EUR")
    donations.settle(key="txn:1", fact_key=charge, gross=gross, settled=settled, fee=fee)
    total = totals.appeal_total(kit.appeal)
    assert total.raised == Money(912 + 500, "EUR")
    assert total.by_currency == (Money(2_000, "USD"),)


def test_euros_given_to_an_appeal_in_euros_stay_those_euros_though_paid_out_in_dollars() -> None:
    kit = factories.make_appeal()
    _donation, charge = factories.received_donation(kit, amount=Money(5_000, "EUR"))
    gross, settled, fee = Money(5_000, "EUR"), Money(5_390, "USD"), Money(200, "USD")
    donations.settle(key="txn:1", fact_key=charge, gross=gross, settled=settled, fee=fee)
    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.approximate) == (Money(5_000, "EUR"), False)
    assert all(check.ok for check in audit.checks())


def test_a_refund_lowers_the_total_and_only_a_full_one_the_counts() -> None:
    kit = factories.make_appeal()
    _donation, charge = factories.received_donation(kit, amount=Money(5_000, "EUR"))
    factories.refund(charge, Money(1_999, "EUR"))
    assert totals.appeal_total(kit.appeal).raised == Money(3_001, "EUR")
    assert counts(kit) == (1, 1)
    factories.refund(charge, Money(3_001, "EUR"))
    assert totals.appeal_total(kit.appeal).raised == Money(0, "EUR")
    assert counts(kit) == (0, 0)


def test_a_refund_booked_twice_lowers_the_total_once() -> None:
    kit = factories.make_appeal()
    _donation, charge = factories.received_donation(kit, amount=Money(5_000, "EUR"))
    for _delivery in range(2):
        donations.refund_donation(key="refund:1", charge_key=charge, amount=Money(5_000, "EUR"), at=timezone.now())
    assert totals.appeal_total(kit.appeal).raised == Money(0, "EUR")
    assert counts(kit) == (0, 0)


def test_a_donor_counts_once_in_each_round_and_once_in_the_appeal() -> None:
    first = factories.make_appeal()
    second = second_round(first)
    for kit in (first, first, second):
        factories.received_donation(kit, email="ada@example.org")
    assert counts(first) == (3, 1)
    for kit, given_times in ((first, 2), (second, 1)):
        total = totals.round_total(kit.round)
        assert (total.donations, total.donors) == (given_times, 1)


def test_a_donor_counts_once_in_a_campaign_over_its_appeals() -> None:
    one = factories.make_appeal()
    other = factories.make_appeal(campaign=one.campaign)
    for kit in (one, other):
        factories.received_donation(kit, email="ada@example.org")
    assert counts(one) == counts(other) == (1, 1)
    assert sum(tally.campaign_donors for tally in Tally.objects.all()) == 1


def test_a_donor_stays_counted_while_one_donation_stands() -> None:
    kit = factories.make_appeal()
    first, charge = factories.received_donation(kit, email="ada@example.org")
    _second, other_charge = factories.received_donation(kit, email="ada@example.org")
    factories.refund(charge, first.amount)
    assert counts(kit) == (1, 1)
    factories.refund(other_charge, first.amount)
    assert counts(kit) == (0, 0)
    factories.received_donation(kit, email="ada@example.org")
    assert counts(kit) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_many_donations_of_one_donor_at_once_are_one_donor() -> None:
    first = factories.make_appeal()
    second = second_round(first)
    opened = [
        factories.open_donation(kit, email="ada@example.org", amount=Money(1_000 + number, "EUR"))
        for number, kit in enumerate([first, second] * 5)
    ]

    def receive(donation: Donation) -> None:
        try:
            factories.receive(donation)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(receive, opened))
    assert counts(first) == (10, 1)
    assert totals.round_total(first.round).donors == totals.round_total(second.round).donors == 1
    assert all(check.ok for check in audit.checks())


def test_a_missing_rate_leaves_the_money_out_of_the_sum_and_fails_the_audit_but_no_page() -> None:
    kit = factories.make_appeal()
    factories.received_donation(kit, amount=Money(5_000, "EUR"))
    factories.received_donation(kit, amount=Money(9_000, "JPY"))
    total = totals.appeal_total(kit.appeal)
    assert total.raised == Money(5_000, "EUR")
    assert total.by_currency == (Money(5_000, "EUR"), Money(9_000, "JPY"))
    assert total.approximate
    assert [check.found for check in audit.checks() if not check.ok] == ["1, first: JPY"]


def test_announced_money_in_another_currency_is_converted_and_stays_apart() -> None:
    kit = factories.make_appeal()
    rate("USD", "0.9")
    donation = factories.open_donation(kit, amount=Money(1_000, "USD"))
    donations.announce_donation(donation.uuid, provider_id="pi_1", amount=donation.amount, at=timezone.now())
    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.pending) == (Money(0, "EUR"), Money(900, "EUR"))


def test_the_newest_goal_of_the_newest_open_round_holds() -> None:
    kit = factories.make_appeal(goal_minor=1_000_000)
    Goal.objects.create(round=kit.round, amount_minor=2_000_000, reason="Twice as many families")
    assert totals.appeal_total(kit.appeal).goal == Money(2_000_000, "EUR")
    Goal.objects.create(round=second_round(kit).round, amount_minor=3_000_000, reason="More")
    assert totals.appeal_total(kit.appeal).goal == Money(3_000_000, "EUR")
    assert totals.round_total(kit.round).goal == Money(2_000_000, "EUR")


def test_the_goal_of_a_round_to_come_is_not_shown_before_it_opens() -> None:
    kit = factories.make_appeal(goal_minor=1_000_000)
    later = Round.objects.create(
        appeal=kit.appeal, number=2, reason="Later", opens_at=timezone.now() + timedelta(days=3)
    )
    Goal.objects.create(round=later, amount_minor=9_000_000, reason="More")
    assert totals.appeal_total(kit.appeal).goal == Money(1_000_000, "EUR")


@pytest.mark.parametrize(("given_minor", "percent"), [(1, 0), (999, 99), (1_000, 100), (3_456, 345)])
def test_per_cent_are_rounded_down_and_may_pass_a_hundred(given_minor: int, percent: int) -> None:
    kit = factories.make_appeal(goal_minor=1_000)
    factories.received_donation(kit, amount=Money(given_minor, "EUR"))
    assert totals.appeal_total(kit.appeal).percent == percent


def test_the_version_of_the_json_changes_with_a_figure_and_not_with_time() -> None:
    kit = factories.make_appeal()

    def version() -> object:
        return totals.as_json(kit.appeal, totals.appeal_total(kit.appeal))["version"]

    before = version()
    assert version() == before
    factories.received_donation(kit)
    assert version() != before


# --- Any history ----------------------------------------------------------------------------------

AMOUNTS = st.sampled_from([Money(1_000, "EUR"), Money(2_500, "EUR"), Money(4_000, "USD"), Money(900, "JPY")])
RATES = {"EUR": Decimal(1), "USD": Decimal("0.9"), "JPY": Decimal("0.006")}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["give", "give", "give", "announce", "withdraw", "pay", "refund", "rest", "undo", "again"]),
        st.integers(0, 3),  # which appeal or round
        st.integers(0, 2),  # which donor
        AMOUNTS,
    ),
    max_size=14,
)


@dataclass
class History:
    """What happened, kept in plain numbers beside the books."""

    kits: list[factories.AppealKit]
    opened: list[Donation] = field(default_factory=list)
    charges: dict[str, Donation] = field(default_factory=dict)
    refunds: list[tuple[str, str]] = field(default_factory=list)

    def step(self, what: str, where: int, who: int, amount: Money) -> None:
        if what in {"give", "announce"}:
            email = f"donor{who}@example.org"
            self.opened.append(factories.open_donation(self.kits[where], amount=amount, email=email))
        donation = self.opened[-1 - who % len(self.opened)] if self.opened else None
        charge = list(self.charges)[-1 - where % len(self.charges)] if self.charges else None
        if donation:
            self._to(what, donation)
        if charge:
            self._back(what, charge)

    def _to(self, what: str, donation: Donation) -> None:
        if what == "announce":
            donations.announce_donation(
                donation.uuid, provider_id=str(donation.uuid), amount=donation.amount, at=timezone.now()
            )
        elif what == "withdraw":
            donations.withdraw_announcement(donation.uuid, at=timezone.now())
        elif what in {"give", "pay"}:
            donation.refresh_from_db()
            if donation.state in {DonationState.OPENED, DonationState.PENDING}:
                self.charges[factories.receive(donation)] = donation

    def _back(self, what: str, charge: str) -> None:
        donation = self.charges[charge]
        left = donations.net_received(donation).minor
        if what in {"refund", "rest"} and left > 0:
            part = left if what == "rest" else max(1, left // 2)
            self.refunds.append((factories.refund(charge, Money(part, donation.currency)), charge))
        elif what == "undo" and self.refunds:
            key, of = self.refunds.pop()
            donations.undo_refund(key=key, charge_key=of, at=timezone.now())
        elif what == "again":
            at = timezone.now()
            donations.receive_donation(
                donation.uuid, key=charge, amount=donation.amount, at=at, provider=factories.PROVIDER
            )


def recount(kit: factories.AppealKit) -> tuple[Money, int, int]:
    """The appeal's total, worked out donation by donation."""
    standing = Donation.objects.filter(round__appeal=kit.appeal, state=DonationState.RECEIVED)
    sums: dict[str, int] = defaultdict(int)
    for donation in standing:
        sums[donation.currency] += donations.net_received(donation).minor
    major = sum((Money(minor, base).decimal * RATES[base] for base, minor in sums.items()), Decimal(0))
    donors = {donation.donor_id for donation in standing}
    return Money(int((major * 100).quantize(Decimal(1))), "EUR"), len(standing), len(donors)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_after_any_history_totals_and_counts_are_those_of_a_recount(steps: list[tuple[str, int, int, Money]]) -> None:
    point = transaction.savepoint()
    rate("USD", "0.9")
    rate("JPY", "0.006")
    first = factories.make_appeal()
    kits = [first, second_round(first), factories.make_appeal(campaign=first.campaign), factories.make_appeal()]
    history = History(kits)
    for step in steps:
        history.step(*step)
    assert [f"{check.name}: {check.found}" for check in audit.checks() if not check.ok] == []
    for kit in (first, *kits[2:]):
        total = totals.appeal_total(kit.appeal)
        assert (total.raised, total.donations, total.donors) == recount(kit)
    transaction.savepoint_rollback(point)


def test_the_audit_finds_a_donor_counted_twice_in_an_appeal_or_campaign() -> None:
    kit = factories.make_appeal()
    donation, _charge = factories.received_donation(kit)
    entry = ledger.booked(_charge)
    assert entry is not None
    other = donations.book_unmatched(
        key="stray", entity_id=kit.entity.pk, amount=Money(1, "EUR"), at=timezone.now(), provider=factories.PROVIDER
    )
    assert other
    stray = ledger.booked("stray")
    assert stray is not None
    Tally.objects.create(
        entry=stray, round=donation.round, donations=0, round_donors=0, appeal_donors=1, campaign_donors=1
    )
    wrong = [check.name for check in audit.checks() if not check.ok]
    assert wrong == ["appeals or campaigns whose tallies are not the count of their donors"]
