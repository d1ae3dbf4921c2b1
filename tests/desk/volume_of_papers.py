"""More of a full desk: papers of years, Gift Aid, regimes and wordings, a report, a sealed paper; see volume.py."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import connection

from fundraising.models import Donor
from receipts.models import (
    AnnualRun,
    Declaration,
    FundReport,
    GiftAidClaim,
    GiftAidRow,
    IssuerRegime,
    Receipt,
    SealedPaper,
    Wording,
    YearRefusal,
)
from receipts.receipts import issue_receipt

if TYPE_CHECKING:
    from .volume import Full

YEAR = 2025


class Papers:
    """One of each; rows are written past the triggers that a thousand of them need not run."""

    def __init__(self, full: Full) -> None:
        entity, by = full.kit.entity, {"asked_by": full.boss}
        self.sealed: Receipt = issue_receipt(full.cheque)
        particulars = {"rsin": "111222333"}
        self.regime = IssuerRegime.objects.create(
            entity=entity, regime="nl", donor_countries=["NL"], particulars=particulars, since=full.today
        )
        self.report = FundReport.objects.create(
            appeal=full.kit.appeal, first=full.today - timedelta(days=30), last=full.today, drafted_by=full.boss
        )
        self.run = AnnualRun.objects.create(entity=entity, year=YEAR, state="done", finished_at=full.now, **by)
        self.claim = GiftAidClaim.objects.create(entity=entity, number=1, until=full.today, made_by=full.boss)
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            SealedPaper.objects.create(receipt=self.sealed, kept_until=full.today + timedelta(days=3000))
            cursor.execute("SET session_replication_role = DEFAULT")

    def add(self, full: Full, numbers: range) -> None:
        """That many more rows of each; called where no trigger runs."""
        entity = full.kit.entity
        donors = list(Donor.objects.filter(entity=entity).exclude(pk=full.donation.donor_id).order_by("-pk"))
        donors, donations = donors[: len(numbers)], full.donations[-len(numbers) :]
        told: dict[str, Any] = {"entity": entity, "scope": "all", "wording": "Yes.", "wording_version": 0}
        told |= {"way": "online", "declared_on": full.today, "first_name": "Bo", "house": "12"}
        made = Declaration.objects.bulk_create(
            Declaration(**told, last_name="Zimt", donor=donor, uuid=uuid4()) for donor in donors
        )
        GiftAidRow.objects.bulk_create(
            GiftAidRow(
                claim=self.claim, position=number, donation=donation, declaration=declaration,
                received_on=full.today, amount_minor=500, sealed='["", "Bo", "Zimt", "12", "LS1 4AP"]',
            )
            for number, donation, declaration in zip(numbers, donations, made, strict=True)
        )  # fmt: skip
        GiftAidClaim.objects.bulk_create(
            GiftAidClaim(entity=entity, number=number, until=full.today, made_by=full.boss) for number in numbers
        )
        first = 1 + Wording.objects.filter(entity=entity).count()
        own: dict[str, Any] = {"entity": entity, "regime": "nl", "slot": "anbi", "locale": "nl"}
        Wording.objects.bulk_create(
            Wording(**own, written_by=full.boss, text="RSIN %(rsin)s", version=first + place)
            for place in range(len(numbers))
        )
        over: dict[str, Any] = {"state": "done", "finished_at": full.now, "asked_by": full.boss}
        AnnualRun.objects.bulk_create(AnnualRun(entity=entity, year=YEAR, **over) for _number in numbers)
        YearRefusal.objects.bulk_create(
            YearRefusal(donor=donor, year=YEAR, code="no_address", next_attempt_at=full.now) for donor in donors
        )
