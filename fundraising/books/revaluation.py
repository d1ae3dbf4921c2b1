"""Valuing foreign money at the end of a period, in the reporting currency. Rule: IAS 21.23 and 21.28.

The ledger keeps every currency by itself, so nothing in it changes when a rate does. What has changed is what the
foreign money is worth. For a day:

    worth now  = each foreign balance of money (assets and liabilities) × the rate of that day
    earned     = each foreign income and cost × the rate of the day on which it counts; as income positive
    exchanged  = what the bridge holds in the reporting currency: what we gave for foreign money (debit) or got for
                 it (credit)

    result     = worth now − earned − exchanged

Example: 100 EUR are given at 1.10, so worth 110 USD; 60 of them are exchanged into 65 USD. The day's rate is 1.20.
Worth now 40 × 1.20 = 48; earned 110; exchanged −65. Result 48 − 110 + 65 = 3 USD gained: the 60 lost 1 (66 − 65), the
40 gained 4. The entry: bridge +3, exchange result −3. After it, everything valued in dollars adds up to zero without
a remainder: the bridge is worth nothing more (the test shows it).

The entry counts on the day itself and is reversed on the next one, so each valuation holds the whole difference and
the next begins anew. Rates are the newest on or before a day (ExchangeRate). Amounts are rounded once per currency,
half to even.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from .. import ledger, trail
from ..ledger import Bucket
from ..models import Entry, ExchangeRate, LegalEntity, Purpose
from ..money import EXPONENTS, Money
from . import TAIL, Balance, balances
from .chart import MEMORANDUM, MONETARY
from .periods import closed_until, keep_open


class RevaluationRefused(Exception):
    """The day cannot be valued; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RatesMissing(RevaluationRefused):
    """There is no rate of a currency on or before a day on which one is needed."""

    def __init__(self, missing: Sequence[tuple[str, date]]) -> None:
        super().__init__("rates")
        self.missing = missing


@dataclass(frozen=True)
class Valued:
    """One foreign currency: what we hold of it, its rate, what that is worth, and what was earned in it."""

    held: Money
    rate: Decimal
    rate_on: date
    worth: Money
    earned: Money


@dataclass(frozen=True)
class Revaluation:
    """The valuation of a day in the reporting currency, before or after it is booked."""

    on: date
    valued: Sequence[Valued]
    exchanged: Money
    booked: Entry | None

    @property
    def worth(self) -> Money:
        return self._sum([line.worth for line in self.valued])

    @property
    def earned(self) -> Money:
        return self._sum([line.earned for line in self.valued])

    @property
    def result(self) -> Money:
        """Positive: a gain."""
        return self.worth - self.earned - self.exchanged

    def _sum(self, parts: list[Money]) -> Money:
        return sum(parts, start=Money(0, self.exchanged.currency))


def key_of(entity: LegalEntity, on: date) -> str:
    return f"revaluation:{entity.pk}:{on.isoformat()}"


def value(entity: LegalEntity, on: date) -> Revaluation:
    """What the foreign money was worth at the end of a day, and what is to book. Raises RatesMissing. Reads only."""
    held = [balance for balance in balances(entity.pk, on) if balance.purpose not in MEMORANDUM]
    foreign = sorted({balance.currency for balance in held if balance.minor} - {entity.currency})
    earned, missing = _earned(entity, on)
    rates = {currency: _rate(currency, entity.currency, on) for currency in foreign}
    missing += [(currency, on) for currency, rate in rates.items() if rate is None]
    if missing:
        raise RatesMissing(sorted(set(missing)))
    lines = []
    for currency, rate in rates.items():
        assert rate
        lines.append(_value(held, rate, earned=earned.get(currency, Decimal(0)), currency=currency))
    booked = ledger.booked(key_of(entity, on))
    return Revaluation(on, lines, _exchanged(entity, held, booked), booked)


def _value(held: list[Balance], rate: ExchangeRate, *, earned: Decimal, currency: str) -> Valued:
    minor = sum(balance.minor for balance in held if balance.currency == currency and balance.purpose in MONETARY)
    money, home = Money(minor, currency), rate.quote
    in_minor = earned.scaleb(EXPONENTS[home]).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    return Valued(money, rate.rate, rate.on, money.converted(rate.rate, home), Money(int(in_minor), home))


def _rate(currency: str, home: str, on: date) -> ExchangeRate | None:
    return ExchangeRate.objects.filter(base=currency, quote=home, on__lte=on).order_by("-on").first()


def _exchanged(entity: LegalEntity, held: list[Balance], booked: Entry | None) -> Money:
    """The bridge in the reporting currency, without the valuation of this very day."""
    minor = sum(b.minor for b in held if b.purpose == Purpose.FX and b.currency == entity.currency)
    own = [m for leg, m in ledger.legs_of(booked).items() if leg.purpose == Purpose.FX] if booked else []
    return Money(minor - sum(own), entity.currency)


# What was earned and spent in foreign currencies, by day, each with the newest rate on or before it. Days are taken
# from the sums behind the watermark and the postings after it, as in books.balances.
_EARNED = f"""
    WITH {TAIL}, day AS (
        SELECT account.currency, day.on, sum(day.debit_minor - day.credit_minor) AS minor
        FROM fundraising_daycheckpoint day JOIN fundraising_account account ON account.id = day.account_id
        WHERE account.entity_id = %(entity)s AND account.currency <> %(home)s AND day.on <= %(on)s
          AND account.purpose <> ALL(%(apart)s)
        GROUP BY account.currency, day.on
        UNION ALL
        SELECT account.currency, unfolded.on, sum(unfolded.minor)
        FROM unfolded JOIN fundraising_account account ON account.id = unfolded.account_id
        WHERE account.currency <> %(home)s AND account.purpose <> ALL(%(apart)s)
        GROUP BY account.currency, unfolded.on
    )
    SELECT day.currency, min(day.on) FILTER (WHERE rate.rate IS NULL), sum(day.minor * rate.rate)
    FROM (SELECT currency, "on", sum(minor) AS minor FROM day GROUP BY currency, "on") AS day
    LEFT JOIN LATERAL (
        SELECT rate FROM fundraising_exchangerate
        WHERE base = day.currency AND quote = %(home)s AND "on" <= day.on ORDER BY "on" DESC LIMIT 1) rate ON true
    WHERE day.minor <> 0
    GROUP BY day.currency ORDER BY day.currency
"""


def _earned(entity: LegalEntity, on: date) -> tuple[dict[str, Decimal], list[tuple[str, date]]]:
    """What was earned less spent per foreign currency, in major units of the reporting one; and rates that lack."""
    parameters: dict[str, Any] = {
        "entity": entity.pk,
        "home": entity.currency,
        "on": on,
        "apart": [*MONETARY, *MEMORANDUM, Purpose.FX],
        "last": ledger.LAST_XID,
    }
    with connection.cursor() as cursor:
        cursor.execute(_EARNED, parameters)
        rows = cursor.fetchall()
    earned = {
        currency: -Decimal(total).scaleb(-EXPONENTS[currency]) for currency, _lacks, total in rows if total is not None
    }
    return earned, [(currency, lacks) for currency, lacks, _total in rows if lacks]


@transaction.atomic
def revalue(entity: LegalEntity, *, on: date, by: User, reason: str) -> Entry:
    """Book the valuation of a day, and its reversal on the next one. Raises RevaluationRefused."""
    if on >= datetime.now(UTC).date():
        raise RevaluationRefused("future")
    keep_open(entity)
    hard = closed_until(entity)[1]
    if hard and on <= hard:
        raise RevaluationRefused("closed")
    found = value(entity, on)
    if found.booked:
        raise RevaluationRefused("booked")
    if not found.result:
        raise RevaluationRefused("nothing")
    entry = _book(entity, found)
    trail.record(
        "foreign_money_revalued",
        by=by,
        about=f"entry:{entry.pk}",
        entity=entity,
        after={"on": on, "result": str(found.result), "rates": {v.held.currency: str(v.rate) for v in found.valued}},
        reason=reason.strip(),
    )
    return entry


def _book(entity: LegalEntity, found: Revaluation) -> Entry:
    bridge, result = (Bucket(entity.pk, purpose, entity.currency) for purpose in (Purpose.FX, Purpose.FX_RESULT))
    key = key_of(entity, found.on)
    posted = ledger.post(
        key=key,
        legs={bridge: found.result.minor, result: -found.result.minor},
        occurred_at=datetime.combine(found.on, time(12), UTC),
        accounted_on=found.on,
    )
    entry = Entry.objects.get(pk=posted.entry_id)
    next_day = datetime.combine(found.on + timedelta(days=1), time(12), UTC)
    ledger.reverse(entry, key=f"{key}:reversed", occurred_at=next_day)
    return entry
