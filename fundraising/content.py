"""What the public pages show, read in few queries and remembered for a few seconds.

The number of queries does not depend on the number of donations. Totals are not in here: they are
read from the ledger each time (fundraising/totals.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db.models import Case, Exists, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from . import comments, offers, totals
from .alternates import Alternate, alternates, in_languages
from .comments import ShownComment, Supporter
from .models import (
    OVER,
    TAKES_MONEY,
    Appeal,
    AppealState,
    AppealWording,
    Campaign,
    CampaignText,
    CampaignUpdate,
    DonationPage,
    EntityText,
    Interval,
    LegalEntity,
    OverheadPolicy,
    PageCurrency,
    Question,
    Round,
    RoundText,
    Seal,
)
from .offers import ONCE, Currency
from .seals import showing
from .spending.policies import newest_stated
from .totals import Total

REMEMBER_SECONDS = 5


class NotPublished(LookupError):
    """There is no such public page."""


@dataclass(frozen=True)
class Entity:
    name: str
    legal_form: str
    address: str
    registration: str
    non_deductibility: str
    theme: str
    privacy_url: str


@dataclass(frozen=True)
class Update:
    date: date
    title: str
    paragraphs: list[str]


@dataclass(frozen=True)
class AppealCard:
    title: str
    ask: str
    url: str
    state: str
    appeal: Appeal
    total: ShownTotal | None = None


@dataclass(frozen=True)
class ShownTotal:
    """A total with the addresses under which it stays live. Attributes of Total are its own too."""

    total: Total
    live_url: str
    stream_url: str

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.total, name)


@dataclass(frozen=True)
class CampaignContent:
    title: str
    summary: str
    story: list[str]
    partner_credit: str
    photo_url: str
    updates: list[Update]
    url: str
    appeals: list[AppealCard]
    entity: Entity
    alternates: list[Alternate]


@dataclass(frozen=True)
class AppealContent:
    """Everything on the page of an appeal but its total and its form."""

    page: DonationPage
    url: str
    appeal: Appeal
    round: Round
    reason: str
    wording: AppealWording
    campaign: CampaignContent
    entity: Entity
    currencies: list[Currency]
    questions: list[Question]
    supporters: list[Supporter]
    comments: list[ShownComment]
    alternates: list[Alternate]
    seals: list[Seal]  # as they were read; showing.among says how they stand
    overhead: int | None = None  # the stated share of administrative costs in basis points; None: none was stated

    @property
    def state(self) -> str:
        """Open, closing or closed, as a visitor sees it: between rounds an appeal is closed."""
        return self.appeal.state if self.appeal.takes_money and self.round.is_open() else AppealState.CLOSED

    @property
    def frequencies(self) -> list[str]:
        """How often one may give here: `once`, and while the appeal is not about to close also regularly."""
        offered = {Interval.MONTH: self.page.offers_monthly, Interval.YEAR: self.page.offers_yearly}
        regularly = [str(interval) for interval, offers in offered.items() if offers and self.state == AppealState.OPEN]
        return [ONCE, *regularly]


def shown(appeal: Appeal) -> ShownTotal:
    """The appeal's total as of now, with its live addresses."""
    return _shown(appeal, totals.appeal_total(appeal))


def _shown(appeal: Appeal, total: Total) -> ShownTotal:
    return ShownTotal(total, f"/totals/{appeal.uuid}.json", f"/totals/{appeal.uuid}/stream")


def _with_totals(campaigns: list[CampaignContent]) -> list[CampaignContent]:
    """The campaigns with the totals of all their appeals as of now, in one query."""
    found = totals.appeal_totals(card.appeal for campaign in campaigns for card in campaign.appeals)
    return [
        replace(
            campaign,
            appeals=[replace(card, total=_shown(card.appeal, found[card.appeal.pk])) for card in campaign.appeals],
        )
        for campaign in campaigns
    ]


def appeal_content(locale: str, slug: str) -> AppealContent:
    """The page of an appeal; raises NotPublished."""
    key = f"appeal:{locale}:{slug}"
    content: AppealContent | None = caches["pages"].get(key)
    if content is None:
        content = _read_appeal(locale, slug)
        caches["pages"].set(key, content, REMEMBER_SECONDS)
    return content


def campaign_content(locale: str, slug: str) -> CampaignContent:
    """The page of a campaign with its appeals; raises NotPublished."""
    key = f"campaign:{locale}:{slug}"
    content: CampaignContent | None = caches["pages"].get(key)
    if content is None:
        campaign = _with_texts(Campaign.objects.filter(slug=slug, published=True), "", locale).first()
        if campaign is None:
            raise NotPublished(slug)
        content = replace(
            _campaign(campaign, locale, campaign.campaign_text, campaign.entity_text),
            updates=_updates(campaign, locale),
            appeals=_cards(locale, [campaign])[campaign.pk],
            alternates=_campaign_alternates(campaign, locale),
        )
        caches["pages"].set(key, content, REMEMBER_SECONDS)
    return _with_totals([content])[0]


def home_content(locale: str) -> list[CampaignContent]:
    """The published campaigns that have an open appeal, newest first."""
    key = f"home:{locale}"
    content: list[CampaignContent] | None = caches["pages"].get(key)
    if content is None:
        takes_money = Appeal.objects.filter(campaign=OuterRef("pk"), state__in=TAKES_MONEY)
        rows = _with_texts(Campaign.objects.filter(Exists(takes_money), published=True), "", locale)
        campaigns = list(rows.filter(campaign_text__isnull=False).order_by("-created_at")[:20])
        cards = _cards(locale, campaigns)
        content = [
            replace(
                _campaign(campaign, locale, campaign.campaign_text, campaign.entity_text),
                appeals=cards[campaign.pk],
            )
            for campaign in campaigns
        ]
        caches["pages"].set(key, content, REMEMBER_SECONDS)
    return _with_totals(content)


def paragraphs(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]


def entity_of(entity: LegalEntity, locale: str) -> Entity:
    """The legal entity as the pages of a language name it."""
    rows = EntityText.objects.filter(entity=entity, locale=locale).values("legal_form", "non_deductibility")
    text = rows.first()
    return _entity(entity, text)


def _entity(entity: LegalEntity, text: Mapping[str, Any] | None) -> Entity:
    return Entity(
        name=entity.name,
        legal_form=text["legal_form"] if text else "",
        address=", ".join(entity.address.splitlines()),
        registration=entity.registration,
        non_deductibility=text["non_deductibility"] if text else "",
        theme=entity.theme,
        privacy_url=entity.privacy_url,
    )


def published_pages() -> QuerySet[DonationPage]:
    """Donation pages that the public may see."""
    return DonationPage.objects.filter(published=True, appeal__campaign__published=True).exclude(
        appeal__state=AppealState.DRAFT
    )


def _read_appeal(locale: str, slug: str) -> AppealContent:
    pages = _with_overhead(_with_wording(offers.with_questions(published_pages().filter(locale=locale, slug=slug))))
    pages = pages.annotate(is_sealed=Exists(Seal.objects.filter(appeal=OuterRef("appeal"), published_at__isnull=False)))
    page = _with_texts(pages, "appeal__campaign", locale).first()
    if page is None:
        raise NotPublished(slug)
    appeal = page.appeal
    reason = RoundText.objects.filter(round=OuterRef("pk"), locale=locale).values("reason")[:1]
    newest = newest_round(appeal).annotate(public_reason=Subquery(reason)).first()
    wording = AppealWording(appeal=appeal, **page.wording) if page.wording else None
    currencies = offers.currencies(page)
    if newest is None or wording is None or not currencies:
        raise NotPublished(slug)
    newest.appeal = appeal
    content = _campaign(appeal.campaign, locale, page.campaign_text, page.entity_text)
    if not (appeal.takes_money and newest.is_open()):
        others = [card for card in _cards(locale, [appeal.campaign])[appeal.campaign_id] if card.appeal != appeal]
        content = replace(content, appeals=others)
    return AppealContent(
        page=page,
        url=page.get_absolute_url(),
        appeal=appeal,
        round=newest,
        reason=newest.public_reason or "",
        wording=wording,
        campaign=replace(content, updates=_updates(appeal.campaign, locale)),
        entity=content.entity,
        currencies=currencies,
        questions=offers.questions(page),
        supporters=comments.supporters(appeal, locale),
        comments=comments.wall(page),
        alternates=_page_alternates(appeal, locale),
        seals=list(showing.rows_of(appeal.pk).defer(*showing.SEALED, "key__fingerprint_at")) if page.is_sealed else [],
        overhead=page.overhead,
    )


def _with_overhead(pages: QuerySet[Any]) -> QuerySet[Any]:
    """Donation pages with the share of administrative costs that is stated now: no query of its own."""
    stated = newest_stated(OverheadPolicy.objects.filter(appeal=OuterRef("appeal")))
    found: QuerySet[Any] = pages.annotate(overhead=Subquery(stated.values("basis_points")[:1]))
    return found


def _with_wording(pages: QuerySet[DonationPage]) -> QuerySet[Any]:
    """Donation pages with the newest wording in their language, as JSON: no query of its own."""
    newest = AppealWording.objects.filter(appeal=OuterRef("appeal"), locale=OuterRef("locale")).order_by("-version")
    names = ("id", "locale", "version", "title", "ask", "purpose", "secondary_purpose", "after_close")
    found: QuerySet[Any] = pages.annotate(
        wording=Subquery(newest.values(json=JSONObject(**{name: name for name in names}))[:1])
    )
    return found


def _with_texts(rows: QuerySet[Any], campaign: str, locale: str) -> QuerySet[Any]:
    """The rows with their campaign and entity, and the texts of both as JSON: one query instead of three."""
    prefix = f"{campaign}__" if campaign else ""
    campaign_text = CampaignText.objects.filter(campaign=OuterRef(f"{prefix}pk"), locale=locale)
    entity_text = EntityText.objects.filter(entity=OuterRef(f"{prefix}entity"), locale=locale)
    found: QuerySet[Any] = rows.select_related(f"{prefix}entity").annotate(
        campaign_text=Subquery(
            campaign_text.values(
                json=JSONObject(title="title", summary="summary", story="story", partner_credit="partner_credit")
            )
        ),
        entity_text=Subquery(
            entity_text.values(json=JSONObject(legal_form="legal_form", non_deductibility="non_deductibility"))
        ),
    )
    return found


def newest_round(appeal: Appeal) -> QuerySet[Round]:
    """The rounds with the one to show first: the newest that has opened; one to come hides nothing."""
    opened = Case(When(opens_at__lte=timezone.now(), then=1), default=0)
    return Round.objects.filter(appeal=appeal).order_by(opened.desc(), "-number")


def title_of(page: DonationPage) -> str:
    """The appeal's title in the language of a page."""
    wording = newest_wording(page.appeal, page.locale)
    return wording.title if wording else page.appeal.slug


def newest_wording(appeal: Appeal, locale: str) -> AppealWording | None:
    return AppealWording.objects.filter(appeal=appeal, locale=locale).order_by("-version").first()


def _campaign(
    campaign: Campaign, locale: str, text: dict[str, str] | None, entity_text: dict[str, Any] | None
) -> CampaignContent:
    if text is None:
        raise NotPublished(campaign.slug)
    with override(locale):
        url = reverse("campaign", kwargs={"slug": campaign.slug})
    return CampaignContent(
        title=text["title"],
        summary=text["summary"],
        story=paragraphs(text["story"]),
        partner_credit=text["partner_credit"],
        photo_url=campaign.photo_url,
        updates=[],
        url=url,
        appeals=[],
        entity=_entity(campaign.entity, entity_text),
        alternates=[],
    )


def _updates(campaign: Campaign, locale: str) -> list[Update]:
    rows = CampaignUpdate.objects.filter(campaign=campaign, locale=locale, published_on__lte=timezone.localdate())
    return [Update(row.published_on, row.title, paragraphs(row.body)) for row in rows[:50]]


def _cards(locale: str, campaigns: list[Campaign]) -> dict[int, list[AppealCard]]:
    """The public appeals of campaigns by the campaign's id, those that take money first."""
    newest = AppealWording.objects.filter(appeal=OuterRef("appeal"), locale=locale).order_by("-version")
    pages = (
        published_pages()
        .filter(locale=locale, appeal__campaign__in=campaigns)
        .select_related("appeal")
        .annotate(title=Subquery(newest.values("title")[:1]), ask=Subquery(newest.values("ask")[:1]))
        .exclude(title=None)
        .order_by(Case(When(appeal__state__in=OVER, then=1), default=0), "-appeal__pk")
    )
    cards: dict[int, list[AppealCard]] = {campaign.pk: [] for campaign in campaigns}
    for page in pages:
        state = page.appeal.state if page.appeal.takes_money else AppealState.CLOSED
        card = AppealCard(page.title, page.ask, page.get_absolute_url(), state, page.appeal)
        cards[page.appeal.campaign_id].append(card)
    return cards


def _page_alternates(appeal: Appeal, current: str) -> list[Alternate]:
    worded = AppealWording.objects.filter(appeal=OuterRef("appeal"), locale=OuterRef("locale"))
    told = CampaignText.objects.filter(campaign=OuterRef("appeal__campaign"), locale=OuterRef("locale"))
    priced = PageCurrency.objects.filter(page=OuterRef("pk"))
    pages = DonationPage.objects.filter(Exists(worded), Exists(told), Exists(priced), appeal=appeal, published=True)
    return alternates({page.locale: page.get_absolute_url() for page in pages}, current)


def _campaign_alternates(campaign: Campaign, current: str) -> list[Alternate]:
    locales = CampaignText.objects.filter(campaign=campaign).values_list("locale", flat=True)
    return in_languages("campaign", locales, current, slug=campaign.slug)


def home_languages() -> list[str]:
    """Those in which some published campaign with an open appeal is told; the first one if there is none."""
    found: list[str] | None = caches["pages"].get("home-languages")
    if found is None:
        takes_money = Appeal.objects.filter(campaign=OuterRef("campaign"), state__in=TAKES_MONEY)
        told = CampaignText.objects.filter(Exists(takes_money), campaign__published=True).values_list(
            "locale", flat=True
        )
        written = set(told.distinct())
        found = [locale for locale, _label in settings.LANGUAGES if locale in written] or [settings.LANGUAGE_CODE]
        caches["pages"].set("home-languages", found, REMEMBER_SECONDS)
    return found


def home_alternates(current: str) -> list[Alternate]:
    return in_languages("home", home_languages(), current)
