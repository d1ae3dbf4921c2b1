"""The share of administrative costs: told before anybody gives, raised by two people, never changed afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import caches
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from fundraising import drafts, ledger
from fundraising.ledger import Bucket
from fundraising.models import Donation, Interval, Mandate, OverheadPolicy, PolicyState, Purpose, StaffAction
from fundraising.spending import overhead, policies
from fundraising.spending.steps import SpendingRefused
from tests import factories
from tests.fundraising.spending.kits import Spending, euros, make_spending, state_policy

pytestmark = pytest.mark.django_db
TOLD = "Up to 7.5\u00a0% of your donation pays for administration, never more than it really costs."
NOTHING = "No share of your donation is kept for administration."


@pytest.fixture
def world() -> Spending:
    return make_spending()


def page(world: Spending, client: Client, rest: str = "") -> str:
    caches["pages"].clear()
    return client.get(f"/en/a/{world.kit.pages['en'].slug}/{rest}").content.decode()


def test_the_form_says_the_share_before_anybody_gives(world: Spending, client: Client) -> None:
    assert "administration" not in page(world, client)
    assert "administration" not in page(world, client, "money/")
    policies.state_overhead_policy(world.kit.appeal, 750, reason="Board", by=world.author)
    assert "administration" not in page(world, client), "it waits for a second person"
    policies.approve_policy(world.kit.appeal.overhead_policies.get(), by=world.approver)
    assert TOLD in page(world, client)
    assert "up to 7.5\u00a0% of a donation" in page(world, client, "money/")
    state_policy(world, 0)
    assert NOTHING in page(world, client)
    appeal = client.get(f"/api/v1/appeals/{world.kit.pages['en'].slug}/?locale=en")
    assert appeal.json()["overhead_basis_points"] == 0


def test_a_form_with_errors_still_says_the_share(world: Spending, client: Client) -> None:
    state_policy(world, 750)
    answer = client.post(f"/en/a/{world.kit.pages['en'].slug}/", {"email": "nobody@"})
    assert answer.status_code == 422
    assert TOLD in answer.content.decode()


def test_a_lower_share_is_stated_by_one_person_and_a_higher_one_by_two(world: Spending) -> None:
    first = policies.state_overhead_policy(world.kit.appeal, 500, reason="Board", by=world.author)
    assert first.state == PolicyState.WAITING
    with pytest.raises(SpendingRefused, match="policy_waits"):
        policies.state_overhead_policy(world.kit.appeal, 400, reason="Board", by=world.author)
    with pytest.raises(SpendingRefused, match="own_step"):
        policies.approve_policy(first, by=world.author)
    policies.approve_policy(first, by=world.approver)
    with pytest.raises(SpendingRefused, match="decided"):
        policies.reject_policy(first, by=world.approver)
    lower = policies.state_overhead_policy(world.kit.appeal, 400, reason="Cheaper rent", by=world.author)
    assert lower.state == PolicyState.STATED
    higher = policies.state_overhead_policy(world.kit.appeal, 401, reason="Dearer rent", by=world.author)
    policies.reject_policy(higher, by=world.approver)
    standing = policies.standing_policy(world.kit.appeal)
    assert standing
    assert standing.basis_points == 400
    told = StaffAction.objects.filter(verb__startswith="overhead_policy").order_by("pk")
    assert [one.verb.removeprefix("overhead_policy_") for one in told] == [
        "drafted", "stated", "stated", "drafted", "rejected",
    ]  # fmt: skip


def test_the_database_refuses_what_the_verbs_would_not_do(world: Spending) -> None:
    state_policy(world, 500)
    row = {"appeal": world.kit.appeal, "reason": "By hand", "by": world.author, "basis_points": 600}
    for wrong in (
        {"state": "stated", "stated_at": timezone.now()},
        {"state": "stated", "stated_at": timezone.now(), "needs_second": True, "decided_by": world.author},
        {"state": "stated", "stated_at": timezone.now(), "needs_second": True},
        {"state": "waiting", "needs_second": False},
    ):
        with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
            OverheadPolicy.objects.create(**row, **wrong)
    stated = OverheadPolicy.objects.get()
    for change in ({"basis_points": 1}, {"stated_at": timezone.now()}, {"state": "rejected"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            OverheadPolicy.objects.filter(pk=stated.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        stated.delete()


def test_whoever_gives_regularly_bears_no_higher_share_than_they_were_told(world: Spending) -> None:
    expenses = {
        Bucket(world.kit.entity.pk, Purpose.EXPENSES, "EUR"): 10**9,
        Bucket(world.kit.entity.pk, Purpose.BANK, "EUR", provider=world.bank.slug): -(10**9),
    }
    ledger.post(key="rent:of-a-year", legs=expenses, occurred_at=timezone.now())
    state_policy(world, 500)
    monthly = drafts.Regularly(Interval.MONTH)
    early = factories.open_donation(world.kit, amount=euros(100_000), regularly=monthly)
    Mandate.objects.filter(donations=early).update(opened_at=timezone.now())
    state_policy(world, 2_000)
    Donation.objects.filter(pk=early.pk).update(opened_at=timezone.now() + timedelta(minutes=1))
    factories.receive(early)
    assert overhead.most(world.fund, world.general, "EUR") == euros(5_000)
    state_policy(world, 100)
    Donation.objects.filter(pk=early.pk).update(opened_at=timezone.now() + timedelta(minutes=2))
    assert overhead.most(world.fund, world.general, "EUR") == euros(1_000)
