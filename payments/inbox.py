"""The webhook inbox: check the signature, store the bytes, answer; handle afterwards.

A row in the inbox is never deleted. It is handled, or it says why not: parked (waits for another
fact, tried again), quarantined (not to be trusted), failed (tried often enough; staff must look).
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from fundraising.donations import NotBookedYet

from . import gateway, handlers
from .models import EventState, InboxEvent, StripeAccount, WebhookSecret

log = logging.getLogger(__name__)

ATTEMPTS = 15  # the last one about a day after the first
PARKED_FOR = timedelta(days=5)  # longer than Stripe retries
SOUGHT_AT_ONCE = 50  # of each kind that parked events wait for, in one sweep


@csrf_exempt
@require_POST
def receive(request: HttpRequest, account: str) -> HttpResponse:
    """Stripe's webhook endpoint of one account: 200 stored, 400 bad signature, 404, 413 too large."""
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length) > settings.WEBHOOK_MAX_BYTES:
        return HttpResponse(status=413)
    secrets = _secrets(account, at_most=_SECRETS_FOR_SECONDS)
    if secrets is None:
        return HttpResponse(status=404)
    body = request.body
    if not _is_signed(account, body, request.headers.get("Stripe-Signature", "")):
        log.warning("webhook of %s refused: bad signature", account)
        return HttpResponse(status=400)
    store(secrets[0], body)
    nudge.wanted()
    return HttpResponse(status=200)


_SECRETS_FOR_SECONDS = 10.0
_NEW_SECRETS_AFTER_SECONDS = 1.0
_known: dict[str, tuple[float, tuple[int, list[str]]]] = {}


def _is_signed(slug: str, body: bytes, header: str) -> bool:
    """Whether one of the account's active secrets signed the body, also one that was made since we looked last."""
    for seconds in (_SECRETS_FOR_SECONDS, _NEW_SECRETS_AFTER_SECONDS):
        _account_id, active = _secrets(slug, at_most=seconds) or (0, [])
        try:
            gateway.check_signature(body, header, active)
        except gateway.BadSignature:
            continue
        return True
    return False


def _secrets(slug: str, *, at_most: float) -> tuple[int, list[str]] | None:
    """Account id and active signing secrets, as they were at most so many seconds ago."""
    known = _known.get(slug)
    if known and time.monotonic() - known[0] < at_most:
        return known[1]
    account = StripeAccount.objects.filter(slug=slug).first()
    if account is None:
        return None
    active = WebhookSecret.objects.filter(account=account).filter(Q(retired_at=None) | Q(retired_at__gt=timezone.now()))
    found = account.pk, [row.secret for row in active]
    _known[slug] = time.monotonic(), found
    return found


def store(account_id: int, body: bytes) -> bool:
    """Keep the raw bytes once per account and event id; whether they are new. What is no event goes to quarantine."""
    event_id, kind, reason = _identity(body)
    state = EventState.QUARANTINED if reason else EventState.RECEIVED
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_inboxevent
                (account_id, event_id, type, body, state, attempts, reason, waits_for, received_at, next_attempt_at)
            VALUES (%s, %s, %s, %s, %s, 0, %s, '', now(), now()) ON CONFLICT (account_id, event_id) DO NOTHING
            """,
            [account_id, event_id, kind, body, state, reason],
        )
        return bool(cursor.rowcount)


def _identity(body: bytes) -> tuple[str, str, str]:
    """Event id, type, and why it is no event (or '')."""
    try:
        event = json.loads(body)
        event_id, kind = event["id"], event["type"]
        if not isinstance(event["data"]["object"], dict):
            raise TypeError
        if isinstance(event_id, str) and isinstance(kind, str) and _storable(event_id) and _storable(kind):
            return event_id, kind, ""
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return f"sha256:{hashlib.sha256(body).hexdigest()}", "", "signed, but not an event"


def _storable(text: str) -> bool:
    return 0 < len(text) <= 120 and text.isprintable() and text.isascii()


class Nudge:
    """Tells the workers that the inbox has something, at most ten times a second, off the request's path."""

    def __init__(self) -> None:
        self._flag = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def wanted(self) -> None:
        self._flag.set()
        if self._thread is None:
            with self._start:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="inbox-nudge", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            self._flag.wait()
            self._flag.clear()
            try:
                current_app.send_task("payments.tasks.handle_inbox")
            except Exception:  # the broker is down: the sweep will find the rows
                log.warning("inbox nudge lost; the sweep will see to it", exc_info=True)
                time.sleep(5)
            time.sleep(0.1)


nudge = Nudge()


def handle_due(limit: int = 1000) -> int:
    """Handle due rows, oldest first, one database transaction each; how many were taken."""
    taken = 0
    while taken < limit and handle_next():
        taken += 1
    return taken


def handle_next() -> bool:
    """Claim one due row and handle it; False if none is due. Other workers skip the claimed row.

    The claim and the handler's work are one database transaction. Where the work fails it is rolled back, and a
    second one notes on the row what went wrong.
    """
    row = None
    try:
        with transaction.atomic():
            row = _claim()
            if row is None:
                return False
            _handle(row)
    except NotBookedYet as missing:
        _note(row, _parked, str(missing))
    except Exception as error:  # whatever it is, the row is kept and tried again
        if row is None:
            raise
        log.exception("event %s failed", row.event_id)
        # The type only: an error's text may quote personal data.
        _note(row, _failed, type(error).__name__)
    return True


def _claim() -> InboxEvent | None:
    # By hand: this runs for every event, and composing the query took longer than the query. The commit need not
    # wait for the disk: should it be lost, the row is as due as before and none of its work has happened.
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT event.id, event.event_id, event.body, event.attempts, event.received_at,
                   account.id, account.slug, account.entity_id, account.livemode,
                   set_config('synchronous_commit', 'off', true)
            FROM payments_inboxevent event JOIN payments_stripeaccount account ON account.id = event.account_id
            WHERE event.state IN ('received', 'parked') AND event.next_attempt_at <= clock_timestamp()
            ORDER BY event.next_attempt_at LIMIT 1 FOR UPDATE OF event SKIP LOCKED
            """
        )
        found = cursor.fetchone()
    if found is None:
        return None
    event = dict(zip(("id", "event_id", "body", "attempts", "received_at"), found, strict=False))
    # Without its key: handlers run inside a database transaction and ask Stripe nothing.
    account = StripeAccount(**dict(zip(("id", "slug", "entity_id", "livemode"), found[5:9], strict=True)))
    return InboxEvent(account=account, **event)


def _handle(row: InboxEvent) -> None:
    event = json.loads(bytes(row.body))
    if refusal := _refusal(row.account, event):
        _write(row, *refusal, next_attempt_at=None)
        return
    handlers.handle(row.account, event)
    _write(row, EventState.HANDLED, "", next_attempt_at=None)


def _note(row: InboxEvent | None, verdict: Callable[[InboxEvent, str], None], reason: str) -> None:
    """Write the verdict on a row whose work was rolled back, unless another worker has it in hand by now."""
    if row is None:
        return
    with transaction.atomic():
        due = InboxEvent.objects.filter(pk=row.pk, state__in=[EventState.RECEIVED, EventState.PARKED])
        if due.select_for_update(skip_locked=True).values_list("pk", flat=True).first():
            verdict(row, reason)


def _write(
    row: InboxEvent, state: EventState, reason: str, *, next_attempt_at: datetime | None, waits_for: str = ""
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_inboxevent SET state = %s, reason = %s, waits_for = %s, next_attempt_at = %s,
                   attempts = attempts + 1, handled_at = CASE WHEN %s = 'handled' THEN clock_timestamp() END
            WHERE id = %s
            """,
            [state, reason, waits_for, next_attempt_at, state, row.pk],
        )


def _refusal(account: StripeAccount, event: dict[str, Any]) -> tuple[EventState, str] | None:
    if event.get("livemode") is not account.livemode:
        return EventState.QUARANTINED, "live and test mode do not match"
    if event.get("api_version") != gateway.API_VERSION:
        return EventState.PARKED, f"API version {event.get('api_version')!r}; replay it after the upgrade"
    return None


def _parked(row: InboxEvent, missing: str) -> None:
    """It waits for days, and for as many tries as take one: after a stop, or a replay, the sweeps get their turn."""
    if timezone.now() - row.received_at > PARKED_FOR and row.attempts + 1 >= ATTEMPTS:
        _write(row, EventState.FAILED, f"waited in vain for {missing}", next_attempt_at=None)
        return
    # Cut to its column: a row that cannot be saved would be the next one due for ever.
    again = _back_off(row.attempts + 1)
    _write(row, EventState.PARKED, f"waits for {missing}", next_attempt_at=again, waits_for=missing[:160])


def _failed(row: InboxEvent, reason: str) -> None:
    if row.attempts + 1 >= ATTEMPTS:
        _write(row, EventState.FAILED, reason, next_attempt_at=None)
    else:
        _write(row, EventState.RECEIVED, reason, next_attempt_at=_back_off(row.attempts + 1))


def _back_off(attempts: int) -> datetime:
    return timezone.now() + timedelta(seconds=min(5 * 2**attempts, 6 * 3600))


def waited_for(account: StripeAccount, prefix: str, *, attempts: int) -> list[str]:
    """What events wait for that were parked so many times, what is due next first, fifty at most.

    Each try puts an event off behind the others, so that what cannot be found keeps none from its turn.
    """
    parked = InboxEvent.objects.filter(account=account, state=EventState.PARKED, attempts__gte=attempts)
    keys = parked.filter(waits_for__startswith=prefix).values_list("waits_for").annotate(due=Min("next_attempt_at"))
    return [key for key, _due in keys.order_by("due", "waits_for")[:SOUGHT_AT_ONCE]]


def dismiss(account: StripeAccount, waits_for: str, reason: str) -> int:
    """What these events wait for will never be: they are handled, and say why nothing came of them; how many."""
    parked = InboxEvent.objects.filter(account=account, state=EventState.PARKED, waits_for=waits_for)
    return _update(
        parked, state=EventState.HANDLED, reason=reason, waits_for="", next_attempt_at=None, handled_at=timezone.now()
    )


def set_aside(events: QuerySet[InboxEvent]) -> int:
    """Staff have looked: these parked or failed events need no handling, for what they tell is booked; how many."""
    parked = events.filter(state__in=[EventState.PARKED, EventState.FAILED])
    return _update(parked, state=EventState.QUARANTINED, next_attempt_at=None)


def replay(events: QuerySet[InboxEvent]) -> int:
    """Make events due again, whatever became of them; how many. Booking twice is impossible."""
    known = events.exclude(type="")
    now = timezone.now()
    return _update(
        known, state=EventState.RECEIVED, next_attempt_at=now, attempts=0, reason="", waits_for="", handled_at=None
    )


def _update(events: QuerySet[InboxEvent], **values: Any) -> int:
    """Update many rows, locked in the order of their keys: two updates that meet wait, and do not deadlock."""
    with transaction.atomic():
        rows = list(events.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
        return InboxEvent.objects.filter(pk__in=rows).update(**values)
