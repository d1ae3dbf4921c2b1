"""Seal everything that is stored under an old key of the vault anew, under the first one of FIELD_KEYS.

The service may run meanwhile, and whoever was stopped in the middle runs it again. It says how many values of each
column there were, never what they are. Exit 1 while a value is left under an old key, or does not open.

With --look it changes nothing and says how many values each key still has: an old key goes when it has none.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import resealing
from fundraising import vault

NOT_ALLOWED = (
    "The database role {role!r} may not stand aside from the triggers that keep what is issued from changes. Run this "
    "with DATABASE_URL naming a superuser, or, as one, grant it for a while: "
    'GRANT SET ON PARAMETER session_replication_role TO "{role}". Nothing was changed.'
)


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--look", action="store_true", help="change nothing; say which keys stored values name")
        parser.add_argument("--batch", type=int, default=resealing.BATCH, help="rows of one database transaction")

    def handle(self, *, look: bool, batch: int, **options: Any) -> None:
        if look:
            self._look()
            return
        wrong = 0
        for place in resealing.places():
            try:
                outcome = resealing.reseal(place, batch=max(1, batch))
            except resealing.NotAllowed as error:
                raise CommandError(NOT_ALLOWED.format(role=str(error))) from error
            wrong += outcome.left + outcome.unreadable.total()
            if outcome.sealed or outcome.left or outcome.unreadable:
                self.stdout.write(f"{place.name}: {_said(outcome)}")
        if wrong:
            raise CommandError(f"{wrong} values are not under the key {vault.first_key()!r}. Keep the old keys.")
        self.stdout.write(f"Everything is under the key {vault.first_key()!r}.")

    def _look(self) -> None:
        keys: Counter[str] = Counter()
        for place in resealing.places():
            keys += resealing.keys_of(place)
        for key, count in sorted(keys.items()):
            self.stdout.write(f"{key}: {count} values{' (new values take it)' if key == vault.first_key() else ''}")


def _said(outcome: resealing.Outcome) -> str:
    said = [f"{outcome.sealed} sealed anew"]
    if outcome.left:
        said.append(f"{outcome.left} in use by the service: run this again")
    said += [f"{count} under the key {key!r} do not open" for key, count in sorted(outcome.unreadable.items())]
    return ", ".join(said)
