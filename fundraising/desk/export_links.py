"""From a page to the export of what it shows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from ..exports import kinds
from . import Desk


def export_url(desk: Desk, *codes: str, **filters: Any) -> str:
    """The page that asks as what to export; empty where these rights allow none of the kinds.

    Of several kinds the first one allowed counts: the one with names stands before the one without. Days that the page
    does not filter by are said to be empty, so that the export is of all days as the page is.
    """
    kind = next((kind for kind in map(kinds.find, codes) if kind.needs <= desk.rights), None)
    if kind is None:
        return ""
    days: dict[str, str] = {name: "" for name in ("first", "last") if name in kind.fields}
    named = {name: str(value) for name, value in filters.items() if value}
    address = reverse("desk-export-new", kwargs={"entity": desk.entity.slug})
    return f"{address}?{urlencode({'kind': kind.code, **days, **named})}"
