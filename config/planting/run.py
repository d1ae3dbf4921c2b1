"""One run: a place of its own, the clean month, the errors, and what the desk said of both."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from unittest import mock

from django.conf import settings
from django.contrib.auth.models import User

from config import runner
from config.demo import seed as demo
from config.processes import Group, free_port
from config.simulation import place
from fundraising.bank import findings
from fundraising.models import Break, BreakState
from payments import payouts
from payments.bank import matching as bank_matching
from payments.breaks import reconciliation
from payments.models import Payout, StripeAccount
from payments.sweeps import sync

from . import bank, month
from .errors import Planted, Planter

Say = Callable[[str], object]


@dataclass
class Outcome:
    """What was planted, what the desk found of it, and what it found that nobody planted."""

    planted: list[Planted]
    clean: list[str]
    breaks: list[Break]

    def found(self, one: Planted) -> list[Break]:
        """The breaks that tell of this error."""
        return [found for found in self.breaks if any(name in _names(found) for name in one.ids)]

    def is_named(self, one: Planted) -> bool:
        """Found, and by its cause."""
        return any(found.cause == one.cause for found in self.found(one))

    @property
    def false_alarms(self) -> list[Break]:
        """Breaks of nothing that was planted."""
        told = {found.pk for one in self.planted for found in self.found(one)}
        return [found for found in self.breaks if found.pk not in told]

    @property
    def ok(self) -> bool:
        return not self.clean and not self.false_alarms and all(self.is_named(one) for one in self.planted)


def _names(found: Break) -> set[str]:
    """The ids that a break goes by."""
    return {found.subject, *found.subject.split(":"), *map(str, found.facts.values())}


def run(*, seed: int, donations: int, say: Say) -> Outcome:
    """Plant errors into a month of so many donations, and have the desk look for them."""
    with stage() as path:
        demo.content()
        account = StripeAccount.objects.get(slug="lantern")
        by = User.objects.create_user("finance")
        clean = month.begin(account, path, seed=seed)
        month.open_donations(clean, donations)
        month.happen(clean)
        say(f"{donations} donations at Stripe")
        read(clean, since=clean.since)
        for own in bank.accounts_of(account):
            bank.import_lines(own, bank.arrivals(account, own.currency), name="month.csv", by=by)
            bank_matching.match_certain(own)
        say(f"{Payout.objects.count()} payouts read, itemised and in the bank")
        alarms = [f"{one.cause} {one.subject} {one.facts}" for one in look(account)]
        planted = Planter(clean, by).plant()
        say(f"{len(planted)} errors planted")
        read(clean, since=clean.until)
        for own in account.entity.bank_accounts.all():
            bank.import_lines(own, bank.arrivals(account, own.currency)[-1:], name="last.csv", by=by)
            bank_matching.match_certain(own)
        return Outcome(planted, alarms, look(account))


def read(clean: month.Month, *, since: datetime) -> None:
    """Read what Stripe has made since, book it, and itemise every payout anew, as sweeps and people do."""
    sync.sync_account(clean.account, since=since)
    for payout in Payout.objects.filter(account=clean.account, reconciliation=payouts.COMPLETED).order_by("pk"):
        payouts.itemise(payout)


def look(account: StripeAccount) -> list[Break]:
    """What the desk says is open."""
    reconciliation.reconcile(account)
    findings.note(account.entity)
    return list(Break.objects.filter(entity=account.entity_id, state=BreakState.OPEN).order_by("pk"))


@contextmanager
def stage() -> Iterator[Path]:
    """A database and a sandbox of their own, and the file that the sandbox keeps everything in."""
    port = free_port()
    with place.databases() as template, place.copy_of(template), tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "sandbox.sqlite3"
        group = Group({**os.environ, "SANDBOX_STATE": str(path)}, runner.PROJECT, Path(directory), restart=False)
        try:
            group.start(runner.sandbox(port))
            with mock.patch.object(settings, "STRIPE_API_BASE", runner.address(port)):
                yield path
        finally:
            group.stop()
