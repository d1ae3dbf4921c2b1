"""A place for simulations: a database, a sandbox and a webhook server of their own, and nothing of them left behind."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import httpx
import psycopg
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.db import connections
from psycopg import sql

from config import runner
from config.demo import seed
from config.processes import Group, free_port
from payments import gateway, inbox
from payments.models import StripeAccount, WebhookSecret

from . import chance, clock, faults
from .broker import Broker
from .driver import Driver
from .verdict import Verdict, judge
from .world import World

# Seeds begin on days of their own, over four years of which one is leap.
FIRST_DAY = datetime(2026, 1, 1, 9, tzinfo=UTC)
# Virtual seconds, as all times of a simulation.
SETTINGS = {
    "retry_schedule": [300, 3_600, 18_000, 36_000],
    "sepa_delay": 4 * 86_400,
    "refund_delay": 86_400,
    "dispute_delay": 86_400,
    "balance_transaction_delay": 0,
    "transfer_delay": 35 * 86_400,
}


class Silent(WSGIRequestHandler):
    """Serves webhooks without telling of each."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def server() -> Iterator[str]:
    """The service's own web application on a free port of this process; its address."""
    httpd = ThreadedWSGIServer(("127.0.0.1", 0), Silent)
    httpd.daemon_threads = True
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # WhiteNoise complains where there is none
    httpd.set_app(WSGIHandler())
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}"
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


@contextmanager
def sandbox() -> Iterator[httpx.Client]:
    """A sandbox with a state of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="openappeal-simulation-") as directory:
        group = Group({**os.environ, "SANDBOX_STATE": ""}, runner.PROJECT, Path(directory), restart=False)
        try:
            group.start(runner.sandbox(port))
            with httpx.Client(base_url=runner.address(port), timeout=60) as http:
                yield http
        finally:
            group.stop()


@contextmanager
def databases() -> Iterator[str]:
    """A migrated database from which each simulation's is copied; its name. Dropped at the end."""
    template = f"simulation_{os.getpid()}"
    default = connections["default"]
    with _server() as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(template)))
    try:
        with _database(template):
            call_command("migrate", verbosity=0, interactive=False)
        yield template
    finally:
        default.close()
        with _server() as admin:
            _drop(admin, template)


@contextmanager
def copy_of(template: str) -> Iterator[None]:
    """Use a fresh copy of the template, and drop it."""
    name = f"{template}_copy"
    with _server() as admin:
        _drop(admin, name)
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        admin.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
        admin.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
    try:
        with _database(name):
            yield
    finally:
        with _server() as admin:
            _drop(admin, name)


def _server() -> psycopg.Connection:
    return psycopg.connect(settings.DATABASE_URL, autocommit=True)


def _drop(admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _database(name: str) -> Iterator[None]:
    default = connections["default"]
    default.close()
    with mock.patch.dict(default.settings_dict, NAME=name):
        try:
            yield
        finally:
            connections.close_all()


def simulate(
    http: httpx.Client, webhooks: str, *, seed_number: int, count: int, months: int, choice: str
) -> tuple[Driver, Verdict, dict[str, int]]:
    """One simulation on an empty database and an emptied sandbox: driver, verdict, and the faults that struck."""
    began = FIRST_DAY + timedelta(days=97 * seed_number % 1461)
    with sandbox_as_simulated(http, seed_number, began), clock.standing(began), chance.drawn_from(seed_number):
        seed.content()
        account = StripeAccount.objects.get(slug="lantern")
        StripeAccount.objects.exclude(pk=account.pk).delete()
        broker = Broker(seed_number, loses=faults.CHOICES[choice][2])
        with (
            mock.patch.object(settings, "EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend"),
            mock.patch.object(settings, "STRIPE_API_BASE", str(http.base_url).rstrip("/")),
            mock.patch.object(inbox.nudge, "wanted", broker.wanted),
        ):
            connect(account, webhooks)
            world = World(account, http)
            world.control("faults", seed=seed_number, faults=faults.wanted(choice))
            driver = Driver(world, broker, seed=seed_number)
            driver.run(count=count, months=months)
            struck = world.struck() | {"broker_lost": broker.lost}
            driver.end()
            return driver, judge(world), struck


@contextmanager
def sandbox_as_simulated(http: httpx.Client, seed_number: int, moment: datetime) -> Iterator[None]:
    """An empty sandbox whose banks take days; its settings are put back."""
    http.post("/sandbox/reset", json={"repeat": seed_number, "at": int(moment.timestamp())}).raise_for_status()
    before = http.get("/sandbox/settings").json()
    http.post("/sandbox/settings", json=SETTINGS).raise_for_status()
    try:
        yield
    finally:
        http.post("/sandbox/settings", json=before).raise_for_status()


def connect(account: StripeAccount, webhooks: str) -> None:
    """Have the sandbox send the account's events to us."""
    inbox._known.clear()
    secret = gateway.connect_webhook(account, f"{webhooks}/webhooks/stripe/{account.slug}/")
    WebhookSecret.objects.create(account=account, secret=secret or "")
