"""The morning page: what came in, where the money is, and what waits for a person. Its calendar and its trends.

At most twenty queries whatever the volume: figures come from checkpoints and sums of days, and each kind of thing that
waits is one look into an index.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.roles import May
from payments.desk.disputes import deadlines

from . import figures
from .month import month, month_of
from .trends import Trends
from .worries import worries

DISPUTES_SHOWN = 8


@require_safe
@desk_page(May.READ_BOOKS)
def morning(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What a person in finance wants to know first."""
    today = timezone.now().date()
    trends = Trends(desk.entity.pk, today)
    context = {
        "today": today,
        "came_in": trends.came_in(),
        "whereabouts": figures.whereabouts(desk.entity),
        "worries": worries(desk),
        "breaks": figures.open_breaks(desk),
        "deadlines": deadlines(desk.entity, limit=DISPUTES_SHOWN),
        "month": month(desk.entity, today.replace(day=1), today),
        "trends": trends.received()[:3],
        "fees": trends.fees()[:1],
        "export_url": export_url(desk, "morning"),
    }
    return render(request, desk, "desk/morning.html", context)


@require_safe
@desk_page(May.READ_BOOKS)
def calendar(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A month of reconciliation, day by day."""
    today = timezone.now().date()
    first = month_of(request.GET.get("month", ""), today)
    context = {
        "month": month(desk.entity, first, today),
        "today": today,
        "export_url": export_url(desk, "calendar", month=f"{first:%Y-%m}"),
    }
    return render(request, desk, "desk/calendar.html", context)


@require_safe
@desk_page(May.READ_BOOKS)
def trends(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Charts of ninety days, each figure also in a table."""
    found = Trends(desk.entity.pk, timezone.now().date())
    by_day = found.by_day()
    rows = [(day, [by_day[code].get(day) for code in found.currencies]) for day in reversed(found.days())]
    context = {
        "trends": found.received(),
        "fees": found.fees(),
        "currencies": found.currencies,
        "rows": [(day, amounts) for day, amounts in rows if any(amounts)],
        "export_url": export_url(desk, "trends"),
        "fees_url": export_url(desk, "trends-fees"),
    }
    return render(request, desk, "desk/trends.html", context)
