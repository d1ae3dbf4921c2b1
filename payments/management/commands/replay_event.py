"""Handle webhook events again, by event id or all of a state. Booking twice is impossible."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments import inbox
from payments.models import EventState, InboxEvent


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("event", nargs="*", help="event ids: evt_…")
        parser.add_argument("--state", choices=EventState.values, help="all events of this state")

    def handle(self, *, event: list[str], state: str | None, **options: Any) -> None:
        if bool(event) == bool(state):
            raise CommandError("Name event ids, or a state with --state; not both.")
        rows = InboxEvent.objects.filter(event_id__in=event) if event else InboxEvent.objects.filter(state=state)
        found = set(rows.values_list("event_id", flat=True))
        if missing := set(event) - found:
            raise CommandError(f"Not in the inbox: {', '.join(sorted(missing))}. `sync_stripe` fetches lost events.")
        count = inbox.replay(rows)
        while inbox.handle_due():
            pass
        for row in InboxEvent.objects.filter(event_id__in=found):
            self.stdout.write(f"{row.event_id} {row.type} {row.state} {row.reason}")
        self.stdout.write(f"{count} replayed")
