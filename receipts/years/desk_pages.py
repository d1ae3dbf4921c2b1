"""The papers of years at the desk: ask for a year's, watch how far they are, see who got none and why."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import by_id
from fundraising.models import Donation, DonationState
from fundraising.roles import May

from ..desk.problems import of_refusal
from ..models import AnnualRun, RunState, YearRefusal
from . import runs

MOST_YEARS = 10  # back: no law wants older papers


class YearForm(forms.Form):
    """Which year; only years that are over and in which something was given."""

    year = forms.TypedChoiceField(label=_("Year"), coerce=int)

    def __init__(self, desk: Desk, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        received = Donation.objects.filter(entity=desk.entity, state=DonationState.RECEIVED).order_by("received_at")
        first = received.values_list("received_at", flat=True).first()
        this = desk.entity.today().year
        oldest = max(desk.entity.day_of(first).year, this - MOST_YEARS) if first else this
        self.fields["year"].choices = [(year, str(year)) for year in range(this - 1, oldest - 1, -1)]  # type: ignore[attr-defined]


@require_safe
@desk_page(May.RESEND, May.READ_BOOKS)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The runs, the newest first, and a form for another."""
    page = by_id(request, AnnualRun.objects.filter(entity=desk.entity).select_related("asked_by"))
    context = {
        "page": page,
        "form": YearForm(desk),
        "may_begin": desk.may(May.RESEND),
        "going": any(run.state != RunState.DONE for run in page),
        "export_url": export_url(desk, "papers-runs"),
    }
    return render(request, desk, "desk/years.html", context)


@require_POST
@desk_page(May.RESEND)
def begin(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Ask for the papers of a year."""
    form = YearForm(desk, request.POST)
    if not form.is_valid():
        messages.error(request, gettext("There is nothing to issue for that year."))
        return redirect("desk-years", entity=desk.entity.slug)
    run = runs.ask(desk.entity, form.cleaned_data["year"], by=desk.user)
    messages.success(request, gettext("They are being issued, one donor after the other. Donors get theirs by mail."))
    return redirect("desk-year", entity=desk.entity.slug, uuid=run.uuid)


@require_safe
@desk_page(May.RESEND, May.READ_BOOKS)
def one(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """How far a run is, and the donors without a paper."""
    run = get_object_or_404(AnnualRun.objects.select_related("asked_by"), uuid=uuid, entity=desk.entity)
    refusals = YearRefusal.objects.filter(donor__entity=desk.entity, year=run.year).select_related("donor")
    page = by_id(request, refusals)
    context = {
        "run": run,
        "going": run.state != RunState.DONE,
        "page": page,
        "refusals": [(refusal, of_refusal(refusal.code)) for refusal in page],
        "may_open": desk.may(May.READ_DONORS),
        "zip_url": export_url(desk, "papers-zip", year=run.year),
        "list_url": export_url(desk, "papers-list", year=run.year),
        "export_url": export_url(desk, "papers-refused", year=run.year),
    }
    return render(request, desk, "desk/year.html", context)
