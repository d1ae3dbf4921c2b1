"""One worker: runs the inbox task, as Celery would, when told to on standard input, and prints how long it took.

It ends when nothing is left or, given a number, when so many events are handled.
"""

from __future__ import annotations

import sys
import time

import django

django.setup()

from django.db import connection  # noqa: E402

from payments import tasks  # noqa: E402
from payments.models import EventState, InboxEvent  # noqa: E402


def is_more_to_come(expected: int) -> bool:
    if not expected:
        return InboxEvent.objects.filter(state=EventState.RECEIVED).exists()
    time.sleep(0.1)  # the web process nudges ten times a second
    return InboxEvent.objects.filter(state=EventState.HANDLED).count() < expected


def main() -> None:
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    while is_more_to_come(int(sys.argv[1]) if len(sys.argv) > 1 else 0):
        tasks.handle_inbox()
    print(time.monotonic() - began, flush=True)


if __name__ == "__main__":
    main()
