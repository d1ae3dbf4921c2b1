"""The content security policy of the desk and the API's documentation; nothing on the public pages needs it."""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

# Alpine evaluates the expressions in the admin theme's own markup. Inline scripts stay forbidden here too.
DESK = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}
DOCS = {"style-src": [SELF, UNSAFE_INLINE]}


def desk_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: widen the policy under these addresses; everywhere else it stays as it is."""
    widened = {reverse("admin:index"): DESK, reverse("api-docs"): DOCS}

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for address, policy in widened.items():
            if request.path.startswith(address):
                response._csp_update = policy  # type: ignore[attr-defined]
        return response

    return respond
