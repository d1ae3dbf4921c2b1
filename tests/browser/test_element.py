"""The pay step: Stripe's fields on our page for browsers with script, Stripe's own page for all others."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import VIEWS, Site
from tests.browser.steps import FIELDS, STEP, complaints_of, fill_in, pay, send, type_card
from tests.browser.test_giving import BOOKED, THANKS
from tests.browser.test_pages import violations

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]
PAY_STEP = re.compile(r"/it/d/[\w-]+/pay/")
DONATION = re.compile(r"/it/d/[\w-]+/\?returned=1")
_numbers = itertools.count(1)


def give(page: Page) -> None:
    """Send the form, each time as somebody else: the same donor again would be led to the same attempt."""
    fill_in(page, email=f"element-{next(_numbers)}@example.org")
    send(page)


@pytest.fixture
def donor(site: Site, appeal_path: str, visit: Visit) -> Page:
    """A donor on the pay step, Stripe's fields ready."""
    return on_step(site, appeal_path, visit)


def on_step(site: Site, appeal_path: str, visit: Visit, **options: Any) -> Page:
    page = visit(site.address(appeal_path), **options)
    give(page)
    expect(page).to_have_url(PAY_STEP)
    expect(page.locator(f"{STEP}:not([aria-disabled=true])")).to_be_visible()
    return page


@pytest.fixture
def faults(site: Site) -> Iterator[Callable[..., None]]:
    """Have the sandbox misbehave; it stops after the test."""

    def _set(*wanted: dict[str, Any]) -> None:
        httpx.post(
            f"{site.sandbox_url}/sandbox/faults", json={"seed": 1, "faults": list(wanted)}, timeout=60
        ).raise_for_status()

    yield _set
    _set()


def test_a_card_pays_on_our_page_and_the_page_sees_nothing_of_it(donor: Page) -> None:
    assert donor.locator("input[name=number]").count() == 0  # it is in Stripe's frame
    pay(donor)
    expect(donor).to_have_url(DONATION)
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)


def test_a_declined_card_is_told_at_once_and_another_one_pays(donor: Page) -> None:
    pay(donor, "declined")
    expect(donor.get_by_role("alert")).to_have_text("La carta è stata rifiutata.")
    expect(donor).to_have_url(PAY_STEP)
    pay(donor, "success")
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)


def test_fields_left_empty_are_told_and_charge_nothing(donor: Page) -> None:
    donor.locator(STEP).click()
    expect(donor.get_by_role("alert")).to_be_visible()
    expect(donor.locator(f"{STEP}:not([aria-disabled=true])")).to_be_visible()


@pytest.mark.parametrize("outcome", ["pass", "fail"])
def test_the_bank_asks_in_a_frame_above_the_page(donor: Page, outcome: str) -> None:
    pay(donor, "three_d_secure_always")
    donor.frame_locator("[role=dialog] iframe").locator(f"button[value={outcome}]").click()
    if outcome == "fail":
        expect(donor.get_by_role("alert")).to_contain_text("L’autenticazione non è riuscita")
        pay(donor)
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)


def test_a_debit_is_under_way_and_says_so(donor: Page) -> None:
    fields = donor.frame_locator(FIELDS)
    fields.locator("input[value=sepa_debit]").check()
    fields.locator("input[name=iban]").fill("DE89 3704 0044 0532 0130 00")
    fields.locator("input[name=name]").fill("Ada Bianchi")
    donor.locator(STEP).click()
    expect(donor).to_have_url(DONATION)
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)  # for the order; the money comes days later


def test_a_wallet_pays(donor: Page) -> None:
    donor.frame_locator(FIELDS).locator("input[value=google_pay]").check()
    donor.locator(STEP).click()
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)


@pytest.mark.parametrize("broken", ["**/dahlia/stripe.js", "**/dahlia/element*", "**/payment_pages/*/init"])
def test_when_stripes_script_or_fields_do_not_load_stripes_page_is_offered(
    site: Site, appeal_path: str, visit: Visit, broken: str
) -> None:
    page = visit("about:blank")
    page.route(broken, lambda route: route.abort())
    if broken.endswith("element*"):  # a frame that is not there tells nobody: the page stops waiting
        page.clock.install()
    page.goto(site.address(appeal_path))
    give(page)
    expect(page).to_have_url(PAY_STEP)
    if broken.endswith("element*"):
        page.wait_for_load_state()  # from then on its script waits for the fields
        page.clock.fast_forward(16_000)
    expect(page.locator("[data-pay-trouble]")).to_be_visible()
    expect(page.locator("[data-pay-form]")).to_be_hidden()
    page.locator("[data-pay-instead]").click()
    expect(page.locator("button[name=case]").first).to_be_visible()
    pay(page)
    expect(page.locator("h1")).to_have_text(THANKS, timeout=BOOKED)


def test_a_donor_may_choose_stripes_page_and_the_fields_left_open_elsewhere_take_nothing(
    site: Site, appeal_path: str, visit: Visit
) -> None:
    page = on_step(site, appeal_path, visit)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(f"{STEP}:not([aria-disabled=true])")).to_be_visible()
    page.locator("[data-pay-instead]").click()
    expect(page.locator("button[name=case]").first).to_be_visible()
    type_card(other, "4242424242424242")
    other.locator(STEP).click()
    expect(other.get_by_role("alert")).to_be_visible()
    pay(page)
    expect(page.locator("h1")).to_have_text(THANKS, timeout=BOOKED)


def test_without_script_the_donor_is_led_to_stripes_page(site: Site, appeal_path: str, visit: Visit) -> None:
    step = on_step(site, appeal_path, visit).url
    page = visit(step, java_script_enabled=False)  # script went missing on the way
    expect(page.locator("[data-pay-form]")).to_be_hidden()
    expect(page.locator("noscript .notice")).to_be_visible()
    page.locator("[data-pay-instead]").click()
    expect(page.locator("button[name=case]").first).to_be_visible()
    assert urlsplit(page.url).netloc == urlsplit(site.sandbox_url).netloc


def test_the_back_button_after_paying_shows_the_thanks_and_no_fields(donor: Page) -> None:
    pay(donor)
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)
    donor.go_back()
    expect(donor.locator("h1")).to_have_text(THANKS, timeout=BOOKED)


@VIEWS
def test_axe_finds_nothing_to_mend_on_the_pay_step(
    site: Site, appeal_path: str, visit: Visit, scheme: str, width: int
) -> None:
    options = {"color_scheme": scheme, "reduced_motion": "reduce", "viewport": {"width": width, "height": 800}}
    page = on_step(site, appeal_path, visit, **options)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pay(page, "declined")
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []


def test_the_pay_step_asks_the_sandbox_and_nobody_else(site: Site, appeal_path: str, visit: Visit) -> None:
    page = visit("about:blank")
    asked: list[tuple[str, str]] = []
    complaints = complaints_of(page)
    page.on("request", lambda request: asked.append((page.url, urlsplit(request.url).netloc)))
    page.goto(site.address(appeal_path))
    give(page)
    expect(page.locator(f"{STEP}:not([aria-disabled=true])")).to_be_visible()
    ours, stand_in = urlsplit(site.url).netloc, urlsplit(site.sandbox_url).netloc
    assert {host for _page, host in asked} == {ours, stand_in}
    assert {host for where, host in asked if "/a/" in where and "/pay/" not in where} <= {ours}
    assert complaints == []


def test_when_stripe_does_not_answer_the_page_says_so_and_trying_again_succeeds(
    site: Site, appeal_path: str, visit: Visit, faults: Callable[..., None]
) -> None:
    faults({"kind": "api_503", "match": "POST /v1/checkout/sessions", "count": 2})  # the SDK tries twice
    page = visit(site.address(appeal_path))
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        give(page)
    assert answer.value.status == 503
    retry = page.locator("form[data-submit-once] button")
    expect(retry).to_be_visible()
    faults()
    retry.click()
    pay(page)
    expect(page.locator("h1")).to_have_text(THANKS, timeout=BOOKED)
