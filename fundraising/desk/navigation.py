"""Where one can go on the desk: the one list of it. A line shows where its address exists and the rights allow it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..roles import May
from .who import Desk

Words = str | Promise


@dataclass(frozen=True)
class Place:
    """A page that the navigation names: its address's name, who may see it, and the key after `g` that opens it."""

    label: Words
    name: str
    rights: tuple[May, ...]
    key: str = ""

    def address(self, desk: Desk) -> str | None:
        """The address at this desk; none where there is no such page, or not for these roles."""
        if not desk.rights.intersection(self.rights):
            return None
        try:
            return reverse(self.name) if ":" in self.name else reverse(self.name, kwargs={"entity": desk.entity.slug})
        except NoReverseMatch:
            return None


@dataclass(frozen=True)
class Shown:
    """A place as one person sees it."""

    label: Words
    url: str
    key: str
    current: bool


BOOKS, DONORS = (May.READ_BOOKS,), (May.READ_DONORS,)
SECTIONS: tuple[tuple[Words, tuple[Place, ...]], ...] = (
    (
        _("Day"),
        (
            Place(_("Morning"), "desk-morning", BOOKS, "m"),
            Place(_("Calendar"), "desk-calendar", BOOKS),
            Place(_("Trends"), "desk-trends", BOOKS),
            Place(_("Search"), "desk-search", (*DONORS, *BOOKS), "s"),
            Place(_("Breaks"), "desk-breaks", BOOKS, "b"),
            Place(_("Money that matches nothing"), "desk-suspense", BOOKS),
        ),
    ),
    (
        _("Money"),
        (
            Place(_("Payouts"), "desk-payouts", BOOKS, "p"),
            Place(_("Bank"), "desk-bank", BOOKS, "k"),
            Place(_("Disputes"), "desk-disputes", BOOKS, "d"),
            Place(_("Record a donation"), "desk-record", (May.RECORD_DONATIONS,), "r"),
            Place(_("Mandates"), "desk-mandates", (*BOOKS, *DONORS)),
            Place(_("Bank transfers that are awaited"), "desk-awaited", (May.READ_DONORS, May.MATCH_BANK)),
            Place(_("Failed mails and receipts"), "desk-failed", (May.RESEND, *BOOKS)),
            Place(_("Papers for the post"), "desk-post", (May.RESEND,)),
            Place(_("Papers of years"), "desk-years", (May.RESEND, *BOOKS)),
            Place(_("Waiting for Stripe"), "desk-requests", BOOKS),
            Place(_("Events of Stripe"), "desk-events", BOOKS),
        ),
    ),
    (
        _("Money trail"),
        (
            Place(_("Appeals"), "desk-appeals", (*BOOKS, May.EDIT_CAMPAIGNS)),
            Place(_("Spending"), "desk-spending", BOOKS, "v"),
            Place(_("Waiting for a second person"), "desk-spending-waiting", BOOKS),
            Place(_("Partners"), "desk-partners", BOOKS),
            Place(_("Seals"), "desk-seals", BOOKS),
        ),
    ),
    (
        _("Books"),
        (
            Place(_("Accounts"), "desk-accounts", BOOKS, "a"),
            Place(_("Journal"), "desk-journal", BOOKS, "j"),
            Place(_("Trial balance"), "desk-trial-balance", BOOKS, "t"),
            Place(_("Funds"), "desk-funds", BOOKS),
            Place(_("Manual entries"), "desk-drafts", BOOKS),
            Place(_("Periods"), "desk-periods", BOOKS),
            Place(_("Exports"), "desk-exports", (May.EXPORT,), "x"),
        ),
    ),
    (
        _("Organisation"),
        (
            Place(_("Staff"), "desk-staff", (May.MANAGE_STAFF,), "f"),
            Place(_("Papers"), "desk-papers", (May.MANAGE_PAPERS,)),
            Place(_("Gift Aid"), "desk-gift-aid", (May.GIFT_AID,)),
            Place(_("Trail"), "desk-trail", (May.READ_TRAIL,), "l"),
            Place(_("Reports"), "desk-reports", (*BOOKS, May.EDIT_CAMPAIGNS), "o"),
            Place(_("IATI"), "desk-iati", (*BOOKS, May.EDIT_CAMPAIGNS)),
            Place(_("Campaigns"), "admin:fundraising_campaign_changelist", (May.EDIT_CAMPAIGNS,), "c"),
        ),
    ),
)


def sections(desk: Desk, path: str) -> list[tuple[Words, list[Shown]]]:
    """The navigation of this person at this address, in the order of SECTIONS; empty sections are left out."""
    found = [(label, [(place, url) for place in places if (url := place.address(desk))]) for label, places in SECTIONS]
    # Every page is under the morning's address: that one is here only when it is itself.
    near = [url for _label, rows in found for place, url in rows
            if url == path or (path.startswith(url) and place.name != "desk-morning")]  # fmt: skip
    here = max(near, key=len, default=None)
    return [
        (label, [Shown(place.label, url, place.key, url == here) for place, url in rows])
        for label, rows in found
        if rows
    ]


def places(desk: Desk) -> Iterator[str]:
    """The addresses of all that this person may see, the first being where they start."""
    everything = [place for _label, rows in SECTIONS for place in rows]
    # What all other pages lead to is no place to start: whoever sees little else begins with that.
    for place in sorted(everything, key=lambda place: place.name == "desk-exports"):
        if url := place.address(desk):
            yield url
