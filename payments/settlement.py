"""Settlement: Stripe's balance transactions tell what each charge, refund and dispute really moved, and the fee.

All that moves Stripe's balance has one, payouts and Stripe's own fees too. Each is kept as it came and booked once, so
that the ledger's account at the provider holds what Stripe says that it holds, to the cent.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from fundraising import donations, ledger
from fundraising.ledger import Bucket
from fundraising.models import Purpose
from fundraising.money import Money

from . import sweeps
from .facts import charge_key, dispute_key, refund_key
from .gateway import moment
from .models import BalanceTransaction, StripeAccount

log = logging.getLogger(__name__)

# How far behind the newest line we read again: lines of one second come in no fixed order, and the
# line of a charge may be written after that of a younger one.
OVERLAP = timedelta(minutes=30)
FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
CHARGES = {"charge", "payment"}
REFUNDS = {"refund", "payment_refund"}
FAILED_REFUNDS = {"refund_failure"}
RETURNED_DEBITS = {"payment_failure_refund"}  # of the charge itself
DISPUTES = {"dispute", "dispute_reversal"}  # reporting categories: their type, `adjustment`, is that of much else
PAYOUTS = {"payout", "payout_cancel", "payout_failure"}
FEES = {"stripe_fee", "stripe_fx_fee", "tax_fee"}
# Lines that rest on a fact of their own; all others are facts themselves.
OF_FACTS = Q(type__in=CHARGES | REFUNDS | FAILED_REFUNDS | RETURNED_DEBITS) | Q(reporting_category__in=DISPUTES)


def settle_account(account: StripeAccount, *, since: datetime | None = None) -> int:
    """Read the balance transactions since the cursor (or `since`) and book them; how many were booked."""
    if since is None:
        for window in sweeps.read_new(account, "balance_transactions", first=FIRST_DAY, overlap=OVERLAP):
            _keep(account, window)
    else:  # without the cursor: there may be a gap behind it that nobody has read
        for window, _until in sweeps.read_onward(account, "balance_transactions", since=since):
            _keep(account, window)
    return book_kept(account)


def waiting(account: StripeAccount) -> QuerySet[BalanceTransaction]:
    """The lines whose charge, refund or dispute is not booked."""
    return BalanceTransaction.objects.filter(OF_FACTS, account=account, booked_at=None)


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
    """Book the kept lines; those whose charge, refund or dispute is not booked yet wait for theirs."""
    unbooked = BalanceTransaction.objects.filter(account=account, booked_at=None).select_related("account")
    return sum(_book_or_leave(line) for line in unbooked.order_by("created_at", "pk"))


def _book_or_leave(line: BalanceTransaction) -> int:
    """A line that does not fit the books stays unbooked, for the audit to show, and holds up no other."""
    try:
        return _book(line)
    except (ledger.LedgerError, ValueError):
        log.exception("balance transaction %s not booked", line)
        return 0


@transaction.atomic
def _book(line: BalanceTransaction) -> int:
    if fact_key := _fact_key(line):
        if not _settle(line, fact_key):
            return 0
    else:
        _book_own(line)
    BalanceTransaction.objects.filter(pk=line.pk).update(booked_at=timezone.now())
    return 1


def _settle(line: BalanceTransaction, fact_key: str) -> bool:
    """Settle the fact that a line is of; False while that is not booked."""
    fact = ledger.booked(fact_key)
    if fact is None:
        return False
    gross = next(Money(minor, leg.currency) for leg, minor in ledger.legs_of(fact).items() if leg.purpose == "clearing")
    donations.settle(
        key=f"txn:{line.txn_id}",
        fact_key=fact_key,
        gross=gross,
        settled=Money(line.amount_minor, line.currency),
        fee=Money(line.fee_minor, line.currency),
    )
    return True


def _book_own(line: BalanceTransaction) -> None:
    """Book a line that is a fact itself: sent to the bank or come back from it, a fee of Stripe's, or what we do not
    know, which waits in suspense for staff."""
    entity, currency, provider = line.account.entity_id, line.currency, line.account.slug
    fees = Bucket(entity, Purpose.FEES, currency)
    if line.type in PAYOUTS:
        other = Bucket(entity, Purpose.PAYOUTS, currency, provider=provider)
    elif line.type in FEES:
        other = fees
    else:
        other = Bucket(entity, Purpose.SUSPENSE, currency)
    legs = {Bucket(entity, Purpose.PROVIDER, currency, provider=provider): line.net_minor, fees: line.fee_minor}
    legs[other] = legs.get(other, 0) - line.amount_minor
    if any(legs.values()):
        ledger.post(key=f"txn:{line.txn_id}", legs=legs, occurred_at=line.created_at)


def _fact_key(line: BalanceTransaction) -> str:
    """The key of the fact that a line is of; empty for one that is a fact itself."""
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
    return refund_key(line.source) if line.type in REFUNDS else ""
