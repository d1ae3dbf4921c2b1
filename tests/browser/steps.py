"""What donors do, one function per step."""

from __future__ import annotations

from playwright.sync_api import ConsoleMessage, Page, expect

from payments.sandbox import cards
from tests.browser.conftest import Site
from tests.waiting import wait_until

TOTAL = "[data-total=raised]"
FIELDS = "[data-pay-element] iframe"
STEP = "[data-pay-form] button[type=submit]"


def fill_in(page: Page, *, amount: str = "27", email: str = "ada@example.org") -> None:
    """Fill in the form with a free amount."""
    form = page.locator("#give")
    form.locator("input[name=amount_choice][value=other]").check()
    form.locator("input[name=amount]").fill(amount)
    form.locator("input[name=first_name]").fill("Ada")
    form.locator("input[name=last_name]").fill("Bianchi")
    form.locator("input[name=email]").fill(email)
    form.locator("select[name=country]").select_option("IT")


def send(page: Page) -> None:
    page.locator("#give button[type=submit]").click()


def pay(page: Page, case: str = "success") -> None:
    """Pay with a test card: on our pay step or on the sandbox's page, wherever the donor is led."""
    hosted, ours = page.locator(f"button[name=case][value={case}]"), page.locator(f"{STEP}:not([aria-disabled=true])")
    expect(hosted.or_(ours)).to_be_visible()
    if hosted.count():
        hosted.click()
    else:
        type_card(page, cards.BY_CASE[case].number)
        ours.click()


def type_card(page: Page, number: str) -> None:
    """Fill in the card fields of the pay step."""
    fields = page.frame_locator(FIELDS)
    for name, text in (("number", number), ("expiry", "12/34"), ("cvc", "123")):
        fields.locator(f"input[name={name}]").fill(text)


def complaints_of(page: Page) -> list[str]:
    """What the browser complains of from now on, but for a total that the live process does not know yet: it says so
    when it could not read the books within a second, and the page asks again."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        not_known = "/totals/" in message.location.get("url", "") and "503" in message.text
        if message.type == "error" and not not_known:
            found.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def minor(page: Page) -> int:
    """The total that the page shows, in minor units, as the drawn bar knows it."""
    return int(page.locator(".appeal__head .bar__raised").get_attribute("width") or -1)


def sign_in(page: Page, site: Site, role: str, *, to: str) -> None:
    """Sign in as the demo's person with this role, with the code that their authenticator app would show now."""
    page.goto(site.address("/demo/"))
    account = page.locator(".facts > div", has=page.get_by_text(role, exact=True).first)
    password = account.locator(".soft").inner_text()
    page.goto(site.address(to))
    page.locator("#id_login").fill(role)
    page.locator("#id_password").fill(password)
    page.locator("form.desk-form button[type=submit]").first.click()
    code = ""
    for _ in range(4):  # a code ends with its half minute, and opens once: then the next one does
        code = _next_code(page, role, code)
        page.locator("#id_code").fill(code)
        with page.expect_navigation():
            page.locator("form.desk-form button[type=submit]").first.click()
        if page.url.startswith(site.address(to)):
            return
    raise AssertionError(f"{role} is not let in: {page.url}")


def _next_code(page: Page, role: str, tried: str) -> str:
    """The code that the demo shows for this person, as soon as it is another than the one that was tried."""
    demo = page.context.new_page()
    code = demo.locator(".facts > div", has=demo.get_by_text(role, exact=True).first).locator("strong")

    def shown() -> str:
        demo.goto(page.url.split("/accounts/")[0] + "/demo/")
        now = code.inner_text()
        return now if now != tried else ""

    found = wait_until(shown, seconds=60)
    demo.close()
    return found
