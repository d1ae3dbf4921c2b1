"""The audit of the payments: the inbox's age, and Stripe's own figures against the ledger's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Concat
from django.utils import timezone

from fundraising.audit import Check, none_of
from fundraising.ledger import Bucket, balance
from fundraising.models import Entry, Mandate, Posting, Purpose
from fundraising.money import Money

from . import gateway
from .facts import dispute_key
from .mandates.subscriptions import OVER, mandate_of
from .models import (
    CHANGE_OPEN,
    REFUND_OPEN,
    BalanceTransaction,
    Dispute,
    EventState,
    InboxEvent,
    MandateChange,
    RefundRequest,
    StripeAccount,
)
from .sweeps.settlement import OVERLAP

OLDEST = timedelta(minutes=10)
# The sweeps fetch what a balance transaction shows to be missing within minutes.
UNBOOKED_AFTER = timedelta(hours=1)
READINGS = 3  # of a balance that changes while it is read


def checks() -> Iterator[Check]:
    """What can be checked without asking Stripe."""
    waiting = InboxEvent.objects.filter(state__in=[EventState.RECEIVED, EventState.PARKED])
    old = waiting.filter(received_at__lt=timezone.now() - OLDEST).order_by("received_at")
    first = old.first()
    yield none_of("events unhandled for ten minutes", old.count(), first)
    failed = InboxEvent.objects.filter(state=EventState.FAILED)
    yield none_of("events that failed (cure: replay_event)", failed.count(), failed.first())
    late = BalanceTransaction.objects.filter(booked_at=None, created_at__lt=timezone.now() - UNBOOKED_AFTER)
    yield none_of("balance transactions unbooked for an hour", late.count(), late.first())

    unanswered = RefundRequest.objects.filter(state__in=REFUND_OPEN, created_at__lt=timezone.now() - OLDEST)
    yield none_of("refunds without an answer for ten minutes", unanswered.count(), unanswered.first())
    silent = MandateChange.objects.filter(state__in=CHANGE_OPEN, created_at__lt=timezone.now() - OLDEST)
    yield none_of("changes of mandates without an answer for ten minutes", silent.count(), silent.first())
    lost = Dispute.objects.filter(status="lost").annotate(key=Concat(Value(dispute_key("")), "dispute_id"))
    held = lost.filter(Exists(_withheld_by(OuterRef("key")))).order_by("pk")
    yield none_of("disputes lost whose money is still withheld", held.count(), held.first())
    yield from _suspense()


def _suspense() -> Iterator[Check]:
    """Money that matches nothing of ours, until staff give it back or say what it is."""
    name = "money in suspense that matches nothing"
    of_suspense = Posting.objects.filter(account__purpose=Purpose.SUSPENSE)
    sums = of_suspense.values("account", "currency", "account__entity__slug").annotate(sum=Sum("amount_minor"))
    waiting = [row for row in sums.order_by("account") if row["sum"]]
    for row in waiting:
        newest = of_suspense.filter(account=row["account"]).order_by("-pk").values_list("entry__key", flat=True)[0]
        found = f"{-Money(row['sum'], row['currency'])} of {row['account__entity__slug']}, newest: {newest}"
        yield Check(name, "none", found, ok=True, is_open=True)
    if not waiting:
        yield none_of(name, 0)


def _withheld_by(key: OuterRef) -> QuerySet[Entry]:
    """The entry of a dispute's money if neither a loss that stands nor its return followed."""
    losses = Entry.objects.filter(key__startswith=Concat(OuterRef("key"), Value(":lost")), reverses=None)
    lost = losses.filter(donation=OuterRef("donation"), reversed_by=None)
    withheld = Entry.objects.filter(key=key, reversed_by=None, donation__isnull=False)
    return withheld.filter(~Exists(lost))


def stripe_checks() -> Iterator[Check]:
    """Stripe's charges, refunds, mandates and settled money against ours, account by account; asks Stripe."""
    for account in StripeAccount.objects.all():
        try:
            yield from _charges_and_refunds(account)
            yield from _disputes(account)
            yield from _settled(account)
            yield from _subscriptions(account)
            yield from _held(account)
        except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
            yield Check(f"{account}: Stripe", "an answer", f"none ({error})", ok=False)


def _charges_and_refunds(account: StripeAccount) -> Iterator[Check]:
    charged: Counter[str] = Counter()
    for charge in gateway.each(account, "charges", created_gte=0):
        if charge["status"] == "succeeded" and charge["captured"]:
            charged[charge["currency"].upper()] += charge["amount_captured"]
    refunded: Counter[str] = Counter()
    for refund in gateway.each(account, "refunds", created_gte=0):
        if refund["status"] not in {"failed", "canceled", "requires_action"}:
            refunded[refund["currency"].upper()] -= refund["amount"]
    yield from _agree(account, "charges", charged, _clearing(account, "charge:"))
    yield from _agree(account, "refunds", refunded, _clearing(account, "refund:"))


def _disputes(account: StripeAccount) -> Iterator[Check]:
    """What banks hold or have taken by now, as the balance transactions of all disputes say."""
    drawn: Counter[str] = Counter()
    for dispute in gateway.each(account, "disputes", created_gte=0):
        for line in dispute["balance_transactions"]:
            sign = {"dispute": -1, "dispute_reversal": 1}.get(line["reporting_category"], 0)
            drawn[dispute["currency"].upper()] += sign * dispute["amount"]
    yield from _agree(account, "disputes", drawn, _clearing(account, "dispute:"))


def _subscriptions(account: StripeAccount) -> Iterator[Check]:
    """What is to be collected regularly, by currency and interval, and of how many; by Stripe and by our mandates."""
    stripe: Counter[tuple[str, str]] = Counter()
    amounts: Counter[tuple[str, str]] = Counter()
    for subscription in gateway.each(account, "subscriptions", created_gte=0, status="all"):
        if subscription["status"] not in {*OVER, "incomplete"} and mandate_of(account, subscription["metadata"]):
            item = subscription["items"]["data"][0]
            key = item["price"]["currency"].upper(), item["price"]["recurring"]["interval"]
            stripe[key] += 1
            amounts[key] += item["price"]["unit_amount"] * item["quantity"]
    alive = Mandate.objects.filter(subscription__account=account).exclude(state__in=["opened", "ended"])
    ours = {(row["currency"], row["interval"]): row for row in alive.values("currency", "interval").annotate(
        count=Count("pk"), sum=Sum("amount_minor"))}  # fmt: skip
    for key in sorted(stripe.keys() | ours.keys()):
        row = ours.get(key, {"count": 0, "sum": 0})
        expected = f"{stripe[key]} of {Money.of_stripe(amounts[key], key[0])}"
        found = f"{row['count']} of {Money(row['sum'], key[0])}"
        yield Check(f"{account}: mandates by the {key[1]}", expected, found, ok=expected == found)


def _clearing(account: StripeAccount, prefix: str) -> Counter[str]:
    theirs = Q(entry__key__startswith=prefix) | Q(entry__key__regex=f"^mended:[0-9]:{prefix}")
    lines = (
        Posting.objects.filter(
            theirs,
            account__purpose=Purpose.CLEARING,
            account__provider=account.slug,
            account__entity=account.entity_id,
        )
        .values_list("currency")
        .annotate(sum=Sum("amount_minor"))
    )
    return Counter(dict(lines))


def _settled(account: StripeAccount) -> Iterator[Check]:
    """What Stripe's kept lines add up to, against the ledger's account at the provider."""
    lines = BalanceTransaction.objects.filter(account=account).exclude(booked_at=None)
    net = Counter(dict(lines.values_list("currency").annotate(sum=Sum("net_minor"))))
    books = Counter({currency: _at_provider(account, currency) for currency in net})
    yield from _agree(account, "settled, net of fees", net, books)


def _held(account: StripeAccount) -> Iterator[Check]:
    yield from _agree(account, "balance at Stripe", *held(account))


def held(account: StripeAccount) -> tuple[Counter[str], Counter[str]]:
    """Stripe's own balance, available and pending, and the ledger's with what is on its way into it, by currency.

    Asks Stripe; raises the gateway's errors.
    """
    for _reading in range(READINGS):
        before = _on_the_way(account)
        stripe = Counter(gateway.get_balance(account))
        if _on_the_way(account) == before:
            break
    ours = {currency: _at_provider(account, currency) for currency in stripe.keys() | before.keys()}
    return stripe, Counter({currency: minor + before[currency] for currency, minor in ours.items()})


def _on_the_way(account: StripeAccount) -> Counter[str]:
    """What the newest balance transactions add up to that are not booked yet: those of an hour, read or not."""
    newest = BalanceTransaction.objects.filter(account=account).aggregate(at=Max("created_at"))["at"]
    since = min(newest, timezone.now()) - UNBOOKED_AFTER - OVERLAP if newest else None
    listed = gateway.each(account, "balance_transactions", created_gte=int(since.timestamp()) if since else 0)
    sums: Counter[str] = Counter()
    lines = {line["id"]: line for line in listed}
    booked = BalanceTransaction.objects.filter(account=account, txn_id__in=lines).exclude(booked_at=None)
    for txn_id in lines.keys() - set(booked.values_list("txn_id", flat=True)):
        sums[lines[txn_id]["currency"].upper()] += lines[txn_id]["net"]
    return sums


def _at_provider(account: StripeAccount, currency: str) -> int:
    return balance(Bucket(account.entity_id, Purpose.PROVIDER, currency, provider=account.slug)).minor


def _agree(account: StripeAccount, what: str, stripe: Counter[str], books: Counter[str]) -> Iterator[Check]:
    for currency in sorted(stripe.keys() | books.keys()):
        expected, found = Money(stripe[currency], currency), Money(books[currency], currency)
        yield Check(f"{account}: {what}", str(expected), str(found), ok=expected == found)
