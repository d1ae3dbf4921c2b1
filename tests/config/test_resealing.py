"""A new key of the vault: all that is stored is sealed anew under it, while the service runs, and nothing is lost."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from django.db.utils import Error
from pytest_django import Settings

from config import resealing
from fundraising import vault
from fundraising.exports import work
from fundraising.models import Donor, Export, ExportPart, Role
from receipts import receipts
from receipts.models import Receipt
from tests import databases, factories, staff

OLD, NEW, LOST = (base64.b64encode(letter * 32).decode() for letter in (b"o", b"n", b"l"))
# Bytes that are no secret, or that the law wants readable by whoever holds a backup: pictures, events, public reports.
OPEN = {
    "payments_inboxevent.body", "receipts_letterhead.logo", "receipts_letterhead.signature",
    "receipts_reportdocument.content",
}  # fmt: skip


@pytest.fixture(autouse=True)
def under_the_old_key(settings: Settings) -> None:
    settings.FIELD_KEYS = f"old:{OLD}"


def with_new_key(settings: Settings) -> None:
    settings.FIELD_KEYS = f"new:{NEW},old:{OLD}"


def run(*arguments: str) -> str:
    said = io.StringIO()
    call_command("reseal", *arguments, stdout=said)
    return said.getvalue()


def keys_everywhere() -> set[str]:
    """The ids of keys that anything in any table names, whatever we think is sealed."""
    with connection.cursor() as cursor:
        found: set[str] = set()
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # its own table names
            for row in cursor.fetchall():
                text = " ".join(one.decode("latin-1") if isinstance(one, bytes) else str(one) for one in row)
                found |= {key for key in ("old", "new", "lost") if f"v1:{key}:" in text}
        return found


def names(count: int = 3) -> list[Donor]:
    kit = factories.make_appeal()
    return [factories.open_donation(kit, first_name=f"Wilhelmina{number}").donor for number in range(count)]


def place(column: str) -> resealing.Place:
    return next(one for one in resealing.places() if one.name == column)


def test_everything_that_is_sealed_is_a_place() -> None:
    known = [one.name for one in resealing.places()]
    held = {
        f"{model._meta.db_table}.{one.column}"
        for model in apps.get_models(include_auto_created=True)
        for one in model._meta.local_concrete_fields
        if isinstance(one, vault.SealedTextField | models.BinaryField)
    }
    assert held - OPEN == {
        name for name in known if name not in ("fundraising_export.filters", "mfa_authenticator.data")
    }
    assert len(known) == len(set(known))


@pytest.mark.django_db(transaction=True)
def test_all_is_read_without_the_old_key_and_the_papers_are_the_same_bytes(settings: Settings) -> None:
    donation, _ = factories.received_donation(first_name="Wilhelmina")
    receipt = receipts.issue_receipt(donation)
    document = receipts.read_pdf(receipt)
    person = staff.make_person(Role.FINANCE, entity=donation.entity)
    app = Authenticator.objects.create(
        user=person, type="totp", data={"secret": vault.seal("ABC", "mfa.totp"), "digits": 6}
    )
    wish = {"q": vault.seal("Wilhelmina", work.SECRETS), "state": "received"}
    export = Export.objects.create(
        entity=donation.entity, kind="donations", format="csv", filters=wish, asked_by=person
    )
    part = ExportPart.objects.create(
        export=export, number=1, sealed=vault.seal_bytes(b"a,b", f"fundraising_exportpart.sealed:{export.uuid}:1")
    )
    with_new_key(settings)
    said = run()
    assert "receipts_document.sealed_pdf: 1 sealed anew" in said
    assert keys_everywhere() == {"new"}

    settings.FIELD_KEYS = f"new:{NEW}"
    assert Donor.objects.get(pk=donation.donor_id).first_name == "Wilhelmina"
    again = Receipt.objects.get(pk=receipt.pk)
    assert (receipts.read_pdf(again), again.snapshot) == (document, receipt.snapshot)
    app.refresh_from_db()
    assert (vault.unseal(app.data["secret"], "mfa.totp"), app.data["digits"]) == ("ABC", 6)
    export.refresh_from_db()
    assert (vault.unseal(export.filters["q"], work.SECRETS), export.filters["state"]) == ("Wilhelmina", "received")
    part.refresh_from_db()
    assert vault.unseal_bytes(bytes(part.sealed), f"fundraising_exportpart.sealed:{export.uuid}:1") == b"a,b"


@pytest.mark.django_db(transaction=True)
def test_what_is_issued_is_kept_from_changes_as_before(settings: Settings) -> None:
    receipt = receipts.issue_receipt(factories.received_donation()[0])
    with_new_key(settings)
    run()
    with pytest.raises(Error), transaction.atomic():
        Receipt.objects.filter(pk=receipt.pk).update(snapshot="something else")


@pytest.mark.django_db(transaction=True)
def test_whoever_is_stopped_in_the_middle_goes_on_with_what_is_left(settings: Settings) -> None:
    donors = names()
    with_new_key(settings)
    first_names = place("fundraising_donor.first_name")
    calls = iter(range(9))

    def stops(value: str, context: str) -> str:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return vault.reseal(value, context)

    with pytest.raises(KeyboardInterrupt):
        resealing.reseal(replace(first_names, kind=replace(resealing.TEXT, reseal=stops)), batch=1)
    assert resealing.keys_of(first_names) == {"new": 2, "old": 1}
    assert resealing.reseal(first_names, batch=1).sealed == 1
    assert [donor.first_name for donor in Donor.objects.order_by("pk")] == [donor.first_name for donor in donors]
    assert resealing.reseal(first_names, batch=1).sealed == 0


@pytest.fixture
def somebody_else(db: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(databases.url()) as other:
        yield other


@pytest.mark.django_db(transaction=True)
def test_what_the_service_changes_meanwhile_is_left_to_it_and_done_the_next_time(
    settings: Settings, somebody_else: Any
) -> None:
    first, *_others = names()
    with_new_key(settings)
    first_names = place("fundraising_donor.first_name")
    changed = vault.seal("Ada", "fundraising_donor.first_name")
    somebody_else.execute("UPDATE fundraising_donor SET first_name = %s WHERE id = %s", [changed, first.pk])
    outcome = resealing.reseal(first_names, pause=0)
    assert (outcome.sealed, outcome.left) == (2, 1)
    somebody_else.commit()
    assert resealing.reseal(first_names, pause=0) == resealing.Outcome()
    assert Donor.objects.get(pk=first.pk).first_name == "Ada"


@pytest.mark.django_db(transaction=True)
def test_a_value_of_a_key_that_is_gone_is_counted_under_it_and_left_and_stops_nothing(settings: Settings) -> None:
    donors = names(2)
    settings.FIELD_KEYS = f"lost:{LOST}"
    lost = vault.seal("Zweistein", "fundraising_donor.first_name")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fundraising_donor SET first_name = %s WHERE id = %s", [lost, donors[0].pk])
        cursor.execute("UPDATE fundraising_donor SET last_name = 'never sealed' WHERE id = %s", [donors[0].pk])
    with_new_key(settings)
    said = io.StringIO()
    with pytest.raises(CommandError, match="2 values are not under the key 'new'"):
        call_command("reseal", stdout=said)
    assert "fundraising_donor.first_name: 1 sealed anew, 1 under the key 'lost' do not open" in said.getvalue()
    assert "fundraising_donor.last_name: 1 sealed anew, 1 under the key '?' do not open" in said.getvalue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT first_name FROM fundraising_donor WHERE id = %s", [donors[0].pk])
        assert cursor.fetchone() == (lost,)


@pytest.mark.django_db(transaction=True)
def test_looking_counts_values_by_key_and_changes_nothing_and_nothing_is_ever_printed(settings: Settings) -> None:
    names()
    with_new_key(settings)
    before = run("--look")
    assert "new: " not in before
    after = run()
    assert "Everything is under the key 'new'" in after
    assert "old: " not in run("--look")
    assert "Wilhelmina" not in before + after


@pytest.mark.django_db
def test_a_role_that_may_not_stand_aside_from_triggers_changes_nothing_and_is_told_what_to_do(
    settings: Settings,
) -> None:
    names(1)
    with_new_key(settings)
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE clerk NOLOGIN; SET LOCAL ROLE clerk")
    with pytest.raises(CommandError, match="GRANT SET ON PARAMETER session_replication_role"):
        call_command("reseal")


def test_an_altered_value_is_not_taken_for_a_good_one(settings: Settings) -> None:
    sealed = vault.seal("Ada", "fundraising_donor.first_name")
    with_new_key(settings)
    with pytest.raises(vault.SealedError):
        vault.reseal(sealed, "fundraising_donor.last_name")
    assert vault.key_of(vault.reseal(sealed, "fundraising_donor.first_name")) == "new"
