"""Netherlands: the law has no official receipt. The paper shows that the organisation is an ANBI, and its RSIN.

Donors prove a donation with their bank's statement and this confirmation (Wet inkomstenbelasting 2001, art. 6.32 ff.;
cash is not deductible since 2021). Agreements of periodic donations have a form of their own, which this is not.
"""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from stdnum.nl import bsn

from ...snapshot import Snapshot
from ..base import Grounds, Particular, Problem, Regime, Sentence

ANBI = Sentence(
    "anbi",
    _("That the organisation is an ANBI"),
    {
        "en": gettext_noop(
            "The Dutch tax authority has designated %(entity)s as a public benefit organisation (ANBI). RSIN: %(rsin)s."
        ),
        "nl": (
            "%(entity)s is door de Belastingdienst aangewezen als algemeen nut beogende instelling (ANBI). "
            "RSIN: %(rsin)s."
        ),
        "it": (
            "L’amministrazione fiscale olandese ha riconosciuto %(entity)s come ente di pubblica utilità (ANBI). "
            "RSIN: %(rsin)s."
        ),
    },
)
NO_FORM = Sentence(
    "no_form",
    _("What the donor keeps for the tax return"),
    {
        "en": gettext_noop(
            "The Netherlands has no official donation receipt: keep this confirmation together with your bank "
            "statement. It is not an agreement of periodic donations."
        ),
        "nl": (
            "Nederland kent geen officieel giftenbewijs: bewaar deze bevestiging samen met uw bankafschrift. "
            "Dit is geen overeenkomst voor periodieke giften."
        ),
        "it": (
            "I Paesi Bassi non prevedono una ricevuta ufficiale: conserva questa conferma insieme all’estratto conto. "
            "Non è un accordo di donazioni periodiche."
        ),
    },
)


def _statements(grounds: Grounds) -> list[str]:
    return [ANBI.of(grounds), NO_FORM.of(grounds)]


def _names_rsin(snapshot: Snapshot) -> Problem | None:
    """A wording of the organisation's own may not lose the number."""
    return None if any(snapshot.particulars["rsin"] in said for said in snapshot.statements) else Problem.NO_STATEMENT


REGIME = Regime(
    code="nl",
    version=2,
    name=_("Netherlands, ANBI"),
    title=gettext_noop("Donation confirmation"),
    titles={
        "en": "Donation confirmation",
        "nl": "Bevestiging van uw gift",
        "it": "Conferma della donazione",
    },
    statements=_statements,
    refusal=_names_rsin,
    sentences=(ANBI, NO_FORM),
    deductible=True,
    particulars=(Particular("rsin", _("RSIN"), _("Nine digits."), check=bsn.is_valid),),
    law_languages=("nl",),
    copy_mark="DUPLICAAT",
)
