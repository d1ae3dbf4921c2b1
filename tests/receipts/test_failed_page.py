"""What did not go out, at the desk: mails of every sort lead to whom they are of, and go again from there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from fundraising.models import Donor, LegalEntity, Role, StaffAction
from receipts import receipts
from receipts.desk import exports as desk_exports
from receipts.models import MailKind, MailState, OutgoingMail, Receipt, new_message_id
from receipts.years import verbs as year_verbs
from tests import factories, staff

pytestmark = pytest.mark.django_db
YEAR = timezone.localdate().year - 1


@pytest.fixture
def paper() -> Receipt:
    """The paper of a year, whose mail was refused."""
    donation, _ = factories.received_donation(at=datetime(YEAR, 3, 14, 12, tzinfo=UTC))
    receipts.issue_receipt(donation)
    OutgoingMail.objects.update(state=MailState.SENT, sent_at=timezone.now())
    (paper,) = year_verbs.issue_year(donation.donor, YEAR).issued
    OutgoingMail.objects.filter(receipt=paper).update(state=MailState.FAILED, last_error="SMTPDataError 550")
    return paper


def desk_of(entity: LegalEntity) -> tuple[Client, str]:
    return staff.at_desk(Role.FINANCE, entity), reverse("desk-failed", kwargs={"entity": entity.slug})


def donor_address(donor: Donor) -> str:
    return reverse("desk-donor", kwargs={"entity": donor.entity.slug, "uuid": donor.uuid})


def test_the_mail_of_a_yearly_paper_leads_to_its_donor_and_is_sent_again(paper: Receipt) -> None:
    desk, failed = desk_of(paper.donor.entity)
    page = desk.get(failed).content.decode()
    assert f"receipt {paper.number}" in page
    assert f'href="{donor_address(paper.donor)}"' in page
    mail = OutgoingMail.objects.get(receipt=paper)
    desk.post(reverse("desk-send-again", kwargs={"entity": paper.donor.entity.slug, "pk": mail.pk}))
    mail.refresh_from_db()
    assert mail.state == MailState.DUE
    assert StaffAction.objects.filter(verb="mail_sent_again", about=f"receipt:{paper.number}").exists()


@pytest.mark.parametrize("kind", [MailKind.DETAILS, MailKind.PAPERS, MailKind.GIFT_AID])
def test_a_mail_with_a_link_that_came_back_is_there_too_and_is_sent_again(kind: MailKind) -> None:
    donor = factories.received_donation()[0].donor
    sent = {"state": MailState.BOUNCED, "sent_at": timezone.now()}
    mail = OutgoingMail.objects.create(donor=donor, kind=kind, message_id=new_message_id("a@example.org"), **sent)
    desk, failed = desk_of(donor.entity)
    page = desk.get(failed).content.decode()
    assert str(kind.label) in page
    assert f'href="{donor_address(donor)}"' in page
    desk.post(reverse("desk-send-again", kwargs={"entity": donor.entity.slug, "pk": mail.pk}))
    mail.refresh_from_db()
    assert mail.state == MailState.DUE


def test_the_export_names_the_donor_where_there_is_no_donation(paper: Receipt) -> None:
    donor = paper.donor
    OutgoingMail.objects.create(
        donor=donor, kind=MailKind.PAPERS, message_id=new_message_id("a@example.org"), state=MailState.FAILED
    )
    rows = list(desk_exports.failed(donor.entity, {}).rows())
    assert [row[2] for row in rows] == [str(donor.uuid)] * 2
    assert {row[1] for row in rows} == {f"receipt {paper.number}", "link to all papers"}


def test_mails_of_another_legal_entity_are_not_there(paper: Receipt) -> None:
    desk, failed = desk_of(factories.make_entity(name="Another"))
    assert paper.number not in desk.get(failed).content.decode()
