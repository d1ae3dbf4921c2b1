"""Receipts of donations past the provider: how they came in words, none in kind, void when the money was another's."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from fundraising import offline
from fundraising.models import BankAccount, Channel, Donation, TaxStatus
from fundraising.money import Money
from fundraising.offline import recording
from fundraising.offline.recording import Recorded, record_donation
from receipts import receipts, tasks
from receipts.composing import NotIssuable
from receipts.models import EndReason, OutgoingMail, Receipt, ReceiptState
from receipts.snapshot import Snapshot
from tests import factories
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db


@pytest.fixture
def marta() -> User:
    return User.objects.create_user("marta")


def make_kit(status: TaxStatus = TaxStatus.OTHER, country: str = "IT") -> AppealKit:
    entity = factories.make_entity(tax_status=status)
    entity.country = country
    entity.save()
    return factories.make_appeal(entity)


def recorded(kit: AppealKit, by: User, channel: Channel, minor: int = 5_000, in_kind: str = "") -> Donation:
    draft = factories.draft(kit, amount=Money(minor, "EUR"))
    donation = record_donation(draft, Recorded(channel, date(2026, 7, 1), in_kind), uuid=uuid4(), by=by)
    donation.refresh_from_db()
    return donation


def snapshot(donation: Donation) -> Snapshot:
    return Snapshot.from_json(receipts.issue_receipt(donation).snapshot)


def test_a_receipt_says_how_the_money_came_unless_online(marta: User) -> None:
    kit = make_kit()
    assert snapshot(recorded(kit, marta, Channel.CHEQUE)).channel == "cheque"
    assert snapshot(factories.received_donation(kit)[0]).channel == ""


def test_in_italy_a_payment_confirmation_for_cash_says_that_nothing_can_be_deducted(marta: User) -> None:
    kit = make_kit()
    assert any("cash" in text for text in snapshot(recorded(kit, marta, Channel.CASH)).statements)
    assert not any("cash" in text for text in snapshot(recorded(kit, marta, Channel.CHEQUE)).statements)


def test_where_only_what_can_be_traced_is_deductible_cash_gets_no_tax_receipt(marta: User) -> None:
    kit = make_kit(TaxStatus.US_501C3)
    with pytest.raises(NotIssuable) as refused:
        receipts.issue_receipt(recorded(kit, marta, Channel.CASH))
    assert refused.value.code == "not_traceable"
    assert receipts.issue_receipt(recorded(kit, marta, Channel.CHEQUE))


def test_elsewhere_cash_gets_the_receipt_of_its_regime(marta: User) -> None:
    assert receipts.issue_receipt(recorded(make_kit(TaxStatus.US_501C3, "US"), marta, Channel.CASH))


def test_what_came_in_kind_is_due_no_receipt(marta: User) -> None:
    recorded(make_kit(), marta, Channel.IN_KIND, minor=0, in_kind="Blankets")
    assert receipts.due() == []


def test_without_an_address_the_receipt_is_issued_and_no_mail_queued(marta: User) -> None:
    donation = recorded(make_kit(), marta, Channel.CASH)
    donation.donor.email = ""
    donation.donor.save()
    assert receipts.issue_receipt(Donation.objects.get(pk=donation.pk))
    assert not OutgoingMail.objects.exists()


def test_a_receipt_ends_when_its_bank_line_was_another_donations(marta: User) -> None:
    kit = make_kit()
    bank = BankAccount.objects.create(
        entity=kit.entity, slug="b", name="B", iban="X1", currency="EUR", takes_donations=True
    )
    donation = offline.open_transfer(factories.draft(kit))
    now = timezone.now()
    offline.receive_from_bank(donation.uuid, key="match:1", amount=Money(5_000, "EUR"), at=now, bank=bank.slug)
    tasks.work_off()
    offline.undo_receipt_from_bank("match:1", at=now)
    tasks.work_off()
    assert [(one.state, one.ended_reason) for one in Receipt.objects.all()] == [
        (ReceiptState.VOIDED, EndReason.NOT_THEIRS)
    ]
    offline.receive_from_bank(donation.uuid, key="match:2", amount=Money(5_000, "EUR"), at=now, bank=bank.slug)
    tasks.work_off()
    assert Receipt.objects.filter(state=ReceiptState.ISSUED).count() == 1


def test_a_bounced_cheque_voids_its_receipt(marta: User) -> None:
    donation = recorded(make_kit(), marta, Channel.CHEQUE)
    tasks.work_off()
    recording.bounce_cheque(donation, at=timezone.now(), by=marta, reason="No funds")
    tasks.work_off()
    assert Receipt.objects.get().ended_reason == EndReason.TAKEN_BACK
