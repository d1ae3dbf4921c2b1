"""The trail: what staff do is in it, nobody changes it unseen, and two at once do not fork it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.utils import DatabaseError
from django.urls import reverse

from fundraising import audit, trail
from fundraising.models import Comment, LegalEntity, Membership, Role, StaffAction
from fundraising.trail_words import VERBS
from tests import factories, staff

pytestmark = pytest.mark.django_db

VERB = ("line_matched", "match_undone", "statement_imported")
SOURCES = [
    path
    for app in ("config", "fundraising", "payments", "receipts")
    for path in (Path(settings.BASE_DIR) / app).rglob("*.py")
    if path.name != "trail_words.py" and "migrations" not in path.parts
]
RECORDED = re.compile(r"""(?:\btrail\.record|\b_record|\bself\.note)\(\s*["']([^"']*)["']""")


@pytest.fixture
def entity(db: None) -> LegalEntity:
    return factories.make_entity()


@pytest.fixture
def lines(entity: LegalEntity) -> list[StaffAction]:
    """Three actions of one person."""
    person = staff.make_person(Role.FINANCE, entity=entity, name="ines")
    return [
        trail.record(
            VERB[number],
            by=person,
            about=f"thing:{number}",
            entity=entity,
            before={"amount_minor": number},
            after={"amount_minor": number + 1, "currency": "EUR"},
            reason="because",
        )
        for number in range(3)
    ]


def verified(*arguments: str) -> tuple[int, str]:
    """Exit code and words of the command that verifies."""
    said = StringIO()
    try:
        call_command("verify_trail", *arguments, stdout=said)
    except SystemExit as end:
        return int(str(end.code)), said.getvalue()
    return 0, said.getvalue()


@pytest.fixture
def unguarded(db: None) -> Iterator[None]:
    """As somebody who can switch the database's own guards off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = DEFAULT")


def test_an_untouched_trail_verifies_and_says_its_newest_hash(lines: list[StaffAction]) -> None:
    code, said = verified("--has", lines[0].hash)
    assert (code, said) == (0, f"3 lines, 0 broken, newest {lines[-1].hash}\n")


@pytest.mark.parametrize(
    "change", ["UPDATE fundraising_staffaction SET reason = 'x'", "DELETE FROM fundraising_staffaction"]
)
def test_the_database_refuses_to_change_or_delete_a_line(lines: list[StaffAction], change: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.mark.parametrize(
    "change",
    [
        "reason = 'another'",
        "verb = 'nothing'",
        "actor_name = 'somebody else'",
        "at = at + interval '1 microsecond'",
        "entity_id = NULL",
        """after = '{"amount_minor": 1}'""",
        "about = ''",
    ],
)
def test_a_changed_line_is_named(lines: list[StaffAction], unguarded: None, change: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE fundraising_staffaction SET {change} WHERE id = %s", [lines[1].pk])
    code, said = verified()
    assert code == 1
    assert f"BROKEN  line {lines[1].pk} " in said
    assert [check.ok for check in audit.checks() if "trail" in check.name] == [False]


def test_a_line_taken_out_shows_at_the_next_one(lines: list[StaffAction], unguarded: None) -> None:
    StaffAction.objects.filter(pk=lines[1].pk).delete()
    code, said = verified()
    assert (code, f"BROKEN  line {lines[2].pk} " in said) == (1, True)


def test_lines_cut_off_at_the_end_show_by_a_hash_noted_before(lines: list[StaffAction], unguarded: None) -> None:
    StaffAction.objects.filter(pk=lines[2].pk).delete()
    assert verified()[0] == 0
    assert verified("--has", lines[2].hash)[0] == 1


def test_a_verb_without_words_is_refused(entity: LegalEntity) -> None:
    with pytest.raises(ValueError, match="give role"), transaction.atomic():
        trail.record("give role", by=None, entity=entity)
    assert not StaffAction.objects.exists()


def test_every_verb_that_is_written_has_words_and_the_other_way_round() -> None:
    text = "\n".join(path.read_text() for path in SOURCES)
    written = RECORDED.findall(text)
    assert len(written) > 20
    assert set(written) <= set(VERBS)
    assert [verb for verb in VERBS if f'"{verb}"' not in text] == []
    assert [verb for verb in VERBS if not re.fullmatch(r"[a-z]+(_[a-z]+)+", verb)] == []


@pytest.mark.django_db(transaction=True)
def test_people_who_act_at_once_make_one_chain(transactional_db: None) -> None:
    entity = factories.make_entity()
    people = [staff.make_person(Role.FINANCE, entity=entity) for _ in range(4)]
    start = threading.Barrier(len(people))

    def act(number: int) -> None:
        try:
            start.wait()
            for turn in range(5):
                with transaction.atomic():
                    trail.record("break_assigned", by=people[number], about=f"turn:{turn}", entity=entity)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act, args=[number]) for number in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert StaffAction.objects.count() == 20
    assert list(trail.broken_lines()) == []


# --- The page -------------------------------------------------------------------------------------


def test_the_page_tells_who_did_what_before_and_after_and_why(lines: list[StaffAction], entity: LegalEntity) -> None:
    page = staff.at_desk(Role.AUDITOR, entity).get(reverse("desk-trail", args=[entity.slug])).content.decode()
    for words in ("ines", "match undone", "thing:1", "<del>1</del> → <ins>2</ins>", "<ins>EUR</ins>", "because"):
        assert words in page


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, [2, 1, 0]),
        ({"verb": "match_undone"}, [1]),
        ({"verb": "no such"}, [2, 1, 0]),
        ({"about": "thing:2"}, [2]),
        ({"since": "2000-01-01", "until": "2000-12-31"}, []),
        ({"since": "2000-01-01"}, [2, 1, 0]),
        ({"since": "no day", "who": "nobody"}, [2, 1, 0]),
    ],
)
def test_the_page_shows_what_was_asked_for(
    lines: list[StaffAction], entity: LegalEntity, asked: dict[str, str], shown: list[int]
) -> None:
    answer = staff.at_desk(Role.AUDITOR, entity).get(reverse("desk-trail", args=[entity.slug]), asked)
    assert [line.pk for line in answer.context["lines"]] == [lines[number].pk for number in shown]


def test_the_page_shows_one_person_alone(lines: list[StaffAction], entity: LegalEntity) -> None:
    other = staff.make_person(Role.FINANCE, entity=entity)
    theirs = trail.record("break_assigned", by=other, entity=entity)
    answer = staff.at_desk(Role.AUDITOR, entity).get(reverse("desk-trail", args=[entity.slug]), {"who": other.pk})
    assert [line.pk for line in answer.context["lines"]] == [theirs.pk]


def test_the_page_shows_nothing_of_another_legal_entity(lines: list[StaffAction]) -> None:
    other = factories.make_entity()
    answer = staff.at_desk(Role.AUDITOR, other).get(reverse("desk-trail", args=[other.slug]))
    assert answer.context["lines"] == []


def test_a_long_trail_comes_in_pages_and_asks_as_little_as_a_short_one(
    entity: LegalEntity, django_assert_max_num_queries: object
) -> None:
    person = staff.make_person(Role.FINANCE, entity=entity)
    made = [trail.record("break_assigned", by=person, about=f"n:{number}", entity=entity).pk for number in range(120)]
    client, url = staff.at_desk(Role.AUDITOR, entity), reverse("desk-trail", args=[entity.slug])
    seen, address = [], url
    while address:
        with django_assert_max_num_queries(20):  # type: ignore[operator]
            answer = client.get(address)
        seen += [line.pk for line in answer.context["lines"]]
        address = answer.context["page"].older_url
    assert seen == made[::-1]


# --- The administration writes into it -----------------------------------------------------------


def test_a_change_in_the_administration_is_told_field_by_field(entity: LegalEntity) -> None:
    kit = factories.make_appeal(entity)
    client = staff.at_desk(Role.FINANCE, entity)
    fund = kit.appeal.fund
    fields = {"entity": entity.pk, "name": "Winter boats", "restricted": "on"}
    answer = client.post(reverse("admin:fundraising_fund_change", args=[fund.pk]), fields)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    line = StaffAction.objects.get()
    assert (line.verb, line.about, line.entity) == ("row_changed", f"fund:{fund.pk}", entity)
    assert (line.before["name"], line.after["name"]) == (fund.name, "Winter boats")


def test_a_secret_that_is_set_is_told_without_its_content(entity: LegalEntity) -> None:
    below = [f"{name}-{count}_FORMS" for name in ("secrets", "fraud_refund_limits") for count in ("TOTAL", "INITIAL")]
    fields = {"slug": "acct", "entity": entity.pk, "api_key": "sk_test_topsecret", **dict.fromkeys(below, 0)}
    client = staff.at_desk(Role.ADMIN, entity)
    answer = client.post(reverse("admin:payments_stripeaccount_add"), fields)
    assert answer.status_code == 302, answer.context["errors"]
    line = StaffAction.objects.get()
    assert (line.verb, line.after["api_key"]) == ("row_added", "…")
    assert "topsecret" not in str(line.after)


def test_a_comment_let_through_is_told(entity: LegalEntity) -> None:
    donation, _charge = factories.received_donation(factories.make_appeal(entity))
    comment = Comment.objects.create(donation=donation, text="Thank you all")
    client = staff.at_desk(Role.DONOR_CARE, entity)
    client.post(reverse("admin:fundraising_comment_changelist"), {"action": "show", "_selected_action": [comment.pk]})
    line = StaffAction.objects.get()
    assert (line.verb, line.about, line.entity) == ("comment_shown", f"comment:{comment.pk}", entity)
    assert "Thank you" not in f"{line.before}{line.after}"


def test_somebody_deleted_by_a_superuser_is_told() -> None:
    gone, boss = User.objects.create_user("gone"), User.objects.create_superuser("boss")
    staff.signed_in(boss).post(reverse("admin:auth_user_delete", args=[gone.pk]), {"post": "yes"})
    line = StaffAction.objects.get(verb="row_deleted")
    assert (line.about, line.actor) == (f"user:{gone.pk}", boss)


def test_rows_of_another_legal_entity_are_not_in_the_administration(entity: LegalEntity) -> None:
    mine, other = factories.make_appeal(entity), factories.make_appeal(factories.make_entity(name="Harbour Relief"))
    client = staff.at_desk(Role.CAMPAIGNER, entity)
    page = client.get(reverse("admin:fundraising_appeal_changelist")).content.decode()
    assert (mine.appeal.slug in page, other.appeal.slug in page) == (True, False)
    assert client.get(reverse("admin:fundraising_appeal_change", args=[other.appeal.pk])).status_code == 302
    form = client.get(reverse("admin:fundraising_campaign_add")).content.decode()
    assert "Harbour Relief" not in form


def test_a_role_at_one_legal_entity_gives_no_right_at_another(entity: LegalEntity) -> None:
    other = factories.make_entity(name="Harbour Relief")
    donation, _charge = factories.received_donation(factories.make_appeal(other), first_name="Wilhelmina")
    person = staff.make_person(Role.FINANCE, entity=entity)
    Membership.objects.create(user=person, entity=other, role=Role.AUDITOR)
    client = staff.signed_in(person)
    page = client.get(reverse("admin:fundraising_donation_change", args=[donation.pk]))
    assert page.status_code == 200, "an auditor sees donations"
    assert client.get(reverse("admin:fundraising_donor_change", args=[donation.donor_id])).status_code == 302
    assert client.get(reverse("admin:fundraising_fund_change", args=[donation.fund_id])).status_code == 200
    answer = client.post(reverse("admin:fundraising_fund_change", args=[donation.fund_id]), {"name": "Mine now"})
    assert answer.status_code == 403
    refund = reverse("admin:fundraising_donation_refund", args=[donation.pk])
    assert client.get(refund).status_code == 404
