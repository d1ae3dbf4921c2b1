"""How the desk says what the money trail refuses, and where its figures lead."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..locales import babel_locale
from ..models import Purpose, StepKind
from ..spending.figures import AppealFigures
from ..spending.steps import SpendingRefused
from . import Desk

REFUSALS: Final[dict[str, str | Promise]] = {
    "fund_short": gettext_lazy("The fund has less than this available."),
    "line_short": gettext_lazy("Less than this is allocated to the line and not committed."),
    "step_short": gettext_lazy("Less than this is left."),
    "went_on": gettext_lazy("Some of it has gone on: undo that first."),
    "other_currency": gettext_lazy("It is in another currency."),
    "other_entity": gettext_lazy("It belongs to another legal entity or appeal."),
    "not_booked": gettext_lazy("What it rests on is not booked."),
    "others_rest": gettext_lazy("Other steps rest on it: undo those first."),
    "undone": gettext_lazy("It is undone already, or waits to be."),
    "decided": gettext_lazy("It was decided before."),
    "own_step": gettext_lazy("You wrote it: somebody else decides."),
    "no_reason": gettext_lazy("Say why."),
    "no_amount": gettext_lazy("An amount is more than zero."),
    "future": gettext_lazy("This day is still to come."),
    "inactive": gettext_lazy("This partner takes no new commitments."),
    "more_arrived": gettext_lazy("No more can arrive than was sent."),
    "evidence": gettext_lazy("Add the file, or choose “confirmed by the partner only”."),
    "attachment": gettext_lazy("A file is a PDF, a PNG or a JPEG, 10 MB at most."),
    "in_bank": gettext_lazy("The bank has carried it out: undo the match of its line, or record what comes back."),
    "overhead": gettext_lazy("More than the policy or the real cost allows."),
    "policy": gettext_lazy("A share is between 0 and 30 per cent."),
    "policy_waits": gettext_lazy("Another share waits for a second person: decide about that first."),
    "no_general_fund": gettext_lazy("There is no unrestricted fund to bear the costs."),
    "too_early": gettext_lazy("It cannot be before the day of the step that it rests on."),
    "resolved": gettext_lazy("The surplus of this appeal was resolved: nothing begins there any more."),
    "others_step": gettext_lazy("Somebody else wrote it: they withdraw it, or you reject it."),
    "not_over": gettext_lazy("Only an appeal that is closed, and not archived, has a surplus or a deficit to pass on."),
    "not_settled": gettext_lazy("Something of the fund is still open: look at the appeal's page."),
    "other_rest": gettext_lazy("This is not all that is left: withdraw the step and write it anew."),
    "other_late_fund": gettext_lazy("The fund of the secondary purpose is another one now: withdraw the step."),
    "archived": gettext_lazy("The appeal is archived: take it a step back first."),
    "overtaken": gettext_lazy("Something else was booked at the same moment. Look again."),
}
# What can follow a step, by its kind.
FOLLOWERS: Final = {
    StepKind.COMMITMENT: (StepKind.DISBURSEMENT, StepKind.RELEASE),
    StepKind.DISBURSEMENT: (StepKind.ARRIVAL,),
    StepKind.ARRIVAL: (StepKind.SPEND_REPORT, StepKind.RETURN),
    StepKind.ADVANCE: (StepKind.REPAYMENT,),
}
DO: Final[dict[str, str | Promise]] = {
    "budget": gettext_lazy("Set the budget"),
    StepKind.ALLOCATION: gettext_lazy("Allocate"),
    StepKind.DEALLOCATION: gettext_lazy("Take an allocation back"),
    StepKind.COMMITMENT: gettext_lazy("Commit to a partner"),
    StepKind.RELEASE: gettext_lazy("Release what will not be sent"),
    StepKind.DISBURSEMENT: gettext_lazy("Send money"),
    StepKind.ARRIVAL: gettext_lazy("Confirm the arrival"),
    StepKind.SPEND_REPORT: gettext_lazy("Report spending"),
    StepKind.RETURN: gettext_lazy("Record unspent money that came back"),
    StepKind.ADVANCE: gettext_lazy("Advance from another fund"),
    StepKind.REPAYMENT: gettext_lazy("Repay"),
    "policy": gettext_lazy("State the share of administrative costs"),
    StepKind.OVERHEAD: gettext_lazy("Charge administrative costs"),
}


def in_words(refused: SpendingRefused) -> str:
    """A refusal for whoever typed, with how much there is."""
    words = str(REFUSALS.get(refused.code, refused.code))
    if refused.most is None or refused.code == "other_currency":
        return words
    return f"{words} " + _("There is %(amount)s.") % {"amount": refused.most.format_exact(babel_locale(None))}


class Account:
    """Leads from a figure to the postings behind it."""

    def __init__(self, desk: Desk, found: AppealFigures) -> None:
        self._base = reverse("desk-account", kwargs={"entity": desk.entity.slug})
        self._days = {"first": found.first.isoformat(), "last": found.last.isoformat()}
        self._fund = found.appeal.fund_id

    def url(self, purpose: Purpose, currency: str, category: str = "") -> str:
        query = {"account": f"{purpose}:{category}", "currency": currency, "fund": self._fund, **self._days}
        return f"{self._base}?{urlencode(query)}"
