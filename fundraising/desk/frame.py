"""What every page of the desk has around it: who is here, for whom, and where they may go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_cache_control

from ..models import LegalEntity
from ..roles import May
from .navigation import sections
from .who import Desk


def render(
    request: HttpRequest, desk: Desk, template: str, context: Mapping[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """A page of the desk. Adds `desk`, the navigation of these roles and the person's other legal entities."""
    frame = {
        "desk": desk,
        "sections": sections(desk, request.path),
        "others": LegalEntity.objects.filter(memberships__user=desk.user)
        .exclude(pk=desk.entity.pk)
        .distinct()
        .order_by("name"),
        "search_url": _search_url(desk),
    }
    response = render_template(request, template, {**frame, **(context or {})}, status=status)
    patch_cache_control(response, private=True, no_store=True)
    return response


def _search_url(desk: Desk) -> str | None:
    if not desk.rights & {May.READ_BOOKS, May.READ_DONORS}:
        return None
    try:
        return reverse("desk-search", kwargs={"entity": desk.entity.slug})
    except NoReverseMatch:
        return None
