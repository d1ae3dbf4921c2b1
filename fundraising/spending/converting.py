"""All currencies of an appeal's figures in one, at the rates that are booked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from ..models import ExchangeRate
from ..money import Money
from .figures import STAGES, CategoryFigures, CurrencyFigures


def rates_on(bases: set[str], quote: str, on: date) -> dict[str, ExchangeRate]:
    """The newest rate into `quote` on or before the day, of each currency that has one."""
    rows = ExchangeRate.objects.filter(base__in=bases, quote=quote, on__lte=on)
    return {rate.base: rate for rate in rows.order_by("base", "-on").distinct("base")} if bases else {}


def converted(found: tuple[CurrencyFigures, ...], currency: str, rates: Mapping[str, ExchangeRate]) -> CurrencyFigures:
    """All currencies in one: figures are converted and summed one by one, what is left over follows from them."""
    zero = Money(0, currency)

    def own(value: Money) -> Money:
        return value if value.currency == currency else value.converted(_rate(value.currency), currency)

    def _rate(code: str) -> Decimal:
        return rates[code].rate

    def summed(name: str) -> Money:
        return sum((own(getattr(one, name)) for one in found), start=zero)

    channels = sorted({channel for one in found for channel in one.received_by})
    names = [one.name for one in fields(CurrencyFigures) if one.type == "Money" and one.name != "unspent"]
    values: dict[str, Any] = {name: summed(name) for name in names}
    before: dict[tuple[str, str], Money] = {}
    for one in found:
        for key, value in one.stages_before.items():
            before[key] = before.get(key, zero) + own(value)
    figures = CurrencyFigures(
        currency=currency,
        received_by={
            channel: sum((own(one.received_by[channel]) for one in found if channel in one.received_by), start=zero)
            for channel in channels
        },
        unspent=zero,
        lines=tuple(_adding_up(line, before) for line in _converted_lines(found, own, zero)),
        stages_before=before,
        **values,
    )
    return replace(figures, unspent=figures.opening + figures.net - figures.spent)


def _converted_lines(
    found: tuple[CurrencyFigures, ...], own: Callable[[Money], Money], zero: Money
) -> tuple[CategoryFigures, ...]:
    categories = dict.fromkeys(line.category for one in found for line in one.lines)
    names = [one.name for one in fields(CategoryFigures) if one.type == "Money"]
    return tuple(
        CategoryFigures(
            category=category,
            **{
                name: sum(
                    (own(getattr(line, name)) for one in found for line in one.lines if line.category == category),
                    start=zero,
                )
                for name in names
            },
        )
        for category in categories
    )


def _adding_up(line: CategoryFigures, before: Mapping[tuple[str, str], Money]) -> CategoryFigures:
    """The line with what came into each stage as what is in it and what went on say: rounding must not part them."""
    for stage, (came,), went in reversed(STAGES):
        now: Money = getattr(line, stage)
        total = now - before.get((line.category, stage), Money(0, now.currency))
        whole: dict[str, Any] = {came: sum((getattr(line, name) for name in went), start=total)}
        line = replace(line, **whole)
    return line
