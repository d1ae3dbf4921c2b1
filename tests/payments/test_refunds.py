"""Refunds that we want: from the desk and on early fraud warnings. Asked for once, whatever fingers and networks do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from fundraising import donations
from fundraising.models import DonationState, StaffAction
from fundraising.money import Money
from payments import refunds
from payments.models import FraudRefundLimit, FraudWarning, Payment, RefundReason, RefundRequest, RefundState
from payments.tasks import carry_out_refunds
from tests.payments.desk import Desk, assert_books_agree, differences, state_of
from tests.payments.test_disputes import deliver_all
from tests.payments.test_facts_in_any_order import at_once
from tests.staff import everywhere as signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def received(desk: Desk, minor: int = 5_000) -> Payment:
    payment = desk.donate(minor)
    deliver_all(desk)
    return payment


def want(payment: Payment, minor: int = 5_000, uuid: UUID | None = None) -> RefundRequest:
    return refunds.request_refund(
        payment.donation,
        uuid=uuid or uuid4(),
        amount=Money(minor, "EUR"),
        reason=RefundReason.REQUESTED,
        by="finance",
    )


def made_at_stripe(desk: Desk) -> list[int]:
    return [refund.amount for refund in desk.stripe.v1.refunds.list({"limit": 100}).auto_paging_iter()]


def due_now() -> None:
    """The time until the next attempt has passed."""
    RefundRequest.objects.update(next_attempt_at=timezone.now())


def address(payment: Payment) -> str:
    return reverse("admin:fundraising_donation_refund", args=[payment.donation_id])


def send(client: Client, payment: Payment, amount: str, uuid: UUID | None = None) -> Any:
    given = {"uuid": str(uuid or uuid4()), "amount": amount, "reason": "requested_by_customer"}
    return client.post(address(payment), given, follow=True)


def test_finance_refunds_a_donation_from_its_page_and_the_books_follow(desk: Desk) -> None:
    payment, client = received(desk), signed_in("finance")
    page = client.get(reverse("admin:fundraising_donation_change", args=[payment.donation_id]))
    assert address(payment) in page.content.decode()
    assert "€50" in client.get(address(payment)).content.decode()
    answer = send(client, payment, "50")
    assert "goes back to the donor" in answer.content.decode()
    assert state_of(payment.donation) == DonationState.REFUNDED
    row = RefundRequest.objects.get()
    assert (row.state, row.asked_by) == (RefundState.MADE, "finance")
    line = StaffAction.objects.get(verb="refund_wanted")  # read by others, in their languages: a code, no sentence
    assert (line.after["reason"], line.reason) == ("requested_by_customer", "")
    refund = desk.stripe.v1.refunds.retrieve(row.refund_id or "").to_dict(for_json=True)
    assert (refund["reason"], refund["metadata"]) == ("requested_by_customer", {"refund_request": str(row.uuid)})
    deliver_all(desk)
    assert_books_agree(desk)


def test_the_same_form_sent_twice_is_one_refund_even_of_a_part(desk: Desk) -> None:
    payment, client, uuid = received(desk), signed_in("finance"), uuid4()
    for _ in range(2):
        send(client, payment, "12.50", uuid)
    assert made_at_stripe(desk) == [1_250]
    assert donations.net_received(payment.donation).minor == 3_750


def test_the_same_form_sent_four_times_at_once_is_one_refund(desk: Desk) -> None:
    payment, uuid = received(desk), uuid4()

    def click(_: int) -> None:
        refunds.carry_out(want(payment, 2_000, uuid).pk)

    assert at_once(4, click) == []
    assert made_at_stripe(desk) == [2_000]
    assert donations.net_received(payment.donation).minor == 3_000


def test_more_than_is_left_is_refused_with_what_is_left_and_stripe_is_not_asked(desk: Desk) -> None:
    payment, client = received(desk), signed_in("finance")
    send(client, payment, "20")
    page = send(client, payment, "30.01").content.decode()
    assert "That is more than is left of this donation: €30." in page
    assert made_at_stripe(desk) == [2_000]


@pytest.mark.parametrize("amount", ["", "0", "-5", "abc", "1.234"])
def test_what_is_no_amount_is_said_so_on_the_form(desk: Desk, amount: str) -> None:
    payment, client = received(desk), signed_in("finance")
    answer = send(client, payment, amount)
    assert answer.context["form"].errors["amount"]
    assert RefundRequest.objects.count() == 0


def test_a_refund_that_stripe_made_before_we_heard_of_it_is_refused_by_stripe_in_words_a_person_reads(
    desk: Desk,
) -> None:
    payment, client = received(desk), signed_in("finance")
    desk.refund(payment)  # in the dashboard, webhook still to come
    page = send(client, payment, "50").content.decode()
    assert "Stripe says that this donation was refunded already." in page
    assert RefundRequest.objects.get().state == RefundState.REFUSED
    assert made_at_stripe(desk) == [5_000]


def test_more_than_stripe_has_left_is_refused_by_stripe_and_said_so(desk: Desk) -> None:
    payment, client = received(desk), signed_in("finance")
    desk.refund(payment, 1_000)  # in the dashboard, webhook still to come
    page = send(client, payment, "50").content.decode()
    assert "less may be left of the charge than our books know" in page
    assert made_at_stripe(desk) == [1_000]
    deliver_all(desk)
    assert_books_agree(desk)


def test_a_disputed_donation_is_not_refunded(desk: Desk) -> None:
    payment, client = received(desk), signed_in("finance")
    desk.refund(payment, 1_000)
    dispute = desk.dispute(payment)
    assert dispute["amount"] == 4_000
    deliver_all(desk)
    page = send(client, payment, "10").content.decode()
    assert "The bank withholds this donation while it decides." in page
    assert made_at_stripe(desk) == [1_000]


def test_a_dispute_of_which_we_have_not_heard_is_refused_by_stripe(desk: Desk) -> None:
    payment, client = received(desk), signed_in("finance")
    desk.dispute(payment)
    page = send(client, payment, "10").content.decode()
    assert "The bank has taken this donation back." in page
    assert made_at_stripe(desk) == []


def test_of_a_donation_charged_twice_the_charge_in_its_books_is_refunded(desk: Desk) -> None:
    donation = desk.donation()
    Payment.objects.create(donation=donation, account=desk.account, state="failed", charge_id="ch_in_suspense")
    payment = desk.checkout(donation)
    desk.pay(payment)
    deliver_all(desk)
    assert refunds.carry_out(want(payment).pk) == RefundState.MADE
    assert state_of(donation) == DonationState.REFUNDED


def test_a_donation_that_was_never_charged_cannot_be_refunded(desk: Desk) -> None:
    payment, client = desk.checkout(), signed_in("finance")
    assert "not paid through Stripe" in send(client, payment, "10").content.decode()


@pytest.mark.parametrize("role", ["campaigner", ""])
def test_only_finance_may_refund(desk: Desk, role: str) -> None:
    payment = received(desk)
    client = signed_in(role) if role else Client()
    assert client.get(address(payment)).status_code in {302, 403}
    given = {"uuid": str(uuid4()), "amount": "10", "reason": "duplicate"}
    assert client.post(address(payment), given).status_code in {302, 403}
    assert RefundRequest.objects.count() == 0
    assert made_at_stripe(desk) == []


@pytest.mark.parametrize("fault", ["api_dropped", "api_500_stored"])
def test_a_refund_whose_answer_was_lost_is_looked_up_and_not_made_again(desk: Desk, fault: str) -> None:
    payment = received(desk)
    desk.faults({"kind": fault, "probability": 1, "match": "POST /v1/refunds*"})
    wanted = want(payment)
    assert refunds.carry_out(wanted.pk) == RefundState.ASKED
    desk.faults()
    assert refunds.carry_out_due() == 0  # not before its time
    due_now()
    assert refunds.carry_out_due() == 1
    assert made_at_stripe(desk) == [5_000]
    assert state_of(payment.donation) == DonationState.REFUNDED


@pytest.mark.parametrize("fault", ["api_500_stored", "api_500_stored_undone"])
def test_a_failure_that_stripe_repeats_for_a_day_holds_a_refund_up_for_seconds_and_makes_one(
    desk: Desk, fault: str
) -> None:
    payment = received(desk)
    desk.faults({"kind": fault, "match": "POST /v1/refunds", "count": 1})
    wanted = want(payment, 2_000)
    assert refunds.carry_out(wanted.pk) == RefundState.ASKED
    due_now()
    assert refunds.carry_out_due() == 1
    assert refunds.carry_out_due() == 0
    wanted.refresh_from_db()
    assert made_at_stripe(desk) == [2_000]
    assert differences() == []
    refund = desk.stripe.v1.refunds.retrieve(wanted.refund_id or "").to_dict(for_json=True)
    assert refund["metadata"] == {"refund_request": str(wanted.uuid)}


def test_a_second_failure_that_is_repeated_spends_the_second_key_of_a_refund(desk: Desk) -> None:
    payment = received(desk)
    desk.faults({"kind": "api_500_stored_undone", "match": "POST /v1/refunds", "count": 2})
    wanted = want(payment, 2_000)
    keys = set()
    for state in (RefundState.ASKED, RefundState.ASKED, RefundState.MADE):
        due_now()
        assert refunds.carry_out(wanted.pk) == state
        wanted.refresh_from_db()
        keys.add(wanted.key)
    assert (len(keys), made_at_stripe(desk)) == (3, [2_000])


def test_a_refund_is_not_made_under_a_fresh_key_without_a_look_for_what_the_spent_one_made(desk: Desk) -> None:
    payment = received(desk)
    desk.faults({"kind": "api_500_stored", "match": "POST /v1/refunds", "count": 1})
    wanted = want(payment, 2_000)
    refunds.carry_out(wanted.pk)
    for lost in (1, 2):  # Stripe's list cannot be read, again and again
        desk.faults({"kind": "api_503", "probability": 1, "match": "GET /v1/refunds*"})
        due_now()
        assert refunds.carry_out(wanted.pk) == RefundState.ASKED, lost
    desk.faults()
    due_now()
    assert refunds.carry_out(wanted.pk) == RefundState.MADE
    assert made_at_stripe(desk) == [2_000]


def test_a_worker_that_wakes_late_refunds_nothing_under_a_spent_key(desk: Desk) -> None:
    payment = received(desk)
    wanted = want(payment, 2_000)
    asleep = refunds._claim(wanted.pk)
    assert asleep is not None
    desk.faults({"kind": "api_500_stored_undone", "match": "POST /v1/refunds", "count": 1})
    for state in (RefundState.ASKED, RefundState.MADE):
        due_now()
        assert refunds.carry_out(wanted.pk) == state
    refunds._ask(asleep)
    wanted.refresh_from_db()
    assert (wanted.state, made_at_stripe(desk)) == (RefundState.MADE, [2_000])


def test_a_refund_that_stripe_had_no_time_for_is_asked_for_again(desk: Desk) -> None:
    payment = received(desk)
    desk.faults({"kind": "api_429", "probability": 1, "match": "POST /v1/refunds*"})
    wanted = want(payment)
    assert refunds.carry_out(wanted.pk) == RefundState.WANTED
    with pytest.raises(refunds.NotRefundable, match="under_way"):
        want(payment, 10)
    desk.faults()
    due_now()
    assert refunds.carry_out_due() == 1
    assert made_at_stripe(desk) == [5_000]


def test_a_worker_killed_before_the_answer_leaves_a_refund_that_is_looked_up(desk: Desk) -> None:
    payment = received(desk)
    wanted = want(payment)
    refunds._claim(wanted.pk)
    desk.refund(payment)  # what the dead worker's call did, but under no key of ours
    due_now()
    refunds.carry_out_due()
    wanted.refresh_from_db()
    assert (wanted.state, wanted.error_code) == (RefundState.REFUSED, "charge_already_refunded")
    assert made_at_stripe(desk) == [5_000]


def test_a_refund_unanswered_for_long_is_shown_by_the_audit(desk: Desk) -> None:
    payment = received(desk)
    wanted = want(payment)
    assert differences() == []
    RefundRequest.objects.filter(pk=wanted.pk).update(created_at=timezone.now() - timedelta(minutes=11))
    assert [text.split(":")[0] for text in differences()] == ["refunds without an answer for ten minutes"]


def warned(desk: Desk, payment: Payment) -> FraudWarning:
    desk.control(f"charges/{desk.charge_of(payment).id}/warn")
    deliver_all(desk)
    return FraudWarning.objects.get()


def limit(desk: Desk, minor: int = 5_000, currency: str = "EUR") -> None:
    FraudRefundLimit.objects.create(account=desk.account, currency=currency, amount_minor=minor)


def test_a_fraud_warning_refunds_nothing_unless_the_account_says_so(desk: Desk) -> None:
    payment = received(desk)
    warning = warned(desk, payment)
    carry_out_refunds()
    warning.refresh_from_db()
    assert warning.decided_at is not None
    assert made_at_stripe(desk) == []
    assert state_of(payment.donation) == DonationState.RECEIVED


def test_a_warned_charge_within_the_limit_is_refunded_once(desk: Desk) -> None:
    limit(desk)
    payment = received(desk)
    warned(desk, payment)
    errors = at_once(3, lambda _: carry_out_refunds())
    assert errors == []
    due_now()
    carry_out_refunds()
    assert made_at_stripe(desk) == [5_000]
    row = RefundRequest.objects.get()
    assert (row.state, row.reason, row.asked_by) == (RefundState.MADE, RefundReason.FRAUDULENT, "")
    assert state_of(payment.donation) == DonationState.REFUNDED


@pytest.mark.parametrize(("minor", "currency"), [(4_999, "EUR"), (100_000, "USD")])
def test_a_warned_charge_above_the_limit_or_in_another_currency_is_left_to_staff(
    desk: Desk, minor: int, currency: str
) -> None:
    limit(desk, minor, currency)
    warned(desk, received(desk))
    carry_out_refunds()
    assert made_at_stripe(desk) == []


def test_a_warned_charge_that_is_disputed_or_was_refunded_is_not_refunded(desk: Desk) -> None:
    limit(desk)
    disputed, refunded = received(desk), received(desk)
    desk.dispute(disputed, status="warning_needs_response")
    desk.refund(refunded, 1_000)
    for payment in (disputed, refunded):
        desk.control(f"charges/{desk.charge_of(payment).id}/warn")
    deliver_all(desk)
    carry_out_refunds()
    assert FraudWarning.objects.filter(decided_at=None).count() == 0
    assert made_at_stripe(desk) == [1_000]


def test_a_warning_that_comes_before_its_charge_waits_for_it(desk: Desk) -> None:
    limit(desk)
    payment = desk.donate()
    desk.control(f"charges/{desk.charge_of(payment).id}/warn")
    desk.deliver(desk.events("radar.early_fraud_warning.created"))
    carry_out_refunds()
    assert FraudWarning.objects.get().decided_at is None
    deliver_all(desk)
    carry_out_refunds()
    assert made_at_stripe(desk) == [5_000]
