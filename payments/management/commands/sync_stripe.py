"""List Stripe's objects and events since a time, and book what is missing here."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from payments import gateway, inbox
from payments.models import StripeAccount
from payments.sweeps import sync


def moment(text: str) -> datetime:
    """`2h`, `3d`, `2026-01-31` or an ISO date and time."""
    if span := re.fullmatch(r"(\d+)([hd])", text):
        hours = int(span[1]) * (24 if span[2] == "d" else 1)
        return timezone.now() - timedelta(hours=hours)
    if date := parse_date(text):
        return timezone.make_aware(datetime(date.year, date.month, date.day))  # noqa: DTZ001
    if at := parse_datetime(text):
        return at if timezone.is_aware(at) else timezone.make_aware(at)
    raise ArgumentTypeError(f"{text!r} is neither 2h, 3d, 2026-01-31 nor an ISO date and time")


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=moment, default="3d", help="2h, 3d, 2026-01-31 … (default 3d)")
        parser.add_argument("--account", help="slug of one Stripe account; all without it")

    def handle(self, *, since: datetime, account: str | None, **options: Any) -> None:
        accounts = StripeAccount.objects.filter(slug=account) if account else StripeAccount.objects.all()
        if not accounts:
            raise CommandError("There is no such Stripe account.")
        for one in accounts:
            try:
                found = sync.sync_account(one, since=since)
                found["events found"] = sync.sync_events(one, since=since)
            except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
                raise CommandError(f"Stripe does not answer for {one} ({error}); what was booked stays.") from error
            while inbox.handle_due():
                pass
            figures = ", ".join(f"{count} {kind}" for kind, count in found.items())
            self.stdout.write(f"{one}: {figures}")
