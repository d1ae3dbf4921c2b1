"""From an opened donation to Stripe's page: one session and one charge, whatever fingers, networks and processes do."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from fundraising.models import AppealState, Donation, DonationState
from payments import checkout, gateway
from payments.models import SESSION_LIFE, Payment, PaymentState, StripeAccount
from payments.sweeps import sync
from tests.payments.desk import Desk, assert_books_agree, calls_given_up_after, state_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait between the SDK's own attempts, nor for Stripe's lists."""
    monkeypatch.setattr(checkout, "LIST_IS_LATE", timedelta(0))
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.02)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.02)


def form_of(desk: Desk, **changed: Any) -> dict[str, Any]:
    return {
        "currency": "EUR", "amount_choice": "other", "amount": "50", "first_name": "Ada", "last_name": "Rossi",
        "email": "ada@example.org", "country": "IT", "public_name": "anonymous", **changed,
    }  # fmt: skip


def give(desk: Desk, client: Client | None = None, **changed: Any) -> Any:
    """Send the donation form; the answer."""
    return (client or desk.client).post(desk.kit.pages["en"].get_absolute_url(), form_of(desk, **changed))


def pay_again(donation: Donation) -> Any:
    return Client().post(f"/en/d/{donation.uuid}/pay/")


def at_once(count: int, act: Any) -> list[Any]:
    barrier, answers = threading.Barrier(count), []

    def run() -> None:
        barrier.wait(60)
        try:
            answers.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    return answers


def test_clicks_tabs_and_the_back_button_lead_to_one_session_and_one_charge(desk: Desk) -> None:
    answers = at_once(6, lambda: give(desk, Client()))
    assert {answer.status_code for answer in answers} <= {303, 503}
    again = give(desk)
    assert again.status_code == 303
    donation, payment = Donation.objects.get(), Payment.objects.get()
    assert {answer["Location"] for answer in answers if answer.status_code == 303} == {again["Location"]}
    assert again["Location"] == payment.url
    assert pay_again(donation)["Location"] == payment.url
    assert desk.sessions() == 1
    assert desk.client.get(f"/en/d/{donation.uuid}/?returned=1").status_code == 200
    assert state_of(donation) == DonationState.OPENED  # a redirect page decides nothing

    desk.pay(payment, "declined")
    assert pay_again(donation)["Location"] == payment.url
    desk.pay(payment)
    desk.deliver(desk.events("checkout.session.completed"))
    assert "returned=1" in pay_again(donation)["Location"]
    desk.deliver(desk.events())
    assert "returned=1" in pay_again(donation)["Location"]
    assert state_of(donation) == DonationState.RECEIVED
    assert (desk.sessions(), len(desk.charges())) == (1, 1)
    assert give(desk).status_code == 303  # the same form after paying is a new donation
    assert Donation.objects.count() == 2
    assert_books_agree(desk)


def test_the_attempt_and_its_key_are_stored_before_stripe_is_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(payment: Payment, *_args: Any, **_options: Any) -> None:
        stored = Payment.objects.get()
        assert (stored.uuid, stored.state, stored.asked_at is not None) == (payment.uuid, PaymentState.UNKNOWN, True)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "create_checkout", killed)
        with pytest.raises(SystemExit):
            give(desk)
    monkeypatch.setattr(checkout, "PATIENCE_SECONDS", 0.3)
    assert give(desk).status_code == 503  # the killed process might still be asking
    Payment.objects.update(asked_at=timezone.now() - checkout.CALL_LIFE)
    assert give(desk).status_code == 303
    assert (desk.sessions(), Payment.objects.count()) == (1, 1)


DONE = ("api_dropped", "api_500_stored")
NOT_DONE = ("api_429", "api_500", "api_503", "api_409", "api_500_stored_undone")


def test_whatever_stripe_does_the_donor_sees_an_honest_page_and_then_pays_once(desk: Desk) -> None:
    for number, fault in enumerate((*NOT_DONE, *DONE, "api_slow"), start=1):
        desk.faults({"kind": fault, "match": "POST /v1/checkout/sessions", "count": 2, "seconds": 1.5})
        with calls_given_up_after(1 if fault == "api_slow" else settings.STRIPE_TIMEOUT_SECONDS):
            answer = give(desk, email=f"{fault}@example.org")
        if fault.startswith("api_500_stored"):
            desk.faults()
        while answer.status_code == 503:  # an endless fault would fail the counts below
            assert (answer["Retry-After"], answer["Cache-Control"]) == ("30", "private, no-store")
            assert sum(desk.struck().values()) <= 2
            answer = give(desk, email=f"{fault}@example.org")
        assert answer.status_code == 303, fault
        payment = Payment.objects.latest("pk")
        assert desk.sessions() == Payment.objects.count() == Donation.objects.count() == number, fault
        assert answer["Location"] == payment.url
        desk.pay(payment)
    desk.deliver(desk.events())
    assert len(desk.charges()) == len(DONE) + len(NOT_DONE) + 1
    assert_books_agree(desk)


def test_an_unknown_outcome_is_looked_up_before_anything_is_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.faults({"kind": "api_dropped", "match": "POST /v1/checkout/sessions", "count": 2})
    assert give(desk).status_code == 503
    payment = Payment.objects.get()
    assert (payment.state, payment.session_id, payment.asked_at) == (PaymentState.UNKNOWN, None, None)

    def resent(*_args: Any, **_options: Any) -> None:
        raise AssertionError("sent again without a look")

    monkeypatch.setattr(gateway, "create_checkout", resent)
    assert give(desk)["Location"].endswith(desk.stripe.v1.checkout.sessions.list({"limit": 1}).data[0].id)
    assert desk.sessions() == 1


@pytest.mark.parametrize("fault", ["api_500_stored", "api_500_stored_undone"])
def test_a_failure_that_stripe_repeats_for_a_day_holds_a_donation_up_for_seconds_and_makes_one_session(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(checkout, "LIST_IS_LATE", timedelta(minutes=1))
    desk.faults({"kind": fault, "match": "POST /v1/checkout/sessions", "count": 1})
    assert give(desk).status_code == 503
    payment = Payment.objects.get()
    assert (payment.state, payment.spent_at is None, payment.key) == (PaymentState.UNKNOWN, False, str(payment.uuid))
    assert give(desk).status_code == 503  # Stripe's list may not show yet what the failed call made
    assert desk.sessions() == (fault == "api_500_stored")
    monkeypatch.setattr(checkout, "LIST_IS_LATE", timedelta(0))
    answers = at_once(4, lambda: give(desk, Client()))
    assert {answer.status_code for answer in answers} <= {303, 503}
    assert give(desk).status_code == 303
    payment.refresh_from_db()
    assert (desk.sessions(), Payment.objects.count()) == (1, 1)
    assert (payment.key == str(payment.uuid)) == (fault == "api_500_stored")
    desk.pay(payment)
    desk.deliver(desk.events())
    assert_books_agree(desk)


def test_a_second_failure_that_is_repeated_spends_the_second_key(desk: Desk) -> None:
    desk.faults({"kind": "api_500_stored_undone", "match": "POST /v1/checkout/sessions", "count": 2})
    keys = set()
    for answer in (503, 503, 303):
        assert give(desk).status_code == answer
        keys.add(Payment.objects.get().key)
    assert (len(keys), desk.sessions()) == (3, 1)


def test_a_look_up_reads_only_the_sessions_made_while_the_call_was_at_work(desk: Desk) -> None:
    payment = desk.checkout()
    Payment.objects.update(created_at=timezone.now() - timedelta(hours=2))
    payment.refresh_from_db()
    for called_minutes_ago, found in ((0, True), (30, False)):
        payment.called_at = timezone.now() - timedelta(minutes=called_minutes_ago)
        session = gateway.find_checkout(payment, asked_within=checkout.CALL_LIFE)
        assert (session is not None) is found


def test_a_refusal_ends_only_the_attempt_that_was_refused(desk: Desk) -> None:
    key = desk.account.api_key
    StripeAccount.objects.update(api_key="sk_test_!")
    assert give(desk).status_code == 503
    assert Payment.objects.get().state == PaymentState.FAILED
    StripeAccount.objects.update(api_key=key)
    assert give(desk).status_code == 303
    payment = Payment.objects.latest("pk")
    soon = timezone.now() + timedelta(minutes=1)
    Payment.objects.filter(pk=payment.pk).update(expires_at=soon)
    StripeAccount.objects.update(api_key="sk_test_!")
    assert give(desk).status_code == 503  # the session may be open in another tab
    payment.refresh_from_db()
    assert payment.state == PaymentState.OPEN
    StripeAccount.objects.update(api_key=key)
    assert give(desk).status_code == 503  # it is: a second one beside it could charge twice
    desk.stripe.v1.checkout.sessions.expire(payment.session_id or "")
    StripeAccount.objects.update(api_key=key)
    assert give(desk).status_code == 303
    assert (Donation.objects.count(), Payment.objects.count(), desk.sessions()) == (1, 3, 2)


def test_a_refused_second_attempt_leaves_nothing_unknown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert give(desk).status_code == 303
    first = Payment.objects.get()
    desk.stripe.v1.checkout.sessions.expire(first.session_id or "")
    Payment.objects.update(expires_at=timezone.now())

    def refuse(*_args: Any, **_options: Any) -> None:
        raise gateway.Refused("amount_too_small")

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "create_checkout", refuse)
        assert give(desk).status_code == 503
    states = list(Payment.objects.order_by("pk").values_list("state", "error_code"))
    assert states == [("expired", ""), ("failed", "amount_too_small")]


def test_an_attempt_that_was_never_sent_and_is_too_old_is_replaced(desk: Desk) -> None:
    desk.faults({"kind": "api_429"})
    assert give(desk).status_code == 503
    assert Payment.objects.get().state == PaymentState.CREATED
    desk.faults()
    Payment.objects.update(created_at=timezone.now() - SESSION_LIFE + timedelta(minutes=10))
    assert give(desk).status_code == 303
    assert list(Payment.objects.order_by("pk").values_list("state", flat=True)) == ["expired", "open"]
    assert desk.sessions() == 1


def test_an_abandoned_checkout_expires_and_the_donation_can_be_paid_anew(desk: Desk) -> None:
    assert give(desk).status_code == 303
    desk.advance(int(SESSION_LIFE.total_seconds()) + 60)
    desk.deliver(desk.events("checkout.session.expired"))
    assert Payment.objects.get().state == PaymentState.EXPIRED
    assert give(desk).status_code in {303, 503}  # the sandbox's clock is hours ahead of ours
    assert (Donation.objects.count(), Payment.objects.count()) == (1, 2)


def test_an_attempt_nobody_finished_is_ended_by_the_look_up(desk: Desk) -> None:
    Payment.objects.create(
        donation=desk.donation(), account=desk.account, created_at=timezone.now() - timedelta(hours=3)
    )
    Payment.objects.update(look_up_at=timezone.now())
    assert sync.look_up_payments() == 1
    assert Payment.objects.get().state == PaymentState.EXPIRED


def test_hidden_fields_that_were_changed_are_not_believed(desk: Desk) -> None:
    tampered: tuple[dict[str, Any], ...] = (
        {"amount": "0"}, {"amount": "-5"}, {"amount": "NaN"}, {"amount": "10.005"}, {"currency": "XXX"},
        {"currency": "JPY", "amount": "10.50"}, {"amount": "1000000000"}, {"frequency": "hourly"},
        {"email": "nobody"}, {"country": "ZZ"}, {"public_name": "boss"}, {"first_name": "\u202eAda"}, {"website": "x"},
    )  # fmt: skip
    for changed in tampered:
        assert give(desk, **changed).status_code == 422, changed
    assert not Donation.objects.exists()
    assert give(desk, amount_minor="1", fee_cover="1", round="99", state="received").status_code == 303
    assert Donation.objects.get().amount_minor == 5_000


def test_a_closed_appeal_opens_no_checkout(desk: Desk) -> None:
    donation = desk.donation()
    desk.kit.appeal.state = AppealState.CLOSED
    desk.kit.appeal.save()
    assert give(desk).status_code == 409
    assert Donation.objects.count() == 1
    assert pay_again(donation).status_code == 303
    assert desk.sessions() == 0


def test_a_live_key_outside_production_is_never_used(desk: Desk) -> None:
    for key, livemode in (("sk_live_x", True), ("rk_live_x", True), ("sk_live_x", False)):
        StripeAccount.objects.update(api_key=key, livemode=livemode)
        with pytest.raises(gateway.Refused, match="live_key"):
            gateway.get_charge(StripeAccount.objects.get(), "ch_1")
    assert desk.struck() == {}
