"""France: reçu au titre des dons, with the fields of the forms Cerfa 11580 (persons) and 16216 (companies).

Law: articles 200, 238 bis and 978 of the Code général des impôts; the unique order number, and that what was received
and how many receipts were issued is declared each year, are article 222 bis. A receipt may be of one donation or of a
year's, never of both.
"""

import re

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from stdnum.fr import siren

from ...models import Kind
from ...snapshot import Snapshot
from ..base import Annual, DonorNeed, Grounds, Particular, Problem, Regime

RNA = re.compile(r"W[0-9A-Z]{9}")


def is_number(told: str) -> bool:
    """Whether a text can be a SIREN, or an RNA of the register of associations."""
    bare = told.replace(" ", "").upper()
    return bool(RNA.fullmatch(bare)) or bool(siren.is_valid(bare))


def _statements(_grounds: Grounds) -> list[str]:
    """The layout holds the form's wording."""
    return []


def _refusal(snapshot: Snapshot) -> Problem | None:
    return None if snapshot.place else Problem.NO_PLACE


REGIME = Regime(
    code="fr_cerfa",
    version=1,
    name=_("France, receipt of donations (fields of Cerfa 11580)"),
    title=gettext_noop("Reçu au titre des dons à certains organismes d’intérêt général"),
    titles={"fr": "Reçu au titre des dons à certains organismes d’intérêt général"},
    annual_title=gettext_noop("Reçu annuel au titre des dons à certains organismes d’intérêt général"),
    statements=_statements,
    refusal=_refusal,
    languages=("fr",),
    law_languages=("fr",),
    layouts={Kind.DONATION: "fr_cerfa/single.html", Kind.ANNUAL: "fr_cerfa/annual.html"},
    deductible=True,
    particulars=(
        Particular("number", _("SIREN or RNA"), _("Nine digits, or W and nine more."), check=is_number),
        Particular("purpose", _("Purpose of the organisation (objet)")),
        Particular(
            "quality",
            _("Kind of organisation"),
            _("Words of the form, as: Œuvre ou organisme d’intérêt général."),
        ),
    ),
    donor_needs=frozenset({DonorNeed.ADDRESS}),
    signed=True,
    currency="EUR",
    in_words=True,
    names_payment=True,
    one_page=True,
    annual=Annual.COLLECTIVE,
    copy_mark="DUPLICATA",
    retention_years=6,
)
