"""A seeded simulation: many donors, every fault of webhooks and API, then a sync, then books that agree to the cent.

OPENAPPEAL_SIMULATIONS=50 and OPENAPPEAL_SIMULATED_STEPS=200 make it longer; a failing seed is in the test's name.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from fundraising import donations, ledger
from fundraising.models import Donation, DonationState
from payments import checkout, gateway, inbox, sync, tasks
from payments.models import ENDED, InboxEvent, Payment, PaymentState, WebhookSecret
from tests.payments.desk import Desk, differences, handle_all, unhandled

SEEDS = range(1, int(os.environ.get("OPENAPPEAL_SIMULATIONS", "2")) + 1)
STEPS = int(os.environ.get("OPENAPPEAL_SIMULATED_STEPS", "40"))
WEBHOOK_FAULTS = {
    "webhook_duplicated": 0.2, "webhook_concurrent": 0.2, "webhook_shuffled": 0.5, "webhook_dropped": 0.15,
    "webhook_old_timestamp": 0.1, "webhook_rotated_secret": 0.1, "event_never_generated": 0.1,
}  # fmt: skip
API_FAULTS = {"api_429": 0.05, "api_500": 0.05, "api_503": 0.05, "api_409": 0.05, "api_dropped": 0.08}
CASES = {"success": 8, "declined": 2, "three_d_secure_always": 2, "sepa_succeeds": 3, "sepa_fails": 2}


class Simulation:
    """One seed's donors, staff and workers."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.random = desk, random.Random(seed)
        self.opened: list[Donation] = []

    def step(self) -> None:
        acts = {self.open: 5, self.pay: 8, self.click_again: 2, self.refund: 3, self.fail_refund: 1,
                self.pass_time: 2, self.work: 4, self.sweep: 1}  # fmt: skip
        self.random.choices(list(acts), list(acts.values()))[0]()

    def open(self) -> None:
        currency, least = self.random.choice([("EUR", 500), ("USD", 500), ("JPY", 500)])
        donor = f"donor-{self.random.randrange(6)}@example.org"
        donation = self.desk.donation(least + self.random.randrange(9_999), currency, email=donor)
        self.opened.append(donation)
        self.to_checkout(donation)

    def click_again(self) -> None:
        if self.opened:
            self.to_checkout(self.random.choice(self.opened))

    def to_checkout(self, donation: Donation) -> None:
        try:
            checkout.checkout_url(donation)
        except (checkout.NothingToPay, checkout.CannotPay):
            return

    def pay(self) -> None:
        """Somebody pays one of the sessions that Stripe has open, whether or not we know of it."""
        sessions = self.listed("checkout/sessions", status="open")
        if not sessions:
            return
        case = self.random.choices(list(CASES), list(CASES.values()))[0]
        url = f"/sandbox/checkout/{self.random.choice(sessions)['id']}/pay"
        found = self.desk.http.post(url, json={"case": case, "email": "ada@example.org", "name": "Ada"}).json()
        if intent := found.get("authenticate"):
            self.desk.control(f"intents/{intent}/authenticate", outcome=self.random.choice(["pass", "pass", "fail"]))

    def refund(self) -> None:
        charges = [one for one in self.listed("charges") if one["status"] == "succeeded" and not one["refunded"]]
        if charges:
            charge = self.random.choice(charges)
            left = charge["amount"] - charge["amount_refunded"]
            minor = self.random.choice([left, self.random.randint(1, left)])
            try:
                gateway.refund_charge(
                    self.desk.account, charge["id"], minor=minor, key=f"{self.random.getrandbits(64)}"
                )
            except (gateway.Unavailable, gateway.UnknownOutcome):
                return

    def fail_refund(self) -> None:
        if refunds := [one for one in self.listed("refunds") if one["status"] in {"succeeded", "pending"}]:
            self.desk.control(f"refunds/{self.random.choice(refunds)['id']}/fail")

    def pass_time(self) -> None:
        self.desk.advance(self.random.choice([5, 30]))

    def work(self) -> None:
        InboxEvent.objects.filter(state__in=["received", "parked"]).update(next_attempt_at=timezone.now())
        handle_all()
        ledger.fold()

    def sweep(self) -> None:
        Payment.objects.exclude(state__in=ENDED).update(look_up_at=timezone.now())
        tasks.look_up_payments()
        tasks.settle()

    def listed(self, kind: str, **filters: str) -> list[dict[str, Any]]:
        """Stripe's list, read past the faults of its API."""
        headers = {"Authorization": f"Bearer {self.desk.account.api_key}"}
        while True:
            with suppress(httpx.TransportError):
                answer = self.desk.http.get(f"/v1/{kind}", params={"limit": "100", **filters}, headers=headers)
                if answer.status_code == 200:
                    found: list[dict[str, Any]] = answer.json()["data"]
                    return found

    def end(self) -> None:
        """No more faults; what is on its way arrives; the sweeps do their work."""
        self.desk.faults()
        self.desk.control("flush", retry_now=True)
        self.desk.advance(300)
        self.desk.control("flush", retry_now=True)
        self.work()
        call_command("sync_stripe", "--since=1d")
        for _ in range(3):
            self.sweep()
            sync.find_missing_refunds()
            self.work()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.django_db(transaction=True)
def test_after_any_faults_and_a_sync_the_books_agree_with_stripe_to_the_cent(
    desk: Desk, live_server: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(settings, "STRIPE_TIMEOUT_SECONDS", 10)
    monkeypatch.setattr(checkout, "CALL_LIFE", timedelta(0))
    monkeypatch.setattr(checkout, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.01)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.01)
    secret = gateway.connect_webhook(desk.account, f"{live_server.url}/webhooks/stripe/{desk.account.slug}/")
    assert secret
    WebhookSecret.objects.create(account=desk.account, secret=secret)
    inbox._known.clear()
    faults = [{"kind": kind, "probability": chance} for kind, chance in WEBHOOK_FAULTS.items()]
    faults += [{"kind": kind, "probability": chance, "match": "* /v1/*"} for kind, chance in API_FAULTS.items()]
    desk.faults(*faults, seed=seed)
    simulation = Simulation(desk, seed)
    for _ in range(STEPS):
        simulation.step()
    struck = desk.struck()
    simulation.end()
    assert unhandled() == []
    assert differences(asking_stripe=True) == []
    known = {session["client_reference_id"] for session in simulation.listed("checkout/sessions")}
    unknown = Payment.objects.filter(state=PaymentState.UNKNOWN).values_list("uuid", flat=True)
    assert not known & {str(uuid) for uuid in unknown}
    charged: dict[str, int] = {}
    for charge in desk.charges():
        charged[charge.metadata["payment"]] = charged.get(charge.metadata["payment"], 0) + 1
    per_donation = [charged.get(str(payment.uuid), 0) for payment in Payment.objects.all()]
    assert max(per_donation, default=0) <= 1
    for donation in Donation.objects.all():
        paid = sum(charged.get(str(payment.uuid), 0) for payment in donation.payments.all())
        assert paid <= 1, f"{donation} was charged twice"
        assert (donation.state in {DonationState.RECEIVED, DonationState.REFUNDED}) == bool(paid)
        assert 0 <= donations.net_received(donation).minor <= donation.amount_minor
    assert sum(struck.values()) > STEPS / 4, "the faults struck"
