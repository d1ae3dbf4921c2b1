"""Audit ledger, totals, donations, receipts, inbox and Stripe. Exit 1 on any difference; what is open is told."""

from __future__ import annotations

from argparse import ArgumentParser
from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand

import fundraising.audit
import payments.audit
import receipts.audit


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--offline", action="store_true", help="do not ask Stripe")

    def handle(self, *, offline: bool, **options: Any) -> None:
        asked = () if offline else payments.audit.stripe_checks()
        rows = list(chain(fundraising.audit.checks(), receipts.audit.checks(), payments.audit.checks(), asked))
        width = max(len(row.name) for row in rows)
        for row in rows:
            mark = "DIFF" if not row.ok else "open" if row.is_open else "ok  "
            found = row.found if row.ok else f"{row.found}  (expected {row.expected})"
            self.stdout.write(f"{mark}  {row.name:<{width}}  {found}")
        wrong, open_ = sum(not row.ok for row in rows), sum(row.is_open for row in rows)
        self.stdout.write(f"{len(rows)} checks, {wrong} differences" + (f", {open_} open" if open_ else ""))
        if wrong:
            raise SystemExit(1)
