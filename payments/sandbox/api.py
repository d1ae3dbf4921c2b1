"""One API request: key, version, parameters, idempotency, faults, the work, the answer."""

import hashlib
import json
import logging
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from payments.sandbox import connections, ids, params, render
from payments.sandbox.config import API_VERSION, DAY
from payments.sandbox.context import Context
from payments.sandbox.contract import BrokenContract
from payments.sandbox.errors import ApiError, InvalidParameters, invalid, unauthorized
from payments.sandbox.routes import INCLUDES, Operation
from payments.sandbox.sandbox import Sandbox

log = logging.getLogger("payments.sandbox.api")

KEY = re.compile(r"(?:sk|rk)_test_([A-Za-z0-9-]+)(?:_[A-Za-z0-9_-]*)?")
LIVE = re.compile(r"(?:sk|rk|pk)_live_")
LONGEST_IDEMPOTENCY_KEY = 255
MAXIMUM_BODY = 1_000_000


@dataclass(frozen=True)
class Answer:
    """Status, JSON and headers of what goes back."""

    status: int
    body: bytes
    headers: dict[str, str]

    def response(self) -> Response:
        """As Starlette sends it."""
        return Response(self.body, self.status, self.headers, "application/json")


def account_of(authorization: str) -> str:
    """The account that a key denotes; ApiError 401 for anything but a test key of the sandbox."""
    scheme, _, credentials = authorization.partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        try:
            key = b64decode(key).decode("ascii").partition(":")[0]
        except (NotBase64, UnicodeDecodeError):
            key = ""
    if not key:
        raise unauthorized("You did not provide an API key. Provide it as 'Authorization: Bearer sk_test_<account>'.")
    if LIVE.match(key):
        raise unauthorized(
            "This is the Stripe sandbox, where no money moves: a live key must never be sent to it. Revoke that key."
        )
    found = KEY.fullmatch(key)
    if not found:
        raise unauthorized("Invalid API Key provided. The sandbox takes keys of the form sk_test_<account>.")
    return found[1]


class Endpoint:
    """Answers one operation of the route table."""

    def __init__(self, sandbox: Sandbox, operation: Operation) -> None:
        self.sandbox = sandbox
        self.operation = operation

    async def answer(self, request: Request) -> Response:
        """From the request to the response; whatever happens is JSON as Stripe words it, or a cut connection."""
        request_id = ids.new("req")
        subject = f"{request.method} {request.url.path}"
        try:
            answer = await self._answer_or_fault(request, request_id, subject)
        except ApiError as error:
            answer = _refusal(error)
        except BrokenContract as error:
            log.error("broken contract: %s", error)
            answer = _refusal(ApiError(500, "api_error", f"The sandbox broke Stripe's contract: {error}"))
        except Exception:
            log.exception("the sandbox failed at %s", subject)
            answer = _refusal(ApiError(500, "api_error", "The sandbox failed; see its log."))
        response = answer.response()
        response.headers["Request-Id"] = request_id
        response.headers["Stripe-Version"] = API_VERSION
        self.sandbox.webhooks.wake()
        return response

    async def _answer_or_fault(self, request: Request, request_id: str, subject: str) -> Answer:
        account = account_of(request.headers.get("authorization", ""))
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        # Of the faults that are in force when it comes: a slow request is not struck by what was asked for after it.
        context = self.sandbox.context(
            account, f"{request.url.scheme}://{request.url.netloc}", request_id=request_id, idempotency_key=key
        )
        with self._alone(account, key):
            await self._strike_before(context, subject)
            answer = await self._answer(context, request, key)
        if context.faults.strike("api_dropped", subject, account):
            await connections.cut(request)
        return answer

    @contextmanager
    def _alone(self, account: str, key: str | None) -> Iterator[None]:
        """While a request with an idempotency key is under way, another with the same key is a conflict."""
        mark = (account, key or "")
        if mark in self.sandbox.in_progress:
            raise ApiError(
                409,
                "idempotency_error",
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                f"submitted twice, and the other request is still going through): {key}. Please try again later.",
                code="idempotency_key_in_use",
            )
        if key:
            self.sandbox.in_progress.add(mark)
        try:
            yield
        finally:
            self.sandbox.in_progress.discard(mark)

    async def _strike_before(self, context: Context, subject: str) -> None:
        slow = context.faults.strike("api_slow", subject, context.account)
        if slow:
            await context.faults.hold_up(slow)
        for kind, error in BEFORE.items():
            if context.faults.strike(kind, subject, context.account):
                raise error

    async def _answer(self, context: Context, request: Request, key: str | None) -> Answer:
        version = request.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise invalid(f"The sandbox behaves as API version {API_VERSION} only, not {version[:40]}.")
        encoded = await _encoded(request)
        if not key:
            return self._perform(context, request, encoded)
        with context.store.transaction():
            return self._perform_once(context, request, encoded, key)

    def _perform_once(self, context: Context, request: Request, encoded: str, key: str) -> Answer:
        """The first result under a key is kept for a day and given again; 500s too, unreadable parameters not."""
        if len(key) > LONGEST_IDEMPOTENCY_KEY:
            raise invalid(f"Idempotency key too long: at most {LONGEST_IDEMPOTENCY_KEY} characters, got {len(key)}.")
        asked = hashlib.sha256(f"{request.method} {request.url.path} {encoded}".encode()).hexdigest()
        sql = context.store.sql
        sql.execute("DELETE FROM idempotency WHERE created < ?", (context.now - DAY,))
        kept = sql.execute(
            "SELECT fingerprint, request_id, status, body FROM idempotency WHERE account = ? AND key = ?",
            (context.account, key),
        ).fetchone()
        if kept:
            return _replay(kept, asked, key)
        subject = f"{request.method} {request.url.path}"
        if context.faults.strike("api_500_stored_undone", subject, context.account):
            answer = _refusal(STORED)
        else:
            answer = self._perform(context, request, encoded)
        if context.faults.strike("api_500_stored", subject, context.account):
            answer = _refusal(STORED)
        sql.execute(
            "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
            (context.account, key, asked, context.request_id, answer.status, answer.body.decode(), context.now),
        )
        return answer

    def _perform(self, context: Context, request: Request, encoded: str) -> Answer:
        """Do the work in one transaction. Refusals are answers too; unreadable parameters are raised."""
        given = params.decode(encoded)
        read = self.operation.shape(given)
        contract = self.sandbox.contract
        if contract:
            contract.check_request(self.operation.method, self.operation.path, given)
        try:
            with context.store.transaction():
                thing = self.operation.function(context, read, *request.path_params.values())
                shown = render.answer(context, thing, read.get("expand", []), INCLUDES)
                status = 200
                if contract:
                    contract.check_response(self.operation.method, self.operation.path, status, shown)
        except InvalidParameters:
            raise
        except ApiError as error:
            shown, status = error.as_json(), error.status
            if contract:
                contract.check_response(self.operation.method, self.operation.path, status, shown)
        return Answer(status, json.dumps(shown, indent=2).encode(), {})


STORED = ApiError(500, "api_error", "An unknown error occurred (stored under the idempotency key).")
BEFORE = {
    "api_429": ApiError(429, "invalid_request_error", "Too many requests hit the API too quickly.", code="rate_limit"),
    "api_500": ApiError(500, "api_error", "An unknown error occurred."),
    "api_503": ApiError(503, "api_error", "Stripe is temporarily unavailable."),
    "api_409": ApiError(
        409,
        "invalid_request_error",
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it.",
        code="lock_timeout",
    ),
}


def _refusal(error: ApiError) -> Answer:
    return Answer(error.status, json.dumps(error.as_json(), indent=2).encode(), {})


def _replay(kept: tuple[str, str, int, str], asked: str, key: str) -> Answer:
    fingerprint, original, status, body = kept
    if fingerprint != asked:
        raise ApiError(
            400,
            "idempotency_error",
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
        )
    return Answer(status, body.encode(), {"Idempotent-Replayed": "true", "Original-Request": original})


async def _encoded(request: Request) -> str:
    if request.method != "POST":
        return request.url.query
    body = await request.body()
    if len(body) > MAXIMUM_BODY:
        raise invalid("The request is too large.", status=413)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidParameters(400, "invalid_request_error", "The request's body is not UTF-8.") from None


def endpoint(sandbox: Sandbox, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """The function that answers one line of the route table."""
    return Endpoint(sandbox, operation).answer


async def unknown(request: Request) -> Response:
    """Any other address below /v1."""
    message = (
        f"Unrecognized request URL ({request.method}: {request.url.path}). The sandbox imitates a part of Stripe's API."
    )
    return _refusal(invalid(message, status=404)).response()
