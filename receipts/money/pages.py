"""An appeal's money for everybody: the page, and its figures as CSV and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.cache import caches
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from fundraising.alternates import Alternate, of_appeal
from fundraising.content import entity_of, published_pages
from fundraising.models import Appeal, AppealWording, DonationPage
from fundraising.spending.published import FRESH_SECONDS

from ..models import ReportFormat
from ..reports.pages import public
from . import files
from .reading import AppealMoney, appeal_money
from .showing import shown


@dataclass(frozen=True)
class Frame:
    """The appeal's page that was asked for, and the same in its other languages."""

    page: DonationPage
    title: str
    alternates: list[Alternate]

    @property
    def appeal(self) -> Appeal:
        return self.page.appeal


def frame_or_404(slug: str) -> Frame:
    """The page of this address in the active language, if everybody may see it; one query."""
    newest = AppealWording.objects.filter(appeal=OuterRef("appeal"), locale=OuterRef("locale")).order_by("-version")
    language = get_language() or ""
    asked = DonationPage.objects.filter(slug=slug, locale=language).values("appeal")
    rows = published_pages().filter(appeal__in=asked).select_related("appeal__fund__entity").order_by("locale")
    pages = list(rows.annotate(title=Subquery(newest.values("title")[:1])))
    page = next((one for one in pages if (one.slug, one.locale) == (slug, language)), None)
    if page is None:
        raise Http404
    return Frame(
        page, page.title or page.appeal.slug, of_appeal("money", {one.locale: one.slug for one in pages}, language)
    )


@require_safe
def money(request: HttpRequest, slug: str) -> HttpResponse:
    """What came in, how far it has come, where the rest is; the rounds; the reports; when it was last checked.

    Laid out once for a crowd: the page is the same for everybody, as long as its figures are.
    """
    frame = frame_or_404(slug)
    found = appeal_money(frame.appeal)
    key = f"money-page:{frame.page.pk}:{found.as_of.timestamp()}"
    body: bytes | None = caches["pages"].get(key)
    if body is None:
        body = render(request, "receipts/money.html", _context(frame, found)).content
        caches["pages"].set(key, body, FRESH_SECONDS)
    return public(HttpResponse(body))


def _context(frame: Frame, found: AppealMoney) -> dict[str, Any]:
    return {
        "money": found,
        "shown": shown(found),
        "newest": found.reports[0] if found.reports else None,
        "formats": ReportFormat.values,
        "title": frame.title,
        "slug": frame.page.slug,
        "entity": entity_of(frame.appeal.fund.entity, frame.page.locale),
        "alternates": frame.alternates,
    }


@require_safe
def csv(request: HttpRequest, slug: str) -> HttpResponse:
    """Every amount of the page's tables."""
    response = HttpResponse(
        files.as_csv(appeal_money(frame_or_404(slug).appeal)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{slug}-money.csv"'
    return public(response)


@require_safe
def json(request: HttpRequest, slug: str) -> HttpResponse:
    """The same for machines, with the picture's nodes and links."""
    return public(JsonResponse(files.as_json(appeal_money(frame_or_404(slug).appeal))))
