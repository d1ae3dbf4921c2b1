"""Entries by hand: who drafts, who approves, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ..books import manual_entries
from ..books.chart import Chart
from ..books.manual_entries import Attachment, JournalRefused, Line, NotWaiting, OwnEntry
from ..exports.kinds import today
from ..models import JournalEntry, JournalState
from ..money import Money
from ..roles import May
from . import Desk, desk_page, paging, render
from .export_links import export_url
from .journal_forms import LINES, MOST_LINES, EntryForm, LineFormSet, choices


@desk_page(May.READ_BOOKS)
def drafts(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What waits for approval, or was decided."""
    state = request.GET.get("state", JournalState.WAITING)
    found = (
        JournalEntry.objects.filter(entity=desk.entity).select_related("by", "decided_by").defer("sealed_attachment")
    )
    if state in JournalState.values:
        found = found.filter(state=state)
    context = {
        "page": paging.by_id(request, found),
        "state": state,
        "states": JournalState.choices,
        "export_url": export_url(desk, "manual", state=state if state in JournalState.values else ""),
    }
    return render(request, desk, "desk/drafts.html", context)


@desk_page(May.WRITE_JOURNAL)
def new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A form with some empty lines; `more` asks for more of them. Nothing typed is lost."""
    form = EntryForm(request.POST or None, request.FILES or None)
    lines = LineFormSet(_with_more_lines(request), prefix="lines", form_kwargs=choices(desk.entity))
    if request.method == "POST" and "more" not in request.POST and form.is_valid() and lines.is_valid():
        try:
            draft = _draft(desk, form, lines)
        except JournalRefused as refused:
            _tell(form, lines, refused)
        else:
            messages.success(request, _("It waits for somebody else to approve it."))
            return redirect("desk-draft", entity=desk.entity.slug, uuid=draft.uuid)
    return render(request, desk, "desk/draft_new.html", {"form": form, "lines": lines})


def _with_more_lines(request: HttpRequest) -> QueryDict | None:
    if request.method != "POST":
        return None
    data = request.POST.copy()
    shown = str(data.get("lines-TOTAL_FORMS", ""))
    if "more" in data and shown.isdecimal():
        data["lines-TOTAL_FORMS"] = str(min(int(shown[:4]) + LINES, MOST_LINES))
    return data


def _filled(lines: LineFormSet) -> list[tuple[int, Line]]:  # type: ignore[valid-type]  # a class made by a factory
    return [(place, form.line) for place, form in enumerate(lines) if form.line]  # type: ignore[var-annotated]


def _draft(desk: Desk, form: EntryForm, lines: LineFormSet) -> JournalEntry:  # type: ignore[valid-type]
    upload = form.cleaned_data["attachment"]
    return manual_entries.draft_entry(
        desk.entity,
        [line for _place, line in _filled(lines)],
        text=form.cleaned_data["text"],
        accounted_on=form.cleaned_data["accounted_on"],
        by=desk.user,
        uuid=form.cleaned_data["uuid"],
        # One byte more than may be, so that a file that is too large is not read whole to be refused.
        attachment=Attachment(upload.name, upload.read(manual_entries.MOST_BYTES + 1)) if upload else None,
    )


def _tell(form: EntryForm, lines: LineFormSet, refused: JournalRefused) -> None:  # type: ignore[valid-type]
    places = [place for place, _line in _filled(lines)]
    for problem in refused.problems:
        if problem.line:
            lines[places[problem.line - 1]].add_error(None, str(problem.text))  # type: ignore[index]
        else:
            form.add_error(None, str(problem.text))


@desk_page(May.READ_BOOKS)
def draft(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """One manual entry with its lines, its voucher, and what can be done with it."""
    return _page(request, desk, _found(desk, uuid))


def _page(request: HttpRequest, desk: Desk, found: JournalEntry, problems: list[str] | None = None) -> HttpResponse:
    chart = Chart(desk.entity)
    lines = [
        {
            "account": chart.find(line.purpose, line.provider),
            "fund": line.fund,
            "currency": line.currency,
            "debit": Money(line.amount_minor, line.currency) if line.amount_minor > 0 else None,
            "credit": Money(-line.amount_minor, line.currency) if line.amount_minor < 0 else None,
        }
        for line in found.lines.select_related("fund").order_by("pk")
    ]
    waits = found.state == JournalState.WAITING
    context = {
        "found": found,
        "lines": lines,
        "export_url": export_url(desk, "manual-lines", entry=found.uuid),
        "problems": problems or [],
        "is_own": found.by_id == desk.user.pk,
        "may_decide": waits and desk.may(May.APPROVE) and found.by_id != desk.user.pk,
        "may_reverse": found.state == JournalState.BOOKED and desk.may(May.WRITE_JOURNAL),
        "reversals": found.reversals.exclude(state=JournalState.REJECTED).defer("sealed_attachment"),
        "today": today(),
    }
    return render(request, desk, "desk/draft.html", context, status=422 if problems else 200)


def _found(desk: Desk, uuid: UUID) -> JournalEntry:
    rows = JournalEntry.objects.select_related("by", "decided_by", "entry", "reverses", "entity")
    return get_object_or_404(
        rows.defer("sealed_attachment", "reverses__sealed_attachment"), uuid=uuid, entity=desk.entity
    )


@desk_page(May.APPROVE)
@require_POST
def approve(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Book it."""
    return _decided(request, desk, uuid, manual_entries.approve_entry, _("It is booked."))


@desk_page(May.APPROVE)
@require_POST
def reject(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Refuse it, with a reason."""
    return _decided(request, desk, uuid, manual_entries.reject_entry, _("It is rejected."))


def _decided(request: HttpRequest, desk: Desk, uuid: UUID, decide: Callable[..., object], done: str) -> HttpResponse:
    found = _found(desk, uuid)
    try:
        decide(found, by=desk.user, decision=request.POST.get("decision", ""))
    except OwnEntry:
        return _page(request, desk, found, [_("You wrote it: somebody else decides.")])
    except NotWaiting:
        return _page(request, desk, _found(desk, uuid), [_("It was decided before.")])
    except JournalRefused as refused:
        return _page(request, desk, found, [str(problem.text) for problem in refused.problems])
    messages.success(request, done)
    return redirect("desk-draft", entity=desk.entity.slug, uuid=uuid)


@desk_page(May.WRITE_JOURNAL)
@require_POST
def reverse(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Draft the entry that takes this one back."""
    found = _found(desk, uuid)
    form = EntryForm(request.POST)
    if not form.is_valid():
        return _page(request, desk, found, [str(error) for errors in form.errors.values() for error in errors])
    try:
        back = manual_entries.draft_reversal(
            found, text=form.cleaned_data["text"], accounted_on=form.cleaned_data["accounted_on"], by=desk.user
        )
    except JournalRefused as refused:
        return _page(request, desk, found, [str(problem.text) for problem in refused.problems])
    messages.success(request, _("It waits for somebody else to approve it."))
    return redirect("desk-draft", entity=desk.entity.slug, uuid=back.uuid)


@desk_page(May.READ_BOOKS)
def voucher(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """The attachment, as a download: no browser shows it as a page of ours."""
    found = get_object_or_404(JournalEntry, uuid=uuid, entity=desk.entity)
    try:
        data, kind = manual_entries.attachment_of(found)
    except JournalEntry.DoesNotExist:
        raise Http404 from None
    answer = HttpResponse(data, content_type=kind)
    answer.headers["Content-Disposition"] = content_disposition_header(True, found.attachment_name) or "attachment"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
