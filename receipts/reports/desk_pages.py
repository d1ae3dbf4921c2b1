"""Reports at the desk: what is issued, what is begun, and how it will look."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from fundraising.appeals.titles import entitle
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import by_id
from fundraising.exports.kinds import today
from fundraising.models import Appeal, DonationPage
from fundraising.roles import May

from ..models import FundReport, ReportState
from . import masking, people, reading, work
from .desk_forms import ReportForm, last_month
from .showing import shown
from .situation import page_locales
from .work import ReportRefused

REFUSALS = {
    "begun": _("A report of this appeal is begun already: issue it or drop it first."),
    "order": _("The last day is before the first."),
    "future": _("Only days that are over can be reported. Choose a last day up to today."),
    "next": _("The next report comes after the days of this one."),
    "situation_day": _("The date of the situation is to come. Choose a day up to today."),
    "situation_empty": _("Write how the situation is, or count the people assisted."),
    "situation_basis": _("Say in every language how people were counted."),
    "names_partner": _("The note or the situation has the real name of a partner in it. Write it without."),
    "asked": _("This report is being made, or issued already. Look at the list."),
}
WRITES = (May.WRITE_JOURNAL, May.EDIT_CAMPAIGNS)


@require_safe
@desk_page(May.READ_BOOKS, May.EDIT_CAMPAIGNS)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """All reports of the legal entity's appeals, and for which one can begin one."""
    rows = FundReport.objects.filter(appeal__fund__entity=desk.entity).select_related("appeal", "issued_by")
    making = rows.exclude(state=ReportState.ISSUED).values("appeal")
    page = by_id(request, rows.defer("data"))
    entitle(report.appeal for report in page.rows)
    context = {
        "page": page,
        "appeals": entitle(Appeal.objects.filter(fund__entity=desk.entity).exclude(pk__in=making).order_by("slug")),
        "may_write": any(desk.may(right) for right in WRITES),
        "export_url": export_url(desk, "reports"),
    }
    return render(request, desk, "desk/reports.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(*WRITES)
def begin(request: HttpRequest, desk: Desk, appeal: str) -> HttpResponse:
    """Draft a report of an appeal."""
    found = get_object_or_404(Appeal, slug=appeal, fund__entity=desk.entity)
    newest = work.latest(found)
    first, last = last_month()
    initial = {"first": newest.first if newest else first, "last": last}
    form = ReportForm(request.POST or None, locales=page_locales(found), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            report = work.draft(found, **form.days, notes=form.notes, by=desk.user)  # type: ignore[arg-type]
        except ReportRefused as refused:
            form.add_error(None, REFUSALS[refused.code])
        else:
            return redirect("desk-report", entity=desk.entity.slug, uuid=report.uuid)
    status = 422 if form.errors else 200
    return render(request, desk, "desk/report_form.html", {"form": form, "appeal": found}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(*WRITES)
def edit(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Change a report that is not asked for."""
    report = report_of(desk, uuid)
    notes = {f"note_{locale}": text for locale, text in report.notes.values_list("locale", "text")}
    initial = {"first": report.first, "last": report.last, "next_on": report.next_on, **notes}
    form = ReportForm(request.POST or None, locales=page_locales(report.appeal), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            work.change(report, **form.days, notes=form.notes, by=desk.user)  # type: ignore[arg-type]
        except ReportRefused as refused:
            form.add_error(None, REFUSALS[refused.code])
        else:
            return redirect("desk-report", entity=desk.entity.slug, uuid=report.uuid)
    context = {"form": form, "appeal": report.appeal, "report": report}
    return render(request, desk, "desk/report_form.html", context, status=422 if form.errors else 200)


@require_safe
@desk_page(May.READ_BOOKS, May.EDIT_CAMPAIGNS)
def one(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """A report as it was issued, or as it would be if it were issued now."""
    report = report_of(desk, uuid)
    issued = report.state == ReportState.ISSUED
    before = work.before(report) if issued else work.latest(report.appeal)
    pending = issued and masking.is_pending(report, desk.entity)
    data, wrong = (report.data, "") if issued else _preview(report)
    notes = report.notes.order_by("locale")
    context: dict[str, Any] = {
        "report": report,
        "shown": shown(data, before.data if before else None) if data and not pending else None,
        "wrong": wrong,
        "pending": pending,
        "notes": [] if pending else notes,
        "sealed_editions": report.sealed_editions.defer("sealed").order_by("edition") if desk.may_read_partners else [],
        "may_write": any(desk.may(right) for right in WRITES),
        "may_issue": desk.may(May.WRITE_JOURNAL),
        "public": _public_slug(report) if issued else "",
    }
    return render(request, desk, "desk/report.html", context)


def _preview(report: FundReport) -> tuple[reading.Data | None, str]:
    try:
        with transaction.atomic():
            found = reading.read(report.appeal, first=report.first, last=report.last, on=today())
            return people.with_situation(found, report), ""
    except reading.DoesNotAddUp as error:
        return None, str(error)


@require_POST
@desk_page(May.WRITE_JOURNAL)
def issue(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Let a worker make it."""
    report = report_of(desk, uuid)
    try:
        work.ask(report, by=desk.user)
    except ReportRefused as refused:
        messages.error(request, REFUSALS[refused.code])
    else:
        messages.success(request, gettext("It is made now and is public within a minute."))
    return redirect("desk-report", entity=desk.entity.slug, uuid=uuid)


@require_POST
@desk_page(*WRITES)
def drop(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Throw a draft away."""
    try:
        work.drop(report_of(desk, uuid), by=desk.user)
    except ReportRefused as refused:
        messages.error(request, REFUSALS[refused.code])
    else:
        messages.success(request, gettext("The draft is gone."))
    return redirect("desk-reports", entity=desk.entity.slug)


def report_of(desk: Desk, uuid: UUID) -> FundReport:
    """The report of this entity's; 404 where there is none."""
    rows = FundReport.objects.select_related("appeal__fund__entity", "issued_by", "drafted_by")
    return get_object_or_404(rows, uuid=uuid, appeal__fund__entity=desk.entity)


def _public_slug(report: FundReport) -> str:
    """The appeal's page in the reader's language, if it has one."""
    page = DonationPage.objects.filter(appeal=report.appeal_id, published=True, locale=get_language() or "").first()
    return page.slug if page else ""
