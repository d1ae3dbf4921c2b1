"""Settlement: Stripe's balance transactions tell what each charge, refund and dispute really moved, and the fee.

All that moves Stripe's balance has one, payouts and Stripe's own fees too. Each is kept as it came and booked once, so
that the ledger's account at the provider holds what Stripe says that it holds, to the cent.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from fundraising import donations, ledger
from fundraising.ledger import Bucket
from fundraising.models import Purpose
from fundraising.money import EXPONENTS, Money

from ..facts import charge_key, dispute_key, refund_key
from ..gateway import moment
from ..models import BalanceTransaction, StripeAccount
from . import cursors

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
FEES = {"stripe_fee", "stripe_fx_fee"}
FEE_TAXES = {"tax_fee"}
# Stripe moves them out of the balance and back: they are ours, and cannot be paid out.
RESERVES = {
    "payment_network_reserve_hold", "payment_network_reserve_release", "payout_minimum_balance_hold",
    "payout_minimum_balance_release", "reserve_hold", "reserve_release", "reserve_transaction", "reserved_funds",
}  # fmt: skip
RESERVED = {"connect_reserved_funds", "risk_reserved_funds"}  # reporting categories
# The balance that payouts come from. What other balances say of themselves (a reserve's own side of a hold) would
# count the same money twice.
OF_PAYMENTS = {None, "", "payments"}
# Lines that rest on a fact of their own; all others are facts themselves.
OF_FACTS = Q(type__in=CHARGES | REFUNDS | FAILED_REFUNDS | RETURNED_DEBITS) | Q(reporting_category__in=DISPUTES)


def settle_account(account: StripeAccount, *, since: datetime | None = None) -> int:
    """Read the balance transactions since the cursor (or `since`) and book them; how many were booked."""
    if since is None:
        for window in cursors.read_new(account, "balance_transactions", first=FIRST_DAY, overlap=OVERLAP):
            _keep(account, window)
    else:  # without the cursor: there may be a gap behind it that nobody has read
        for window, _until in cursors.read_onward(account, "balance_transactions", since=since):
            _keep(account, window)
    return book_kept(account)


def waiting(account: StripeAccount) -> QuerySet[BalanceTransaction]:
    """The lines whose charge, refund or dispute is not booked."""
    return BalanceTransaction.objects.filter(OF_FACTS, account=account, booked_at=None)


def _keep(account: StripeAccount, lines: list[dict[str, Any]]) -> None:
    """Keep lines that are new; those of other balances than that of payments are left out."""
    BalanceTransaction.objects.bulk_create(
        [_line(account, line) for line in lines if line.get("balance_type") in OF_PAYMENTS], ignore_conflicts=True
    )


def _line(account: StripeAccount, line: dict[str, Any]) -> BalanceTransaction:
    return BalanceTransaction(
        account=account,
        txn_id=line["id"],
        type=line["type"],
        reporting_category=line["reporting_category"],
        source=line.get("source") or "",
        currency=line["currency"].upper(),
        amount_minor=line["amount"],
        fee_minor=line["fee"],
        fee_tax_minor=sum(part["amount"] for part in line.get("fee_details") or () if part["type"] == "tax"),
        net_minor=line["net"],
        exchange_rate=Decimal(str(line["exchange_rate"])) if line.get("exchange_rate") else None,
        created_at=moment(line["created"]),
        available_on=moment(line["available_on"]),
    )


def keep_itemised(account: StripeAccount, lines: list[dict[str, Any]], *, payout_id: str) -> None:
    """Keep the lines of a payout with the figures that Stripe names now, whatever was kept of them before.

    What is booked stays as it is: where the two differ, reconciliation says so.
    """
    _keep(account, lines)
    told = [_line(account, line) for line in lines]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_balancetransaction line SET payout_id = %(payout)s, amount_minor = told.amount,
                   fee_minor = told.fee, fee_tax_minor = told.tax, net_minor = told.net
            FROM unnest(%(ids)s::varchar[], %(amounts)s::bigint[], %(fees)s::bigint[], %(taxes)s::bigint[],
                        %(nets)s::bigint[]) told (id, amount, fee, tax, net)
            WHERE line.account_id = %(account)s AND line.txn_id = told.id
              AND (line.payout_id, line.amount_minor, line.fee_minor, line.fee_tax_minor, line.net_minor)
                  IS DISTINCT FROM (%(payout)s, told.amount, told.fee, told.tax, told.net)
            """,
            {
                "payout": payout_id,
                "account": account.pk,
                "ids": [line.txn_id for line in told],
                "amounts": [line.amount_minor for line in told],
                "fees": [line.fee_minor for line in told],
                "taxes": [line.fee_tax_minor for line in told],
                "nets": [line.net_minor for line in told],
            },
        )


def forget_itemised(account: StripeAccount, payout_id: str, *, but: list[str]) -> None:
    """All lines of a payout but these are of no payout that we know of."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_balancetransaction line SET payout_id = ''
            WHERE line.account_id = %s AND line.payout_id = %s
              AND NOT EXISTS (SELECT FROM unnest(%s::varchar[]) told (id) WHERE told.id = line.txn_id)
            """,
            [account.pk, payout_id, but],
        )


def fits_rate(charged: Money, line: BalanceTransaction) -> bool:
    """Whether the line's rate makes of what was charged what the line says, to the cent and a hundred-thousandth.

    Stripe does not say whether its rate is one of major or of minor units where a currency has no cents: either does.
    """
    if line.exchange_rate is None:
        return True
    exchanged = charged.minor * line.exchange_rate
    ratio = Decimal(10) ** (EXPONENTS[line.currency] - EXPONENTS[charged.currency])
    off = min(abs(exchanged - line.amount_minor), abs(exchanged * ratio - line.amount_minor))
    return off <= 1 + abs(line.amount_minor) // 100_000


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
        fee_tax=Money(line.fee_tax_minor, line.currency),
    )
    return True


def _book_own(line: BalanceTransaction) -> None:
    """Book a line that is a fact itself: sent to the bank or come back from it, held in reserve, a fee of Stripe's or
    the tax on it, or what we do not know, which waits in suspense for staff."""
    entity, currency, provider = line.account.entity_id, line.currency, line.account.slug
    legs = {
        Bucket(entity, Purpose.PROVIDER, currency, provider=provider): line.net_minor,
        Bucket(entity, Purpose.FEES, currency): line.fee_minor - line.fee_tax_minor,
        Bucket(entity, Purpose.FEE_TAX, currency): line.fee_tax_minor,
    }
    other = _other_side(line)
    legs[other] = legs.get(other, 0) - line.amount_minor
    if any(legs.values()):
        ledger.post(key=f"txn:{line.txn_id}", legs=legs, occurred_at=line.created_at)


def _other_side(line: BalanceTransaction) -> Bucket:
    entity, currency, provider = line.account.entity_id, line.currency, line.account.slug
    if line.type in PAYOUTS:
        return Bucket(entity, Purpose.PAYOUTS, currency, provider=provider)
    if line.type in RESERVES or line.reporting_category in RESERVED:
        return Bucket(entity, Purpose.RESERVED, currency, provider=provider)
    if line.type in FEES:
        return Bucket(entity, Purpose.FEES, currency)
    if line.type in FEE_TAXES:
        return Bucket(entity, Purpose.FEE_TAX, currency)
    return Bucket(entity, Purpose.SUSPENSE, currency)


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
