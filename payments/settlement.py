"""Settlement: Stripe's balance transactions tell what each charge, refund and dispute really moved, and the fee."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from fundraising import donations, ledger
from fundraising.money import Money

from . import gateway
from .facts import charge_key, dispute_key, refund_key
from .gateway import moment
from .models import BalanceTransaction, StripeAccount, SyncCursor

log = logging.getLogger(__name__)

# How far behind the newest line we read again: lines of one second come in no fixed order, and the
# line of a charge may be written after that of a younger one.
OVERLAP = timedelta(minutes=30)
CHARGES = {"charge", "payment"}
REFUNDS = {"refund", "payment_refund"}
FAILED_REFUNDS = {"refund_failure"}
RETURNED_DEBITS = {"payment_failure_refund"}  # of the charge itself
DISPUTES = {"dispute", "dispute_reversal"}  # reporting categories: their type, `adjustment`, is that of much else
BOOKED = Q(type__in=CHARGES | REFUNDS | FAILED_REFUNDS | RETURNED_DEBITS) | Q(reporting_category__in=DISPUTES)


def settle_account(account: StripeAccount, *, since: datetime | None = None) -> int:
    """Read the balance transactions since the cursor (or `since`) and book them; how many were booked."""
    started = timezone.now()
    cursor = SyncCursor.objects.filter(account=account, kind="balance_transactions").first()
    start = since or (cursor.read_until - OVERLAP if cursor else datetime(2020, 1, 1, tzinfo=UTC))
    for batch in _batches(gateway.each(account, "balance_transactions", created_gte=int(start.timestamp()))):
        _keep(account, batch)
    if since is None:  # else there may be a gap behind it that nobody has read
        SyncCursor.objects.update_or_create(
            account=account, kind="balance_transactions", defaults={"read_until": started}
        )
    return book_kept(account)


def _batches(lines: Iterable[dict[str, Any]], size: int = 500) -> Iterable[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _keep(account: StripeAccount, lines: list[dict[str, Any]]) -> None:
    BalanceTransaction.objects.bulk_create(
        [
            BalanceTransaction(
                account=account,
                txn_id=line["id"],
                type=line["type"],
                reporting_category=line["reporting_category"],
                source=line.get("source") or "",
                currency=line["currency"].upper(),
                amount_minor=line["amount"],
                fee_minor=line["fee"],
                net_minor=line["net"],
                exchange_rate=Decimal(str(line["exchange_rate"])) if line.get("exchange_rate") else None,
                created_at=moment(line["created"]),
                available_on=moment(line["available_on"]),
            )
            for line in lines
        ],
        ignore_conflicts=True,
    )


def book_kept(account: StripeAccount) -> int:
    """Book the kept lines whose charge, refund or dispute is booked; the others wait for theirs."""
    waiting = BalanceTransaction.objects.filter(BOOKED, account=account, booked_at=None)
    return sum(_book_or_leave(line) for line in waiting.order_by("created_at", "pk"))


def _book_or_leave(line: BalanceTransaction) -> int:
    """A line that does not fit the books stays unbooked, for the audit to show, and holds up no other."""
    try:
        return _book(line)
    except (ledger.LedgerError, ValueError):
        log.exception("balance transaction %s not booked", line)
        return 0


@transaction.atomic
def _book(line: BalanceTransaction) -> int:
    fact_key = _fact_key(line)
    fact = ledger.booked(fact_key)
    if fact is None:
        return 0
    gross = next(Money(minor, leg.currency) for leg, minor in ledger.legs_of(fact).items() if leg.purpose == "clearing")
    donations.settle(
        key=f"txn:{line.txn_id}",
        fact_key=fact_key,
        gross=gross,
        settled=Money(line.amount_minor, line.currency),
        fee=Money(line.fee_minor, line.currency),
    )
    BalanceTransaction.objects.filter(pk=line.pk).update(booked_at=timezone.now())
    return 1


def _fact_key(line: BalanceTransaction) -> str:
    if line.type in CHARGES:
        return charge_key(line.source)
    if line.type in RETURNED_DEBITS:
        return f"{charge_key(line.source)}:failed"
    if line.reporting_category == "dispute":
        return dispute_key(line.source)
    if line.reporting_category == "dispute_reversal":
        return f"{dispute_key(line.source)}:returned"
    if line.type in FAILED_REFUNDS:
        return f"{refund_key(line.source)}:failed"
    return refund_key(line.source)
