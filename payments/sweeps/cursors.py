"""Reading Stripe's lists onward: from the oldest object to the newest, in windows, with a cursor.

Stripe lists the newest first, so that a reading cut short would have nothing to go on from. So a window of time is read
whole and dealt with; then the cursor moves to its end. Windows shrink where there is a crowd and grow where none is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models.functions import Greatest
from django.utils import timezone

from .. import gateway
from ..models import StripeAccount, SyncCursor

Object = dict[str, Any]
MOST = 1_000  # objects of one window: ten pages, that a window which turns out too large costs for nothing
SHORTEST = timedelta(minutes=1)
# How long one reading waits in all when Stripe asks for fewer requests. The next one goes on from its cursor.
PATIENCE_SECONDS = 30.0


def read_new(
    account: StripeAccount, kind: str, *, first: datetime, overlap: timedelta, **filters: Any
) -> Iterator[list[Object]]:
    """What was made since the cursor less `overlap`, oldest first, window by window.

    The cursor moves on when the next window is asked for, so that a window that was not dealt with is read again.
    `first` is where an account is begun. Raises the gateway's errors.
    """
    cursor = SyncCursor.objects.filter(account=account, kind=kind).first()
    since = (cursor.read_until if cursor else first) - overlap
    for window, until in read_onward(account, kind, since=since, **filters):
        yield window
        _move_cursor(account, kind, until)


def read_onward(
    account: StripeAccount, kind: str, *, since: datetime, **filters: Any
) -> Iterator[tuple[list[Object], datetime]]:
    """What was made since, oldest first, window by window, each with its end."""
    now = timezone.now()
    start, span = since, max(now - since, SHORTEST)
    while True:
        until = start + span if start + span < now else None
        listed = gateway.each(
            account,
            kind,
            created_gte=int(start.timestamp()),
            created_lt=int(until.timestamp()) if until else None,
            patience=PATIENCE_SECONDS,
            **filters,
        )
        window = list(islice(listed, MOST + 1))
        if len(window) > MOST and span > SHORTEST:
            span = max(span / 8, SHORTEST)
            continue
        window += listed  # the rest of one that is not divided any more
        yield window[::-1], until or now
        if until is None:
            return
        start = until
        if len(window) < MOST / 4:
            span *= 2


def _move_cursor(account: StripeAccount, kind: str, until: datetime) -> None:
    """Never back: the overlap is read again, not the time before it."""
    _row, is_new = SyncCursor.objects.get_or_create(account=account, kind=kind, defaults={"read_until": until})
    if not is_new:
        SyncCursor.objects.filter(account=account, kind=kind).update(read_until=Greatest("read_until", until))
