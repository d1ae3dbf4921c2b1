"""What laws say of donations in cash, by the country of the legal entity that takes them. Each with its source."""

from __future__ import annotations

from typing import Final

from ..models import LegalEntity
from ..money import Money

# Cash of this much or more is not taken, whatever it is for. In minor units of the currency named.
REFUSED_FROM: Final = {
    # D.Lgs. 231/2007, art. 49 para. 1, as amended by L. 197/2022, art. 1 para. 384: "pari o superiore" to 5,000 euros.
    "IT": Money(5_000_00, "EUR"),
    # Law of 18 September 2017 on the prevention of money laundering, art. 67 § 2: no gift in cash above 3,000 euros.
    "BE": Money(3_000_01, "EUR"),
}
# Where a donation in cash gives no right to a deduction, so that no tax receipt may say it does.
# Italy: D.Lgs. 117/2017, art. 83 (banks, post offices and the other means of D.Lgs. 241/1997, art. 23).
TRACEABLE_ONLY: Final = frozenset({"IT"})


def refused_from(entity: LegalEntity, currency: str) -> Money | None:
    """From which amount on cash is not taken; None where no law that we know says so, or not in this currency."""
    limit = REFUSED_FROM.get(entity.country)
    return limit if limit and limit.currency == currency else None
