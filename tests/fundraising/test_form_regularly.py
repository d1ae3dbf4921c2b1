"""Giving again and again: what the form offers, when it is collected first, and an appeal that is about to close."""

from __future__ import annotations

import html
import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from fundraising import drafts
from fundraising.content import appeal_content
from fundraising.forms import DonationForm, regularly
from fundraising.models import Appeal, AppealWording, Donation, DonationPage, FeeCover, Interval, Mandate, PageCurrency
from fundraising.money import Money
from tests import factories

from .conftest import address, errors_beside, filled_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def yearly(kit: factories.AppealKit) -> factories.AppealKit:
    """A page that offers every month and every year, with smaller amounts for every month."""
    DonationPage.objects.update(offers_yearly=True)
    PageCurrency.objects.filter(currency="EUR").update(suggested_regular_minor=[700, 1_400])
    return kit


def checked(kit: factories.AppealKit, **changes: Any) -> DonationForm:
    cache.clear()
    return DonationForm(appeal_content("en", kit.pages["en"].slug), filled_in(**changes))


def page_of(visitor: Client, kit: factories.AppealKit, query: str = "") -> str:
    cache.clear()
    return html.unescape(visitor.get(address(kit) + query).content.decode())


@pytest.mark.parametrize("interval", list(Interval))
def test_giving_regularly_opens_a_mandate_with_its_first_donation(
    yearly: factories.AppealKit, interval: Interval
) -> None:
    form = checked(yearly, frequency=interval, cover_fee="on")
    assert form.is_valid(), form.errors
    donation = drafts.open_donation(form.draft())
    mandate = Mandate.objects.get()
    assert donation.mandate == mandate
    assert (mandate.interval, mandate.day, mandate.first_on) == (interval, None, None)
    assert mandate.amount == donation.amount == Money(2_606, "EUR")


def test_without_a_frequency_one_gives_once(yearly: factories.AppealKit) -> None:
    for frequency in (None, "", "once"):
        form = checked(yearly, frequency=frequency, day="5")
        assert form.is_valid()
        assert form.draft().regularly is None


def test_a_page_offers_only_what_it_is_set_to(visitor: Client, yearly: factories.AppealKit) -> None:
    page = page_of(visitor, yearly)
    assert 'name="frequency" value="month"' in page
    assert 'name="frequency" value="year"' in page
    DonationPage.objects.update(offers_monthly=False, offers_yearly=False)
    page = page_of(visitor, yearly)
    assert 'name="frequency" value="month"' not in page
    assert "On which day?" not in page
    assert "frequency" in checked(yearly, frequency="month").errors


def test_the_wording_says_what_becomes_of_regular_giving_when_the_appeal_closes(
    visitor: Client, kit: factories.AppealKit
) -> None:
    assert "your regular giving ends by itself" in page_of(visitor, kit)
    kept = AppealWording.objects.get(appeal=kit.appeal, locale="en")
    AppealWording.objects.create(
        appeal=kit.appeal,
        locale="en",
        version=2,
        title=kept.title,
        ask=kept.ask,
        purpose=kept.purpose,
        secondary_purpose=kept.secondary_purpose,
        after_close="continues",
    )
    page = page_of(visitor, kit)
    assert "your regular giving goes on for the second purpose" in page
    assert "ends by itself" not in page


# --- An appeal that is about to close -------------------------------------------------------------


def test_a_closing_appeal_offers_single_donations_only_and_says_so_to_who_asks_for_more(
    visitor: Client, yearly: factories.AppealKit
) -> None:
    Appeal.objects.update(state="closing")
    page = page_of(visitor, yearly)
    assert 'type="radio" name="frequency"' not in page
    assert "regular giving" not in page
    answer = visitor.post(address(yearly), filled_in(frequency="month", last_name="Keptrossi"))
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "single donations only" in errors_beside(shown)["frequency"][0]
    assert 'value="Keptrossi"' in shown
    assert 'type="hidden" name="frequency" value="once"' in shown
    assert not Donation.objects.exists()
    assert not Mandate.objects.exists()


def test_an_appeal_that_began_to_close_since_its_page_was_remembered_takes_no_new_mandate(
    visitor: Client, yearly: factories.AppealKit
) -> None:
    visitor.get(address(yearly))
    Appeal.objects.update(state="closing")
    answer = visitor.post(address(yearly), filled_in(frequency="month"))
    assert answer.status_code == 422
    assert "single donations only" in errors_beside(answer.content.decode())["frequency"][0]
    assert not Mandate.objects.exists()


def test_the_api_says_so_too(visitor: Client, yearly: factories.AppealKit) -> None:
    visitor.get(address(yearly))
    Appeal.objects.update(state="closing")
    asked = {**filled_in(frequency="month"), "locale": "en", "page": yearly.pages["en"].slug, "amount_minor": 2_500}
    asked = {name: value for name, value in asked.items() if name not in {"amount", "amount_choice"}}
    answer = visitor.post("/api/v1/donations/", json.dumps(asked), content_type="application/json")
    assert answer.status_code == 409
    assert "single donations only" in answer.json()["error"]["message"]


# --- Amounts --------------------------------------------------------------------------------------


def test_suggested_amounts_follow_the_frequency(visitor: Client, yearly: factories.AppealKit) -> None:
    page = page_of(visitor, yearly, "?frequency=month")
    assert 'value="EUR:700:month"' in page
    assert 'value="EUR:2000"' in page
    form = checked(yearly, frequency="month", amount_choice="EUR:700:month", amount="")
    assert form.is_valid(), form.errors
    assert form.draft().amount == Money(700, "EUR")


@pytest.mark.parametrize(
    ("frequency", "choice"),
    [("month", "EUR:10000"), ("once", "EUR:700:month"), ("year", "EUR:700:month")],
)
def test_an_amount_that_was_meant_for_another_interval_is_never_collected(
    yearly: factories.AppealKit, frequency: str, choice: str
) -> None:
    form = checked(yearly, frequency=frequency, amount_choice=choice, amount="")
    assert not form.is_valid()
    assert "another interval" in form.errors["amount_choice"][0]


def test_without_amounts_of_its_own_every_month_has_those_of_a_single_donation(yearly: factories.AppealKit) -> None:
    form = checked(yearly, frequency="month", currency="USD", amount_choice="USD:2000", amount="")
    assert form.is_valid(), form.errors
    assert form.draft().amount == Money(2_000, "USD")


# --- The day --------------------------------------------------------------------------------------


def test_a_day_is_kept_and_first_collected_when_it_comes_next(yearly: factories.AppealKit) -> None:
    day = (timezone.localdate() + timedelta(days=10)).day
    if day > 28:
        day = 1
    form = checked(yearly, frequency="month", day=str(day))
    assert form.is_valid()
    mandate = drafts.open_donation(form.draft()).mandate
    assert mandate is not None
    assert mandate.day == day
    assert mandate.first_on is not None
    assert mandate.first_on.day == day


@pytest.mark.parametrize("day", ["0", "29", "31", "-1", "x", "1.5"])
def test_a_day_that_not_every_month_has_is_refused_beside_its_field(yearly: factories.AppealKit, day: str) -> None:
    assert "from 1 to 28" in checked(yearly, frequency="month", day=day).errors["day"][0]


@given(today=st.dates(date(2024, 1, 1), date(2032, 12, 31)), day=st.integers(1, 28))
def test_the_first_collection_is_the_next_such_day_and_no_sooner_than_a_bank_can(today: date, day: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "localdate", lambda: today)
        first_on = regularly(Interval.MONTH, day).first_on
    if first_on is None:
        assert day == today.day
        return
    assert first_on.day == day
    assert today + timedelta(days=3) <= first_on < today + timedelta(days=3 + 31)


def test_a_donor_who_chooses_no_day_gives_at_once() -> None:
    assert regularly(Interval.YEAR, None).first_on is None
    now = datetime.now(ZoneInfo(settings.TIME_ZONE))
    if now.day <= 28:
        assert regularly(Interval.MONTH, now.day).first_on is None


# --- Covering the fee by the way to pay -----------------------------------------------------------


@pytest.fixture
def two_ways(yearly: factories.AppealKit) -> factories.AppealKit:
    """By card 2.9 % and 30 cents, by bank debit 35 cents, by bank transfer 10 cents."""
    rules = {"entity": yearly.entity, "currency": "EUR"}
    FeeCover.objects.create(**rules, method="sepa_debit", basis_points=0, fixed_minor=35)
    FeeCover.objects.create(**rules, method="customer_balance", basis_points=0, fixed_minor=10)
    return yearly


@pytest.mark.parametrize(("method", "cover"), [("card", 106), ("sepa_debit", 35), ("customer_balance", 10)])
def test_the_fee_of_the_chosen_way_to_pay_is_added_and_the_way_kept(
    two_ways: factories.AppealKit, method: str, cover: int
) -> None:
    form = checked(two_ways, cover_fee="on", method=method)
    assert form.is_valid(), form.errors
    draft = form.draft()
    assert (draft.fee_cover, draft.method) == (Money(cover, "EUR"), method)
    assert draft.amount == Money(2_500 + cover, "EUR")


@pytest.mark.parametrize("method", [None, "", "cash", "card "])
def test_who_covers_the_fee_says_how_they_pay_where_that_makes_a_difference(
    two_ways: factories.AppealKit, method: str | None
) -> None:
    form = checked(two_ways, cover_fee="on", method=method)
    if method == "card ":  # spaces around are nothing
        assert form.is_valid()
    else:
        assert "each way has its own fee" in form.errors["method"][0]


def test_who_does_not_cover_it_pays_as_they_like(two_ways: factories.AppealKit) -> None:
    form = checked(two_ways, method="card")
    assert form.is_valid()
    assert (form.draft().method, form.draft().fee_cover) == ("", Money(0, "EUR"))


def test_a_bank_transfer_cannot_be_collected_every_month(two_ways: factories.AppealKit) -> None:
    assert "method" in checked(two_ways, frequency="month", cover_fee="on", method="customer_balance").errors
    form = checked(two_ways, frequency="month", cover_fee="on", method="sepa_debit")
    assert form.is_valid()
    assert form.draft().method == "sepa_debit"


def test_with_a_single_way_nothing_is_asked_and_any_is_offered(yearly: factories.AppealKit) -> None:
    form = checked(yearly, cover_fee="on")
    assert form.is_valid()
    assert (form.draft().method, form.draft().fee_cover) == ("", Money(106, "EUR"))


def test_the_page_names_each_way_with_its_fee(visitor: Client, two_ways: factories.AppealKit) -> None:
    page = page_of(visitor, two_ways)
    for words in ("By card", "By bank debit", "By bank transfer", "€0.35"):
        assert words in page
    assert page.count('name="method"') == 3
    elsewhere = page_of(visitor, two_ways, "?currency=USD")
    assert "data-cover hidden" in elsewhere, "no rule for dollars, so nothing to cover"
