"""Things that go wrong on purpose: seeded, limited by probability and count, counted when they strike."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

WEBHOOK_FAULTS = {
    "webhook_duplicated": "delivered again after it was accepted",
    "webhook_concurrent": "delivered three times at the same moment",
    "webhook_delayed": "delivered `seconds` later (default 3)",
    "webhook_shuffled": "held back at random for up to `seconds` (default 1), so that the order is lost",
    "webhook_dropped": "never delivered; the event stays in GET /v1/events",
    "webhook_old_timestamp": "first signed with a timestamp `seconds` ago (default 900); right when retried",
    "webhook_rotated_secret": "first signed with a secret that nobody knows; right when retried",
    "webhook_old_api_version": "the event says that it is of API version 2020-08-27",
    "event_never_generated": "the change happens, the event does not exist",
}
API_FAULTS = {
    "api_429": "refused: too many requests",
    "api_500": "an error before anything is done; not stored under the idempotency key",
    "api_503": "unavailable before anything is done",
    "api_409": "another request holds the object",
    "api_slow": "answered after `seconds` (default 2), or when other faults are asked for",
    "api_dropped": "done, then the connection is cut without an answer",
    "api_500_stored": "done, answered with 500, and every retry with the same idempotency key gets that 500",
    "api_500_stored_undone": "nothing done, answered with 500, and every retry with the same key gets that 500",
}
KINDS = WEBHOOK_FAULTS | API_FAULTS


@dataclass
class Fault:
    """One kind of fault. ``match`` is a glob over the event type or over ``METHOD /v1/path``."""

    kind: str
    probability: float = 1.0
    left: int | None = None
    match: str = "*"
    account: str = "*"
    seconds: float | None = None
    injected: int = 0


@dataclass
class Faults:
    """The faults in force and how often each kind has struck since the last reset."""

    seed: int = 0
    active: list[Fault] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - chance for tests, no secret
        self._over = asyncio.Event()

    @classmethod
    def wanted(cls, given: dict[str, Any], *, seed: int = 0) -> Faults:
        """Those of ``{"seed": 1, "faults": [{"kind": …}]}``. ValueError names what is wrong."""
        faults = [cls._read(item) for item in given.get("faults", [])]
        return cls(seed=int(given.get("seed", seed)), active=faults)

    @staticmethod
    def _read(item: dict[str, Any]) -> Fault:
        known = {"kind", "probability", "count", "match", "account", "seconds"}
        if not isinstance(item, dict) or item.get("kind") not in KINDS:
            raise ValueError(f"Unknown fault: {item}. Known: {', '.join(KINDS)}")
        if set(item) - known:
            raise ValueError(f"Unknown keys: {', '.join(sorted(set(item) - known))}")
        return Fault(
            kind=item["kind"],
            probability=float(item.get("probability", 1)),
            left=int(item["count"]) if item.get("count") is not None else None,
            match=str(item.get("match", "*")),
            account=str(item.get("account", "*")),
            seconds=float(item["seconds"]) if item.get("seconds") is not None else None,
        )

    def strike(self, kind: str, subject: str, account: str) -> Fault | None:
        """The fault of this kind that strikes now, counted; None most of the time."""
        for fault in self.active:
            if fault.kind != kind or fault.left == 0:
                continue
            if not (fnmatchcase(subject, fault.match) and fnmatchcase(account, fault.account)):
                continue
            if self._random.random() < fault.probability:
                fault.injected += 1
                fault.left = None if fault.left is None else fault.left - 1
                self.counters[kind] = self.counters.get(kind, 0) + 1
                return fault
        return None

    async def hold_up(self, slow: Fault) -> None:
        """Keep a request waiting as long as its fault says, or until it is let go."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), 2 if slow.seconds is None else slow.seconds)

    def let_go(self) -> None:
        """These faults are no more in force: what they hold up goes on, and may still be struck by others of them."""
        self._over.set()

    def clear(self) -> None:
        """None strikes any more; what has struck stays counted."""
        self.active = []
        self.let_go()

    def chance(self) -> float:
        """A seeded number from 0 to 1."""
        return self._random.random()

    def as_json(self) -> dict[str, Any]:
        """What is in force and what has struck."""
        return {
            "seed": self.seed,
            "faults": [asdict(fault) for fault in self.active],
            "injected": self.counters,
            "known": KINDS,
        }
