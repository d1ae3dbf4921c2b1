"""What the public may see of an appeal's money, and from when. Every public output takes its figures from here.

Steps with partners at risk are shown some days after they happened (`Partner.delay_days`). Until then they, and all
steps of the fund booked after them, are left out: what is shown is how the spending really stood before the first of
them, so it adds up, contradicts nothing, and nothing can be worked out from what is shown around a gap. Money that
comes in is always shown as of now.

Amounts smaller than a partner wants to be shown (`Partner.least_shown_minor`) are shown together with others: of
categories as the line `several`, of partners as the row of those who are withheld (cells.py). All sums stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db.models import DateField, ExpressionWrapper, F, Min, Value
from django.utils.translation import gettext as _

from ..models import Appeal, Category, Fund, Partner, SpendingStep, StepState
from ..money import Money
from . import cells
from .cells import Cells
from .figures import AppealFigures, CategoryFigures, CurrencyFigures, Share
from .partners import is_named
from .reading import appeal_figures

SEVERAL: Final = "several"  # the code of the line that stands for more than one category


@dataclass(frozen=True)
class PublicPartner:
    """What a partner had of the money in one currency, or all together who are not shown by themselves."""

    alias: str  # empty: withheld for safety
    region: str
    sent: Money
    arrived: Money  # of what was sent, in the currency in which it was sent
    confirmed: Money  # the same in the currency that they received
    spent: Money
    returned: Money
    underway: Money  # at the end of the days, as `held`
    held: Money
    # Whom the row is of, None for those withheld. For masking what was published; never publish it.
    uuid: UUID | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """In the active language."""
        return self.alias or _("withheld for safety")


@dataclass(frozen=True)
class PublicFigures:
    """An appeal's figures as everybody may see them."""

    figures: AppealFigures
    # The last day of which all steps are shown; None where none is held back.
    spending_until: date | None = None
    # By currency; their sums are those of the categories. None without spending.
    partners: Mapping[str, tuple[PublicPartner, ...]] = field(default_factory=dict)


def public_figures(appeal: Appeal, *, first: date, last: date, on: date) -> PublicFigures:
    """The figures from `first` to `last`, both included, as what is published on the day `on` may show them."""
    return publication(appeal, [(first, last)], on=on)[0]


def publication(appeal: Appeal, spans: Sequence[tuple[date, date]], *, on: date) -> list[PublicFigures]:
    """The figures of several spans of days that are published together: what one hides, none of the others tells."""
    entry, until = held_back(appeal.fund, on)
    found = [appeal_figures(appeal, first=first, last=last, before_entry=entry) for first, last in spans]
    return Disclosure(appeal, found, on=on).publish(until)


def held_back(fund: Fund, on: date) -> tuple[int | None, date | None]:
    """The entry from which on steps of the fund are not shown on a day, and the day before that step."""
    booked = SpendingStep.objects.filter(fund=fund, state__in=[StepState.BOOKED, StepState.UNDONE])
    shown_of = ExpressionWrapper(Value(on) - F("partner__delay_days"), output_field=DateField())
    too_new = booked.filter(partner__isnull=False, accounted_on__gt=shown_of)
    entry = too_new.aggregate(entry=Min("entry_id"))["entry"]
    if entry is None:
        return None, None
    return entry, SpendingStep.objects.get(entry_id=entry).accounted_on - timedelta(days=1)


def category_label(code: str) -> str:
    """A category of public figures in the active language."""
    return _("several purposes") if code == SEVERAL else str(Category(code).label)


class Disclosure:
    """From the figures of staff to those of everybody: rows that are too small are put together."""

    def __init__(self, appeal: Appeal, found: Sequence[AppealFigures], *, on: date) -> None:
        self.appeal, self.found, self.on = appeal, found, on
        keys = {share.partner for one in found for money in one.by_currency for share in money.shares}
        rows = Partner.objects.defer("real_name", "contact", "account") if keys else Partner.objects.none()
        self.partners: dict[int, Partner] = rows.in_bulk(keys)
        wishes = any(partner.least_shown_minor for partner in self.partners.values())
        codes = {money.currency for one in found for money in one.by_currency if wishes}
        self.large = cells.large(appeal.fund.entity.currency, codes, on)

    def publish(self, until: date | None) -> list[PublicFigures]:
        """The public figures of each span."""
        codes = dict.fromkeys(money.currency for one in self.found for money in one.by_currency)
        merged = {code: self._of_all_spans(code, self._lines) for code in codes}
        withheld = {code: self._of_all_spans(code, self._rows, self._unnamed()) for code in codes}
        return [
            PublicFigures(
                _with_lines(one, merged),
                until,
                {
                    money.currency: self._shown(money, withheld[money.currency])
                    for money in one.by_currency
                    if money.shares
                },
            )
            for one in self.found
        ]

    def _of_all_spans(self, code: str, rows: Any, must: Collection[str] = ()) -> frozenset[str]:
        """The rows to put together in a currency, the same in all spans."""
        tables = [rows(money) for one in self.found if (money := one.currency(code))]
        return cells.in_all(tables, self.large.get(code, _any), must)

    def _lines(self, money: CurrencyFigures) -> list[Cells]:
        least: dict[str, int] = {}
        for share in money.shares:
            wish = self.partners[share.partner].least_shown_minor
            least[share.category] = max(least.get(share.category, 0), wish)
        return [Cells(line.category, cells.minors(line), least.get(line.category, 0)) for line in money.lines]

    def _rows(self, money: CurrencyFigures) -> list[Cells]:
        return [
            Cells(str(key), cells.minors(share), self.partners[key].least_shown_minor)
            for key, share in _by_partner(money).items()
        ]

    def _unnamed(self) -> set[str]:
        return {str(key) for key, partner in self.partners.items() if not is_named(partner, self.on)}

    def _shown(self, money: CurrencyFigures, withheld: Collection[str]) -> tuple[PublicPartner, ...]:
        """Those who are named by their alias, then all others as one."""
        shares = _by_partner(money)
        named = [(self.partners[key], share) for key, share in shares.items() if str(key) not in withheld]
        rows = [
            _public(share, alias=partner.alias, region=partner.region, uuid=partner.uuid)
            for partner, share in sorted(named, key=lambda pair: (pair[0].alias, pair[0].pk))
        ]
        if others := [share for key, share in shares.items() if str(key) in withheld]:
            rows.append(_public(_sum(others)))
        return tuple(rows)


def _any(_minor: int, _least: int) -> bool:
    """Nobody wants a least amount."""
    return True


def _by_partner(money: CurrencyFigures) -> dict[int, Share]:
    found: dict[int, list[Share]] = {}
    for share in money.shares:
        found.setdefault(share.partner, []).append(share)
    return {key: _sum(shares) for key, shares in found.items()}


def _public(share: Share, *, alias: str = "", region: str = "", uuid: UUID | None = None) -> PublicPartner:
    return PublicPartner(
        alias, region, share.disbursed, share.arrived, share.confirmed, share.spent, share.returned, share.underway,
        share.held, uuid,
    )  # fmt: skip


Row = TypeVar("Row", Share, CategoryFigures)


def _sum(rows: Sequence[Row]) -> Row:
    """All amounts of rows of one currency added up; the rest is that of the first."""
    names = [one.name for one in fields(rows[0]) if one.type == "Money"]
    sums: dict[str, Any] = {
        name: Money(sum(getattr(row, name).minor for row in rows), getattr(rows[0], name).currency) for name in names
    }
    return replace(rows[0], **sums)


def _with_lines(found: AppealFigures, merged: Mapping[str, Collection[str]]) -> AppealFigures:
    """The figures with categories put together, and without the shares of partners.

    All currencies in one: what one of them hides is hidden there, so that its sums are those of staff, to the cent.
    """
    currencies = tuple(_merged(money, merged[money.currency]) for money in found.by_currency)
    own = found.in_own and _merged(found.in_own, frozenset().union(*merged.values()))
    return replace(found, by_currency=currencies, in_own=own)


def _merged(money: CurrencyFigures, hidden: Collection[str]) -> CurrencyFigures:
    lines = [line for line in money.lines if line.category not in hidden]
    if several := [line for line in money.lines if line.category in hidden]:
        lines.append(replace(_sum(several), category=SEVERAL))
    before: dict[tuple[str, str], Money] = {}
    for (category, stage), minor in money.stages_before.items():
        key = (SEVERAL if category in hidden else category, stage)
        before[key] = before[key] + minor if key in before else minor
    return replace(money, lines=tuple(lines), stages_before=before, shares=())
