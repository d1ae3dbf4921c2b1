"""United States, 501(c)(3): IRS Publication 1771 wants the sentence on goods and services from USD 250 a donation.

Either none were given, or they are described with a good-faith value; above USD 75 the donor is told in writing that
only the rest is deductible (IRC 6115).
"""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from fundraising.money import Money

from ...models import Kind
from ...snapshot import Snapshot
from ..base import Grounds, Problem, Regime, Sentence

# IRS Publication 1771: from this amount a single gift needs a written acknowledgement, in cents.
US_ACKNOWLEDGEMENT_CENTS = 250_00
# IRC 6115: above it, a payment that is partly for goods or services needs a disclosure, in cents.
QUID_PRO_QUO_CENTS = 75_00

NO_GOODS_OR_SERVICES = Sentence(
    "no_goods",
    _("Nothing was given in return"),
    {
        "en": gettext_noop("No goods or services were provided in exchange for this donation."),
        "es": "No se entregaron bienes ni se prestaron servicios a cambio de esta donación.",
    },
)
NO_GOODS_IN_THE_YEAR = Sentence(
    "no_goods_year",
    _("Nothing was given in return, on the list of a year"),
    {
        "en": "No goods or services were provided in exchange for these donations, except as their receipts say.",
        "it": (
            "In cambio di queste donazioni non sono stati forniti beni o servizi, salvo quanto indicato nelle "
            "rispettive ricevute."
        ),
        "fr": (
            "Aucun bien ni service n’a été fourni en échange de ces dons, sauf indication contraire sur leurs reçus."
        ),
        "de": (
            "Für diese Spenden wurden keine Waren oder Dienstleistungen als Gegenleistung erbracht, soweit ihre "
            "Quittungen nichts anderes sagen."
        ),
        "es": (
            "No se entregaron bienes ni se prestaron servicios a cambio de estas donaciones, salvo lo que indiquen sus "
            "recibos."
        ),
        "pt": (
            "Não foram fornecidos bens nem serviços em troca destas doações, salvo o que conste dos respetivos recibos."
        ),
        "nl": (
            "Er zijn geen goederen of diensten geleverd in ruil voor deze donaties, tenzij de ontvangstbewijzen anders "
            "vermelden."
        ),
        "ru": (
            "Взамен этих пожертвований не предоставлялось никаких товаров или услуг, если иное не указано в их "
            "квитанциях."
        ),
        "ar": "لم تُقدَّم سلع أو خدمات مقابل هذه التبرعات، إلا ما هو مذكور في إيصالاتها.",
    },
)
RETURNED = Sentence(
    "returned",
    _("Something was given in return; %(returned)s and %(value)s are filled in"),
    {
        "en": gettext_noop(
            "In return for this donation you received: %(returned)s. "
            "We estimate in good faith that this was worth %(value)s."
        ),
        "es": ("A cambio de esta donación usted recibió: %(returned)s. De buena fe estimamos que valía %(value)s."),
    },
)
DISCLOSURE = Sentence(
    "disclosure",
    _("What may be deducted then; %(rest)s is filled in"),
    {
        "en": gettext_noop(
            "For federal income tax you may deduct no more than what you gave above that value: %(rest)s."
        ),
        "es": (
            "Para el impuesto federal sobre la renta solo puede deducir lo que donó por encima de ese valor: %(rest)s."
        ),
    },
)


def _statements(grounds: Grounds) -> list[str]:
    if not grounds.returned:
        return [NO_GOODS_OR_SERVICES.of(grounds)]
    small = grounds.amount.currency == "USD" and grounds.amount.minor <= QUID_PRO_QUO_CENTS
    return [RETURNED.of(grounds), *([] if small else [DISCLOSURE.of(grounds)])]


def _needs_goods_line(snapshot: Snapshot) -> Problem | None:
    """The line is the first statement, whatever else is said."""
    small = snapshot.currency == "USD" and snapshot.net < Money(US_ACKNOWLEDGEMENT_CENTS, "USD")
    return None if small or any(snapshot.statements[:1]) else Problem.NO_GOODS_LINE


REGIME = Regime(
    code="us_501c3",
    version=6,
    name=_("United States, 501(c)(3)"),
    title=gettext_noop("Donation receipt"),
    statements=_statements,
    refusal=_needs_goods_line,
    layouts={Kind.DONATION: "us_501c3/single.html", Kind.ANNUAL: "receipts/pdf/annual.html"},
    annual_statements=lambda grounds: [NO_GOODS_IN_THE_YEAR.of(grounds)],
    sentences=(NO_GOODS_OR_SERVICES, RETURNED, DISCLOSURE, NO_GOODS_IN_THE_YEAR),
    deductible=True,
    says_returned=True,
    takes_in_kind=True,
)
