"""The path from a campaign page to a receipt, as donors walk it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.steps import fill_in, minor, pay, send
from tests.waiting import wait_until

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]
THANKS = re.compile(r"^Grazie")
BOOKED = 60_000  # milliseconds; a busy machine takes a while from charge to booked


def test_a_donor_gives_and_the_total_moves_on_another_open_page(site: Site, appeal_path: str, visit: Visit) -> None:
    watcher = visit(site.address(appeal_path))
    expect(watcher.locator("[data-live=on]").first).to_be_visible()
    before = minor(watcher)
    watcher.evaluate("window.untouched = true")
    donor = visit(site.address("/it/"))
    donor.locator(f".appeal-card h3 a[href='{appeal_path}']").click()
    fill_in(donor, amount="27")
    expect(donor.locator("#give button[type=submit]")).to_contain_text("27")
    send(donor)
    pay(donor)
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)
    wait_until(lambda: minor(watcher) >= before + 2700, 60, "the watcher's total moves")
    assert watcher.evaluate("window.untouched"), "the page was reloaded"


def test_a_donor_without_script_gives_too(site: Site, appeal_path: str, visit: Visit) -> None:
    donor = visit(site.address(appeal_path), java_script_enabled=False)
    before = minor(donor)
    fill_in(donor, amount="31,50")
    send(donor)
    pay(donor)
    heading = donor.locator("h1")
    expect(heading).to_be_visible()
    wait_until(lambda: donor.reload() and THANKS.search(heading.inner_text()), 60, "the donation is received")
    donor.locator(".facts a").first.click()
    wait_until(lambda: donor.reload() and minor(donor) >= before + 3150, 60, "a reload shows the new total")


def test_errors_are_named_in_a_summary_that_has_the_focus_and_leads_to_the_field(
    site: Site, appeal_path: str, visit: Visit
) -> None:
    donor = visit(site.address(appeal_path))
    fill_in(donor, amount="0,001", email="ada@")
    send(donor)
    summary = donor.locator("[data-error-summary]")
    expect(summary).to_be_focused()
    summary.locator("a[href='#id_email']").click()
    field = donor.locator("#id_email")
    expect(field).to_be_focused()
    expect(field).to_have_value("ada@")
    expect(field).to_have_attribute("aria-invalid", "true")
    error = donor.locator("#" + str(field.get_attribute("aria-describedby")).split()[0])
    expect(error).to_be_visible()
    expect(donor.locator("#id_amount")).to_have_value("0,001")


def test_a_declined_card_can_be_tried_again(site: Site, appeal_path: str, visit: Visit) -> None:
    donor = visit(site.address(appeal_path))
    fill_in(donor)
    send(donor)
    pay(donor, "declined")
    expect(donor.get_by_role("alert")).to_be_visible()
    pay(donor, "success")
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)


def test_the_back_button_and_a_reload_after_giving_are_harmless(site: Site, appeal_path: str, visit: Visit) -> None:
    donor = visit(site.address(appeal_path))
    fill_in(donor)
    send(donor)
    pay(donor)
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)
    thanks = donor.url
    donor.reload()
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)
    donor.go_back()
    donor.goto(thanks)
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)


def test_the_receipt_is_in_the_demos_mail(site: Site, appeal_path: str, visit: Visit) -> None:
    donor = visit(site.address(appeal_path))
    fill_in(donor, email="ricevuta@example.org")
    send(donor)
    pay(donor)
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)
    row = donor.locator("tr", has_text="ricevuta@example.org").first
    wait_until(lambda: donor.goto(site.address("/demo/mail/")) and row.count(), 60, "the mail is listed")
    row.locator("a").click()
    expect(donor.locator(".attachments a")).to_have_text(re.compile(r"\.pdf$"))


def test_a_visitor_can_change_the_language(site: Site, appeal_path: str, visit: Visit) -> None:
    page = visit(site.address(appeal_path))
    page.get_by_role("link", name="English").click()
    expect(page).to_have_url(re.compile(r"/en/a/"))
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_an_amount_that_was_typed_and_given_up_is_never_charged(site: Site, appeal_path: str, visit: Visit) -> None:
    donor = visit(site.address(appeal_path), java_script_enabled=False)
    fill_in(donor, amount="300")
    donor.locator("[data-amounts] input").first.press("Space")
    expect(donor.locator("#id_amount")).to_be_hidden()
    send(donor)
    expect(donor.locator(".error-summary")).to_contain_text("300")
    expect(donor.locator("#id_amount")).to_be_visible()
    donor.locator("#id_amount").fill("")
    send(donor)
    expect(donor.locator("button[name=case]").first).to_be_visible()
