"""Whoever no mail reaches gets the paper by letter: each once, in batches, as the bytes that were issued."""

from __future__ import annotations

import io

import pytest
from django.urls import reverse
from pypdf import PdfReader

from fundraising.exports import work
from fundraising.models import Donor, Export, Role, StaffAction
from receipts import printing, receipts
from receipts.models import EndReason, MailState, OutgoingMail, PrintBatch, Receipt
from tests import factories, staff
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db


@pytest.fixture
def kit() -> AppealKit:
    return factories.make_appeal()


def paper(kit: AppealKit, *, email: bool = False, last_name: str = "Rossi") -> Receipt:
    """A receipt of a donor with or without an address for mail."""
    donation, _ = factories.received_donation(kit, last_name=last_name)
    if not email:
        Donor.objects.filter(pk=donation.donor_id).update(email="")
        donation.refresh_from_db()
    return receipts.issue_receipt(donation)


def test_papers_without_a_mail_wait_and_those_that_came_back_too(kit: AppealKit) -> None:
    by_letter, by_mail, came_back = paper(kit), paper(kit, email=True), paper(kit, email=True)
    OutgoingMail.objects.filter(receipt=came_back).update(state=MailState.FAILED)
    assert by_mail not in printing.waiting(kit.entity)
    assert list(printing.waiting(kit.entity)) == [by_letter, came_back]


def test_each_paper_is_in_one_batch_and_a_void_one_in_none(kit: AppealKit) -> None:
    by = staff.make_person(Role.FINANCE, entity=kit.entity)
    paper(kit)
    receipts.void_receipt(paper(kit), reason=EndReason.REFUNDED)
    assert printing.make_batch(kit.entity, by=by).count == 1
    with pytest.raises(printing.NothingToPrint):
        printing.make_batch(kit.entity, by=by)
    paper(kit)
    assert printing.make_batch(kit.entity, by=by).number == 2
    assert StaffAction.objects.filter(verb="papers_printed").count() == 2


def test_the_file_to_print_holds_every_paper_of_the_batch_as_it_was_issued(kit: AppealKit) -> None:
    first, second = paper(kit, last_name="Lindqvist"), paper(kit, last_name="Okafor")
    desk = staff.at_desk(Role.FINANCE, kit.entity)
    assert "2 papers wait." in desk.get(reverse("desk-post", args=[kit.entity.slug])).content.decode()
    page = desk.post(reverse("desk-post-make", args=[kit.entity.slug]), follow=True).content.decode()
    assert "A batch of 2 papers was made." in page
    new = reverse("desk-export-new", args=[kit.entity.slug])
    desk.post(f"{new}?kind=print-batch&batch=1", {"format": "pdf", "batch": "1"})
    work.write_due()
    fetched = desk.get(reverse("desk-export-fetch", args=[kit.entity.slug, Export.objects.get().uuid]))
    pages = PdfReader(io.BytesIO(b"".join(fetched.streaming_content))).pages  # type: ignore[attr-defined]
    texts = [page.extract_text() for page in pages]
    assert [number in text for number, text in zip((first.number, second.number), texts, strict=True)] == [True, True]
    assert ["Lindqvist" in texts[0], "Okafor" in texts[1]] == [True, True]


def test_another_legal_entitys_batch_is_not_there(kit: AppealKit) -> None:
    paper(kit)
    printing.make_batch(kit.entity, by=staff.make_person(Role.FINANCE, entity=kit.entity))
    elsewhere = factories.make_entity(name="Harbour Relief")
    stranger = staff.at_desk(Role.FINANCE, elsewhere)
    new = reverse("desk-export-new", args=[elsewhere.slug])
    answer = stranger.post(f"{new}?kind=print-batch&batch=1", {"format": "pdf", "batch": "1"})
    assert "not there any more" in answer.content.decode()
    assert not Export.objects.exists()
    assert PrintBatch.objects.filter(entity=elsewhere).count() == 0
