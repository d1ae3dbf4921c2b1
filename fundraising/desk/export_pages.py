"""Exports: ask as what, watch a worker write it, fetch it once it is whole."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from ..exports import kinds, work
from ..exports.kinds import ExportRefused, Kind
from ..exports.packages import XERO_TAX_RATE, PackageRefused
from ..exports.work import File, NotYours, Wish
from ..models import DonationPage, Export, ExportState
from ..money import currencies
from ..roles import May
from . import Desk, desk_page, paging, render
from .books_forms import FACTS, day_field

WORDS = {
    "order": gettext_lazy("The last day is before the first one."),
    "year": gettext_lazy("A DATEV batch is of one calendar year."),
    "decimals": gettext_lazy("An amount has a third decimal, which DATEV cannot take."),
    "consultant": gettext_lazy("The number of the consultant has four to seven digits."),
    "client": gettext_lazy("The number of the client is from 1 to 99999."),
    "account": gettext_lazy("There is no such account."),
    "page": gettext_lazy("There is no such page."),
    "filters": gettext_lazy("What was filtered by is not there any more. Begin again from the page."),
    "gave up": gettext_lazy("No worker finished it within a day. Choose fewer days."),
    "error": gettext_lazy("Something went wrong; it was logged. Try again."),
}


class ExportForm(forms.Form):
    """The format, and the filters that the export or one of its formats has."""

    def __init__(self, desk: Desk, kind: Kind, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        formats = [(known.code, known.label) for known in kind.formats]
        self.fields["format"] = forms.ChoiceField(label=_("As"), choices=formats, widget=forms.RadioSelect)
        for name in dict.fromkeys([*kind.fields, *(field for known in kind.formats for field in known.fields)]):
            self.fields[name] = _field(desk, name)
        for name in kind.kept:
            self.fields[name] = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)


def _field(desk: Desk, name: str) -> forms.Field:
    if name in {"first", "last", "on"}:
        labels = {"first": _("From"), "last": _("Until"), "on": _("At the end of")}
        hints = {"first": _("Empty: from the first day on."), "last": _("Empty: all that there is.")}
        return day_field(labels[name], required=False, help_text=hints.get(name, ""))
    if name in {"fact", "currency", "lines", "page"}:
        labels = {"fact": _("Kind of fact"), "currency": _("Currency"), "lines": _("Packages"), "page": _("Page")}
        return forms.ChoiceField(label=labels[name], choices=_choices(desk, name), required=False)
    labels = {
        "consultant": _("DATEV: number of the consultant"),
        "client": _("DATEV: number of the client"),
        "tax_rate": _("Xero: name of the tax rate"),
        "year": _("Year"),
    }
    return forms.CharField(label=labels[name], required=False, max_length=60)


def _choices(desk: Desk, name: str) -> list[tuple[Any, Any]]:
    if name == "fact":
        return [*FACTS]
    if name == "lines":
        return [("day", _("one journal a day, summed up by account")), ("entry", _("entry by entry"))]
    if name == "page":
        pages = DonationPage.objects.filter(appeal__campaign__entity=desk.entity, questions__isnull=False).distinct()
        return [(str(page.pk), f"{page.slug} ({page.locale})") for page in pages.order_by("slug")]
    codes = [desk.entity.currency, *(code for code, _label in currencies() if code != desk.entity.currency)]
    return [(code, code) for code in codes]


@desk_page(May.EXPORT)
def exports(request: HttpRequest, desk: Desk) -> HttpResponse:
    """One's own exports with how far they are, and what can be exported."""
    found = Export.objects.filter(entity=desk.entity, asked_by=desk.user)
    page = paging.by_id(request, found)
    going = any(export.state in {ExportState.WAITING, ExportState.WORKING} for export in page)
    context = {
        "page": page,
        "rows": [_shown(export) for export in page],
        "going": going,
        "kinds": [kind for kind in kinds.allowed(desk.rights) if kind.listed],
    }
    return render(request, desk, "desk/exports.html", context)


def _shown(export: Export) -> dict[str, Any]:
    try:
        label: Any = kinds.find(export.kind).label
    except ExportRefused:
        label = export.kind
    return {"export": export, "label": label, "problem": WORDS.get(export.error, export.error)}


@desk_page(May.EXPORT, step_up=True)
def new(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """Ask as what. A small table is sent at once; a big one, or one of donors, goes to a worker."""
    kind = _allowed(desk, request.GET.get("kind", ""))
    initial = {"format": kind.formats[0].code, "tax_rate": XERO_TAX_RATE, "consultant": "1001", "client": "1"}
    if request.method != "POST":
        given = {name: value for name, value in request.GET.items() if name != "kind"}
        if "first" not in given:  # not from a page that says which days
            initial |= {"first": kinds.today().replace(month=1, day=1).isoformat(), "last": kinds.today().isoformat()}
        return _form(request, desk, kind, ExportForm(desk, kind, initial={**initial, **given}))
    form = ExportForm(desk, kind, request.POST)
    if not form.is_valid():
        return _form(request, desk, kind, form)
    try:
        return _carry_out(request, desk, kind, form.cleaned_data)
    except (ExportRefused, PackageRefused) as refused:
        form.add_error(refused.code if refused.code in form.fields else None, WORDS.get(refused.code, refused.code))
        return _form(request, desk, kind, form)


def _carry_out(request: HttpRequest, desk: Desk, kind: Kind, asked: dict[str, Any]) -> HttpResponseBase:
    filters = {name: str(value) for name, value in asked.items() if value and name != "format"}
    as_asked = {"language": get_language() or "", work.BY: str(desk.user.pk)}
    wish = Wish.read(kind.code, asked["format"], {**filters, **as_asked})
    if not wish.needs_worker(desk.entity):
        return _sent(work.write_now(desk.entity, wish, by=desk.user))
    work.ask(desk.entity, wish, by=desk.user)
    messages.success(request, _("It is being written. It is yours alone, for a day."))
    return redirect("desk-exports", entity=desk.entity.slug)


def _allowed(desk: Desk, code: str) -> Kind:
    try:
        kind = kinds.find(code)
    except ExportRefused:
        raise Http404 from None
    if not kind.needs <= desk.rights:
        raise PermissionDenied
    return kind


def _form(request: HttpRequest, desk: Desk, kind: Kind, form: ExportForm) -> HttpResponse:
    kept = any(form[name].value() for name in kind.kept)
    context = {"form": form, "kind": kind, "kept": kept, "most": work.MOST_AT_ONCE}
    return render(request, desk, "desk/export_new.html", context, status=422 if form.errors else 200)


def _sent(file: File) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(file.pieces, content_type=file.content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@desk_page(May.EXPORT, step_up=True)
def fetch(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponseBase:
    """The file, for whoever asked, while it is kept and they still may have it."""
    export = get_object_or_404(Export, uuid=uuid, entity=desk.entity, asked_by=desk.user)
    _allowed(desk, export.kind)
    try:
        return _sent(work.fetch(export, by=desk.user))
    except NotYours:
        messages.error(request, _("This export is not ready, or its day is over. Ask for it again."))
        return redirect("desk-exports", entity=desk.entity.slug)
