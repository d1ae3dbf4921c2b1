"""The lines of a bank account, each with what it likeliest is; several are matched in one go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from fundraising.bank import matching, orders, suggestions
from fundraising.bank.lists import lines
from fundraising.bank.suggestions import Suggestion
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.bank_pages import LINES, account_of
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import SIZE, by_number
from fundraising.donations import NotBookedYet
from fundraising.models import BankLine, MatchKind
from fundraising.offline import AlreadyReceived, OtherCurrency, TooMuch
from fundraising.roles import May
from payments.bank import matching as bank_matching

STATES: Final = (("", _("nothing explains")), ("all", _("all")))
FILTERS: Final = ("state", "first", "last", "amount", "q")
LIKELY: Final = 50  # suggestions below are shown on the line's own page only
CERTAIN: Final = 90
REFUSALS: Final = (
    matching.NotMatchable,
    matching.OtherSideMissing,
    AlreadyReceived,
    NotBookedYet,
    OtherCurrency,
    TooMuch,
)


@dataclass
class Row:
    """A line with its likeliest suggestion; `token` says which line and what of it a person has seen."""

    line: BankLine
    suggestion: Suggestion | None = None
    is_certain: bool = False

    @property
    def token(self) -> str:
        assert self.suggestion
        return f"{self.line.pk}|{self.line.unexplained_minor}|{self.suggestion.kind}|{_other_side(self.suggestion)}"


def _other_side(suggestion: Suggestion) -> str:
    return str(suggestion.donation.uuid) if suggestion.donation else suggestion.key


def suggestions_for(found: Sequence[BankLine]) -> list[list[Suggestion]]:
    """What each of several lines of one account may be, the likeliest first."""
    kinds = (bank_matching.suggestions_for(found), suggestions.for_lines(found), orders.for_lines(found))
    return [
        sorted([one for of_kind in told for one in of_kind], key=lambda suggestion: -suggestion.score)
        for told in zip(*kinds, strict=True)
    ]


def rows_of(found: Sequence[BankLine]) -> list[Row]:
    """The lines with what they likeliest are. Certain: no other is as likely, and no other line is likely the same."""
    rows = []
    for line, told in zip(found, suggestions_for(found), strict=True):
        best = told[0] if told and told[0].score >= LIKELY else None
        alone = len([one for one in told if one.score >= CERTAIN]) == 1
        rows.append(Row(line, best, is_certain=best is not None and alone and _is_whole(best)))
    wanted = Counter((row.suggestion.kind, _other_side(row.suggestion)) for row in rows if row.suggestion)
    for row in rows:
        if row.suggestion and row.suggestion.kind != MatchKind.OWN:
            row.is_certain &= wanted[row.suggestion.kind, _other_side(row.suggestion)] == 1
    return rows


def _is_whole(suggestion: Suggestion) -> bool:
    donation = suggestion.donation
    same = donation is None or donation.amount_minor == abs(suggestion.amount_minor)
    return suggestion.score >= CERTAIN and same


@require_safe
@desk_page(May.READ_BOOKS)
def line_list(request: HttpRequest, desk: Desk, account: str) -> HttpResponse:
    """The lines of a bank account, by state, day, amount and words."""
    found = account_of(desk, account)
    wanted = {name: request.GET.get(name, "")[:100] for name in FILTERS}
    shows_names, may_match = desk.may_read_bank_names, desk.may(May.MATCH_BANK)
    if not shows_names:
        wanted["q"] = ""
    page = by_number(request, lines(found, wanted))
    rows = rows_of(list(page)) if may_match else [Row(line) for line in page]
    context = {
        "account": found,
        "page": page,
        "rows": rows,
        "certain": [row for row in rows if row.is_certain],
        "offers": any(row.suggestion for row in rows),
        "wanted": wanted,
        "states": STATES,
        "shows_names": shows_names,
        "query": request.GET.urlencode(),
        "export_url": export_url(desk, *LINES, account=found.slug, **{**wanted, "state": wanted["state"] or "open"}),
    }
    return render(request, desk, "desk/bank_lines.html", context)


@require_POST
@desk_page(May.MATCH_BANK)
def match_many(request: HttpRequest, desk: Desk, account: str) -> HttpResponse:
    """Match the lines that were ticked, or all certain ones of the page, each as it was seen; one message says what
    came of it."""
    found = account_of(desk, account)
    tokens = list(dict.fromkeys(request.POST.getlist("certain" if "all" in request.POST else "chosen")))[:SIZE]
    numbers = [int(token.split("|")[0]) for token in tokens if token.split("|")[0].isdecimal() and len(token) < 200]
    standing = BankLine.objects.filter(bank_account=found, pk__in=[number for number in numbers if number < 2**63])
    open_lines = list(standing.select_related("bank_account__entity").order_by("booked_on", "pk"))
    offers = {
        Row(line, one).token: (line, one)
        for line, told in zip(open_lines, suggestions_for(open_lines), strict=True)
        for one in told
    }
    matched = sum(_matched(desk, *offers[token]) for token in tokens if token in offers)
    _tell(request, matched, len(tokens) - matched)
    address = reverse("desk-bank-lines", kwargs={"entity": desk.entity.slug, "account": found.slug})
    return redirect(f"{address}?{request.GET.urlencode()}" if request.GET else address)


def _matched(desk: Desk, line: BankLine, suggestion: Suggestion) -> bool:
    try:
        matching.match_line(
            line,
            kind=suggestion.kind,
            amount_minor=suggestion.amount_minor,
            by=desk.user,
            reasons=suggestion.reasons,
            key=suggestion.key,
            donation=suggestion.donation,
            account=suggestion.account,
        )
    except REFUSALS:
        return False
    return True


def _tell(request: HttpRequest, matched: int, not_matched: int) -> None:
    words = ngettext("Matched: %d line.", "Matched: %d lines.", matched) % matched
    if not matched and not not_matched:
        messages.error(request, gettext("Tick the lines that are to be matched."))
    elif not_matched:
        left = ngettext(
            "%d line was not matched: something about it has changed since you looked.",
            "%d lines were not matched: something about them has changed since you looked.",
            not_matched,
        )
        messages.warning(request, f"{words} {left % not_matched}")
    else:
        messages.success(request, words)
