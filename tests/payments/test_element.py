"""The pay step: an enhancement only, one attempt at a time, and the one page that may load Stripe's script."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
import stripe
from django.conf import settings
from django.db import connection
from django.test import Client

from fundraising.drafts import Regularly
from fundraising.models import Donation, DonationState, Interval, Mandate, MandateState
from payments import checkout, element, gateway
from payments.models import Payment, PaymentState, StripeAccount, Surface
from tests.payments.desk import Desk, assert_books_agree, calls_given_up_after, state_of
from tests.payments.test_checkout import at_once, form_of

pytestmark = pytest.mark.django_db(transaction=True)
EXPIRE = "POST /v1/checkout/sessions/*/expire"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait between the SDK's own attempts."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.02)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.02)


@pytest.fixture
def ours(desk: Desk) -> Desk:
    """A desk whose account lets donors pay on our own page."""
    desk.account.publishable_key = f"pk_test_{desk.account.slug}"
    desk.account.save()
    return desk


def give(desk: Desk, surface: str = "elements", **changed: Any) -> Any:
    return desk.client.post(desk.kit.pages["en"].get_absolute_url(), form_of(desk, surface=surface, **changed))


def step_of(donation: Donation) -> str:
    return f"/en/d/{donation.uuid}/pay/"


def open_step(desk: Desk) -> tuple[Donation, Payment]:
    """A donor on the pay step."""
    assert give(desk).status_code == 303
    donation = Donation.objects.latest("pk")
    return donation, Payment.objects.get(donation=donation)


def session_at_stripe(desk: Desk, payment: Payment) -> Any:
    return desk.stripe.v1.checkout.sessions.retrieve(payment.session_id or "")


def test_a_browser_with_script_is_led_to_our_pay_step(ours: Desk) -> None:
    answer = give(ours)
    donation, payment = Donation.objects.get(), Payment.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, step_of(donation))
    assert (payment.surface, payment.state, payment.url) == (Surface.ELEMENTS, PaymentState.OPEN, "")
    session = session_at_stripe(ours, payment)
    assert (session.ui_mode, session.client_secret) == ("elements", payment.client_secret)
    assert session.return_url == f"{settings.PUBLIC_URL}/en/d/{donation.uuid}/?returned=1"
    assert (session.submit_type, session.success_url, session.url) == (None, None, None)

    page = ours.client.get(answer["Location"])
    assert page.status_code == 200
    assert (page["Cache-Control"], page["Referrer-Policy"]) == ("private, no-store", "no-referrer")
    html = page.content.decode()
    assert payment.client_secret in html
    assert f'data-key="pk_test_{ours.account.slug}"' in html
    assert ours.account.api_key not in html
    assert "€50" in html
    assert give(ours)["Location"] == step_of(donation)
    assert ours.sessions() == 1


def test_without_script_or_a_key_of_the_right_mode_the_donor_pays_on_stripes_page(ours: Desk) -> None:
    slug = ours.account.slug
    keys = (("hosted_page", f"pk_test_{slug}"), ("", f"pk_test_{slug}"), ("elements", ""), ("elements", "pk_live_x"))
    for number, (surface, key) in enumerate((*keys, ("nonsense", f"pk_test_{slug}")), start=1):
        StripeAccount.objects.update(publishable_key=key)
        answer = give(ours, surface, email=f"{number}@example.org")
        payment = Payment.objects.latest("pk")
        assert (answer["Location"], payment.surface) == (payment.url, Surface.HOSTED), (surface, key)
    live = StripeAccount(livemode=True, publishable_key="pk_live_x")
    assert not element.is_offered(live)  # as long as a stand-in is what Stripe's calls go to
    assert not element.is_offered(StripeAccount(livemode=True, publishable_key="pk_test_x"))


def test_the_client_secret_is_sealed_in_the_database(ours: Desk) -> None:
    _donation, payment = open_step(ours)
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret FROM payments_payment WHERE id = %s", [payment.pk])
        stored = cursor.fetchone()[0]
    assert payment.client_secret.startswith(f"{payment.session_id}_secret_")
    assert payment.client_secret not in stored


def test_a_payment_on_our_page_is_booked_as_any_other(ours: Desk) -> None:
    donation, payment = open_step(ours)
    ours.pay(payment, "declined")
    assert ours.client.get(step_of(donation)).status_code == 200
    ours.pay(payment)
    ours.deliver(ours.events("checkout.session.completed"))
    away = ours.client.get(step_of(donation))
    assert (away.status_code, away["Location"]) == (302, f"/en/d/{donation.uuid}/?returned=1")
    ours.deliver(ours.events())
    assert state_of(donation) == DonationState.RECEIVED
    assert ours.client.get(step_of(donation))["Location"].startswith(f"/en/d/{donation.uuid}/")
    assert_books_agree(ours)


def test_to_look_at_the_pay_step_asks_stripe_for_nothing(ours: Desk) -> None:
    donation = ours.donation()
    for _ in range(2):
        away = ours.client.get(step_of(donation))
        assert (away.status_code, away["Location"]) == (302, f"/en/d/{donation.uuid}/")
    assert Payment.objects.count() == ours.sessions() == 0
    open_step(ours)
    donation = Donation.objects.latest("pk")
    ours.client.get(step_of(donation))
    assert ours.sessions() == 1


def test_stripes_page_instead_ends_the_session_on_our_page_first(ours: Desk) -> None:
    donation, first = open_step(ours)
    answer = Client().post(step_of(donation))
    second = Payment.objects.latest("pk")
    assert (answer.status_code, answer["Location"]) == (303, second.url)
    assert (second.surface, second.state) == (Surface.HOSTED, PaymentState.OPEN)
    first.refresh_from_db()
    assert (first.state, session_at_stripe(ours, first).status) == (PaymentState.EXPIRED, "expired")
    # What the donor chose last stays, whatever a browser with script says afterwards.
    assert Client().post(step_of(donation), {"surface": "elements"})["Location"] == second.url
    assert Client().get(step_of(donation)).status_code == 302
    ours.pay(second)
    ours.deliver(ours.events())
    assert state_of(donation) == DonationState.RECEIVED
    assert (len(ours.charges()), Payment.objects.count()) == (1, 2)
    assert_books_agree(ours)


@pytest.mark.parametrize("case", ["success", "sepa_succeeds"])
def test_what_was_paid_meanwhile_is_not_paid_again_on_stripes_page(ours: Desk, case: str) -> None:
    donation, payment = open_step(ours)
    ours.pay(payment, case)  # and no webhook has told of it
    answer = Client().post(step_of(donation))
    assert answer["Location"] == f"/en/d/{donation.uuid}/?returned=1"
    payment.refresh_from_db()
    assert payment.state == PaymentState.COMPLETED
    assert (ours.sessions(), Payment.objects.count()) == (1, 1)
    ours.advance(60)
    ours.deliver(ours.events())
    assert state_of(donation) == DonationState.RECEIVED
    assert_books_agree(ours)


def test_an_unanswered_question_of_the_bank_ends_with_its_session(ours: Desk) -> None:
    donation, payment = open_step(ours)
    asked = ours.pay(payment, "three_d_secure_always")["authenticate"]
    Client().post(step_of(donation))
    refused = ours.http.post(f"/sandbox/intents/{asked}/authenticate", json={"outcome": "pass"})
    assert refused.status_code == 400
    ours.pay(Payment.objects.latest("pk"))
    assert len(ours.charges()) == 1


def test_many_clicks_on_the_way_out_and_a_payment_at_the_same_time_make_one_charge_at_most(ours: Desk) -> None:
    for number in range(3):
        assert give(ours, email=f"{number}@example.org").status_code == 303
        donation, first = Donation.objects.latest("pk"), Payment.objects.latest("pk")
        pays = partial(ours.http.post, f"/sandbox/checkout/{first.session_id}/pay", json={"case": "success"})
        leaves = partial(Client().post, step_of(donation))
        acts = iter([pays])
        answers = at_once(5, lambda acts=acts, leaves=leaves: next(acts, leaves)())
        codes = [answer.status_code for answer in answers]
        assert len(codes) == 5
        assert set(codes) <= {200, 303, 400, 503}
        open_now = Payment.objects.filter(donation=donation, state=PaymentState.OPEN)
        for payment in open_now:
            ours.pay(payment)
        ours.deliver(ours.events())
        assert state_of(donation) == DonationState.RECEIVED
        assert len(ours.charges()) == number + 1
        statuses = [session_at_stripe(ours, payment).status for payment in Payment.objects.filter(donation=donation)]
        assert sorted(statuses) in (["complete"], ["complete", "expired"])
    assert_books_agree(ours)


@pytest.mark.parametrize("fault", ["api_429", "api_503", "api_dropped", "api_slow", "api_500_stored"])
def test_while_stripe_does_not_answer_no_second_session_is_opened(ours: Desk, fault: str) -> None:
    donation, first = open_step(ours)
    ours.faults({"kind": fault, "match": EXPIRE, "count": 2, "seconds": 60})
    with calls_given_up_after(1 if fault == "api_slow" else settings.STRIPE_TIMEOUT_SECONDS):
        answer = Client().post(step_of(donation))
    assert answer.status_code == 503
    assert (answer["Retry-After"], Payment.objects.count(), ours.sessions()) == ("30", 1, 1)
    ours.faults()
    assert Client().post(step_of(donation))["Location"] == Payment.objects.latest("pk").url
    first.refresh_from_db()
    assert (first.state, ours.sessions()) == (PaymentState.EXPIRED, 2)


def test_an_attempt_that_never_reached_stripe_moves_to_the_surface_that_is_asked_for(ours: Desk) -> None:
    ours.faults({"kind": "api_429"})
    assert give(ours).status_code == 503
    ours.faults()
    donation = Donation.objects.get()
    answer = Client().post(step_of(donation))
    payment = Payment.objects.get()
    assert (answer["Location"], payment.surface) == (payment.url, Surface.HOSTED)


def test_a_session_that_stripe_will_neither_end_nor_show_as_paid_is_never_doubled(
    ours: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    donation, _first = open_step(ours)

    def refuse(*_args: Any) -> None:
        raise gateway.Refused("checkout_session_not_open")

    monkeypatch.setattr(gateway, "expire_checkout", refuse)
    with pytest.raises(checkout.CannotPay):
        checkout.checkout_url(donation)
    assert ours.sessions() == 1


FOREIGN = re.compile(r"https?:|\*|unsafe|data:")


def directives(response: Any) -> dict[str, str]:
    header = response["Content-Security-Policy"]
    return {part.split()[0]: " ".join(part.split()[1:]) for part in header.split(";") if part.strip()}


def test_only_the_pay_step_may_load_anything_from_another_origin(ours: Desk) -> None:
    donation, _payment = open_step(ours)
    appeal = ours.kit.pages["en"].get_absolute_url()
    others = [ours.client.get(address) for address in ("/en/", appeal, f"/en/d/{donation.uuid}/", "/en/nothing/")]
    others += [give(ours, email="not an address"), ours.client.post(step_of(donation))]
    ours.faults({"kind": "api_503"})
    others.append(give(ours, email="other@example.org"))
    assert others[-1].status_code == 503
    for response in others:
        found = directives(response)
        assert found["default-src"] == "'self'"
        for name in {"script-src", "frame-src", "child-src", "connect-src", "style-src", "worker-src"} & found.keys():
            assert not FOREIGN.search(found[name]), (response.request["PATH_INFO"], name, found[name])


def test_the_pay_step_may_load_stripes_script_and_frames_and_nothing_else(
    ours: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    donation, _payment = open_step(ours)
    step = ours.client.get(step_of(donation))
    stand_in, found = settings.STRIPE_API_BASE, directives(step)
    assert found["script-src"] == f"'self' {stand_in}"
    assert found["frame-src"] == stand_in
    assert found["connect-src"] == f"'self' {stand_in}"
    assert step["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert f'data-script="{stand_in}/dahlia/stripe.js"' in step.content.decode()

    monkeypatch.setattr(settings, "STRIPE_API_BASE", "")  # as in production
    step = ours.client.get(step_of(donation))
    found = directives(step)
    assert found["script-src"] == "'self' https://js.stripe.com https://*.js.stripe.com"
    assert found["frame-src"] == "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"
    assert found["connect-src"] == "'self' https://api.stripe.com"
    assert found["default-src"] == "'self'"
    assert 'data-script="https://js.stripe.com/dahlia/stripe.js"' in step.content.decode()
    assert gateway.API_VERSION.endswith(element.SCRIPT.split("/")[1])


@pytest.mark.parametrize("leaves", [False, True])
def test_a_mandate_starts_on_our_page_as_on_stripes(ours: Desk, leaves: bool) -> None:
    donation = ours.donation(regularly=Regularly(interval=Interval.MONTH))
    step = Client().post(step_of(donation), {"surface": "elements"})
    assert step["Location"] == step_of(donation)
    payment = Payment.objects.get()
    assert (session_at_stripe(ours, payment).mode, payment.surface) == ("subscription", Surface.ELEMENTS)
    assert "every month" in ours.client.get(step_of(donation)).content.decode()
    if leaves:
        assert Client().post(step_of(donation)).status_code == 303
        payment = Payment.objects.latest("pk")
    ours.pay(payment)
    ours.deliver(ours.events())
    assert state_of(donation) == DonationState.RECEIVED
    assert Mandate.objects.get().state == MandateState.ACTIVE
    statuses = [subscription.status for subscription in ours.stripe.v1.subscriptions.list().data]
    assert (statuses, len(ours.charges())) == (["active"], 1)
