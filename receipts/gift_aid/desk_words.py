"""Why a donation is not claimed, or a declaration not taken, and how to mend it, in words of the desk."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .claims import ClaimProblem

CLAIM_WORDS = {
    ClaimProblem.OTHER_CURRENCY: _("It came in another currency: claims are made in pounds."),
    ClaimProblem.NOT_COVERED: _(
        "The donor's declaration does not cover it: made later, for another donation, or cancelled. Ask them for one "
        "that reaches back four years."
    ),
    ClaimProblem.TOO_OLD: _("It was received more than four years ago: the time to claim is over."),
    ClaimProblem.ORGANISATION: _("An organisation gave it: Gift Aid is for people. Its tax return has a relief."),
    ClaimProblem.NOT_HOME: _(
        "The address of the declaration is of work, a box, or in care of somebody. Cancel the declaration and ask for "
        "one with the home address."
    ),
    ClaimProblem.RETURNED: _(
        "The donor got more back for it than Gift Aid allows. If that is wrong, mend it on the page of the donation."
    ),
}
DECLARATION_WORDS = {
    "future": _("This day is still to come."),
    "organisation": _("An organisation gave: Gift Aid is for people."),
    "donation": _("No donation in pounds has been received from this donor yet."),
    "cancelled": _("It is cancelled already."),
    "day": _("The day is not between the declaration and today."),
}
