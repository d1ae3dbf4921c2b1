"""Saying what a bank line is: with payouts, donations and all else that it may be."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from fundraising.bank import matching, orders, suggestions
from fundraising.bank.suggestions import Suggestion
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.bank_forms import MatchForm, ReasonForm
from fundraising.donations import NotBookedYet
from fundraising.ledger import Bucket
from fundraising.models import BankAccount, BankLine, Donation, Match, MatchKind, MatchReason, Purpose
from fundraising.offline import AlreadyReceived, MoreIsBooked, OtherCurrency, TooMuch
from fundraising.offline.references import references_in
from fundraising.roles import May
from payments.bank import matching as bank_matching


def _line(desk: Desk, pk: int) -> BankLine:
    rows = BankLine.objects.filter(bank_account__entity=desk.entity).select_related("bank_account__entity", "entry")
    return get_object_or_404(rows, pk=pk)


@require_safe
@desk_page(May.READ_BOOKS)
def line_page(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """One bank line: what it was matched with, and what it may be."""
    line = _line(desk, pk)
    return _line_page(request, desk, line, MatchForm(line.bank_account.currency, line.unexplained_minor))


def _line_page(request: HttpRequest, desk: Desk, line: BankLine, form: MatchForm) -> HttpResponse:
    may_match = desk.may(May.MATCH_BANK)
    context = {
        "line": line,
        "account": line.bank_account,
        "matches": line.matches.select_related("line__bank_account", "donation", "by", "undone_by").order_by("pk"),
        "statements": line.statements.defer("sealed_bytes").order_by("pk"),
        "suggestions": _suggestions(line) if may_match else [],
        "form": form,
        "reason_form": ReasonForm(auto_id=False),
        "may_match": may_match,
        "shows_names": desk.may_read_bank_names,
    }
    return render(request, desk, "desk/bank_line.html", context, status=422 if form.errors else 200)


def _suggestions(line: BankLine) -> list[Suggestion]:
    if not line.unexplained_minor:
        return []
    found = [*bank_matching.suggestions(line), *suggestions.for_line(line), *orders.for_lines([line])[0]]
    return sorted(found, key=lambda suggestion: -suggestion.score)


@require_POST
@desk_page(May.MATCH_BANK)
def match(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Match a line, or a part of it, with what the form says."""
    line = _line(desk, pk)
    form = MatchForm(line.bank_account.currency, line.unexplained_minor, request.POST)
    if form.is_valid() and _matched(desk, line, form):
        messages.success(request, gettext("Matched."))
        return redirect("desk-bank-line", entity=desk.entity.slug, pk=pk)
    line.refresh_from_db()
    return _line_page(request, desk, line, form)


def _matched(desk: Desk, line: BankLine, form: MatchForm) -> bool:
    """Whether it could be matched; else the form says why not."""
    told = form.cleaned_data
    other = _other_side(line, form)
    if other is None:
        return False
    try:
        matching.match_line(
            line,
            kind=MatchKind(told["kind"]),
            amount_minor=told["amount"],
            by=desk.user,
            reasons=[MatchReason(code) for code in told["reasons"]],
            why=told["why"],
            **other,
        )
    except matching.NotMatchable:
        form.add_error("amount", gettext("Somebody else has matched this line meanwhile. Look at what is left of it."))
    except (AlreadyReceived, NotBookedYet, OtherCurrency, TooMuch) as error:
        form.add_error("what", gettext(REFUSALS[type(error)]))
    else:
        return True
    return False


def _(text: str) -> str:
    """Mark a text for translation that is translated where it is shown."""
    return text


REFUSALS = {
    AlreadyReceived: _("This donation was received already. If the donor paid twice, it is another donation."),
    NotBookedYet: _("Nothing was received for this donation yet, so nothing of it can have been sent back."),
    OtherCurrency: _("This donation is in another currency."),
    TooMuch: _("This is more than is left of the donation."),
}


def _other_side(line: BankLine, form: MatchForm) -> dict[str, Any] | None:
    """What the form names, as the verb takes it; None where there is no such thing."""
    kind, what, bank = form.cleaned_data["kind"], form.cleaned_data["what"].strip(), line.bank_account
    if kind == MatchKind.DONATION:
        if donation := donation_named(bank, what):
            return {"donation": donation}
        form.add_error("what", gettext("There is no such donation in this currency."))
    elif kind == MatchKind.PAYOUT:
        if payout := bank_matching.payout_of(bank, what):
            return {"key": payout.payout_id, "account": bank_matching.account_of(payout)}
        form.add_error("what", gettext("There is no such payout in this currency."))
    elif kind == MatchKind.OWN:
        ours = BankAccount.objects.filter(entity=bank.entity_id).exclude(pk=bank.pk)
        if other := ours.filter(Q(slug=what) | Q(name__iexact=what) | Q(iban=what.replace(" ", "").upper())).first():
            return {"key": other.slug}
        form.add_error("what", gettext("There is no such bank account of ours."))
    elif kind == MatchKind.STEP:
        if step := orders.step_named(bank, what):
            return {"key": str(step.uuid)}
        form.add_error("what", gettext("There is no such step of the money from or to this account."))
    elif kind == MatchKind.OTHER:
        purpose, _colon, provider = form.cleaned_data["account"].partition(":")
        return {"key": purpose, "account": Bucket(bank.entity_id, Purpose(purpose), bank.currency, provider=provider)}
    else:
        return {}
    return None


def donation_named(bank: BankAccount, what: str) -> Donation | None:
    """The donation that a reference names: of its transfer, its own eight characters, or its whole id."""
    ours = Donation.objects.filter(entity=bank.entity_id, currency=bank.currency)
    if quoted := references_in(what):
        return ours.filter(transfer_reference__in=quoted).first()
    digits = what.replace("-", "").casefold()
    if len(digits) not in {8, 32} or set(digits) - set("0123456789abcdef"):
        return None
    span = (UUID(hex=digits.ljust(32, "0")), UUID(hex=digits.ljust(32, "f")))
    found = list(ours.filter(uuid__range=span)[:2])
    return found[0] if len(found) == 1 else None


@require_POST
@desk_page(May.MATCH_BANK)
def undo(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Take a match back: the line is unexplained again."""
    found = get_object_or_404(Match, uuid=uuid, line__bank_account__entity=desk.entity)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, gettext("Say why the match is undone."))
        return redirect("desk-bank-line", entity=desk.entity.slug, pk=found.line_id)
    try:
        matching.undo_match(found, by=desk.user, reason=form.cleaned_data["reason"])
    except matching.UndoneBefore:
        messages.info(request, gettext("It was undone already."))
    except MoreIsBooked:
        messages.error(
            request, gettext("The donation was refunded or contested since. Undo that first; then this match.")
        )
    else:
        messages.success(request, gettext("Undone. The line waits to be explained again."))
    return redirect("desk-bank-line", entity=desk.entity.slug, pk=found.line_id)
