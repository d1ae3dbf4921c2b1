"""Plant errors of many kinds in a clean month at the sandbox, and show that the desk finds every one by its cause.

Uses a database and a sandbox of its own; nothing is left behind. Exit 1 unless every error is found with its cause, and
nothing else is.
"""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from collections import defaultdict
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.planting.errors import Planted
from config.planting.run import Outcome, run


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="what is planted where (default 1)")
        parser.add_argument("--donations", type=int, default=10_000, help="of the month (default 10,000)")

    def handle(self, *, seed: int, donations: int, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("Errors have no place in production.")
        if donations < 100:
            raise CommandError("A month of fewer than 100 donations has no room for them.")
        logging.disable(logging.ERROR)
        current_app.conf.update(broker_url="memory://", broker_transport_options={})
        began = time.monotonic()
        try:
            outcome = run(seed=seed, donations=donations, say=self._say(began))
        finally:
            logging.disable(logging.NOTSET)
        self._tell(outcome)
        if not outcome.ok:
            raise SystemExit(1)

    def _say(self, began: float) -> Any:
        def say(text: str) -> None:
            self.stdout.write(f"{time.monotonic() - began:5.0f} s  {text}")
            self.stdout.flush()

        return say

    def _tell(self, outcome: Outcome) -> None:
        kinds: dict[str, list[Planted]] = defaultdict(list)
        for one in outcome.planted:
            kinds[one.kind].append(one)
        row = "{:<24}{:<22}{:>8}{:>8}{:>8}"
        self.stdout.write("")
        self.stdout.write(row.format("planted", "cause", "planted", "found", "named"))
        for kind, planted in kinds.items():
            found = sum(bool(outcome.found(one)) for one in planted)
            named = sum(outcome.is_named(one) for one in planted)
            self.stdout.write(row.format(kind, planted[0].cause, len(planted), found, named))
        self.stdout.write("")
        self.stdout.write(f"breaks in the clean month: {len(outcome.clean)}")
        self.stdout.write(f"false alarms among the errors: {len(outcome.false_alarms)}")
        for text in outcome.clean[:20]:
            self.stdout.write(f"  clean month: {text}")
        for alarm in outcome.false_alarms[:20]:
            self.stdout.write(f"  nobody planted: {alarm.cause} {alarm.subject} {alarm.amount} {alarm.facts}")
        for one in outcome.planted:
            if not outcome.is_named(one):
                self.stdout.write(f"  not named: {one.kind} {sorted(one.ids)}: {[*map(str, outcome.found(one))]}")
