"""An appeal's rounds over time: every goal that was set, and what the donations of each round brought, by week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.utils import timezone

from fundraising.ledger import LAST_XID
from fundraising.models import BROUGHT, Appeal, ExchangeRate, Goal, Round, RoundText
from fundraising.money import Money

WEEK = timedelta(days=7)
# What a round's donations brought less what went back, by week (its Monday) and currency: sums of days and the tail.
_WEEKS = """
    WITH own AS MATERIALIZED (
        SELECT account.id, account.round_id, account.currency FROM fundraising_account account
        JOIN fundraising_round round ON round.id = account.round_id
        WHERE round.appeal_id = %(appeal)s AND account.purpose = ANY(%(brought)s)
    ), moved AS (
        SELECT own.round_id, own.currency, day."on", day.debit_minor - day.credit_minor AS minor
        FROM own JOIN fundraising_daycheckpoint day ON day.account_id = own.id
        UNION ALL
        SELECT own.round_id, own.currency, entry.accounted_on, posting.amount_minor
        FROM own JOIN fundraising_posting posting ON posting.account_id = own.id
         AND posting.xid BETWEEN (SELECT xid FROM fundraising_fold) AND %(xid)s::xid8
        JOIN fundraising_entry entry ON entry.id = posting.entry_id
    )
    SELECT round_id, currency, date_trunc('week', "on")::date, -sum(minor)::bigint FROM moved
    GROUP BY 1, 2, 3 HAVING sum(minor) <> 0 ORDER BY 3, 1, 2
"""


@dataclass(frozen=True)
class SetGoal:
    """A goal as it was set."""

    amount: Money
    on: date


@dataclass(frozen=True)
class RoundMoney:
    """A round that has opened. `raised` is by currency; `in_own` all of it at the rates, where all are known."""

    number: int
    opens: date
    closes: date | None
    reasons: Mapping[str, str]  # by language
    goals: Sequence[SetGoal]
    raised: tuple[Money, ...]
    in_own: Money | None


@dataclass(frozen=True)
class Week:
    """The week from `on`: what had been raised at its end, and the goal that held then; in the appeal's currency."""

    on: date
    raised: Money
    goal: Money | None


@dataclass(frozen=True)
class History:
    rounds: tuple[RoundMoney, ...]
    weeks: tuple[Week, ...]  # none where a rate is missing


def history(appeal: Appeal, rates: Mapping[str, ExchangeRate]) -> History:
    """The rounds that have opened, in two queries; `rates` into the appeal's currency by currency."""
    texts = RoundText.objects.filter(round=OuterRef("pk")).values(json=JSONObject(locale="locale", reason="reason"))
    goals = Goal.objects.filter(round=OuterRef("pk")).order_by("set_at", "pk")
    rows = Round.objects.filter(appeal=appeal, opens_at__lte=timezone.now()).order_by("number")
    rounds = list(
        rows.annotate(
            said=ArraySubquery(texts),
            wanted=ArraySubquery(goals.values(json=JSONObject(minor="amount_minor", at="set_at"))),
        )
    )
    with connection.cursor() as cursor:
        cursor.execute(_WEEKS, {"appeal": appeal.pk, "brought": list(BROUGHT), "xid": LAST_XID})
        brought = [(round_id, on, Money(minor, code)) for round_id, code, on, minor in cursor.fetchall()]
    own = _Own(appeal.currency, rates)
    shown = tuple(_round(one, [money for round_id, _on, money in brought if round_id == one.pk], own) for one in rounds)
    known = all(own.knows(money) for _round_id, _on, money in brought)
    return History(shown, tuple(_weeks(shown, [(on, money) for _id, on, money in brought], own)) if known else ())


class _Own:
    """Sums of several currencies in the appeal's: each currency is summed and then converted, as everywhere."""

    def __init__(self, currency: str, rates: Mapping[str, ExchangeRate]) -> None:
        self.currency, self.rates = currency, rates

    def knows(self, money: Money) -> bool:
        return money.currency in {self.currency, *self.rates}

    def sum(self, amounts: Mapping[str, int]) -> Money:
        parts = (Money(minor, code) for code, minor in amounts.items())
        own = (one if one.currency == self.currency else self._converted(one) for one in parts)
        return sum(own, start=Money(0, self.currency))

    def _converted(self, money: Money) -> Money:
        return money.converted(self.rates[money.currency].rate, self.currency)


def _round(found: Round, brought: Sequence[Money], own: _Own) -> RoundMoney:
    sums = _by_currency(brought)
    wanted: list[dict[str, int | str]] = getattr(found, "wanted", [])
    said: list[dict[str, str]] = getattr(found, "said", [])
    return RoundMoney(
        number=found.number,
        opens=found.opens_at.date(),
        closes=found.closes_at.date() if found.closes_at else None,
        reasons={one["locale"]: one["reason"] for one in said},
        goals=tuple(SetGoal(Money(int(one["minor"]), own.currency), _day(str(one["at"]))) for one in wanted),
        raised=tuple(Money(minor, code) for code, minor in sorted(sums.items())),
        in_own=own.sum(sums) if all(map(own.knows, brought)) else None,
    )


def _day(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(UTC).date()


def _by_currency(amounts: Sequence[Money]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for money in amounts:
        sums[money.currency] = sums.get(money.currency, 0) + money.minor
    return sums


def _weeks(rounds: Sequence[RoundMoney], brought: Sequence[tuple[date, Money]], own: _Own) -> Iterator[Week]:
    """Each week from the first donation or opening to this one, those without a donation too."""
    if not rounds:
        return
    sums: dict[str, int] = {}
    on = min([_monday(rounds[0].opens), *(day for day, _money in brought)])
    last = max([_monday(datetime.now(UTC).date()), *(day for day, _money in brought)])
    while on <= last:
        for day, money in brought:
            if day == on:
                sums[money.currency] = sums.get(money.currency, 0) + money.minor
        yield Week(on, own.sum(sums), _goal(rounds, on + WEEK - timedelta(days=1)))
        on += WEEK


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _goal(rounds: Sequence[RoundMoney], on: date) -> Money | None:
    """The goal that the appeal's page showed on a day: the newest one of the newest round that had opened."""
    for one in reversed(rounds):
        if one.opens <= on and (goals := [goal for goal in one.goals if goal.on <= on]):
            return goals[-1].amount
    return None


# --- The chart ------------------------------------------------------------------------------------------------

CHART_WIDTH, CHART_HEIGHT, CHART_TOP = 1000, 240, 10


@dataclass(frozen=True)
class Steps:
    """The weeks as two stepped lines, in the chart's own units; `area` is what was raised, closed for filling."""

    raised: str
    area: str
    goal: str
    highest: Money
    first: date
    last: date
    width: int = CHART_WIDTH
    height: int = CHART_HEIGHT


def steps(weeks: Sequence[Week]) -> Steps | None:
    """The chart; None where there is nothing to draw."""
    highest = max([0, *(max(one.raised.minor, one.goal.minor if one.goal else 0) for one in weeks)])
    if not weeks or not highest:
        return None
    raised = [_height(one.raised.minor, highest) for one in weeks]
    goals = [_height(one.goal.minor, highest) if one.goal else None for one in weeks]
    line = _stepped(raised)
    return Steps(
        raised=line,
        area=f"{line}V{CHART_HEIGHT}H0Z",
        goal=_stepped(goals),
        highest=Money(highest, weeks[0].raised.currency),
        first=weeks[0].on,
        last=weeks[-1].on,
    )


def _height(minor: int, highest: int) -> int:
    room = CHART_HEIGHT - CHART_TOP
    return CHART_HEIGHT - max(minor, 0) * room // highest


def _stepped(heights: Sequence[int | None]) -> str:
    """A line that is level for each week; it begins where there is a first height."""
    path: list[str] = []
    for place, height in enumerate(heights):
        if height is None:
            continue
        x, end = (CHART_WIDTH * at // len(heights) for at in (place, place + 1))
        path.append(f"V{height}H{end}" if path else f"M{x} {height}H{end}")
    return "".join(path)
