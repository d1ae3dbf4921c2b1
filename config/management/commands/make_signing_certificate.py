"""Make a key with a certificate that vouches for itself, to sign receipts with, where RECEIPT_SIGNING_FILE says."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from receipts.documents import signing


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="whose certificate it is, as readers of a receipt see it")

    def handle(self, *, name: str, **options: Any) -> None:
        if not settings.RECEIPT_SIGNING_FILE:
            raise CommandError("Set RECEIPT_SIGNING_FILE to where the file shall be.")
        try:
            write(Path(settings.RECEIPT_SIGNING_FILE), name)
        except FileExistsError as error:
            raise CommandError("There is one already. Move it away first: papers signed with it stay valid.") from error
        held = signing.certificate()
        self.stdout.write(f"Made: {held.subject}, valid until {held.last_day:%Y-%m-%d}. Restart the workers.")


def write(path: Path, name: str) -> None:
    """A new file that only its owner reads; raises FileExistsError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(signing.self_signed(name, settings.RECEIPT_SIGNING_PASSPHRASE))
