"""Italy: ricevuta di erogazione liberale to an ente del Terzo settore.

Law: article 83 of D.Lgs. 117/2017 (deduction only of what is paid by traceable means, article 23 of D.Lgs. 241/1997),
article 82 paragraph 5 (no stamp duty); decree of 28 November 2019 (Ministero del lavoro) for what the paper says. The
day is that of the donation. What was given back in full has no receipt, and the year's list leaves it out.
"""

import re

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from stdnum.it import codicefiscale, iva

from ...models import Kind
from ...snapshot import Snapshot
from ..base import DonorNeed, Grounds, Particular, Problem, Regime, Sentence
from ..days import is_day

RUNTS = re.compile(r"\d{1,9}")
VOLUNTEERS = "ODV"  # whose donors are given back 35 per cent, not 30
SECTIONS = (VOLUNTEERS, "APS", "EF", "RETI", "SMS", "ETS")  # those whose donations article 83 names

DEDUCTION = Sentence(
    "deduction",
    _("What the donation lowers"),
    {
        "it": (
            "L’erogazione è detraibile dall’imposta lorda nella misura del %(percent)s per cento, per un importo "
            "complessivo annuo non superiore a 30.000 euro (art. 83, comma 1, D.Lgs. 117/2017), o in alternativa "
            "deducibile dal reddito complessivo netto nel limite del 10 per cento (art. 83, comma 2). Le due "
            "agevolazioni non sono cumulabili."
        ),
        "en": gettext_noop("The donation lowers the income tax by %(percent)s per cent (art. 83 D.Lgs. 117/2017)."),
    },
)
DEDUCTION_OF_ORGANISATION = Sentence(
    "deduction_organisation",
    _("What the donation of an organisation lowers"),
    {
        "it": (
            "L’erogazione è deducibile dal reddito complessivo netto del soggetto erogatore nel limite del 10 per "
            "cento del reddito complessivo dichiarato (art. 83, comma 2, D.Lgs. 117/2017)."
        ),
        "en": gettext_noop("The donation may be deducted up to 10 per cent of the income (art. 83 D.Lgs. 117/2017)."),
    },
)
TRACEABLE = Sentence(
    "traceable",
    _("That it was paid by traceable means"),
    {
        "it": (
            "Il versamento è stato eseguito tramite banche, uffici postali o altri sistemi di pagamento previsti "
            "dall’articolo 23 del D.Lgs. 9 luglio 1997, n. 241."
        ),
        "en": gettext_noop("It was paid by traceable means (art. 23 D.Lgs. 241/1997)."),
    },
    binding=True,
)
USE = Sentence(
    "use",
    _("What the organisation uses it for"),
    {
        "it": (
            "L’ente dichiara di essere iscritto nel Registro unico nazionale del Terzo settore e che la liberalità è "
            "utilizzata per lo svolgimento dell’attività statutaria ai sensi dell’articolo 8, comma 1, del "
            "D.Lgs. 3 luglio 2017, n. 117."
        ),
        "en": gettext_noop("The organisation is registered (RUNTS) and uses the donation for its statutory work."),
    },
    binding=True,
)
STAMP = Sentence(
    "stamp",
    _("That no stamp duty is due"),
    {
        "it": "Esente da imposta di bollo ai sensi dell’articolo 82, comma 5, del D.Lgs. 117/2017.",
        "en": gettext_noop("No stamp duty is due (art. 82 para. 5 D.Lgs. 117/2017)."),
    },
    binding=True,
)


def is_fiscal_code(told: str) -> bool:
    """Whether a text can be a codice fiscale, of a person or, in digits, of an organisation."""
    return bool(codicefiscale.is_valid(told) or iva.is_valid(told))


def _statements(grounds: Grounds) -> list[str]:
    percent = "35" if grounds.particulars.get("section") == VOLUNTEERS else "30"
    lowers = DEDUCTION_OF_ORGANISATION if grounds.organisation else DEDUCTION  # paragraph 1 is of persons alone
    said = [sentence.of(grounds) for sentence in (TRACEABLE, USE, lowers, STAMP)]
    return [sentence.replace("%(percent)s", percent) for sentence in said]


def _refusal(snapshot: Snapshot) -> Problem | None:
    if not is_fiscal_code(snapshot.donor_tax_number):
        return Problem.NO_TAX_NUMBER
    return None if snapshot.place else Problem.NO_PLACE


REGIME = Regime(
    code="it_ets",
    version=2,
    name=_("Italy, ente del Terzo settore (art. 83 D.Lgs. 117/2017)"),
    title=gettext_noop("Ricevuta di erogazione liberale"),
    titles={"it": "Ricevuta di erogazione liberale"},
    annual_title=gettext_noop("Riepilogo annuale delle erogazioni liberali"),
    statements=_statements,
    refusal=_refusal,
    sentences=(TRACEABLE, USE, DEDUCTION, DEDUCTION_OF_ORGANISATION, STAMP),
    languages=("it",),
    law_languages=("it",),
    layouts={Kind.DONATION: "it_ets/single.html", Kind.ANNUAL: "it_ets/annual.html"},
    deductible=True,
    particulars=(
        Particular("fiscal_code", _("Codice fiscale"), check=is_fiscal_code),
        Particular("runts", _("Number in the register (RUNTS)"), check=lambda told: bool(RUNTS.fullmatch(told))),
        Particular("section", _("Section of the register"), ", ".join(SECTIONS), check=lambda told: told in SECTIONS),
        Particular("registered_on", _("Registered on"), _("31/12/2026"), check=is_day),
    ),
    donor_needs=frozenset({DonorNeed.TAX_NUMBER, DonorNeed.ADDRESS}),
    signed=True,
    currency="EUR",
    in_words=True,
    names_payment=True,
    names_purpose=True,
    one_page=True,
    copy_mark="COPIA",
    retention_years=10,
    specimen_number="RSSDAA80A41F205L",
)
