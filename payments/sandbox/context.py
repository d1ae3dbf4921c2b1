"""What an operation works with: one account, one moment, one request."""

from dataclasses import dataclass
from typing import Any

from payments.sandbox import errors, ids
from payments.sandbox.clock import Clock
from payments.sandbox.config import Settings
from payments.sandbox.faults import Faults
from payments.sandbox.store import Object, Store

WITHOUT = {
    "balance_transaction": ("livemode",),
    "mandate": ("created",),
    "refund": ("livemode",),
    "subscription_item": ("livemode",),
}


@dataclass(frozen=True)
class Context:
    """An account's view of the sandbox during one request or one job."""

    store: Store
    clock: Clock
    settings: Settings
    faults: Faults
    account: str
    base_url: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None

    @property
    def now(self) -> int:
        """Virtual seconds since the epoch."""
        return self.clock.now()

    def new(self, prefix: str, kind: str, **fields: Any) -> Object:
        """A new object with what Stripe's objects have in common; not yet saved."""
        common = {"id": ids.new(prefix), "object": kind, "created": self.now, "livemode": False}
        return {name: value for name, value in common.items() if name not in WITHOUT.get(kind, ())} | fields

    def save(self, thing: Object) -> Object:
        """Write an object."""
        return self.store.save(self.account, thing)

    def get(self, kind: str, key: str, param: str = "id") -> Object:
        """The object of this kind; raises ApiError 404 ``resource_missing``."""
        found = self.store.find(self.account, key, kind)
        if found is None:
            raise errors.missing(kind, key, param)
        return found

    def find(self, kind: str, key: str | None) -> Object | None:
        """The object of this kind, or None."""
        return self.store.find(self.account, key, kind) if key else None

    def select(self, kind: str, **equal: Any) -> list[Object]:
        """Objects whose fields equal the given ones, newest first."""
        return self.store.select(self.account, kind, equal)

    def later(self, verb: str, thing: Object, seconds: float) -> None:
        """Do a verb of ``jobs.VERBS`` to an object after some virtual seconds."""
        self.store.schedule(self.account, self.now + int(seconds), verb, thing["id"])

    def delay(self, name: str) -> int:
        """A delay from the settings, in virtual seconds."""
        return int(self.settings.behaviour[name])
