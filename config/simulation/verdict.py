"""What the sandbox has against what the books have, at the end of a simulation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain

import fundraising.audit
import payments.audit
import receipts.audit
from fundraising.models import Donation, Entry
from payments.models import EventState, InboxEvent

from .world import World


@dataclass
class Verdict:
    """Counts of one simulation. `lost` and `double` name facts of Stripe's; `differences` are the audit's."""

    donations: int = 0
    renewals: int = 0
    charged: int = 0
    booked: int = 0
    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    explained: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.double or self.differences)


def judge(world: World) -> Verdict:
    """Compare fact by fact, and then ask the audit."""
    regular = Donation.objects.exclude(mandate=None)
    renewals = regular.count() - regular.values("mandate").distinct().count()
    verdict = Verdict(donations=Donation.objects.count(), renewals=renewals)
    booked = dict(Entry.objects.values_list("key", "donation_id"))
    ours = _ours(world)
    for charge in world.all("charges"):
        if charge["status"] != "succeeded":
            continue
        verdict.charged += 1
        key = f"charge:{charge['id']}"
        if key not in booked:
            verdict.lost.append(key)
            continue
        verdict.booked += 1
        if booked[key] is None and charge["payment_intent"] in ours:
            verdict.double.append(key)  # a second charge of one donation waits in suspense
        elif booked[key] is None:
            verdict.explained["charges of another product, in suspense"] += 1
    verdict.lost += [key for key in _facts(world) if key not in booked]
    for line in world.all("balance_transactions"):
        if line["type"] == "adjustment" and not line["reporting_category"].startswith("dispute"):
            verdict.explained["adjustments that nobody knows, in suspense"] += 1
    aside = InboxEvent.objects.filter(state=EventState.QUARANTINED).count()
    verdict.explained += Counter({"events of another API version, set aside": aside})
    checks = chain(
        fundraising.audit.checks(), receipts.audit.checks(), payments.audit.checks(), payments.audit.stripe_checks()
    )
    wrong = [f"{check.name}: {check.found} (expected {check.expected})" for check in checks if not check.ok]
    verdict.differences = wrong + _unhandled()
    return verdict


def _ours(world: World) -> set[str]:
    """The payment intents that our checkouts and our subscriptions' invoices made."""
    sessions = {session["payment_intent"] for session in world.all("checkout/sessions")}
    invoices = {line["payment"].get("payment_intent") for line in world.all("invoice_payments")}
    return (sessions | invoices) - {None}


def _facts(world: World) -> list[str]:
    """The keys of all that moved money beside the charges."""
    refunds = [f"refund:{one['id']}" for one in world.all("refunds") if one["status"] != "requires_action"]
    moved = [f"dispute:{one['id']}" for one in world.all("disputes") if one["balance_transactions"]]
    lines = [f"txn:{one['id']}" for one in world.all("balance_transactions") if one["amount"] or one["fee"]]
    return [*refunds, *moved, *lines]


def _unhandled() -> list[str]:
    rows = InboxEvent.objects.exclude(state__in=[EventState.HANDLED, EventState.QUARANTINED])
    return [f"event not handled: {row.type} {row.state}: {row.reason}" for row in rows]
