"""What came in, day by day and week by week, from the sums that the ledger keeps of each day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from babel.dates import format_date
from babel.numbers import format_compact_decimal
from django.utils.translation import get_language, gettext

from fundraising.books.days import DaySum, day_sums
from fundraising.locales import babel_locale, percent
from fundraising.models import Purpose
from fundraising.money import EXPONENTS, Money

from . import charts

DAYS = 90
READ = (
    Purpose.DONATIONS, Purpose.REFUNDS, Purpose.WITHHELD, Purpose.CHARGEBACKS, Purpose.FEES, Purpose.FEE_TAX,
    Purpose.FX,
)  # fmt: skip
TAKEN_BACK = (Purpose.REFUNDS, Purpose.WITHHELD, Purpose.CHARGEBACKS)


@dataclass(frozen=True)
class CameIn:
    """What came in, in one currency: received, with what was given back or withheld in the month beside it."""

    currency: str
    today: Money
    yesterday: Money
    week: Money
    month: Money
    given_back: Money  # in the month
    donations: int  # in the month


@dataclass(frozen=True)
class Trend:
    """The chart of one currency."""

    currency: str
    total: Money
    chart: charts.Chart
    title: str


@dataclass(frozen=True)
class Week:
    """A week of one currency: what was settled in it, and what the provider kept of that."""

    first: date
    settled: Money
    fees: Money
    share: int | None  # hundredths of a per cent; None where nothing was settled

    @property
    def share_label(self) -> str:
        return percent(self.share, get_language() or "en") if self.share is not None else ""


@dataclass(frozen=True)
class Fees:
    """What the provider kept, week by week, in one currency."""

    currency: str
    weeks: tuple[Week, ...]
    chart: charts.Chart
    title: str


class Trends:
    """The last DAYS days of a legal entity, read once."""

    def __init__(self, entity_id: int, today: date) -> None:
        self.today = today
        self.first = today - timedelta(days=DAYS - 1)
        self.sums = day_sums(entity_id, first=min(self.first, today.replace(day=1)), purposes=READ)
        counts: dict[str, int] = defaultdict(int)
        for sum_ in self._of(Purpose.DONATIONS):
            counts[sum_.currency] += sum_.postings
        self.currencies = sorted(counts, key=lambda code: (-counts[code], code))

    def _of(self, *purposes: Purpose) -> list[DaySum]:
        return [sum_ for sum_ in self.sums if sum_.purpose in purposes]

    def came_in(self) -> list[CameIn]:
        """One row for each currency, the busiest first."""
        return [self._came_in(code) for code in self.currencies]

    def _came_in(self, code: str) -> CameIn:
        received = [sum_ for sum_ in self._of(Purpose.DONATIONS) if sum_.currency == code]
        back = [sum_ for sum_ in self._of(*TAKEN_BACK) if sum_.currency == code]
        month = self.today.replace(day=1)
        return CameIn(
            currency=code,
            today=_credit(received, code, since=self.today),
            yesterday=_credit(received, code, since=self.today - timedelta(1), until=self.today - timedelta(1)),
            week=_credit(received, code, since=self.today - timedelta(6)),
            month=_credit(received, code, since=month),
            given_back=-_credit(back, code, since=month),
            donations=sum(sum_.postings for sum_ in received if sum_.on >= month),
        )

    def days(self) -> list[date]:
        return [self.first + timedelta(days=day) for day in range(DAYS)]

    def by_day(self) -> dict[str, dict[date, Money]]:
        """What was received each day, by currency; days without anything are left out."""
        found: dict[str, dict[date, Money]] = {code: {} for code in self.currencies}
        for sum_ in self._of(Purpose.DONATIONS):
            if sum_.on >= self.first:
                found[sum_.currency][sum_.on] = Money(sum_.credit_minor - sum_.debit_minor, sum_.currency)
        return found

    def received(self) -> list[Trend]:
        """A chart of the days for each currency."""
        by_day = self.by_day()
        return [_trend(code, self.days(), by_day[code]) for code in self.currencies if by_day[code]]

    def fees(self) -> list[Fees]:
        """A chart of the weeks for each currency in which the provider settles."""
        settling = sorted({sum_.currency for sum_ in self._of(Purpose.FEES)})
        return [_fees(code, list(self._weeks(code))) for code in settling]

    def _weeks(self, code: str) -> Iterable[Week]:
        """Whole weeks. Settled is what was given, less what left by exchange and with what came by it: so fees of a
        currency stand beside the money that they were taken from, whatever currency the donors gave."""
        for back in range(DAYS // 7 - 1, -1, -1):
            first = self.today - timedelta(days=7 * back + 6)
            rows = [sum_ for sum_ in self.sums if sum_.currency == code and first <= sum_.on < first + timedelta(7)]
            given = _net(sum_ for sum_ in rows if sum_.purpose in {Purpose.DONATIONS, Purpose.FX})
            fees = -_net(sum_ for sum_ in rows if sum_.purpose in {Purpose.FEES, Purpose.FEE_TAX})
            share = fees * 10_000 // given if given > 0 else None
            yield Week(first, Money(given, code), Money(fees, code), share)


def _credit(sums: list[DaySum], code: str, *, since: date, until: date = date.max) -> Money:
    return Money(_net(sum_ for sum_ in sums if since <= sum_.on <= until), code)


def _net(sums: Iterable[DaySum]) -> int:
    return sum(sum_.credit_minor - sum_.debit_minor for sum_ in sums)


def _trend(code: str, days: list[date], received: dict[date, Money]) -> Trend:
    locale = babel_locale(get_language())
    nothing = Money(0, code)
    points = [
        charts.Point(day, amount.minor, f"{short_date(day)}: {amount.format(locale)}")
        for day in days
        for amount in [received.get(day, nothing)]
    ]
    chart = charts.bars(points, tick_label=lambda minor: _compact(minor, code), day_label=short_date)
    title = gettext("Received per day in %(currency)s, the last %(days)d days") % {"currency": code, "days": len(days)}
    return Trend(code, Money(sum(amount.minor for amount in received.values()), code), chart, title)


def _fees(code: str, weeks: list[Week]) -> Fees:
    points = [
        charts.Point(week.first, week.share or 0, f"{short_date(week.first)}: {week.share_label or '–'}")
        for week in weeks
    ]
    chart = charts.bars(points, tick_label=lambda share: percent(share, get_language() or "en"), day_label=short_date)
    title = gettext("Fees as a share of what was settled in %(currency)s, week by week") % {"currency": code}
    return Fees(code, tuple(weeks), chart, title)


def _compact(minor: int, code: str) -> str:
    """1.5K, 2 mila: major units, short."""
    major = minor / 10 ** EXPONENTS[code]  # for a label only; no amount is worked out from it
    return format_compact_decimal(
        major, locale=babel_locale(get_language()), fraction_digits=1 if major < 10_000 else 0
    )


def short_date(day: date) -> str:
    """13 Nov, as readers of the active language write it."""
    return format_date(day, format="d MMM", locale=babel_locale(get_language()))
