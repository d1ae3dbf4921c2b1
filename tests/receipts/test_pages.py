"""The donor's download and the check page: the same bytes, and no word about anybody."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from fundraising.money import Money
from receipts import receipts, tasks
from receipts.models import EndReason, OutgoingMail, Receipt, ReceiptState
from tests import factories, staff
from tests.receipts.reading import without_tokens

pytestmark = pytest.mark.django_db


@pytest.fixture
def receipt() -> Receipt:
    return receipts.issue_receipt(factories.received_donation()[0])


def check_path(receipt: Receipt, code: str) -> str:
    return f"/receipt/{receipt.number}?c={code}"


# --- Download ---------------------------------------------------------------------------------------


def test_a_donor_downloads_the_same_bytes_every_time(client: Client, receipt: Receipt) -> None:
    address = reverse("receipt-download", kwargs={"donation_uuid": receipt.sole_donation.uuid})
    first, second = client.get(address), client.get(address)
    assert first.content == second.content == receipts.read_pdf(receipt)
    assert first["Content-Type"] == "application/pdf"
    assert first["Content-Disposition"] == f'inline; filename="{receipt.number}.pdf"'
    assert set(first["Cache-Control"].split(", ")) == {"private", "no-store"}


def test_there_is_nothing_to_download_without_a_valid_receipt(client: Client) -> None:
    donation, charge = factories.received_donation()
    address = reverse("receipt-download", kwargs={"donation_uuid": donation.uuid})
    assert client.get(address).status_code == 404
    receipts.issue_receipt(donation)
    assert client.get(address).status_code == 200
    factories.refund(charge, donation.amount)
    tasks.work_off()
    assert client.get(address).status_code == 404
    stranger = reverse("receipt-download", kwargs={"donation_uuid": uuid.uuid4()})
    assert client.get(stranger).status_code == 404


def test_after_a_replacement_the_new_receipt_is_downloaded(client: Client) -> None:
    donation, charge = factories.received_donation()
    old = receipts.issue_receipt(donation)
    factories.refund(charge, Money(1_00, "EUR"))
    tasks.work_off()
    response = client.get(reverse("receipt-download", kwargs={"donation_uuid": donation.uuid}))
    assert response.content == receipts.read_pdf(old.replaced_by)


# --- Check page -------------------------------------------------------------------------------------


def test_the_check_page_knows_a_valid_receipt(client: Client, receipt: Receipt) -> None:
    response = client.get(check_path(receipt, receipt.check_code))
    assert (response.status_code, response.context["state"]) == (200, ReceiptState.ISSUED)
    assert "This receipt is valid" in response.text


def test_the_code_may_be_typed_as_people_type(client: Client, receipt: Receipt) -> None:
    typed = f" {receipt.check_code[:4].lower()} {receipt.check_code[4:].lower()}"
    assert client.get(check_path(receipt, typed)).context["state"] == ReceiptState.ISSUED


def test_the_check_page_names_no_donor_and_no_amount(client: Client, receipt: Receipt) -> None:
    page = client.get(check_path(receipt, receipt.check_code)).text
    donor = receipt.sole_donation.donor
    assert str(receipt.sole_donation.uuid) not in page
    shown = without_tokens(page).replace(receipt.number, "").replace(receipt.check_code, "")
    for secret in (donor.first_name, donor.last_name, donor.email, "50.00", "€"):
        assert secret not in shown


def test_the_check_page_says_when_a_receipt_is_void_or_replaced(client: Client, receipt: Receipt) -> None:
    other = receipts.issue_receipt(factories.received_donation()[0])
    receipts.void_receipt(receipt, reason=EndReason.REFUNDED)
    receipts.replace_receipt(other, reason=EndReason.CORRECTED)
    assert "This receipt is void" in client.get(check_path(receipt, receipt.check_code)).text
    assert "This receipt was replaced" in client.get(check_path(other, other.check_code)).text


@pytest.mark.parametrize("number", ["LA-2026-999999", "nonsense", "LA-2026-%00", "%F0%9F%92%A9"])
def test_an_unknown_number_and_a_wrong_code_look_the_same(client: Client, receipt: Receipt, number: str) -> None:
    wrong_code = client.get(check_path(receipt, "AAAAAAAA"))
    unknown = client.get(f"/receipt/{number}?c={receipt.check_code}")
    assert wrong_code.status_code == unknown.status_code == 404
    assert wrong_code.context["state"] == unknown.context["state"] == "unknown"


def test_without_a_code_the_page_asks_for_it(client: Client, receipt: Receipt) -> None:
    response = client.get(f"/receipt/{receipt.number}")
    assert (response.status_code, response.context["state"]) == (200, "ask")
    assert 'name="c"' in response.text


def test_the_check_page_speaks_the_language_of_the_browser(client: Client, receipt: Receipt) -> None:
    response = client.get(check_path(receipt, receipt.check_code), headers={"accept-language": "it"})
    assert 'lang="it"' in response.text
    assert "This receipt is valid" not in response.text


# --- The desk ---------------------------------------------------------------------------------------


@pytest.fixture
def desk(db: None) -> Client:
    return staff.everywhere("superuser")


@pytest.mark.parametrize("model", ["receipt", "series", "refusal", "outgoingmail"])
def test_the_desk_lists_and_shows_the_paper_and_changes_none_of_it(desk: Client, receipt: Receipt, model: str) -> None:
    receipts.refuse(factories.received_donation()[0], "OSError")
    assert desk.get(reverse(f"admin:receipts_{model}_changelist")).status_code == 200
    assert desk.get(reverse(f"admin:receipts_{model}_add")).status_code == 403
    row = Receipt._meta.apps.get_model("receipts", model)._default_manager.all()[0]
    shown = desk.get(reverse(f"admin:receipts_{model}_change", args=[row.pk]))
    assert shown.status_code == 200
    assert "Rossi" not in shown.text
    assert desk.post(reverse(f"admin:receipts_{model}_delete", args=[row.pk])).status_code == 403


def test_the_desk_opens_the_document(desk: Client, receipt: Receipt) -> None:
    response = desk.get(reverse("admin:receipts_receipt_pdf", args=[receipt.pk]))
    assert response.content == receipts.read_pdf(receipt)


def test_strangers_cannot_open_documents_by_number(client: Client, receipt: Receipt) -> None:
    assert client.get(reverse("admin:receipts_receipt_pdf", args=[receipt.pk])).status_code == 302


def test_the_desk_replaces_a_receipt_and_the_actor_is_on_record(desk: Client, receipt: Receipt) -> None:
    action = {"action": "replace_after_correction", "_selected_action": [receipt.pk]}
    desk.post(reverse("admin:receipts_receipt_changelist"), action)
    receipt.refresh_from_db()
    assert (receipt.state, receipt.ended_by) == (ReceiptState.REPLACED, "superuser")


def test_the_desk_sends_a_mail_again(desk: Client, receipt: Receipt) -> None:
    mail = OutgoingMail.objects.get()
    OutgoingMail.objects.update(state="failed", attempts=8)
    desk.post(
        reverse("admin:receipts_outgoingmail_changelist"), {"action": "send_again", "_selected_action": [mail.pk]}
    )
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == ("due", 0)
