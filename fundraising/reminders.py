"""Reminders of yearly collections, a week ahead: nobody remembers what they agreed to a year ago."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import DateField, Exists, F, OuterRef
from django.db.models.functions import Cast
from django.utils import timezone

from .models import Interval, Mandate, MandateState, Notice, NoticeKind

AHEAD = timedelta(days=7)


def remind_of_yearly(limit: int = 1000) -> int:
    """Write the notices of yearly collections that are due within a week, once for each; how many mandates were found.

    None for the first collection, which the donor has just agreed to.
    """
    today = timezone.localdate()
    told = Notice.objects.filter(
        mandate=OuterRef("pk"), kind=NoticeKind.MANDATE_UPCOMING, at__gt=timezone.now() - 5 * AHEAD
    )
    due = (
        Mandate.objects.filter(
            state=MandateState.ACTIVE, interval=Interval.YEAR, next_on__gt=today, next_on__lte=today + AHEAD
        )
        .annotate(started_on=Cast("started_at", DateField()))
        .filter(~Exists(told), started_on__lt=F("next_on") - 2 * AHEAD)
    )
    found = list(due.order_by("next_on", "pk")[:limit])
    Notice.objects.bulk_create(
        [Notice(mandate=row, kind=NoticeKind.MANDATE_UPCOMING, about=str(row.next_on)) for row in found],
        ignore_conflicts=True,
    )
    return len(found)
