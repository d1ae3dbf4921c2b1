"""History written straight into the sandbox's file, before it is started: a month of charges in seconds.

The objects are made by the same functions as over HTTP, at moments of the past. Nobody is told of anything.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from payments.sandbox import cards, ids, jobs, paying
from payments.sandbox.clock import Clock
from payments.sandbox.config import Settings
from payments.sandbox.context import Context
from payments.sandbox.faults import Faults
from payments.sandbox.objects import (
    balance_transactions,
    charges,
    checkout_sessions,
    disputes,
    payment_methods,
    payouts,
    refunds,
)
from payments.sandbox.store import Object, Store


class Past(Clock):
    """A clock that shows what it is set to, and goes on from there."""

    def __init__(self, moment: int) -> None:
        self.moment = moment

    def now(self) -> int:
        """The moment it is set to."""
        return self.moment

    def move_to(self, moment: int) -> None:
        """Set it forward."""
        self.moment = max(self.moment, moment)


class History:
    """An account's past. Amounts in minor units, currencies in lower case, moments in seconds since the epoch."""

    def __init__(self, store: Store, account: str, since: int) -> None:
        self.store = store
        self.context = Context(store, Past(since), Settings(), Faults(), account)
        self._methods: dict[str, Object] = {}

    def at(self, moment: int) -> None:
        """Go on to a moment; what falls due on the way happens."""
        jobs.run_due(lambda _account: self.context, moment)
        self.context.clock.move_to(moment)

    def charge(self, amount: int, currency: str, metadata: dict[str, str], *, case: str = "success") -> Object:
        """A charge that succeeds now. Empty metadata: somebody else's."""
        intent = {
            "id": ids.new("pi"), "amount": amount, "currency": currency, "customer": None, "description": None,
            "metadata": metadata, "receipt_email": None, "statement_descriptor": None,
            "statement_descriptor_suffix": None,
        }  # fmt: skip
        if case not in self._methods:
            self._methods[case] = payment_methods.of_test_method(self.context, cards.BY_CASE[case])
        return charges.succeed(self.context, charges._new(self.context, intent, self._methods[case]))

    def subscribe(
        self, amount: int, currency: str, interval: str, metadata: dict[str, dict[str, str]], *, case: str = "success"
    ) -> Object:
        """A checkout that is paid now and begins a subscription; it renews as time goes on. Returns the session.

        `metadata`: under `payment` that of the session, under `mandate` that of the subscription.
        """
        price = {
            "currency": currency, "unit_amount": amount, "recurring": {"interval": interval},
            "product_data": {"name": "Donation"},
        }  # fmt: skip
        session = checkout_sessions.create(
            self.context,
            {
                "mode": "subscription",
                "metadata": metadata["payment"],
                "client_reference_id": metadata["payment"].get("payment"),
                "subscription_data": {"metadata": metadata["mandate"]},
                "line_items": [{"quantity": 1, "price_data": price}],
                "success_url": "https://donors.example/thanks",
            },
        )
        return paying.pay(self.context, session, cards.BY_CASE[case], {})

    def refund(self, charge_id: str, amount: int) -> Object:
        """A refund of a charge, whole or in part."""
        return refunds.create(self.context, {"charge": charge_id, "amount": amount})

    def dispute(self, charge_id: str) -> Object:
        """A dispute of a charge."""
        return disputes.open_dispute(self.context, self.context.get("charge", charge_id), reason="fraudulent")

    def adjust(self, kind: str, category: str, amount: int, currency: str) -> Object:
        """A line of Stripe's own."""
        return balance_transactions.record(
            self.context, kind=kind, category=category, amount=amount, currency=currency, source={"id": None},
            available_in=0,
        )  # fmt: skip

    def pay_out(self) -> list[Object]:
        """Automatic payouts of all that is available."""
        return payouts.pay_out(self.context)

    def change(self, kind: str, key: str, **fields: Any) -> None:
        """Make an object another than it was: Stripe's own mistake."""
        self.context.save({**self.context.get(kind, key), **fields})


@contextmanager
def history(path: str, account: str, *, since: int) -> Iterator[History]:
    """Write an account's past into a file that no sandbox has open, all or nothing."""
    store = Store(path)
    try:
        with store.transaction():
            yield History(store, account, since)
    finally:
        store.sql.close()
