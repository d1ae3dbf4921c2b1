"""Staff for tests: people with roles, and browsers that have signed in and proven a second factor."""

from __future__ import annotations

import time

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.userkit import user_id_to_str
from django.contrib.auth.models import User
from django.test import Client

from fundraising.models import LegalEntity, Membership, Role
from tests.factories import next_number


def make_person(*roles: Role, entity: LegalEntity | None = None, name: str = "") -> User:
    """A person of staff, with these roles at the legal entity."""
    name = name or f"{'-'.join(roles) or 'nobody'}-{next_number()}"
    user = User.objects.create_user(name, email=f"{name}@staff.example", is_staff=True)
    for role in roles:
        assert entity, "A role is one at a legal entity."
        Membership.objects.create(user=user, entity=entity, role=role)
    return user


def signed_in(user: User, *, seconds_ago: int = 0) -> Client:
    """Their browser, with a second factor proven so long ago."""
    client = Client()
    client.force_login(user)
    session = client.session
    proof = {"method": "mfa", "at": time.time() - seconds_ago, "type": "totp", "reauthenticated": True}
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [proof]
    session["account_authentication_methods_user"] = user_id_to_str(user)
    session.save()
    return client


def at_desk(role: Role, entity: LegalEntity) -> Client:
    """The browser of somebody with one role at this legal entity."""
    return signed_in(make_person(role, entity=entity))


def everywhere(role: str) -> Client:
    """The browser of somebody with this role at every legal entity there is, named by it; `superuser` needs none."""
    known = User.objects.filter(username=role).first()
    if role == "superuser":
        return signed_in(known or User.objects.create_superuser(role, f"{role}@staff.example"))
    user = known or make_person(name=role)
    for entity in LegalEntity.objects.all():
        Membership.objects.get_or_create(user=user, entity=entity, role=Role(role))
    return signed_in(user)
