"""The file of an appeal: one activity, in the order of elements that the standard's schema wants.

Its money is that of `public_figures` and nothing else. It holds no person, no partner and no place: partners are one
organisation without a name, donors are one too, and where it happens is a region.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, TypeAlias

from django.conf import settings
from django.db.models import Count
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from lxml import etree

from fundraising.models import AppealWording, BudgetAmount, DonationPage, Round
from fundraising.money import Money
from fundraising.spending.disclosure import PublicFigures, public_figures
from fundraising.spending.monthly import public_months

from ..models import IatiActivity, IatiPublisher, ReportDocument, ReportFormat, ReportState
from . import codes
from .transactions import COMMITMENT, DISBURSEMENT, OF_DONORS, WORDS, Transaction, transactions

Element: TypeAlias = Any  # lxml.etree has no types
LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
WITHHELD: Final = _("Withheld for safety")
DONORS: Final = _("Private donors")
EXCLUSIONS: Final = _(
    "Left out, because it could harm somebody: who carries out the work, where exactly, and who gave. Steps with "
    "partners at risk are told some days after they happened, and amounts are summed by month."
)


class NotPublishable(Exception):
    """The file cannot be made; `code` says why: `publisher` is not set, `wording` of no page is there."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class _Page:
    """The appeal in one language."""

    locale: str
    slug: str
    title: str
    ask: str
    purpose: str


def activities(activity: IatiActivity, *, on: date) -> bytes:
    """The XML of an appeal as it may be published on a day, with all days before it. Raises NotPublishable."""
    publisher = IatiPublisher.objects.filter(entity=activity.appeal.fund.entity_id).first()
    if publisher is None:
        raise NotPublishable("publisher")
    root = etree.Element("iati-activities", {"version": codes.VERSION, "generated-datetime": _midnight(on)})
    root.append(_Activity(activity, publisher, on).element())
    content: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return content


def totals(activity: IatiActivity, *, on: date) -> list[Transaction]:
    """What the file's transactions sum up to."""
    figures = public_figures(activity.appeal, first=date.min, last=on - timedelta(days=1), on=on)
    return list(transactions(figures.figures))


class _Activity:
    def __init__(self, activity: IatiActivity, publisher: IatiPublisher, on: date) -> None:
        self.activity, self.publisher, self.on = activity, publisher, on
        self.appeal, self.entity = activity.appeal, activity.appeal.fund.entity
        self.last = on - timedelta(days=1)
        self.pages = list(_pages(activity))
        if not self.pages:
            raise NotPublishable("wording")

    @cached_property
    def whole(self) -> PublicFigures:
        return public_figures(self.appeal, first=date.min, last=self.last, on=self.on)

    @cached_property
    def rounds(self) -> Sequence[Round]:
        return list(Round.objects.filter(appeal=self.appeal).order_by("opens_at"))

    def element(self) -> Element:
        """`iati-activity`; the schema fixes the order of what is in it."""
        found = etree.Element(
            "iati-activity",
            {
                "last-updated-datetime": _midnight(self.on),
                LANG: self.pages[0].locale,
                "default-currency": self.appeal.currency,
                "humanitarian": "1" if self.activity.humanitarian else "0",
            },
        )
        etree.SubElement(found, "iati-identifier").text = f"{self.publisher.identifier}-{self.appeal.slug}"
        us = {"ref": self.publisher.identifier, "type": self.publisher.kind}
        organisation = etree.SubElement(found, "reporting-org", {**us, "secondary-reporter": "0"})
        etree.SubElement(organisation, "narrative").text = _plain(self.entity.name)
        self._words(etree.SubElement(found, "title"), lambda page: page.title)
        self._descriptions(found)
        self._participants(found, us)
        etree.SubElement(found, "activity-status", {"code": self._status()})
        for type_, day in self._dates():
            etree.SubElement(found, "activity-date", {"type": type_, "iso-date": day.isoformat()})
        etree.SubElement(
            found, "recipient-region", {"vocabulary": codes.DAC, "code": self.activity.region, "percentage": "100"}
        )
        for code, percentage in self._sectors():
            etree.SubElement(found, "sector", {"vocabulary": codes.DAC, "code": code, "percentage": f"{percentage:f}"})
        etree.SubElement(found, "default-flow-type", {"code": "30"})  # private grants
        etree.SubElement(found, "default-finance-type", {"code": "110"})  # standard grant
        self._budgets(found)
        for month in public_months(self.appeal, last=self.last, on=self.on):
            for transaction in transactions(month.figures):
                self._transaction(found, transaction)
        self._documents(found)
        return found

    def _words(self, parent: Element, words: Callable[[_Page], str | Promise]) -> None:
        """One narrative in each language of the appeal's pages."""
        for page in self.pages:
            with override(page.locale):
                etree.SubElement(parent, "narrative", {LANG: page.locale}).text = _plain(str(words(page)))

    def _descriptions(self, found: Element) -> None:
        """General, objectives, and what is left out (codelist DescriptionType)."""
        self._words(etree.SubElement(found, "description", {"type": "1"}), lambda page: page.ask)
        self._words(etree.SubElement(found, "description", {"type": "2"}), lambda page: page.purpose)
        self._words(etree.SubElement(found, "description", {"type": "4"}), lambda page: EXCLUSIONS)

    def _participants(self, found: Element, us: dict[str, str]) -> None:
        """Who funds it, who answers for it, who carries it out (codelist OrganisationRole)."""
        self._words(etree.SubElement(found, "participating-org", {"role": "1"}), lambda page: DONORS)
        ours = etree.SubElement(found, "participating-org", {"role": "2", **us})
        etree.SubElement(ours, "narrative").text = _plain(self.entity.name)
        self._words(etree.SubElement(found, "participating-org", {"role": "4"}), lambda page: WITHHELD)

    def _status(self) -> str:
        if self.appeal.takes_money:
            return codes.IMPLEMENTATION
        left = any(money.unspent for money in self.whole.figures.by_currency)
        return codes.FINALISATION if left else codes.CLOSED

    def _dates(self) -> Iterator[tuple[str, date]]:
        """Planned or actual start, planned or actual end (codelist ActivityDateType)."""
        start, end = self._start(), self._end()
        yield ("2" if start <= self.last else "1"), start
        if end and end > self.last:
            yield "3", end
        elif not self.appeal.takes_money:
            yield "4", min(self.last, max(start, end or self.appeal.state_at.date()))

    def _start(self) -> date:
        return self.rounds[0].opens_at.date() if self.rounds else self.last

    def _end(self) -> date | None:
        closes = [one.closes_at.date() for one in self.rounds if one.closes_at]
        return max(closes) if closes and len(closes) == len(self.rounds) else None

    def _sectors(self) -> list[tuple[str, Decimal]]:
        """Purpose codes by their share of the budget; of one in several currencies without rates nothing is said."""
        chosen = dict(self.activity.sectors.values_list("category", "code"))
        weights: Counter[str] = Counter()
        figures = self.whole.figures
        planned = [money for money in figures.by_currency if money.total("budgeted")]
        budget = figures.in_own or (planned[0] if len(planned) == 1 else None)
        for line in budget.lines if budget else ():
            weights[chosen.get(line.category, codes.UNSPECIFIED)] += line.budgeted.minor
        return percentages(+weights) or [(codes.UNSPECIFIED, Decimal(100))]

    def _budgets(self, found: Element) -> None:
        """The budget in each of its currencies, for the time that is planned, or a year."""
        amounts = BudgetAmount.objects.filter(line__appeal=self.appeal, set_at__date__lte=self.last)
        revised = amounts.values("line", "currency").annotate(said=Count("pk")).filter(said__gt=1).exists()
        start = self._start()
        end = self._end() or start + timedelta(days=364)
        for money in self.whole.figures.by_currency:
            planned = money.total("budgeted")
            if planned:
                budget = etree.SubElement(found, "budget", {"type": "2" if revised else "1", "status": "1"})
                etree.SubElement(budget, "period-start", {"iso-date": start.isoformat()})
                etree.SubElement(budget, "period-end", {"iso-date": max(start, end).isoformat()})
                _value(budget, planned, min(start, self.last))

    def _transaction(self, found: Element, one: Transaction) -> None:
        ref = f"{one.on:%Y-%m}-{one.amount.currency}-{one.kind}"
        element = etree.SubElement(found, "transaction", {"ref": ref})
        etree.SubElement(element, "transaction-type", {"code": one.type})
        etree.SubElement(element, "transaction-date", {"iso-date": one.on.isoformat()})
        _value(element, one.amount, one.on)
        self._words(etree.SubElement(element, "description"), lambda page: WORDS[one.kind])
        if one.kind in OF_DONORS:
            self._words(etree.SubElement(element, "provider-org"), lambda page: DONORS)
        elif one.type in {COMMITMENT, DISBURSEMENT}:
            self._words(etree.SubElement(element, "receiver-org"), lambda page: WITHHELD)

    def _documents(self, found: Element) -> None:
        """Links to the exclusion policy, the appeal's pages and its reports (codelist DocumentCategory)."""
        for page in self.pages:
            with override(page.locale):
                policy, appeal = reverse("iati"), reverse("appeal", kwargs={"slug": page.slug})
                _link(found, policy, "text/html", str(_("What we leave out, and why")), "B08", page.locale)
                _link(found, appeal, "text/html", page.title, "A12", page.locale)
        slugs = {page.locale: page.slug for page in self.pages}
        issued = ReportDocument.objects.filter(
            report__appeal=self.appeal, report__state=ReportState.ISSUED, format=ReportFormat.PDF, locale__in=slugs
        ).order_by("report__revision", "locale")
        for revision, locale, at in issued.values_list("report__revision", "locale", "report__issued_at"):
            with override(locale):
                parts = {"slug": slugs[locale], "revision": revision, "form": ReportFormat.PDF}
                title = str(_("Where the money went: report %(number)s")) % {"number": revision}
                url = reverse("report-file", kwargs=parts)
            _link(found, url, "application/pdf", title, "A07", locale, at and at.date())


def percentages(weights: Counter[str]) -> list[tuple[str, Decimal]]:
    """Shares in per cent with two decimals, summing to 100 exactly (largest remainder); none without weights."""
    if not weights:
        return []
    keys = sorted(weights)
    parts = Money(100_00, "EUR").split([weights[key] for key in keys])  # hundredths of a per cent, split as money is
    return [(key, part.decimal) for key, part in zip(keys, parts, strict=True) if part]


def _pages(activity: IatiActivity) -> Iterator[_Page]:
    """The languages in which the appeal has both a published page and a wording."""
    words = AppealWording.objects.filter(appeal=activity.appeal_id).order_by("version")
    newest = {word.locale: word for word in words}
    pages = DonationPage.objects.filter(appeal=activity.appeal_id, published=True).order_by("locale")
    for locale, slug in pages.values_list("locale", "slug"):
        if word := newest.get(locale):
            yield _Page(locale, slug, word.title, word.ask, word.purpose)


def _value(parent: Element, amount: Money, on: date) -> None:
    told = {"currency": amount.currency, "value-date": on.isoformat()}
    etree.SubElement(parent, "value", told).text = f"{amount.decimal:f}"


def _link(
    parent: Element, path: str, format_: str, title: str, category: str, locale: str, on: date | None = None
) -> None:
    link = etree.SubElement(parent, "document-link", {"format": format_, "url": settings.PUBLIC_URL + path})
    etree.SubElement(etree.SubElement(link, "title"), "narrative", {LANG: locale}).text = _plain(title)
    etree.SubElement(link, "category", {"code": category})
    etree.SubElement(link, "language", {"code": locale})
    if on:
        etree.SubElement(link, "document-date", {"iso-date": on.isoformat()})


def _midnight(on: date) -> str:
    return datetime.combine(on, time(), UTC).isoformat()


def _plain(text: str) -> str:
    """The text without characters that XML cannot hold."""
    return NOT_XML.sub("", text)
