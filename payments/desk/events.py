"""What waits at Stripe's side of the desk: events, balance transactions, refunds and changes without an answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from fundraising import trail
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import by_id
from fundraising.models import Entry, LegalEntity
from fundraising.roles import May

from .. import inbox
from ..models import CHANGE_OPEN, REFUND_OPEN, BalanceTransaction, InboxEvent, MandateChange, RefundRequest
from .exports import UNHANDLED

SHOWN = 50
AT_ONCE = 200
MOST_SHOWN = 50_000  # characters of an event as Stripe sent it


@require_safe
@desk_page(May.READ_BOOKS)
def events(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Events that are not handled, with why, and balance transactions that are not booked."""
    unhandled = InboxEvent.objects.filter(account__entity=desk.entity, state__in=UNHANDLED).defer("body")
    unbooked = BalanceTransaction.objects.filter(account__entity=desk.entity, booked_at=None)
    context = {
        "page": by_id(request, unhandled),
        "unbooked": list(unbooked.order_by("created_at")[:SHOWN]),
        "may_replay": desk.may(May.WORK_BREAKS),
        "export_url": export_url(desk, "events"),
        "unbooked_url": export_url(desk, "unbooked"),
    }
    return render(request, desk, "desk/events.html", context)


@require_POST
@desk_page(May.WORK_BREAKS)
def replay(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Let chosen events be handled again, after somebody mended why they were not."""
    chosen = [int(pk) for pk in request.POST.getlist("event") if pk.isascii() and pk.isdigit() and len(pk) < 19]
    count = replay_events(desk.entity, chosen[:AT_ONCE], by=desk.user)
    inbox.nudge.wanted()
    text = ngettext("%d event will be handled again.", "%d events will be handled again.", count)
    messages.success(request, text % count)
    return redirect("desk-events", entity=desk.entity.slug)


@transaction.atomic
def replay_events(entity: LegalEntity, chosen: list[int], *, by: User) -> int:
    """Make events of a legal entity due again; how many. Booking twice is impossible."""
    rows = InboxEvent.objects.filter(pk__in=chosen, account__entity=entity, state__in=UNHANDLED)
    ids = list(rows.exclude(type="").values_list("event_id", flat=True))
    count = inbox.replay(rows)
    if count:
        trail.record("events_replayed", by=by, entity=entity, after={"events": ids})
    return count


@require_safe
@desk_page(May.READ_BOOKS)
def requests(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Refunds and changes of mandates that Stripe has not answered, and those that it refused lately."""
    refunds = RefundRequest.objects.filter(account__entity=desk.entity).select_related("donation")
    changes = MandateChange.objects.filter(mandate__entity=desk.entity).select_related("mandate")
    context = {
        "refunds": list(refunds.filter(state__in=REFUND_OPEN).order_by("created_at")[:SHOWN]),
        "changes": list(changes.filter(state__in=CHANGE_OPEN).order_by("created_at")[:SHOWN]),
        "refused": list(refunds.filter(state="refused").order_by("-pk")[:SHOWN]),
        "export_url": export_url(desk, "requests"),
    }
    return render(request, desk, "desk/requests.html", context)


@require_safe
@desk_page(May.READ_BOOKS)
def event_page(request: HttpRequest, desk: Desk, event_id: str) -> HttpResponse:
    """One event: what it is about, what became of it and why. As Stripe sent it only for who may see donors."""
    event = get_object_or_404(InboxEvent, account__entity=desk.entity, event_id=event_id)
    said = _read(bytes(event.body))
    thing = said.get("data", {}).get("object", {}) if isinstance(said.get("data"), dict) else {}
    waits_for = Entry.objects.filter(entity=desk.entity, key=event.waits_for).first() if event.waits_for else None
    context = {
        "event": event,
        "object_id": str(thing.get("id") or "")[:120] if isinstance(thing, dict) else "",
        "made_at": _moment(said.get("created")),
        "body": json.dumps(said, indent=2, ensure_ascii=False)[:MOST_SHOWN] if desk.may(May.READ_DONORS) else "",
        "waits_for": waits_for,
        "may_replay": desk.may(May.WORK_BREAKS) and event.state in UNHANDLED,
    }
    return render(request, desk, "desk/event.html", context)


def _read(body: bytes) -> dict[str, Any]:
    """The event; nothing of what is no JSON, which is quarantined."""
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _moment(seconds: object) -> datetime | None:
    """A moment as Stripe writes it; none where it is not one."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None
    except (ValueError, OverflowError, OSError):
        return None
