"""The world around the service: what donors, banks and Stripe do, through the sandbox's API and control API."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from payments.models import StripeAccount

from . import clock


@dataclass(frozen=True)
class World:
    """One Stripe account in the sandbox."""

    account: StripeAccount
    http: httpx.Client

    def control(self, path: str, **given: Any) -> Any:
        """Do something to the sandbox; what it answers, or nothing where it refuses (a dispute that is closed, …)."""
        answer = self.http.post(f"/sandbox/{path}", json=given)
        return answer.json() if answer.status_code == 200 else None

    def ask(self, method: str, path: str, data: dict[str, str] | None = None) -> Any:
        """Stripe's API as somebody else uses it (the dashboard, another product), read past its faults."""
        headers = {"Authorization": f"Bearer {self.account.api_key}"}
        sent: dict[str, Any] = {"params": data} if method == "GET" else {"data": data}
        for _attempt in range(50):
            with suppress(httpx.TransportError):
                answer = self.http.request(method, f"/v1/{path}", headers=headers, **sent)
                if answer.status_code == 200:
                    return answer.json()
                if answer.status_code in {400, 402, 404} or method == "POST":
                    return None
        raise RuntimeError(f"{method} {path}: the sandbox gave fifty faults in a row")

    def newest(self, kind: str, **filters: str) -> list[dict[str, Any]]:
        """The newest hundred objects of a kind."""
        found: list[dict[str, Any]] = self.ask("GET", kind, {"limit": "100", **filters})["data"]
        return found

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind."""
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = self.ask("GET", kind, {"limit": "100", **after})
            found += page["data"]
            if not page["has_more"]:
                return found

    def struck(self) -> dict[str, int]:
        """How often each fault has struck."""
        found: dict[str, int] = self.http.get("/sandbox/faults").json()["injected"]
        return found

    def advance(self, seconds: int) -> None:
        """Let time pass, for us and for Stripe."""
        clock.advance(seconds)
        self.control("clock", advance=seconds)
        self.deliver()

    def deliver(self, *, all_that_wait: bool = False) -> None:
        """Stripe delivers the events that are due, or also those that wait to be tried again."""
        self.control("flush", retry_now=all_that_wait)
