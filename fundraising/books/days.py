"""The books day by day: what each kind of account was debited and credited, and what it holds. Amounts in minor units.

Like balances, sums of days are checkpoint and tail, read in one statement: exact at every moment, and as fast after a
million postings as after a hundred.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db import connection

from ..ledger import LAST_XID
from ..models import Purpose
from ..money import Money


@dataclass(frozen=True)
class DaySum:
    """What one kind of account was debited and credited on a day, in one currency; both >= 0."""

    on: date
    purpose: Purpose
    currency: str
    debit_minor: int
    credit_minor: int
    postings: int


@dataclass(frozen=True)
class Holding:
    """What one kind of account holds now: debit positive."""

    purpose: Purpose
    provider: str
    amount: Money


def day_sums(entity_id: int, *, first: date, purposes: Collection[Purpose]) -> list[DaySum]:
    """The sums of each day since `first`, by purpose and currency; days without postings are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT day."on", account.purpose, account.currency,
                   sum(day.debit)::bigint, sum(day.credit)::bigint, sum(day.postings)::bigint
            FROM fundraising_account account CROSS JOIN LATERAL (
                SELECT known."on", known.debit_minor, known.credit_minor, known.postings
                FROM fundraising_daycheckpoint known WHERE known.account_id = account.id AND known."on" >= %(first)s
                UNION ALL
                SELECT entry.accounted_on, greatest(posting.amount_minor, 0), greatest(-posting.amount_minor, 0), 1
                FROM fundraising_posting posting JOIN fundraising_entry entry ON entry.id = posting.entry_id
                WHERE posting.account_id = account.id AND entry.accounted_on >= %(first)s
                  AND posting.xid BETWEEN (SELECT xid FROM fundraising_fold) AND %(last)s::xid8
            ) day ("on", debit, credit, postings)
            WHERE account.entity_id = %(entity)s AND account.purpose = ANY(%(purposes)s)
            GROUP BY day."on", account.purpose, account.currency ORDER BY 1
            """,
            {"entity": entity_id, "purposes": list(purposes), "first": first, "last": LAST_XID},
        )
        return [DaySum(on, Purpose(purpose), *rest) for on, purpose, *rest in cursor.fetchall()]


def holdings(entity_id: int, purposes: Collection[Purpose]) -> list[Holding]:
    """What accounts of these purposes hold at this moment, by provider or bank account and currency; none of zero."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT account.purpose, account.provider, account.currency,
                   sum(coalesce(checkpoint.balance_minor, 0) + coalesce((
                       SELECT sum(posting.amount_minor) FROM fundraising_posting posting
                       WHERE posting.account_id = account.id
                         AND posting.xid BETWEEN (SELECT xid FROM fundraising_fold) AND %(last)s::xid8), 0))::bigint
            FROM fundraising_account account
            LEFT JOIN fundraising_checkpoint checkpoint ON checkpoint.account_id = account.id
            WHERE account.entity_id = %(entity)s AND account.purpose = ANY(%(purposes)s)
            GROUP BY account.purpose, account.provider, account.currency ORDER BY 3, 1, 2
            """,
            {"entity": entity_id, "purposes": list(purposes), "last": LAST_XID},
        )
        found = cursor.fetchall()
    return [
        Holding(Purpose(purpose), provider, Money(minor, code)) for purpose, provider, code, minor in found if minor
    ]
