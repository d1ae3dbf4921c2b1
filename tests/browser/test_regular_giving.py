"""Giving every month, as donors live with it: sign up, change it, leave one out, end it; with and without script."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import psycopg
import pytest
from playwright.sync_api import Error, Page, expect

from tests import databases
from tests.browser.conftest import NAME, Site
from tests.browser.steps import fill_in, pay, send
from tests.browser.test_pages import violations
from tests.waiting import wait_until

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]
BOOKED = 60  # seconds; a busy machine takes a while from charge to booked
DONE = ".notice--good"


def until(page: Page, there: Callable[[], object], what: str, seconds: float = BOOKED) -> None:
    """Look again and again. The page may be about to show itself anew: then looking at it is put off."""

    def look() -> bool:
        try:
            return bool(there() or (page.reload() and False))
        except Error:
            return False

    wait_until(look, seconds, what)


def sign_up(page: Page, amount: str, email: str) -> None:
    """Sign up for every month and wait until the mandate's page says that it collects."""
    fill_in(page, amount=amount, email=email)
    page.locator("input[name=frequency][value=month]").check()
    send(page)
    pay(page)
    link = page.locator("a[href*='/m/']").first
    until(page, link.count, "the donation leads to its mandate")
    address = str(link.get_attribute("href"))
    until(page, lambda: page.goto(page.url.split("/it/")[0] + address), "the mandate's page opens")
    until(page, page.locator("#amount").count, "the mandate collects")


def all_is_heard(site: Site) -> None:
    """Wait until what Stripe tells of a change has been handled.

    Its clock is days ahead of ours here. So its word of one change would be taken for newer than our own note of the
    next, for as long as its word of that one is on its way.
    """
    httpx.post(f"{site.sandbox_url}/sandbox/flush", json={"timeout": BOOKED}, timeout=2 * BOOKED).raise_for_status()
    to_handle = "SELECT FROM payments_inboxevent WHERE state = 'received' OR waits_for LIKE 'word on %'"
    with psycopg.connect(databases.url(NAME), autocommit=True) as books:
        wait_until(lambda: not books.execute(to_handle).fetchall(), BOOKED, "what Stripe says is heard")


def unfold(page: Page, part: str) -> None:
    page.locator(f"#{part} > summary").click()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_donor_gives_every_month_changes_it_leaves_one_out_and_ends_it(
    site: Site, appeal_path: str, visit: Visit, script: bool
) -> None:
    email = f"mensile-{script}@example.org".lower()
    page = visit(site.address(appeal_path), java_script_enabled=script)
    sign_up(page, "20", email)
    facts = page.locator(".facts")
    expect(facts).to_contain_text("20")
    until(page, lambda: "4242" in facts.inner_text(), "the card is shown")

    unfold(page, "amount")
    page.locator("#id_amount").fill("0,01")
    page.locator("#amount button").click()
    expect(page.locator("#id_amount_error")).to_be_visible()
    expect(page.locator("#id_amount")).to_have_value("0,01")
    page.locator("#id_amount").fill("35,50")
    page.locator("#amount button").click()
    expect(page.locator(DONE)).to_contain_text("35,50")
    all_is_heard(site)

    unfold(page, "skip")
    page.locator("#skip button").click()
    expect(page.locator(DONE)).to_be_visible()
    expect(page.locator("#skip")).to_have_count(0)
    all_is_heard(site)
    page.locator("form[action$='/resume/'] button").click()
    expect(page.locator("#skip")).to_have_count(1)
    all_is_heard(site)

    page.locator("a[href$='/end/']").click()
    expect(page.locator("a[href$='?open=pause#pause']")).to_be_visible()
    page.locator("input[name=wish][value=done]").check()
    page.locator("form[action$='/end/'] button").click()
    expect(page.locator(DONE)).to_be_visible()
    expect(page.locator(".deeds")).to_have_count(0)


def test_another_card_is_named_at_stripe_and_the_donor_comes_back(site: Site, appeal_path: str, visit: Visit) -> None:
    page = visit(site.address(appeal_path))
    sign_up(page, "21", "carta@example.org")
    unfold(page, "card")
    page.locator("#card button").click()
    page.locator("button[name=case][value=success_mastercard]").click()
    expect(page).to_have_url(re.compile(r"/m/[0-9a-f-]+/\?returned=1$"))
    shown = page.locator(".facts")
    until(page, lambda: "4444" in shown.inner_text(), "the new card is shown", 90)


def test_who_has_given_once_signs_up_for_every_month_with_one_click(site: Site, appeal_path: str, visit: Visit) -> None:
    page = visit(site.address(appeal_path))
    fill_in(page, amount="22", email="ancora@example.org")
    send(page)
    pay(page)
    offer = page.locator(".again button")
    expect(offer).to_be_visible(timeout=BOOKED * 1_000)
    offer.click()
    pay(page)
    until(page, page.locator(".facts a[href*='/m/'], #amount").count, "the donor's pages know of it")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_mandate_is_accessible_on_a_small_screen_in_every_state(
    site: Site, appeal_path: str, visit: Visit, scheme: str
) -> None:
    options = {"color_scheme": scheme, "reduced_motion": "reduce", "viewport": {"width": 360, "height": 740}}
    page = visit(site.address(appeal_path), **options)
    sign_up(page, "23", f"stretto-{scheme}@example.org")
    found = violations(page)
    for part in ("amount", "day", "skip", "pause", "card"):
        unfold(page, part)
    found += violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#id_amount").fill("x")
    page.locator("#amount button").click()
    expect(page.locator("#id_amount_error")).to_be_visible()
    found += violations(page)
    page.goto(page.url.split("amount/")[0] + "?open=pause")
    page.locator("input[name=months][value=open]").check()
    page.locator("#pause button").click()
    expect(page.locator(DONE)).to_be_visible()
    found += violations(page)
    page.goto(page.url.split("?")[0] + "end/")
    found += violations(page)
    page.locator("form[action$='/end/'] button").click()
    expect(page.locator(DONE)).to_be_visible()
    assert found + violations(page) == []
