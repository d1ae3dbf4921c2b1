"""Saying in a report how the situation is. What is published of it: people.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from fundraising import trail
from fundraising.models import Appeal, DonationPage

from ..models import Counted, CountedOver, FundReport, PeopleAssisted, Situation, SituationText
from .work import ReportRefused, about, locked_draft


@dataclass(frozen=True)
class Count:
    """People of one category, or of all (""): exact counts, for staff only."""

    category: str
    assisted: int
    target: int | None = None


@dataclass(frozen=True, kw_only=True)
class Told:
    """What staff say of the situation; texts and bases by language."""

    on: date
    over: CountedOver = CountedOver.DAYS
    counted: Counted = Counted.ONCE
    texts: Mapping[str, str] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)
    people: Sequence[Count] = ()

    def words(self) -> Iterator[tuple[str, str, str]]:
        """Language, text and basis."""
        for locale in {**self.texts, **self.bases}:
            yield locale, self.texts.get(locale, "").strip(), self.bases.get(locale, "").strip()


@transaction.atomic
def write(report: FundReport, told: Told, *, by: User) -> None:
    """Say (anew) how the situation is in a report that is not asked for yet.

    Raises ReportRefused: `situation_day` is to come, `situation_empty`, `situation_basis` where people are counted and
    a language of the appeal's pages does not say how, `asked` where the report is being made.
    """
    _refuse(told, page_locales(report.appeal))
    locked = locked_draft(report)
    Situation.objects.filter(report=locked).delete()
    situation = Situation.objects.create(report=locked, on=told.on, over=told.over, counted=told.counted)
    SituationText.objects.bulk_create(
        SituationText(situation=situation, locale=locale, text=text, basis=basis)
        for locale, text, basis in told.words()
        if text or basis
    )
    PeopleAssisted.objects.bulk_create(
        PeopleAssisted(situation=situation, category=one.category, assisted=one.assisted, target=one.target)
        for one in told.people
    )
    trail.record(
        "situation_written",
        by=by,
        entity=report.appeal.fund.entity,
        about=about(report),
        after={"on": told.on.isoformat()},
    )


@transaction.atomic
def drop(report: FundReport, *, by: User) -> None:
    """Take the situation out of a report that is not asked for yet. Raises ReportRefused: `asked`."""
    Situation.objects.filter(report=locked_draft(report)).delete()
    trail.record("situation_dropped", by=by, entity=report.appeal.fund.entity, about=about(report))


def page_locales(appeal: Appeal) -> list[str]:
    """The languages in which the appeal has a page for everybody."""
    pages = DonationPage.objects.filter(appeal=appeal, published=True)
    return list(pages.order_by("locale").values_list("locale", flat=True))


def _refuse(told: Told, locales: Sequence[str]) -> None:
    if told.on > timezone.now().date():
        raise ReportRefused("situation_day")
    if not (told.people or any(text.strip() for text in told.texts.values())):
        raise ReportRefused("situation_empty")
    if told.people and not all(told.bases.get(locale, "").strip() for locale in locales):
        raise ReportRefused("situation_basis")
