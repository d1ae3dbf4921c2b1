"""Changes to mandates: wanted by a donor, staff or a closing appeal. Stored first, then asked for, then noted.

What a change wants is absolute (this amount, this day), so that asking again is harmless; a call of unknown outcome
is looked up first all the same, because Stripe repeats a failure under its idempotency key for a day.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone

from fundraising import mandates
from fundraising.donations import in_transaction
from fundraising.models import OVER, AfterClose, Mandate, MandateEnd, MandateState, NoticeKind
from fundraising.money import Money

from .. import asking, gateway
from ..models import CHANGE_OPEN, ChangeKind, ChangeState, MandateChange, Subscription
from . import subscriptions
from .subscriptions import Asked, Object, collection_moment

log = logging.getLogger(__name__)


class NotChangeable(Exception):
    """Nothing was stored. `code`: ended | under_way | not_started | nothing_open."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@transaction.atomic
def request_change(
    mandate: Mandate,
    *,
    uuid: UUID,
    kind: ChangeKind,
    amount: Money | None = None,
    fee_cover: Money | None = None,
    day: int | None = None,
    until: date | None = None,
    end_reason: str = "",
    end_wish: str = "",
    by: str = "",
) -> MandateChange:
    """Store a change that is wanted; the same `uuid` again is the same change. Raises NotChangeable."""
    locked = Mandate.objects.select_for_update().get(pk=mandate.pk)
    if same := MandateChange.objects.filter(uuid=uuid, mandate=locked).first():
        return same
    _require_changeable(locked, kind)
    if kind == ChangeKind.DAY and day is not None:
        until = subscriptions.first_on_day(locked, day)
    return MandateChange.objects.create(
        uuid=uuid,
        mandate=locked,
        kind=kind,
        amount_minor=amount.minor if amount else None,
        fee_cover_minor=(fee_cover.minor if fee_cover else 0) if amount else None,
        day=day,
        until=until,
        end_reason=end_reason,
        end_wish=end_wish,
        asked_by=by,
    )


def _require_changeable(mandate: Mandate, kind: ChangeKind) -> None:
    if mandate.state == MandateState.ENDED:
        raise NotChangeable("ended")
    subscription = Subscription.objects.filter(mandate=mandate).first()
    if mandate.state == MandateState.OPENED or subscription is None:
        raise NotChangeable("not_started")
    if MandateChange.objects.filter(mandate=mandate, state__in=CHANGE_OPEN).exists():
        raise NotChangeable("under_way")
    if kind == ChangeKind.COLLECT and subscriptions.waiting(mandate) is None:
        raise NotChangeable("nothing_open")


def carry_out_due(limit: int = 100) -> int:
    """Ask Stripe for the changes that are due, and look up those without an answer; how many were made."""
    return sum(carry_out(pk) == ChangeState.MADE for pk in asking.due_ids(MandateChange.objects.all(), limit))


def carry_out(change_id: int) -> ChangeState:
    """Ask Stripe for one change, unless somebody else is at it; the state it is in then. Never within a transaction."""
    change = asking.claim(MandateChange.objects.select_related("mandate__subscription__account"), change_id)
    if change:
        _ask(change)
    return ChangeState(MandateChange.objects.values_list("state", flat=True).get(pk=change_id))


def _ask(change: MandateChange) -> None:
    subscription: Subscription = change.mandate.subscription
    asked = Asked.now(subscription.account, subscription.subscription_id)
    try:
        made = _looked_up(change, subscription) if change.state == ChangeState.ASKED else None
    except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
        log.warning("change %s not looked up: %s", change.uuid, error)
        return asking.end_call(change, ChangeState.ASKED)
    try:
        made = made or CALLS[ChangeKind(change.kind)](change, subscription, _key(change))
    except gateway.Unavailable:
        return asking.end_call(change, change.state)
    except gateway.UnknownOutcome:
        return asking.end_call(change, ChangeState.ASKED)
    except gateway.Refused as refused:
        return _refused(change, subscription, refused.code)
    _note(change, subscription, made, asked)
    return None


def _note(change: MandateChange, subscription: Subscription, answer: Object, asked: Asked) -> None:
    """Note the answer; should an event have come meanwhile, which may be newer or older, ask once more."""
    if _made(change, subscription, answer, asked):
        return
    try:
        asked = Asked.now(subscription.account, subscription.subscription_id)
        if again := _looked_up(change, subscription):
            _made(change, subscription, again, asked)
    except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
        log.warning("change %s not looked up: %s", change.uuid, error)
    asking.end_call(change, ChangeState.ASKED)


def _key(change: MandateChange) -> str:
    """The idempotency key of this attempt: made of what was stored before it. Stripe repeats a failure under a key
    for a day, so each attempt has its own; they come after a look-up, and what they ask for is absolute."""
    return f"{change.uuid}:{change.next_attempt_at.timestamp()}"


def _looked_up(change: MandateChange, subscription: Subscription) -> Object | None:
    """The subscription if it is as the change wants it, whoever made it so."""
    found = gateway.get_subscription(subscription.account, subscription.subscription_id)
    return found if _is_as_wanted(change, found) else None


def _is_as_wanted(change: MandateChange, subscription: Object) -> bool:
    """Whether nothing is left to ask for. Of a collection its invoice tells: Stripe is asked for that."""
    match ChangeKind(change.kind):
        case ChangeKind.AMOUNT:
            return bool(subscription["items"]["data"][0]["price"]["unit_amount"] == change.amount_minor)
        case ChangeKind.DAY:
            return bool(change.until and subscription["trial_end"] == collection_moment(change.until))
        case ChangeKind.PAUSE:
            return bool(subscription["pause_collection"] == _pause(change) | {"resumes_at": _resumes_at(change)})
        case ChangeKind.RESUME:
            return not subscription["pause_collection"]
        case ChangeKind.END:
            return subscription["status"] in subscriptions.OVER
        case ChangeKind.COLLECT:
            account, waiting = change.mandate.subscription.account, subscriptions.waiting(change.mandate)
            return waiting is None or gateway.get_invoice(account, waiting)["status"] != "open"


def _change_amount(change: MandateChange, subscription: Subscription, key: str) -> Object:
    mandate = change.mandate
    price = {
        "currency": mandate.currency.lower(),
        "product": subscription.product_id,
        "recurring": {"interval": mandate.interval},
        "unit_amount": change.amount_minor,
    }
    params = {"items": [{"id": subscription.item_id, "price_data": price}], "proration_behavior": "none"}
    return gateway.change_subscription(subscription.account, subscription.subscription_id, params, key=key)


def _change_day(change: MandateChange, subscription: Subscription, key: str) -> Object:
    """Stripe moves a cycle's day only to now, or by a trial that ends on the day; nothing is charged until then."""
    day = change.until or subscriptions.first_on_day(change.mandate, change.day or 1)
    params = {"trial_end": collection_moment(day), "proration_behavior": "none"}
    return gateway.change_subscription(subscription.account, subscription.subscription_id, params, key=key)


def _resumes_at(change: MandateChange) -> int | None:
    # The night before, so that a collection on that very day is made.
    return collection_moment(change.until) - 12 * 3600 if change.until else None


def _pause(change: MandateChange) -> dict[str, Any]:
    resumes_at = _resumes_at(change)
    return {"behavior": "void", **({"resumes_at": resumes_at} if resumes_at else {})}


def _pause_collection(change: MandateChange, subscription: Subscription, key: str) -> Object:
    params = {"pause_collection": _pause(change)}
    return gateway.change_subscription(subscription.account, subscription.subscription_id, params, key=key)


def _resume_collection(change: MandateChange, subscription: Subscription, key: str) -> Object:
    params = {"pause_collection": ""}
    return gateway.change_subscription(subscription.account, subscription.subscription_id, params, key=key)


def _end(change: MandateChange, subscription: Subscription, key: str) -> Object:
    return gateway.end_subscription(subscription.account, subscription.subscription_id, key=key)


def _collect(change: MandateChange, subscription: Subscription, key: str) -> Object:
    if waiting := subscriptions.waiting(change.mandate):
        gateway.pay_invoice(subscription.account, waiting, key=key)
    return gateway.get_subscription(subscription.account, subscription.subscription_id)


CALLS: dict[ChangeKind, Callable[[MandateChange, Subscription, str], Object]] = {
    ChangeKind.AMOUNT: _change_amount,
    ChangeKind.DAY: _change_day,
    ChangeKind.PAUSE: _pause_collection,
    ChangeKind.RESUME: _resume_collection,
    ChangeKind.COLLECT: _collect,
    ChangeKind.END: _end,
}


@in_transaction
def _made(change: MandateChange, subscription: Subscription, answer: Object, asked: Asked) -> bool:
    """Note the answer while the change is still under way: it tells whose wish it was."""
    if not subscriptions.take_answer(subscription.account, answer, asked):
        return False
    under_way = MandateChange.objects.filter(pk=change.pk, state__in=CHANGE_OPEN)
    under_way.update(state=ChangeState.MADE, made_at=timezone.now())
    return True


def _refused(change: MandateChange, subscription: Subscription, code: str) -> None:
    """Refused because it is so already, or because the subscription is not what we thought: learn what it is."""
    log.warning("change %s refused: %s", change.uuid, code)
    asked = Asked.now(subscription.account, subscription.subscription_id)
    try:
        found = gateway.get_subscription(subscription.account, subscription.subscription_id)
        is_as_wanted = _is_as_wanted(change, found)
    except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
        log.warning("subscription %s not looked up: %s", subscription, error)
    else:
        if is_as_wanted:
            return _note(change, subscription, found, asked)
        subscriptions.take_answer(subscription.account, found, asked)
    MandateChange.objects.filter(pk=change.pk).update(state=ChangeState.REFUSED, error_code=code[:60])
    return None


def end_those_of_closed_appeals(limit: int = 200) -> int:
    """End the mandates of closed appeals, or tell of their new purpose, as each wording promised; how many."""
    alive = Mandate.objects.filter(state__in=[MandateState.ACTIVE, MandateState.PAUSED, MandateState.FAILING])
    closed = alive.filter(round__appeal__state__in=OVER).order_by("pk")
    ending = closed.filter(wording__after_close=AfterClose.ENDS).exclude(changes__state__in=CHANGE_OPEN)
    going_on = closed.filter(wording__after_close=AfterClose.CONTINUES)
    untold = going_on.exclude(notices__kind=NoticeKind.MANDATE_REDIRECTED).select_related("round")
    done = sum(_end_with_appeal(mandate) for mandate in ending[:limit])
    for mandate in untold[:limit]:
        about = f"appeal:{mandate.round.appeal_id}"
        done += mandates.redirected(mandate.uuid, about=about, at=timezone.now())
    return done


def _end_with_appeal(mandate: Mandate) -> bool:
    try:
        request_change(
            mandate,
            uuid=uuid5(mandate.uuid, f"closed {timezone.now():%Y-%m-%d}"),
            kind=ChangeKind.END,
            end_reason=MandateEnd.APPEAL_CLOSED,
        )
    except NotChangeable:
        return False
    return True


def mend_url(mandate: Mandate, *, return_url: str) -> str:
    """Where a donor pays the collection that failed, or answers their bank: Stripe's page of the open invoice.

    Where none is open: the page on which the card is changed. Raises the gateway's errors.
    """
    subscription = _subscription(mandate)
    if waiting := subscriptions.waiting(mandate):
        invoice = gateway.get_invoice(subscription.account, waiting)
        if invoice["status"] == "open" and invoice.get("hosted_invoice_url"):
            return str(invoice["hosted_invoice_url"])
    return card_url(mandate, return_url=return_url)


def card_url(mandate: Mandate, *, return_url: str) -> str:
    """Stripe's page on which the card or account is changed. Raises the gateway's errors."""
    subscription = _subscription(mandate)
    return gateway.card_page(
        subscription.account, subscription.customer_id, return_url=return_url, locale=mandate.locale
    )


def _subscription(mandate: Mandate) -> Subscription:
    """Raises Refused for a mandate that Stripe does not know."""
    found = Subscription.objects.filter(mandate=mandate).select_related("account").first()
    if found is None:
        raise gateway.Refused("not_started")
    return found
