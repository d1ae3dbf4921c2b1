"""The desk's front door: which legal entity, and where one starts there."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from fundraising.desk import Desk, desk_page
from fundraising.desk import render as render_desk
from fundraising.desk.access import signed_in
from fundraising.desk.navigation import places
from fundraising.models import LegalEntity
from fundraising.roles import May


@require_safe
@signed_in
def choose(request: HttpRequest) -> HttpResponse:
    """The legal entities of this person; with only one there is nothing to choose."""
    entities = list(LegalEntity.objects.filter(memberships__user=request.user.pk).distinct().order_by("name"))
    if len(entities) == 1:
        return redirect("desk-start", entity=entities[0].slug)
    return render(request, "desk/choose.html", {"entities": entities})


@require_safe
@desk_page(*May)
def start(request: HttpRequest, desk: Desk) -> HttpResponse:
    """On to the first page that these roles may see."""
    for url in places(desk):
        return redirect(url)
    return render_desk(request, desk, "desk/nothing.html")
