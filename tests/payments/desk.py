"""The tests' side of the sandbox: what donors, banks and staff do there, and the webhooks it would send."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import httpx
import stripe
from django.db import transaction
from django.test import Client
from django.test.utils import override_settings
from django.utils import timezone

import fundraising.audit
import payments.audit
from fundraising.drafts import Regularly
from fundraising.models import Donation, DonationState, ExchangeRate, Interval
from fundraising.money import Money
from payments import checkout, gateway, handlers, inbox
from payments.gateway import calls
from payments.models import EventState, InboxEvent, Payment, PaymentState, StripeAccount, WebhookSecret
from payments.sweeps import missing
from tests import factories
from tests.conftest import Sandbox
from tests.factories import AppealKit

Event = dict[str, Any]
SECRET = "whsec_of_the_tests"
HTTP = stripe.RequestsClient()  # one for all: left to itself, each client reads all certificates of the system
WITHDRAWN = ("needs_response", "under_review", "lost")  # in these a dispute's money is with the bank
DAY = 86_400
MONTH = 28 * DAY
_ids = itertools.count(1)


def sign(body: bytes, secret: str = SECRET, *, at: float | None = None) -> str:
    """The header that Stripe sends with a body."""
    stamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def event_of(kind: str, thing: dict[str, Any], **changed: Any) -> Event:
    """An event as Stripe wraps an object."""
    return {
        "id": f"evt_test_{next(_ids)}",
        "object": "event",
        "api_version": gateway.API_VERSION,
        "created": int(time.time()),
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        **changed,
    }


def make_account(kit: AppealKit) -> StripeAccount:
    """The Stripe account of the kit's entity, with one signing secret."""
    slug = f"acct-{factories.next_number()}"
    account = StripeAccount.objects.create(slug=slug, entity=kit.entity, api_key=f"sk_test_{slug}")
    WebhookSecret.objects.create(account=account, secret=SECRET)
    return account


def add_rates() -> None:
    """Rates into euros, near those of the sandbox."""
    for base, rate in (("USD", "0.909090909"), ("JPY", "0.00625")):
        ExchangeRate.objects.get_or_create(base=base, quote="EUR", on="2026-01-01", rate=rate, source="tests")


@dataclass
class Desk:
    """An open appeal, its Stripe account, and that account in the sandbox."""

    kit: AppealKit
    account: StripeAccount
    http: httpx.Client
    stripe: stripe.StripeClient
    client: Client
    remembered: dict[str, Event] = field(default_factory=dict)
    delivered: set[str] | None = None  # by id, where events are delivered as they happen

    @classmethod
    def open(cls, sandbox: Sandbox, kit: AppealKit | None = None) -> Desk:
        kit = kit or factories.make_appeal()
        account = make_account(kit)
        add_rates()
        sdk = stripe.StripeClient(
            account.api_key,
            base_addresses={"api": sandbox.url},
            stripe_version=gateway.API_VERSION,
            http_client=HTTP,
        )
        return cls(kit, account, sandbox.http, sdk, Client(raise_request_exception=True))

    # --- the donor

    def donation(self, minor: int = 5_000, currency: str = "EUR", **more: Any) -> Donation:
        return factories.open_donation(self.kit, amount=Money(minor, currency), **more)

    def checkout(self, donation: Donation | None = None, *, transfers: bool = False) -> Payment:
        """An attempt with an open session, made as the gateway makes it, but also inside a database transaction.

        `transfers`: euros may come by bank transfer.
        """
        donation = donation or self.donation()
        payment = Payment.objects.create(donation=donation, account=self.account)
        uuid = str(payment.uuid)
        payer: Any = {}
        if transfers:
            transfer = {"type": "eu_bank_transfer", "eu_bank_transfer": {"country": "DE"}}
            options = {"customer_balance": {"funding_type": "bank_transfer", "bank_transfer": transfer}}
            payer = {"customer": self.stripe.v1.customers.create().id, "payment_method_options": options}
        session = self.stripe.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "client_reference_id": uuid,
                "metadata": {"payment": uuid},
                "payment_intent_data": {"metadata": {"payment": uuid}},
                "success_url": "http://shop.example/thanks",
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": donation.currency.lower(),
                            "unit_amount": donation.amount_minor,
                            "product_data": {"name": "Donation"},
                        },
                    }
                ],
            }
            | payer
        )
        Payment.objects.filter(pk=payment.pk).update(
            state=PaymentState.OPEN,
            session_id=session.id,
            url=session.url,
            expires_at=gateway.moment(session.expires_at),
        )
        payment.refresh_from_db()
        return payment

    def regularly(self, **wish: Any) -> Regularly:
        return Regularly(**{"interval": Interval.MONTH, **wish})

    def sign_up(self, minor: int = 5_000, currency: str = "EUR", **regularly: Any) -> Payment:
        """A mandate's first attempt with an open session, made by the gateway: the test must commit."""
        donation = self.donation(minor, currency, regularly=self.regularly(**regularly))
        checkout.checkout_url(donation)
        return Payment.objects.get(donation=donation)

    def pay(self, payment: Payment, case: str = "success") -> Any:
        payment.refresh_from_db()
        return self.control(f"checkout/{payment.session_id}/pay", case=case, email="donor@example.org", name="Ada")

    def donate(self, minor: int = 5_000, currency: str = "EUR", case: str = "success") -> Payment:
        payment = self.checkout(self.donation(minor, currency))
        self.pay(payment, case)
        return payment

    # --- Stripe's side

    def control(self, path: str, **given: Any) -> Any:
        answer = self.http.post(f"/sandbox/{path}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def faults(self, *faults: dict[str, Any], seed: int = 1) -> None:
        self.control("faults", seed=seed, faults=list(faults))

    def struck(self) -> dict[str, int]:
        found: dict[str, int] = self.http.get("/sandbox/faults").json()["injected"]
        return found

    def advance(self, seconds: int) -> None:
        """Let time pass; events are noted on the way, because Stripe lists those of thirty days."""
        self.keep_up()
        step = MONTH if self.delivered is None else 2 * DAY
        while seconds > 0:
            self.control("clock", advance=min(step, seconds))
            self.keep_up()
            seconds -= step

    def keep_up(self) -> None:
        """Note the events so far, and deliver them where that is done as they happen."""
        found = self.events()
        if self.delivered is not None:
            self.deliver(event for event in found if event["id"] not in self.delivered)
            self.delivered.update(event["id"] for event in found)
            self.sweep()

    def now(self) -> int:
        moment: int = self.http.get("/sandbox/clock").json()["now"]
        return moment

    def state(self) -> Any:
        return self.http.get("/sandbox/state").json()["accounts"].get(self.account.slug, {})

    def sessions(self) -> int:
        """How many checkout sessions were ever made."""
        return sum(self.state().get("checkout_sessions", {}).values())

    def charges(self, status: str = "succeeded") -> list[Any]:
        found = self.stripe.v1.charges.list({"limit": 100}).auto_paging_iter()
        return [charge for charge in found if charge.status == status]

    def charge_of(self, payment: Payment) -> Any:
        return next(charge for charge in self.charges() if charge.metadata["payment"] == str(payment.uuid))

    def refund(self, payment: Payment, minor: int | None = None) -> Any:
        params: Any = {"charge": self.charge_of(payment).id, **({"amount": minor} if minor else {})}
        return self.stripe.v1.refunds.create(params)

    def dispute(self, payment: Payment, *, status: str = "needs_response", reason: str = "fraudulent") -> Any:
        return self.control(f"charges/{self.charge_of(payment).id}/dispute", status=status, reason=reason)

    def events(self, *kinds: str) -> list[Event]:
        """The events so far, oldest first."""
        for event in list(self.stripe.v1.events.list({"limit": 100}).auto_paging_iter())[::-1]:
            self.remembered.setdefault(event.id, event.to_dict(for_json=True))
        return [event for event in self.remembered.values() if not kinds or event["type"] in kinds]

    # --- webhooks

    def post(self, body: bytes, signature: str | None = None, slug: str | None = None) -> int:
        """POST a body to the account's endpoint; the status of the answer."""
        headers = {"Stripe-Signature": sign(body) if signature is None else signature}
        answer = self.client.post(
            f"/webhooks/stripe/{slug or self.account.slug}/", body, content_type="application/json", headers=headers
        )
        return answer.status_code

    def deliver(self, events: Iterable[Event]) -> None:
        """Send events in this order, each handled before the next is sent."""
        for event in events:
            assert self.post(json.dumps(event).encode()) == 200
            handle_all()

    def tell(self, kind: str, thing: dict[str, Any], **changed: Any) -> InboxEvent:
        """Send one event about an object and handle it; its row."""
        event = event_of(kind, thing, **changed)
        self.deliver([event])
        return InboxEvent.objects.get(event_id=event["id"])

    def handle(self, event: Event) -> None:
        """Handle one event without the inbox."""
        with transaction.atomic():
            handlers.handle(self.account, event)

    def sweep(self, rounds: int = 4) -> None:
        """What waits is due, and what it waits for is asked of Stripe, as the sweeps do in the course of minutes."""
        for _round in range(rounds):
            handle_all()
            parked = InboxEvent.objects.filter(state=EventState.PARKED)
            if not parked.exists():
                return
            parked.update(next_attempt_at=timezone.now())
            handle_all()
            InboxEvent.objects.filter(state=EventState.PARKED).update(attempts=2)
            missing.find_missing_invoices()

    # --- subscriptions

    def subscription(self, payment: Payment) -> Any:
        """The subscription at Stripe that an attempt began."""
        session = self.stripe.v1.checkout.sessions.retrieve(payment.session_id or "")
        return self.stripe.v1.subscriptions.retrieve(str(session.subscription))

    def until_next_collection(self, payment: Payment, more: int = 0) -> None:
        """Advance until the next invoice has been tried, an hour after its period began, and `more` seconds."""
        ends = self.subscription(payment)["items"].data[0].current_period_end
        self.advance(ends + 3_605 + more - self.now())


@contextmanager
def calls_given_up_after(seconds: float) -> Iterator[None]:
    """Our calls to Stripe wait no longer for its answer; elsewhere they have the time that a busy machine takes."""
    with override_settings(STRIPE_TIMEOUT_SECONDS=seconds):
        calls._client.cache_clear()
        yield
    calls._client.cache_clear()


def handle_all() -> None:
    """Handle everything that is due."""
    while inbox.handle_due():
        pass


def state_of(donation: Donation) -> DonationState:
    donation.refresh_from_db()
    return DonationState(donation.state)


def differences(*, asking_stripe: bool = False) -> list[str]:
    """What the audit finds wrong."""
    asked = payments.audit.stripe_checks() if asking_stripe else ()
    found = chain(fundraising.audit.checks(), payments.audit.checks(), asked)
    return [f"{check.name}: {check.found} (expected {check.expected})" for check in found if not check.ok]


def unhandled() -> list[str]:
    """Events that are neither handled nor quarantined, with their reason."""
    rows = InboxEvent.objects.exclude(state__in=[EventState.HANDLED, EventState.QUARANTINED])
    return [f"{row.type} {row.state}: {row.reason}" for row in rows]


def booked(desk: Desk, prefix: str) -> dict[str, int]:
    """What the ledger has of the account's charges (`charge:`) or refunds (`refund:`), by currency."""
    return {currency: minor for currency, minor in payments.audit._clearing(desk.account, prefix).items() if minor}


def assert_books_agree(desk: Desk) -> None:
    """The audit finds nothing, and charges, refunds and disputes are those of the sandbox."""
    assert differences() == []
    state = desk.state()
    charges = {
        currency.upper(): by_status["succeeded"]["amount"]
        for currency, by_status in state["charges"].items()
        if "succeeded" in by_status
    }
    refunds: dict[str, int] = {}
    for currency, by_status in state["refunds"].items():
        given_back = sum(by_status.get(status, {"amount": 0})["amount"] for status in ("succeeded", "pending"))
        if given_back:
            refunds[currency.upper()] = -given_back
    assert booked(desk, "charge:") == charges
    assert booked(desk, "refund:") == refunds
    drawn = {
        currency.upper(): -sum(by_status.get(status, {"amount": 0})["amount"] for status in WITHDRAWN)
        for currency, by_status in state["disputes"].items()
    }
    assert booked(desk, "dispute:") == {currency: minor for currency, minor in drawn.items() if minor}
