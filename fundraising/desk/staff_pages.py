"""Who has which role at the legal entity, and what its administrators do about it."""

from __future__ import annotations

from collections.abc import Callable
from smtplib import SMTPException
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from .. import staff
from ..models import Membership, Role
from ..roles import May
from . import Desk, desk_page, render
from .export_links import export_url


class Reasoned(forms.Form):
    """Whatever is done about a person says why."""

    reason = forms.CharField(label=_("Reason"), max_length=500, help_text=_("It is kept in the trail."))


class RoleForm(Reasoned):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    field_order: tuple[str, ...] = ("role", "reason")

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class InviteForm(RoleForm):
    email = forms.EmailField(label=_("E-mail address"))
    first_name = forms.CharField(label=_("First name"), max_length=150, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=150, required=False)
    field_order = ("email", "first_name", "last_name", "role", "reason")


@require_safe
@desk_page(May.MANAGE_STAFF)
def people(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Everybody with a role here."""
    return render(
        request,
        desk,
        "desk/staff.html",
        {"people": staff.people_of(desk.entity), "export_url": export_url(desk, "staff")},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.MANAGE_STAFF, step_up=True)
def invite(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Give somebody new, or somebody of another legal entity, a first role here."""
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        name = (data["first_name"], data["last_name"])
        try:
            found = staff.invite(
                data["email"], name=name, entity=desk.entity, role=data["role"], by=desk.user, reason=data["reason"]
            )
        except staff.OwnSignIn:
            form.add_error("email", gettext("Nobody changes their own roles. Ask another administrator."))
        else:
            if not found.has_usable_password():
                _mail(request, desk, found)
            return redirect("desk-person", entity=desk.entity.slug, pk=found.pk)
    return render(request, desk, "desk/staff_invite.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.MANAGE_STAFF, step_up=True)
def person(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """One person: roles given and taken, the link sent again, a lost second factor."""
    found = get_object_or_404(staff.people_of(desk.entity), pk=pk)
    verb = request.POST.get("verb", "")
    form = {"give": RoleForm, "take": RoleForm}.get(verb, Reasoned)(request.POST if verb in VERBS else None)
    if verb in VERBS and form.is_valid():
        try:
            VERBS[verb](request, desk, found, form.cleaned_data)
        except staff.OwnSignIn:
            messages.error(request, gettext("Nobody changes their own roles. Ask another administrator."))
        except staff.NotHere:
            messages.error(request, gettext("This person's sign-in is for whoever runs this installation to reset."))
        still = Membership.objects.filter(entity=desk.entity, user=found).exists()
        return redirect("desk-person", desk.entity.slug, pk) if still else redirect("desk-staff", desk.entity.slug)
    left = [role for role in Role if role not in {membership.role for membership in found.here}]  # type: ignore[attr-defined]
    context = {"person": found, "form": form, "verb": verb, "left": left, "own": found == desk.user}
    return render(request, desk, "desk/staff_person.html", context, status=200 if not form.errors else 422)


def _give(request: HttpRequest, desk: Desk, user: User, said: dict[str, Any]) -> None:
    staff.give_role(user, entity=desk.entity, role=said["role"], by=desk.user, reason=said["reason"])
    messages.success(request, gettext("The role is given."))


def _take(request: HttpRequest, desk: Desk, user: User, said: dict[str, Any]) -> None:
    staff.take_role(user, entity=desk.entity, role=said["role"], by=desk.user, reason=said["reason"])
    messages.success(request, gettext("The role is taken, from now on."))


def _reset(request: HttpRequest, desk: Desk, user: User, said: dict[str, Any]) -> None:
    staff.reset_sign_in(user, entity=desk.entity, by=desk.user, reason=said["reason"])
    _mail(request, desk, user)


def _link(request: HttpRequest, desk: Desk, user: User, said: dict[str, Any]) -> None:
    if user.has_usable_password():
        messages.error(request, gettext("They have a password already; they can have it reset on the sign-in page."))
    else:
        _mail(request, desk, user)


VERBS: dict[str, Callable[[HttpRequest, Desk, User, dict[str, Any]], None]] = {
    "give": _give, "take": _take, "reset": _reset, "link": _link,
}  # fmt: skip


def _mail(request: HttpRequest, desk: Desk, user: User) -> None:
    try:
        staff.send_link(user, entity=desk.entity)
    except (SMTPException, OSError):
        messages.error(request, gettext("The mail could not be sent. Send the link again later."))
    else:
        messages.success(request, gettext("A link to set a password was mailed to %(to)s.") % {"to": user.email})
