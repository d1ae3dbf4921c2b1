"""Public pages of seals: an appeal's seals with all that one needs to check them, and "is this collection genuine?"."""

from __future__ import annotations

import base64
from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from .. import throttle
from ..alternates import in_languages, of_appeal, slugs_of
from ..content import entity_of, home_languages, published_pages, title_of
from ..models import DonationPage
from .asking import ask
from .showing import ShownSeal, address_of, seals_of, today
from .statements import FORMAT, pem

# Long enough for a crowd; no stale copy is served after it: a seal that has ended must be gone.
SECONDS: Final = 5
PARTS: Final = {
    "statement": ("statement.json", "application/json"),
    "key": ("key.pem", "application/x-pem-file"),
    "signature": ("signature.bin", "application/octet-stream"),
}


def _page_or_404(slug: str) -> DonationPage:
    rows = published_pages().filter(locale=get_language() or "en", slug=slug)
    page = rows.select_related("appeal__campaign__entity").first()
    if page is None:
        raise Http404
    return page


@require_safe
def seal(request: HttpRequest, slug: str) -> HttpResponse:
    """The seals of an appeal, how to check them, and which have ended."""
    page = _page_or_404(slug)
    valid, ended = seals_of(page)
    context = {
        "title": title_of(page),
        "slug": slug,
        "seals": valid,
        "ended": ended,
        "entity": entity_of(page.appeal.campaign.entity, page.locale),
        "alternates": of_appeal("seal", slugs_of(page), page.locale),
    }
    return _fresh(render(request, "fundraising/seal.html", context))


@require_safe
def seal_json(request: HttpRequest, slug: str) -> HttpResponse:
    """The same for machines: each statement as the text that was signed."""
    page = _page_or_404(slug)
    valid, ended = seals_of(page)
    told = {
        "format": FORMAT,
        "page": address_of(page),
        "on": today().isoformat(),
        "seals": [_told(one) for one in valid],
        "ended": [{"why": one.standing.value, "on": one.on.isoformat()} for one in ended],
    }
    return _fresh(JsonResponse(told, json_dumps_params={"ensure_ascii": False, "indent": 2}))


def _told(one: ShownSeal) -> dict[str, str]:
    return {
        "statement": one.seal.statement,
        "signature": one.seal.signature,
        "public_key": one.seal.key.public_key,
        "fingerprint": one.fingerprint.replace(" ", ""),
        "fingerprint_published_at": one.fingerprint_at,
        "code": one.seal.code,
    }


@require_safe
def seal_part(request: HttpRequest, slug: str, uuid: UUID, part: str) -> HttpResponse:
    """Statement, key or signature of a valid seal as a file, as the check needs them."""
    valid, _ended = seals_of(_page_or_404(slug))
    found = next((one.seal for one in valid if one.seal.uuid == uuid), None)
    if found is None or part not in PARTS:
        raise Http404
    contents = {
        "statement": found.statement.encode(),
        "key": pem(found.key.public_key),
        "signature": base64.b64decode(found.signature),
    }
    name, content_type = PARTS[part]
    response = HttpResponse(contents[part], content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return _fresh(response)


@require_safe
def genuine(request: HttpRequest) -> HttpResponse:
    """Say of an address or a code whether we, and a partner, stand behind it. Nothing that is typed is kept."""
    asked = request.GET.get("q", "")
    if asked:
        try:
            throttle.count_client("genuine", request)
        except throttle.TooMany as error:
            return throttle.refuse(request, error)
    locale = get_language() or "en"
    found = ask(asked, locale) if asked else None
    entity = entity_of(found.page.appeal.campaign.entity, locale) if found and found.page else None
    context = {
        "asked": asked[:200],
        "found": found,
        "entity": entity,
        "alternates": in_languages("genuine", home_languages(), locale),
    }
    response = render(request, "fundraising/genuine.html", context)
    patch_cache_control(response, private=True, no_store=True)
    response["Referrer-Policy"] = "no-referrer"
    return response


def _fresh(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, public=True, max_age=SECONDS, must_revalidate=True)
    return response
