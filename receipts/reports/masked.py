"""A report with less of a partner in it: rows put together, names taken out. All sums stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.translation import override

from fundraising.models import Appeal, LegalEntity, Partner, PartnerShown, SpendingStep, StepState
from fundraising.spending import cells, masking
from fundraising.spending.cells import Cells
from fundraising.spending.disclosure import SEVERAL
from fundraising.spending.masking import without

from ..models import FundReport, ReportNote, SituationText
from .reading import Data

# Figures of a line of a report that are no amounts.
NO_AMOUNTS = {"category", "ref", "alias", "region"}


@dataclass(frozen=True)
class Wishes:
    """What a masked partner wants of an appeal's publications on a day."""

    partner: Partner
    categories: Mapping[str, Collection[str]]  # by currency: where the partner has a part
    too_new: Mapping[str, Collection[str]]  # by currency: where what it did is too new to be shown

    @classmethod
    def of(cls, partner: Partner, appeal: Appeal, on: date) -> Wishes:
        """Read from the steps of the appeal's fund."""
        steps = SpendingStep.objects.filter(fund=appeal.fund_id, partner=partner, line__isnull=False)
        steps = steps.filter(state__in=[StepState.BOOKED, StepState.UNDONE])
        categories: dict[str, set[str]] = {}
        too_new: dict[str, set[str]] = {}
        rows = steps.values_list("line__category", "currency", "other_currency", "accounted_on")
        for category, one, other, happened in rows.order_by("pk"):
            for code in filter(None, {one, other}):
                categories.setdefault(code, set()).add(category)
                if on < happened + timedelta(days=partner.delay_days):
                    too_new.setdefault(code, set()).add(category)
        return cls(partner, categories, too_new)


def masked(data: Data, wishes: Wishes, on: date) -> Data:
    """The data of a report as it may be shown on a day once the partner is masked. Data of any version."""
    codes = {*data["period"], *data["ever"]}
    large = cells.large(wishes.partner.entity.currency, codes, on)
    hidden = {code: _hidden_lines(data, code, wishes, large[code]) for code in codes}
    union = frozenset().union(*hidden.values())
    found = {**data}
    for span in ("period", "ever"):
        found[span] = {code: _with_lines(figures, hidden[code]) for code, figures in data[span].items()}
    for span in ("own", "ever_own"):
        found[span] = data[span] and _with_lines(data[span], union)
    if "partners" in data:
        found["partners"] = {
            code: _rows(rows, code, wishes, large.get(code, _none)) for code, rows in data["partners"].items()
        }
    if situation := data.get("situation"):
        found["situation"] = _situation(situation, wishes.partner, union)
    return found


def changed_texts(report: FundReport, partners: Sequence[Partner]) -> list[ReportNote | SituationText]:
    """The notes and texts of the situation that name one of the partners, without these names; not saved."""
    found: list[ReportNote | SituationText] = []
    rows: list[ReportNote | SituationText] = [*report.notes.all()]
    for row in [*rows, *SituationText.objects.filter(situation__report=report)]:
        names = ("text", "basis") if isinstance(row, SituationText) else ("text",)
        before = [getattr(row, name) for name in names]
        with override(row.locale):
            for partner in partners:
                for name in names:
                    setattr(row, name, without(getattr(row, name), partner))
        if before != [getattr(row, name) for name in names]:
            found.append(row)
    return found


def texts_of(report: FundReport) -> list[str]:
    """What people wrote into the report: its notes, and the texts of its situation."""
    situation = SituationText.objects.filter(situation__report=report).values_list("text", "basis")
    return [*report.notes.values_list("text", flat=True), *(text for row in situation for text in row)]


def mask_draft(report: FundReport, entity: LegalEntity) -> None:
    """Take out of a report that is about to be issued whoever was masked before; in the caller's transaction."""
    for row in changed_texts(report, masking.masked_partners(entity)):
        row.save()
    report.masked_through = masking.newest(entity)


def _hidden_lines(data: Data, code: str, wishes: Wishes, is_large: cells.IsLarge) -> frozenset[str]:
    """The categories to put together; with them goes the line that stands for several already."""
    tables = []
    for span in ("period", "ever"):
        lines = data[span].get(code, {}).get("lines", [])
        least = dict.fromkeys(wishes.categories.get(code, ()), wishes.partner.least_shown_minor)
        tables.append([Cells(line["category"], _minors(line), least.get(line["category"], 0)) for line in lines])
    there = {row.key for table in tables for row in table}
    hidden = there.intersection(wishes.too_new.get(code, ())).union(*(cells.small(one, is_large) for one in tables))
    return cells.in_all(tables, is_large, hidden | there.intersection({SEVERAL})) if hidden else frozenset()


def _minors(line: Data) -> tuple[int, ...]:
    return cells.minors_of(lambda name: int(line[name]))


def _with_lines(figures: Data, hidden: Collection[str]) -> Data:
    lines = [line for line in figures["lines"] if line["category"] not in hidden]
    if several := [line for line in figures["lines"] if line["category"] in hidden]:
        lines.append({"category": SEVERAL, **_sums(several)})
    return {**figures, "lines": lines}


def _sums(rows: Iterable[Data]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        for name, minor in row.items():
            if name not in NO_AMOUNTS:
                found[name] = found.get(name, 0) + minor
    return found


def _rows(rows: list[Data], code: str, wishes: Wishes, is_large: cells.IsLarge) -> list[Data]:
    """If the partner's row may not stand as it does, it goes to those withheld, with another one rather than alone."""
    partner, ref = wishes.partner, str(wishes.partner.uuid)
    mine = next((row for row in rows if row["ref"] == ref), None)
    if mine is None:
        return rows
    table = [Cells(row["ref"], _amounts(row), partner.least_shown_minor if row is mine else 0) for row in rows]
    named = partner.shown == PartnerShown.ALIAS and (mine["alias"], mine["region"]) == (partner.alias, partner.region)
    if named and code not in wishes.too_new and not cells.small(table, is_large):
        return rows
    hidden = cells.together(table, is_large, {"", ref})
    withheld = {"ref": "", "alias": "", "region": "", **_sums(row for row in rows if row["ref"] in hidden)}
    return [*(row for row in rows if row["ref"] not in hidden), withheld]


def _amounts(row: Data) -> tuple[int, ...]:
    return tuple(minor for name, minor in sorted(row.items()) if name not in NO_AMOUNTS)


def _none(_minor: int, _least: int) -> bool:
    return False


def _situation(kept: Data, partner: Partner, hidden: Collection[str]) -> Data:
    """The situation without the partner's names, and without what was spent for a purpose that is told no more."""
    texts: dict[str, Any] = {}
    for locale, words in kept["texts"].items():
        with override(locale):
            texts[locale] = {name: without(text, partner) for name, text in words.items()}
    people = [{**one, "spent": None, "cost": None} if one["category"] in hidden else one for one in kept["people"]]
    return {**kept, "texts": texts, "people": people}
