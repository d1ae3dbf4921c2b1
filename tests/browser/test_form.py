"""The form in a real browser: frequency and currency with and without script, and every part of it open."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import VIEWS, Site
from tests.browser.steps import fill_in, send
from tests.browser.test_pages import violations

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]


@pytest.fixture
def full_path(site: Site) -> str:
    """The address of the appeal that offers every year, comments and a question."""
    return site.manage(
        "shell", "-v0", "-c",
        "from fundraising.models import DonationPage as P; "
        "print(P.objects.get(locale='it', offers_yearly=True).get_absolute_url())",
    ).split()[-1]  # fmt: skip


def expect_amounts(page: Page, *values: str) -> None:
    """The suggested amounts that can be seen are these, as the values of their buttons; or soon are."""
    shown = page.locator("[data-amounts]:visible input")
    expect(shown).to_have_count(len(values))
    for place, value in enumerate(values):
        expect(shown.nth(place)).to_have_value(value)


def frequency(page: Page, value: str) -> Locator:
    return page.locator(f"input[name=frequency][value={value}]")


def choose(page: Page, place: int) -> None:
    """One of the suggested amounts, by keyboard: the button lies under its picture."""
    page.locator("[data-amounts]:visible input").nth(place).press("Space")


@pytest.mark.parametrize("script", [True, False])
def test_suggested_amounts_and_what_regular_giving_means_follow_the_frequency(
    site: Site, full_path: str, visit: Visit, script: bool
) -> None:
    donor = visit(site.address(full_path), java_script_enabled=script)
    expect_amounts(donor, "EUR:1500", "EUR:3500", "EUR:7500", "EUR:15000")
    expect(donor.locator("#id_day")).to_be_hidden()
    frequency(donor, "month").press("Space")
    expect_amounts(donor, "EUR:500:month", "EUR:1000:month", "EUR:2000:month", "EUR:4000:month")
    expect(donor.locator("#id_day")).to_be_visible()
    expect(donor.locator("#id_day_hint")).to_be_visible()
    frequency(donor, "year").press("Space")
    expect_amounts(donor, "EUR:1500", "EUR:3500", "EUR:7500", "EUR:15000")
    expect(donor.locator("#id_day")).to_be_visible()


def test_with_script_the_amounts_follow_the_currency_and_keep_the_donors_place(
    site: Site, full_path: str, visit: Visit
) -> None:
    donor = visit(site.address(full_path))
    expect(donor.locator("input[name=show]")).to_be_hidden()
    choose(donor, 1)
    donor.locator("#id_currency").select_option("KWD")
    expect_amounts(donor, "KWD:5000", "KWD:10000", "KWD:25000", "KWD:50000")
    expect(donor.locator("input[value='KWD:10000']")).to_be_checked()
    frequency(donor, "month").press("Space")
    expect(donor.locator("input[value='KWD:4000:month']")).to_be_checked()
    button = donor.locator("#give button[type=submit]")
    expect(button).to_contain_text(re.compile(r"4.KWD"))
    donor.locator("#id_currency").select_option("JPY")
    expect_amounts(donor, "JPY:1000:month", "JPY:2000:month", "JPY:3000:month", "JPY:5000:month")
    expect(button).to_contain_text(re.compile(r"2\.?000.JPY"))
    expect(donor.locator("#id_amount_hint")).to_contain_text(re.compile(r"500.JPY"))


def test_without_script_a_button_shows_the_amounts_of_another_currency_and_nothing_typed_is_lost(
    site: Site, full_path: str, visit: Visit
) -> None:
    donor = visit(site.address(full_path), java_script_enabled=False)
    fill_in(donor, email="ada@example.org")
    donor.locator("input[name=amount]").fill("")
    donor.locator("#id_currency").select_option("KWD")
    donor.locator("input[name=show]").click()
    expect(donor.locator("#id_currency")).to_have_value("KWD")
    expect_amounts(donor, "KWD:5000", "KWD:10000", "KWD:25000", "KWD:50000")
    expect(donor.locator("input[name=email]")).to_have_value("ada@example.org")
    expect(donor.locator(".error-summary")).to_have_count(0)
    choose(donor, 0)
    send(donor)
    expect(donor.locator("button[name=case]").first).to_be_visible()


def test_without_script_an_amount_of_another_currency_is_refused_and_shown_in_the_right_one(
    site: Site, full_path: str, visit: Visit
) -> None:
    donor = visit(site.address(full_path), java_script_enabled=False)
    fill_in(donor, email="ada@example.org")
    donor.locator("input[name=amount]").fill("")
    choose(donor, 0)
    donor.locator("#id_currency").select_option("USD")
    send(donor)
    expect(donor.locator(".error-summary")).to_contain_text("USD")
    expect(donor.locator("[data-amounts]:visible input").first).to_have_value("USD:1500")
    expect(donor.locator("input[name=last_name]")).to_have_value("Bianchi")


def test_without_script_enter_in_a_field_sends_the_form_and_does_not_press_another_button(
    site: Site, full_path: str, visit: Visit
) -> None:
    donor = visit(site.address(full_path), java_script_enabled=False)
    donor.locator("input[name=email]").fill("ada@")
    donor.locator("input[name=email]").press("Enter")
    expect(donor.locator(".error-summary")).to_be_visible()


def test_the_fee_of_each_way_to_pay_is_shown_to_the_cent_and_added(site: Site, full_path: str, visit: Visit) -> None:
    donor = visit(site.address(full_path))
    choose(donor, 0)
    expect(donor.locator("#id_method")).to_be_hidden()
    donor.locator("#id_cover_fee").check()
    expect(donor.locator("[data-method=card]")).to_contain_text("0,47")
    expect(donor.locator("[data-method=sepa_debit]")).to_contain_text("0,35")
    button = donor.locator("#give button[type=submit]")
    expect(button).to_contain_text("15,47")
    donor.locator("input[name=method][value=sepa_debit]").check()
    expect(button).to_contain_text("15,35")
    donor.locator("#id_currency").select_option("KWD")
    expect(donor.locator("#id_method")).to_be_hidden()
    expect(button).to_contain_text("5,170")  # 5 + 90 fils, and 1.4 % of the whole, in steps of ten fils


def open_all(page: Page) -> None:
    frequency(page, "month").press("Space")
    choose(page, 1)
    page.locator("#id_cover_fee").check()
    for part in page.locator("details.more summary").all():
        part.click()


@VIEWS
def test_with_every_part_open_and_every_part_wrong_nothing_is_inaccessible_or_too_wide(
    site: Site, full_path: str, visit: Visit, scheme: str, width: int
) -> None:
    options = {"color_scheme": scheme, "reduced_motion": "reduce", "viewport": {"width": width, "height": 800}}
    page = visit(site.address(full_path), **options)
    open_all(page)
    found = violations(page)
    page.locator("#id_comment").fill("www.example.org")
    page.locator("#id_tribute_name").fill("Ada")
    send(page)
    expect(page.locator("[data-error-summary]")).to_be_focused()
    expect(page.locator("#id_comment")).to_be_visible()
    expect(page.locator("#id_tribute_name")).to_have_value("Ada")
    expect(frequency(page, "month")).to_be_checked()
    assert found + violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
