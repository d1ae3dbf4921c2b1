"""Facts that meet: refunds before charges, second charges, late money, debits under way, what is none of ours."""

from __future__ import annotations

import json

import pytest

from fundraising.donations import net_received
from fundraising.ledger import Bucket, balance
from fundraising.models import AppealState, Donation, DonationState, Entry, Purpose
from fundraising.totals import appeal_total
from payments import facts
from payments.models import EventState, InboxEvent, Payment, PaymentState
from tests.payments.desk import Desk, assert_books_agree, booked, event_of, handle_all, state_of, unhandled

pytestmark = pytest.mark.django_db


def suspense(desk: Desk, currency: str = "EUR") -> int:
    return balance(Bucket(desk.kit.entity.pk, Purpose.SUSPENSE, currency)).minor


def test_a_refund_that_comes_before_its_charge_waits_and_applies_at_once_when_the_charge_comes(desk: Desk) -> None:
    payment = desk.donate()
    desk.refund(payment, 2_000)
    desk.deliver(desk.events("refund.created"))
    row = InboxEvent.objects.get(type="refund.created")
    assert (row.state, row.waits_for) == (EventState.PARKED, facts.charge_key(desk.charge_of(payment).id))
    assert booked(desk, "refund:") == {}
    desk.deliver(desk.events("charge.succeeded"))
    assert booked(desk, "refund:") == {"EUR": -2_000}
    assert_books_agree(desk)


def test_a_charge_known_only_by_its_refund_event_is_booked_and_frees_the_refunds_that_wait_for_it(desk: Desk) -> None:
    payment = desk.donate()
    desk.refund(payment)
    desk.deliver(desk.events("refund.created", "charge.refunded"))
    assert state_of(payment.donation) == DonationState.REFUNDED
    assert unhandled() == []
    assert_books_agree(desk)


def test_a_refund_told_by_its_charge_alone_is_waited_for(desk: Desk) -> None:
    payment = desk.donate()
    desk.deliver(desk.events("charge.succeeded"))
    desk.refund(payment)
    desk.deliver(desk.events("charge.refunded"))
    assert "refunds of" in InboxEvent.objects.get(type="charge.refunded").waits_for
    desk.deliver(desk.events("refund.created"))
    assert unhandled() == []


def test_a_refund_made_anew_and_booked_before_the_first_one_failed_leaves_the_donation_refunded(desk: Desk) -> None:
    payment = desk.donate()
    failed = desk.refund(payment)
    desk.deliver(desk.events())
    desk.control(f"refunds/{failed.id}/fail")
    desk.refund(payment)
    desk.deliver([event for event in desk.events("refund.created") if event["data"]["object"]["id"] != failed.id])
    desk.deliver(desk.events())
    assert state_of(payment.donation) == DonationState.REFUNDED
    assert_books_agree(desk)


def test_a_second_charge_on_one_donation_goes_to_suspense_and_leaves_the_payment_to_the_first(desk: Desk) -> None:
    payment = desk.donate()
    desk.deliver(desk.events())
    first = desk.charge_of(payment).to_dict(for_json=True)
    second = {**first, "id": "ch_second", "payment_intent": "pi_second"}
    for charge in (second, first, second):
        assert desk.tell("charge.succeeded", charge).state == EventState.HANDLED
    payment.refresh_from_db()
    assert (payment.charge_id, payment.payment_intent_id) == (first["id"], first["payment_intent"])
    assert net_received(payment.donation).minor == 5_000
    assert suspense(desk) == -5_000
    refund = {"id": "re_second", "object": "refund", "charge": "ch_second", "amount": 5_000, "currency": "eur",
              "created": first["created"], "status": "succeeded"}  # fmt: skip
    desk.tell("refund.created", refund)
    assert suspense(desk) == 0
    assert state_of(payment.donation) == DonationState.RECEIVED


def test_two_attempts_paid_on_one_donation_are_one_donation_and_one_suspense(desk: Desk) -> None:
    first = desk.checkout()
    Payment.objects.filter(pk=first.pk).update(state=PaymentState.EXPIRED)
    second = desk.checkout(first.donation)
    desk.pay(first)
    desk.pay(second)
    desk.deliver(desk.events())
    assert net_received(first.donation).minor == 5_000
    assert suspense(desk) == -5_000
    assert_books_agree(desk)


def test_null_provider_ids_match_nothing(desk: Desk) -> None:
    stale = [desk.checkout() for _ in range(2)]
    charge = {"object": "charge", "status": "succeeded", "captured": True, "amount_captured": 700, "currency": "eur",
              "created": 1_780_000_000}  # fmt: skip
    for intent, metadata in ((None, {}), ("", {"payment": ""}), (None, None), (None, {"payment": "order-7"})):
        thing = {**charge, "id": f"ch_{Entry.objects.count()}", "payment_intent": intent, "metadata": metadata}
        assert desk.tell("charge.succeeded", thing).state == EventState.HANDLED
    failed = {"id": None, "object": "payment_intent", "metadata": {}, "last_payment_error": {"code": "x"}}
    desk.tell("payment_intent.payment_failed", failed)
    assert suspense(desk) == -2_800
    for payment in stale:
        payment.refresh_from_db()
        assert (payment.state, payment.error_code, payment.payment_intent_id) == (PaymentState.OPEN, "", None)


def test_money_that_comes_after_the_appeal_has_closed_goes_to_the_secondary_purpose(desk: Desk) -> None:
    payment, late = desk.donate(3_000), desk.checkout()
    desk.deliver(desk.events())
    desk.kit.appeal.state = AppealState.CLOSED
    desk.kit.appeal.save()
    desk.pay(late)
    desk.deliver(desk.events())
    assert state_of(late.donation) == DonationState.RECEIVED
    assert late.donation.fund == desk.kit.appeal.late_fund
    total = appeal_total(desk.kit.appeal)
    assert (total.raised.minor, total.donations) == (3_000, 1)
    desk.refund(late)
    desk.refund(payment)
    desk.deliver(desk.events())
    total = appeal_total(desk.kit.appeal)
    assert (total.raised.minor, total.donations, total.donors) == (0, 0, 0)
    assert_books_agree(desk)


def test_a_debit_is_pending_apart_until_the_bank_has_sent_it(desk: Desk) -> None:
    payment = desk.donate(case="sepa_succeeds")
    desk.deliver(desk.events())
    assert state_of(payment.donation) == DonationState.PENDING
    total = appeal_total(desk.kit.appeal)
    assert (total.raised.minor, total.pending.minor, total.donations) == (0, 5_000, 0)
    desk.advance(60)
    desk.deliver(desk.events())
    total = appeal_total(desk.kit.appeal)
    assert (total.raised.minor, total.pending.minor, total.donations) == (5_000, 0, 1)
    assert_books_agree(desk)


def test_after_a_debit_failed_the_same_donation_can_be_paid_by_card(desk: Desk) -> None:
    payment = desk.donate(case="sepa_fails")
    desk.deliver(desk.events())
    desk.advance(60)
    desk.deliver(desk.events())
    assert state_of(payment.donation) == DonationState.OPENED
    again = desk.checkout(payment.donation)
    desk.pay(again)
    desk.deliver(desk.events())
    assert state_of(payment.donation) == DonationState.RECEIVED
    assert appeal_total(desk.kit.appeal).pending.minor == 0
    assert_books_agree(desk)


def test_a_debit_announced_after_our_own_look_up_saw_the_checkout_complete_is_still_pending(desk: Desk) -> None:
    payment = desk.donate(case="sepa_succeeds")
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.COMPLETED)
    desk.deliver(desk.events())
    assert state_of(payment.donation) == DonationState.PENDING


def test_a_failed_debit_steps_aside_for_a_donation_opened_anew_by_the_same_form(desk: Desk) -> None:
    payment = desk.checkout(desk.donation(email="ada@example.org"))
    desk.pay(payment, "sepa_fails")
    desk.deliver(desk.events())
    anew = desk.donation(email="ada@example.org")
    assert anew != payment.donation
    desk.advance(60)
    desk.deliver(desk.events())
    assert (state_of(payment.donation), state_of(anew)) == (DonationState.OPENED, DonationState.OPENED)
    assert desk.donation(email="ada@example.org") == anew
    assert Donation.objects.count() == 2


def test_a_decline_is_noted_on_the_attempt_and_the_checkout_stays_open(desk: Desk) -> None:
    payment = desk.donate(case="insufficient_funds")
    desk.deliver(desk.events())
    payment.refresh_from_db()
    assert (payment.state, payment.error_code) == (PaymentState.OPEN, "insufficient_funds")
    desk.pay(payment)
    desk.deliver(desk.events())
    assert state_of(payment.donation) == DonationState.RECEIVED


def test_a_parked_event_that_is_freed_gets_all_its_attempts_anew(desk: Desk) -> None:
    payment = desk.donate()
    desk.refund(payment)
    desk.deliver(desk.events("refund.created"))
    InboxEvent.objects.update(attempts=40)
    charge = desk.events("charge.succeeded")[0]
    assert desk.post(json.dumps(event_of("charge.succeeded", charge["data"]["object"])).encode()) == 200
    handle_all()
    assert InboxEvent.objects.get(type="refund.created").attempts == 1
