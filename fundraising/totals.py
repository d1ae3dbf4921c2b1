"""Totals: what the public sees of the ledger. Always exact: checkpoint and tail in one snapshot.

The position of a round in a currency is what its donations brought, less what was given or taken
back, less what has been exchanged. Summing the positions at their rates gives the total in the appeal's currency: what
is settled counts at the rate the provider really paid, the rest at the stored rate of the day.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from .ledger import LAST_XID
from .models import BROUGHT, Appeal, Purpose, Round
from .money import EXPONENTS, Money

log = logging.getLogger(__name__)


SHOWN = [*BROUGHT, Purpose.FX, Purpose.PENDING]


@dataclass(frozen=True)
class Total:
    """What an appeal or one of its rounds has raised, in the appeal's currency."""

    raised: Money
    pending: Money
    goal: Money | None
    donations: int
    donors: int
    as_of: datetime
    by_currency: tuple[Money, ...]
    approximate: bool  # some of it is converted at a stored rate
    rates_date: date | None

    @property
    def percent(self) -> int | None:
        """Whole per cent of the goal, rounded down; may pass 100."""
        return self.raised.minor * 100 // self.goal.minor if self.goal else None


# One statement, so one snapshot: what each account of the appeals' rounds holds, with the newest stored rate
# into the appeal's currency; and in rows of their own the counts and the newest goal.
_FIGURES = """
    WITH rounds AS (
        SELECT r.id, r.appeal_id, r.number, r.opens_at, appeal.currency FROM fundraising_round r
        JOIN fundraising_appeal appeal ON appeal.id = r.appeal_id
        WHERE appeal.id = ANY(%(appeals)s) AND (%(round)s::bigint IS NULL OR r.id = %(round)s)
    )
    SELECT rounds.appeal_id, account.purpose, account.currency,
           (coalesce(checkpoint.balance_minor, 0) + coalesce((
               SELECT sum(posting.amount_minor) FROM fundraising_posting posting
               WHERE posting.account_id = account.id AND posting.xid BETWEEN (SELECT xid FROM fundraising_fold)
                 AND %(last)s::xid8), 0))::bigint,
           newest.rate, newest.on, NULL::bigint
    FROM rounds
    JOIN fundraising_account account ON account.round_id = rounds.id
     AND account.purpose = ANY(%(purposes)s)
    LEFT JOIN fundraising_checkpoint checkpoint ON checkpoint.account_id = account.id
    LEFT JOIN LATERAL (
        SELECT rate, "on" FROM fundraising_exchangerate
        WHERE base = account.currency AND quote = rounds.currency ORDER BY "on" DESC LIMIT 1) newest ON true
  UNION ALL
    SELECT rounds.appeal_id, 'counts', '',
           coalesce(sum(coalesce(checkpoint.donations, 0) + coalesce(tail.donations, 0)), 0)::bigint, NULL, NULL,
           coalesce(sum(CASE WHEN %(round)s::bigint IS NULL
                             THEN coalesce(checkpoint.appeal_donors, 0) + coalesce(tail.appeal_donors, 0)
                             ELSE coalesce(checkpoint.round_donors, 0) + coalesce(tail.round_donors, 0)
                        END), 0)::bigint
    FROM rounds
    LEFT JOIN fundraising_tallycheckpoint checkpoint ON checkpoint.round_id = rounds.id
    LEFT JOIN LATERAL (
        SELECT sum(donations) donations, sum(round_donors) round_donors, sum(appeal_donors) appeal_donors
        FROM fundraising_tally tally WHERE tally.round_id = rounds.id
         AND tally.xid BETWEEN (SELECT xid FROM fundraising_fold) AND %(last)s::xid8) tail ON true
    GROUP BY rounds.appeal_id
  UNION ALL
    (SELECT DISTINCT ON (rounds.appeal_id) rounds.appeal_id, 'goal', '', goal.amount_minor, NULL, NULL, NULL
     FROM rounds JOIN fundraising_goal goal ON goal.round_id = rounds.id
     ORDER BY rounds.appeal_id, rounds.opens_at <= now() DESC, rounds.number DESC, goal.set_at DESC, goal.id DESC)
"""


def appeal_total(appeal: Appeal) -> Total:
    """The total over all rounds of the appeal, with the newest goal of its newest round that has opened."""
    return appeal_totals([appeal])[appeal.pk]


def appeal_totals(appeals: Iterable[Appeal]) -> dict[int, Total]:
    """The totals of several appeals by their ids, read at once."""
    return _totals(list(appeals), None)


def round_total(round_: Round) -> Total:
    """The total of one round, with its newest goal."""
    return _totals([round_.appeal], round_.pk)[round_.appeal_id]


def _totals(appeals: list[Appeal], round_id: int | None) -> dict[int, Total]:
    by_appeal = {appeal.pk: _Figures(appeal.currency) for appeal in appeals}
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"appeals": list(by_appeal), "round": round_id, "last": LAST_XID, "purposes": SHOWN})
        rows = cursor.fetchall()
    for appeal_id, purpose, currency, minor, rate, on, donors in rows:
        figures = by_appeal[appeal_id]
        if purpose == "counts":
            figures.donations, figures.donors = minor, donors
        elif purpose == "goal":
            figures.goal = Money(minor, figures.currency)
        elif minor:
            figures.add(Purpose(purpose), Money(minor, currency), rate, on)
    return {appeal_id: figures.total() for appeal_id, figures in by_appeal.items()}


class _Figures:
    """Sums the accounts of a total by currency."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.given: dict[str, int] = defaultdict(int)
        self.position: dict[str, int] = defaultdict(int)
        self.pending: dict[str, int] = defaultdict(int)
        self.rates: dict[str, tuple[Decimal, date]] = {}
        self.goal: Money | None = None
        self.donations = self.donors = 0

    def add(self, purpose: Purpose, balance: Money, rate: Decimal | None, on: date | None) -> None:
        if rate is not None and on is not None:
            self.rates[balance.currency] = rate, on
        if purpose == Purpose.PENDING:
            self.pending[balance.currency] += balance.minor
            return
        # Income is credit, so negative in the ledger.
        self.position[balance.currency] -= balance.minor
        if purpose != Purpose.FX:
            self.given[balance.currency] -= balance.minor

    def total(self) -> Total:
        foreign = {
            currency
            for amounts in (self.position, self.pending)
            for currency, minor in amounts.items()
            if minor and currency != self.currency
        }
        if missing := foreign - self.rates.keys():
            # A page must not fail for it: the sum leaves them out, the list shows them, the audit fails.
            log.error("no exchange rate into %s from %s", self.currency, ", ".join(sorted(missing)))
        return Total(
            raised=self._converted(self.position),
            pending=self._converted(self.pending),
            goal=self.goal,
            donations=self.donations,
            donors=self.donors,
            as_of=timezone.now(),
            by_currency=tuple(Money(minor, currency) for currency, minor in sorted(self.given.items()) if minor),
            approximate=bool(foreign),
            rates_date=min((self.rates[base][1] for base in foreign & self.rates.keys()), default=None),
        )

    def _converted(self, amounts: dict[str, int]) -> Money:
        """Amounts of several currencies in the appeal's, rounded once, at the end."""
        major = sum(
            (
                Money(minor, base).decimal * (1 if base == self.currency else self.rates[base][0])
                for base, minor in amounts.items()
                if base == self.currency or base in self.rates
            ),
            Decimal(0),
        )
        return Money(int(major.scaleb(EXPONENTS[self.currency]).quantize(Decimal(1))), self.currency)


def as_json(appeal: Appeal, total: Total) -> dict[str, Any]:
    """The total as browsers get it: minor units, UTC. `version` changes when a figure does."""
    figures: dict[str, Any] = {
        "appeal": str(appeal.uuid),
        "raised": _money_json(total.raised),
        "pending": _money_json(total.pending) if total.pending else None,
        "goal": _money_json(total.goal) if total.goal else None,
        "percent": total.percent,
        "donations": total.donations,
        "donors": total.donors,
        "approximate": total.approximate,
        "by_currency": [_money_json(money) for money in total.by_currency],
    }
    version = hashlib.sha256(repr(figures).encode()).hexdigest()[:16]
    return {
        **figures,
        "version": version,
        "as_of": total.as_of.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _money_json(money: Money) -> dict[str, int | str]:
    return {"minor": money.minor, "currency": money.currency}
