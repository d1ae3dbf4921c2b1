"""A break in words: what was found, in figures people read, and what a refused verb means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from fundraising.locales import babel_locale
from fundraising.models import Break, Cause
from fundraising.money import Money

from .break_names import Names

Words = str | Promise

WHAT: Final[dict[Cause, Words]] = {
    Cause.CHARGE_MISSING: _("Stripe charged this and our books have nothing of it. Most often its event got lost."),
    Cause.CHARGE_DOUBLED: _(
        "One donation was charged twice. The second charge waits in suspense; the donor is owed it."
    ),
    Cause.CHARGE_FOREIGN: _(
        "A charge that names no donation of ours. It waits in suspense until somebody says what it is."
    ),
    Cause.AMOUNT_DIFFERS: _("Our books have another amount than the provider."),
    Cause.FEE_DIFFERS: _("Our books have another fee than the provider took."),
    Cause.UNKNOWN_TO_PROVIDER: _("Our books have an entry that the provider knows nothing of."),
    Cause.PAYOUT_LINE_MISSING: _("The lines that we know of this payout do not add up to what was paid out."),
    Cause.PAYOUT_NOT_IN_BANK: _("The provider says it has paid this out; no bank line is matched with it in time."),
    Cause.BANK_LINE_UNKNOWN: _("Money moved on the bank account, and nothing in our books explains it."),
    Cause.BANK_LINE_DOUBLED: _("The bank shows the same payout or donation twice."),
    Cause.STATEMENT_GAP: _(
        "A bank statement opens with another balance than the one before closed with. One is missing."
    ),
    Cause.LINES_ALIKE: _(
        "Two statements cut a day and hold lines that look the same. They were taken for the same lines, once in the "
        "books; they may be lines of their own. Look at the bank."
    ),
    Cause.BALANCE_DIFFERS: _(
        "A balance in our books is not what the provider or the bank says, beyond what single lines explain."
    ),
    Cause.SUSPENSE: _("Money that matches nothing of ours waits in suspense."),
    Cause.FUND_SHORT: _("More was promised from this fund than it has, most often after a refund or a chargeback."),
    Cause.FUND_LEFT: _(
        "Money came to the fund of an appeal after its surplus was resolved, most often a dispute that was won late. "
        "Resolve the surplus once more."
    ),
    Cause.SUBSCRIPTION_DOUBLED: _(
        "Stripe has a second subscription for this mandate, so the donor pays twice each time. What both collect is "
        "booked to the mandate. Cancel the second one in Stripe's dashboard, not the first, which the mandate follows; "
        "then give back what was collected too much, from the pages of those donations. The break goes by itself."
    ),
    Cause.ORDER_NOT_IN_BANK: _(
        "Money was ordered from the bank for a partner, or a partner sent some back, and no bank line shows it. Match "
        "the line with the step, or undo the step if the bank did not do it."
    ),
}
LABELS: Final[dict[str, Words]] = {
    "entry": _("Entry"),
    "line": _("Line at the provider"),
    "bank_line": _("Bank line"),
    "first": _("The other bank line"),
    "type": _("Kind of line"),
    "payout": _("Payout"),
    "status": _("Status at the provider"),
    "lines": _("Lines"),
    "bank_lines": _("Bank lines"),
    "in_suspense": _("In suspense"),
    "sum_of_lines": _("Sum of its lines"),
    "at_provider": _("At the provider"),
    "in_books": _("In our books"),
    "in_bank": _("In the bank"),
    "at_bank": _("At the bank"),
    "unexplained": _("Not explained"),
    "alike": _("Lines that may be there once more"),
    "opening": _("Opening balance"),
    "closing": _("Closing balance of the one before"),
    "statement": _("Statement"),
    "after": _("The statement before"),
    "donation": _("Donation"),
    "explained": _("Explained by single lines"),
    "amount": _("amount"),
    "charge": _("charge"),
    "fee": _("fee"),
    "net": _("net"),
    "fund": _("Fund"),
    "available": _("Available"),
    "appeal": _("Appeal"),
    "step": _("Step of the money"),
    "ordered": _("Ordered or awaited"),
    "missing": _("Not in the bank"),
    "mandate": _("Mandate"),
    "second": _("The second subscription, to be cancelled"),
    "subscription": _("The subscription that the mandate follows"),
    "each_time": _("Collected by the second one, each time"),
}
AMOUNTS: Final = frozenset(
    {
        "in_suspense",
        "sum_of_lines",
        "at_provider",
        "in_books",
        "in_bank",
        "at_bank",
        "unexplained",
        "opening",
        "closing",
        "explained",
        "amount",
        "charge",
        "fee",
        "net",
        "available",
        "ordered",
        "missing",
        "each_time",
    }
)
REFUSALS: Final[dict[str, Words]] = {
    "no_reason": _("Please write why. It stays in the history, and the second person reads it."),
    "state": _("Somebody else was faster: this break is not as you saw it. Please look at it again."),
    "facts": _("The figures changed while you were at it. Please look at them again."),
    "other_cause": _("This resolution does not fit this break any more. Please choose again."),
    "own_proposal": _("You proposed this yourself. Another person has to approve it."),
    "no_answer": _("Stripe did not answer, so nothing was done. Please try again in a few minutes."),
    "refused": _("Stripe refused, so nothing was done. Look at the charge in Stripe's dashboard."),
    "not_booked": _("The entry that this is about is not in the books."),
    "booked_meanwhile": _("It has been booked meanwhile, so there is nothing left to do."),
    "partly_returned": _("A part of it has gone back already. Please book the rest by hand, as a manual entry."),
    "no_donation": _(
        "There is no such donation here. Write its reference of eight characters, or that of its transfer."
    ),
    "donation_received": _("That donation has its money already. Choose one that is not paid yet."),
    "other_currency": _("The currencies differ. Please book the difference by hand, as a manual entry."),
    "more_is_booked": _("A settlement or refund rests on this entry. Please reverse that one first."),
    "no_line": _("There is no line that this could be booked from."),
    "not_charged": _("Stripe has no successful charge of this, or it has not been told of it yet."),
    "not_bookable": _("The line cannot be booked as it is: what it rests on is missing."),
    "not_itemisable": _("Stripe cannot say what a manual payout is made of. Please explain it."),
    "under_way": _("A refund of this charge is under way already."),
    "bad_date": _("Please choose a day to come, within a year."),
    "no_choice": _("Please choose what is to be done."),
}
EVENTS: Final[dict[str, Words]] = {
    "found": _("Found"),
    "changed": _("The figures changed"),
    "gone": _("Found no more"),
    "opened again": _("Open again"),
    "assigned": _("Given to"),
    "commented": _("Comment"),
    "proposed": _("Proposed"),
    "approved": _("Approved"),
    "rejected": _("Sent back"),
    "resolving": _("Asked the provider"),
    "resolved": _("Resolved"),
    "failed": _("Could not be done"),
}


@dataclass(frozen=True)
class Fact:
    """One line of what was found, and the page of what it names."""

    label: Words
    text: str
    url: str = ""


def refusal_text(code: str) -> Words:
    """What a refused verb means, and what to do now."""
    return REFUSALS.get(code, _("This could not be done; nothing was booked."))


def facts_of(found: Break, names: Names) -> list[Fact]:
    """The facts as people read them; amounts in the currency that they are in."""
    currency = str(found.facts.get("currency") or found.currency)
    return list(_lines(found.facts, currency, names))


def _lines(facts: dict[str, Any], currency: str, names: Names) -> Iterator[Fact]:
    for key, value in facts.items():
        if key == "currency" or value in (None, "", {}):
            continue
        label = LABELS.get(key, key.replace("_", " "))
        if isinstance(value, dict):
            parts = (f"{LABELS.get(name, name)} {_said(name, one, currency)}" for name, one in value.items())
            yield Fact(label, " · ".join(parts))
        elif named := names.fact(key, value):
            yield Fact(label, named.text, named.url)
        else:
            yield Fact(label, _said(key, value, currency))


def _said(key: str, value: Any, currency: str) -> str:
    if value is None:
        return "–"
    if key in AMOUNTS and isinstance(value, int):
        return Money(value, currency).format_exact(babel_locale(get_language()))
    return str(value)
