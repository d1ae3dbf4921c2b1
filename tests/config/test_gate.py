"""The gate of the desk and of the administration: who comes in, who does not, and where they are sent."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache.backends.db import DatabaseCache
from django.test import Client
from django.urls import reverse

from fundraising.models import LegalEntity, Membership, Role, StaffAction
from tests import factories, staff

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def entity(db: None) -> LegalEntity:
    return factories.make_entity()


def address(entity: LegalEntity) -> str:
    return f"/desk/{entity.slug}/start/"


@pytest.fixture
def person(entity: LegalEntity) -> User:
    """Somebody with a role and a password, who has not set up a second factor."""
    user = staff.make_person(Role.FINANCE, entity=entity)
    user.set_password(PASSWORD)
    user.save()
    return user


def code(secret: str, *, now: int) -> str:
    return str(format_hotp_value(hotp_value(secret, now // 30)))


def another_than(right: str) -> str:
    return f"{(int(right) + 1) % 1_000_000:06}"


@pytest.mark.parametrize("page", ["/desk/", "/admin/", "/admin/fundraising/donation/"])
def test_strangers_are_sent_to_the_one_sign_in_page(db: None, page: str) -> None:
    answer = Client().get(page)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={page}")


def test_the_administrations_own_sign_in_page_leads_to_the_one_there_is(db: None) -> None:
    answer = Client().get("/admin/login/?next=/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=%2Fadmin%2F")


def test_a_password_alone_opens_nothing_but_the_set_up_of_a_second_factor(person: User, entity: LegalEntity) -> None:
    client = Client()
    answer = client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/desk/")
    for page in ("/desk/", address(entity), "/admin/"):
        answer = client.get(page)
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/second-factor/"), page


def test_password_and_code_open_the_desk_and_the_trail_has_the_sign_in(
    person: User, entity: LegalEntity, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    client = Client()
    answer = client.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    assert answer["Location"] == "/accounts/second-factor/authenticate/"
    assert client.get("/desk/")["Location"].startswith("/accounts/login/")
    right = code(secret, now=1_800_000_000)
    wrong = {"code": another_than(right)}
    assert client.post("/accounts/second-factor/authenticate/", wrong).status_code == 200
    assert not StaffAction.objects.exists()
    answer = client.post("/accounts/second-factor/authenticate/", {"code": right})
    assert (answer.status_code, answer["Location"]) == (302, "/desk/")
    assert client.get("/desk/")["Location"] == address(entity)
    assert [(line.verb, line.actor) for line in StaffAction.objects.all()] == [("signed_in", person)]


def test_the_secret_of_an_authenticator_app_is_sealed_in_the_database(person: User) -> None:
    secret = generate_totp_secret()
    stored = TOTP.activate(person, secret).instance.data["secret"]
    assert secret not in stored
    assert stored.startswith("v1:")


def test_nobody_signs_up(db: None) -> None:
    for page in ("/accounts/signup/", "/accounts/email/", "/accounts/login/code/confirm/"):
        assert Client().get(page).status_code == 404, page


@pytest.mark.parametrize(("seconds_ago", "asked_again"), [(0, False), (290, False), (310, True)])
def test_a_refund_asks_for_the_second_factor_once_more_when_that_is_five_minutes_ago(
    entity: LegalEntity, seconds_ago: int, asked_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    donation, _charge = factories.received_donation(factories.make_appeal(entity))
    user = staff.make_person(Role.FINANCE, entity=entity)
    TOTP.activate(user, generate_totp_secret())
    page = reverse("admin:fundraising_donation_refund", args=[donation.pk])
    answer = staff.signed_in(user, seconds_ago=seconds_ago).get(page)
    if asked_again:
        to = f"/accounts/second-factor/reauthenticate/?{urlencode({'next': page})}"
        assert (answer.status_code, answer["Location"]) == (302, to)
    else:
        assert answer.status_code == 200


def test_a_password_alone_is_no_proof_once_more(person: User, entity: LegalEntity) -> None:
    TOTP.activate(person, generate_totp_secret())
    client = staff.signed_in(person, seconds_ago=600)
    Membership.objects.create(user=person, entity=entity, role=Role.ADMIN)
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code in {200, 302}
    answer = client.get(reverse("desk-invite", args=[entity.slug]))
    assert answer["Location"].startswith("/accounts/second-factor/reauthenticate/")


def test_what_was_sent_before_the_proof_goes_on_after_it(entity: LegalEntity, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = staff.make_person(Role.ADMIN, entity=entity)
    secret = generate_totp_secret()
    TOTP.activate(boss, secret)
    client = staff.signed_in(boss, seconds_ago=600)
    page = reverse("desk-invite", args=[entity.slug])
    fields = {"email": "late@staff.example", "role": "auditor", "reason": "Audits us"}
    to = client.post(page, fields)["Location"]
    assert not User.objects.filter(email="late@staff.example").exists()
    now = int(time.time())
    monkeypatch.setattr("time.time", lambda: float(now))
    client.post(to, {"code": code(secret, now=now), "next": page})
    assert User.objects.get(email="late@staff.example").memberships.get().role == "auditor"


def test_the_sixth_wrong_password_in_a_row_is_not_even_looked_at(person: User) -> None:
    client = Client()
    for _ in range(5):
        client.post("/accounts/login/", {"login": person.username, "password": "wrong"})
    answer = client.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    assert answer.status_code in {200, 429}
    assert "_auth_user_id" not in client.session


def test_wrong_codes_are_counted_too(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    right = code(secret, now=1_800_000_000)
    client = Client()
    client.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    for _ in range(6):
        client.post("/accounts/second-factor/authenticate/", {"code": another_than(right)})
    client.post("/accounts/second-factor/authenticate/", {"code": right})
    assert "_auth_user_id" not in client.session


def test_attempts_are_counted_where_every_process_sees_them(db: None) -> None:
    """The cache of production, whose table a migration makes; the tests' own is in memory."""
    shared = DatabaseCache("shared_cache", {})
    assert shared.add("attempt", [1.0], 60)
    assert not DatabaseCache("shared_cache", {}).add("attempt", [2.0], 60)
    assert DatabaseCache("shared_cache", {}).get("attempt") == [1.0]
    written = Path(settings.BASE_DIR, "config/settings.py").read_text()
    assert re.search(r'"default": \{"BACKEND": "[\w.]+\.DatabaseCache", "LOCATION": "shared_cache"\}', written)


def test_a_code_opens_once(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    let_in = []
    for client in (Client(), Client()):
        client.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
        client.post("/accounts/second-factor/authenticate/", {"code": code(secret, now=1_800_000_000)})
        let_in.append("_auth_user_id" in client.session)
    assert let_in == [True, False]


def test_the_last_second_factor_cannot_be_taken_off(person: User) -> None:
    TOTP.activate(person, generate_totp_secret())
    staff.signed_in(person).post("/accounts/second-factor/totp/deactivate/")
    assert Authenticator.objects.filter(user=person, type="totp").exists()


def test_sign_in_pages_ask_no_third_party_and_hold_no_inline_script(db: None) -> None:
    answer = Client().get("/accounts/login/")
    page, policy = answer.content.decode(), answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    for tag in re.findall(r"<script[^>]*>", page):
        assert "src=" in tag or 'type="application/json"' in tag, tag
    assert not re.findall(r"(?:src|href|action)=\"(?:https?:)?//", page)
