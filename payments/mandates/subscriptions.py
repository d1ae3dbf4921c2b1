"""What Stripe says of a subscription, and what it means for its mandate. Used by webhooks, answers and sweeps alike.

Events come in any order, so each carries when it was said, and the newest word wins. What we asked for ourselves
(an answer, a fetch) is newer than all that we had heard before we asked. Lock order: subscription, mandate, payment.
"""

from __future__ import annotations

import logging
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from fundraising import mandates
from fundraising.breaks import Finding
from fundraising.donations import NotBookedYet, in_transaction
from fundraising.models import Cause, DonationState, Interval, Mandate, MandateEnd, MandateState
from fundraising.money import Money

from .. import gateway
from ..gateway import moment
from ..models import (
    CHANGE_OPEN,
    ChangeKind,
    MandateChange,
    Payment,
    PaymentState,
    SecondSubscription,
    StripeAccount,
    Subscription,
)

log = logging.getLogger(__name__)

Object = dict[str, Any]
# For words of one second: the later in this list follows on the earlier.
COURSE = ["incomplete", "incomplete_expired", "active", "trialing", "past_due", "unpaid", "paused", "canceled"]
OVER = {"canceled", "incomplete_expired"}
# Collections fall on noon in Greenwich: nearly everywhere that is the day which the donor chose.
COLLECTED_AT = time(12, tzinfo=UTC)
# A change of day leaves at least this much between two collections, so that nobody is charged twice in a row.
BETWEEN = {Interval.MONTH: timedelta(days=21), Interval.YEAR: timedelta(days=335)}
OVERDUE_AFTER = timedelta(days=2)
LOOK_UP_AGAIN = timedelta(hours=1)
# The first words of an answer count for more than any event of the second in which it was asked for.
ANSWER = timedelta(milliseconds=500)


def subscription_word(subscription_id: str) -> str:
    """What an event waits for that contradicts another one of the same second: that Stripe be asked."""
    return f"word on {subscription_id}"


def mandate_of(account: StripeAccount, metadata: Object | None) -> Mandate | None:
    """The mandate that an object names in its metadata, if it is one of this account's entity."""
    try:
        uuid = UUID((metadata or {}).get("mandate") or "")
    except ValueError:
        return None
    return Mandate.objects.filter(uuid=uuid, entity_id=account.entity_id).first()


def waiting(mandate: Mandate) -> str | None:
    """The invoice that failed last and can be tried again or paid, by its id at Stripe."""
    failed = Payment.objects.filter(donation__mandate=mandate, state=PaymentState.OPEN).exclude(invoice_id=None)
    return failed.order_by("-pk").values_list("invoice_id", flat=True).first()


@in_transaction
def see_subscription(account: StripeAccount, subscription: Object, *, said_at: datetime) -> bool:
    """Note what an event says of a subscription of ours; False if nothing of it is news.

    Raises NotBookedYet when another word of the same second says otherwise: then Stripe is asked.
    """
    row, is_new = _row(account, subscription, said_at)
    if row is None:
        return False
    told, known = (said_at, _course(subscription["status"])), (row.status_at, _course(row.status))
    if not is_new and (told < known or (told == known and not _contradicts(row, subscription))):
        return False
    if not is_new and told == known:
        raise NotBookedYet(subscription_word(row.subscription_id))
    _take(row, subscription, said_at)
    return True


@dataclass(frozen=True)
class Asked:
    """When Stripe is asked about subscriptions, and what had been heard of each by then. Make it before the call."""

    at: datetime
    heard: dict[str, datetime]

    @classmethod
    def now(cls, account: StripeAccount, *subscription_ids: str) -> Asked:
        rows = Subscription.objects.filter(account=account)
        rows = rows.filter(subscription_id__in=subscription_ids) if subscription_ids else rows
        return cls(timezone.now().replace(microsecond=0), dict(rows.values_list("subscription_id", "status_at")))


@in_transaction
def take_answer(account: StripeAccount, subscription: Object, asked: Asked) -> bool:
    """Note what Stripe answered; False if it is none of ours, or an event came meanwhile that may be newer."""
    row, is_new = _row(account, subscription, asked.at)
    if row is None or (not is_new and row.status_at != asked.heard.get(row.subscription_id)):
        return False
    # Stripe's clock may be ahead of ours, by far where it is the sandbox's.
    _take(row, subscription, max(asked.at, row.status_at.replace(microsecond=0)) + ANSWER)
    return True


def fetch(account: StripeAccount, subscription_id: str) -> bool:
    """Ask Stripe about one subscription and note the answer. Raises the gateway's errors; never in a transaction."""
    asked = Asked.now(account, subscription_id)
    return take_answer(account, gateway.get_subscription(account, subscription_id), asked)


def take_listed(account: StripeAccount, subscription: Object, said_at: datetime) -> bool:
    """Note a subscription that Stripe lists, `said_at` being no older than what was heard before the list was asked
    for; False if it is none of ours, or something was heard meanwhile."""
    row = Subscription.objects.filter(account=account, subscription_id=subscription["id"]).first()
    heard = {subscription["id"]: row.status_at} if row and row.status_at <= said_at else {}
    return take_answer(account, subscription, Asked(said_at.replace(microsecond=0), heard))


def look_up_overdue(limit: int = 100) -> int:
    """Ask Stripe about mandates that should have collected days ago: an end or a pause nobody told of; how many."""
    late = timezone.now().date() - OVERDUE_AFTER
    overdue = Subscription.objects.filter(
        mandate__state__in=[MandateState.ACTIVE, MandateState.FAILING, MandateState.PAUSED],
        mandate__next_on__lt=late,
        status_at__lt=timezone.now() - OVERDUE_AFTER,
    )
    late_ones = list(_not_asked_lately(overdue)[:limit])
    for row in late_ones:
        _look_up(partial(fetch, row.account, row.subscription_id), row)
    return len(late_ones)


def look_up_cards(limit: int = 100) -> int:
    """Ask Stripe about cards and accounts that no event has shown, as after a donor has named another; how many."""
    unseen = Subscription.objects.filter(method="").exclude(method_id="").exclude(status__in=OVER)
    cards = list(_not_asked_lately(unseen)[:limit])
    for row in cards:
        _look_up(partial(_fetch_method, row), row)
    return len(cards)


def _not_asked_lately(rows: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """Those that no sweep has asked about for an hour, first those that none ever has."""
    lately = timezone.now() - LOOK_UP_AGAIN
    waiting = rows.filter(Q(looked_up_at=None) | Q(looked_up_at__lt=lately)).select_related("account")
    return waiting.order_by(F("looked_up_at").asc(nulls_first=True), "status_at", "pk")


def _look_up(ask: Callable[[], object], row: Subscription) -> None:
    """Ask, and put it behind the others, whatever Stripe says: what it refuses holds up no other."""
    Subscription.objects.filter(pk=row.pk).update(looked_up_at=timezone.now())
    try:
        ask()
    except gateway.Refused as error:
        log.warning("subscription %s not looked up: %s", row, error)


def _fetch_method(row: Subscription) -> bool:
    return see_method(row.account, gateway.get_payment_method(row.account, row.method_id))


def see_card(account: StripeAccount, charge: Object) -> None:
    """Note what a mandate is collected from, off its first charge."""
    method_id, details = charge.get("payment_method"), charge.get("payment_method_details")
    if method_id and details:
        unseen = Subscription.objects.filter(account=account, customer_id=charge["customer"], method_id=method_id)
        unseen.filter(method="").update(**_card(details))


@in_transaction
def see_method(account: StripeAccount, method: Object) -> bool:
    """A card or account was replaced. Of two words the one with the later expiry is the newer: cards come longer."""
    said = _card(method)
    row = Subscription.objects.filter(account=account, method_id=method["id"]).select_for_update(of=("self",)).first()
    if row is None or (row.method and row.expires_on and said["expires_on"] and said["expires_on"] < row.expires_on):
        return False
    return bool(Subscription.objects.filter(pk=row.pk).update(**said))


def _card(details: Object) -> dict[str, Any]:
    """What may be shown of a card or account, off a payment method or a charge's details."""
    kind = details["type"]
    shown = details.get(kind) or {}
    expires_on = None
    if shown.get("exp_year"):
        expires_on = _months_later(date(shown["exp_year"], shown["exp_month"], 1), 0, 31)
    return {
        "method": kind[:20],
        "brand": str(shown.get("display_brand") or shown.get("brand") or "")[:20],
        "last4": str(shown.get("last4") or "")[:4],
        "expires_on": expires_on,
    }


def _row(account: StripeAccount, subscription: Object, said_at: datetime) -> tuple[Subscription | None, bool]:
    """The subscription's row, locked, and whether it was made now; None when it is none of ours, or a mandate's second
    one: of that it is only noted that it is there, for staff to end one of the two."""
    mandate = mandate_of(account, subscription.get("metadata"))
    if mandate is None or _is_second(account, mandate, subscription, said_at):
        return None, False
    said = {**_said(subscription), "mandate": mandate, "status_at": said_at}
    return Subscription.objects.select_for_update(of=("self",)).get_or_create(
        account=account, subscription_id=subscription["id"], defaults=said
    )


def _is_second(account: StripeAccount, mandate: Mandate, subscription: Object, said_at: datetime) -> bool:
    # Of two that come at once one fails on the unique mandate, and is the second one when it is tried again.
    first = Subscription.objects.filter(mandate=mandate).values_list("account", "subscription_id").first()
    if first is None or first == (account.pk, subscription["id"]):
        return False
    amount = _amount(subscription)
    said = {
        "mandate": mandate,
        "status": subscription["status"],
        "status_at": said_at,
        "began_at": moment(subscription["created"]),
        "amount_minor": amount.minor,
        "currency": amount.currency,
    }
    row, is_new = SecondSubscription.objects.select_for_update(of=("self",)).get_or_create(
        account=account, subscription_id=subscription["id"], defaults=said
    )
    told, known = (said_at, _course(subscription["status"])), (row.status_at, _course(row.status))
    if not is_new and told > known:
        SecondSubscription.objects.filter(pk=row.pk).update(**said)
    return True


def second_ones(account: StripeAccount) -> Iterator[Finding]:
    """Second subscriptions of a mandate that still collect, each until it has ended at Stripe.

    The books are off by nothing, for what is collected is booked; it is the donor who pays twice.
    """
    alive = SecondSubscription.objects.filter(account=account).exclude(status__in=OVER)
    for row in alive.select_related("mandate__subscription").order_by("pk"):
        yield Finding(
            Cause.SUBSCRIPTION_DOUBLED,
            subject=row.subscription_id,
            amount=Money(0, row.currency),
            occurred_on=row.began_at.date(),
            facts={
                "mandate": str(row.mandate.uuid),
                "second": row.subscription_id,
                "subscription": row.mandate.subscription.subscription_id,
                "each_time": row.amount_minor,
            },
        )


def _said(subscription: Object) -> dict[str, Any]:
    item = subscription["items"]["data"][0]
    return {
        "customer_id": subscription["customer"],
        "item_id": item["id"],
        "product_id": item["price"]["product"],
        "status": subscription["status"],
        "unit_minor": _amount(subscription).minor,
        "method_id": subscription.get("default_payment_method") or "",
    }


def _amount(subscription: Object) -> Money:
    item = subscription["items"]["data"][0]
    return Money.of_stripe(item["price"]["unit_amount"] * item.get("quantity", 1), item["price"]["currency"])


def _course(status: str) -> int:
    return COURSE.index(status) if status in COURSE else -1


def _contradicts(row: Subscription, subscription: Object) -> bool:
    if any(getattr(row, name) != value for name, value in _said(subscription).items()):
        return True
    mandate = row.mandate
    if subscription["status"] in OVER:
        return mandate.state != MandateState.ENDED
    pause = subscription["pause_collection"]
    if bool(pause) != (mandate.state == MandateState.PAUSED) or mandate.next_on != next_on(subscription):
        return True
    return bool(pause) and mandate.paused_until != _until(pause)


def _take(row: Subscription, subscription: Object, said_at: datetime) -> None:
    said = _said(subscription)
    if said["method_id"] != row.method_id:  # another card or account: the old one's digits are none of its own
        said |= {"method": "", "brand": "", "last4": "", "expires_on": None}
    Subscription.objects.filter(pk=row.pk).update(**said, status_at=said_at)
    if subscription["status"] in OVER:
        _end(row, subscription, said_at)
    elif subscription["status"] != "incomplete":
        _go_on(row, subscription, said_at)


def _end(row: Subscription, subscription: Object, said_at: datetime) -> None:
    asked = _asked_for(row.mandate, ChangeKind.END)
    why = (subscription.get("cancellation_details") or {}).get("reason")
    if subscription["status"] == "incomplete_expired":
        reason = MandateEnd.NEVER_STARTED
    elif why == "payment_failed":
        reason = MandateEnd.GAVE_UP
    else:
        reason = MandateEnd(asked.end_reason) if asked else MandateEnd.PROVIDER
    mandates.ended(
        row.mandate.uuid,
        about=row.subscription_id,
        reason=reason,
        wish=asked.end_wish if asked else "",
        at=moment(subscription.get("ended_at") or int(said_at.timestamp())),
    )
    collecting = Payment.objects.filter(donation__mandate=row.mandate, state=PaymentState.OPEN)
    collecting.exclude(invoice_id=None).update(state=PaymentState.FAILED)


def _go_on(row: Subscription, subscription: Object, said_at: datetime) -> None:
    mandate, on = row.mandate, next_on(subscription)
    if mandates.start(mandate.uuid, at=moment(subscription["created"]), next_on=on):
        _want_day(mandate, subscription)
    _follow_amount_and_day(row, subscription, said_at, on)
    pause = subscription["pause_collection"]
    if pause:
        about = _about(row, ChangeKind.PAUSE, said_at)
        mandates.paused(mandate.uuid, about=about, until=_until(pause), at=said_at)
    else:
        about = _about(row, ChangeKind.RESUME, said_at)
        mandates.resumed(mandate.uuid, about=about, next_on=on, at=said_at)
    mandates.expect(mandate.uuid, next_on=on)


def _follow_amount_and_day(row: Subscription, subscription: Object, said_at: datetime, on: date | None) -> None:
    mandate = Mandate.objects.get(pk=row.mandate_id)  # as the verbs have left it
    amount, fee_cover, day = _amount(subscription), mandate.fee_cover, mandate.day
    asked = _asked_for(mandate, ChangeKind.AMOUNT, ChangeKind.DAY)
    if asked and asked.kind == ChangeKind.AMOUNT and asked.amount_minor == amount.minor:
        fee_cover = Money(asked.fee_cover_minor or 0, amount.currency)
    elif amount != mandate.amount:  # changed at Stripe: nobody knows what of it covers a fee
        fee_cover = Money(0, amount.currency)
    if asked and asked.kind == ChangeKind.DAY and moment(subscription["billing_cycle_anchor"]).day == asked.day:
        day = asked.day
    about = f"change:{asked.uuid}" if asked else f"{row.subscription_id}:{said_at:%Y%m%d%H%M%S}"
    mandates.changed(mandate.uuid, about=about, amount=amount, fee_cover=fee_cover, day=day, next_on=on, at=said_at)


def _asked_for(mandate: Mandate, *kinds: ChangeKind) -> MandateChange | None:
    """The change under way, if it is of these kinds: what Stripe says then is what we asked for."""
    return MandateChange.objects.filter(mandate=mandate, state__in=CHANGE_OPEN, kind__in=kinds).first()


def _about(row: Subscription, kind: ChangeKind, said_at: datetime) -> str:
    asked = _asked_for(row.mandate, kind)
    return f"change:{asked.uuid}" if asked else f"{row.subscription_id}:{said_at:%Y%m%d%H%M%S}"


def _want_day(mandate: Mandate, subscription: Object) -> None:
    """The donor wants another day than that of the first donation: a change of our own, made once."""
    day = mandate.day
    if day is None or moment(subscription["billing_cycle_anchor"]).day == day:
        return
    mandate = Mandate.objects.get(pk=mandate.pk)  # as it was started
    MandateChange.objects.get_or_create(
        uuid=uuid5(mandate.uuid, "day"),
        defaults={
            "mandate": mandate,
            "kind": ChangeKind.DAY,
            "day": day,
            "until": first_on_day(mandate, day),
        },
    )


def first_on_day(mandate: Mandate, day: int) -> date:
    """The first collection on another day (1 to 28): at least three weeks, or eleven months, after the last one."""
    collected = mandate.donations.exclude(state=DonationState.OPENED).order_by("-opened_at").first()
    started = mandate.started_at or mandate.opened_at
    if collected is None and mandate.first_on:  # nothing is collected before the day that was promised
        earliest = max(mandate.first_on, (started + timedelta(days=1)).date())
    else:
        last = max(started, collected.opened_at) if collected else started
        earliest = (last + BETWEEN[Interval(mandate.interval)]).date()
    earliest = max(earliest, timezone.now().date() + timedelta(days=1))
    in_month = earliest.replace(day=day)
    return in_month if in_month >= earliest else _months_later(in_month, 1, day)


def next_on(subscription: Object) -> date | None:
    """When Stripe collects next; None when it does not, as far as is known."""
    if subscription["status"] in OVER or subscription.get("cancel_at_period_end") or subscription.get("cancel_at"):
        return None
    item = subscription["items"]["data"][0]
    on = moment(item["current_period_end"]).date()
    pause = subscription["pause_collection"]
    if not pause:
        return on
    until = _until(pause)
    if until is None:
        return None
    anchor = moment(subscription["billing_cycle_anchor"]).day
    months = 12 if item["price"]["recurring"]["interval"] == Interval.YEAR else 1
    while on < until:
        on = _months_later(on, months, anchor)
    return on


def _until(pause: Object) -> date | None:
    return moment(pause["resumes_at"]).date() if pause.get("resumes_at") else None


def _months_later(on: date, months: int, day: int) -> date:
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return date(year, month + 1, min(day, monthrange(year, month + 1)[1]))


def collection_moment(on: date) -> int:
    """The second at which Stripe is to collect on a day."""
    return int(datetime.combine(on, COLLECTED_AT).timestamp())
