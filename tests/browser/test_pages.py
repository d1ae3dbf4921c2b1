"""What holds for every page: accessible, light, on its own, readable on a small screen."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response, expect

from fundraising.money import EXPONENTS, Money
from tests.browser.conftest import VIEWS, Site
from tests.browser.steps import complaints_of, fill_in, pay, send, sign_in
from tests.waiting import wait_until

pytestmark = pytest.mark.browser
AMOUNTS = (0, 1, 1_000, 123_456, 4_823_050, -2_500, 99_999_999)
Visit = Callable[..., Page]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PAGES = [
    "/it/", "/en/", "{appeal}", "{appeal}money/", "{campaign}", "/demo/", "/demo/mail/", "/it/iati/",
    "/it/nothing-here/",
]  # fmt: skip
WEIGHT_LIMIT = 100_000  # bytes as sent, without photos


@pytest.fixture
def addresses(site: Site, appeal_path: str, visit: Visit) -> list[str]:
    page = visit(site.address(appeal_path))
    campaign = page.locator(".appeal__head .kicker a").get_attribute("href") or ""
    return [site.address(path.format(appeal=appeal_path, campaign=campaign)) for path in PAGES]


def violations(page: Page) -> list[str]:
    """What axe finds, one line each. The rules must have run for the answer to mean something."""
    page.wait_for_load_state()  # of a page that has just come, all of it
    found = Axe().run(page, options=RULES).response
    assert len(found["passes"]) > 10
    return [f"{page.url}: {rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]


@VIEWS
def test_axe_finds_nothing_to_mend(addresses: list[str], visit: Visit, scheme: str, width: int) -> None:
    options = {"color_scheme": scheme, "reduced_motion": "reduce", "viewport": {"width": width, "height": 800}}
    found = []
    for address in addresses:
        page = visit(address, **options)
        found += violations(page)
        if "/a/" in address and not address.endswith("/money/"):
            fill_in(page, email="ada@")
            send(page)
            expect(page.locator("[data-error-summary]")).to_be_visible()
            found += violations(page)
    assert found == []


@pytest.mark.parametrize("theme", ["ember", "tide", "iris"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_theme_has_enough_contrast(
    site: Site, appeal_path: str, visit: Visit, theme: str, scheme: str
) -> None:
    page = visit(site.address(appeal_path), color_scheme=scheme, reduced_motion="reduce")
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    assert violations(page) == []


def test_no_page_is_wider_than_a_small_screen(addresses: list[str], visit: Visit) -> None:
    for address in addresses:
        page = visit(address, viewport={"width": 320, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address


def test_the_appeal_page_is_light_and_asks_no_other_origin_for_anything(
    site: Site, appeal_path: str, visit: Visit
) -> None:
    page = visit("about:blank")
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(site.address(appeal_path))
    expect(page.locator("[data-live=on]").first).to_be_visible()
    page.wait_for_load_state("load")
    assert [answer.url for answer in answers if not answer.url.startswith(f"{site.url}/")] == []
    streams = [answer for answer in answers if answer.url.endswith("/stream")]
    assert streams, "the total is live"
    files = [answer for answer in answers if answer not in streams and answer.request.resource_type != "image"]
    weight = sum(sent(answer) for answer in files)
    assert 5_000 < weight <= WEIGHT_LIMIT


def sent(answer: Response) -> int:
    """Bytes on the wire, headers included."""
    sizes = answer.request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]


def test_nothing_breaks_the_content_security_policy(addresses: list[str], visit: Visit) -> None:
    page = visit("about:blank")
    complaints = complaints_of(page)
    for address in addresses:
        if "nothing-here" not in address:
            page.goto(address)
            page.wait_for_load_state("load")
    assert complaints == []


def test_the_browser_writes_money_as_the_server_does(site: Site, appeal_path: str, visit: Visit) -> None:
    page = visit(site.address(appeal_path))
    script = page.locator("script[src*='live-total']").get_attribute("src") or ""
    source = site.address(script.rsplit("/", 1)[0] + "/money.js")
    for language in ("it", "en", "ar"):
        # Browsers put a mark of their own before an Arabic minus; no amount that they write is below nothing.
        amounts = [minor for minor in AMOUNTS if minor >= 0 or language != "ar"]
        cases = [(minor, currency) for currency in EXPONENTS for minor in amounts]
        page.evaluate("language => { document.documentElement.lang = language }", language)
        written = page.evaluate(
            """async ([source, cases, language]) => {
                const { formatMoney } = await import(`${source}?${language}`);
                return cases.map(([minor, currency]) => formatMoney({ minor, currency }));
            }""",
            [source, cases, language],
        )
        assert written == [Money(minor, currency).format(language) for minor, currency in cases]


def test_a_total_that_nobody_confirms_says_so(site: Site, appeal_path: str, visit: Visit) -> None:
    page = visit("about:blank")
    page.clock.install()
    page.route("**/totals/**/stream", lambda route: route.abort())  # one that is open goes on, also offline
    page.goto(site.address(appeal_path))
    total = page.locator("section[data-live-total]")
    expect(total).to_have_attribute("data-live", "on")
    page.context.set_offline(True)
    page.route("**/totals/**", lambda route: route.abort())
    page.clock.run_for(70_000)
    expect(total).to_have_attribute("data-live", "stale")
    expect(total.locator(".total__truth")).to_contain_text("Ultima conferma")


def test_the_total_says_when_it_was_confirmed_without_script_too(site: Site, appeal_path: str, visit: Visit) -> None:
    page = visit(site.address(appeal_path), java_script_enabled=False)
    expect(page.locator(".total__truth time")).to_be_visible()
    expect(page.locator(".appeal__head .total__raised")).not_to_be_empty()


def test_the_desk_and_the_api_documentation_work_under_the_policy(site: Site, visit: Visit) -> None:
    page = visit("about:blank")
    complaints = complaints_of(page)
    sign_in(page, site, "campaigner", to="/admin/")
    expect(page.locator("a[href$='/fundraising/campaign/']").first).to_be_visible()
    page.goto(site.address("/api/v1/docs/"))
    expect(page.locator(".opblock").first).to_be_visible()
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_donors_own_pages_are_accessible_in_every_state(
    site: Site, appeal_path: str, visit: Visit, scheme: str
) -> None:
    page = visit(site.address(appeal_path), color_scheme=scheme, reduced_motion="reduce")
    fill_in(page)
    send(page)
    page.locator("[data-pay-instead]").click()  # the pay step has tests of its own
    page.locator("a", has_text="Annulla").click()
    expect(page.get_by_role("button", name="Vai al pagamento")).to_be_visible()
    found = violations(page)
    page.get_by_role("button", name="Vai al pagamento").click()
    pay(page, "sepa_succeeds")
    expect(page.locator("h1")).to_have_text("Grazie. Ora tocca alla tua banca.")
    found += violations(page)
    httpx.post(f"{site.sandbox_url}/sandbox/clock", json={"advance": 6 * 86_400}, timeout=60).raise_for_status()
    expect(page.locator("h1")).to_have_text("Grazie.")
    assert found + violations(page) == []


def test_a_closed_appeal_has_no_form_and_says_where_late_money_goes(site: Site, visit: Visit) -> None:
    page = visit(site.address("/it/"), reduced_motion="reduce")
    last = page.locator(".appeal-card h3 a").last.get_attribute("href") or ""
    close = "from fundraising.models import DonationPage as P; a = P.objects.get(locale='it', slug={!r}).appeal; "
    change = close.format(last.split("/")[-2]) + "a.state = {!r}; a.save()"
    site.manage("shell", "-v0", "-c", change.format("closed"))
    try:
        wait_until(lambda: page.goto(site.address(last)) and not page.locator("form#give").count(), 60, "closed")
        expect(page.locator("#give h2")).to_have_text("Questo appello è chiuso")
        expect(page.locator("#give .wording")).to_be_visible()
        assert violations(page) == []
    finally:
        site.manage("shell", "-v0", "-c", change.format("open"))
