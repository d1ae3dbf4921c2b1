"""The control API below /sandbox/: faults, clock, state, settings, accounts, secrets, paying without the page. JSON in, JSON out."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from payments.sandbox import cards, paying, render, state, webhooks
from payments.sandbox.context import Context
from payments.sandbox.errors import ApiError, invalid
from payments.sandbox.objects import accounts, payment_intents, webhook_endpoints
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
            ("POST", "/sandbox/payment_intents/{intent}/authenticate", self.authenticate),
            ("POST", "/sandbox/webhook_endpoints/{endpoint}/roll", self.roll_secret),
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

    def _found(self, request: Request, name: str, kind: str) -> tuple[Context, Object]:
        key = request.path_params[name]
        found = self.sandbox.store.find_anywhere(key)
        if found is None or found[1]["object"] != kind:
            raise invalid(f"No such {kind}: {key}", status=404)
        return self.sandbox.context(found[0], f"{request.url.scheme}://{request.url.netloc}"), found[1]

    async def show_faults(self, request: Request, given: dict[str, Any]) -> Any:
        """What is in force, and how often each fault has struck."""
        return self.sandbox.faults.as_json()

    async def set_faults(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"seed": 7, "faults": [{"kind": "api_429", "probability": 0.1, "count": 3, "match": "POST /v1/refunds*"}]}``"""
        self.sandbox.faults.configure(given)
        return self.sandbox.faults.as_json()

    async def clear_faults(self, request: Request, given: dict[str, Any]) -> Any:
        """None in force; the counters stay until the next POST."""
        self.sandbox.faults.active = []
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
        """A fresh sandbox: no account, object, delivery or fault, the clock at real time. Settings stay."""
        with self.sandbox.store.transaction():
            self.sandbox.store.clear()
        self.sandbox.clock.reset()
        self.sandbox.faults.configure({"seed": 0})
        return {}

    async def flush(self, request: Request, given: dict[str, Any]) -> Any:
        """Wait up to ``timeout`` seconds until nothing is left to deliver; with ``retry_now``, skip the waiting times."""
        deadline = time.monotonic() + float(given.get("timeout", 10))
        if given.get("retry_now"):
            webhooks.retry_now(self.sandbox.store)
        self.sandbox.webhooks.wake()
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
        context, intent = self._found(request, "intent", "payment_intent")
        passed = given.get("outcome", "pass") == "pass"
        with self.sandbox.store.transaction():
            intent = (payment_intents.authenticate if passed else payment_intents.fail_authentication)(context, intent)
            for session in context.select("checkout.session", payment_intent=intent["id"]):
                paying.conclude(context, session, intent)
        return {"status": intent["status"]}

    async def roll_secret(self, request: Request, given: dict[str, Any]) -> Any:
        """``{"both_for": seconds}``: a new signing secret; the old one signs along for that long."""
        context, endpoint = self._found(request, "endpoint", "webhook_endpoint")
        with self.sandbox.store.transaction():
            return {"secret": webhook_endpoints.roll_secret(context, endpoint, int(given.get("both_for", 86_400)))}


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
