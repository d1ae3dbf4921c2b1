"""Sync: what webhooks lost is found by reading Stripe's own lists. Slower than a webhook, never lost."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Max
from django.utils import timezone

from fundraising.donations import NotBookedYet

from . import checkout, facts, gateway, inbox, settlement
from .models import (
    ENDED,
    SESSION_LIFE,
    Dispute,
    EventState,
    InboxEvent,
    Payment,
    PaymentState,
    StripeAccount,
    SyncCursor,
)

log = logging.getLogger(__name__)

# Objects change after they were made (a refund of last month); each sweep looks this far back.
LOOK_BACK = timedelta(hours=6)
LOOK_UP_AGAIN = timedelta(seconds=30)
# A bank takes up to three months to decide, and changes its mind later: this far back we read them all. They are few.
DISPUTES_LAST = timedelta(days=180)


def sync_account(account: StripeAccount, *, since: datetime) -> Counter[str]:
    """Read charges, refunds, disputes and sessions made since, and book what is missing; counts by kind.

    Balance transactions follow. Raises the gateway's errors; what was booked until then stays.
    """
    found: Counter[str] = Counter()
    start = int(since.timestamp())
    for charge in gateway.each(account, "charges", created_gte=start):
        found["charges booked"] += facts.book_charge(account, charge)
        found["charges failed late"] += facts.charge_failed(account, charge)
    for refund in gateway.each(account, "refunds", created_gte=start):
        found["refunds booked"] += book_refund_and_charge(account, refund)
    found += _see_disputes(account, since=min(since, timezone.now() - DISPUTES_LAST))
    for session in gateway.each(account, "checkout.sessions", created_gte=start):
        found["sessions seen"] += _see_session(account, session)
    found["balance transactions booked"] += settlement.settle_account(account, since=since)
    return found


def sync_events(account: StripeAccount, *, since: datetime) -> int:
    """Put the events that Stripe lists (30 days back) and we never got into the inbox; how many."""
    events = gateway.each(account, "events", created_gte=int(since.timestamp()))
    return sum(inbox.store(account.pk, json.dumps(event).encode()) for event in events)


def book_refund_and_charge(account: StripeAccount, refund: facts.Object) -> bool:
    """Book a refund; should its charge be unknown (older than the sweep), fetch and book that first."""
    try:
        return facts.book_refund(account, refund)
    except NotBookedYet:
        facts.book_charge(account, gateway.get_charge(account, str(refund["charge"])))
        return facts.book_refund(account, refund)


def _see_disputes(account: StripeAccount, *, since: datetime) -> Counter[str]:
    """Read the disputes made since, and what early fraud warnings there are."""
    found: Counter[str] = Counter()
    # What is read now is newer than all that we heard before we asked.
    newest = Dispute.objects.filter(account=account).aggregate(at=Max("status_at"))["at"]
    said_at = max(filter(None, (timezone.now(), newest)))
    for dispute in gateway.each(account, "disputes", created_gte=int(since.timestamp())):
        found["disputes booked"] += _see_dispute_and_charge(account, dispute, said_at)
    for warning in gateway.each(account, "radar.early_fraud_warnings", created_gte=int(since.timestamp())):
        found["fraud warnings seen"] += facts.see_warning(account, warning)
    return found


def _see_dispute_and_charge(account: StripeAccount, dispute: facts.Object, said_at: datetime) -> bool:
    """As `book_refund_and_charge`."""
    see = partial(facts.see_dispute, account, dispute, said_at=said_at, moved=frozenset())
    try:
        return see()
    except NotBookedYet:
        facts.book_charge(account, gateway.get_charge(account, dispute["charge"]))
        return see()


def _see_session(account: StripeAccount, session: facts.Object) -> bool:
    if session["status"] == "complete":
        facts.session_completed(account, session)
    elif session["status"] == "expired":
        facts.session_expired(account, session)
    return True


def sync_recent(account: StripeAccount) -> Counter[str]:
    """Sync since the last sweep, with some overlap."""
    started = timezone.now()
    cursor = SyncCursor.objects.filter(account=account, kind="objects").first()
    since = (cursor.read_until if cursor else started - timedelta(days=3)) - LOOK_BACK
    found = sync_account(account, since=since)
    SyncCursor.objects.update_or_create(account=account, kind="objects", defaults={"read_until": started})
    return found


def look_up_payments() -> int:
    """Ask Stripe about attempts that nothing has been heard of for too long; how many were asked about.

    Each is asked about again after half its age: a debit that takes two weeks costs a few calls.
    """
    return sum(_look_up_payments_of(account) for account in StripeAccount.objects.all())


def _look_up_payments_of(account: StripeAccount) -> int:
    due = Payment.objects.filter(account=account, look_up_at__lte=timezone.now()).exclude(state__in=ENDED)
    asked = 0
    for payment in due.select_related("account", "donation").order_by("look_up_at")[:200]:
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
    if session.payment_intent_id:
        charge = gateway.get_payment_intent_charge(payment.account, session.payment_intent_id)
        if charge and not facts.book_charge(payment.account, charge) and session.status == "complete":
            facts.book_debit(payment, charge)


def find_missing_refunds() -> int:
    """Fetch the refunds that a charge event told of and no refund event has shown; how many were booked."""
    waiting = InboxEvent.objects.filter(
        state=EventState.PARKED, waits_for__startswith=facts.refunds_of(""), attempts__gte=2
    )
    found = 0
    for account in StripeAccount.objects.filter(events__in=waiting).distinct():
        charges = waiting.filter(account=account).values_list("waits_for", flat=True).distinct()
        try:
            for waits_for in charges[:50]:
                charge_id = waits_for.removeprefix(facts.refunds_of(""))
                for refund in gateway.each(account, "refunds", created_gte=0, charge=charge_id):
                    found += book_refund_and_charge(account, refund)
        except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
            log.warning("looking for refunds of %s stops: %s", account, error)
    return found
