"""The vault: what is personal is sealed in the database, and nothing else knows it."""

from __future__ import annotations

import base64
import unicodedata

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from fundraising import vault
from fundraising.models import Donation, Donor
from fundraising.money import Money
from tests import factories

OLD = base64.b64encode(b"o" * 32).decode()
NEW = base64.b64encode(b"n" * 32).decode()


@given(st.text().filter(lambda text: not any(unicodedata.category(char) == "Cs" for char in text)))
def test_what_was_sealed_opens_as_it_was(text: str) -> None:
    assert vault.unseal(vault.seal(text, "donor.email"), "donor.email") == text


@given(st.binary())
def test_a_sealed_document_opens_as_it_was(data: bytes) -> None:
    sealed = vault.seal_bytes(data, "receipt.pdf")
    assert vault.unseal_bytes(sealed, "receipt.pdf") == data


def test_the_same_text_never_seals_to_the_same_value() -> None:
    assert vault.seal("Ada", "donor.first_name") != vault.seal("Ada", "donor.first_name")


def test_after_a_rotation_new_values_take_the_new_key_and_old_ones_still_open(settings: Settings) -> None:
    settings.FIELD_KEYS = f"2025:{OLD}"
    before = vault.seal("Ada", "donor.first_name")
    settings.FIELD_KEYS = f"2026:{NEW},2025:{OLD}"
    after = vault.seal("Ada", "donor.first_name")
    assert (vault.key_of(before), vault.key_of(after)) == ("2025", "2026")
    assert vault.unseal(before, "donor.first_name") == vault.unseal(after, "donor.first_name") == "Ada"


def test_a_value_whose_key_is_gone_is_an_error_and_not_an_empty_name(settings: Settings) -> None:
    settings.FIELD_KEYS = f"2025:{OLD}"
    sealed = vault.seal("Ada", "donor.first_name")
    document = vault.seal_bytes(b"%PDF", "receipt.pdf")
    settings.FIELD_KEYS = f"2026:{NEW}"
    with pytest.raises(vault.SealedError):
        vault.unseal(sealed, "donor.first_name")
    with pytest.raises(vault.SealedError):
        vault.unseal_bytes(document, "receipt.pdf")


def test_a_value_moved_to_another_column_does_not_open() -> None:
    with pytest.raises(vault.SealedError):
        vault.unseal(vault.seal("Ada", "donor.first_name"), "donor.last_name")


@pytest.mark.parametrize("value", ["Ada", "v1:", "v1:demo:", "v1:demo:####", "v1:demo:QUJD", "v2:demo:QUJD", "v1:QUJD"])
def test_what_was_never_sealed_does_not_open(value: str) -> None:
    with pytest.raises(vault.SealedError):
        vault.unseal(value, "donor.email")


def test_one_changed_character_does_not_open() -> None:
    sealed = vault.seal("ada@example.org", "donor.email")
    changed = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    with pytest.raises(vault.SealedError):
        vault.unseal(changed, "donor.email")


@pytest.mark.parametrize("spec", ["", "no-colon", "k1:not base64!", "k1:c2hvcnQ=", f":{OLD}", f"a b:{OLD}"])
def test_unusable_keys_stop_the_start_and_not_the_first_donor(spec: str, settings: Settings) -> None:
    settings.FIELD_KEYS = spec
    with pytest.raises(ImproperlyConfigured):
        vault.check_keys()


@pytest.mark.parametrize(
    "same",
    [
        "Ada@Example.ORG",
        "  ada@example.org ",
        "ada@example.org\n",
        "ａｄａ@example.org",  # fullwidth letters
    ],
)
def test_the_blind_index_does_not_see_case_space_or_form(same: str) -> None:
    assert vault.blind_index(same) == vault.blind_index("ada@example.org")


def test_the_blind_index_does_not_join_parts_and_depends_on_its_key(settings: Settings) -> None:
    assert vault.blind_index("ab", "c") != vault.blind_index("a", "bc")
    before = vault.blind_index("ada@example.org")
    settings.INDEX_KEY = "another"
    assert vault.blind_index("ada@example.org") != before


def test_an_address_in_other_letter_case_finds_every_donation_of_the_donor(db: None) -> None:
    kit = factories.make_appeal()
    first = factories.open_donation(kit, email="ada.rossi@example.org")
    second = factories.open_donation(kit, email="Ada.Rossi@Example.ORG", amount=Money(700, "EUR"))
    assert first.donor == second.donor
    index = vault.blind_index("ADA.ROSSI@EXAMPLE.ORG")
    assert set(Donation.objects.filter(donor__email_index=index)) == {first, second}


def test_the_same_address_under_another_name_is_another_donor_and_renames_nobody(db: None) -> None:
    kit = factories.make_appeal()
    ada = factories.open_donation(kit, email="family@example.org").donor
    carlo = factories.open_donation(kit, email="family@example.org", first_name="Carlo").donor
    assert ada != carlo
    assert Donor.objects.get(pk=ada.pk).first_name == "Ada"
    assert set(Donor.objects.filter(email_index=vault.blind_index("family@example.org"))) == {ada, carlo}


def test_no_personal_text_is_found_anywhere_in_the_raw_tables(db: None) -> None:
    factories.received_donation(
        email="Unmistakable.Address@example.org", first_name="Wilhelmina", last_name="Zweistein-Quux"
    )
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM \"{table}\" t")  # its own table names
            raw = (cursor.fetchone()[0] or "").lower()
            for secret in ("unmistakable", "wilhelmina", "zweistein"):
                assert secret not in raw, f"{secret} is in the clear in {table}"
