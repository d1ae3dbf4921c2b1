"""Staff sign in with a real browser: second factor set up, passkey used, pages accessible under the strict policy."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.steps import complaints_of, sign_in
from tests.browser.test_pages import Visit

PASSWORD = "correct horse battery"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
WITH_PASSKEY = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


def invited(site: Site, email: str) -> str:
    """The address where somebody invited sets their password, by a name that browsers know passkeys of."""
    said = site.manage("make_admin", email, "--entity", "lantern")
    link = re.search(r"https?://\S+", said)
    assert link
    return link[0].replace("127.0.0.1", "localhost")


def press(page: Page, words: str) -> None:
    """Send a form, and wait for the page that it leads to with its scripts."""
    with page.expect_navigation():
        page.locator("main button[type=submit]", has_text=words).first.click()


def violations(page: Page) -> list[str]:
    page.wait_for_load_state()  # of a page that has just come, all of it
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": list(WITH_PASSKEY)}}).response["violations"]
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found]


def test_somebody_invited_sets_up_a_passkey_and_signs_in_by_it_alone(site: Site, visit: Visit) -> None:
    page = visit("about:blank", locale="en-GB")
    complaints = complaints_of(page)
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto(invited(site, "passkey@staff.example"))
    page.fill("#id_password1", PASSWORD)
    page.fill("#id_password2", PASSWORD)
    press(page, "Change Password")
    desk = site.address("/desk/").replace("127.0.0.1", "localhost")
    page.goto(desk)
    page.fill("#id_login", "passkey@staff.example")
    page.fill("#id_password", PASSWORD)
    press(page, "Sign in")
    page.locator("a", has_text="Add a passkey").click()
    page.fill("#id_password", PASSWORD)
    press(page, "Confirm")
    assert page.locator("#id_passwordless").is_checked()
    page.locator("#mfa_webauthn_add").click()
    expect(page.locator("#recovery_codes")).to_be_visible()
    page.goto(desk)
    page.locator("#mfa_webauthn_reauthenticate").click()
    expect(page.locator("h1")).to_have_text("Appeals")
    page.goto(desk.replace("/desk/", "/accounts/logout/"))
    press(page, "Sign Out")
    page.goto(desk)
    page.locator("#passkey_login").click()
    expect(page.locator("h1")).to_have_text("Appeals")
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_sign_in_page_is_accessible_and_fits(site: Site, visit: Visit, scheme: str, width: int) -> None:
    page = visit(site.address("/accounts/login/"), color_scheme=scheme, viewport={"width": width, "height": 740})
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_staff_and_trail_are_accessible_and_fit(site: Site, visit: Visit, scheme: str) -> None:
    page = visit("about:blank", color_scheme=scheme)
    role = {"light": "admin", "dark": "auditor"}[scheme]  # a code opens once: each run another person
    sign_in(page, site, role, to="/desk/lantern/trail/")
    places = ["trail/", *(["staff/", "staff/invite/"] if role == "admin" else [])]
    for place in places:
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 740})
            page.goto(site.address(f"/desk/lantern/{place}"))
            assert violations(page) == [], place
            assert page.evaluate("document.documentElement.scrollWidth") <= width, place
