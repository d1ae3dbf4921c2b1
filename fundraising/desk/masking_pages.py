"""Masking a partner at the desk: what was published is shown with less, backwards too."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ..models import Partner, PartnerShown
from ..money import Money
from ..roles import May
from ..spending import masking
from ..spending.partners import PartnerRefused
from . import Desk, desk_page, render
from .partner_pages import REFUSALS
from .spending_forms import MaskForm


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.READ_PARTNERS, step_up=True)
def mask(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Withhold a partner, or show them with less, in everything that was ever published."""
    found = get_object_or_404(Partner.objects.select_related("entity"), uuid=uuid, entity=desk.entity)
    least = Money(found.least_shown_minor, desk.entity.currency)
    names = ("alias", "region", "delay_days", "active")
    initial = {name: getattr(found, name) for name in names}
    initial |= {"shown": PartnerShown.WITHHELD, "least_shown": f"{least.decimal:f}"}
    form = MaskForm(desk.entity.currency, request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            masking.mask(found, form.public, by=desk.user, reason=form.cleaned_data["reason"])
        except PartnerRefused as refused:
            form.add_error(*REFUSALS[refused.code])
        else:
            messages.success(request, _("Masked. Reports are held back for a minute and issued again without them."))
            return redirect("desk-partner", entity=desk.entity.slug, uuid=uuid)
    context = {"form": form, "partner": found}
    return render(request, desk, "desk/spending/partner_mask.html", context, status=422 if form.errors else 200)
