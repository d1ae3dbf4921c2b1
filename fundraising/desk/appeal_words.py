"""How the desk says what can be done with an appeal, and what stands in the way."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..appeals.obstacles import Act, Obstacle
from ..locales import babel_locale

Words = str | Promise

DO: Final[dict[Act, Words]] = {
    Act.PUBLISH: _("Open it to donors"),
    Act.BEGIN_CLOSING: _("Begin to close it"),
    Act.CLOSE: _("Close it"),
    Act.RESOLVE: _("Pass on what is left"),
    Act.ARCHIVE: _("Archive it"),
    Act.STEP_BACK: _("Take it a step back"),
}
MEANS: Final[dict[Act, Words]] = {
    Act.PUBLISH: _("Its pages take donations from then on."),
    Act.BEGIN_CLOSING: _("No new monthly or yearly giving; single donations go on."),
    Act.CLOSE: _(
        "Nothing new is taken. What comes late goes to the fund of the secondary purpose. Monthly giving ends or goes "
        "on, as each donor was told."
    ),
    Act.RESOLVE: _(
        "A step for each currency moves all that is left to the fund of the secondary purpose; a deficit is borne by "
        "the unrestricted fund. Somebody else approves each."
    ),
    Act.ARCHIVE: _("Everything is nil. Its page stays readable, without the form."),
    Act.STEP_BACK: _("To the state before, while nothing was done since that would have been otherwise."),
}
IN_THE_WAY: Final[dict[str, Words]] = {
    "state": _("Not from the state in which it is."),
    "no_reason": _("Say why: it stays in the trail."),
    "no_page": _("It has no published donation page."),
    "no_wording": _("Its page has no wording with a secondary purpose in this language"),
    "no_currency": _("Its page takes no currency in this language"),
    "no_round": _("It has no round: open one below."),
    "no_goal": _("Its round has no goal: set one below."),
    "round_over": _("Its round is over: open another one below."),
    "late_fund_over": _("The appeal of its fund of the secondary purpose is over: choose another fund."),
    "steps_wait": _("Steps of its money wait for a second person."),
    "surplus_waits": _("What is left waits for a second person to approve it."),
    "nothing_left": _("Nothing is left."),
    "no_general_fund": _("There is no unrestricted fund to bear the deficit."),
    "mandates": _("Monthly giving that ends with it has not ended yet. It does by itself within minutes."),
    "orders": _("Money ordered from the bank is on no statement yet: match its line, or undo the step."),
    "given": _("Somebody has given to it."),
    "given_since": _("Somebody has given since it began to close: they were told that it closes."),
    "late_money": _("Money came late and went to the fund of the secondary purpose."),
    "mandates_ended": _("Monthly giving ended because it closed. Open a new round instead."),
    "mandates_told": _("Donors were told that their monthly giving goes on for the secondary purpose."),
    "surplus_passed": _("What was left was passed on: undo that step, and it is closed again."),
    "resolved": _("What was left was passed on: nothing begins there any more. Put up a new appeal."),
    "no_goal_amount": _("A goal is more than zero, in the currency of the appeal."),
    "same_goal": _("This is the goal already."),
    "closes_before": _("It would close before it opens."),
    "opens_before": _("It would open before the round before it."),
    "opens_later": _("An appeal that is closing or closed opens again at once: leave the first day empty."),
    "no_reason_in": _("Say why in this language too, for its page"),
    "available": _("Something is left"),
    "unsettled": _("Charged, not yet settled"),
    "withheld": _("Withheld while a bank decides"),
    "pending": _("Announced by banks, not received"),
    "allocated": _("Allocated, not committed: take the allocation back"),
    "committed": _("Committed, not sent: send or release it"),
    "underway": _("On its way to partners: have the arrival confirmed"),
    "held": _("With partners: have it reported or returned"),
    "lent": _("Lent to another fund: have it repaid"),
    "borrowed": _("Borrowed from another fund: repay it"),
}
_LANGUAGES: Final = dict(settings.LANGUAGES)


def in_words(obstacle: Obstacle, *, with_amounts: bool) -> str:
    """One obstacle for whoever looks; amounts are for those who may read the books."""
    words = str(IN_THE_WAY.get(obstacle.code, obstacle.code))
    if obstacle.locale:
        return f"{words}: {_LANGUAGES[obstacle.locale]}."
    if obstacle.amount is None:
        return words
    return f"{words}: {obstacle.amount.format_exact(babel_locale(None))}." if with_amounts else f"{words}."
