"""Notes of staff on a donation, and the pages of one mandate and of one event."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from fundraising import donor_care
from fundraising.models import Donation, DonationNote, Role, StaffAction
from tests import factories, staff
from tests.desk import volume
from tests.desk.test_exports_of_pages import asked, link_on
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db


@pytest.fixture
def donation(kit: AppealKit) -> Donation:
    return factories.received_donation(kit)[0]


def write(client: Client, donation: Donation, text: str) -> int:
    address = reverse("desk-donation-note", args=[donation.entity.slug, donation.uuid])
    return client.post(address, {"text": text}).status_code


def page(client: Client, donation: Donation) -> str:
    return client.get(reverse("desk-donation", args=[donation.entity.slug, donation.uuid])).content.decode()


def test_a_note_stands_in_the_timeline_with_who_wrote_it(kit: AppealKit, donation: Donation) -> None:
    care = staff.make_person(Role.DONOR_CARE, entity=kit.entity, name="carla")
    assert write(staff.signed_in(care), donation, "Ada called: <wants> it for the boats.") == 302
    shown = page(staff.at_desk(Role.FINANCE, kit.entity), donation)
    assert "Note of carla: Ada called: &lt;wants&gt; it for the boats." in shown


def test_a_note_is_read_and_written_only_by_those_who_may_see_donors(kit: AppealKit, donation: Donation) -> None:
    donor_care.note_on(donation, "Ada called.", by=staff.make_person())
    for role in (Role.AUDITOR, Role.CAMPAIGNER, Role.ADMIN):
        assert write(staff.at_desk(role, kit.entity), donation, "Hello") == 403
    shown = page(staff.at_desk(Role.AUDITOR, kit.entity), donation)
    assert "Ada called." not in shown
    assert "donations/note" not in shown
    assert DonationNote.objects.count() == 1


def test_the_trail_says_that_a_note_was_written_and_not_what_it_says(kit: AppealKit, donation: Donation) -> None:
    assert write(staff.at_desk(Role.FINANCE, kit.entity), donation, "Ada called.") == 302
    action = StaffAction.objects.get(verb="donation_noted")
    assert action.about == f"donation:{donation.uuid}"
    assert "Ada" not in str((action.before, action.after, action.reason))


def test_nothing_is_noted_by_an_empty_form(kit: AppealKit, donation: Donation) -> None:
    assert write(staff.at_desk(Role.FINANCE, kit.entity), donation, "  ") == 302
    assert not DonationNote.objects.exists()


@pytest.mark.parametrize("change", ["UPDATE fundraising_donationnote SET text = 'other'",
                                    "UPDATE fundraising_donationnote SET text = '', at = now()",
                                    "DELETE FROM fundraising_donationnote"])  # fmt: skip
def test_the_database_lets_nobody_change_or_delete_a_note(donation: Donation, change: str) -> None:
    donor_care.note_on(donation, "Ada called.", by=staff.make_person())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


def test_a_note_is_sealed_and_emptied_with_its_donor(kit: AppealKit, donation: Donation) -> None:
    donor_care.note_on(donation, "Ada called.", by=staff.make_person(name="carla"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM fundraising_donationnote")
        assert "called" not in cursor.fetchone()[0]
    assert donor_care.empty_notes(donation.donor) == 1
    shown = page(staff.at_desk(Role.FINANCE, kit.entity), donation)
    assert "Note of carla, emptied because the donor was erased." in shown


def test_notes_are_exported_to_those_who_read_them(kit: AppealKit, donation: Donation) -> None:
    donor_care.note_on(donation, "Ada called.", by=staff.make_person())
    for role, told in ((Role.FINANCE, True), (Role.AUDITOR, False)):
        client = staff.at_desk(role, kit.entity)
        rows = asked(client, link_on(client, kit, "desk-donation", uuid=donation.uuid))
        assert any("Ada called." in row["What"] for row in rows) == told
        assert any("Charged" in row["What"] for row in rows)


def test_a_mandate_shows_its_collections_and_changes_and_leads_to_its_donor(kit: AppealKit) -> None:
    full = volume.begin()
    volume.add(full, 2)
    address = reverse("desk-mandate", args=[full.kit.entity.slug, full.mandate.uuid])
    shown = staff.signed_in(full.boss).get(address).content.decode()
    for words in ("sub_first", full.donations[0].reference, str(full.donation.donor.uuid), "every month"):
        assert words.casefold() in shown.casefold(), words
    auditor = staff.at_desk(Role.AUDITOR, full.kit.entity).get(address).content.decode()
    assert str(full.donation.donor.uuid) not in auditor
    other = staff.at_desk(Role.FINANCE, kit.entity)
    assert other.get(reverse("desk-mandate", args=[kit.entity.slug, full.mandate.uuid])).status_code == 404


def test_an_event_is_told_in_words_and_shown_as_sent_only_to_those_who_may_see_donors() -> None:
    full = volume.begin()
    body = b'{"id": "evt_first", "created": 1772712000, "data": {"object": {"id": "ch_9", "name": "Ada Rossi"}}}'
    type(full.event).objects.filter(pk=full.event.pk).update(body=body, waits_for=full.entry.key)
    address = reverse("desk-event", args=[full.kit.entity.slug, "evt_first"])
    finance = staff.at_desk(Role.FINANCE, full.kit.entity).get(address).content.decode()
    for words in ("charge.succeeded", "no such page", "q=ch_9", "Ada Rossi", "Handle it again", full.entry.key):
        assert words in finance, words
    auditor = staff.at_desk(Role.AUDITOR, full.kit.entity).get(address).content.decode()
    assert "Ada Rossi" not in auditor
    assert "Handle it again" not in auditor


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b'{"data": 5, "created": "x"}', b'{"created": 1e99}',
                                  b'{"data": {"object": []}, "created": 99999999999999999999}'])  # fmt: skip
def test_an_event_that_is_no_event_can_be_looked_at(body: bytes) -> None:
    full = volume.begin()
    type(full.event).objects.filter(pk=full.event.pk).update(body=body)
    address = reverse("desk-event", args=[full.kit.entity.slug, "evt_first"])
    assert staff.signed_in(full.boss).get(address).status_code == 200
