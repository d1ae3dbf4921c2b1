"""Signing in: django-allauth with a second factor, fitted to this service (the gate: fundraising/desk/access.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from fundraising import trail, vault
from fundraising.desk.access import not_signed_in

TOTP_CONTEXT = "mfa.totp"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Staff are invited, never sign up; every sign-in is in the trail."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Whoever has a second factor proves that one, a key before a code: a password alone is no proof once more."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        second = [method for method in methods if method["id"].startswith("mfa")]
        return sorted(second, key=lambda method: not method["id"].endswith("webauthn")) or methods

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **options)
        trail.record("signed_in", by=user, about=f"user:{user.pk}")
        return response


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticator apps are sealed in the database; the last second factor stays."""

    def encrypt(self, text: str) -> str:
        return vault.seal(text, TOTP_CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        return vault.unseal(encrypted_text, TOTP_CONTEXT)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        others = Authenticator.objects.filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
        return bool(others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())

    def get_totp_issuer(self) -> str:
        return "OpenAppeal"


def admin_gate(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: the administration opens to whoever has signed in with a second factor, as the desk does."""
    admin, login = reverse("admin:index"), reverse("admin:login")

    def respond(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(admin):
            return get_response(request)
        if request.path == login:  # one sign-in page for all; what it leads to is checked there
            return HttpResponseRedirect(f"{reverse('account_login')}?{request.GET.urlencode()}")
        return not_signed_in(request) or get_response(request)

    return respond


def no_sign_up(request: HttpRequest) -> HttpResponse:
    """The library names this address on its sign-in page; staff are invited."""
    raise Http404
