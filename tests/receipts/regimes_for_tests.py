"""A law for tests that wants a donor's address and tax number on their receipts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from fundraising.models import LegalEntity
from receipts.models import IssuerRegime
from receipts.regimes import REGIMES, DonorNeed


def wants_details(
    monkeypatch: pytest.MonkeyPatch,
    entity: LegalEntity,
    needs: frozenset[DonorNeed] = frozenset(DonorNeed),
    retention_years: int = 7,
) -> None:
    """From now on the entity's receipts want these details of donors."""
    law = replace(REGIMES["plain"], code="nosy", donor_needs=needs, deductible=True, retention_years=retention_years)
    monkeypatch.setitem(REGIMES, "nosy", law)
    IssuerRegime.objects.create(entity=entity, regime="nosy", since=date(2020, 1, 1))
