"""The evidence pack: what we know of a disputed donation, for those who may know it."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from config.evidence import evidence_of
from fundraising import disputed, donations
from fundraising.models import Donation
from fundraising.money import Money
from payments.models import Dispute, Payment, PaymentState
from receipts import receipts
from receipts.documents import evidence
from receipts.models import MailState, OutgoingMail
from tests import factories
from tests.payments.desk import make_account
from tests.staff import everywhere as signed_in

pytestmark = pytest.mark.django_db
DUE = datetime(2031, 5, 6, 23, 59, tzinfo=UTC)


@pytest.fixture
def dispute() -> Dispute:
    """A donor's second donation, receipted, mailed, refunded in part and disputed."""
    kit = factories.make_appeal()
    factories.received_donation(kit, email="ada@example.org", amount=Money(2_000, "EUR"))
    donation = factories.open_donation(kit, email="ada@example.org")
    account = make_account(kit)
    Payment.objects.create(donation=donation, account=account, state=PaymentState.SUCCEEDED, charge_id="ch_contested")
    charge = "charge:ch_contested"
    donations.receive_donation(
        donation.uuid, key=charge, amount=donation.amount, at=timezone.now(), provider=account.slug
    )
    receipt = receipts.issue_receipt(donation)
    assert receipt
    OutgoingMail.objects.filter(receipt=receipt).update(state=MailState.SENT, sent_at=timezone.now())
    factories.refund(charge, Money(1_000, "EUR"))
    disputed.withhold_disputed(key="dispute:dp_1", charge_key=charge, amount=Money(5_000, "EUR"), at=timezone.now())
    return Dispute.objects.create(
        account=account, dispute_id="dp_1", charge_id="ch_contested", donation=donation, currency="EUR",
        amount_minor=5_000, status="needs_response", status_at=timezone.now(), reason="product_not_received",
        evidence_due_by=DUE, opened_at=timezone.now(),
    )  # fmt: skip


def text_of(document: bytes) -> str:
    pages = PdfReader(BytesIO(document)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def of(dispute: Dispute, locale: str = "en") -> str:
    assert dispute.donation
    return text_of(evidence.render(evidence_of(dispute, dispute.donation, locale=locale)))


def address(dispute_id: int) -> str:
    return reverse("admin:payments_dispute_evidence", args=[dispute_id])


def test_the_pack_says_what_we_know(dispute: Dispute, settings: Any) -> None:
    settings.REFUND_POLICY = "Whoever asks within thirty days gets everything back."
    text, donation = of(dispute), dispute.donation
    assert donation
    earlier = Donation.objects.get(amount_minor=2_000)
    receipt = donation.receipts.order_by("pk").first()
    assert receipt
    wanted = [
        "Lantern Action", "EIN 00-1234567", "dp_1", "ch_contested", "€50.00 (EUR)", "product not received",
        "needs response", "The bank takes evidence until 6 May 2031, 23:59 UTC.",
        f"knows of donation {donation.reference}, from its books",
        "Ada Rossi", "a…@example.org", "Italy", "version 1 of the wording", "Evacuations",
        "Help forty families to leave.", "Travel, visas and shelter.", factories.NOT_DEDUCTIBLE["en"],
        "The donor sent the donation form.", "€50.00 were charged (charge:ch_contested).",
        f"Receipt {receipt.number} was issued.", f"Receipt {receipt.number} was mailed to the donor.",
        "€10.00 were refunded", "The bank drew €50.00 (dispute:dp_1).", "Dispute dp_1 was opened.",
        earlier.reference, "€20.00", "Whoever asks within thirty days", "withheld while a bank decides", "-€50.00",
    ]  # fmt: skip
    # Without spaces: where a line ends, also within a number, is a matter of how wide it is.
    assert [words for words in wanted if "".join(words.split()) not in "".join(text.split())] == []
    assert "ada@" not in text


def test_what_is_unknown_is_left_out_and_a_closed_dispute_has_no_deadline(dispute: Dispute) -> None:
    Dispute.objects.filter(pk=dispute.pk).update(closed_at=timezone.now(), status="lost")
    dispute.refresh_from_db()
    Donation.objects.filter(amount_minor=2_000).update(donor=factories.open_donation().donor)
    text = of(dispute)
    assert "None before this one." in text
    assert "Dispute dp_1 was closed: lost." in text
    assert "takes evidence until" not in text
    assert "refund policy" not in text


def test_the_link_is_on_the_disputes_page_and_gives_a_pdf_that_no_one_keeps(dispute: Dispute) -> None:
    client = signed_in("finance")
    page = client.get(reverse("admin:payments_dispute_change", args=[dispute.pk]))
    assert address(dispute.pk) in page.text
    answer = client.get(address(dispute.pk))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert "no-store" in answer["Cache-Control"]
    assert answer["Content-Disposition"] == 'attachment; filename="dp_1.pdf"'
    assert "Ada Rossi" in text_of(answer.content)


def test_whoever_may_not_see_donors_gets_no_pack_and_no_link(dispute: Dispute) -> None:
    client = signed_in("campaigner")
    assert client.get(address(dispute.pk)).status_code in {302, 403}
    assert address(dispute.pk) not in client.get(reverse("admin:payments_dispute_change", args=[dispute.pk])).text
    assert Client().get(address(dispute.pk)).status_code == 302


def test_a_dispute_that_nobody_knows_or_of_no_donation_has_no_pack(dispute: Dispute) -> None:
    client = signed_in("finance")
    assert client.get(address(99_999)).status_code == 404
    Dispute.objects.filter(pk=dispute.pk).update(donation=None)
    answer = client.get(address(dispute.pk), follow=True)
    assert answer.status_code == 200
    assert "belongs to no donation of ours" in answer.text


@pytest.mark.parametrize(
    ("email", "shown"), [("ada@example.org", "a…@example.org"), ("x@y", "x…@y"), ("", ""), ("nobody", "")]
)
def test_an_address_is_masked(email: str, shown: str) -> None:
    assert evidence.masked(email) == shown
