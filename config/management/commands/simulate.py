"""Simulate months of donations over a Stripe sandbox with every fault, then compare the books to the cent.

Uses a database, a sandbox and ports of its own; nothing is left behind. Exit 1 on any difference.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.simulation import faults, place
from config.simulation.driver import Driver
from config.simulation.verdict import Verdict


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="the first seed (default 1)")
        parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other (default 1)")
        given = "given, not counting renewals (default 500)"
        parser.add_argument("--donations", "--gifts", type=int, default=500, help=given)
        parser.add_argument("--months", type=int, default=6, help="over how many months (default 6)")
        parser.add_argument("--faults", choices=list(faults.CHOICES), default="all")
        parser.add_argument("--log", default="CRITICAL", help="log level; a fault fills the log (default CRITICAL)")

    def handle(self, *, seed: int, seeds: int, donations: int, months: int, log: str, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("A simulation has no place in production.")
        logging.disable(logging.getLevelName(log) - 1)
        current_app.conf.update(broker_url="memory://", broker_transport_options={})
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it cleans up behind itself
        lost = double = different = 0
        injected: Counter[str] = Counter()
        with place.sandbox() as http, place.databases() as template, place.server() as webhooks:
            for number in range(seed, seed + seeds):
                began = time.monotonic()
                with place.copy_of(template):
                    driver, verdict, struck = place.simulate(
                        http, webhooks, seed_number=number, count=donations, months=months, choice=options["faults"]
                    )
                self._tell(number, driver, verdict, struck, time.monotonic() - began)
                injected.update(struck)
                lost, double = lost + len(verdict.lost), double + len(verdict.double)
                different += len(verdict.differences)
        if seeds > 1:
            self.stdout.write(
                f"{seeds} seeds ({seed} to {seed + seeds - 1}), {injected.total()} faults injected, "
                f"{lost} lost, {double} double, {different} differences"
            )
        if lost or double or different:
            raise SystemExit(1)

    def _tell(self, seed: int, driver: Driver, verdict: Verdict, struck: dict[str, int], seconds: float) -> None:
        rows = [
            ("seed", f"{seed}, {driver.acts.total()} steps, {seconds:.0f} s"),
            ("faults injected", _counts(struck)),
            ("donations", f"{verdict.donations}, of which {verdict.renewals} collected under mandates"),
            ("charged", f"{verdict.charged}"),
            ("booked", f"{verdict.booked}"),
            ("lost", _listed(verdict.lost)),
            ("double", _listed(verdict.double)),
            ("breaks explained", _counts(verdict.explained)),
            ("differences", _listed(verdict.differences)),
        ]
        for name, text in rows:
            self.stdout.write(f"{name:<18}{text}")
        self.stdout.write("")
        self.stdout.flush()


def _counts(counts: dict[str, int]) -> str:
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if count)
    return f"{sum(counts.values())}: {told}" if told else "0"


def _listed(names: list[str]) -> str:
    return "\n                  ".join([str(len(names)), *names[:20]])
