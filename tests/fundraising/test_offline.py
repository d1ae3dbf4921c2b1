"""Donations past the provider: bank transfers, cheques, cash, gifts in kind; the same books, counts and states."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from fundraising import audit, donations, ledger, offline
from fundraising.ledger import Bucket, balance
from fundraising.models import (
    Appeal,
    AppealState,
    BankAccount,
    Channel,
    Donation,
    DonationState,
    Purpose,
    StaffAction,
)
from fundraising.money import Money
from fundraising.offline import references
from tests import factories
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db

NOON = datetime.fromisoformat("2026-07-01T12:00:00+00:00")
IBAN = "DE89370400440532013000"


@pytest.fixture
def kit() -> AppealKit:
    return factories.make_appeal()


@pytest.fixture
def bank(kit: AppealKit) -> BankAccount:
    return BankAccount.objects.create(
        entity=kit.entity, slug="main-bank", name="Lantern Bank", iban=IBAN, currency="EUR", takes_donations=True
    )


def transfer(kit: AppealKit, minor: int = 5_000, email: str | None = None) -> Donation:
    """A donation opened by a donor who will send a bank transfer."""
    return offline.open_transfer(factories.draft(kit, amount=Money(minor, "EUR"), email=email))


def matched(donation: Donation, bank: BankAccount, minor: int = 5_000, key: str = "match:1") -> str:
    """A bank line as the importer books it, matched with the donation."""
    line = {
        Bucket(donation.entity_id, Purpose.BANK, "EUR", provider=bank.slug): minor,
        offline.bank_suspense(donation.entity_id, bank.slug, "EUR"): -minor,
    }
    ledger.post(key=f"bank:{key}", legs=line, occurred_at=NOON)
    offline.receive_from_bank(donation.uuid, key=key, amount=Money(minor, "EUR"), at=NOON, bank=bank.slug)
    donation.refresh_from_db()
    return key


def audit_is_clean() -> bool:
    return all(check.ok for check in audit.checks())


def test_a_donor_by_bank_transfer_gets_a_reference_that_banks_can_check(kit: AppealKit, bank: BankAccount) -> None:
    donation = transfer(kit)
    assert (donation.state, donation.channel) == (DonationState.OPENED, Channel.BANK)
    assert donation.transfer_reference
    assert len(donation.transfer_reference) == 12
    assert references.references_in(donation.transfer_reference) == [donation.transfer_reference]


def test_the_same_form_sent_twice_is_one_transfer_with_one_reference(kit: AppealKit, bank: BankAccount) -> None:
    first, second = (transfer(kit, email="ada@example.org") for _ in range(2))
    assert (first.pk, first.transfer_reference) == (second.pk, second.transfer_reference)


def test_without_an_account_in_the_currency_no_transfer_is_opened(kit: AppealKit) -> None:
    with pytest.raises(offline.NoAccount):
        transfer(kit)
    assert not Donation.objects.exists()


@pytest.mark.parametrize(
    "written",
    ["{0}", "rf {1}", "DONATION {0}. THANKS", "{2}\n{3}", "x{0}2026", "{4}"],
)
def test_a_reference_is_found_however_a_bank_prints_it(written: str) -> None:
    reference = references.new_reference()
    while not {"0", "1"} <= set(reference[4:]):
        reference = references.new_reference()
    groups = references.in_groups(reference)
    mistaken = reference[:4] + reference[4:].replace("0", "O").replace("1", "I")
    text = written.format(reference, groups[2:].lower(), reference[:7], reference[7:], mistaken)
    assert references.references_in(text) == [reference]


def test_no_reference_is_given_in_which_another_seems_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Spende RF97-RF54 54DD danke` would hold `RF5454DDDANK` too, whose check digits happen to agree."""
    letters = iter("RF5454DD" + "K3RF7W2X" + "K3N7QW2X")
    monkeypatch.setattr("secrets.choice", lambda _alphabet: next(letters))
    assert references.new_reference().endswith("K3N7QW2X")


def test_a_mistyped_reference_is_nobodys() -> None:
    """MOD 97-10 finds every digit taken for another and every letter for another; a letter for a digit, 96 of 97."""
    reference = references.new_reference()
    while not (reference[6].isdigit() and reference[7].isalpha()):
        reference = references.new_reference()
    for place, alphabet in ((6, "0123456789"), (7, "ABCDEFGHJKMNPQRSTVWXYZ")):
        for wrong in alphabet.replace(reference[place], ""):
            assert references.references_in(reference[:place] + wrong + reference[place + 1 :]) == []


def test_a_matched_bank_line_is_a_received_donation_like_any_other(kit: AppealKit, bank: BankAccount) -> None:
    donation = transfer(kit)
    matched(donation, bank)
    assert (donation.state, donation.received_at, donation.fund) == ("received", NOON, kit.appeal.fund)
    assert balance(Bucket(kit.entity.pk, Purpose.BANK, "EUR", provider=bank.slug)) == Money(5_000, "EUR")
    assert balance(offline.bank_suspense(kit.entity.pk, bank.slug, "EUR")) == Money(0, "EUR")
    assert donations.net_received(donation) == Money(5_000, "EUR")
    assert donation.entries.get().tally.donations == 1
    assert audit_is_clean()


def test_a_bank_line_is_booked_once(kit: AppealKit, bank: BankAccount) -> None:
    donation = transfer(kit)
    matched(donation, bank)
    again = offline.receive_from_bank(donation.uuid, key="match:1", amount=donation.amount, at=NOON, bank=bank.slug)
    assert not again.is_new
    assert donation.entries.count() == 1


def test_a_second_transfer_with_the_same_reference_is_refused(kit: AppealKit, bank: BankAccount) -> None:
    donation = transfer(kit)
    matched(donation, bank)
    with pytest.raises(offline.AlreadyReceived):
        matched(donation, bank, key="match:2")


def test_another_amount_counts_as_it_came_and_the_trail_keeps_what_was_announced(
    kit: AppealKit, bank: BankAccount
) -> None:
    donation = transfer(kit)
    matched(donation, bank, minor=4_850)
    assert (donation.amount_minor, donation.announced_minor) == (4_850, 5_000)
    line = StaffAction.objects.get(about=f"donation:{donation.uuid}")
    assert (line.before["amount_minor"], line.after["amount_minor"]) == (5_000, 4_850)
    assert audit_is_clean()


def test_an_undone_match_opens_the_donation_again_as_it_was_announced(kit: AppealKit, bank: BankAccount) -> None:
    donation = transfer(kit)
    key = matched(donation, bank, minor=4_850)
    offline.undo_receipt_from_bank(key, at=NOON + timedelta(days=1))
    assert not offline.undo_receipt_from_bank(key, at=NOON + timedelta(days=1)).is_new
    donation.refresh_from_db()
    assert (donation.state, donation.amount_minor, donation.received_at, donation.fund) == ("opened", 5_000, None, None)
    assert balance(offline.bank_suspense(kit.entity.pk, bank.slug, "EUR")) == Money(-4_850, "EUR")
    matched(donation, bank, key="match:2")
    assert donation.state == "received"
    assert audit_is_clean()


def test_a_match_with_a_refund_on_it_is_not_undone(kit: AppealKit, bank: BankAccount) -> None:
    donation = transfer(kit)
    key = matched(donation, bank)
    offline.refund_from_bank(donation.uuid, key="match:9", amount=Money(1_000, "EUR"), at=NOON, bank=bank.slug)
    with pytest.raises(offline.MoreIsBooked):
        offline.undo_receipt_from_bank(key, at=NOON)


def test_money_sent_back_by_the_bank_refunds_the_donation(kit: AppealKit, bank: BankAccount) -> None:
    donation = transfer(kit)
    matched(donation, bank)
    with pytest.raises(offline.TooMuch):
        offline.refund_from_bank(donation.uuid, key="match:8", amount=Money(5_001, "EUR"), at=NOON, bank=bank.slug)
    offline.refund_from_bank(donation.uuid, key="match:9", amount=Money(5_000, "EUR"), at=NOON, bank=bank.slug)
    donation.refresh_from_db()
    assert donation.state == "refunded"
    assert balance(offline.bank_suspense(kit.entity.pk, bank.slug, "EUR")) == Money(-5_000, "EUR")
    offline.undo_refund_from_bank("match:9", at=NOON)
    donation.refresh_from_db()
    assert donation.state == "received"
    assert audit_is_clean()


def test_late_money_by_bank_goes_to_the_second_purpose(kit: AppealKit, bank: BankAccount) -> None:
    donation = transfer(kit)
    Appeal.objects.filter(pk=kit.appeal.pk).update(state=AppealState.CLOSED)
    matched(donation, bank)
    assert donation.fund == kit.appeal.late_fund
    assert audit_is_clean()


def test_a_transfer_that_was_paid_online_after_all_is_an_online_donation(kit: AppealKit, bank: BankAccount) -> None:
    donation = transfer(kit)
    factories.receive(donation, at=timezone.now())
    assert donation.channel == Channel.ONLINE
    with pytest.raises(offline.AlreadyReceived):
        matched(donation, bank)


def test_unpaid_transfers_are_awaited_however_old(kit: AppealKit, bank: BankAccount) -> None:
    donation, paid = transfer(kit), transfer(kit)
    factories.open_donation(kit)
    Donation.objects.filter(pk=donation.pk).update(opened_at=NOON - timedelta(days=900))
    matched(paid, bank)
    assert list(offline.awaited(kit.entity)) == [donation]


def test_deposited_cash_leaves_our_hands(kit: AppealKit, bank: BankAccount) -> None:
    offline.deposit(
        kit.entity.pk, key="match:1", amount=Money(700, "EUR"), at=NOON, bank=bank.slug, channel=Channel.CASH
    )
    assert balance(offline.hand(kit.entity.pk, Channel.CASH, "EUR")) == Money(-700, "EUR")
    assert balance(offline.bank_suspense(kit.entity.pk, bank.slug, "EUR")) == Money(700, "EUR")
