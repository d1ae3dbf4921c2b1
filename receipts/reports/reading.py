"""From the books to what a report keeps: plain numbers in minor units, without language, as JSON.

    {"currency": "EUR", "first": …, "last": …,
     "budget": 500000 | null, "budget_is": "budget" | "goals", "raised": 415000 | null,
     "rates": [{"from": "USD", "to": "EUR", "rate": "0.92", "on": "2026-10-01"}], "missing_rates": ["JPY"],
     "rounds": [{"number": 1, "opens": …, "closes": … | null, "goal": 500000 | null}],
     "period": {"EUR": FIGURES, "USD": FIGURES}, "own": FIGURES | null,  (of these days)
     "ever": {"EUR": FIGURES, "USD": FIGURES}, "ever_own": FIGURES | null,  (since the appeal began)
     "version": 2, "spending_until": "2026-10-01" | null, "partners": {"EUR": [PARTNER, …]}}

All of it is public (fundraising/spending/disclosure.py). Reports of version 1 have none of the last line. PARTNER is
a row of the days: "alias" (empty: withheld), "region", amounts, and "ref", the partner's UUID for masking it later.
FIGURES are those of fundraising/spending/figures.py by their names; "received_by" by channel, "lines" by category.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from typing import Any

from fundraising.models import Appeal, Goal, Round
from fundraising.money import Money
from fundraising.spending.disclosure import PublicPartner, publication
from fundraising.spending.figures import AppealFigures, CategoryFigures, CurrencyFigures

Data = dict[str, Any]
VERSION = 2
# What is worked out from the rest is kept too: a report must not change when the way of working it out does.
DERIVED = ("received", "fees", "net", "allocated", "committed", "disbursed", "confirmed", "spent", "returned",
           "to_commit", "to_send", "underway", "held", "available")  # fmt: skip


class DoesNotAddUp(Exception):
    """The figures contradict each other: the books are wrong, or we are. No report is made of them."""


def read(appeal: Appeal, *, first: date, last: date, on: date) -> Data:
    """The figures of a report issued on a day, in the caller's database transaction; raises DoesNotAddUp."""
    found = publication(appeal, [(first, last), (date.min, last)], on=on)
    period, ever = (_checked(one.figures) for one in found)
    budget, budget_is = _budget(ever, appeal, last)
    return {
        "currency": appeal.currency,
        "first": first.isoformat(),
        "last": last.isoformat(),
        "budget": budget,
        "budget_is": budget_is,
        "raised": ever.in_own.raised.minor if ever.in_own else None,
        "rates": [
            {"from": code, "to": appeal.currency, "rate": f"{rate.rate.normalize():f}", "on": rate.on.isoformat()}
            for code, rate in sorted({**ever.rates, **period.rates}.items())
        ],
        "missing_rates": list(ever.missing_rates),
        "rounds": list(_rounds(appeal, last)),
        "period": {found.currency: _figures(found) for found in period.by_currency},
        "own": _figures(period.in_own) if period.in_own else None,
        "ever": {found.currency: _figures(found) for found in ever.by_currency},
        "ever_own": _figures(ever.in_own) if ever.in_own else None,
        "version": VERSION,
        "spending_until": until.isoformat() if (until := found[0].spending_until) else None,
        "partners": {code: [_partner(row) for row in rows] for code, rows in found[0].partners.items()},
    }


def _checked(found: AppealFigures) -> AppealFigures:
    if gaps := found.gaps():
        raise DoesNotAddUp("; ".join(gaps))
    return found


def _budget(ever: AppealFigures, appeal: Appeal, last: date) -> tuple[int | None, str]:
    """What the appeal needs in its own currency: the sum of its budget, or of its rounds' goals until it has one."""
    if ever.in_own and (planned := sum(line.budgeted.minor for line in ever.in_own.lines)):
        return planned, "budget"
    goals = [one["goal"] for one in _rounds(appeal, last) if one["goal"] is not None]
    return (sum(goals) if goals else None), "goals"


def _rounds(appeal: Appeal, last: date) -> Iterable[Data]:
    """The rounds that were open by the last day, each with the goal that held then."""
    rounds = Round.objects.filter(appeal=appeal, opens_at__date__lte=last).order_by("number")
    goals: dict[int, int] = {}
    for goal in Goal.objects.filter(round__in=rounds, set_at__date__lte=last).order_by("set_at", "pk"):
        goals[goal.round_id] = goal.amount_minor
    for found in rounds:
        yield {
            "number": found.number,
            "opens": found.opens_at.date().isoformat(),
            "closes": found.closes_at.date().isoformat() if found.closes_at else None,
            "goal": goals.get(found.pk),
        }


def _figures(found: CurrencyFigures) -> Data:
    plain = {name.name: getattr(found, name.name) for name in fields(found)}
    kept = {name: value.minor for name, value in plain.items() if isinstance(value, Money)}
    kept |= {name: getattr(found, name).minor for name in DERIVED}
    return {
        **kept,
        "currency": found.currency,
        "received_by": {channel: value.minor for channel, value in found.received_by.items()},
        "lines": [_line(line) for line in found.lines],
    }


def _line(line: CategoryFigures) -> Data:
    """One category. What arrived may be in another currency than what was sent: each keeps its own."""
    amounts = {one.name: getattr(line, one.name) for one in fields(line) if one.name != "category"}
    return {"category": line.category, **{name: value.minor for name, value in amounts.items()}}


def _partner(row: PublicPartner) -> Data:
    amounts = {one.name: getattr(row, one.name) for one in fields(row)}
    kept = {name: value.minor for name, value in amounts.items() if isinstance(value, Money)}
    return {"ref": str(row.uuid) if row.uuid else "", "alias": row.alias, "region": row.region, **kept}
