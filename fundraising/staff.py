"""The verbs about staff: inviting people, giving and taking roles, helping who lost their second factor."""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext

from . import trail
from .models import LegalEntity, Membership, Role


class OwnSignIn(Exception):
    """Nobody changes their own roles or helps themselves past their second factor."""


class NotHere(Exception):
    """The person has no role at this legal entity, or is above its administrators."""


def people_of(entity: LegalEntity) -> QuerySet[User]:
    """The staff of a legal entity, with their roles there as `here` and their second factors as `factors`."""
    here = Prefetch("memberships", Membership.objects.filter(entity=entity).order_by("role"), to_attr="here")
    factors = Prefetch("authenticator_set", Authenticator.objects.order_by("type"), to_attr="factors")
    people = User.objects.filter(pk__in=Membership.objects.filter(entity=entity).values("user"))
    return people.prefetch_related(here, factors).order_by("username")


@transaction.atomic
def invite(email: str, *, name: tuple[str, str], entity: LegalEntity, role: Role, by: User | None, reason: str) -> User:
    """Somebody with a role, known by their address; who is new sets a password by `send_link`."""
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        user = User(username=email.lower(), email=email.lower(), first_name=name[0], last_name=name[1], is_staff=True)
        user.set_unusable_password()
        user.save()
    give_role(user, entity=entity, role=role, by=by, reason=reason)
    return user


@transaction.atomic
def give_role(user: User, *, entity: LegalEntity, role: Role, by: User | None, reason: str) -> None:
    """Let the person act in this role at the legal entity. `by` is None on the command line. Raises OwnSignIn."""
    if user == by:
        raise OwnSignIn
    _membership, is_new = Membership.objects.get_or_create(user=user, entity=entity, role=role)
    if not user.is_staff:  # what Django's administration asks first
        User.objects.filter(pk=user.pk).update(is_staff=True)
    if is_new:
        trail.record("role_given", by=by, about=about(user), entity=entity, after={"role": role}, reason=reason)


@transaction.atomic
def take_role(user: User, *, entity: LegalEntity, role: Role, by: User, reason: str) -> None:
    """End the person's role at the legal entity, at once. Raises OwnSignIn."""
    if user == by:
        raise OwnSignIn
    gone, _rows = Membership.objects.filter(user=user, entity=entity, role=role).delete()
    if gone:
        trail.record("role_taken", by=by, about=about(user), entity=entity, before={"role": role}, reason=reason)


@transaction.atomic
def reset_sign_in(user: User, *, entity: LegalEntity, by: User, reason: str) -> None:
    """Forget the person's second factors and password, and end their sessions; `send_link` lets them begin anew.

    The link goes to their own mailbox, so whoever asks for this cannot become them. Raises OwnSignIn, NotHere.
    """
    if user == by:
        raise OwnSignIn
    if (user.is_superuser and not by.is_superuser) or not user.memberships.filter(entity=entity).exists():
        raise NotHere
    factors = Authenticator.objects.select_for_update().filter(user=user)
    before = sorted(factors.values_list("type", flat=True))
    factors.delete()
    user.set_unusable_password()  # every session carries a hash of the password, and ends with it
    user.save(update_fields=["password"])
    trail.record(
        "sign_in_reset", by=by, about=about(user), entity=entity, before={"second_factors": before}, reason=reason
    )


def send_link(user: User, *, entity: LegalEntity) -> None:
    """Mail the person a link by which they set their password. Raises what the mail server's failure raises."""
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    context = {"entity": entity.name, "url": link(user), "days": days, "username": user.username}
    subject = gettext("Your sign-in at %(name)s") % {"name": entity.name}
    send_mail(subject, render_to_string("desk/mail/sign_in.txt", context), None, [user.email])


def link(user: User) -> str:
    """An address where the person sets a password; it works once, for PASSWORD_RESET_TIMEOUT seconds."""
    key = default_token_generator.make_token(user)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})
    return f"{settings.PUBLIC_URL}{path}"


def about(user: User) -> str:
    """How the trail names a person."""
    return f"user:{user.pk}"
