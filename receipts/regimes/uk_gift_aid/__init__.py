"""United Kingdom: what lowers a tax is the donor's declaration (receipts/gift_aid), not this paper.

The paper confirms the payment and names the charity as its regulator and HM Revenue & Customs know it.
"""

import re

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from ...models import Scope
from ..base import Grounds, Particular, Regime, Sentence

# England and Wales: six or seven digits; Scotland: SC and six; Northern Ireland: NIC or NI and six.
CHARITY_NUMBER = re.compile(r"\d{6,7}|SC\d{6}|NIC?\d{5,6}", re.IGNORECASE)
HMRC_REFERENCE = re.compile(r"[A-Z]{1,2}\d{1,5}", re.IGNORECASE)

CHARITY = Sentence(
    "charity",
    _("Which charity it is"),
    {"en": gettext_noop("%(entity)s is a charity. Charity number: %(charity_number)s.")},
)
EXEMPT = Sentence(
    "exempt",
    _("Which charity it is, where it has no number"),
    {"en": gettext_noop("%(entity)s is recognised as a charity by HM Revenue & Customs.")},
)
DECLARATION = Sentence(
    "declaration",
    _("That Gift Aid needs a declaration"),
    {
        "en": gettext_noop(
            "This is a payment confirmation, not a tax receipt. We claim Gift Aid on a donation only if you have made "
            "a Gift Aid declaration to us."
        )
    },
)

# What a donor agrees to when they declare (receipts/gift_aid): the wish for each scope, and the statement of who pays
# the difference, which the law wants them to have been told.
WISHES = {
    Scope.THIS: "I want %(entity)s to claim Gift Aid on this donation of mine.",
    Scope.FUTURE: "I want %(entity)s to claim Gift Aid on all donations that I make from today on.",
    Scope.ALL: (
        "I want %(entity)s to claim Gift Aid on all donations that I made in the past four years and that I make from "
        "today on."
    ),
}
TAX_STATEMENT = Sentence(
    "tax_statement",
    _("What a donor agrees to in a Gift Aid declaration"),
    {
        "en": (
            "I pay tax in the United Kingdom. I understand that if I pay less Income Tax and Capital Gains Tax in a "
            "tax year than the Gift Aid that is claimed on all my donations in it, I have to pay the difference."
        )
    },
)


def _statements(grounds: Grounds) -> list[str]:
    which = CHARITY if grounds.particulars.get("charity_number") else EXEMPT
    return [which.of(grounds), DECLARATION.of(grounds)]


REGIME = Regime(
    code="uk_gift_aid",
    version=2,
    name=_("United Kingdom, charity that claims Gift Aid"),
    title=gettext_noop("Payment confirmation"),
    statements=_statements,
    sentences=(CHARITY, EXEMPT, DECLARATION, TAX_STATEMENT),
    particulars=(
        Particular(
            "hmrc_reference",
            _("HMRC charities reference"),
            _("One or two letters and up to five digits. It stands on the claims, not on the paper."),
            check=lambda told: bool(HMRC_REFERENCE.fullmatch(told)),
        ),
        Particular(
            "charity_number",
            _("Charity number"),
            _("Of the Charity Commission, OSCR (SC…) or the Commission for Northern Ireland (NIC…)."),
            required=False,
            check=lambda told: bool(CHARITY_NUMBER.fullmatch(told)),
        ),
    ),
    law_languages=("en",),
    retention_years=6,
)
