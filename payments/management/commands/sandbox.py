"""Run the Stripe sandbox alone, for this or another project. Never in production."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8012, help="on 127.0.0.1 (default 8012)")
        parser.add_argument("--state", default="", help="SQLite file; in memory without it")

    def handle(self, *, port: int, state: str, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The sandbox has no place in production.")
        server = [sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws", "--host", "127.0.0.1"]
        environment = {**os.environ, "SANDBOX_URL": f"http://127.0.0.1:{port}"}
        if state:
            environment["SANDBOX_STATE"] = state
        command = [*server, "--port", str(port), "payments.sandbox.app:application"]
        os.execve(sys.executable, command, environment)  # this process becomes the server
