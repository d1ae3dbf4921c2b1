"""The public addresses: each file under its appeal's name, and the exclusion policy with the list of files."""

from __future__ import annotations

from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from fundraising.alternates import in_languages
from fundraising.spending.masking import newest

from . import activity as making
from . import work

# The file tells of days that are over; what is changed about them later is in it after this long.
SECONDS = 900
COPIES_SECONDS = 60  # for copies of others, so that a masking reaches them soon


@require_safe
def file(request: HttpRequest, appeal: str) -> HttpResponse:
    """The XML of an appeal that publishes it; 404 for all others."""
    found = work.published(appeal)
    if found is None:
        raise Http404
    on = timezone.now().date()
    # A masking makes it anew at once.
    key = f"iati:{found.pk}:{on}:{newest(found.appeal.fund.entity_id)}"
    content = cache.get(key)
    if content is None:
        try:
            content = making.activities(found, on=on)
        except making.NotPublishable as error:  # its last page was taken away
            raise Http404 from error
        cache.set(key, content, SECONDS)
    response = HttpResponse(content, content_type="application/xml; charset=utf-8")
    patch_cache_control(response, public=True, max_age=COPIES_SECONDS)
    return response


@require_safe
def policy(request: HttpRequest) -> HttpResponse:
    """What we leave out of what we publish, and why; and the files there are."""
    files = [(one.appeal.slug, reverse("iati-file", kwargs={"appeal": one.appeal.slug})) for one in work.public()]
    context = {"files": files, "alternates": in_languages("iati", dict(settings.LANGUAGES), get_language() or "")}
    response = render(request, "receipts/iati.html", context)
    patch_cache_control(response, public=True, max_age=SECONDS, stale_if_error=3600)
    return response
