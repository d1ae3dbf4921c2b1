"""Donations that staff record: the same states, counts and totals as all others; cash within the law."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from fundraising import audit, donations, offline
from fundraising.ledger import Bucket, balance
from fundraising.models import (
    Appeal,
    AppealState,
    BankAccount,
    Channel,
    Donation,
    Purpose,
    StaffAction,
)
from fundraising.money import Money
from fundraising.offline import cash, recording
from fundraising.offline.recording import NotRecordable, Recorded, record_donation
from fundraising.totals import appeal_total
from tests import factories
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db
DAY = date(2026, 7, 1)


@pytest.fixture
def kit() -> AppealKit:
    return factories.make_appeal()


@pytest.fixture
def marta() -> User:
    return User.objects.create_user("marta")


def record(kit: AppealKit, by: User, channel: Channel, minor: int = 5_000, day: date = DAY, **more: Any) -> Donation:
    draft = factories.draft(kit, amount=Money(minor, "EUR"), email=more.pop("email", None))
    donation = record_donation(draft, Recorded(channel, day, **more), uuid=uuid4(), by=by)
    donation.refresh_from_db()
    return donation


def audit_is_clean() -> bool:
    return all(check.ok for check in audit.checks())


@pytest.mark.parametrize("channel", [Channel.CHEQUE, Channel.CASH])
def test_what_is_in_our_hands_is_a_received_donation(kit: AppealKit, marta: User, channel: Channel) -> None:
    donation = record(kit, marta, channel)
    assert (donation.state, donation.channel, donation.fund) == ("received", channel, kit.appeal.fund)
    assert donation.received_at
    assert donation.received_at.date() == DAY
    assert balance(offline.hand(kit.entity.pk, channel, "EUR")) == Money(5_000, "EUR")
    assert donation.entries.get().accounted_on == DAY
    assert appeal_total(kit.appeal).donations == 1
    assert audit_is_clean()


def test_the_same_form_sent_twice_is_one_donation(kit: AppealKit, marta: User) -> None:
    uuid, draft = uuid4(), factories.draft(kit)
    both = [record_donation(draft, Recorded(Channel.CASH, DAY), uuid=uuid, by=marta) for _ in range(2)]
    assert both[0] == both[1]
    assert Donation.objects.count() == 1


def test_two_equal_cheques_of_one_donor_are_two_donations(kit: AppealKit, marta: User) -> None:
    both = [record(kit, marta, Channel.CHEQUE, email="ada@example.org", is_another=more) for more in (False, True)]
    assert both[0].donor == both[1].donor
    total = appeal_total(kit.appeal)
    assert (total.donations, total.donors) == (2, 1)
    assert audit_is_clean()


def test_one_like_it_is_recorded_only_when_somebody_says_that_there_are_two(kit: AppealKit, marta: User) -> None:
    first = record(kit, marta, Channel.CHEQUE, email="ada@example.org")
    with pytest.raises(NotRecordable, match="recorded_before") as error:
        record(kit, marta, Channel.CHEQUE, email="ada@example.org")
    assert error.value.before == first
    assert Donation.objects.get() == first
    record(kit, marta, Channel.CHEQUE, 5_001, email="ada@example.org")
    record(kit, marta, Channel.CHEQUE, day=DAY + timedelta(days=1), email="ada@example.org")
    record(kit, marta, Channel.CASH, email="ada@example.org")
    record(kit, marta, Channel.CHEQUE, email="bruno@example.org")
    assert Donation.objects.count() == 5


def test_a_gift_in_kind_is_noted_without_value_and_in_no_total(kit: AppealKit, marta: User) -> None:
    thing = record(kit, marta, Channel.IN_KIND, minor=0, in_kind="Forty blankets", email="ada@example.org")
    assert (thing.state, thing.amount_minor, thing.in_kind) == ("received", 0, "Forty blankets")
    assert not thing.entries.exists()
    assert appeal_total(kit.appeal).donations == 0
    record(kit, marta, Channel.CASH, email="ada@example.org")
    assert appeal_total(kit.appeal).donors == 1
    assert audit_is_clean()


def test_what_came_in_kind_is_sealed_in_the_database(kit: AppealKit, marta: User) -> None:
    from django.db import connection

    record(kit, marta, Channel.IN_KIND, minor=0, in_kind="Forty blankets")
    with connection.cursor() as cursor:
        cursor.execute("SELECT in_kind FROM fundraising_donation")
        assert "blankets" not in cursor.fetchone()[0]


def test_a_gift_in_kind_without_words_is_refused(kit: AppealKit, marta: User) -> None:
    with pytest.raises(NotRecordable, match="no_text"):
        record(kit, marta, Channel.IN_KIND, minor=0, in_kind=" ")


def test_a_day_to_come_is_refused(kit: AppealKit, marta: User) -> None:
    with pytest.raises(NotRecordable, match="future"):
        record(kit, marta, Channel.CASH, day=timezone.localdate() + timedelta(days=1))


@pytest.mark.parametrize(("minor", "refused"), [(499_999, False), (500_000, True)])
def test_cash_is_taken_below_what_the_law_of_the_country_allows(
    kit: AppealKit, marta: User, minor: int, refused: bool
) -> None:
    kit.entity.country = "IT"
    kit.entity.save()
    if not refused:
        assert record(kit, marta, Channel.CASH, minor).state == "received"
        return
    with pytest.raises(NotRecordable, match="too_much_cash") as error:
        record(kit, marta, Channel.CASH, minor)
    assert error.value.limit == cash.REFUSED_FROM["IT"]
    assert record(kit, marta, Channel.CHEQUE, minor).state == "received"


def test_cash_for_a_closed_appeal_goes_to_its_second_purpose(kit: AppealKit, marta: User) -> None:
    Appeal.objects.filter(pk=kit.appeal.pk).update(state=AppealState.CLOSED)
    assert record(kit, marta, Channel.CASH).fund == kit.appeal.late_fund


def test_the_trail_has_the_channel_and_no_name(kit: AppealKit, marta: User) -> None:
    donation = record(kit, marta, Channel.CHEQUE, cheque="0012345")
    line = StaffAction.objects.get()
    assert (line.about, line.after["channel"], line.after["cheque"]) == (
        f"donation:{donation.uuid}", "cheque", "0012345",
    )  # fmt: skip
    assert "Rossi" not in str(line.after)


def test_a_bounced_cheque_takes_the_donation_back(kit: AppealKit, marta: User) -> None:
    donation = record(kit, marta, Channel.CHEQUE)
    recording.bounce_cheque(donation, at=timezone.now(), by=marta, reason="No funds")
    donation.refresh_from_db()
    assert donation.state == "chargeback"
    assert balance(offline.hand(kit.entity.pk, Channel.CHEQUE, "EUR")) == Money(0, "EUR")
    assert audit_is_clean()
    with pytest.raises(NotRecordable):
        recording.bounce_cheque(donation, at=timezone.now(), by=marta, reason="No funds")


def test_cash_taken_to_the_bank_is_in_the_bank_and_no_more_in_hand(kit: AppealKit, marta: User) -> None:
    record(kit, marta, Channel.CASH)
    bank = BankAccount.objects.create(entity=kit.entity, slug="b", name="B", iban="X1", currency="EUR")
    offline.deposit(
        kit.entity.pk,
        key="match:1",
        amount=Money(5_000, "EUR"),
        at=timezone.now(),
        bank=bank.slug,
        channel=Channel.CASH,
    )
    assert balance(offline.hand(kit.entity.pk, Channel.CASH, "EUR")) == Money(0, "EUR")


def test_a_cheque_can_be_refunded_from_the_bank(kit: AppealKit, marta: User) -> None:
    donation = record(kit, marta, Channel.CHEQUE)
    offline.refund_from_bank(donation.uuid, key="match:1", amount=Money(2_000, "EUR"), at=timezone.now(), bank="b")
    assert donations.net_received(donation) == Money(3_000, "EUR")
    assert balance(Bucket(kit.entity.pk, Purpose.SUSPENSE, "EUR", provider="b")) == Money(-2_000, "EUR")
    assert audit_is_clean()
