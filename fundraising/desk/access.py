"""The one gate of the desk: who is signed in, with a second factor, for which legal entity, and may do what."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from ..models import Role
from ..roles import RIGHTS, May
from .frame import render
from .who import Desk, desk_of

FRESH_SECONDS: Final = 300
SECOND_FACTORS: Final = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
DeskView = Callable[..., HttpResponseBase]


def desk_page(*rights: May, step_up: bool = False) -> Callable[[DeskView], DeskView]:
    """A page under /desk/<entity>/ for whoever has one of these rights there: `view(request, desk, …)`.

    Others get 403, and 404 where they have no role at all. With `step_up` they prove once more who they are, if
    that is some minutes ago.
    """

    def decorate(view: DeskView) -> DeskView:
        @wraps(view)
        def gate(request: HttpRequest, entity: str, **kwargs: Any) -> HttpResponseBase:
            if closed := not_signed_in(request):
                return closed
            assert isinstance(request.user, User)
            if not (desk := desk_of(request.user, entity)):
                raise Http404
            if not desk.rights.intersection(rights):
                return _refuse(request, desk, rights)
            if step_up:
                require_fresh(request)
            return view(request, desk, **kwargs)

        gate.rights, gate.step_up = rights, step_up  # type: ignore[attr-defined]  # read by the test of every address
        return gate

    return decorate


def signed_in(view: DeskView) -> DeskView:
    """A page for any person of staff, whatever their roles: signed in, with a second factor."""

    @wraps(view)
    def gate(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        return not_signed_in(request) or view(request, **kwargs)

    gate.rights = ()  # type: ignore[attr-defined]  # read by the test of every address
    return gate


def not_signed_in(request: HttpRequest) -> HttpResponse | None:
    """Where to go first: to the sign-in page, to the second factor, or to setting one up. None for whoever has both."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if _second_factor_at(request):
        return None
    if not is_mfa_enabled(request.user, SECOND_FACTORS):
        return HttpResponseRedirect(reverse("mfa_index"))
    methods = get_adapter().get_reauthentication_methods(request.user)
    return HttpResponseRedirect(f"{methods[0]['url']}?{urlencode({'next': request.get_full_path()})}")


def require_fresh(request: HttpRequest) -> None:
    """Have the second factor proven once more if that is more than five minutes ago; what was asked goes on then."""
    at = _second_factor_at(request)
    if at is None or time.time() - at > FRESH_SECONDS:
        raise ReauthenticationRequired


def _second_factor_at(request: HttpRequest) -> float | None:
    """When this session last proved a second factor (seconds since 1970)."""
    assert request.user.is_authenticated
    proofs = [record["at"] for record in get_authentication_records(request, request.user) if record["method"] == "mfa"]
    return max(proofs, default=None)


def _refuse(request: HttpRequest, desk: Desk, rights: tuple[May, ...]) -> HttpResponse:
    """Say which roles may, and who gives roles here."""
    roles = [Role(role).label for role, allowed in RIGHTS.items() if allowed.intersection(rights)]
    people = User.objects.filter(memberships__entity=desk.entity, memberships__role=Role.ADMIN, is_active=True)
    context = {"roles_that_may": roles, "people": people.order_by("username").distinct()}
    return render(request, desk, "desk/closed.html", context, status=403)


__all__ = ["Desk", "desk_page", "not_signed_in", "require_fresh", "signed_in"]
