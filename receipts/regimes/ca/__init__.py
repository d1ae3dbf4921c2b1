"""Canada: the official receipt for income tax purposes (Income Tax Regulations, sections 3500 and 3501), en and fr.

What must stand on it is laid out in single.html; what it wants of the charity and the donor is refused here. What goes
out by mail is signed and closed to changes (CRA, "Computer-generated receipts"). A gift of which the donor got back
more than 80 % is presumed to be no gift (Income Tax Act, subsection 248(30)).
"""

import re

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from stdnum.ca import bn

from ...models import Kind
from ...snapshot import Snapshot
from ..base import DonorNeed, Grounds, Particular, Problem, Regime, Sentence

REGISTRATION = re.compile(r"(\d{9})RR\d{4}")
GREATEST_ADVANTAGE_PERCENT = 80

TITLES = {
    "en": "Official receipt for income tax purposes",
    "fr": "Reçu officiel aux fins de l’impôt sur le revenu",
}
NO_ADVANTAGE = Sentence(
    "no_advantage",
    _("The donor got nothing in return"),
    {"en": "No advantage was received for this gift.", "fr": "Aucun avantage n’a été reçu en échange de ce don."},
)
ADVANTAGE = Sentence(
    "advantage",
    _("The donor got something in return; %(returned)s and %(value)s are filled in"),
    {
        "en": "Advantage received by the donor: %(returned)s, value %(value)s.",
        "fr": "Avantage reçu par le donateur : %(returned)s, valeur %(value)s.",
    },
    binding=True,
)
AGENCY = Sentence(
    "agency",
    _("Name and site of the Canada Revenue Agency"),
    {
        "en": "Canada Revenue Agency: canada.ca/charities-giving",
        "fr": "Agence du revenu du Canada : canada.ca/organismes-bienfaisance-dons",
    },
    binding=True,
)


def is_registration(told: str) -> bool:
    """Whether a text can be the registration number of a charity: a business number, RR and four digits."""
    found = REGISTRATION.fullmatch(told.replace(" ", "").upper())
    return bool(found and bn.is_valid(found[1]))


def _statements(grounds: Grounds) -> list[str]:
    return [(ADVANTAGE if grounds.returned else NO_ADVANTAGE).of(grounds), AGENCY.of(grounds)]


def _refusal(snapshot: Snapshot) -> Problem | None:
    if not snapshot.place:
        return Problem.NO_PLACE
    if snapshot.returned_minor * 100 > snapshot.net.minor * GREATEST_ADVANTAGE_PERCENT:
        return Problem.TOO_MUCH_RETURNED
    return None


REGIME = Regime(
    code="ca",
    version=3,
    name=_("Canada, registered charity"),
    title=gettext_noop("Official receipt for income tax purposes"),
    titles=TITLES,
    statements=_statements,
    annual_statements=lambda grounds: [AGENCY.of(grounds)],  # what was received for each gift its own receipt says
    refusal=_refusal,
    sentences=(NO_ADVANTAGE, ADVANTAGE, AGENCY),
    languages=("en", "fr"),
    layouts={Kind.DONATION: "ca/single.html", Kind.ANNUAL: "receipts/pdf/annual.html"},
    deductible=True,
    says_returned=True,
    particulars=(
        Particular(
            "registration_number",
            _("Registration number"),
            _("As the Canada Revenue Agency writes it: 123456789 RR 0001."),
            check=is_registration,
        ),
    ),
    donor_needs=frozenset({DonorNeed.ADDRESS}),
    signed=True,
    facsimile=True,
    protected=True,
    currency="CAD",
    retention_years=6,
    law_languages=("en", "fr"),
)
