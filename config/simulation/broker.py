"""A broker that loses messages. What it loses is found by the next sweep, or the one after that."""

from __future__ import annotations

import random
from collections.abc import Callable
from threading import Lock

import receipts.tasks
from payments import tasks

# What Beat sends, in no order, as in config/celery.py. Receipts stay due: to render them is not what is tried here.
OFTEN: list[Callable[[], object]] = [
    tasks.handle_inbox,
    tasks.look_up_payments,
    tasks.carry_out_refunds,
    tasks.carry_out_changes,
    tasks.settle,
    receipts.tasks.send_due,
]
SELDOM: list[Callable[[], object]] = [tasks.sync_recent, tasks.sync_mandates, tasks.end_those_of_closed_appeals]


class Broker:
    """Takes nudges and Beat's messages, and loses some of both."""

    def __init__(self, seed: int, *, loses: float) -> None:
        self.random, self.loses = random.Random(seed), loses  # noqa: S311
        self.lost = 0
        self._wanted = False
        self._lock = Lock()

    def wanted(self) -> None:
        """A webhook was stored; stands for the inbox's nudge, which any thread gives."""
        with self._lock:
            if self._is_lost():
                return
            self._wanted = True

    def work(self) -> None:
        """A worker takes the nudge, if there is one."""
        with self._lock:
            wanted, self._wanted = self._wanted, False
        if wanted:
            tasks.handle_inbox()

    def beat(self) -> None:
        """Beat sends the sweeps once, each third time the seldom ones too."""
        sweeps = OFTEN + (SELDOM if self.random.random() < 0.3 else [])
        self._send(self.random.sample(sweeps, len(sweeps)))

    def beat_all(self) -> None:
        """Every sweep, in the order in which Beat lists them."""
        self._send(SELDOM + OFTEN)

    def _send(self, sweeps: list[Callable[[], object]]) -> None:
        for sweep in sweeps:
            with self._lock:
                if self._is_lost():
                    continue
            sweep()

    def _is_lost(self) -> bool:
        lost = self.random.random() < self.loses
        self.lost += lost
        return lost
