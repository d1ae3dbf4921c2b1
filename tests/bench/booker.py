"""One worker: runs the inbox task, as Celery would, when told to on standard input, and prints how long it took."""

from __future__ import annotations

import sys
import time

import django

django.setup()

from django.db import connection  # noqa: E402

from payments import tasks  # noqa: E402
from payments.models import EventState, InboxEvent  # noqa: E402


def main() -> None:
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    while InboxEvent.objects.filter(state=EventState.RECEIVED).exists():
        tasks.handle_inbox()
    print(time.monotonic() - began, flush=True)


if __name__ == "__main__":
    main()
