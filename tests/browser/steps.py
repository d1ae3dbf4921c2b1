"""What donors do, one function per step."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from payments.sandbox import cards

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


def minor(page: Page) -> int:
    """The total that the page shows, in minor units, as the drawn bar knows it."""
    return int(page.locator(".appeal__head .bar__raised").get_attribute("width") or -1)
