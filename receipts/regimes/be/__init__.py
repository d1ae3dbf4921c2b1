"""Belgium: the yearly certificate of donations, article 145/33 of the Income Tax Code 1992 (WIB/CIR 92).

Only for donors who gave 40 euros or more in the calendar year, numbered by the year without a gap, with the national
register number (of organisations their enterprise number). There are no papers of single donations.
It is in the donor's language where that is one of the country's three: Dutch, French or German; else in Dutch.
"""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from stdnum.be import nn, ssn, vat

from ...models import Kind
from ...snapshot import Snapshot
from ..base import Annual, DonorNeed, Grounds, Particular, Problem, Regime, Sentence

LEAST = 40_00  # euro cents in a calendar year

LAW = Sentence(
    "law",
    _("What the certificate is for"),
    {
        "nl": (
            "Attest uitgereikt met het oog op de toekenning van de belastingvermindering voor giften bedoeld in "
            "artikel 145/33 van het Wetboek van de inkomstenbelastingen 1992."
        ),
        "fr": (
            "Attestation délivrée en vue de l’octroi de la réduction d’impôt pour libéralités visée à l’article 145/33 "
            "du Code des impôts sur les revenus 1992."
        ),
        "de": (
            "Bescheinigung, ausgestellt im Hinblick auf die Gewährung der Steuerermäßigung für unentgeltliche "
            "Zuwendungen nach Artikel 145/33 des Einkommensteuergesetzbuches 1992."
        ),
        "en": gettext_noop("Issued for the tax reduction of article 145/33 of the Belgian Income Tax Code 1992."),
    },
    binding=True,
)
LAW_OF_ORGANISATIONS = Sentence(
    "law_organisation",
    _("What the certificate of an organisation is for"),
    {
        "nl": (
            "Attest uitgereikt met het oog op de aftrek van giften bedoeld in de artikelen 199 en 200 van het Wetboek "
            "van de inkomstenbelastingen 1992."
        ),
        "fr": (
            "Attestation délivrée en vue de la déduction des libéralités visée aux articles 199 et 200 du Code des "
            "impôts sur les revenus 1992."
        ),
        "de": (
            "Bescheinigung, ausgestellt im Hinblick auf den Abzug der unentgeltlichen Zuwendungen nach den Artikeln "
            "199 und 200 des Einkommensteuergesetzbuches 1992."
        ),
        "en": gettext_noop("Issued for the deduction of articles 199 and 200 of the Belgian Income Tax Code 1992."),
    },
    binding=True,
)
NO_RETURN = Sentence(
    "no_return",
    _("That nothing was given in return"),
    {
        "nl": (
            "De ondergetekende verklaart dat de hierboven vermelde giften in geld definitief en onherroepelijk zijn "
            "ontvangen, zonder enige tegenprestatie, en dat er voor deze giften geen ander attest is of wordt "
            "uitgereikt."
        ),
        "fr": (
            "Le soussigné déclare que les libéralités en argent mentionnées ci-dessus ont été reçues de manière "
            "définitive et irrévocable, sans aucune contrepartie, et qu’aucune autre attestation n’a été ni ne sera "
            "délivrée pour ces libéralités."
        ),
        "de": (
            "Der Unterzeichnete bescheinigt, dass die oben genannten Zuwendungen in Geld endgültig und unwiderruflich "
            "eingegangen sind, ohne jede Gegenleistung, und dass für diese Zuwendungen keine andere Bescheinigung "
            "ausgestellt wurde oder wird."
        ),
        "en": gettext_noop("The donations were received for good, and nothing was given in return for them."),
    },
    binding=True,
)


def _statements(grounds: Grounds) -> list[str]:
    law = LAW_OF_ORGANISATIONS if grounds.organisation else LAW
    return [law.of(grounds), NO_RETURN.of(grounds)]


def _refusal(snapshot: Snapshot) -> Problem | None:
    number = snapshot.donor_tax_number
    if not (nn.is_valid(number) or ssn.is_valid(number) or vat.is_valid(number)):
        return Problem.NO_TAX_NUMBER
    return None if snapshot.place else Problem.NO_PLACE


REGIME = Regime(
    code="be",
    version=3,
    name=_("Belgium, yearly certificate of donations"),
    title=gettext_noop("Attest betreffende giften"),
    titles={
        "nl": "Attest betreffende giften",
        "fr": "Attestation relative aux libéralités",
        "de": "Bescheinigung über unentgeltliche Zuwendungen",
    },
    annual_title=gettext_noop("Attest betreffende giften"),
    statements=_statements,
    refusal=_refusal,
    sentences=(LAW, LAW_OF_ORGANISATIONS, NO_RETURN),
    languages=("nl", "fr", "de"),
    law_languages=("nl", "fr", "de"),
    layouts={Kind.DONATION: "be/annual.html", Kind.ANNUAL: "be/annual.html"},
    deductible=True,
    particulars=(
        Particular("number", _("Enterprise number (KBO/BCE)"), check=lambda told: bool(vat.is_valid(told))),
        Particular("recognition", _("Recognition"), _("Reference and period of the permission to issue certificates.")),
    ),
    donor_needs=frozenset({DonorNeed.TAX_NUMBER, DonorNeed.ADDRESS}),
    signed=True,
    currency="EUR",
    in_words=True,
    names_payment=True,
    annual=Annual.ONLY,
    annual_least_minor=LEAST,
    copy_mark="DUPLICAAT",
    retention_years=10,
    specimen_number="85073003328",
)
