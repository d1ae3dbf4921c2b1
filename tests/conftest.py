"""What all tests share: real PostgreSQL, the Stripe sandbox and, where marked, a Celery worker as real processes."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import kombu.pools
import pytest
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test import TransactionTestCase
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg.conninfo import make_conninfo
from pytest_django import DjangoDbBlocker
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from config import runner
from config.processes import Group, Program, Running, free_port
from config.simulation import chance
from tests import databases
from tests.waiting import wait_until

BROWSER = "tests/browser/"
# What starts and kills whole processes, drives a browser, visits every page as every role, pays in every way, or goes
# through long histories: `make test-slow`.
SLOW = (
    BROWSER,
    "tests/config/test_matrix.py",
    "tests/config/test_plant_errors.py",
    "tests/config/test_settings.py",
    "tests/desk/test_every_page.py",
    "tests/desk/test_in_a_hurry.py",
    "tests/fundraising/bank/test_alike.py",
    "tests/fundraising/bank/test_concurrency.py",
    "tests/fundraising/bank/test_identity.py",
    "tests/fundraising/spending/test_histories.py",
    "tests/fundraising/spending/test_leaks.py",
    "tests/fundraising/test_admin.py",
    "tests/live/test_days.py",
    "tests/live/test_live.py",
    "tests/live/test_plans.py",
    "tests/payments/test_bank_transfers.py",
    "tests/payments/test_element.py",
    "tests/payments/test_facts_in_any_order.py",
    "tests/payments/test_failed_collections.py",
    "tests/payments/test_mandate_pages.py",
    "tests/payments/test_mandates_in_any_order.py",
    "tests/payments/test_simulation.py",
    "tests/payments/test_sweeps.py",
    "tests/platform/",
    "tests/receipts/test_annual.py",
    "tests/receipts/test_bulk.py",
    "tests/receipts/test_concurrency.py",
    "tests/receipts/test_concurrency_of_years.py",
    "tests/receipts/test_copies.py",
    "tests/receipts/test_european_regimes.py",
    "tests/receipts/test_filings.py",
    "tests/receipts/test_gift_aid.py",
    "tests/receipts/test_histories.py",
    "tests/receipts/test_paper.py",
    "tests/receipts/test_papers_desk.py",
    "tests/receipts/test_pdf.py",
    "tests/receipts/test_pictures.py",
    "tests/receipts/test_regimes_of_us_ca_uk_nl.py",
    "tests/receipts/test_masking.py",
    "tests/receipts/test_reports.py",
    "tests/receipts/test_signing.py",
    "tests/receipts/test_situations.py",
    "tests/receipts/test_stamping.py",
    "tests/receipts/test_statements.py",
    "tests/sandbox/test_contract.py",
)
# Of the slow ones, those that take every event through every order, and a month of ten thousand: `make test-long`.
LONG = (
    "tests/config/test_plant_errors.py",
    "tests/payments/test_facts_in_any_order.py",
    "tests/payments/test_mandates_in_any_order.py",
)
# The same examples in every run, so that a change is judged by itself; --hypothesis-profile=search looks for others.
# How long one takes says nothing of a change: a machine that pauses for a second is no fault of ours.
UNHURRIED = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.register_profile("steady", UNHURRIED, derandomize=True)
hypothesis_settings.register_profile("search", UNHURRIED, print_blob=True)
NEEDS_SERVICES = {"db", "transactional_db", "database_url", "live_server", "celery_worker"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the database or the broker, so that CI can run it again on servers, and what is slow."""
    for item in items:
        uses = NEEDS_SERVICES.intersection(getattr(item, "fixturenames", ()))
        if uses or item.get_closest_marker("django_db"):
            item.add_marker("services")
        if item.nodeid.startswith(SLOW) or item.get_closest_marker("browser"):
            item.add_marker("slow")
        if item.nodeid.startswith(LONG):
            item.add_marker("long")


class OneSite(LoadScopeScheduling):  # type: ignore[misc]
    """All tests of the browser on one worker, because they share an installation; of the others each on any."""

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneSite | None:
    """Ours for `make test-slow`; xdist's own for all else."""
    return OneSite(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The process that started the run drops what its workers left."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        databases.remove_leftovers()


@pytest.fixture(autouse=True)
def _the_same_chance(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test draws the same tokens, keys and ids in every run; --hypothesis-profile=search draws others."""
    if hypothesis_settings.get_current_profile_name() == "search":
        yield
        return
    with chance.drawn_from(request.node.nodeid):
        yield


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Pages are remembered for seconds and attempts to sign in for minutes, whatever the database says."""
    cache.clear()


@pytest.fixture(autouse=True)
def _in_english() -> None:
    """Each test begins in the language of the source, whatever page the one before it opened last."""
    translation.activate("en")


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database for this test process, copied from the migrated template."""
    default = connections["default"]
    with django_db_blocker.unblock():
        databases.renew()
        default.close()
        default.settings_dict["NAME"] = databases.NAME
        yield
        connections.close_all()
        with databases.server() as connection:
            databases.drop(connection, databases.NAME)


def _start_afresh(_case: TransactionTestCase) -> None:
    """After a test that commits: the books refuse to be emptied by Django, and copying takes a hundred times longer."""
    connections.close_all()
    databases.empty()


TransactionTestCase._fixture_teardown = _start_afresh  # type: ignore[attr-defined]


@pytest.fixture
def database_url(transactional_db: None) -> str:
    """The address of this test process's database, for other processes; the test commits."""
    return databases.url()


@dataclass(frozen=True)
class Sandbox:
    """A running Stripe sandbox."""

    url: str
    http: httpx.Client
    settings: Mapping[str, object] = field(default_factory=dict)  # as it began

    def reset(self) -> None:
        """Forget everything, what tests before have set included."""
        self.http.post("/sandbox/reset").raise_for_status()
        self.http.post("/sandbox/settings", json=self.settings).raise_for_status()


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    """Real processes that end with this test process, whatever becomes of it."""
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "DATABASE_URL": databases.url()}
    group = Group(env, databases.PROJECT, tmp_path_factory.mktemp("logs"), restart=False)
    yield group
    group.stop()


@pytest.fixture(scope="session")
def sandbox_process(processes: Group, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for this test process; use `sandbox` for an empty one."""
    port = free_port()
    url = runner.address(port)
    state = tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3"
    processes.start(runner.sandbox(port, env={"SANDBOX_STATE": str(state), "SANDBOX_VALIDATE": "1"}))
    with httpx.Client(base_url=url, timeout=120) as http:
        yield Sandbox(url, http, http.get("/sandbox/settings").json())


@pytest.fixture
def sandbox(sandbox_process: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """An empty sandbox that the gateway talks to."""
    sandbox_process.reset()
    monkeypatch.setattr(settings, "STRIPE_API_BASE", sandbox_process.url)
    return sandbox_process


@pytest.fixture
def celery_worker(database_url: str, tmp_path: Path) -> Iterator[Running]:
    """A real worker on this test's database, and this process's nudges sent to it."""
    broker = settings.TEST_BROKER_URL or "pgmq://localhost"
    options = {**settings.PGMQ_OPTIONS, "conn_string": make_conninfo(database_url, application_name="celery")}
    before = {"broker_url": current_app.conf.broker_url, "broker_transport_options": settings.BROKER_OPTIONS}
    _connect_celery({"broker_url": broker, "broker_transport_options": options if broker.startswith("pgmq") else {}})
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "BROKER_URL": broker,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    group = Group({**env, "STRIPE_API_BASE": settings.STRIPE_API_BASE}, databases.PROJECT, tmp_path, restart=False)
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--concurrency=1", "--loglevel=INFO"]
    try:
        group.start(Program("worker", command, ready_words=" ready.", patience=0.5))
        yield group.find("worker")
    finally:
        group.stop()
        _connect_celery(before)


def _connect_celery(options: Mapping[str, object]) -> None:
    """Point this process's Celery at a broker; connections to the one before are closed and forgotten."""
    current_app.conf.update(options)
    kombu.pools.reset()
    current_app._pool = current_app.amqp._producer_pool = None  # type: ignore[attr-defined]


__all__ = ["Sandbox", "wait_until"]
