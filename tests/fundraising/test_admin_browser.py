"""The desk and the API's docs in a real browser: their scripts run under the policy that they are served with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Error, Page, expect, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from fundraising.models import Appeal, Donation, DonationPage
from tests import factories
from tests.staff import everywhere

from .test_admin import url

pytestmark = pytest.mark.browser


@pytest.fixture
def browser_page(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page of headless Chromium; every complaint of the browser fails the test."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright keeps an event loop in this thread
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium here: install the package `chromium`, or name one in CHROMIUM")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        except Error as error:
            pytest.skip(f"Chromium does not start here: {error.message.splitlines()[0]}")
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert complaints == []


def sign_in(page: Page, server: str, client: Client) -> None:
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server}])


def test_the_desk_and_the_docs_work_under_their_policy_at_every_width(
    browser_page: Page, live_server: LiveServer, settings: Settings, tmp_path: Path
) -> None:
    kit = factories.make_appeal()
    factories.received_donation(kit)
    sign_in(browser_page, live_server.url, everywhere("superuser"))
    pages = {
        "index": "/admin/",
        "appeals": url(Appeal, "changelist"),
        "appeal": url(Appeal, "change", kit.appeal.pk),
        "page": url(DonationPage, "change", kit.pages["en"].pk),
        "donations": url(Donation, "changelist"),
        "docs": "/api/v1/docs/",
    }
    for width in (1280, 360):
        browser_page.set_viewport_size({"width": width, "height": 900})
        for name, path in pages.items():
            browser_page.goto(f"{live_server.url}{path}")
            browser_page.wait_for_load_state("networkidle")
            browser_page.screenshot(path=tmp_path / f"{name}-{width}.png")
    expect(browser_page.locator(".opblock").nth(4)).to_be_visible(timeout=60_000)
    browser_page.set_viewport_size({"width": 1280, "height": 900})
    browser_page.goto(f"{live_server.url}{pages['page']}")
    rows = browser_page.locator("select[name$=-currency]:visible")
    before = rows.count()
    browser_page.get_by_text("Add another").first.click()
    expect(rows).to_have_count(before + 1, timeout=60_000)
