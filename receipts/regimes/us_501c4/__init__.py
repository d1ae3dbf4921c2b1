"""United States, 501(c)(4): IRC 6113 and Notice 88-120 want a conspicuous statement that nothing is deductible.

The sentence is the legal entity's own text: the form, the mail and the receipt show the same one.
"""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from ..base import Grounds, Regime, needs_statement


def _statements(grounds: Grounds) -> list[str]:
    own = grounds.text.non_deductibility if grounds.text else ""
    return [own] if own else []


REGIME = Regime(
    code="us_501c4",
    version=5,
    name=_("United States, 501(c)(4): not deductible"),
    title=gettext_noop("Donation receipt"),
    statements=_statements,
    refusal=needs_statement,
)
