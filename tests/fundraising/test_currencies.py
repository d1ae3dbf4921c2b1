"""Many currencies on one page: sensible defaults, exact reading and writing, totals in the appeal's own."""

from __future__ import annotations

import html
import re
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from config.demo import seed, texts
from fundraising import totals
from fundraising.content import appeal_content
from fundraising.currencies import USUAL, add_usual, usual
from fundraising.forms import DonationForm
from fundraising.models import DonationPage, ExchangeRate, FeeCover, PageCurrency
from fundraising.money import EXPONENTS, Money, parse_amount, step
from payments.sandbox import money as stripe_money
from tests import factories

from .conftest import address, errors_beside, filled_in

CODES = sorted(USUAL)
LIMIT = 80_000_000  # the database's, so that a fee cover still fits eight digits


def rates(*codes: str) -> None:
    """A rate into euros for each of the currencies."""
    for code in codes:
        ExchangeRate.objects.create(
            base=code, quote="EUR", on=timezone.localdate(), rate=Decimal(texts.RATES[code]), source="test"
        )


@pytest.fixture
def wide(kit: factories.AppealKit) -> factories.AppealKit:
    """A page that takes every currency we know."""
    rates(*(code for code in CODES if code != "EUR"))
    for page in kit.pages.values():
        page.currencies.all().delete()
        add_usual(page)
    return kit


# --- The table ------------------------------------------------------------------------------------


def test_every_known_currency_has_its_usual_amounts() -> None:
    assert set(USUAL) == set(EXPONENTS)
    assert len(USUAL) >= 20
    assert {EXPONENTS[code] for code in USUAL} == {0, 2, 3}
    assert not {"ISK", "UGX"} & set(USUAL), "written with decimals that must be zero"


@pytest.mark.parametrize("code", CODES)
def test_usual_amounts_ascend_between_the_bounds_that_the_database_and_stripe_keep(code: str) -> None:
    row = usual(code)
    for amounts in (row.suggested_minor, row.suggested_regular_minor):
        assert len(amounts) == 4
        assert amounts == sorted(set(amounts))
        assert row.minimum_minor <= amounts[0]
        assert amounts[-1] <= row.maximum_minor
    assert stripe_money.minimum(code.lower()) <= row.minimum_minor
    assert row.maximum_minor <= LIMIT
    assert row.suggested_regular_minor[0] <= row.suggested_minor[0]
    unit = 10 ** EXPONENTS[code]
    for minor in (row.minimum_minor, row.maximum_minor, *row.suggested_minor, *row.suggested_regular_minor):
        assert minor % unit == 0, "whole units, which every currency and payout takes"
        stripe_money.check_amount(minor, code.lower(), "amount")


@given(code=st.sampled_from(CODES), locale=st.sampled_from(factories.LOCALES))
def test_every_usual_amount_survives_being_written_and_typed_again(code: str, locale: str) -> None:
    for minor in (*usual(code).suggested_minor, *usual(code).suggested_regular_minor):
        written = re.sub(r"^[^\d]+|[^\d]+$", "", Money(minor, code).format(locale))
        if re.fullmatch(r"\d+", written) or not EXPONENTS[code]:
            assert parse_amount(written, code) == Money(minor, code)
        assert parse_amount(f"{Money(minor, code).decimal:f}", code) == Money(minor, code)


@given(
    code=st.sampled_from(CODES),
    share=st.integers(0, 10_000),
    basis_points=st.integers(0, 1_999),
    fixed=st.integers(0, 5_000),
)
def test_a_fee_cover_in_any_currency_makes_a_sum_that_stripe_takes(
    code: str, share: int, basis_points: int, fixed: int
) -> None:
    row, unit = usual(code), step(code)
    wished = (row.minimum_minor + (row.maximum_minor - row.minimum_minor) * share // 10_000) // unit * unit
    rule = FeeCover(currency=code, basis_points=basis_points, fixed_minor=fixed)
    total = wished + rule.cover(Money(wished, code)).minor
    assert total % unit == 0
    assert total - (total * basis_points + 9_999) // 10_000 - fixed >= wished - 1
    less = total - unit - 1
    assert less - less * basis_points / 10_000 - fixed < wished, "not a step more than the fee asks for"


# --- On a page ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_page_gets_all_the_usual_currencies_that_have_a_rate_and_keeps_its_own(kit: factories.AppealKit) -> None:
    rates("GBP", "KWD")
    page = kit.pages["en"]
    done = add_usual(page)
    assert done.added == ["GBP", "KWD"]
    assert "CHF" in done.without_rate
    rows = list(PageCurrency.objects.filter(page=page))
    assert [row.currency for row in rows] == ["EUR", "USD", "JPY", "GBP", "KWD"]
    assert rows[0].suggested_minor == [2_000, 5_000, 10_000], "what the page had stands"
    for row in rows[3:]:
        row.full_clean()
    assert add_usual(page).added == []


@pytest.mark.django_db
def test_the_appeals_own_currency_comes_first(kit: factories.AppealKit) -> None:
    page = kit.pages["en"]
    page.currencies.all().delete()
    rates("AUD")
    assert add_usual(page).added == ["EUR", "AUD"]


@pytest.mark.django_db
def test_suggestions_in_three_decimals_end_in_zero(kit: factories.AppealKit) -> None:
    rates("KWD")
    row = PageCurrency(
        page=kit.pages["en"], currency="KWD", minimum_minor=1_000, maximum_minor=9_000, suggested_minor=[1_005]
    )
    with pytest.raises(ValidationError, match="end in 0"):
        row.full_clean()


@pytest.mark.django_db
@pytest.mark.parametrize("code", CODES)
def test_a_donor_gives_in_each_currency_and_the_bounds_hold(wide: factories.AppealKit, code: str) -> None:
    content = appeal_content("en", wide.pages["en"].slug)
    row = usual(code)
    plain = f"{Money(row.minimum_minor, code).decimal:f}"
    form = DonationForm(content, filled_in(currency=code, amount=plain))
    assert form.is_valid(), form.errors
    assert form.draft().amount == Money(row.minimum_minor, code)
    below = f"{Money(row.minimum_minor - step(code), code).decimal:f}"
    assert "smallest" in DonationForm(content, filled_in(currency=code, amount=below)).errors["amount"][0]
    above = f"{Money(row.maximum_minor + step(code), code).decimal:f}"
    assert "largest" in DonationForm(content, filled_in(currency=code, amount=above)).errors["amount"][0]


@pytest.mark.django_db
@pytest.mark.parametrize(("amount", "words"), [("5.125", "the last one must be 0"), ("5.1234", "3 decimals")])
def test_an_amount_that_no_card_network_takes_is_explained(
    visitor: Client, wide: factories.AppealKit, amount: str, words: str
) -> None:
    answer = visitor.post(address(wide), filled_in(currency="KWD", amount=amount))
    assert answer.status_code == 422
    assert words in errors_beside(answer.content.decode())["amount"][0]
    assert visitor.post(address(wide), filled_in(currency="KWD", amount="5.120")).status_code == 503  # no account here


@pytest.mark.django_db
def test_the_page_shows_one_currency_and_its_address_may_ask_for_another(
    visitor: Client, wide: factories.AppealKit
) -> None:
    page = visitor.get(address(wide)).content.decode()
    assert page.count("<option value=") > len(CODES)
    assert 'value="EUR:1500"' in page
    assert 'value="USD:1500"' not in page
    answer = visitor.get(address(wide), {"currency": "KWD", "frequency": "month"})
    other = html.unescape(answer.content.decode())
    assert 'value="KWD:10000"' in other
    assert '<option value="KWD"' in other
    assert re.search(r'<option value="KWD"[^>]* selected', other)
    assert "public" in answer["Cache-Control"]
    assert not answer.cookies
    for junk in ("XXX", "<b>", "kwd", ""):
        shown = visitor.get(address(wide), {"currency": junk, "frequency": junk})
        assert shown.status_code == 200
        assert 'value="EUR:1500"' in shown.content.decode()
        assert "<b>" not in shown.content.decode()


@pytest.mark.django_db
def test_without_script_a_button_shows_the_amounts_of_another_currency_and_nothing_typed_is_lost(
    visitor: Client, wide: factories.AppealKit
) -> None:
    sent = filled_in(
        currency="JPY", amount_choice="EUR:1500", amount="", email="ada@", show="Show amounts", tribute="memory",
        tribute_name="Sorana", newsletter="on", frequency="month",
    )  # fmt: skip
    answer = visitor.post(address(wide), sent)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", "))
    assert 'value="JPY:2000"' in page
    assert 'value="EUR:1500"' not in page
    for kept in ('value="ada@"', 'value="Rossi"', 'value="Sorana"', '<option value="IT" selected>'):
        assert kept in page
    assert 'name="newsletter" checked' in page
    assert 'value="month" checked' in page
    assert errors_beside(page) == {}


@pytest.mark.django_db
def test_a_page_with_every_currency_is_light_and_costs_no_more_queries(
    visitor: Client, wide: factories.AppealKit, django_assert_max_num_queries: Any
) -> None:
    cache.clear()
    with django_assert_max_num_queries(8):
        answer = visitor.get(address(wide))
    assert len(answer.content) < 60_000


# --- Totals ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_total_holds_every_currency_at_its_stored_rate(wide: factories.AppealKit) -> None:
    expected = Decimal(0)
    for code in CODES:
        given_here = Money(usual(code).suggested_minor[0], code)
        factories.received_donation(wide, amount=given_here)
        expected += given_here.decimal * Decimal(texts.RATES.get(code, "1"))
    total = totals.appeal_total(wide.appeal)
    assert total.raised == Money(int((expected * 100).quantize(Decimal(1))), "EUR")
    assert {money.currency for money in total.by_currency} == set(CODES)
    assert total.approximate


@pytest.mark.django_db
def test_the_demo_takes_more_than_twenty_currencies_each_with_a_dated_rate() -> None:
    seed.content()
    for page in DonationPage.objects.all():
        assert PageCurrency.objects.filter(page=page).count() == len(CODES)
    for code in CODES:
        if code != "EUR":
            rates = ExchangeRate.objects.filter(base=code, quote="EUR")
            assert rates
            assert all(rate.source and rate.on <= timezone.localdate() for rate in rates)
        assert FeeCover.objects.filter(currency=code, method="card").exists()
