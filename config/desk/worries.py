"""What waits for a person: each kind of it is one look into an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, Min, Q, Value, When
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from fundraising.desk import Desk
from fundraising.models import JournalEntry, JournalState, SpendingStep, StepState
from fundraising.roles import May
from payments.models import (
    CHANGE_OPEN,
    REFUND_OPEN,
    BalanceTransaction,
    EventState,
    InboxEvent,
    MandateChange,
    RefundRequest,
)
from receipts.documents import signing
from receipts.models import UNDELIVERED, OutgoingMail, Refusal
from receipts.regimes import signs_receipts

from .links import to

# Shorter than that, and a worker or Stripe is simply at it.
PATIENCE = timedelta(minutes=10)
BOOKED_WITHIN = timedelta(hours=1)
TOO_LONG = timedelta(days=1)


@dataclass(frozen=True)
class Worry:
    """Something that waits: how many, since when, how bad it is ("warn" or "bad"), and where to see to it."""

    text: str
    since: datetime | None
    level: str
    url: str


def worries(desk: Desk) -> list[Worry]:
    """All that waits, the worst first."""
    kinds: tuple[Callable[[Desk], Iterator[Worry]], ...] = (
        _events, _balance_transactions, _refunds, _changes, _receipts, _mails, _certificate, _journal, _steps,
    )  # fmt: skip
    found = [worry for kind in kinds for worry in kind(desk)]
    return sorted(found, key=lambda worry: worry.level != "bad")


def _level(since: datetime | None) -> str:
    return "bad" if since and since < timezone.now() - TOO_LONG else "warn"


def _events(desk: Desk) -> Iterator[Worry]:
    """Events that are due or wait for a fact, and those that nobody handles any more."""
    of_us = InboxEvent.objects.filter(account__entity=desk.entity)
    due = Q(state__in=[EventState.RECEIVED, EventState.PARKED], received_at__lt=timezone.now() - PATIENCE)
    waiting = of_us.filter(due).aggregate(count=Count("pk"), since=Min("received_at"))
    stuck = of_us.filter(state__in=[EventState.FAILED, EventState.QUARANTINED])
    failed = stuck.aggregate(count=Count("pk"), since=Min("received_at"))
    url = to(desk, "desk-events")
    if waiting["count"]:
        text = ngettext("%d event of Stripe is not handled", "%d events of Stripe are not handled", waiting["count"])
        yield Worry(text % waiting["count"], waiting["since"], _level(waiting["since"]), url)
    if failed["count"]:
        text = ngettext("%d event of Stripe failed", "%d events of Stripe failed", failed["count"])
        yield Worry(text % failed["count"], failed["since"], "bad", url)


def _balance_transactions(desk: Desk) -> Iterator[Worry]:
    late = BalanceTransaction.objects.filter(
        account__entity=desk.entity, booked_at=None, created_at__lt=timezone.now() - BOOKED_WITHIN
    ).aggregate(count=Count("pk"), since=Min("created_at"))
    if late["count"]:
        text = ngettext("%d balance transaction is not booked", "%d balance transactions are not booked", late["count"])
        yield Worry(text % late["count"], late["since"], _level(late["since"]), to(desk, "desk-events"))


def _refunds(desk: Desk) -> Iterator[Worry]:
    wanted = RefundRequest.objects.filter(
        account__entity=desk.entity, state__in=REFUND_OPEN, created_at__lt=timezone.now() - PATIENCE
    ).aggregate(count=Count("pk"), since=Min("created_at"))
    if wanted["count"]:
        text = ngettext("%d refund has no answer from Stripe", "%d refunds have no answer from Stripe", wanted["count"])
        yield Worry(text % wanted["count"], wanted["since"], _level(wanted["since"]), to(desk, "desk-requests"))


def _changes(desk: Desk) -> Iterator[Worry]:
    wanted = MandateChange.objects.filter(
        mandate__entity=desk.entity, state__in=CHANGE_OPEN, created_at__lt=timezone.now() - PATIENCE
    ).aggregate(count=Count("pk"), since=Min("created_at"))
    if wanted["count"]:
        text = ngettext(
            "%d change of a mandate has no answer from Stripe",
            "%d changes of mandates have no answer from Stripe",
            wanted["count"],
        )
        yield Worry(text % wanted["count"], wanted["since"], _level(wanted["since"]), to(desk, "desk-requests"))


def _receipts(desk: Desk) -> Iterator[Worry]:
    refused = Refusal.objects.filter(donation__entity=desk.entity).aggregate(count=Count("pk"), since=Min("first_at"))
    if refused["count"]:
        text = ngettext("%d receipt could not be issued", "%d receipts could not be issued", refused["count"])
        yield Worry(text % refused["count"], refused["since"], _level(refused["since"]), to(desk, "desk-failed"))


def _mails(desk: Desk) -> Iterator[Worry]:
    of_us = (
        Q(receipt__donor__entity=desk.entity)
        | Q(notice__donation__entity=desk.entity)
        | Q(notice__mandate__entity=desk.entity)
    )
    failed = OutgoingMail.objects.filter(of_us, state__in=UNDELIVERED)
    found = failed.aggregate(count=Count("pk"), since=Min("next_attempt_at"))
    if found["count"]:
        text = ngettext("%d mail could not be delivered", "%d mails could not be delivered", found["count"])
        yield Worry(text % found["count"], found["since"], _level(found["since"]), to(desk, "desk-failed"))


def _certificate(desk: Desk) -> Iterator[Worry]:
    """The certificate that signs receipts, where a law wants them signed, and it is not there or not for long."""
    standing, held = signing.look()
    if standing == signing.Standing.VALID or not signs_receipts(desk.entity):
        return
    url = to(desk, "desk-papers") if desk.may(May.MANAGE_PAPERS) else ""
    day = date_format(held.last_day, "SHORT_DATE_FORMAT") if held else ""
    if standing == signing.Standing.ENDS_SOON:
        yield Worry(gettext("The certificate that signs receipts ends on %(day)s") % {"day": day}, None, "warn", url)
    elif standing == signing.Standing.ENDED:
        yield Worry(gettext("The certificate that signs receipts ended on %(day)s") % {"day": day}, None, "bad", url)
    else:
        yield Worry(gettext("There is no certificate to sign receipts with"), None, "bad", url)


def _journal(desk: Desk) -> Iterator[Worry]:
    """Entries of others; nobody approves their own."""
    mine = Case(When(by=desk.user, then=Value("mine")), default=Value("theirs"))
    rows = (
        JournalEntry.objects.filter(entity=desk.entity, state=JournalState.WAITING)
        .values(whose=mine)
        .annotate(count=Count("pk"), since=Min("at"))
    )
    for row in rows:
        url = to(desk, "desk-drafts")
        if row["whose"] == "theirs" and desk.may(May.APPROVE):
            text = ngettext(
                "%d manual entry waits for your approval", "%d manual entries wait for your approval", row["count"]
            )
            yield Worry(text % row["count"], row["since"], "warn", url)
        else:
            text = ngettext("%d manual entry waits for approval", "%d manual entries wait for approval", row["count"])
            yield Worry(text % row["count"], row["since"], "plain", url)


def _steps(desk: Desk) -> Iterator[Worry]:
    """Steps of the money that wait for somebody else than their author."""
    mine = Case(When(by=desk.user, then=Value("mine")), default=Value("theirs"))
    rows = (
        SpendingStep.objects.filter(entity=desk.entity, state=StepState.WAITING)
        .values(whose=mine)
        .annotate(count=Count("pk"), since=Min("at"))
    )
    for row in rows:
        url = to(desk, "desk-spending-waiting")
        if row["whose"] == "theirs" and desk.may(May.APPROVE):
            text = ngettext(
                "%d step of the money waits for your approval",
                "%d steps of the money wait for your approval",
                row["count"],
            )
            yield Worry(text % row["count"], row["since"], "warn", url)
        else:
            text = ngettext(
                "%d step of the money waits for approval", "%d steps of the money wait for approval", row["count"]
            )
            yield Worry(text % row["count"], row["since"], "plain", url)
