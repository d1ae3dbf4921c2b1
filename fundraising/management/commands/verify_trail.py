"""Verify the trail of staff's actions, hash by hash. Exit 1 if a line was changed, added between or taken out.

Lines cut off at the end leave no mark in those before: note the newest hash elsewhere, and ask for it with --has.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from fundraising import trail
from fundraising.models import StaffAction


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--has", metavar="HASH", default="", help="a hash noted earlier: it must still be there")

    def handle(self, *, has: str, **options: Any) -> None:
        broken = [f"line {line.pk} ({line}) is not what was written" for line in trail.broken_lines()]
        if has and not StaffAction.objects.filter(hash=has).exists():
            broken.append(f"no line has the hash {has}")
        for words in broken:
            self.stdout.write(f"BROKEN  {words}")
        newest = StaffAction.objects.order_by("-pk").first()
        count, last = StaffAction.objects.count(), newest.hash if newest else "-"
        self.stdout.write(f"{count} lines, {len(broken)} broken, newest {last}")
        if broken:
            raise SystemExit(1)
