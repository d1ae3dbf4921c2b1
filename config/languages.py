"""The languages of staff: the desk is written in fewer than the public pages are."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

STAFF_PATHS = ("/desk/", "/admin/", "/accounts/", "/demo/")


def staff_languages(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Show staff pages in the first language where the reader's own is not theirs: half a translation helps nobody."""

    def middleware(request: HttpRequest) -> HttpResponse:
        language = translation.get_language() or settings.LANGUAGE_CODE
        if request.path.startswith(STAFF_PATHS) and language not in settings.STAFF_LANGUAGES:
            translation.activate(settings.STAFF_LANGUAGES[0])
            request.LANGUAGE_CODE = settings.STAFF_LANGUAGES[0]
        return get_response(request)

    return middleware
