"""Compare the books with Stripe's lines, payouts and balance, and with the bank. Exit 1 if anything differs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments import gateway, payouts
from payments.breaks import reconciliation
from payments.models import Payout, StripeAccount


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="slug of one Stripe account; all without it")
        parser.add_argument("--itemise", action="store_true", help="read the lines of every payout from Stripe first")

    def handle(self, *, account: str | None, itemise: bool, **options: Any) -> None:
        accounts = StripeAccount.objects.filter(slug=account) if account else StripeAccount.objects.all()
        if not accounts:
            raise CommandError("There is no such Stripe account.")
        differences = 0
        for one in accounts:
            try:
                self._itemise(one, again=itemise)
            except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
                raise CommandError(f"Stripe does not answer for {one} ({error}).") from error
            found = reconciliation.reconcile(one)
            differences += len(found)
            for finding in found:
                self.stdout.write(f"{one}: {finding.cause} {finding.subject} {finding.amount}")
            self.stdout.write(f"{one}: {len(found)} differences")
        if differences:
            raise SystemExit(1)

    def _itemise(self, account: StripeAccount, *, again: bool) -> None:
        payouts.itemise_due(account)
        if again:
            known = Payout.objects.filter(account=account, automatic=True, reconciliation=payouts.COMPLETED)
            for payout in known.select_related("account").order_by("created_at"):
                payouts.itemise(payout)
