"""Bank transfers: offered where the account takes them, pending until the money is here, counted once it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import stripe
from django.utils import timezone

from fundraising import donations
from fundraising.drafts import Regularly
from fundraising.models import BankAccount, Donation, DonationState, FeeCover, Interval, NoticeKind
from fundraising.money import Money
from payments import checkout, refunds
from payments.models import EventState, InboxEvent, Payment, PaymentState, RefundReason, RefundState, Surface
from payments.sweeps import missing, sync
from tests.payments.desk import Desk, assert_books_agree, state_of, unhandled
from tests.payments.test_facts_in_any_order import at_once

pytestmark = pytest.mark.django_db(transaction=True)
CUSTOMERS = "POST /v1/customers"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait between the SDK's own attempts, nor for Stripe's lists."""
    monkeypatch.setattr(checkout, "LIST_IS_LATE", timedelta(0))
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.02)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.02)


@pytest.fixture
def ours(desk: Desk) -> Desk:
    """A desk whose account takes bank transfers."""
    desk.account.bank_transfers = True
    desk.account.save()
    return desk


def begin(desk: Desk, donation: Donation | None = None) -> Payment:
    """A donor on Stripe's page."""
    donation = donation or desk.donation()
    checkout.checkout_url(donation)
    return Payment.objects.get(donation=donation)


def announce(desk: Desk) -> Payment:
    """A donor who chose to send the money by bank."""
    payment = begin(desk)
    desk.pay(payment, "bank_transfer")
    desk.deliver(desk.events())
    payment.refresh_from_db()
    return payment


def fund(desk: Desk, payment: Payment, **given: Any) -> None:
    desk.control(f"intents/{payment.payment_intent_id}/fund", **given)
    desk.deliver(desk.events())


def session_of(desk: Desk, payment: Payment) -> Any:
    return desk.stripe.v1.checkout.sessions.retrieve(payment.session_id or "")


def customers(desk: Desk) -> list[Any]:
    return desk.stripe.v1.customers.list({"limit": 100}).data


def page_of(desk: Desk, donation: Donation) -> str:
    return desk.client.get(f"/en/d/{donation.uuid}/").content.decode()


def test_the_page_at_stripe_offers_a_transfer_and_the_donation_counts_when_the_money_is_here(ours: Desk) -> None:
    payment = begin(ours)
    assert "Bank transfer" in ours.http.get(payment.url).text
    [customer] = customers(ours)
    session = session_of(ours, payment)
    assert (session.customer, session.customer_email) == (customer.id, None)
    assert (customer.email, customer.name) == (payment.donation.donor.email, None)
    assert customer.metadata.to_dict() == {"payment": str(payment.uuid)}

    answer = ours.http.post(payment.url, data={"case": "bank_transfer", "email": "ada@example.org"})
    assert answer.status_code == 303
    ours.deliver(ours.events())
    payment.refresh_from_db()
    assert state_of(payment.donation) == DonationState.PENDING
    assert payment.transfer_url in page_of(ours, payment.donation)
    assert ours.charges() == []

    ours.http.post(payment.transfer_url, data={"minor": "5000"})
    ours.deliver(ours.events())
    assert state_of(payment.donation) == DonationState.RECEIVED
    assert payment.transfer_url not in page_of(ours, payment.donation)
    assert_books_agree(ours)


def test_a_part_stays_pending_and_what_is_too_much_is_not_counted(ours: Desk) -> None:
    payment = announce(ours)
    fund(ours, payment, amount=2_000)
    assert state_of(payment.donation) == DonationState.PENDING
    assert payment.transfer_url in page_of(ours, payment.donation)
    assert "30.00" in ours.http.get(payment.transfer_url).text
    fund(ours, payment, amount=9_000)
    assert state_of(payment.donation) == DonationState.RECEIVED
    assert [charge.amount for charge in ours.charges()] == [5_000]
    assert_books_agree(ours)


@pytest.mark.parametrize("case", ["account", "currency", "mandate", "method", "surface"])
def test_nothing_is_offered_that_the_account_the_currency_or_the_donor_rules_out(ours: Desk, case: str) -> None:
    more: dict[str, Any] = {}
    if case == "account":
        type(ours.account).objects.update(bank_transfers=False)
    if case == "currency":
        more["currency"] = "CHF"
    if case == "mandate":
        more["regularly"] = Regularly(interval=Interval.MONTH)
    donation = ours.donation(**more)
    if case == "method":
        Donation.objects.filter(pk=donation.pk).update(method="card")
        donation.refresh_from_db()
    checkout.checkout_url(donation, Surface.ELEMENTS if case == "surface" else Surface.HOSTED)
    session = session_of(ours, Payment.objects.get())
    assert (session.customer, session.customer_email) == (None, donation.donor.email)
    assert customers(ours) == []


def test_whoever_wants_a_transfer_is_led_to_stripes_page_and_sees_nothing_else_there(ours: Desk) -> None:
    type(ours.account).objects.update(publishable_key=f"pk_test_{ours.account.slug}")
    FeeCover.objects.create(
        entity=ours.kit.entity, currency="EUR", method="customer_balance", basis_points=0, fixed_minor=10
    )
    donation = ours.donation()
    Donation.objects.filter(pk=donation.pk).update(method="customer_balance")
    answer = ours.client.post(f"/en/d/{donation.uuid}/pay/", {"surface": "elements"})
    payment = Payment.objects.get()
    assert (answer["Location"], payment.surface) == (payment.url, Surface.HOSTED)
    assert session_of(ours, payment).excluded_payment_method_types == ["card"]
    ours.pay(payment, "bank_transfer")


def test_stripe_offers_no_second_transfer_where_our_own_bank_account_is_shown(ours: Desk) -> None:
    donation = ours.donation()
    assert checkout.offers_transfers(ours.account, donation)
    BankAccount.objects.create(
        entity=donation.entity, slug="ours", name="Ours", iban="DE89370400440532013000", currency=donation.currency,
        takes_donations=True,
    )  # fmt: skip
    assert not checkout.offers_transfers(ours.account, donation)
    payment = begin(ours, donation)
    assert "bank transfer" not in ours.http.get(payment.url).text.lower()


def test_our_pay_step_says_that_stripes_page_takes_transfers(ours: Desk) -> None:
    type(ours.account).objects.update(publishable_key=f"pk_test_{ours.account.slug}")
    donation = ours.donation()
    step = ours.client.post(f"/en/d/{donation.uuid}/pay/", {"surface": "elements"})["Location"]
    assert "bank transfer" in ours.client.get(step).content.decode()
    assert ours.client.post(step).status_code == 303
    ours.pay(Payment.objects.latest("pk"), "bank_transfer")
    type(ours.account).objects.update(bank_transfers=False)
    other = ours.client.post(f"/en/d/{ours.donation().uuid}/pay/", {"surface": "elements"})["Location"]
    assert "bank transfer" not in ours.client.get(other).content.decode()


@pytest.mark.parametrize("kind", ["api_dropped", "api_500", "api_429", "api_500_stored"])
@pytest.mark.parametrize("match", [CUSTOMERS, "POST /v1/checkout/sessions"])
def test_whatever_fails_on_the_way_one_session_is_made_and_its_customer_is_the_attempts(
    ours: Desk, kind: str, match: str
) -> None:
    donation = ours.donation()
    ours.faults({"kind": kind, "probability": 1, "count": 2, "match": match})
    for _click in range(4):
        answer = ours.client.post(f"/en/d/{donation.uuid}/pay/")
        Payment.objects.update(asked_at=None)
        if answer.status_code == 303:
            break
    payment = Payment.objects.get()
    assert (payment.state, answer["Location"], ours.sessions()) == (PaymentState.OPEN, payment.url, 1)
    assert session_of(ours, payment).customer in {customer.id for customer in customers(ours)}
    assert {customer.metadata["payment"] for customer in customers(ours)} == {str(payment.uuid)}
    assert len(customers(ours)) == 1 or kind == "api_500_stored"  # a spent key makes room for a fresh one


def test_how_to_send_the_money_is_looked_up_where_no_event_tells(ours: Desk) -> None:
    payment = begin(ours)
    ours.pay(payment, "bank_transfer")
    ours.deliver(ours.events("checkout.session.completed"))
    payment.refresh_from_db()
    assert payment.transfer_url == ""
    sync.look_up(payment)
    payment.refresh_from_db()
    assert payment.transfer_url in page_of(ours, payment.donation)
    assert payment.transfer_url


def test_a_card_that_was_declined_before_does_not_end_the_transfer(ours: Desk) -> None:
    payment = begin(ours)
    ours.pay(payment, "declined")
    ours.pay(payment, "bank_transfer")
    ours.deliver(ours.events())
    sync.look_up(payment)
    payment.refresh_from_db()
    assert (payment.state, state_of(payment.donation)) == (PaymentState.COMPLETED, DonationState.PENDING)
    fund(ours, payment)
    assert state_of(payment.donation) == DonationState.RECEIVED
    assert_books_agree(ours)


def test_a_transfer_that_never_comes_is_called_off_and_can_be_tried_again(ours: Desk) -> None:
    payment = announce(ours)
    sync.look_up(payment)
    assert state_of(payment.donation) == DonationState.PENDING
    Payment.objects.update(created_at=timezone.now() - sync.TRANSFERS_LAST)
    payment.refresh_from_db()
    sync.look_up(payment)
    payment.refresh_from_db()
    assert (payment.state, payment.error_code) == (PaymentState.FAILED, "canceled")
    assert state_of(payment.donation) == DonationState.OPENED
    assert "did not go through" in page_of(ours, payment.donation)
    assert_books_agree(ours)
    fund(ours, payment)  # too late: Stripe keeps it for the donor
    assert state_of(payment.donation) == DonationState.OPENED
    checkout.checkout_url(payment.donation)
    again = Payment.objects.latest("pk")
    ours.pay(again)
    ours.deliver(ours.events())
    assert state_of(payment.donation) == DonationState.RECEIVED
    assert_books_agree(ours)


@pytest.mark.parametrize("ends", ["paid out", "called off"])
def test_a_refund_waits_for_the_donors_bank_details_and_no_event_waits_in_vain(ours: Desk, ends: str) -> None:
    payment = announce(ours)
    fund(ours, payment)
    wanted = refunds.request_refund(
        payment.donation, uuid=uuid4(), amount=Money(2_000, "EUR"), reason=RefundReason.REQUESTED, by="finance"
    )
    assert refunds.carry_out(wanted.pk) == RefundState.MADE
    ours.deliver(ours.events())
    parked = InboxEvent.objects.filter(state=EventState.PARKED)
    assert {event.type for event in parked} == {"charge.refunded"}
    parked.update(attempts=2)
    missing.find_missing_refunds()
    assert unhandled() == []
    assert donations.net_received(payment.donation) == Money(5_000, "EUR")  # nothing has moved yet
    assert_books_agree(ours)
    if ends == "paid out":
        ours.advance(86_400)
    else:
        wanted.refresh_from_db()
        ours.stripe.v1.refunds.cancel(wanted.refund_id or "")
    ours.deliver(ours.events())
    left = 3_000 if ends == "paid out" else 5_000
    assert donations.net_received(payment.donation) == Money(left, "EUR")
    assert_books_agree(ours)


@pytest.mark.parametrize("told", ["event", "look-up"])
def test_a_transfer_that_staff_cancels_at_stripe_is_no_longer_waited_for(ours: Desk, told: str) -> None:
    payment = announce(ours)
    ours.stripe.v1.payment_intents.cancel(payment.payment_intent_id or "")
    if told == "event":
        ours.deliver(ours.events("payment_intent.canceled"))
    else:
        sync.look_up(payment)
    assert state_of(payment.donation) == DonationState.OPENED
    assert_books_agree(ours)


@pytest.mark.parametrize("first", ["the cancellation", "both at once"])
def test_a_transfer_cancelled_before_we_know_that_it_was_announced_is_not_waited_for(ours: Desk, first: str) -> None:
    payment = begin(ours)
    ours.pay(payment, "bank_transfer")
    ours.stripe.v1.payment_intents.cancel(str(session_of(ours, payment).payment_intent))
    told = ours.events("payment_intent.canceled") + ours.events("checkout.session.completed")
    if first == "both at once":
        assert at_once(2, lambda number: ours.handle(told[number])) == []
    else:
        ours.deliver(told)
    payment.refresh_from_db()
    assert (payment.state, payment.error_code) == (PaymentState.FAILED, "canceled")
    assert state_of(payment.donation) == DonationState.OPENED
    assert payment.donation.notices.filter(kind=NoticeKind.DEBIT_FAILED).count() == 1
    assert_books_agree(ours)
