"""Which mandates a list shows: by state and rhythm, with how the newest collection failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import OuterRef, QuerySet, Subquery

from ..models import Interval, LegalEntity, Mandate, MandateState, Notice, NoticeKind

FILTERS: Final = ("state", "interval")


def listed(entity: LegalEntity, asked: Mapping[str, str]) -> QuerySet[Mandate]:
    """The mandates of a legal entity that fit; what is nonsense narrows nothing.

    Each has `failed_at` and `failed_code` (the provider's word) of its newest failure, None without.
    """
    rows = Mandate.objects.filter(entity=entity).select_related("donor", "wording")
    if asked.get("state") in MandateState.values:
        rows = rows.filter(state=asked["state"])
    if asked.get("interval") in Interval.values:
        rows = rows.filter(interval=asked["interval"])
    failures = Notice.objects.filter(mandate=OuterRef("pk"), kind=NoticeKind.MANDATE_FAILED).order_by("-at", "-pk")
    return rows.annotate(
        failed_at=Subquery(failures.values("at")[:1]),
        failed_code=Subquery(failures.values("code")[:1]),
    )
