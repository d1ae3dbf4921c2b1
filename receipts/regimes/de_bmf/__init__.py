"""Germany: Zuwendungsbestätigung by the model of the Federal Ministry of Finance, wording and order as they bind.

Model and rules: BMF-Schreiben of 7 November 2013 (BStBl. I S. 1333) with annexes 3 (money) and 14 (collective), § 50
EStDV, § 10b EStG, § 63 Abs. 5 AO; R 10b.1 Abs. 4 EStR for papers made by machine and not signed by hand: money only,
the tax office told before, that stated on the paper, and a facsimile. No thanks, no advertising; one A4 page.

A collective confirmation stands for a year's donations in place of single ones, never beside them.
"""

import re

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from ...models import Kind
from ...snapshot import Snapshot
from ..base import Annual, DonorNeed, Grounds, Particular, Problem, Regime
from ..days import day_of, is_day, years_after

EXEMPTION, STATUTE = "Freistellungsbescheid", "60a"
# § 63 Abs. 5 AO: for how many years after it was issued a notice allows confirmations.
VALID_YEARS = {EXEMPTION: 5, STATUTE: 3}
TAX_NUMBER = re.compile(r"[\d /]{8,20}")


def _statements(_grounds: Grounds) -> list[str]:
    """The layout holds the model's wording, which nobody may word anew."""
    return []


def _refusal(snapshot: Snapshot) -> Problem | None:
    told = snapshot.particulars
    if told["notice"] == EXEMPTION and not told.get("period"):
        return Problem.NO_PARTICULARS
    notice, notified = day_of(told["notice_date"]), day_of(told["notified"])
    if notice is None or notified is None:
        return Problem.NO_PARTICULARS
    if snapshot.issued_on > years_after(notice, VALID_YEARS[told["notice"]]):
        return Problem.NOTICE_TOO_OLD
    if snapshot.issued_on < notified:
        return Problem.NO_PARTICULARS
    return None if snapshot.place else Problem.NO_PLACE


REGIME = Regime(
    code="de_bmf",
    version=2,
    name=_("Germany, confirmation of donations (model of the Ministry of Finance)"),
    title=gettext_noop("Bestätigung über Geldzuwendungen/Mitgliedsbeitrag"),
    titles={"de": "Bestätigung über Geldzuwendungen/Mitgliedsbeitrag"},
    annual_title=gettext_noop("Sammelbestätigung über Geldzuwendungen/Mitgliedsbeiträge"),
    statements=_statements,
    refusal=_refusal,
    languages=("de",),
    law_languages=("de",),
    layouts={Kind.DONATION: "de_bmf/single.html", Kind.ANNUAL: "de_bmf/collective.html"},
    deductible=True,
    particulars=(
        Particular("tax_office", _("Tax office (Finanzamt)"), _("As it stands behind “des Finanzamtes”: Berlin.")),
        Particular("tax_number", _("Number at the tax office (StNr.)"), check=lambda t: bool(TAX_NUMBER.fullmatch(t))),
        Particular(
            "notice",
            _("Kind of notice"),
            _("“Freistellungsbescheid”, or “60a” for a notice under § 60a AO."),
            check=lambda told: told in VALID_YEARS,
        ),
        Particular("notice_date", _("Date of the notice"), _("31.12.2026"), check=is_day),
        Particular("period", _("Last period of assessment"), _("Of a Freistellungsbescheid: 2022 bis 2024."), False),
        Particular("purposes", _("Purposes"), _("Words of the notice, as: Hilfe für politisch Verfolgte.")),
        Particular(
            "notified",
            _("Tax office told of the machine-made procedure on"),
            _("31.12.2026. Without it, papers must be signed by hand, which mail cannot be."),
            check=is_day,
        ),
    ),
    donor_needs=frozenset({DonorNeed.ADDRESS}),
    signed=True,
    facsimile=True,
    currency="EUR",
    in_words=True,
    one_page=True,
    annual=Annual.COLLECTIVE,
    copy_mark="DUPLIKAT",
    retention_years=10,
)
