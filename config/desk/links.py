"""Addresses of the desk's other pages, for pages that lead everywhere."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from fundraising.desk import Desk


def to(desk: Desk, name: str, *, query: dict[str, str] | None = None, **kwargs: object) -> str:
    """The address of a page of this legal entity's desk; empty where the name is not known."""
    try:
        address = reverse(name, kwargs={"entity": desk.entity.slug, **kwargs})
    except NoReverseMatch:
        return ""
    return f"{address}?{urlencode(query)}" if query else address
