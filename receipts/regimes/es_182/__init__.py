"""Spain: certificado de donación under article 24 of Law 49/2002, which feeds Modelo 182.

Article 24.2 lists what it says: NIF and identity of both, that the organisation is one of article 16, day and amount,
what the donation is used for, and that it is irrevocable. A certificate may be of one donation or of a year's.
"""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from stdnum.es import cif, nif

from ...models import Kind
from ...snapshot import Snapshot
from ..base import Annual, DonorNeed, Grounds, Particular, Problem, Regime, Sentence

SIXTEEN = Sentence(
    "sixteen",
    _("That the organisation is one of article 16"),
    {
        "es": (
            "%(entity)s se encuentra incluida entre las entidades reguladas en el artículo 16 de la Ley 49/2002, de 23 "
            "de diciembre, de régimen fiscal de las entidades sin fines lucrativos y de los incentivos fiscales al "
            "mecenazgo."
        ),
        "en": gettext_noop("%(entity)s is one of the organisations of article 16 of Law 49/2002."),
    },
    binding=True,
)
IRREVOCABLE = Sentence(
    "irrevocable",
    _("That the donation is irrevocable"),
    {
        "es": (
            "La donación tiene carácter irrevocable, pura y simple, sin perjuicio de lo establecido en las normas "
            "imperativas civiles que regulan la revocación de donaciones."
        ),
        "en": gettext_noop("The donation is irrevocable, as far as civil law allows."),
    },
    binding=True,
)
USE = Sentence(
    "use",
    _("What the donation is used for"),
    {
        "es": "La entidad donataria destinará la donación al cumplimiento de su finalidad específica: %(purpose)s.",
        "en": gettext_noop("The organisation uses the donation for its purpose: %(purpose)s."),
    },
)


def _statements(grounds: Grounds) -> list[str]:
    return [sentence.of(grounds) for sentence in (SIXTEEN, USE, IRREVOCABLE)]


def _refusal(snapshot: Snapshot) -> Problem | None:
    if not (nif.is_valid(snapshot.donor_tax_number) or cif.is_valid(snapshot.donor_tax_number)):
        return Problem.NO_TAX_NUMBER
    return None if snapshot.place else Problem.NO_PLACE


REGIME = Regime(
    code="es_182",
    version=1,
    name=_("Spain, certificate of donation (Law 49/2002)"),
    title=gettext_noop("Certificado de donación"),
    titles={"es": "Certificado de donación"},
    annual_title=gettext_noop("Certificado anual de donaciones"),
    statements=_statements,
    refusal=_refusal,
    sentences=(SIXTEEN, USE, IRREVOCABLE),
    languages=("es",),
    law_languages=("es",),
    layouts={Kind.DONATION: "es_182/single.html", Kind.ANNUAL: "es_182/annual.html"},
    deductible=True,
    particulars=(
        Particular("nif", _("NIF of the organisation"), check=lambda told: bool(cif.is_valid(told))),
        Particular("register", _("Register and number"), _("As: Registro Nacional de Asociaciones, n.º 123456")),
        Particular("purpose", _("Specific purpose (finalidad)")),
    ),
    donor_needs=frozenset({DonorNeed.TAX_NUMBER, DonorNeed.ADDRESS}),
    signed=True,
    currency="EUR",
    in_words=True,
    names_payment=True,
    names_purpose=True,
    one_page=True,
    annual=Annual.COLLECTIVE,
    copy_mark="COPIA",
    retention_years=10,
    specimen_number="00000000T",
)
