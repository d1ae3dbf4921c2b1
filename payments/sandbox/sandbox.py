"""One running sandbox: its state, clock, faults, settings and the deliverer of webhooks."""

import asyncio
import contextlib
import logging

from payments.sandbox import jobs
from payments.sandbox.clock import Clock
from payments.sandbox.config import Settings
from payments.sandbox.context import Context
from payments.sandbox.contract import Contract
from payments.sandbox.faults import Faults
from payments.sandbox.store import Store
from payments.sandbox.webhooks import Deliverer

log = logging.getLogger("payments.sandbox")

TICK_SECONDS = 0.25


class Sandbox:
    """Everything that lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.state)
        self.clock = Clock(self.store)
        self.faults = Faults()
        self.contract = Contract.load(settings.spec_dir) if settings.validate else None
        self.in_progress: set[tuple[str, str]] = set()
        self.webhooks = Deliverer(self.context, settings)
        self._tasks: list[asyncio.Task[None]] = []
        self._reached_at = ""  # by the last request: jobs write addresses too

    def context(self, account: str, base_url: str = "", **request: str | None) -> Context:
        """An account's view, for a request, a page or a job."""
        self._reached_at = base_url or self._reached_at
        url = self.settings.url or self._reached_at
        return Context(self.store, self.clock, self.settings, self.faults, account, url, **request)

    def put_in_force(self, faults: Faults) -> None:
        """Replace the faults in force."""
        self.faults.let_go()
        self.faults = faults

    def run_jobs(self, until: int | None = None) -> int:
        """Do what is due by ``until`` (now when not given)."""
        done = jobs.run_due(self.context, self.clock.now() if until is None else until)
        if done:
            self.webhooks.wake()
        return done

    def start(self) -> None:
        """Start what runs beside the requests."""
        self._tasks = [asyncio.create_task(self._tick()), asyncio.create_task(self.webhooks.run())]

    async def stop(self) -> None:
        """Stop it."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.webhooks.stop()

    async def _tick(self) -> None:
        while True:
            try:
                self.run_jobs()
            except Exception:
                log.exception("a job of the sandbox failed")
            await asyncio.sleep(TICK_SECONDS)
