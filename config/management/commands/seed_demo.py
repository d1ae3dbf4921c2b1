"""Fill an empty installation with the demo, and connect it to the sandbox. Never in production."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from config.demo import donate, seed
from payments import gateway
from payments.models import StripeAccount, WebhookSecret


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--empty", action="store_true", help="without the first donations")

    def handle(self, *, empty: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo's content has no place in production.")
        seed.content()
        made = seed.accounts()
        accounts = self._remember(made)
        for account in StripeAccount.objects.all():
            self._connect(account)
        if not empty:
            donate.first_donations()
        for one in accounts:
            self.stdout.write(f"{one['role']:<12} {one['username']:<12} password {one['password']}")

    def _remember(self, made: list[dict[str, str]]) -> list[dict[str, str]]:
        """Keep the passwords where the demo's start page finds them, readable by us alone."""
        file = Path(settings.STATE_DIR) / "demo.json"
        if made:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(json.dumps({"accounts": made}))
        known: list[dict[str, str]] = json.loads(file.read_text())["accounts"] if file.exists() else []
        return known

    def _connect(self, account: StripeAccount) -> None:
        """Have the sandbox send this account's events to us, wherever we listen today."""
        url = settings.PUBLIC_URL + reverse("stripe-webhook", kwargs={"account": account.slug})
        secret = gateway.connect_webhook(account, url)
        if secret:
            WebhookSecret.objects.filter(account=account).delete()
            WebhookSecret.objects.create(account=account, secret=secret)
