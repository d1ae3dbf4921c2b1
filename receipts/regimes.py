"""Regimes: what the law of a legal entity wants on its receipts. Sources: IRS Notice 88-120 and Publication 1771.

A regime is data: a code, a version that grows whenever wording, rules or layout change, the statements it prints and
the rule that refuses a receipt which lacks one. Where an entity has no tax status the paper is a payment confirmation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext, gettext_noop

from fundraising.models import EntityText, LegalEntity, TaxStatus

from .snapshot import Snapshot

# IRS Publication 1771: from this amount a single gift needs a written acknowledgement, in cents.
US_ACKNOWLEDGEMENT_CENTS = 250_00
NO_GOODS_OR_SERVICES = gettext_noop("No goods or services were provided in exchange for this donation.")
NOT_A_TAX_RECEIPT = gettext_noop("This is a payment confirmation, not a tax receipt.")


class Problem(StrEnum):
    """Why a receipt cannot be issued."""

    NOT_RECEIVED = "not_received"
    NO_STATEMENT = "no_statement"
    NO_GOODS_LINE = "no_goods_line"
    NO_FONT = "no_font"


@dataclass(frozen=True)
class Regime:
    """`statements` are printed conspicuously; `refusal` says what keeps a snapshot from being issued."""

    code: str
    version: int
    title: str
    statements: Callable[[EntityText | None], list[str]]
    refusal: Callable[[Snapshot], Problem | None]
    layout: str = "receipts/pdf/donation.html"


def _own_sentence(text: EntityText | None) -> list[str]:
    return [text.non_deductibility] if text and text.non_deductibility else []


def _needs_statement(snapshot: Snapshot) -> Problem | None:
    return None if any(snapshot.statements) else Problem.NO_STATEMENT


def _needs_goods_line(snapshot: Snapshot) -> Problem | None:
    small = snapshot.currency == "USD" and snapshot.net.minor < US_ACKNOWLEDGEMENT_CENTS
    return None if small or any(snapshot.statements) else Problem.NO_GOODS_LINE


REGIMES = {
    regime.code: regime
    for regime in [
        Regime(
            code="us_501c4",
            version=2,
            title=gettext_noop("Donation receipt"),
            statements=_own_sentence,
            refusal=_needs_statement,
        ),
        Regime(
            code="us_501c3",
            version=2,
            title=gettext_noop("Donation receipt"),
            statements=lambda _text: [gettext(NO_GOODS_OR_SERVICES)],
            refusal=_needs_goods_line,
        ),
        Regime(
            code="plain",
            version=2,
            title=gettext_noop("Payment confirmation"),
            statements=lambda text: [gettext(NOT_A_TAX_RECEIPT), *_own_sentence(text)],
            refusal=_needs_statement,
        ),
    ]
}
_BY_STATUS = {TaxStatus.US_501C4: "us_501c4", TaxStatus.US_501C3: "us_501c3"}


def regime_of(entity: LegalEntity) -> Regime:
    """The regime of an entity's receipts. The donor's country will choose as well once a regime asks for it."""
    return REGIMES[_BY_STATUS.get(TaxStatus(entity.tax_status), "plain")]
