"""What a report keeps of the situation, as JSON beside its figures.

    {"on": …, "over": "days" | "ever", "counted": "once" | "by_purpose" | "each_time",
     "texts": {"en": {"text": …, "basis": …}},
     "people": [{"category": "" (all) | "housing", "assisted": 400 (at least; 0: fewer than 10), "target": 500 | null,
                 "spent": 800000 | null, "cost": 2000 (at most) | null}]}  (minor units of the appeal's currency)

Exact counts of people never leave the desk. The cost per person is worked out from what is told anyway (the money in
the report, divided by the least count of the band), so nothing more can be worked out from it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fundraising.spending.bands import banded

from ..models import CountedOver, FundReport, PeopleAssisted, ReportState, Situation
from .reading import Data


def with_situation(data: Data, report: FundReport) -> Data:
    """The figures of a report with its situation, if it tells of one."""
    situation = Situation.objects.filter(report=report).first()
    return {**data, "situation": _kept(situation, data)} if situation else data


def _kept(situation: Situation, data: Data) -> Data:
    own = data["own" if situation.over == CountedOver.DAYS else "ever_own"]
    counts = sorted(situation.people.all(), key=lambda one: (not one.category, one.pk))
    return {
        "on": situation.on.isoformat(),
        "over": situation.over,
        "counted": situation.counted,
        "texts": {
            one.locale: {"text": one.text, "basis": one.basis} for one in situation.texts.order_by("locale", "pk")
        },
        "people": [_people(one, own) for one in counts],
    }


def _people(one: PeopleAssisted, own: Data | None) -> dict[str, Any]:
    least, spent = banded(one.assisted).least, _spent(own, one.category)
    told = spent if least and spent and spent > 0 else None
    return {
        "category": one.category,
        "assisted": least,
        "target": one.target,
        "spent": told,
        "cost": -(-told // least) if told else None,
    }


def _spent(own: Data | None, category: str) -> int | None:
    """What the report says was spent for it; nothing where it does not tell the category by itself."""
    if own is None:
        return None
    if not category:
        return int(own["spent"])
    return next((int(line["spent"]) for line in own["lines"] if line["category"] == category), None)


def newest(appeal_uuid: UUID) -> FundReport | None:
    """The newest issued report of the appeal that tells of a situation."""
    issued = FundReport.objects.filter(appeal__uuid=appeal_uuid, state=ReportState.ISSUED, data__has_key="situation")
    return issued.select_related("appeal__fund").order_by("-revision").first()
