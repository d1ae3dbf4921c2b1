"""What all tests share: real PostgreSQL, the Stripe sandbox and, where marked, a Celery worker as real processes."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import kombu.pools
import pytest
from celery import current_app
from django.conf import settings
from django.db import connections
from django.test import TransactionTestCase
from psycopg.conninfo import make_conninfo
from pytest_django import DjangoDbBlocker

from config import runner
from config.processes import Group, Program, Running, free_port
from tests import databases
from tests.waiting import wait_until

# What starts and kills whole processes, drives a browser, or goes through long histories: `make test-slow`.
SLOW = (
    "tests/browser/",
    "tests/config/test_settings.py",
    "tests/live/test_live.py",
    "tests/payments/test_facts_in_any_order.py",
    "tests/payments/test_mandates_in_any_order.py",
    "tests/payments/test_simulation.py",
    "tests/payments/test_sweeps.py",
    "tests/platform/",
    "tests/receipts/test_concurrency.py",
)
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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The process that started the run drops what its workers left."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        databases.remove_leftovers()


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
    """After a test that commits: the books refuse to be emptied, so the database is copied anew."""
    connections.close_all()
    databases.renew()


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

    def reset(self) -> None:
        """Forget everything but the settings."""
        self.http.post("/sandbox/reset").raise_for_status()


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
    with httpx.Client(base_url=url, timeout=20) as http:
        yield Sandbox(url, http)


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
