"""Payouts: what Stripe sends to our bank account, and which of Stripe's lines each is made of.

Stripe says of an automatic payout when its lines can be listed; then they are read again, so that what we keep is what
Stripe says now. Nobody can say what a manual payout is made of.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from fundraising.models import Donation

from . import gateway
from .gateway import moment
from .models import BalanceTransaction, Payment, Payout, StripeAccount
from .sweeps import settlement
from .sweeps.cursors import PATIENCE_SECONDS

log = logging.getLogger(__name__)

Object = dict[str, Any]
# For words of one second: the later in this list follows on the earlier.
COURSE = ["pending", "in_transit", "paid", "canceled", "failed"]
RETURNED = {"canceled", "failed"}
COMPLETED = "completed"
RETURNS = ("payout_failure", "payout_cancel")
LINES_AT_ONCE = 1_000


class NotItemisable(Exception):
    """Stripe cannot say what a payout is made of: it is a manual one."""


@transaction.atomic(savepoint=False)
def see_payout(account: StripeAccount, payout: Object, *, said_at: datetime) -> bool:
    """Note what a payout says of itself; what is older than the row changes nothing. Whether it was news.

    Only a completed reconciliation is for good, whichever word comes last.
    """
    said = _said(payout, said_at)
    made = {
        "currency": payout["currency"].upper(),
        "amount_minor": payout["amount"],
        "automatic": payout["automatic"],
        "created_at": moment(payout["created"]),
        "descriptor": (payout.get("statement_descriptor") or "")[:40],
    }
    row = Payout(account=account, payout_id=payout["id"], **made, **said)
    known = Payout.objects.filter(account=account, payout_id=payout["id"]).exists()
    Payout.objects.bulk_create([row], ignore_conflicts=True)
    standing = Payout.objects.select_for_update().get(account=account, payout_id=payout["id"])
    if row.reconciliation != COMPLETED == standing.reconciliation:
        said["reconciliation"] = COMPLETED
    if (said_at, _course(row.status)) < (standing.status_at, _course(standing.status)):
        if row.reconciliation != COMPLETED or standing.reconciliation == COMPLETED:
            return not known
        said = {"reconciliation": COMPLETED}
    news = {name: value for name, value in said.items() if getattr(standing, name) != value}
    if news:
        Payout.objects.filter(pk=standing.pk).update(**news)
    return not known or bool(news.keys() - {"status_at"})


def _said(payout: Object, said_at: datetime) -> dict[str, Any]:
    """What may change of a payout as time passes."""
    return {
        "status": payout["status"],
        "status_at": said_at,
        "reconciliation": payout.get("reconciliation_status") or "",
        "arrival_on": moment(payout["arrival_date"]).date(),
        "trace_id": str((payout.get("trace_id") or {}).get("value") or "")[:120],
        "failure_code": payout.get("failure_code") or "",
    }


def _course(status: str) -> int:
    return COURSE.index(status) if status in COURSE else -1


def see_listed(account: StripeAccount, payout: Object, said_at: datetime) -> bool:
    """As a sweep sees it."""
    return see_payout(account, payout, said_at=said_at)


def to_itemise() -> QuerySet[Payout]:
    """The payouts whose lines Stripe can list and nobody has read."""
    return Payout.objects.filter(automatic=True, reconciliation=COMPLETED, itemised_at=None)


def itemise_due(account: StripeAccount) -> int:
    """Itemise what is due of an account; how many were. One that Stripe refuses holds up no other; raises the gateway's
    other errors."""
    itemised = 0
    for payout in to_itemise().filter(account=account).select_related("account").order_by("created_at"):
        try:
            itemise(payout)
        except gateway.Refused as error:
            log.warning("payout %s not itemised: %s", payout, error)
        else:
            itemised += 1
    return itemised


def itemise(payout: Payout) -> int:
    """Read the lines of a payout from Stripe and keep them as they are now; how many. Books those that were missed.

    A line that Stripe names no more is of no payout. Never within a database transaction. Raises NotItemisable and
    the gateway's errors.
    """
    if not payout.automatic:
        raise NotItemisable(payout.payout_id)
    listed = gateway.each(
        payout.account, "balance_transactions", created_gte=0, patience=PATIENCE_SECONDS, payout=payout.payout_id
    )
    named: list[str] = []
    for lines in _in_batches(listed):
        settlement.keep_itemised(payout.account, lines, payout_id=payout.payout_id)
        named += [line["id"] for line in lines]
    settlement.forget_itemised(payout.account, payout.payout_id, but=named)
    ours = BalanceTransaction.objects.filter(account=payout.account, payout_id=payout.payout_id, type__in=RETURNS)
    returned = ours.exclude(source=payout.payout_id).order_by("-created_at").first()
    Payout.objects.filter(pk=payout.pk).update(itemised_at=timezone.now(), retry_of=returned.source if returned else "")
    settlement.book_kept(payout.account)
    return len(named)


def _in_batches(listed: Iterator[Object]) -> Iterator[list[Object]]:
    while batch := list(islice(listed, LINES_AT_ONCE)):
        yield batch


def payout_of(donation: Donation) -> list[tuple[BalanceTransaction, Payout | None]]:
    """Stripe's lines of a donation's charges, oldest first, each with the payout that it went to the bank with."""
    charges = Payment.objects.filter(donation=donation).exclude(charge_id=None).values("account", "charge_id")
    found: list[BalanceTransaction] = []
    for charge in charges:
        lines = BalanceTransaction.objects.filter(account=charge["account"], source=charge["charge_id"])
        found += lines.filter(type__in=settlement.CHARGES)
    wanted = Payout.objects.filter(
        account__in={line.account_id for line in found}, payout_id__in={line.payout_id for line in found} - {""}
    )
    by_id = {(payout.account_id, payout.payout_id): payout for payout in wanted}
    found.sort(key=lambda line: (line.created_at, line.pk))
    return [(line, by_id.get((line.account_id, line.payout_id))) for line in found]
