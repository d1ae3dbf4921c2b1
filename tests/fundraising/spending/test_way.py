"""A donation's way: what a donor sees of how far the money has come, honestly as a share of the pool."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from fundraising import disputed
from fundraising.models import Appeal, Donation, Evidence, LegalEntity
from fundraising.money import Money
from fundraising.spending import verbs
from fundraising.spending.published import published_figures
from fundraising.spending.way import Way, way_of
from tests import factories
from tests.fundraising.spending import kits
from tests.fundraising.spending.kits import Spending, euros, make_spending

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> Spending:
    """A pool of 1,000.00: 30.00 of fees, 640 allocated, 510 sent, 400 confirmed, 310 accounted for."""
    made = make_spending()
    made.partner.delay_days = 0
    made.partner.save()
    by = made.author
    kits.give(made.kit, euros(90_000), fee=3_000)
    kits.give(made.kit, euros(10_000))
    verbs.allocate(made.housing, euros(64_000), by=by, on=kits.ON)
    promised = verbs.commit(made.housing, made.partner, euros(60_000), by=by, on=kits.ON)
    here = verbs.disburse(promised, made.bank, euros(40_000), by=by, on=kits.ON)
    verbs.disburse(promised, made.bank, euros(11_000), by=by, on=kits.ON)
    arrived = verbs.confirm_arrival(here, euros(40_000), by=by, on=kits.ON)
    verbs.report_spending(arrived, euros(31_000), evidence=Evidence.CONFIRMED, by=by, on=kits.ON)
    return made


def newest(world: Spending) -> Donation:
    return Donation.objects.select_related("page__appeal__fund__entity").filter(round=world.kit.round).latest("pk")


def the_way(donation: Donation) -> Way:
    caches["pages"].clear()
    found = way_of(Donation.objects.select_related("page__appeal__fund__entity").get(pk=donation.pk))
    assert found
    return found


def html(donation: Donation, client: Client) -> str:
    caches["pages"].clear()
    answer = client.get(f"/en/d/{donation.uuid}/")
    return re.sub(r"\s+", " ", answer.content.decode())


def test_a_donor_sees_the_shares_of_the_pool_and_about_of_their_own_amount(world: Spending, client: Client) -> None:
    way = the_way(newest(world))
    assert [(one.key, one.percent, one.about) for one in way.reached] == [
        ("allocated", 64, euros(6_400)), ("sent", 51, euros(5_100)),
        ("confirmed", 40, euros(4_000)), ("spent", 31, euros(3_100)),
    ]  # fmt: skip
    assert (way.waiting, way.costs) == (euros(3_300), euros(300))
    page = html(newest(world), client)
    for words in ("Settled in our books since", "nobody's is kept apart", "64 %", "about €51", "accounted for"):
        assert words in page, words
    assert f'href="/en/a/{world.kit.pages["en"].slug}/money/"' in page
    assert kits.SECRET not in page


def test_parts_of_a_donation_add_up_to_what_of_it_counts_whatever_the_shares(world: Spending) -> None:
    for minor in (501, 777, 1_000, 99_999):
        kits.give(world.kit, euros(minor), fee=7)
        way = the_way(newest(world))
        assert way.waiting is not None
        assert way.costs is not None
        assert way.reached[0].about + way.waiting + way.costs == euros(minor)
        percents = [one.percent for one in way.reached]
        assert percents == sorted(percents, reverse=True)


def test_money_that_is_not_settled_says_so(world: Spending, client: Client) -> None:
    donation, _charge = factories.received_donation(world.kit, amount=euros(5_000))
    assert the_way(donation).settled_on is None
    assert "Not settled yet" in html(donation, client)


def test_what_was_given_back_counts_no_more(world: Spending, client: Client) -> None:
    donation, charge = factories.received_donation(world.kit, amount=euros(5_000))
    factories.refund(charge, euros(2_000))
    way = the_way(donation)
    assert way.waiting is not None
    assert way.costs is not None
    assert way.reached[0].about + way.waiting + way.costs == euros(3_000)
    factories.refund(charge, euros(3_000))
    assert the_way(donation).state == "returned"
    assert "no longer part of the money" in html(donation, client)


def test_a_disputed_donation_is_not_part_of_the_money_until_the_bank_decides(world: Spending, client: Client) -> None:
    donation, charge = factories.received_donation(world.kit, amount=euros(5_000))
    disputed.withhold_disputed(key="dispute:way", charge_key=charge, amount=euros(5_000), at=kits.AT)
    assert the_way(donation).state == "withheld"
    assert "Your bank withholds it" in html(donation, client)
    disputed.lose_disputed(key="dispute:way", charge_key=charge, at=kits.AT)
    assert the_way(donation).state == "returned"


def test_a_donation_that_has_not_come_has_no_way(world: Spending, client: Client) -> None:
    donation = factories.open_donation(world.kit)
    assert way_of(Donation.objects.select_related("page__appeal__fund__entity").get(pk=donation.pk)) is None
    assert "The way of your donation" not in html(donation, client)


def test_late_money_goes_to_the_secondary_purpose_and_says_so(world: Spending, client: Client) -> None:
    donation = factories.open_donation(world.kit)
    Appeal.objects.filter(pk=world.kit.appeal.pk).update(state="closed")
    factories.receive(donation)
    assert the_way(donation).state == "late"
    page = html(donation, client)
    assert "What this appeal does not need helps others at risk." in page
    assert "set aside for a purpose" not in page


def test_the_day_is_that_of_the_receipt_where_the_legal_entity_sits(world: Spending) -> None:
    donation = newest(world)
    LegalEntity.objects.filter(pk=world.kit.entity.pk).update(time_zone="America/Los_Angeles")
    Donation.objects.filter(pk=donation.pk).update(received_at=datetime(2026, 7, 2, 3, tzinfo=UTC))
    assert the_way(donation).received_on == date(2026, 7, 1)


def test_without_an_exchange_rate_no_share_is_claimed(world: Spending) -> None:
    donation, _charge = factories.received_donation(world.kit, amount=Money(5_000, "USD"))
    way = the_way(donation)
    assert (way.state, way.reached) == ("counted", ())


def test_a_donors_page_costs_few_queries_while_a_crowd_looks(
    world: Spending, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    donation = newest(world)
    published_figures(world.kit.appeal)
    with django_assert_num_queries(3):
        assert way_of(donation)
