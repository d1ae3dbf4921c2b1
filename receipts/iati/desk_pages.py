"""IATI files at the desk: who publishes, as what, a preview, and on or off by two people."""

from __future__ import annotations

from typing import Protocol

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from fundraising.appeals.titles import entitle
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.models import Appeal
from fundraising.roles import May

from ..models import IatiActivity, IatiPublisher, IatiState
from . import activity as making
from . import work
from .codes import ORGANISATION_TYPES, REGIONS
from .desk_forms import ActivityForm, PublisherForm
from .transactions import WORDS
from .work import IatiRefused

REFUSALS = {
    "identifier": _("Write the agency and the number with a hyphen between them, and no other signs: GB-CHC-202918."),
    "publisher": _("Say first under which identifier the organisation publishes."),
    "wording": _("The appeal has no published page with a wording. Publish one first."),
    "draft": _("The appeal is a draft. Open it first."),
    "not_off": _("It is asked for or published already."),
    "not_asked": _("It is off, or nobody has asked for it. Look at the page again."),
    "own": _("You asked for it yourself: somebody else must look at it and turn it on."),
}
READ = (May.READ_BOOKS, May.EDIT_CAMPAIGNS)
WRITE = (May.WRITE_JOURNAL, May.EDIT_CAMPAIGNS)


class Verb(Protocol):
    """What moves an activity from state to state."""

    def __call__(self, activity: IatiActivity, /, *, by: User) -> None: ...


@require_safe
@desk_page(*READ)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Under which identifier the entity publishes, and which appeals do."""
    publisher = IatiPublisher.objects.filter(entity=desk.entity).first()
    appeals = Appeal.objects.filter(fund__entity=desk.entity).select_related("iati_activity").order_by("slug")
    context = {
        "publisher": publisher,
        "kind": ORGANISATION_TYPES.get(publisher.kind) if publisher else "",
        "appeals": entitle(appeals),
        "may_write": any(desk.may(right) for right in WRITE),
        "export_url": export_url(desk, "iati"),
    }
    return render(request, desk, "desk/iati/overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(*WRITE)
def publisher(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Say who publishes."""
    now = IatiPublisher.objects.filter(entity=desk.entity).first()
    initial = {"identifier": now.identifier, "kind": now.kind} if now else {}
    form = PublisherForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            work.set_publisher(desk.entity, **form.cleaned_data, by=desk.user)
        except IatiRefused as refused:
            form.add_error("identifier", REFUSALS[refused.code])
        else:
            messages.success(request, gettext("Kept. Files that were published are off until asked for again."))
            return redirect("desk-iati", entity=desk.entity.slug)
    status = 422 if form.errors else 200
    return render(request, desk, "desk/iati/publisher.html", {"form": form}, status=status)


@require_safe
@desk_page(*READ)
def one(request: HttpRequest, desk: Desk, appeal: str) -> HttpResponse:
    """As what an appeal is published, what its money sums up to, and whether it is on."""
    found = _appeal(desk, appeal)
    rows = IatiActivity.objects.select_related("asked_by", "decided_by", "appeal__fund__entity")
    activity = rows.filter(appeal=found).first()
    sectors = activity.sectors.order_by("pk") if activity else []
    context = {
        "appeal": found,
        "activity": activity,
        "region": REGIONS.get(activity.region) if activity else "",
        "sectors": [(one.get_category_display(), one.code) for one in sectors],
        "sums": _sums(activity) if activity else [],
        "is_public": work.published(found.slug) is not None,
        "may_write": any(desk.may(right) for right in WRITE),
        "may_turn_on": activity and activity.state == IatiState.ASKED and desk.may(May.APPROVE),
        "is_own": activity and activity.asked_by_id == desk.user.pk,
    }
    return render(request, desk, "desk/iati/one.html", context)


def _sums(activity: IatiActivity) -> list[dict[str, object]]:
    found = making.totals(activity, on=timezone.now().date())
    return [{"type": one.type, "words": WORDS[one.kind], "amount": one.amount} for one in found]


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(*WRITE)
def edit(request: HttpRequest, desk: Desk, appeal: str) -> HttpResponse:
    """Say as what an appeal is published."""
    found = _appeal(desk, appeal)
    activity = IatiActivity.objects.filter(appeal=found).first()
    categories = list(found.budget_lines.order_by("position", "pk").values_list("category", flat=True))
    initial: dict[str, object] = {"humanitarian": True}
    if activity:
        initial = {"region": activity.region, "humanitarian": activity.humanitarian}
        initial |= {f"sector_{one.category}": one.code for one in activity.sectors.all()}
    form = ActivityForm(request.POST or None, categories=categories, initial=initial)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        work.prepare(
            found, region=said["region"], humanitarian=said["humanitarian"], sectors=form.sectors, by=desk.user
        )
        return redirect("desk-iati-appeal", entity=desk.entity.slug, appeal=found.slug)
    status = 422 if form.errors else 200
    return render(request, desk, "desk/iati/edit.html", {"form": form, "appeal": found}, status=status)


@require_POST
@desk_page(*READ)
def preview(request: HttpRequest, desk: Desk, appeal: str) -> HttpResponse:
    """The file as it would be published today."""
    found = get_object_or_404(IatiActivity, appeal=_appeal(desk, appeal))
    try:
        content = making.activities(found, on=timezone.now().date())
    except making.NotPublishable as error:
        messages.error(request, REFUSALS[error.code])
        return redirect("desk-iati-appeal", entity=desk.entity.slug, appeal=appeal)
    response = HttpResponse(content, content_type="application/xml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{appeal}-preview.xml"'
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
@desk_page(*WRITE)
def ask(request: HttpRequest, desk: Desk, appeal: str) -> HttpResponse:
    """Ask a second person to turn it on."""
    return _moved(request, desk, appeal, work.ask, gettext("Somebody else must turn it on now."))


@require_POST
@desk_page(May.APPROVE)
def turn_on(request: HttpRequest, desk: Desk, appeal: str) -> HttpResponse:
    """Publish it."""
    return _moved(request, desk, appeal, work.turn_on, gettext("The file is public now."))


@require_POST
@desk_page(*WRITE)
def turn_off(request: HttpRequest, desk: Desk, appeal: str) -> HttpResponse:
    """Publish it no more."""
    return _moved(request, desk, appeal, work.turn_off, gettext("The file is no longer published."))


def _moved(request: HttpRequest, desk: Desk, appeal: str, verb: Verb, done: str) -> HttpResponse:
    activity = get_object_or_404(IatiActivity, appeal=_appeal(desk, appeal))
    try:
        verb(activity, by=desk.user)
    except IatiRefused as refused:
        messages.error(request, REFUSALS[refused.code])
    else:
        messages.success(request, done)
    return redirect("desk-iati-appeal", entity=desk.entity.slug, appeal=appeal)


def _appeal(desk: Desk, slug: str) -> Appeal:
    return get_object_or_404(Appeal.objects.select_related("fund__entity"), slug=slug, fund__entity=desk.entity)
