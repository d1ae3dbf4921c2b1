"""Every address of the desk for every role: who comes in and who does not, as fundraising/roles.py says.

A new address is found by itself. If it has no gate, or none of the values below fit its address, this fails.
"""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from fundraising.models import LegalEntity, Role
from fundraising.roles import RIGHTS, May
from tests import factories, staff
from tests.desk import addresses
from tests.desk.addresses import ALL, NAMES

pytestmark = pytest.mark.django_db

# What stands in for each part of an address. Nothing is known by these, so whoever may come in finds nothing: 404.
# The gate is asked first: whoever may not is told so, whatever the address names.
BY_CONVERTER = {"int": 987_654_321, "str": "nothing", "slug": "nothing", "uuid": UUID(int=7), "path": "nothing"}
IN = frozenset({200, 302, 303, 400, 404, 409, 422})
# With a role but without the right: told in words. Without any role here, not even that there is such a desk.
WITHOUT_RIGHT, WITHOUT_ROLE = 403, 404
SENT_TO_SIGN_IN = "/accounts/login/"
ANYBODY_OF_STAFF = {"desk"}


def filled(route: str, entity: str) -> str:
    return addresses.filled(route, entity, BY_CONVERTER)


def rights_of(pattern: URLPattern) -> tuple[May, ...]:
    rights: tuple[May, ...] = pattern.callback.rights  # type: ignore[attr-defined]
    return rights


@pytest.fixture
def entity(db: None) -> LegalEntity:
    return factories.make_entity()


def test_there_are_addresses_to_look_at() -> None:
    assert {"desk", "desk-start", "desk-trail", "desk-staff"} <= set(NAMES)
    assert len(NAMES) > 30


@pytest.mark.parametrize(("route", "pattern"), ALL, ids=NAMES)
def test_every_address_has_the_gate(route: str, pattern: URLPattern) -> None:
    assert hasattr(pattern.callback, "rights"), f"{route}: put @desk_page(May.…) before its view."
    if pattern.name not in ANYBODY_OF_STAFF:
        assert rights_of(pattern), f"{route} is open to nobody."


def answers(client: Client, entity: LegalEntity) -> dict[str, tuple[int, str]]:
    """What each address answers, its code and where it sends one: to GET, or to POST where it takes nothing else."""
    found = {}
    for (route, _pattern), name in zip(ALL, NAMES, strict=True):
        answer = client.get(filled(route, entity.slug))
        if answer.status_code == 405:
            answer = client.post(filled(route, entity.slug))
        found[f"{name} {route}"] = (answer.status_code, answer.get("Location", ""))
    return found


def test_strangers_are_sent_to_the_sign_in_page_from_everywhere(entity: LegalEntity) -> None:
    for page, (code, to) in answers(Client(), entity).items():
        assert (code, to.startswith(SENT_TO_SIGN_IN)) == (302, True), f"{page}: {code} {to}"


@pytest.mark.parametrize("role", Role)
def test_each_role_comes_in_where_its_rights_say_and_nowhere_else(role: Role, entity: LegalEntity) -> None:
    found = answers(staff.at_desk(role, entity), entity)
    for (route, pattern), name in zip(ALL, NAMES, strict=True):
        if name in ANYBODY_OF_STAFF:
            continue
        may = bool(RIGHTS[role].intersection(rights_of(pattern)))
        code, to = found[f"{name} {route}"]
        assert not to.startswith("/accounts/"), f"{name}: sent to {to}"
        if may:
            assert code in IN, f"{role} may see {name}, and got {code}"
        else:
            assert code == WITHOUT_RIGHT, f"{role} may not see {name}, and got {code}"


def test_finance_of_another_legal_entity_and_people_without_a_role_do_not_learn_that_it_is_there(
    entity: LegalEntity,
) -> None:
    foreign = staff.at_desk(Role.FINANCE, factories.make_entity(name="Harbour Relief"))
    nobody = staff.signed_in(staff.make_person())
    for client in (foreign, nobody):
        for page, (code, _to) in answers(client, entity).items():
            if page != "desk desk/":
                assert code == WITHOUT_ROLE, f"{page}: {code}"


def test_a_second_factor_of_a_while_ago_does_for_reading_but_not_for_what_needs_it_anew(entity: LegalEntity) -> None:
    finance = staff.signed_in(staff.make_person(*Role, entity=entity), seconds_ago=600)
    careful = {
        name for (_route, pattern), name in zip(ALL, NAMES, strict=True) if getattr(pattern.callback, "step_up", 0)
    }
    assert {"desk-invite", "desk-person"} <= careful
    for page, (code, to) in answers(finance, entity).items():
        again = code == 302 and to.startswith("/accounts/")
        assert again == (page.split()[0] in careful), f"{page}: {code} {to}"


def test_who_lacks_a_right_is_told_which_roles_have_it_and_who_gives_roles(entity: LegalEntity) -> None:
    boss = staff.make_person(Role.ADMIN, entity=entity, name="the-boss")
    answer = staff.at_desk(Role.CAMPAIGNER, entity).get(reverse("desk-trail", args=[entity.slug]))
    page = answer.content.decode()
    assert answer.status_code == 403
    for words in ("auditor", "administrator", boss.email):
        assert words in page
