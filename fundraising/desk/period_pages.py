"""Closing and opening the books, and valuing foreign money at the end of a period."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ..books import periods, revaluation
from ..books.periods import PeriodRefused, StillOpen
from ..books.revaluation import RatesMissing, RevaluationRefused
from ..models import Close
from ..roles import May
from . import Desk, desk_page, render
from .books_forms import CloseForm, HardCloseForm, ReopenForm, RevaluationForm, end_of_last_month
from .export_links import export_url

WORDS = {
    "future": gettext_lazy("Only days that are over can be closed."),
    "closed": gettext_lazy("The books are closed until that day already."),
    "not closed": gettext_lazy("That day is open."),
    "same person": gettext_lazy("You closed it for good yourself: another finance approver opens it again."),
    "open": gettext_lazy("Things of this period are open. Resolve them, or say why they may stay so."),
}
REVALUATION_WORDS = {
    "future": gettext_lazy("Only days that are over can be valued."),
    "closed": gettext_lazy("This day is closed for good."),
    "booked": gettext_lazy("This day is valued and booked already."),
    "nothing": gettext_lazy("There is no difference to book."),
}


@desk_page(May.READ_BOOKS)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Up to when the books are closed, what is open, and the trace."""
    return _page(request, desk)


def _page(request: HttpRequest, desk: Desk, **bound: forms.Form) -> HttpResponse:
    until = _day(request, "until")
    soft, hard = periods.closed_until(desk.entity)
    unbound: dict[str, forms.Form] = {
        "soft_form": CloseForm(initial={"until": until}, prefix="soft"),
        "hard_form": HardCloseForm(initial={"until": until}, prefix="hard"),
        "reopen_form": ReopenForm(prefix="reopen"),
    }
    context: dict[str, Any] = {
        "soft": soft,
        "hard": hard,
        "until": until,
        "checks": periods.checklist(desk.entity, until),
        "history": Close.objects.filter(entity=desk.entity).select_related("by").order_by("-pk")[:50],
        "may_close": desk.may(May.CLOSE_BOOKS),
        "export_url": export_url(desk, "periods"),
        "checks_url": export_url(desk, "checklist", on=until),
        **unbound,
        **bound,
    }
    return render(request, desk, "desk/periods.html", context, status=422 if bound else 200)


def _day(request: HttpRequest, name: str) -> date:
    try:
        return date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return end_of_last_month()


@desk_page(May.CLOSE_BOOKS)
@require_POST
def close_soft(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = CloseForm(request.POST, prefix="soft")
    if form.is_valid():
        try:
            periods.close_soft(desk.entity, by=desk.user, **form.cleaned_data)
        except PeriodRefused as refused:
            form.add_error("until", WORDS.get(refused.code, refused.code))
        else:
            return _done(request, desk, _("The books are closed. Late facts count on the first open day."))
    return _page(request, desk, soft_form=form)


@desk_page(May.CLOSE_BOOKS)
@require_POST
def close_hard(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = HardCloseForm(request.POST, prefix="hard")
    if form.is_valid():
        try:
            periods.close_hard(desk.entity, by=desk.user, **form.cleaned_data)
        except StillOpen as refused:
            standing = ", ".join(f"{check.label}: {check.count}" for check in refused.standing)
            form.add_error("despite", f"{WORDS['open']} ({standing})")
        except PeriodRefused as refused:
            form.add_error("until", WORDS.get(refused.code, refused.code))
        else:
            return _done(request, desk, _("The books are closed for good."))
    return _page(request, desk, hard_form=form)


@desk_page(May.CLOSE_BOOKS)
@require_POST
def reopen(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = ReopenForm(request.POST, prefix="reopen")
    if form.is_valid():
        try:
            periods.reopen(desk.entity, by=desk.user, **form.cleaned_data)
        except PeriodRefused as refused:
            form.add_error("first", WORDS.get(refused.code, refused.code))
        else:
            return _done(request, desk, _("The books are open again from that day on."))
    return _page(request, desk, reopen_form=form)


def _done(request: HttpRequest, desk: Desk, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect("desk-periods", entity=desk.entity.slug)


@desk_page(May.READ_BOOKS)
def valuation(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What foreign money was worth at the end of a day, before it is booked."""
    return _valuation(request, desk, _day(request, "on"))


def _valuation(request: HttpRequest, desk: Desk, on: date, problem: str = "") -> HttpResponse:
    context: dict[str, Any] = {"on": on, "problem": problem, "may_book": desk.may(May.CLOSE_BOOKS)}
    try:
        context["found"] = revaluation.value(desk.entity, on)
        context["export_url"] = export_url(desk, "valuation", on=on)
    except RatesMissing as refused:
        context["missing"] = refused.missing
    return render(request, desk, "desk/revaluation.html", context, status=422 if problem else 200)


@desk_page(May.CLOSE_BOOKS)
@require_POST
def revalue(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = RevaluationForm(request.POST)
    if not form.is_valid():
        return _valuation(request, desk, end_of_last_month(), _("Choose a day."))
    on = form.cleaned_data["on"]
    try:
        booked = revaluation.revalue(desk.entity, by=desk.user, **form.cleaned_data)
    except RatesMissing:
        return _valuation(request, desk, on, _("Rates are missing."))
    except RevaluationRefused as refused:
        return _valuation(request, desk, on, str(REVALUATION_WORDS.get(refused.code, refused.code)))
    messages.success(request, _("It is booked, and reversed on the next day."))
    return redirect("desk-entry", entity=desk.entity.slug, pk=booked.pk)
