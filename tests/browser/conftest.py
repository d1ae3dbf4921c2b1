"""A whole installation with the demo's content, and a real browser on it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from config import runner
from tests import databases

NAME = f"{databases.NAME}_browser"
PATIENCE = 60_000  # milliseconds; what comes sooner is seen sooner, and a busy machine takes a while
expect.set_options(timeout=PATIENCE)
# Chromium's own background traffic is switched off: what the tests see on the wire is the page's.
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
]
# Each width and each scheme; the other two pairs of them with `make test-long`.
VIEWS = pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        (360, "dark"),
        pytest.param(1280, "dark", marks=pytest.mark.long),
        pytest.param(360, "light", marks=pytest.mark.long),
    ],
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Site:
    """The running demo, and the addresses of its first appeal in each language."""

    url: str
    sandbox_url: str
    manage: Callable[..., str]

    def address(self, path: str) -> str:
        return self.url + path


@pytest.fixture(scope="package")
def chromium() -> str:
    """The system's Chromium, or the one that Playwright keeps; without either, the tests are skipped and say so."""
    if found := os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None):
        return found
    with sync_playwright() as playwright:
        kept = playwright.chromium.executable_path
    if not Path(kept).exists():
        pytest.skip("no Chromium here: install the package `chromium`, or name one in CHROMIUM")
    return kept


@pytest.fixture(scope="package")
def site(chromium: str, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Site]:
    """Everything running on free ports, seeded. Asks for the browser first: without one nothing is started."""
    with django_db_blocker.unblock():
        databases.renew(NAME)
    env = {"OPENAPPEAL_ENV": "demo", "DATABASE_URL": databases.url(NAME), "BROKER_URL": ""}
    env["SANDBOX_SEPA_DELAY"] = str(5 * 86_400)  # a debit comes when a test moves the clock, not while one looks
    with runner.running(tmp_path_factory.mktemp("browser"), env=env) as here:
        here.manage("seed_demo")
        yield Site(here.url, here.sandbox_url, here.manage)
    with databases.server() as connection:
        databases.drop(connection, NAME)


@pytest.fixture(scope="package")
def browser(chromium: str, site: Site) -> Iterator[Browser]:
    """Started after the site and ended before it: while Playwright runs, Django refuses its database to this thread."""
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        except Error as error:
            pytest.skip(f"Chromium does not start here: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address in a browser of its own: no cookies, no cache; any Browser.new_context option."""
    contexts: list[BrowserContext] = []

    def _visit(address: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "it-IT", **options})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield _visit
    for context in contexts:
        context.close()


@pytest.fixture(scope="package")
def appeal_path(site: Site, browser: Browser) -> str:
    """The Italian address of the first appeal on the first page."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(site.address("/it/"))
    link = page.locator(".appeal-card h3 a").first.get_attribute("href")
    page.close()
    assert link is not None
    assert re.fullmatch(r"/it/a/[\w-]+/", link)
    return link
