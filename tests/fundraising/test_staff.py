"""Staff: invited, given and taken roles, helped when their second factor is lost; never by themselves."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from fundraising import staff as verbs
from fundraising.models import LegalEntity, Membership, Role, StaffAction
from tests import factories, staff

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def entity(db: None) -> LegalEntity:
    return factories.make_entity()


@pytest.fixture
def boss(entity: LegalEntity) -> User:
    return staff.make_person(Role.ADMIN, entity=entity, name="boss")


@pytest.fixture
def colleague(entity: LegalEntity) -> User:
    """Somebody in finance who has signed in before."""
    user = staff.make_person(Role.FINANCE, entity=entity, name="colleague")
    user.set_password(PASSWORD)
    user.save()
    TOTP.activate(user, generate_totp_secret())
    return user


def page_of(entity: LegalEntity, user: User) -> str:
    return reverse("desk-person", kwargs={"entity": entity.slug, "pk": user.pk})


def say(client: Client, entity: LegalEntity, user: User, verb: str, **said: str) -> Any:
    return client.post(page_of(entity, user), {"verb": verb, "reason": "asked for", **said})


def roles(user: User) -> list[str]:
    return sorted(user.memberships.values_list("role", flat=True))


def lines() -> list[tuple[str, str, dict[str, Any], dict[str, Any], str]]:
    return [
        (line.verb, line.about, line.before, line.after, line.reason) for line in StaffAction.objects.order_by("pk")
    ]


def test_somebody_invited_gets_a_link_sets_a_password_and_is_sent_to_set_up_a_second_factor(
    entity: LegalEntity, boss: User
) -> None:
    fields = {"email": "Nina@Staff.example", "first_name": "Nina", "role": "finance", "reason": "New colleague"}
    answer = staff.signed_in(boss).post(reverse("desk-invite", args=[entity.slug]), fields)
    user = User.objects.get(email="nina@staff.example")
    assert answer["Location"] == page_of(entity, user)
    assert (roles(user), user.has_usable_password(), user.is_superuser) == (["finance"], False, False)
    assert lines() == [("role_given", f"user:{user.pk}", {}, {"role": "finance"}, "New colleague")]
    assert mail.outbox[0].to == ["nina@staff.example"]
    link = re.search(r"https?://[^/]+(/accounts/\S+)", str(mail.outbox[0].body))
    assert link
    client = Client()
    form = client.get(link[1])["Location"]
    client.post(form, {"password1": PASSWORD, "password2": PASSWORD})
    answer = client.post("/accounts/login/", {"login": "nina@staff.example", "password": PASSWORD})
    assert client.get(answer["Location"])["Location"] == "/accounts/second-factor/"
    assert client.get(link[1]).status_code == 200, "the link has done its work: no form behind it any more"


def test_somebody_known_is_given_a_role_here_and_no_second_account(entity: LegalEntity, boss: User) -> None:
    elsewhere = staff.make_person(Role.FINANCE, entity=factories.make_entity(), name="known")
    elsewhere.set_password(PASSWORD)
    elsewhere.save()
    fields = {"email": elsewhere.email.upper(), "role": "auditor", "reason": "Audits us too"}
    staff.signed_in(boss).post(reverse("desk-invite", args=[entity.slug]), fields)
    assert roles(elsewhere) == ["auditor", "finance"]
    assert mail.outbox == []


def test_roles_are_given_and_taken_with_a_reason_and_at_once(entity: LegalEntity, boss: User, colleague: User) -> None:
    client, theirs = staff.signed_in(boss), staff.signed_in(colleague)
    trail_page = reverse("desk-trail", args=[entity.slug])
    assert theirs.get(trail_page).status_code == 403
    say(client, entity, colleague, "give", role="auditor")
    assert theirs.get(trail_page).status_code == 200
    say(client, entity, colleague, "take", role="auditor")
    assert theirs.get(trail_page).status_code == 403
    assert [line[0] for line in lines()] == ["role_given", "role_taken"]
    answer = say(client, entity, colleague, "take", role="finance", reason=" ")
    assert (answer.status_code, roles(colleague)) == (422, ["finance"]), "without a reason nothing happens"


@pytest.mark.parametrize(("verb", "role"), [("give", "finance"), ("take", "admin"), ("reset", "")])
def test_nobody_changes_their_own_roles_or_sign_in(entity: LegalEntity, boss: User, verb: str, role: str) -> None:
    say(staff.signed_in(boss), entity, boss, verb, role=role)
    assert (roles(boss), lines()) == (["admin"], [])


def test_a_lost_second_factor_is_reset_with_a_mail_and_ends_every_session(
    entity: LegalEntity, boss: User, colleague: User
) -> None:
    theirs = staff.signed_in(colleague)
    assert theirs.get("/desk/").status_code == 302
    say(staff.signed_in(boss), entity, colleague, "reset", reason="Phone stolen; I called her back")
    assert not Authenticator.objects.filter(user=colleague).exists()
    colleague.refresh_from_db()
    assert not colleague.has_usable_password()
    assert theirs.get("/desk/")["Location"].startswith("/accounts/login/")
    assert [message.to for message in mail.outbox] == [[colleague.email]]
    (line,) = lines()
    assert line[:3] == ("sign_in_reset", f"user:{colleague.pk}", {"second_factors": ["totp"]})
    assert line[4] == "Phone stolen; I called her back"


def test_an_administrator_of_one_legal_entity_resets_nobody_of_another_and_no_superuser(
    entity: LegalEntity, boss: User
) -> None:
    foreign = staff.make_person(Role.FINANCE, entity=factories.make_entity())
    assert say(staff.signed_in(boss), entity, foreign, "reset").status_code == 404
    root = User.objects.create_superuser("root", "root@staff.example", PASSWORD)
    Membership.objects.create(user=root, entity=entity, role=Role.AUDITOR)
    say(staff.signed_in(boss), entity, root, "reset")
    root.refresh_from_db()
    assert root.check_password(PASSWORD)
    with pytest.raises(verbs.NotHere):
        verbs.reset_sign_in(foreign, entity=entity, by=boss, reason="x")


def test_the_list_says_who_has_a_second_factor(entity: LegalEntity, boss: User, colleague: User) -> None:
    page = staff.signed_in(boss).get(reverse("desk-staff", args=[entity.slug])).content.decode()
    rows = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)
    assert [("TOTP" in row) for row in rows if "@staff.example" in row] == [False, True]


def test_the_first_administrator_is_made_on_the_command_line(entity: LegalEntity) -> None:
    said = StringIO()
    call_command("make_admin", "first@staff.example", entity=entity.slug, stdout=said)
    user = User.objects.get(email="first@staff.example")
    assert (roles(user), user.is_superuser) == (["admin"], False)
    assert "/accounts/password/reset/key/" in said.getvalue()
    with pytest.raises(CommandError, match=entity.slug):
        call_command("make_admin", "first@staff.example", entity="unheard-of")
