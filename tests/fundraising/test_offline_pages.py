"""Recording donations at the desk, and the bank transfers that are awaited."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fundraising import ledger, offline
from fundraising.ledger import Bucket
from fundraising.models import BankAccount, BankLine, Channel, Donation, Purpose, Role, StaffAction
from fundraising.money import Money
from tests import factories, staff
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db


@pytest.fixture
def care(kit: AppealKit) -> Client:
    return staff.at_desk(Role.DONOR_CARE, kit.entity)


@pytest.fixture
def bank(kit: AppealKit) -> BankAccount:
    return BankAccount.objects.create(
        entity=kit.entity, slug="main-bank", name="Bank", iban="DE1", currency="EUR", takes_donations=True
    )


def filled_in(kit: AppealKit, **changes: str) -> dict[str, str]:
    return {
        "uuid": str(uuid4()),
        "channel": "cheque",
        "page": str(kit.pages["it"].pk),
        "given_on": timezone.localdate().isoformat(),
        "amount": "25.50",
        "currency": "EUR",
        "first_name": "Ada",
        "last_name": "Rossi",
        "country": "IT",
        "public_name": "anonymous",
        **changes,
    }


def record(client: Client, kit: AppealKit, **changes: str) -> Any:
    return client.post(f"/desk/{kit.entity.slug}/record/", filled_in(kit, **changes))


def test_a_cheque_is_recorded_with_the_wording_of_its_language(kit: AppealKit, care: Client) -> None:
    assert record(care, kit).status_code == 302
    donation = Donation.objects.get()
    assert (donation.state, donation.channel, donation.amount) == ("received", Channel.CHEQUE, Money(2_550, "EUR"))
    assert donation.wording == kit.wordings["it"]


def test_the_same_form_sent_again_records_nothing_more(kit: AppealKit, care: Client) -> None:
    uuid = str(uuid4())
    assert [record(care, kit, uuid=uuid).status_code for _ in range(2)] == [302, 302]
    assert Donation.objects.count() == 1


def test_a_form_that_comes_back_filled_in_is_recorded_again_only_when_there_are_two(
    kit: AppealKit, care: Client
) -> None:
    record(care, kit)
    answer = record(care, kit)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert f"{Donation.objects.get().reference} is the same" in page
    assert 'name="is_another"' in page
    assert 'value="25.50"' in page
    assert record(care, kit, is_another="on").status_code == 302
    assert Donation.objects.count() == 2


def test_a_gift_in_kind_needs_no_amount_but_words(kit: AppealKit, care: Client) -> None:
    answer = record(care, kit, channel="in_kind", amount="")
    assert answer.status_code == 422
    assert "Please write what was given" in answer.content.decode()
    assert record(care, kit, channel="in_kind", amount="", in_kind="Forty blankets").status_code == 302
    assert Donation.objects.get().amount_minor == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": ""}, "This is not an amount"),
        ({"amount": "0"}, "This is not an amount"),
        ({"given_on": "2999-01-01"}, "still to come"),
        ({"given_on": "0026-11-02"}, "all four digits"),
        ({"first_name": "\u202eadA"}, "invisible character"),
        ({"cheque": "<b>"}, "valid value"),
        ({"page": "0"}, "not one of the available choices"),
    ],
)
def test_what_cannot_be_recorded_is_said_and_nothing_typed_is_lost(
    kit: AppealKit, care: Client, changes: dict[str, str], words: str
) -> None:
    answer = record(care, kit, organisation="Lamp Ltd", **changes)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert "Lamp Ltd" in page
    assert not Donation.objects.exists()


def test_too_much_cash_is_refused_with_the_limit_of_the_law(kit: AppealKit, care: Client) -> None:
    kit.entity.country = "IT"
    kit.entity.save()
    answer = record(care, kit, channel="cash", amount="5000")
    assert "forbids cash of €5,000 or more" in answer.content.decode()
    assert "€5,000 or more is not taken here" in care.get(f"/desk/{kit.entity.slug}/record/").content.decode()


def test_a_page_of_another_legal_entity_cannot_be_chosen(kit: AppealKit, care: Client) -> None:
    other = factories.make_appeal(factories.make_entity())
    assert record(care, kit, page=str(other.pages["en"].pk)).status_code == 422


def test_a_bounced_cheque_is_taken_back_once(kit: AppealKit, care: Client) -> None:
    record(care, kit)
    donation = Donation.objects.get()
    path = f"/desk/{kit.entity.slug}/donations/{donation.uuid}/bounced/"
    assert path in care.get(f"/desk/{kit.entity.slug}/donations/{donation.uuid}/").content.decode()
    assert care.post(path, {"reason": ""}).status_code == 422
    assert care.post(path, {"reason": "No funds"}).status_code == 302
    donation.refresh_from_db()
    assert donation.state == "chargeback"
    assert care.post(path, {"reason": "No funds"}).status_code == 302
    assert StaffAction.objects.filter(verb="cheque_bounced").count() == 1


def test_auditors_record_nothing(kit: AppealKit) -> None:
    assert record(staff.at_desk(Role.AUDITOR, kit.entity), kit).status_code == 403


def unannounced(kit: AppealKit, bank: BankAccount, minor: int = 5_000) -> BankLine:
    legs = {
        Bucket(kit.entity.pk, Purpose.BANK, "EUR", provider=bank.slug): minor,
        offline.bank_suspense(kit.entity.pk, bank.slug, "EUR"): -minor,
    }
    posted = ledger.post(key="bank:main-bank:x:1", legs=legs, occurred_at=timezone.now())
    return BankLine.objects.create(
        bank_account=bank, content="x", booked_on=date(2026, 7, 1), amount_minor=minor, unexplained_minor=minor,
        name="Ada Rossi", reference="For the families", entry_id=posted.entry_id,
    )  # fmt: skip


def test_a_bank_line_that_nobody_announced_becomes_a_donation(kit: AppealKit, bank: BankAccount) -> None:
    line = unannounced(kit, bank)
    finance, path = staff.at_desk(Role.FINANCE, kit.entity), f"/desk/{kit.entity.slug}/record/line/{line.pk}/"
    page = finance.get(path).content.decode()
    assert 'value="Rossi"' in page
    assert "For the families" in page
    assert finance.post(path, filled_in(kit)).status_code == 302
    donation = Donation.objects.get()
    assert (donation.state, donation.channel, donation.amount) == ("received", Channel.BANK, Money(5_000, "EUR"))
    assert ledger.balance(offline.bank_suspense(kit.entity.pk, bank.slug, "EUR")) == Money(0, "EUR")
    assert finance.post(path, filled_in(kit)).status_code == 302
    assert Donation.objects.count() == 1


def test_awaited_transfers_are_listed_with_their_reference(kit: AppealKit, bank: BankAccount, care: Client) -> None:
    donation = offline.open_transfer(factories.draft(kit, last_name="Bianchi"))
    Donation.objects.update(opened_at=timezone.now() - timedelta(days=12))
    page = care.get(f"/desk/{kit.entity.slug}/awaited/").content.decode()
    assert donation.transfer_reference
    assert donation.transfer_reference[:4] in page
    assert "Bianchi" in page
    assert "12 days" in page


def test_the_pages_ask_few_questions_however_many_are_awaited(kit: AppealKit, bank: BankAccount, care: Client) -> None:
    for _ in range(60):
        offline.open_transfer(factories.draft(kit))
    for name in ("awaited", "record"):
        with CaptureQueriesContext(connection) as asked:
            assert care.get(f"/desk/{kit.entity.slug}/{name}/").status_code == 200
        assert len(asked) <= 20, name
