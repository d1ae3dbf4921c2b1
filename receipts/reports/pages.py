"""Reports for everybody: the list of an appeal, one revision as a page, and its files."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from fundraising.alternates import of_appeal, slugs_of
from fundraising.content import entity_of, published_pages, title_of
from fundraising.models import DonationPage

from ..models import FundReport, ReportDocument, ReportFormat, ReportState
from . import masking, work
from .showing import shown

CONTENT_TYPES = {
    ReportFormat.PDF: "application/pdf",
    ReportFormat.CSV: "text/csv; charset=utf-8",
    ReportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# Whoever keeps a copy may do so for a minute, and no longer: a report may be masked. So no stale copies either.
SECONDS = 60


def _page_of(slug: str) -> DonationPage:
    """The appeal's page of this address in the active language, if everybody may see it."""
    pages = published_pages().select_related("appeal__fund__entity")
    return get_object_or_404(pages, slug=slug, locale=get_language())


def _report_of(page: DonationPage, revision: int) -> FundReport:
    return get_object_or_404(FundReport, appeal=page.appeal, revision=revision, state=ReportState.ISSUED)


@require_safe
def reports(request: HttpRequest, slug: str) -> HttpResponse:
    """The reports of an appeal, newest first."""
    page = _page_of(slug)
    issued = FundReport.objects.filter(appeal=page.appeal, state=ReportState.ISSUED).defer("data")
    context = {
        "reports": list(issued.order_by("-revision")),
        "appeal_uuid": page.appeal.uuid,
        "title": title_of(page),
        "slug": slug,
        "entity": entity_of(page.appeal.fund.entity, page.locale),
        "alternates": of_appeal("reports", slugs_of(page), page.locale),
    }
    return public(render(request, "receipts/reports.html", context))


@require_safe
def report(request: HttpRequest, slug: str, revision: int) -> HttpResponse:
    """One revision; it says so if there is a newer one."""
    page = _page_of(slug)
    found = _report_of(page, revision)
    before = work.before(found)
    newest = work.latest(page.appeal)
    context: dict[str, object] = {
        "report": shown(found.data, before.data if before else None),
        "issued": found,
        "newest": newest.revision if newest and newest != found else None,
        "title": title_of(page),
        "slug": slug,
        "note": found.notes.filter(locale=page.locale).values_list("text", flat=True).first() or "",
        "formats": ReportFormat.values,
        "entity": entity_of(page.appeal.fund.entity, page.locale),
        "alternates": of_appeal("report", slugs_of(page), page.locale, revision=revision),
    }
    if masking.is_pending(found, page.appeal.fund.entity):
        return _pending(request, context)
    return public(render(request, "receipts/report.html", context))


@require_safe
def file(request: HttpRequest, slug: str, revision: int, form: str) -> HttpResponse:
    """A file as it was issued, in the language of the page; where that came later, in one that there was."""
    page = _page_of(slug)
    issued = _report_of(page, revision)
    found = _document(issued, form, page.locale)
    if masking.is_pending(issued, page.appeal.fund.entity):
        return _pending(request, {"title": title_of(page), "slug": slug, "issued": issued})
    response = HttpResponse(bytes(found.content), content_type=CONTENT_TYPES[ReportFormat(form)])
    how = "inline" if form == ReportFormat.PDF else "attachment"
    response["Content-Disposition"] = f'{how}; filename="{slug}-report-{revision}.{form}"'
    response["ETag"] = f'"{found.sha256}"'
    return public(response)


def _document(issued: FundReport, form: str, language: str) -> ReportDocument:
    rows = ReportDocument.objects.filter(report=issued, format=form)
    there = list(rows.order_by("locale").values_list("locale", flat=True))
    chosen = next((code for code in (language, settings.LANGUAGE_CODE, *there) if code in there), None)
    if chosen is None:
        raise Http404
    return rows.get(locale=chosen)


def _pending(request: HttpRequest, context: dict[str, object]) -> HttpResponse:
    """A partner was masked, and what shows them is being issued again: nothing of it until then."""
    told = {name: value for name, value in context.items() if name not in {"report", "note"}}
    response = render(request, "receipts/report_pending.html", told, status=503)
    response["Retry-After"] = "30"
    patch_cache_control(response, no_store=True)
    return response


def public(response: HttpResponse) -> HttpResponse:
    """For everybody's caches, a little while, and never stale: a partner may be masked."""
    patch_cache_control(response, public=True, max_age=SECONDS)
    return response
