"""The search page. That names or addresses were looked up goes into the trail; the words do not."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from fundraising import trail
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.roles import May

from . import links
from .search import Found, search
from .terms import LENGTH


@require_safe
@desk_page(May.READ_BOOKS, May.READ_DONORS)
def search_page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What was found; a single donation that an id or a number names is opened at once."""
    query = request.GET.get("q", "")[:LENGTH].replace("\0", "").strip()
    found = search(desk, query) if query else None
    if found and found.personal_kinds and not found.left_out:
        kinds = {"kinds": found.personal_kinds, "found": found.count}
        trail.record("donors_searched", by=desk.user, entity=desk.entity, after=kinds)
    if found and _is_exact(found):
        return redirect(links.to(desk, "desk-donation", uuid=found.donations[0].donation.uuid))
    address = export_url(desk, "found-named", "found", q=query) if found and found.count else ""
    return render(request, desk, "desk/search.html", {"q": query, "found": found, "export_url": address})


def _is_exact(found: Found) -> bool:
    """One word that can mean one thing only, and one donation that it names."""
    if len(found.words) != 1 or found.count - len(found.receipts) - len(found.entries) != 1 or not found.donations:
        return False
    word = found.words[0]
    return bool(word.stripe_id or word.uuid or word.transfer or word.receipt)
