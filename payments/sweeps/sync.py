"""Sync: what webhooks lost is found by reading Stripe's own lists. Slower than a webhook, never lost.

Which sweep finds what, and within which time, is told in docs/operator-runbook.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Max, Min
from django.utils import timezone

from fundraising.donations import NotBookedYet
from fundraising.models import Mandate, MandateState

from .. import checkout, disputes, facts, gateway, inbox, payouts
from ..mandates import invoices, subscriptions
from ..models import (
    ENDED,
    SESSION_LIFE,
    BalanceTransaction,
    Dispute,
    Payment,
    PaymentState,
    Payout,
    StripeAccount,
    Subscription,
)
from . import cursors, missing, settlement

log = logging.getLogger(__name__)

# An installation's first sweep begins there; every later one where the last one ended.
FIRST_SWEEP = timedelta(days=3)
# Objects show up in lists in the order in which they were made, but for a little.
OVERLAP = timedelta(minutes=30)
LOOK_UP_AGAIN = timedelta(seconds=30)
LOOKED_UP_AT_ONCE = 200
# Whoever has not sent the money by then has changed their mind; "on its way" must not stand there for ever.
TRANSFERS_LAST = timedelta(days=30)
# A bank takes up to three months to decide, and changes its mind later: this far back we read them all. They are few.
DISPUTES_LAST = timedelta(days=180)
# A bank sends a payout back within days, now and then within weeks. There is one a day, or a few.
PAYOUTS_LAST = timedelta(days=30)
# Facts fetched one by one in a sweep; where more are missing, the lists are read soon.
FETCHED_AT_ONCE = 50


@dataclass(frozen=True)
class Kind:
    """A list of Stripe's, what is done with an object of it, and by which event that would have been told."""

    name: str
    see: Callable[[StripeAccount, facts.Object, datetime], object]  # the last one: since when it is known to be so
    told_by: str
    look_back: timedelta = OVERLAP
    filters: Mapping[str, Any] = field(default_factory=dict)


def sync_account(account: StripeAccount, *, since: datetime) -> Counter[str]:
    """Read what was made since, and book what is missing; counts by kind.

    Balance transactions follow. Raises the gateway's errors; what was booked until then stays.
    """
    found: Counter[str] = Counter()
    for kind in KINDS:
        oldest = min(since, timezone.now() - kind.look_back) if kind.look_back > OVERLAP else since
        said_at = _before_asking(account)
        for window, _until in cursors.read_onward(account, kind.name, since=oldest, **kind.filters):
            found += _see_all(account, kind, window, said_at)
    found["balance transactions"] += settlement.settle_account(account, since=since)
    return found


def sync_recent(account: StripeAccount) -> Counter[str]:
    """Go on where the last sweep ended, each kind from its own cursor. Raises the gateway's errors."""
    found: Counter[str] = Counter()
    for kind in KINDS:
        first, said_at = timezone.now() - FIRST_SWEEP, _before_asking(account)
        new = cursors.read_new(account, kind.name, first=first, overlap=kind.look_back, **kind.filters)
        for window in new:
            found += _see_all(account, kind, window, said_at)
    found["balance transactions"] += settlement.settle_account(account)
    return found


def sync_mandates(account: StripeAccount) -> Counter[str]:
    """Read every subscription again that may still collect: its end, a pause or another amount that no event told of.

    They change long after they were made, where `sync_recent` looks no more. Raises the gateway's errors.
    """
    alive = Mandate.objects.filter(subscription__account=account).exclude(state=MandateState.ENDED)
    first = alive.aggregate(at=Min("opened_at"))["at"]
    found: Counter[str] = Counter()
    if first is None:
        return found
    said_at = _before_asking(account)
    for window, _until in cursors.read_onward(account, SUBSCRIPTIONS.name, since=first - OVERLAP, status="all"):
        found += _see_all(account, SUBSCRIPTIONS, window, said_at)
    return found


def _before_asking(account: StripeAccount) -> datetime:
    """What is read after this moment is newer than all that we had heard by then, and no newer than that."""
    heard = (Dispute, Payout, Subscription)
    newest: list[datetime | None] = [
        model.objects.filter(account=account).aggregate(at=Max("status_at"))["at"] for model in heard
    ]
    return max([timezone.now(), *filter(None, newest)])


def _see_all(account: StripeAccount, kind: Kind, things: Iterable[facts.Object], said_at: datetime) -> Counter[str]:
    """See each object. One that cannot be booked holds up no other: it waits in the inbox, which tries it again."""
    found: Counter[str] = Counter()
    for thing in things:
        try:
            found[kind.name] += bool(kind.see(account, thing, said_at))
        except (gateway.Unavailable, gateway.UnknownOutcome):
            raise
        except Exception as error:  # whatever it is, the other objects are innocent
            # The type only: an error's text may quote personal data.
            log.error("%s %s not booked: %s", kind.name, thing.get("id"), type(error).__name__)
            found[f"{kind.name} not booked"] += 1
            _keep(account, kind, thing)
    return found


def _keep(account: StripeAccount, kind: Kind, thing: facts.Object) -> None:
    """Put an object into the inbox as if its event had come; the audit tells of it there. Each version of it once."""
    digest = hashlib.sha256(json.dumps([kind.told_by, thing], sort_keys=True).encode()).hexdigest()
    event = {
        "id": f"sweep_{digest[:40]}",
        "type": kind.told_by,
        "api_version": gateway.API_VERSION,
        "created": int(timezone.now().timestamp()),
        "livemode": account.livemode,
        "data": {"object": thing},
    }
    inbox.store(account.pk, json.dumps(event).encode())


def sync_events(account: StripeAccount, *, since: datetime) -> int:
    """Put the events that Stripe lists (30 days back) and we never got into the inbox; how many."""
    stored = 0
    for window, _until in cursors.read_onward(account, "events", since=since):
        stored += sum(inbox.store(account.pk, json.dumps(event).encode()) for event in window)
    return stored


def see_charge(account: StripeAccount, charge: facts.Object, _said_at: datetime) -> bool:
    """Book a charge, or its failure after it was booked."""
    return missing.book_charge(account, charge) or facts.charge_failed(account, charge)


def see_refund(account: StripeAccount, refund: facts.Object, _said_at: datetime) -> bool:
    return missing.book_refund_and_charge(account, refund)


def see_dispute_and_charge(account: StripeAccount, dispute: facts.Object, said_at: datetime) -> bool:
    """Note a dispute; should its charge be unknown (older than the sweep), fetch and book that first."""
    see = partial(disputes.see_dispute, account, dispute, said_at=said_at, moved=frozenset())
    try:
        return see()
    except NotBookedYet:
        missing.book_charge(account, gateway.get_charge(account, dispute["charge"]))
        return see()


def see_warning(account: StripeAccount, warning: facts.Object, _said_at: datetime) -> bool:
    return disputes.see_warning(account, warning)


def see_session(account: StripeAccount, session: facts.Object, _said_at: datetime) -> None:
    """Note that a checkout is complete or has expired."""
    if session["status"] == "complete":
        invoices.see_session(account, session)
    elif session["status"] == "expired":
        facts.session_expired(account, session)


CHARGES = Kind("charges", see_charge, "charge.updated")
REFUNDS = Kind("refunds", see_refund, "refund.updated")
DISPUTES = Kind("disputes", see_dispute_and_charge, "charge.dispute.updated", look_back=DISPUTES_LAST)
WARNINGS = Kind("radar.early_fraud_warnings", see_warning, "radar.early_fraud_warning.created", look_back=DISPUTES_LAST)
# Those that expired are looked up by then, one by one.
SESSIONS = Kind(
    "checkout.sessions",
    see_session,
    "checkout.session.completed",
    look_back=SESSION_LIFE + OVERLAP,
    filters={"status": "complete"},
)
SUBSCRIPTIONS = Kind(
    "subscriptions", subscriptions.take_listed, "customer.subscription.updated", filters={"status": "all"}
)
INVOICES = Kind("invoices", invoices.see_listed, "invoice.updated")
PAYOUTS = Kind("payouts", payouts.see_listed, "payout.updated", look_back=PAYOUTS_LAST)
KINDS = [SUBSCRIPTIONS, INVOICES, CHARGES, REFUNDS, DISPUTES, WARNINGS, SESSIONS, PAYOUTS]
# By which list the fact of a balance transaction is known, from its reporting category or type.
FACTS = {
    "charge": CHARGES, "payment": CHARGES, "payment_failure_refund": CHARGES,
    "refund": REFUNDS, "payment_refund": REFUNDS, "refund_failure": REFUNDS,
    "dispute": DISPUTES, "dispute_reversal": DISPUTES,
}  # fmt: skip


def settle_and_find(account: StripeAccount) -> Counter[str]:
    """Settle; then fetch and book what Stripe has moved money for and no webhook has told of.

    A fact is missed when its balance transaction was known before this call and is still waiting for it: so each
    webhook has the time between two calls to come. Raises the gateway's errors.
    """
    waiting = settlement.waiting(account)
    before = set(waiting.values_list("pk", flat=True))
    found = Counter({"balance transactions": settlement.settle_account(account)})
    missed = waiting.filter(pk__in=before).order_by("?")[:FETCHED_AT_ONCE]  # in no order: none keeps others from theirs
    for line in missed:
        found += _fetch(account, line)
    if missed:
        found["balance transactions"] += settlement.book_kept(account)
    return found


def _fetch(account: StripeAccount, line: BalanceTransaction) -> Counter[str]:
    kind = FACTS.get(line.reporting_category) or FACTS[line.type]
    said_at = _before_asking(account)
    try:
        thing = gateway.get(account, kind.name, line.source)
    except gateway.Refused as error:
        log.error("%s of balance transaction %s not found: %s", line.source, line, error)
        return Counter({f"{kind.name} not found": 1})
    return _see_all(account, kind, [thing], said_at)


def look_up_payments() -> int:
    """Ask Stripe about attempts that nothing has been heard of for too long; how many were asked about.

    Each is asked about again after half its age: a debit that takes two weeks costs a few calls.
    """
    return sum(_look_up_payments_of(account) for account in StripeAccount.objects.all())


def _look_up_payments_of(account: StripeAccount) -> int:
    due = Payment.objects.filter(account=account, look_up_at__lte=timezone.now()).exclude(state__in=ENDED)
    asked = 0
    for payment in due.select_related("account", "donation").order_by("look_up_at")[:LOOKED_UP_AT_ONCE]:
        try:
            look_up(payment)
        except (gateway.Unavailable, gateway.UnknownOutcome) as error:
            log.warning("looking up payments of %s stops: %s", account, error)
            break
        except gateway.Refused as error:
            log.warning("payment %s cannot be looked up: %s", payment.uuid, error)
        age = timezone.now() - payment.created_at
        Payment.objects.filter(pk=payment.pk).update(look_up_at=timezone.now() + max(age / 2, LOOK_UP_AGAIN))
        asked += 1
    return asked


def look_up(payment: Payment) -> None:
    """Ask Stripe about one attempt, and book what it says."""
    if payment.invoice_id:
        invoices.fetch(payment.account, payment.invoice_id)
        return
    session = (
        gateway.get_checkout(payment.account, payment.session_id)
        if payment.session_id
        else gateway.find_checkout(payment, asked_within=checkout.CALL_LIFE)
    )
    if session is None:
        if payment.created_at < timezone.now() - SESSION_LIFE:
            Payment.objects.filter(pk=payment.pk).exclude(state__in=ENDED).update(state=PaymentState.EXPIRED)
        return
    checkout.remember(payment, session)
    if session.subscription_id:
        subscriptions.fetch(payment.account, session.subscription_id)
    if session.invoice_id:
        invoices.fetch(payment.account, session.invoice_id)
    if session.payment_intent_id:
        _look_up_intent(payment, session)


def _look_up_intent(payment: Payment, session: gateway.CheckoutSession) -> None:
    """The charge of an attempt, or the transfer that it waits for: then its charge is of a card that was declined."""
    intent = gateway.get_payment_intent(payment.account, session.payment_intent_id or "")
    charge = intent.get("latest_charge")
    if facts.awaits_transfer(intent) and payment.created_at < timezone.now() - TRANSFERS_LAST:
        intent = gateway.cancel_payment_intent(payment.account, intent["id"])
    if facts.awaits_transfer(intent) or intent["status"] == "canceled":
        facts.see_intent(payment.account, intent)
    elif charge and not facts.book_charge(payment.account, charge) and session.status == "complete":
        facts.book_debit(payment, charge)
