"""The sandbox seen from outside: the official SDK, a browser without JavaScript, an endpoint for webhooks."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from stripe import PaymentIntent, RequestsClient, StripeClient, WebhookEndpoint
from stripe.checkout import Session

from tests.conftest import Sandbox
from tests.waiting import wait_until

API_VERSION = "2026-05-27.dahlia"
# Of a clock that goes on with the real one: tests move it by a minute, and none takes as long as the banks here do.
SLOW_BANKS = {"sepa_delay": 50, "transfer_delay": 50, "refund_delay": 50, "dispute_delay": 50}
SETTINGS = {**SLOW_BANKS, "retry_schedule": [0.05, 0.05, 0.05], "webhook_timeout": 60}
HTTP = RequestsClient()  # one for all: left to itself, each client reads all certificates of the system


def client_for(url: str, account: str = "acme", retries: int = 0) -> StripeClient:
    """The SDK, talking to the sandbox as one account."""
    return StripeClient(
        f"sk_test_{account}",
        base_addresses={"api": url},
        stripe_version=API_VERSION,
        max_network_retries=retries,
        http_client=HTTP,
    )


@dataclass
class Desk:
    """One account of the sandbox and what tests do to it."""

    url: str
    http: httpx.Client
    stripe: StripeClient

    def control(self, path: str, **given: Any) -> Any:
        """POST to the control API; fails the test on anything but 200."""
        answer = self.http.post(f"/sandbox/{path}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def faults(self, *faults: dict[str, Any], seed: int = 1) -> None:
        """Replace the faults in force."""
        self.control("faults", seed=seed, faults=list(faults))

    def struck(self) -> dict[str, int]:
        """How often each fault has struck."""
        found: dict[str, int] = self.http.get("/sandbox/faults").json()["injected"]
        return found

    def state(self, account: str = "acme") -> Any:
        """The figures of an account."""
        return self.http.get("/sandbox/state").json()["accounts"][account]

    def advance(self, seconds: int) -> None:
        """Move the virtual clock; what falls due is done."""
        self.control("clock", advance=seconds)

    def open_checkout(self, amount: int = 2500, currency: str = "eur", **more: Any) -> Session:
        """A hosted Checkout Session as the donation service opens it."""
        wanted: Any = {
            "mode": "payment",
            "submit_type": "donate",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": currency,
                        "unit_amount": amount,
                        "product_data": {"name": "Emergency appeal"},
                    },
                }
            ],
            "success_url": "http://shop.example/thanks?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://shop.example/back",
            **more,
        }
        return self.stripe.v1.checkout.sessions.create(wanted)

    def pay(self, session: Session, case: str = "success") -> Any:
        """Pay a session by the control API."""
        return self.control(f"checkout/{session.id}/pay", case=case, email="donor@example.org", name="A Donor")

    def donate(self, amount: int = 2500, currency: str = "eur", case: str = "success") -> PaymentIntent:
        """A session opened and paid; its payment intent with charge and balance transaction."""
        session = self.open_checkout(amount, currency)
        paid = self.pay(session, case)
        return self.intent(paid["payment_intent"])

    def intent(self, key: str) -> PaymentIntent:
        """A payment intent with its charge and balance transaction."""
        return self.stripe.v1.payment_intents.retrieve(key, {"expand": ["latest_charge.balance_transaction"]})

    def event_types(self) -> list[str]:
        """Every event so far, oldest first."""
        found: list[str] = [event.type for event in self.stripe.v1.events.list({"limit": 100}).auto_paging_iter()]
        return found[::-1]

    def flush(self) -> Any:
        """Wait until every webhook has been delivered."""
        return self.control("flush")


@pytest.fixture
def desk(sandbox: Sandbox) -> Desk:
    """An empty sandbox whose banks answer only when its clock is moved on."""
    sandbox.http.post("/sandbox/settings", json=SETTINGS).raise_for_status()
    return Desk(sandbox.url, sandbox.http, client_for(sandbox.url))


@dataclass
class Received:
    """One webhook as it arrived."""

    body: bytes
    signature: str

    @property
    def event(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """A webhook endpoint that keeps what it gets and answers as told: the next of ``answers``, then 200."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def register(self, desk: Desk, *types: str) -> WebhookEndpoint:
        """Have the sandbox send here."""
        wanted: Any = list(types or ("*",))
        return desk.stripe.v1.webhook_endpoints.create({"url": self.url, "enabled_events": wanted})

    def wait_for(self, count: int) -> list[Received]:
        """What arrived, once there are at least that many."""
        wait_until(lambda: len(self.received) >= count, what=f"{count} webhooks")
        return self.received

    def types(self) -> list[str]:
        """Event types in order of arrival."""
        return [received.event["type"] for received in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook endpoint on a free port."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.received.append(Received(body, self.headers["Stripe-Signature"]))
            self.send_response(found.answers.pop(0) if found.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()
