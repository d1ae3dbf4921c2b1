"""Partners at the desk: the list for all who read the books, sealed details for few."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exports.kinds import today
from ..models import Partner
from ..money import Money
from ..roles import May
from ..spending import masking, partners
from ..spending.partners import PartnerRefused
from . import Desk, desk_page, paging, render
from .export_links import export_url
from .spending_forms import PartnerForm

REFUSALS = {
    "no_name": ("real_name", gettext_lazy("Write the name.")),
    "no_alias": ("alias", gettext_lazy("Write the alias under which the public sees them.")),
    "no_reason": ("reason", gettext_lazy("Write why.")),
    "alias_tells": ("alias", gettext_lazy("The alias or the region has a word of the real name.")),
}
SEALED = ("real_name", "contact", "account")


@desk_page(May.READ_BOOKS)
def partner_list(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The partners, newest first."""
    rows = Partner.objects.filter(entity=desk.entity)
    rows = rows.defer("contact", "account") if desk.may_read_partners else rows.defer(*SEALED)
    page = paging.by_id(request, rows)
    on = today()
    shown = [
        {
            "partner": one,
            "name": partners.desk_name(one, may_read=desk.may_read_partners),
            "public_name": partners.public_name(one, on),
        }
        for one in page.rows
    ]
    context = {
        "page": paging.Page(shown, page.newer_url, page.older_url),
        "export_url": export_url(desk, "partners"),
    }
    return render(request, desk, "desk/spending/partners.html", context)


@desk_page(May.READ_PARTNERS)
def new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A new partner."""
    form = PartnerForm(desk.entity.currency, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            found = partners.add_partner(desk.entity, form.details, form.public, by=desk.user)
        except PartnerRefused as refused:
            form.add_error(*REFUSALS[refused.code])
        else:
            messages.success(request, _("The partner is kept."))
            return redirect("desk-partner", entity=desk.entity.slug, uuid=found.uuid)
    return render(request, desk, "desk/spending/partner_form.html", {"form": form}, status=422 if form.errors else 200)


@desk_page(May.READ_BOOKS)
def partner(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """One partner: what the public sees of them; the rest for those who may, and the trail tells that they looked."""
    rows = Partner.objects.filter(entity=desk.entity).select_related("entity")
    found = get_object_or_404(rows if desk.may_read_partners else rows.defer(*SEALED), uuid=uuid)
    on = today()
    maskings = list(found.maskings.select_related("by").order_by("pk"))
    context = {
        "partner": found,
        "maskings": maskings,
        "mentions": list(masking.mentions(found)) if maskings and desk.may_read_partners else [],
        "public_name": partners.public_name(found, on),
        "public_region": partners.public_region(found, on),
        "least_shown": Money(found.least_shown_minor, desk.entity.currency),
        "details": partners.sealed_details(found, by=desk.user) if desk.may_read_partners else None,
    }
    return render(request, desk, "desk/spending/partner.html", context)


@desk_page(May.READ_PARTNERS, step_up=True)
def change(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Change what is kept of a partner, and what the public sees of them, from now on everywhere."""
    found = get_object_or_404(Partner.objects.select_related("entity"), uuid=uuid, entity=desk.entity)
    least = Money(found.least_shown_minor, desk.entity.currency)
    names = ("real_name", "contact", "account", "shown", "alias", "region", "delay_days", "active")
    initial = {name: getattr(found, name) for name in names} | {"least_shown": f"{least.decimal:f}"}
    form = PartnerForm(desk.entity.currency, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            partners.change_partner(found, form.details, form.public, by=desk.user)
        except PartnerRefused as refused:
            form.add_error(*REFUSALS[refused.code])
        else:
            messages.success(request, _("Saved. From now on it holds everywhere."))
            return redirect("desk-partner", entity=desk.entity.slug, uuid=uuid)
    context = {"form": form, "partner": found}
    return render(request, desk, "desk/spending/partner_form.html", context, status=422 if form.errors else 200)
