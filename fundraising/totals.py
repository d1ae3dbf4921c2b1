"""Totals: what the public sees of the ledger. Always exact: checkpoint and tail in one snapshot.

The position of a round in a currency is what its donations brought, less refunds, less what has
been exchanged. Summing the positions at their rates gives the total in the appeal's currency: what
is settled counts at the rate the provider really paid, the rest at the stored rate of the day.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from .models import Appeal, ExchangeRate, Goal, Purpose
from .money import EXPONENTS, Money


class NoRate(LookupError):
    """No exchange rate is stored between two currencies; staff must add one."""


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


_BALANCES = """
    SELECT account.round_id, account.purpose, account.currency,
           (coalesce(checkpoint.balance_minor, 0) + coalesce((
               SELECT sum(posting.amount_minor) FROM fundraising_posting posting
               WHERE posting.account_id = account.id AND posting.xid >= fold.xid), 0))::bigint
    FROM fundraising_account account
    CROSS JOIN fundraising_fold fold
    LEFT JOIN fundraising_checkpoint checkpoint ON checkpoint.account_id = account.id
    WHERE account.round_id = ANY(%s) AND account.purpose IN ('donations', 'refunds', 'fx', 'pending')
"""
_COUNTS = """
    SELECT r.id,
           coalesce(checkpoint.donations, 0) + coalesce(tail.donations, 0),
           coalesce(checkpoint.round_donors, 0) + coalesce(tail.round_donors, 0),
           coalesce(checkpoint.appeal_donors, 0) + coalesce(tail.appeal_donors, 0),
           coalesce(checkpoint.campaign_donors, 0) + coalesce(tail.campaign_donors, 0)
    FROM fundraising_round r
    CROSS JOIN fundraising_fold fold
    LEFT JOIN fundraising_tallycheckpoint checkpoint ON checkpoint.round_id = r.id
    LEFT JOIN LATERAL (
        SELECT sum(donations) donations, sum(round_donors) round_donors, sum(appeal_donors) appeal_donors,
               sum(campaign_donors) campaign_donors
        FROM fundraising_tally tally WHERE tally.round_id = r.id AND tally.xid >= fold.xid) tail ON true
    WHERE r.id = ANY(%s)
"""


def _rows(sql: str, round_ids: list[int]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [round_ids])
        return cursor.fetchall()


def appeal_total(appeal: Appeal) -> Total:
    """The total over all rounds of the appeal, with the goal of its newest round."""
    rounds = [r.pk for r in sorted(appeal.rounds.all(), key=lambda r: r.number)]
    counts = _rows(_COUNTS, rounds)
    donations, donors = sum(int(row[1]) for row in counts), sum(int(row[3]) for row in counts)
    goal = Goal.objects.filter(round_id=rounds[-1]).first() if rounds else None
    return _total(appeal, _rows(_BALANCES, rounds), donations, donors, goal)


def round_total(appeal: Appeal, round_id: int) -> Total:
    """The total of one round, with its newest goal."""
    [(_, donations, donors, _, _)] = _rows(_COUNTS, [round_id])
    goal = Goal.objects.filter(round_id=round_id).first()
    return _total(appeal, _rows(_BALANCES, [round_id]), int(donations), int(donors), goal)


def campaign_counts(round_ids: list[int]) -> tuple[int, int]:
    """Donations and distinct donors over all rounds of a campaign."""
    counts = _rows(_COUNTS, round_ids)
    return sum(int(row[1]) for row in counts), sum(int(row[4]) for row in counts)


def _total(
    appeal: Appeal, balances: list[tuple[Any, ...]], donations: int, donors: int, goal: Goal | None
) -> Total:
    given: dict[str, int] = defaultdict(int)
    position: dict[str, int] = defaultdict(int)
    pending: dict[str, int] = defaultdict(int)
    for _round, purpose, currency, minor in balances:
        if purpose == Purpose.PENDING:
            pending[currency] += minor
            continue
        position[currency] -= minor
        if purpose != Purpose.FX:
            given[currency] -= minor
    foreign = {currency for side in (position, pending) for currency, minor in side.items() if minor}
    rates = stored_rates(appeal.currency, foreign - {appeal.currency})
    return Total(
        raised=_sum(position, appeal.currency, rates),
        pending=_sum(pending, appeal.currency, rates),
        goal=Money(goal.amount_minor, appeal.currency) if goal else None,
        donations=donations,
        donors=donors,
        as_of=timezone.now(),
        by_currency=tuple(Money(minor, currency) for currency, minor in sorted(given.items()) if minor),
        approximate=bool(rates),
        rates_date=min((rate.on for rate in rates.values()), default=None),
    )


def _sum(amounts: dict[str, int], currency: str, rates: dict[str, ExchangeRate]) -> Money:
    """Amounts of several currencies in one; rounded once, at the end."""
    major = sum(
        (
            Money(minor, base).decimal * (rates[base].rate if base in rates else Decimal(1))
            for base, minor in amounts.items()
            if minor
        ),
        Decimal(0),
    )
    return Money(int(major.scaleb(EXPONENTS[currency]).quantize(Decimal(1))), currency)


def stored_rates(quote: str, bases: set[str]) -> dict[str, ExchangeRate]:
    """The newest stored rate of each base into `quote`; raises NoRate."""
    if not bases:
        return {}
    newest = ExchangeRate.objects.filter(quote=quote, base__in=bases).order_by("base", "-on").distinct("base")
    rates = {rate.base: rate for rate in newest}
    if missing := bases - rates.keys():
        raise NoRate(f"no rate from {', '.join(sorted(missing))} to {quote}")
    return rates


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
    }
    version = hashlib.sha256(repr(figures).encode()).hexdigest()[:16]
    return {
        **figures,
        "version": version,
        "as_of": total.as_of.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _money_json(money: Money) -> dict[str, int | str]:
    return {"minor": money.minor, "currency": money.currency}
