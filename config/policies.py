"""The content security policy of the desk. The admin theme works with Alpine and inline styles; nothing public does."""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

# Alpine evaluates the expressions in the theme's own markup. Inline scripts stay forbidden here too.
DESK = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}


def desk_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: widen the policy under the admin's address, for everyone else it stays as it is."""
    desk = reverse("admin:index")

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith(desk):
            response._csp_update = DESK  # type: ignore[attr-defined]
        return response

    return respond
