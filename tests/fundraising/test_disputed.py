"""What a bank withholds, returns or takes for good: worked examples of the verbs, in any order."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from django.db import transaction
from django.utils import timezone

from fundraising import audit, disputed, donations, ledger
from fundraising.donations import NotBookedYet
from fundraising.models import Donation, DonationState, Posting
from fundraising.money import Money
from fundraising.totals import appeal_total
from tests import factories

pytestmark = pytest.mark.django_db
KEY = "dispute:du_1"


def withhold(charge: str, minor: int = 5_000, currency: str = "EUR") -> bool:
    return disputed.withhold_disputed(key=KEY, charge_key=charge, amount=Money(minor, currency), at=timezone.now())


def lose(charge: str) -> bool:
    return disputed.lose_disputed(key=KEY, charge_key=charge, at=timezone.now())


def give_back(charge: str) -> bool:
    return disputed.return_disputed(key=KEY, charge_key=charge, at=timezone.now())


def reopen(charge: str) -> bool:
    return disputed.reopen_disputed(key=KEY, charge_key=charge, at=timezone.now())


def refund(charge: str) -> str:
    return factories.refund(charge, Money(2_000, "EUR"))


def books(donation: Donation) -> dict[str, int]:
    """What the donation's entries add up to, by purpose."""
    sums: dict[str, int] = {}
    for posting in Posting.objects.filter(entry__donation=donation).select_related("account"):
        sums[posting.account.purpose] = sums.get(posting.account.purpose, 0) + posting.amount_minor
    return {purpose: minor for purpose, minor in sums.items() if minor}


def state(donation: Donation) -> str:
    donation.refresh_from_db()
    return donation.state


def faults() -> list[str]:
    return [f"{check.name}: {check.found}" for check in audit.checks() if not check.ok]


def test_worked_example_a_dispute_from_its_opening_to_its_loss() -> None:
    donation, charge = factories.received_donation()
    withhold(charge)
    assert books(donation) == {"donations": -5_000, "withheld": 5_000}
    assert (state(donation), donations.acknowledged(donation)) == ("disputed", Money(5_000, "EUR"))
    lose(charge)
    assert books(donation) == {"donations": -5_000, "chargebacks": 5_000}
    assert (state(donation), donations.acknowledged(donation)) == ("chargeback", Money(0, "EUR"))
    give_back(charge)
    assert books(donation) == {"clearing": 5_000, "donations": -5_000}
    assert state(donation) == "received"
    assert faults() == []


@pytest.mark.parametrize("order", list(itertools.permutations(["lost", "returned", "refunded"])))
def test_the_end_is_the_same_whatever_follows_a_withdrawal_in_whatever_order(order: tuple[str, ...]) -> None:
    donation, charge = factories.received_donation()
    withhold(charge, 3_000)
    verbs: dict[str, Callable[[str], object]] = {"lost": lose, "returned": give_back, "refunded": refund}
    for name in order:
        verbs[name](charge)
        assert faults() == [], (order, name)
    assert books(donation) == {"clearing": 3_000, "donations": -5_000, "refunds": 2_000}
    assert state(donation) == "received"


def test_each_verb_books_its_fact_once() -> None:
    _donation, charge = factories.received_donation()
    assert [withhold(charge), withhold(charge)] == [True, False]
    assert [lose(charge), lose(charge)] == [True, False]
    assert [give_back(charge), give_back(charge), lose(charge)] == [True, False, False]


def test_a_dispute_that_is_lost_opened_again_and_lost_again_is_lost() -> None:
    donation, charge = factories.received_donation()
    withhold(charge)
    for _ in range(3):
        assert [lose(charge), lose(charge)] == [True, False]
        assert books(donation) == {"donations": -5_000, "chargebacks": 5_000}
        assert [reopen(charge), reopen(charge)] == [True, False]
        assert (books(donation), state(donation)) == ({"donations": -5_000, "withheld": 5_000}, "disputed")
    lose(charge)
    give_back(charge)
    assert (books(donation), state(donation)) == ({"clearing": 5_000, "donations": -5_000}, "received")
    assert not lose(charge)
    assert faults() == []


def test_part_of_a_donation_withheld_leaves_it_received_and_the_total_lower_by_that_part() -> None:
    kit = factories.make_appeal()
    donation, charge = factories.received_donation(kit)
    withhold(charge, 2_000)
    total = appeal_total(kit.appeal)
    assert (state(donation), total.raised.minor, total.donations) == ("received", 3_000, 1)


def test_a_donor_with_another_donation_stays_counted_when_one_is_withheld() -> None:
    kit = factories.make_appeal()
    factories.received_donation(kit, email="ada@example.org")
    _donation, charge = factories.received_donation(kit, email="ada@example.org")
    withhold(charge)
    total = appeal_total(kit.appeal)
    assert (total.donations, total.donors) == (1, 1)
    give_back(charge)
    total = appeal_total(kit.appeal)
    assert (total.donations, total.donors) == (2, 1)
    assert faults() == []


def test_a_donation_that_was_taken_back_cannot_be_received_again_by_another_charge() -> None:
    donation, charge = factories.received_donation()
    withhold(charge)
    lose(charge)
    factories.receive(donation)
    assert state(donation) == DonationState.CHARGEBACK
    assert faults() == []


def test_money_of_another_currency_than_the_charge_is_refused() -> None:
    _donation, charge = factories.received_donation()
    with pytest.raises(ledger.LedgerError, match="is in USD, its charge in EUR"):
        withhold(charge, currency="USD")


@pytest.mark.parametrize("verb", [lose, give_back])
def test_what_was_not_withheld_can_neither_be_lost_nor_returned(verb: Callable[[str], bool]) -> None:
    _donation, charge = factories.received_donation()
    with pytest.raises(NotBookedYet, match=KEY), transaction.atomic():
        verb(charge)
    with pytest.raises(NotBookedYet, match="charge:unknown"), transaction.atomic():
        withhold("charge:unknown")


def test_a_dispute_of_suspense_money_that_was_assigned_since_is_lost_without_a_further_entry() -> None:
    donation = factories.open_donation()
    charge, at = "charge:ch_of_nobody", timezone.now()
    amount = Money(5_000, "EUR")
    donations.book_unmatched(
        key=charge, entity_id=donation.entity_id, amount=amount, at=at, provider=factories.PROVIDER
    )
    withhold(charge, 2_000)  # it lowers suspense itself
    unmatched = ledger.booked(charge)
    assert unmatched
    ledger.reverse(unmatched, key=f"re{donations.ASSIGNED}{charge}", occurred_at=at)
    donations.receive_donation(
        donation.uuid, key=f"{donations.ASSIGNED}{charge}", amount=amount, at=at, provider=factories.PROVIDER
    )
    assert not lose(charge)
    assert books(donation) == {"clearing": 5_000, "donations": -5_000}
    assert faults() == []
