"""What donors do, one function per step."""

from __future__ import annotations

from playwright.sync_api import Page, expect

TOTAL = "[data-total=raised]"


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
    """On the sandbox's payment page, press the button of a test card."""
    expect(page.locator(f"button[name=case][value={case}]")).to_be_visible()
    page.locator(f"button[name=case][value={case}]").click()


def minor(page: Page) -> int:
    """The total that the page shows, in minor units, as the drawn bar knows it."""
    return int(page.locator(".appeal__head .bar__raised").get_attribute("width") or -1)
