"""Fill an empty installation with the demo, and connect it to the sandbox. Never in production."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from config.demo import donate, donors, seals, seed, spending
from config.demo import history as past
from config.management.commands import make_signing_certificate
from payments import gateway
from payments.models import Payment, StripeAccount, WebhookSecret


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--empty", action="store_true", help="without the first donations")
        parser.add_argument("--history", action="store_true", help="with six weeks of the past, on a new installation")

    def handle(self, *, empty: bool, history: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo's content has no place in production.")
        with suppress(FileExistsError):
            make_signing_certificate.write(Path(settings.RECEIPT_SIGNING_FILE), "Demo, not to be trusted")
        seed.content()
        made = seed.accounts()
        accounts = self._remember(made)
        if history:
            self._write_history()
        seals.add()
        for account in StripeAccount.objects.all():
            self._connect(account)
        if not empty:
            donate.first_donations()
        for one in accounts:
            self.stdout.write(f"{one['role']:<12} {one['username']:<12} password {one['password']}")

    def _write_history(self) -> None:
        """The past goes into the sandbox's own file; a sandbox that keeps nothing has none."""
        file = os.environ.get("SANDBOX_STATE", "")
        if file and not Payment.objects.exists():
            past.write(file)
            finance = User.objects.get(username="finance")
            past.open_banks(finance)
            donors.announce_transfers()
            past.bank(finance, spending.write())

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
