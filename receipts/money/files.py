"""The money page's figures as files: CSV with one amount a line, JSON in minor units. Names no language changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fundraising.exports.csv_file import write_csv_with_mark
from fundraising.exports.table import Column, Row, Type, major, of_list
from fundraising.money import Money
from fundraising.spending.flow import Flow, flow_of

from .reading import AppealMoney
from .rounds import RoundMoney
from .showing import columns, tables


def as_csv(money: AppealMoney) -> bytes:
    """Every amount of the page's tables on a line of its own; labels in the active language."""
    names = (Column("table"), Column("line"), Column("label"), Column("column"), Column("currency"))
    table = of_list("money", [*names, Column("amount", Type.AMOUNT)], list(_rows(money)))
    return b"".join(write_csv_with_mark(table))


def _rows(money: AppealMoney) -> Iterator[Row]:
    for table in tables(money):
        for row in table.rows:
            for key, cell in zip(table.keys, row.cells, strict=True):
                if isinstance(cell, Money):
                    yield (table.key, row.key, row.label, key, cell.currency, major(cell.minor, cell.currency))
    for one in money.history.rounds:
        for goal in one.goals:
            yield _row("goals", one, goal.on.isoformat(), goal.amount)
        for amount in one.raised:
            yield _row("rounds", one, amount.currency, amount)


def _row(table: str, one: RoundMoney, column: str, amount: Money) -> Row:
    return (table, str(one.number), "", column, amount.currency, major(amount.minor, amount.currency))


def as_json(money: AppealMoney) -> dict[str, Any]:
    """The same by name, in minor units, with the nodes and links of each picture."""
    found = money.figures.figures
    until, newest = money.figures.spending_until, money.reports[0] if money.reports else None
    return {
        "appeal": str(found.appeal.uuid),
        "as_of": money.as_of.isoformat(timespec="seconds"),
        "currency": found.appeal.currency,
        "spending_until": until.isoformat() if until else None,
        "next_report_on": newest.next_on.isoformat() if newest and newest.next_on else None,
        "rates": [
            {"from": code, "to": rate.quote, "rate": f"{rate.rate.normalize():f}", "on": rate.on.isoformat()}
            for code, rate in sorted(found.rates.items())
        ],
        "missing_rates": list(found.missing_rates),
        "tables": {
            table.key: {
                row.key: {
                    key: cell.minor for key, cell in zip(table.keys, row.cells, strict=True) if isinstance(cell, Money)
                }
                for row in table.rows
            }
            for table in tables(money)
        },
        "pending": {one.currency: one.pending.minor for one in found.by_currency},
        "flows": {key: _flow(flow_of(one)) for key, one in columns(found)},
        "rounds": [_round(one) for one in money.history.rounds],
    }


def _flow(flow: Flow) -> dict[str, Any]:
    return {
        "currency": flow.currency,
        "nodes": [{"name": node.name, "minor": node.minor} for node in flow.nodes],
        "links": [{"from": link.source, "to": link.target, "minor": link.minor} for link in flow.links],
    }


def _round(one: RoundMoney) -> dict[str, Any]:
    return {
        "number": one.number,
        "opens": one.opens.isoformat(),
        "closes": one.closes.isoformat() if one.closes else None,
        "goals": [{"minor": goal.amount.minor, "on": goal.on.isoformat()} for goal in one.goals],
        "raised": {amount.currency: amount.minor for amount in one.raised},
    }
