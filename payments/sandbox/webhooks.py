"""Delivering events: signed, several at a time, tried again on a schedule until the endpoint answers 2xx."""

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import urllib3

from payments.sandbox import render
from payments.sandbox.context import Context
from payments.sandbox.store import Object

log = logging.getLogger("payments.sandbox.webhooks")

OLD_API_VERSION = "2020-08-27"
BATCH = 64
IDLE_SECONDS = 0.25
MAXIMUM_THREADS = 32


@dataclass(frozen=True)
class Delivery:
    """One event for one endpoint. ``faults`` holds what is to go wrong with it."""

    id: int
    account: str
    event: str
    endpoint: str
    attempts: int
    due: float
    faults: dict[str, float]


def signature(body: bytes, moment: int, signing_secrets: list[str]) -> str:
    """The ``Stripe-Signature`` header: a timestamp in seconds and one ``v1`` for each active secret."""
    signed = f"{moment}.".encode() + body
    parts = [f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in signing_secrets]
    return ",".join([f"t={moment}", *parts])


def active_secrets(endpoint: Object, now: int) -> list[str]:
    """Secrets that sign at this moment: the newest and, while a rotation lasts, the one before."""
    return [item["secret"] for item in endpoint["_secrets"] if item["until"] is None or item["until"] > now]


class Deliverer:
    """Takes due deliveries from the store and posts them from a few threads; the store is touched by the loop alone."""

    def __init__(self, context_for: Any, settings: Any) -> None:
        self._context_for = context_for
        self._settings = settings
        self._in_flight: set[int] = set()
        self._wake = asyncio.Event()
        self._threads = ThreadPoolExecutor(MAXIMUM_THREADS, thread_name_prefix="webhook")
        self._http = urllib3.PoolManager(num_pools=20, maxsize=MAXIMUM_THREADS, retries=False)

    def wake(self) -> None:
        """There may be something to deliver."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver for as long as the sandbox runs."""
        while True:
            self._wake.clear()
            try:
                self._start_due()
            except Exception:
                log.exception("webhook deliveries could not be started; they are tried again")
            try:
                await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS)
            except TimeoutError:
                continue

    def stop(self) -> None:
        """Start no more; what is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def deliver_in_turn(self) -> None:
        """Deliver what is due, event after event: for a sandbox whose time stands, which delivers at no other time.

        The copies of one event that go out at the same moment do so at once.
        """
        while batch := self._due(1):
            first = batch[0]
            copies = [one for one in self._due(BATCH) if (one.event, one.due) == (first.event, first.due)]
            await asyncio.gather(*[self._deliver(one) for one in copies])

    def _start_due(self) -> None:
        if self._context_for("").clock.stands:
            return
        free = int(self._settings.behaviour["webhook_concurrency"]) - len(self._in_flight)
        if free <= 0:
            return
        for delivery in self._due(free):
            self._in_flight.add(delivery.id)
            task = asyncio.get_running_loop().create_task(self._deliver(delivery))
            task.add_done_callback(partial(self._done, delivery.id))

    def _done(self, key: int, _: asyncio.Task[None]) -> None:
        self._in_flight.discard(key)
        self._wake.set()

    def _due(self, count: int) -> list[Delivery]:
        context: Context = self._context_for("")
        rows = context.store.sql.execute(
            "SELECT id, account, event, endpoint, attempts, due, faults FROM deliveries"
            " WHERE state = 'pending' AND due <= ? ORDER BY due, id LIMIT ?",
            (context.clock.deliveries_now(), count + len(self._in_flight)),
        ).fetchall()
        found = [
            Delivery(key, account, event, endpoint, attempts, due, json.loads(faults))
            for key, account, event, endpoint, attempts, due, faults in rows
            if key not in self._in_flight
        ]
        return found[:count]

    async def _deliver(self, delivery: Delivery) -> None:
        context: Context = self._context_for(delivery.account)
        event, endpoint = context.find("event", delivery.event), context.find("webhook_endpoint", delivery.endpoint)
        if event is None or endpoint is None or endpoint["status"] != "enabled":
            self._record(context, delivery, "abandoned")
            return
        body, headers = prepare(context, delivery, event, endpoint)
        accepted = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._post, endpoint["url"], body, headers
        )
        self._record(context, delivery, "delivered" if accepted else "failed")

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> bool:
        timeout = float(self._settings.behaviour["webhook_timeout"])
        try:
            response = self._http.request("POST", url, body=body, headers=headers, timeout=timeout, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            log.info("webhook to %s failed: %s", url, error)
            return False
        return 200 <= response.status < 300

    def _record(self, context: Context, delivery: Delivery, outcome: str) -> None:
        """Write down how an attempt went; a failed one waits for its turn, or is given up at the schedule's end."""
        schedule = self._settings.behaviour["retry_schedule"]
        due = 0.0
        if outcome == "failed" and delivery.attempts < len(schedule):
            outcome, due = "pending", context.clock.deliveries_now() + schedule[delivery.attempts]
        context.store.sql.execute(
            "UPDATE deliveries SET state = ?, due = ?, attempts = attempts + 1 WHERE id = ?",
            (outcome, due, delivery.id),
        )


def prepare(context: Context, delivery: Delivery, event: Object, endpoint: Object) -> tuple[bytes, dict[str, str]]:
    """The body and headers of one attempt. Faults of signature strike the first attempt only."""
    shown = render.public(context, event)
    shown["pending_webhooks"] = max(1, shown["pending_webhooks"])
    shown["api_version"] = OLD_API_VERSION if "old_api_version" in delivery.faults else endpoint["_event_version"]
    body = json.dumps(shown, indent=2).encode()
    moment, keys = int(time.time()), active_secrets(endpoint, context.now)
    if delivery.attempts == 0:
        moment -= int(delivery.faults.get("old_timestamp", 0))
        keys = ["whsec_" + secrets.token_hex(16)] if "rotated_secret" in delivery.faults else keys
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "OpenAppeal-Stripe-Sandbox/1.0",
        "Stripe-Signature": signature(body, moment, keys),
    }
    return body, headers


def figures(store: Any) -> dict[str, int]:
    """How many deliveries are in each state."""
    return dict(store.sql.execute("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall())


def retry_now(store: Any) -> None:
    """Make every waiting delivery due, in their order, and try given-up ones again; dropped ones stay dropped."""
    store.sql.execute(
        "UPDATE deliveries SET due = due - (SELECT max(due) FROM deliveries), state = 'pending'"
        " WHERE state IN ('pending', 'failed')"
    )
