"""Disputes at the desk: those to answer first, by their deadline, with the evidence pack for the bank."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import by_number
from fundraising.models import LegalEntity
from fundraising.roles import May

from ..models import Dispute

URGENT = timedelta(days=3)


@dataclass(frozen=True)
class Deadline:
    """A dispute and how long there is to answer it."""

    dispute: Dispute
    days_left: int | None  # whole days; below zero it is too late; None: there is nothing to answer
    level: str

    @property
    def is_late(self) -> bool:
        return self.days_left is not None and self.days_left < 0


def deadline(dispute: Dispute) -> Deadline:
    """How urgent an open dispute is."""
    if dispute.closed_at or dispute.evidence_due_by is None:
        return Deadline(dispute, None, "plain")
    left = dispute.evidence_due_by - timezone.now()
    return Deadline(dispute, left.days, "bad" if left < URGENT else "warn")


def deadlines(entity: LegalEntity, *, limit: int) -> list[Deadline]:
    """Open disputes of a legal entity, the soonest deadline first."""
    rows = Dispute.objects.filter(account__entity=entity, closed_at=None).select_related("donation")
    return [deadline(dispute) for dispute in rows.order_by(F("evidence_due_by").asc(nulls_last=True), "pk")[:limit]]


@require_safe
@desk_page(May.READ_BOOKS, May.REFUND)
def disputes(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Open disputes by deadline, then the closed ones."""
    rows = Dispute.objects.filter(account__entity=desk.entity).select_related("donation")
    order = (F("closed_at").desc(nulls_first=True), F("evidence_due_by").asc(nulls_last=True), "-pk")
    page = by_number(request, rows.order_by(*order))
    shown = [deadline(dispute) for dispute in page]
    context = {"deadlines": shown, "page": page, "export_url": export_url(desk, "disputes")}
    return render(request, desk, "desk/disputes.html", context)
