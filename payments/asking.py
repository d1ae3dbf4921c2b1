"""What is wanted of Stripe and stored first, refunds and changes of mandates: claimed, then asked for by one at a time.

Such a row has a `state` (wanted, asked, made, refused) and `next_attempt_at`. It is marked as asked before anyone asks,
so that a process killed in the middle leaves the truth behind, and is due again once no answer can come any more.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from .models import CHANGE_OPEN, ChangeState, MandateChange, RefundRequest

# Longer than a call with its retries takes: after this, whoever asked Stripe is gone.
CALL_LIFE = timedelta(seconds=3 * settings.STRIPE_TIMEOUT_SECONDS)
ASK_AGAIN = timedelta(seconds=30)

Wanted = TypeVar("Wanted", MandateChange, RefundRequest)


def due(rows: QuerySet[Wanted]) -> QuerySet[Wanted]:
    """Those that are to be asked for, or looked up, by now."""
    return rows.filter(state__in=CHANGE_OPEN, next_attempt_at__lte=timezone.now())


def due_ids(rows: QuerySet[Wanted], limit: int) -> list[int]:
    return list(due(rows).order_by("next_attempt_at").values_list("pk", flat=True)[:limit])


@transaction.atomic
def claim(rows: QuerySet[Wanted], pk: int) -> Wanted | None:
    """The row, now marked as asked; its `state` here is the one that it was in before. None where another has it."""
    row = due(rows).select_for_update(skip_locked=True, of=("self",)).filter(pk=pk).first()
    if row is not None:
        row.next_attempt_at = timezone.now() + CALL_LIFE
        rows.filter(pk=pk).update(state=ChangeState.ASKED, next_attempt_at=row.next_attempt_at)
    return row


def end_call(row: MandateChange | RefundRequest, state: str) -> None:
    """The call is over without a result: once more, soon."""
    still = type(row)._default_manager.filter(pk=row.pk, state=ChangeState.ASKED)
    still.update(state=state, next_attempt_at=timezone.now() + ASK_AGAIN)
