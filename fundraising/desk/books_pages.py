"""The books to read: chart of accounts, journal, an entry, an account's ledger, trial balance, funds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import books
from ..books import JournalFilter, Ledger, Place
from ..books import funds as funds_of
from ..books.chart import Chart, NumberRefused, number_account
from ..books.funds import FundStatement
from ..exports.kinds import today
from ..exports.tables import FUND_COLUMNS
from ..models import Entry, Fund, Purpose
from ..money import Money
from ..roles import May
from . import Desk, desk_page, render
from .books_forms import DayForm, DaysForm, JournalForm, LedgerForm, NumberForm
from .export_links import export_url
from .paging import Page

Words = str | Promise
# The columns of the statement of funds, and which figures each stands for.
FUND_GROUPS: Final[dict[Words, tuple[str, ...]]] = {
    FUND_COLUMNS["opening"]: ("opening",),
    FUND_COLUMNS["income"]: ("income",),
    gettext_lazy("Refunds and disputes"): ("refunds", "disputes"),
    FUND_COLUMNS["fees"]: ("fees",),
    FUND_COLUMNS["spent"]: ("spent",),
    FUND_COLUMNS["overhead"]: ("overhead",),
    gettext_lazy("Other, passed on, exchanged"): ("other", "passed", "exchanged"),
}
NUMBER_WORDS = {
    "digits": gettext_lazy("Digits only, eight at most."),
    "name": gettext_lazy("A name of 80 characters at most."),
}


@desk_page(May.READ_BOOKS)
def accounts(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The chart of accounts."""
    context = {
        "accounts": Chart(desk.entity).accounts,
        "may_edit": desk.may(May.APPROVE),
        "export_url": export_url(desk, "accounts"),
    }
    return render(request, desk, "desk/accounts.html", context)


@desk_page(May.APPROVE)
def account_number(request: HttpRequest, desk: Desk, *, purpose: str, provider: str = "") -> HttpResponse:
    """The number and name that the accountants give an account."""
    chart = Chart(desk.entity)
    if purpose not in Purpose.values or not chart.known(purpose, provider):
        raise Http404
    account = chart.find(purpose, provider)
    form = NumberForm(request.POST or None, initial={"number": account.number, "name": account.name})
    if request.method == "POST" and form.is_valid():
        try:
            number_account(desk.entity, account.purpose, provider, by=desk.user, **form.cleaned_data)
        except NumberRefused as refused:
            form.add_error("name" if refused.code == "name" else "number", NUMBER_WORDS.get(refused.code, refused.code))
        else:
            messages.success(request, _("Saved. Exports use it from now on."))
            return redirect("desk-accounts", entity=desk.entity.slug)
    return render(request, desk, "desk/account_number.html", {"form": form, "account": account})


@desk_page(May.READ_BOOKS)
def journal(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Entries, newest day first."""
    form = JournalForm(request.GET)
    wanted = JournalFilter(**form.cleaned_data) if form.is_valid() else JournalFilter()
    after = Place.read(request.GET.get("after", ""))
    entries, place = books.journal_page(desk.entity, wanted, after)
    chart = Chart(desk.entity)
    context = {
        "form": form,
        "page": Page([_shown(entry, chart) for entry in entries], *_addresses(request, after, place)),
        "export_url": export_url(desk, "journal", **vars(wanted)),
    }
    return render(request, desk, "desk/journal.html", context)


def _shown(entry: Entry, chart: Chart) -> dict[str, Any]:
    """An entry with its lines by account, for a template that asks nothing."""
    lines = [
        {
            "account": chart.find(posting.account.purpose, posting.account.provider),
            "fund": posting.account.fund,
            "round_id": posting.account.round_id,
            "debit": amount if amount.minor > 0 else None,
            "credit": -amount if amount.minor < 0 else None,
            "currency": amount.currency,
        }
        for posting in entry.postings.all()
        for amount in [Money(posting.amount_minor, posting.currency)]
    ]
    return {"entry": entry, "lines": lines, "is_late": books.is_late(entry)}


def _addresses(request: HttpRequest, after: Place | None, place: Place | None) -> tuple[str, str]:
    """Back to the first page, and on to the next one, with the filters kept."""
    query = request.GET.copy()
    query.pop("after", None)
    first = f"{request.path}?{query.urlencode()}" if after else ""
    if place is None:
        return first, ""
    query["after"] = str(place)
    return first, f"{request.path}?{query.urlencode()}"


@desk_page(May.READ_BOOKS)
def entry(request: HttpRequest, desk: Desk, *, pk: int) -> HttpResponse:
    """One entry with everything that hangs on it."""
    found = get_object_or_404(
        Entry.objects.select_related(
            "donation", "reverses", "reversed_by", "journal_entry", "bank_line", "bank_match__line"
        ).prefetch_related("postings__account__fund", "breaks"),
        pk=pk,
        entity=desk.entity,
    )
    context = {
        **_shown(found, Chart(desk.entity)),
        "reversed_by": getattr(found, "reversed_by", None),
        "manual": getattr(found, "journal_entry", None),
        "bank_line": getattr(found, "bank_line", None),
        "bank_match": getattr(found, "bank_match", None),
        "export_url": export_url(desk, "journal", key=found.key),
    }
    return render(request, desk, "desk/entry.html", context)


@desk_page(May.READ_BOOKS)
def account_ledger(request: HttpRequest, desk: Desk) -> HttpResponse:
    """One account in one currency: what it held, its lines, what it holds."""
    chart = Chart(desk.entity)
    last = today()
    defaults = {"first": last.replace(day=1).isoformat(), "last": last.isoformat(), "currency": desk.entity.currency}
    form = LedgerForm(desk.entity, chart, {**defaults, **{name: value for name, value in request.GET.items() if value}})
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        context |= _ledger(request, desk, chart, form.cleaned_data)
    return render(request, desk, "desk/account.html", context)


def _ledger(request: HttpRequest, desk: Desk, chart: Chart, asked: dict[str, Any]) -> dict[str, Any]:
    purpose, _colon, provider = asked["account"].partition(":")
    fund_id = int(asked["fund"]) if asked["fund"] else None
    wanted = Ledger(Purpose(purpose), provider, asked["currency"], asked["first"], asked["last"], fund_id)
    opening = books.ledger_opening(desk.entity, wanted)
    after = Place.read(request.GET.get("after", ""))
    lines, place = books.ledger_page(desk.entity, wanted, opening=opening, after=after)
    return {
        "account": chart.find(purpose, provider),
        "wanted": wanted,
        "opening": opening,
        "closing": books.ledger_closing(desk.entity, wanted),
        "page": Page(lines, *_addresses(request, after, place)),
        "export_url": export_url(desk, "account", **asked),
    }


@desk_page(May.READ_BOOKS)
def trial_balance(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Every account at the end of a day, per currency."""
    form, on = _day(request)
    context = {
        "form": form,
        "on": on,
        "columns": books.trial_balance(desk.entity, on),
        "export_url": export_url(desk, "trial-balance", on=on),
    }
    return render(request, desk, "desk/trial_balance.html", context)


@desk_page(May.READ_BOOKS)
def funds(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The statement of funds for some days, and what of it donors have bound."""
    form, first, last = _days(request)
    found = funds_of.statement(desk.entity, first, last)
    words = {**FUND_COLUMNS, "released": _("Released"), "closing": _("At the end")}
    context = {
        "form": form,
        "first": first,
        "last": last,
        "headings": [*FUND_GROUPS, words["closing"], words["released"]],
        "funds": [(row, _cells(row)) for row in found],
        "classes": [
            (one.currency, [(words[name], bound, free, bound + free) for name, bound, free in one.rows])
            for one in funds_of.of_classes(found)
        ],
        "export_url": export_url(desk, "funds", first=first, last=last),
        "classes_url": export_url(desk, "net-assets", first=first, last=last),
    }
    return render(request, desk, "desk/funds.html", context)


@dataclass(frozen=True)
class Cell:
    """A figure of a fund: a sum where its column stands for several, and those of them that are not nil."""

    label: Words
    amount: Money
    parts: Sequence[tuple[Words, Money]] = ()


def _cells(row: FundStatement) -> list[Cell]:
    """The figures of a row, as many as fit beside each other on a laptop; each of `FUND_COLUMNS` is told."""
    cells = []
    for label, names in FUND_GROUPS.items():
        amounts = [(FUND_COLUMNS[name], getattr(row, name)) for name in names]
        parts = [(word, amount) for word, amount in amounts if amount.minor] if len(names) > 1 else []
        total = sum((amount for _word, amount in amounts), start=Money(0, row.currency))
        cells.append(Cell(label, total, parts))
    return [*cells, Cell(_("At the end"), row.closing), Cell(_("Released"), row.released)]


@desk_page(May.READ_BOOKS)
def fund(request: HttpRequest, desk: Desk, *, pk: int) -> HttpResponse:
    """One fund by its accounts, each leading to its postings."""
    found = get_object_or_404(Fund, pk=pk, entity=desk.entity)
    form, first, last = _days(request)
    context = {
        "fund": found,
        "form": form,
        "first": first,
        "last": last,
        "rows": [
            (row, urlencode({
                "account": row.account.key, "currency": row.before.currency, "fund": found.pk,
                "first": first.isoformat(), "last": last.isoformat(),
            }))
            for row in funds_of.accounts_of(desk.entity, found, first, last)
        ],
        "export_url": export_url(desk, "fund-accounts", fund=found.pk, first=first, last=last),
    }  # fmt: skip
    return render(request, desk, "desk/fund.html", context)


def _days(request: HttpRequest) -> tuple[DaysForm, date, date]:
    """The days that are asked for; without any, the year so far."""
    last = today()
    asked = {"first": request.GET.get("first") or last.replace(month=1, day=1).isoformat(),
             "last": request.GET.get("last") or last.isoformat()}  # fmt: skip
    form = DaysForm(asked)
    if form.is_valid():
        return form, form.cleaned_data["first"], form.cleaned_data["last"]
    return form, last.replace(month=1, day=1), last


def _day(request: HttpRequest) -> tuple[DayForm, Any]:
    form = DayForm({"on": request.GET.get("on") or today().isoformat()})
    return form, (form.cleaned_data["on"] if form.is_valid() else None) or today()
