"""The desk's first pages in a real browser: accessible in both schemes, on a phone, and without script."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.steps import complaints_of, sign_in
from tests.browser.test_pages import Visit
from tests.browser.test_sign_in import violations

PAGES = ["", "calendar/", "trends/", "search/?q=50", "disputes/", "failed/", "events/", "requests/"]


# Each signs in as somebody else: a code of an authenticator app opens once.
@pytest.mark.parametrize(("scheme", "width", "role"), [("light", 1280, "approver"), ("dark", 360, "finance")])
def test_the_first_pages_have_nothing_for_axe_to_mend_and_scroll_in_one_direction(
    site: Site, visit: Visit, scheme: str, width: int, role: str
) -> None:
    page = visit("about:blank", color_scheme=scheme, viewport={"width": width, "height": 800}, locale="en-GB")
    complaints = complaints_of(page)
    sign_in(page, site, role, to="/desk/lantern/")
    for path in PAGES:
        page.goto(site.address(f"/desk/lantern/{path}"))
        assert violations(page) == [], path
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, path
    assert complaints == []


def test_a_donation_is_found_and_its_story_read_from_the_keyboard(site: Site, visit: Visit) -> None:
    page = visit("about:blank", locale="en-GB")
    sign_in(page, site, "donor_care", to="/desk/lantern/search/")
    page.keyboard.press("/")
    page.keyboard.type("verdi 35")
    page.keyboard.press("Enter")
    page.get_by_role("row").nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Donation")
    expect(page.locator(".timeline")).to_contain_text("Charged: the donor has paid.")


def test_escape_closes_a_menu_and_paper_has_no_controls(site: Site, visit: Visit) -> None:
    page = visit("about:blank", locale="en-GB")
    sign_in(page, site, "campaigner", to="/desk/lantern/appeals/")
    name = page.locator("summary", has_text="campaigner")
    name.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Second factor")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Second factor")).to_be_hidden()
    expect(name).to_be_focused()
    page.emulate_media(media="print")
    controls = page.locator("button, select, input:not([type=hidden])")
    for place in range(controls.count()):
        expect(controls.nth(place)).to_be_hidden()


def test_a_title_of_one_long_word_is_broken_rather_than_the_page(site: Site, visit: Visit) -> None:
    page = visit("about:blank", locale="en-GB", viewport={"width": 360, "height": 800})
    sign_in(page, site, "admin", to="/desk/lantern/staff/")
    page.locator(".desk-head > h1").evaluate("title => { title.textContent = 'x'.repeat(300) }")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_statement_of_funds_fits_a_laptop_and_a_telephone(site: Site, visit: Visit) -> None:
    page = visit("about:blank", locale="en-GB")
    sign_in(page, site, "auditor", to="/desk/lantern/books/funds/")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        regions = page.locator(".desk-scroll")
        assert regions.count() > 0
        for region in regions.all():
            assert region.evaluate("region => region.scrollWidth - region.clientWidth") <= 0, width
