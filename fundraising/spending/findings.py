"""Funds that have less than they have promised, and money in funds of appeals that are over: breaks, never errors.

A refund or a chargeback makes a fund short; a dispute that is won late brings money to one whose surplus was passed on.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from ..breaks import Finding, note_findings
from ..models import Appeal, Cause, LegalEntity
from ..money import Money
from .surplus import RESOLVED, left_of


def check_funds() -> None:
    """Bring the breaks of every legal entity's funds to what is found now."""
    over = Q(campaigns__appeals__state__in=RESOLVED)
    for entity in LegalEntity.objects.filter(Q(spending_steps__isnull=False) | over).distinct():
        note(entity)


def note(entity: LegalEntity) -> None:
    """Bring the breaks of the legal entity's funds to what is found now."""
    note_findings(entity.pk, [Cause.FUND_SHORT], short_funds(entity))
    note_findings(entity.pk, [Cause.FUND_LEFT], funds_left(entity))


def short_funds(entity: LegalEntity) -> Iterator[Finding]:
    """Each fund and currency in which steps were booked and less than nothing is available."""
    with connection.cursor() as cursor:
        cursor.execute(_SHORT, [entity.pk])
        rows = cursor.fetchall()
    for fund_id, currency, available in rows:
        yield Finding(
            Cause.FUND_SHORT,
            subject=f"fund:{fund_id}:{currency}",
            amount=Money(-available, currency),
            occurred_on=timezone.localdate(),
            facts={"fund": fund_id, "available": available, "currency": currency},
        )


def funds_left(entity: LegalEntity) -> Iterator[Finding]:
    """Each fund and currency with money of an appeal whose surplus was resolved."""
    for appeal in Appeal.objects.filter(fund__entity=entity, state__in=RESOLVED).select_related("fund").order_by("pk"):
        for left in left_of(appeal.fund):
            if left.what == "available" and left.amount.minor > 0:
                yield Finding(
                    Cause.FUND_LEFT,
                    subject=f"fund:{appeal.fund_id}:{left.amount.currency}",
                    amount=left.amount,
                    occurred_on=timezone.localdate(),
                    facts={"fund": appeal.fund_id, "available": left.amount.minor, "appeal": appeal.slug},
                )


_SHORT = """
    SELECT * FROM (
        SELECT fund_id, currency, fund_available(fund_id, currency) AS available FROM (
            SELECT DISTINCT account.fund_id, account.currency FROM fundraising_account account
            WHERE account.entity_id = %s AND account.fund_id IS NOT NULL
              AND account.purpose IN ('earmarked', 'underway', 'held', 'spent', 'lent', 'borrowed', 'overhead',
                                      'surplus')
        ) used
    ) found WHERE available < 0 ORDER BY fund_id, currency
"""
