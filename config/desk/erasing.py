"""Erasing a donor at the desk: one verb over all apps, and the pages for it. Cannot be undone, so it asks twice."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from fundraising import erasing, trail
from fundraising.desk import Desk, desk_page, render
from fundraising.erasing import Obstacle
from fundraising.models import Donor
from fundraising.roles import May
from payments import forgetting
from receipts import pages
from receipts.donors import sealing
from receipts.models import Receipt, SealedPaper

from .links import to

OBSTACLES = {
    Obstacle.MANDATE: _("A mandate still collects. End it first, on the page of one of its donations."),
    Obstacle.UNDER_WAY: _(
        "A payment is on its way. Wait until it has arrived or failed: two days, or what the bank needs."
    ),
    Obstacle.DISPUTE: _("A bank still decides on a donation, and asks us for evidence. Wait for its decision."),
    Obstacle.RECENT: _(
        "A donation came within the last thirty days, and its receipt and a possible refund need its donor. Wait until "
        "they are over; the law gives a month to answer, and the trail shows that you did."
    ),
    Obstacle.IN_BANK: _("A line of the bank quotes one of their references and waits to be matched. Match it first."),
}


class NotErasable(Exception):
    """Something has to be over first."""

    def __init__(self, obstacles: list[Obstacle]) -> None:
        super().__init__(", ".join(obstacles))
        self.obstacles = obstacles


@transaction.atomic
def erase_donor(donor: Donor, *, by: User, reason: str) -> None:
    """Erase a person from every table, seal their papers; money and numbers stay. Raises NotErasable."""
    locked = Donor.objects.select_for_update(of=("self",)).select_related("entity").get(pk=donor.pk)
    if locked.erased_at:
        return
    if obstacles := erasing.obstacles(locked):
        raise NotErasable(obstacles)
    events = forgetting.forget(locked, locked.email)
    erasing.erase(locked)
    papers = sealing.seal_papers(locked)
    trail.record(
        "donor_erased",
        by=by,
        entity=locked.entity,
        about=f"donor:{locked.uuid}",
        after={"papers_sealed": papers, "events_cleaned": events},
        reason=reason,
    )


class EraseForm(forms.Form):
    """The reason, and the reference of a donation, so that nobody erases the wrong person by a slip."""

    reference = forms.CharField(
        label=_("Reference of one of their donations"), max_length=12,
        help_text=_("Type it from the letter or message in which they ask."),
    )  # fmt: skip
    reason = forms.CharField(
        label=_("Why"), max_length=300, help_text=_("For the trail, without names: “letter of 3 May”.")
    )

    def __init__(self, donor: Donor, data: QueryDict | None = None) -> None:
        super().__init__(data, label_suffix="")
        self.donor = donor

    def clean_reference(self) -> str:
        typed = str(self.cleaned_data["reference"]).strip().upper()
        if typed not in {donation.reference for donation in self.donor.donations.only("uuid")[:5000]}:
            raise ValidationError(_("No donation of this donor has that reference."))
        return typed


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.ERASE, step_up=True)
def erase_page(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """What goes, what stays, what stands in the way; and doing it."""
    donor = get_object_or_404(Donor, uuid=uuid, entity=desk.entity)
    if donor.erased_at:
        return redirect(to(desk, "desk-donor", uuid=donor.uuid))
    form = EraseForm(donor, request.POST if request.method == "POST" else None)
    obstacles = erasing.obstacles(donor)
    if form.is_bound and form.is_valid():
        try:
            erase_donor(donor, by=desk.user, reason=form.cleaned_data["reason"])
        except NotErasable as error:
            obstacles = error.obstacles
        else:
            messages.success(request, gettext("Erased. What the law wants kept is sealed."))
            return redirect(to(desk, "desk-donor", uuid=donor.uuid))
    papers = Receipt.objects.filter(donor=donor).select_related("series", "donor__entity").defer("snapshot")[:5000]
    context = {
        "donor": donor,
        "form": form,
        "obstacles": [OBSTACLES[obstacle] for obstacle in obstacles],
        "kept_until": max((sealing.kept_until(paper) for paper in papers), default=None),
    }
    return render(request, desk, "desk/erase.html", context, status=400 if form.is_bound else 200)


class DemandForm(forms.Form):
    """Who demands the paper, by which right."""

    reason = forms.CharField(
        label=_("Who demands it, and by which right"), max_length=300, min_length=10,
        help_text=_("For the trail: “Finanzamt Berlin, order of 3 May, file 12/345”."),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.OPEN_SEALED, step_up=True)
def sealed_page(request: HttpRequest, desk: Desk, number: str) -> HttpResponse:
    """A sealed paper, for a legal demand: with a reason, and in the trail."""
    sealed = get_object_or_404(
        SealedPaper.objects.select_related("receipt__donor__entity"), receipt__number=number,
        receipt__donor__entity=desk.entity, emptied_at=None,
    )  # fmt: skip
    form = DemandForm(request.POST if request.method == "POST" else None, label_suffix="")
    if form.is_bound and form.is_valid():
        sealing.open_sealed(sealed.receipt, by=desk.user, reason=form.cleaned_data["reason"])
        return pages.document_response(sealed.receipt)
    return render(
        request, desk, "desk/sealed.html", {"form": form, "sealed": sealed}, status=400 if form.errors else 200
    )
