"""Make all checkpoints anew from the postings: after a restore, or when the audit finds one wrong."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from fundraising import ledger


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, **options: Any) -> None:
        ledger.rebuild()
        self.stdout.write("Checkpoints rebuilt from the postings.")
