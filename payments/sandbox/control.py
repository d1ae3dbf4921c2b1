"""The control API below /sandbox/, JSON in and out: faults, clock, state, settings, paying without the page."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from payments.sandbox import cards, ids, paying, render, state, webhooks
from payments.sandbox.context import Context
from payments.sandbox.errors import ApiError, invalid
from payments.sandbox.faults import Faults
from payments.sandbox.objects import (
    accounts,
    balance_transactions,
    disputes,
    mandates,
    payment_methods,
    payouts,
    refunds,
    webhook_endpoints,
)
from payments.sandbox.sandbox import Sandbox
from payments.sandbox.store import Object

Handler = Callable[[Request, dict[str, Any]], Awaitable[Any]]
POLL_SECONDS = 0.02


class Control:
    """What a test or a demo does to the sandbox from outside Stripe's API."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def routes(self) -> list[Route]:
        """The addresses."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/sandbox/faults", self.show_faults),
            ("POST", "/sandbox/faults", self.set_faults),
            ("DELETE", "/sandbox/faults", self.clear_faults),
            ("GET", "/sandbox/clock", self.show_clock),
            ("POST", "/sandbox/clock", self.move_clock),
            ("GET", "/sandbox/settings", self.show_settings),
            ("POST", "/sandbox/settings", self.set_settings),
            ("GET", "/sandbox/state", self.show_state),
            ("POST", "/sandbox/reset", self.reset),
            ("POST", "/sandbox/flush", self.flush),
            ("GET", "/sandbox/contract", self.show_contract),
            ("POST", "/sandbox/accounts/{account}", self.set_account),
            ("POST", "/sandbox/checkout/{session}/pay", self.pay),
            ("POST", "/sandbox/intents/{intent}/authenticate", self.authenticate),
            ("POST", "/sandbox/intents/{intent}/fund", self.fund),
            ("POST", "/sandbox/webhook_endpoints/{endpoint}/roll", self.roll_secret),
            ("POST", "/sandbox/charges/{charge}/dispute", self.open_dispute),
            ("POST", "/sandbox/charges/{charge}/warn", self.warn),
            ("POST", "/sandbox/disputes/{dispute}/decide", self.decide_dispute),
            ("POST", "/sandbox/disputes/{dispute}/reconsider", self.reconsider_dispute),
            ("POST", "/sandbox/refunds/{refund}/fail", self.fail_refund),
            ("POST", "/sandbox/accounts/{account}/payout", self.pay_out),
            ("POST", "/sandbox/accounts/{account}/adjust", self.adjust),
            ("POST", "/sandbox/payouts/{payout}/fail", self.fail_payout),
            ("POST", "/sandbox/payment_methods/{method}/replace", self.replace_card),
            ("POST", "/sandbox/mandates/{mandate}/revoke", self.revoke_mandate),
        ]
        return [Route(path, self._answering(handler), methods=[method]) for method, path, handler in table]

    def _answering(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                given = await _json(request)
                return JSONResponse(await handler(request, given))
            except ApiError as error:
                return JSONResponse(error.as_json(), error.status)
            except (ValueError, TypeError, KeyError) as error:
                return JSONResponse({"error": {"message": str(error)}}, 400)
            finally:
                self.sandbox.webhooks.wake()

        return answer

    def _found(self, request: Request, name: str, *kinds: str) -> tuple[Context, Object]:
        key = request.path_params[name]
        found = self.sandbox.store.find_anywhere(key)
        if found is None or found[1]["object"] not in kinds:
            raise invalid(f"No such {' or '.join(kinds)}: {key}", status=404)
        return self.sandbox.context(found[0], f"{request.url.scheme}://{request.url.netloc}"), found[1]

    async def show_faults(self, request: Request, given: dict[str, Any]) -> Any:
        """What is in force, and how often each fault has struck."""
        return self.sandbox.faults.as_json()

    async def set_faults(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"seed": 7, "faults": [{"kind": "api_429", "probability": 0.1, "match": "POST /v1/refunds*"}]}``"""
        self.sandbox.put_in_force(Faults.wanted(given, seed=self.sandbox.faults.seed))
        return self.sandbox.faults.as_json()

    async def clear_faults(self, request: Request, given: dict[str, Any]) -> Any:
        """None in force; the counters stay until the next POST."""
        self.sandbox.faults.clear()
        return self.sandbox.faults.as_json()

    async def show_clock(self, request: Request, given: dict[str, Any]) -> Any:
        """Virtual seconds since the epoch."""
        return {"now": self.sandbox.clock.now()}

    async def move_clock(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"advance": seconds}`` or ``{"to": moment}``; what falls due on the way is done, each at its own moment."""
        now = self.sandbox.clock.now()
        target = int(given["to"]) if "to" in given else now + int(given["advance"])
        if target < now:
            raise ValueError("The clock does not go back")
        done = self.sandbox.run_jobs(target)
        self.sandbox.clock.move_to(target)
        return {"now": self.sandbox.clock.now(), "jobs": done}

    async def show_settings(self, request: Request, given: dict[str, Any]) -> Any:
        """Delays and schedules in seconds."""
        return self.sandbox.settings.behaviour

    async def set_settings(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"sepa_delay": 60, "balance_transaction_delay": 5, "retry_schedule": [1, 5]}``"""
        self.sandbox.settings.change(given)
        return self.sandbox.settings.behaviour

    async def show_state(self, request: Request, given: dict[str, Any]) -> Any:
        """Figures to compare books with, by account and currency, in minor units."""
        return {
            "now": self.sandbox.clock.now(),
            "accounts": {slug: state.figures(self.sandbox.context(slug)) for slug in self.sandbox.store.accounts()},
            "deliveries": webhooks.figures(self.sandbox.store),
            "faults": self.sandbox.faults.counters,
        }

    async def reset(self, request: Request, given: dict[str, Any]) -> Any:
        """A fresh sandbox: no account, object, delivery or fault, the clock at real time. Settings stay.

        ``{"repeat": 7, "at": 1767603600}``: one that, asked the same, does the same in every run. Its clock stands at
        a moment until it is moved, its ids come from the number, and webhooks go out in turn when ``flush`` asks.
        """
        seed, at = (int(given["repeat"]), int(given["at"])) if given else (None, None)
        with self.sandbox.store.transaction():
            self.sandbox.store.clear()
            self.sandbox.clock.reset(stand_at=at)
        ids.draw_from(seed)
        self.sandbox.put_in_force(Faults())
        return {}

    async def flush(self, request: Request, given: dict[str, Any]) -> Any:
        """Wait up to ``timeout`` seconds until nothing is left to deliver; ``retry_now`` skips the waiting times."""
        deadline = time.monotonic() + float(given.get("timeout", 60))
        if given.get("retry_now"):
            webhooks.retry_now(self.sandbox.store)
        self.sandbox.webhooks.wake()
        if self.sandbox.clock.stands:
            await self.sandbox.webhooks.deliver_in_turn()
            deadline = time.monotonic()  # what failed waits for its turn
        while (found := webhooks.figures(self.sandbox.store)).get("pending") and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        return {"outstanding": found.get("pending", 0), "deliveries": found}

    async def show_contract(self, request: Request, given: dict[str, Any]) -> Any:
        """Which operations were checked against the OpenAPI file (SANDBOX_VALIDATE=1)."""
        return self.sandbox.contract.figures() if self.sandbox.contract else {"validating": False}

    async def set_account(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"settlement_currencies": ["eur", "usd"], "country": "IT", "display_name": "…"}``"""
        context = self.sandbox.context(request.path_params["account"])
        with self.sandbox.store.transaction():
            return render.public(context, accounts.configure(context, given))

    async def pay(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"case": "success"}`` or ``{"card": "4242…"}``, with ``email``, ``name``, ``country``."""
        context, session = self._found(request, "session", "checkout.session")
        method = cards.BY_CASE.get(str(given.get("case", ""))) or cards.by_number(str(given.get("card", "")))
        if method is None:
            raise ValueError(f"Name a case ({', '.join(cards.BY_CASE)}) or a test card")
        with self.sandbox.store.transaction():
            session = paying.pay(context, session, method, given)
        waiting = paying.waiting_for_authentication(context, session)
        return {
            "status": session["status"],
            "payment_status": session["payment_status"],
            "payment_intent": session["payment_intent"],
            "authenticate": waiting["id"] if waiting else None,
            "error": paying.problem(context, session) or None,
        }

    async def authenticate(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"outcome": "pass"}`` or ``fail``: answers 3-D Secure."""
        context, intent = self._found(request, "intent", "payment_intent", "setup_intent")
        with self.sandbox.store.transaction():
            return {"status": paying.authenticate(context, intent, given.get("outcome", "pass"))["status"]}

    async def fund(self, request: Request, given: dict[str, Any]) -> Any:
        """The bank transfer that an intent waits for arrives now: ``{"amount": 1000}``, or all that is left."""
        context, intent = self._found(request, "intent", "payment_intent")
        minor = int(given["amount"]) if "amount" in given else None
        if minor is not None and minor <= 0:
            raise ValueError("A transfer is of more than nothing")
        with self.sandbox.store.transaction():
            return {"status": paying.transfer_arrives(context, intent, minor)["status"]}

    async def roll_secret(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"both_for": seconds}``: a new signing secret; the old one signs along for that long."""
        context, endpoint = self._found(request, "endpoint", "webhook_endpoint")
        with self.sandbox.store.transaction():
            return {"secret": webhook_endpoints.roll_secret(context, endpoint, int(given.get("both_for", 86_400)))}

    async def open_dispute(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"reason": "fraudulent"}``, and ``status`` if it is to be an inquiry, prevented or lost at once."""
        context, charge = self._found(request, "charge", "charge")
        reason, status = given.get("reason", "fraudulent"), given.get("status", "needs_response")
        if status not in ("needs_response", "warning_needs_response", "prevented", "lost"):
            raise ValueError("status is needs_response, warning_needs_response, prevented or lost")
        with self.sandbox.store.transaction():
            return render.public(context, disputes.open_dispute(context, charge, reason=reason, status=status))

    async def warn(self, request: Request, given: dict[str, Any]) -> Any:
        """An early fraud warning for a charge."""
        context, charge = self._found(request, "charge", "charge")
        with self.sandbox.store.transaction():
            return render.public(context, disputes.warn(context, charge))

    async def decide_dispute(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"outcome": "won"}`` or ``lost``."""
        context, dispute = self._found(request, "dispute", "dispute")
        if given.get("outcome") not in ("won", "lost"):
            raise ValueError("outcome is won or lost")
        with self.sandbox.store.transaction():
            return render.public(context, disputes.decide(context, dispute, given["outcome"]))

    async def reconsider_dispute(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"status": "won"}`` or ``under_review``, of a dispute that was lost."""
        context, dispute = self._found(request, "dispute", "dispute")
        if given.get("status") not in ("won", "under_review"):
            raise ValueError("status is won or under_review")
        with self.sandbox.store.transaction():
            return render.public(context, disputes.reconsider(context, dispute, given["status"]))

    async def fail_refund(self, request: Request, given: dict[str, Any]) -> Any:
        """A refund that does not arrive."""
        context, refund = self._found(request, "refund", "refund")
        with self.sandbox.store.transaction():
            refunds.fail(context, refund)
        return {"status": refund["status"]}

    async def pay_out(self, request: Request, given: dict[str, Any]) -> Any:
        """An automatic payout of all that is available."""
        context = self.sandbox.context(request.path_params["account"])
        with self.sandbox.store.transaction():
            return {"payouts": [render.public(context, payout) for payout in payouts.pay_out(context)]}

    async def adjust(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"type": "stripe_fee", "reporting_category": "fee", "amount": -500, "currency": "eur"}``: Stripe's own."""
        context = self.sandbox.context(request.path_params["account"])
        with self.sandbox.store.transaction():
            line = balance_transactions.record(
                context,
                kind=str(given["type"]),
                category=str(given["reporting_category"]),
                amount=int(given["amount"]),
                fee=int(given.get("fee", 0)),
                fee_tax=int(given.get("fee_tax", 0)),
                currency=str(given["currency"]),
                source={"id": None},
                available_in=0,
            )
            return render.public(context, line)

    async def fail_payout(self, request: Request, given: dict[str, Any]) -> Any:
        """A payout that the bank sends back."""
        context, payout = self._found(request, "payout", "payout")
        with self.sandbox.store.transaction():
            return render.public(context, payouts.fail(context, payout))

    async def replace_card(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"case": "declined"}``: the bank replaces a saved card by another test card, and tells."""
        context, payment_method = self._found(request, "method", "payment_method")
        with self.sandbox.store.transaction():
            method = cards.BY_CASE[str(given.get("case", "success"))]
            return render.public(context, payment_methods.replace_card(context, payment_method, method))

    async def revoke_mandate(self, request: Request, given: dict[str, Any]) -> Any:
        """The donor's bank revokes a SEPA mandate."""
        context, mandate = self._found(request, "mandate", "mandate")
        with self.sandbox.store.transaction():
            return render.public(context, mandates.revoke(context, mandate))


async def _json(request: Request) -> dict[str, Any]:
    body = await request.body()
    if not body:
        return {}
    # A form of another site could post here from a browser, but not with this type.
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise ValueError("Send application/json")
    given = json.loads(body)
    if not isinstance(given, dict):
        raise ValueError("Send a JSON object")
    return given
