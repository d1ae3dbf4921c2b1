"""Reconciliation: our books, Stripe's lines, payouts and balance, and the bank, compared; differences become breaks."""

from __future__ import annotations

import logging
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from fundraising.breaks import Finding, note_findings
from fundraising.models import Break, BreakState, Cause, LegalEntity
from fundraising.money import Money

from .. import gateway
from ..audit import held
from ..models import StripeAccount, SyncCursor
from ..payouts import RETURNED
from ..sweeps.settlement import PAYOUTS
from . import detectors

log = logging.getLogger(__name__)

LOCK: Final = 0x0A_7EC  # any constant: one reconciliation of an account at a time
# More differences than people could look at: the oldest are told of first.
MOST_FINDINGS: Final = 5_000
CURSOR: Final = "reconciliation"
# What is found here alone, and what others find too, each among the subjects that begin so.
OWN: Final = (
    Cause.CHARGE_MISSING, Cause.CHARGE_DOUBLED, Cause.CHARGE_FOREIGN, Cause.AMOUNT_DIFFERS, Cause.FEE_DIFFERS,
    Cause.UNKNOWN_TO_PROVIDER, Cause.PAYOUT_LINE_MISSING, Cause.PAYOUT_NOT_IN_BANK,
    Cause.SUBSCRIPTION_DOUBLED,
)  # fmt: skip
SHARED: Final = {Cause.SUSPENSE: "txn:", Cause.BANK_LINE_DOUBLED: "payout:", Cause.BALANCE_DIFFERS: "stripe:"}


def reconcile(account: StripeAccount) -> list[Finding]:
    """Compare everything of an account and bring its breaks to what was found; nothing while another one is at it.

    Asks Stripe for its balance first. Should it not answer, what was known of the balance stands.
    """
    try:
        balances = None if connection.in_atomic_block else held(account)
    except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
        log.warning("balance of %s not compared: %s", account, error)
        balances = None
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, account.pk])
        if not cursor.fetchone()[0]:
            return []
        # Memory for sorting and hashing, so that a million lines take no more of it than a thousand.
        cursor.execute("SET LOCAL work_mem = '4MB'")
        cursor.execute("SET LOCAL jit = off")
        found = list(islice(detectors.findings(account), MOST_FINDINGS))
        if balances:
            found += unexplained(account, *balances, found=found)
        _note(account, found, asked=balances is not None)
    if len(found) >= MOST_FINDINGS:
        log.error("%s: %s differences and more", account, MOST_FINDINGS)
    return found


def _note(account: StripeAccount, found: list[Finding], *, asked: bool) -> None:
    note_findings(account.entity_id, OWN, [finding for finding in found if finding.cause in OWN])
    for cause, among in SHARED.items():
        if cause != Cause.BALANCE_DIFFERS or asked:
            mine = [finding for finding in found if finding.cause == cause]
            note_findings(account.entity_id, [cause], mine, among=among)
    SyncCursor.objects.update_or_create(account=account, kind=CURSOR, defaults={"read_until": timezone.now()})


def unexplained(
    account: StripeAccount, stripe: Counter[str], books: Counter[str], *, found: Iterable[Finding]
) -> Iterator[Finding]:
    """How far Stripe's balance is from the books beyond what single lines explain, by currency."""
    explained: Counter[str] = Counter()
    for finding in found:
        facts = finding.facts
        if "line" in facts:
            explained[facts["currency"]] += (facts["in_books"]["net"] or 0) - facts["at_provider"]["net"]
        elif str(facts.get("entry", "")).startswith("txn:") and finding.cause == Cause.UNKNOWN_TO_PROVIDER:
            explained[finding.amount.currency] += finding.amount.minor
    for currency in sorted(stripe.keys() | books.keys()):
        if off := books[currency] - stripe[currency] - explained[currency]:
            yield Finding(
                Cause.BALANCE_DIFFERS,
                subject=f"stripe:{account.slug}:{currency}",
                amount=Money(off, currency),
                occurred_on=timezone.now().date(),
                facts={"at_provider": stripe[currency], "in_books": books[currency], "explained": explained[currency]},
            )


def reconciled_at(account: StripeAccount) -> datetime | None:
    """When the account was compared last."""
    return SyncCursor.objects.filter(account=account, kind=CURSOR).values_list("read_until", flat=True).first()


class DayState(StrEnum):
    """How far a day's money is: all of it in the bank, on its way there, or with a difference that is open."""

    NOTHING = "nothing"
    RECONCILED = "reconciled"
    IN_TRANSIT = "in_transit"
    BREAKS = "breaks"


@dataclass(frozen=True)
class DayFigures:
    """What moved through Stripe on a day in one currency; `arrived` is what of `net` is in the bank."""

    lines: int
    gross: Money
    fees: Money
    net: Money
    arrived: Money


@dataclass(frozen=True)
class Day:
    """A day (UTC) of the calendar."""

    on: date
    open_breaks: int = 0
    figures: list[DayFigures] = field(default_factory=list)

    @property
    def state(self) -> DayState:
        if self.open_breaks:
            return DayState.BREAKS
        if any(one.arrived != one.net for one in self.figures):
            return DayState.IN_TRANSIT
        return DayState.RECONCILED if self.figures else DayState.NOTHING


def days(entity: LegalEntity, month: date) -> list[Day]:
    """Every day of the month that `month` is in: what moved, how far it is, and how many breaks are open."""
    first = month.replace(day=1)
    after = first + timedelta(days=monthrange(first.year, first.month)[1])
    figures: dict[date, list[DayFigures]] = {}
    with connection.cursor() as cursor:
        bounds = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (first, after)]
        cursor.execute(
            _DAYS,
            {
                "entity": entity.pk,
                "since": bounds[0],
                "until": bounds[1],
                "payouts": [*PAYOUTS],
                "returned": [*RETURNED],
            },
        )
        for on, currency, lines, *minors in cursor.fetchall():
            sums = [Money(int(minor), currency) for minor in minors]
            figures.setdefault(on, []).append(DayFigures(lines, *sums))
    standing = Break.objects.filter(entity=entity, state__in=[BreakState.OPEN, BreakState.PROPOSED])
    in_month = standing.filter(occurred_on__gte=first, occurred_on__lt=after)
    breaks = Counter(in_month.values_list("occurred_on", flat=True))
    whole = [first + timedelta(days=number) for number in range((after - first).days)]
    return [Day(on, breaks[on], figures.get(on, [])) for on in whole]


# Arrived: with a payout that is in the bank, or that Stripe calls paid where no bank account of the currency is known,
# or with one that failed, once it was sent anew.
# What a manual payout is made of nobody knows: all that was there before the newest one counts as sent with it.
_DAYS = """
    WITH RECURSIVE known AS (SELECT DISTINCT currency FROM fundraising_bankaccount WHERE entity_id = %(entity)s),
    matched AS (
        SELECT match.key, sum(match.amount_minor) AS sum FROM fundraising_match match
        JOIN fundraising_bankline line ON line.id = match.line_id
        JOIN fundraising_bankaccount bank ON bank.id = line.bank_account_id
        WHERE bank.entity_id = %(entity)s AND match.kind = 'payout' AND match.undone_at IS NULL GROUP BY match.key
    ), arrived AS (
        SELECT payout.account_id, payout.payout_id, payout.retry_of, payout.currency, payout.automatic,
               payout.created_at
        FROM payments_payout payout
        JOIN payments_stripeaccount account ON account.id = payout.account_id AND account.entity_id = %(entity)s
        LEFT JOIN matched ON matched.key = payout.payout_id
        WHERE payout.status <> ALL(%(returned)s) AND CASE WHEN payout.currency IN (SELECT currency FROM known)
              THEN matched.sum = payout.amount_minor ELSE payout.status = 'paid' END
    ), home AS (
        SELECT account_id, payout_id, retry_of FROM arrived
        UNION SELECT failed.account_id, failed.payout_id, failed.retry_of
        FROM home JOIN payments_payout failed
          ON failed.account_id = home.account_id AND failed.payout_id = home.retry_of
    ), by_hand AS (
        SELECT account_id, currency, max(created_at) AS until FROM arrived WHERE NOT automatic GROUP BY 1, 2
    )
    SELECT (line.created_at AT TIME ZONE 'UTC')::date, line.currency, count(*), sum(line.amount_minor),
           sum(line.fee_minor), sum(line.net_minor),
           coalesce(sum(line.net_minor) FILTER (
               WHERE home.payout_id IS NOT NULL OR line.payout_id = '' AND line.created_at <= by_hand.until), 0)
    FROM payments_balancetransaction line
    JOIN payments_stripeaccount account ON account.id = line.account_id AND account.entity_id = %(entity)s
    LEFT JOIN home ON home.account_id = line.account_id AND home.payout_id = line.payout_id
    LEFT JOIN by_hand ON by_hand.account_id = line.account_id AND by_hand.currency = line.currency
    WHERE line.created_at >= %(since)s AND line.created_at < %(until)s AND line.type <> ALL(%(payouts)s)
    GROUP BY 1, 2 ORDER BY 1, 2
"""
