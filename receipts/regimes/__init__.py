"""Regimes: what the law wants on the papers of a legal entity, a folder each; docs/regimes.md says how to add one.

The regime of a donation is chosen by the entity and the donor's country: the entity's own choice (IssuerRegime), or
what follows from its tax status. Where nothing applies the paper is a plain payment confirmation.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from fundraising.models import LegalEntity, TaxStatus

from ..models import IssuerRegime
from .base import (
    FILL,
    Annual,
    DonorNeed,
    Grounds,
    Particular,
    Problem,
    Regime,
    Sentence,
    channel_problem,
    channel_statements,
)

__all__ = [
    "BY_STATUS",
    "FILL",
    "REGIMES",
    "Annual",
    "DonorNeed",
    "Grounds",
    "Particular",
    "Problem",
    "Regime",
    "Sentence",
    "channel_problem",
    "channel_statements",
    "choice_for",
    "choice_kept",
    "choices_of",
    "is_yearly",
    "regime_by_status",
    "regime_of",
    "signs_receipts",
]


def _load() -> dict[str, Regime]:
    folders = (found.name for found in iter_modules(__path__) if found.ispkg)
    regimes: list[Regime] = [import_module(f"{__name__}.{folder}").REGIME for folder in folders]
    return {regime.code: regime for regime in regimes}


REGIMES: Final = _load()
BY_STATUS: Final = {TaxStatus.US_501C4: "us_501c4", TaxStatus.US_501C3: "us_501c3"}


def choices_of(entity: LegalEntity) -> list[IssuerRegime]:
    """An entity's choices of regimes, those first that go before others: for some countries, then the later ones."""
    rows = IssuerRegime.objects.filter(entity=entity, regime__in=REGIMES).select_related("entity").order_by("-since")
    return sorted(rows, key=lambda row: not row.donor_countries)


def choice_for(choices: Iterable[IssuerRegime], donor_country: str, on: date) -> IssuerRegime | None:
    """The choice that a donation received on a day falls under, of `choices_of` its entity."""
    for row in choices:
        if _is_of(row, on) and donor_country in (row.donor_countries or [donor_country]):
            return row
    return None


def _is_of(row: IssuerRegime, on: date) -> bool:
    """Whether a day is one of a choice's."""
    return row.since <= on and (row.until is None or on <= row.until)


def choice_kept(choices: Iterable[IssuerRegime], regime: str, on: date) -> IssuerRegime | None:
    """The choice of the regime that a paper was issued under, for one that replaces it, wherever the donor lives now.

    That of the day goes first; one whose time is over, or None, where the entity issues under it no more.
    """
    same = [row for row in choices if row.regime == regime]
    return next((row for row in same if _is_of(row, on)), same[0] if same else None)


def regime_by_status(entity: LegalEntity) -> Regime:
    """The regime where the entity has chosen none."""
    return REGIMES[BY_STATUS.get(TaxStatus(entity.tax_status), "plain")]


def regime_of(entity: LegalEntity, donor_country: str, on: date) -> tuple[Regime, dict[str, str]]:
    """The regime of a donation received on a day, and the entity's particulars for it."""
    choice = choice_for(choices_of(entity), donor_country, on)
    return (REGIMES[choice.regime], dict(choice.particulars)) if choice else (regime_by_status(entity), {})


def signs_receipts(entity: LegalEntity) -> bool:
    """Whether a law wants receipts that the entity mails today signed digitally."""
    today = entity.today()
    return any(REGIMES[row.regime].protected for row in choices_of(entity) if _is_of(row, today))


def is_yearly(choice: IssuerRegime | None) -> bool:
    """Whether a paper of the year stands for donations under this choice, and no single ones do."""
    if choice is None:
        return False
    annual = REGIMES[choice.regime].annual
    return annual == Annual.ONLY or (annual == Annual.COLLECTIVE and choice.yearly)
