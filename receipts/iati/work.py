"""The verbs of IATI files: who publishes, as what an appeal is published, and turning it on by two people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from fundraising import trail
from fundraising.models import Appeal, AppealState, LegalEntity

from ..models import IatiActivity, IatiPublisher, IatiSector, IatiState
from . import activity as making
from .activity import NotPublishable

# Registration agency and number, without the signs that the standard's ruleset forbids.
IDENTIFIER: Final = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9_.:]+)+")


class IatiRefused(Exception):
    """It cannot be done so; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def about(appeal: Appeal) -> str:
    """What the trail calls an appeal's file."""
    return f"iati:{appeal.slug}"


@transaction.atomic
def set_publisher(entity: LegalEntity, *, identifier: str, kind: str, by: User) -> IatiPublisher:
    """Say under which identifier the entity publishes. All its files are off then: they carry it.

    Raises IatiRefused: `identifier` is none.
    """
    if not IDENTIFIER.fullmatch(identifier):
        raise IatiRefused("identifier")
    publisher, _created = IatiPublisher.objects.update_or_create(
        entity=entity, defaults={"identifier": identifier, "kind": kind}
    )
    _off(IatiActivity.objects.select_for_update().filter(appeal__fund__entity=entity))
    after = {"identifier": identifier, "type": kind}
    trail.record("iati_publisher_set", by=by, entity=entity, about=f"entity:{entity.slug}", after=after)
    return publisher


@transaction.atomic
def prepare(appeal: Appeal, *, region: str, humanitarian: bool, sectors: Mapping[str, str], by: User) -> IatiActivity:
    """Say as what an appeal is published; `sectors` by category. It is off then, until two people turn it on."""
    activity, _created = IatiActivity.objects.select_for_update().get_or_create(
        appeal=appeal, defaults={"region": region}
    )
    activity.region, activity.humanitarian = region, humanitarian
    activity.state, activity.asked_by, activity.decided_by = IatiState.OFF, None, None
    activity.save()
    activity.sectors.all().delete()
    IatiSector.objects.bulk_create(
        IatiSector(activity=activity, category=category, code=code) for category, code in sectors.items()
    )
    _record("iati_prepared", activity, by, {"region": region, "humanitarian": humanitarian, "sectors": dict(sectors)})
    return activity


@transaction.atomic
def ask(activity: IatiActivity, *, by: User) -> None:
    """Ask a second person to turn it on. Raises IatiRefused: `not_off`, `draft` appeal, or what makes no file."""
    locked = _locked(activity, IatiState.OFF)
    if locked.appeal.state == AppealState.DRAFT:
        raise IatiRefused("draft")
    try:
        making.activities(locked, on=timezone.now().date())
    except NotPublishable as error:
        raise IatiRefused(error.code) from error
    locked.state, locked.asked_by = IatiState.ASKED, by
    locked.save(update_fields=["state", "asked_by"])
    _record("iati_asked", locked, by)


@transaction.atomic
def turn_on(activity: IatiActivity, *, by: User) -> None:
    """Publish the file from now on. Raises IatiRefused: `not_asked`, or `own`: asked for by the same person."""
    locked = _locked(activity, IatiState.ASKED)
    if locked.asked_by_id == by.pk:
        raise IatiRefused("own")
    locked.state, locked.decided_by = IatiState.ON, by
    locked.save(update_fields=["state", "decided_by"])
    _record("iati_turned_on", locked, by)


@transaction.atomic
def turn_off(activity: IatiActivity, *, by: User) -> None:
    """Publish the file no more, or take back that it was asked for. One person is enough."""
    locked = _locked(activity, IatiState.ASKED, IatiState.ON)
    _off(IatiActivity.objects.filter(pk=locked.pk))
    _record("iati_turned_off", locked, by)


def published(slug: str) -> IatiActivity | None:
    """The activity of an appeal whose file is public."""
    return public().filter(appeal__slug=slug).first()


def public() -> QuerySet[IatiActivity]:
    """The activities whose files are public, by the address of their appeals."""
    found = IatiActivity.objects.filter(state=IatiState.ON, appeal__campaign__published=True)
    found = found.exclude(appeal__state=AppealState.DRAFT).select_related("appeal__fund__entity", "appeal__campaign")
    return found.order_by("appeal__slug")


def _locked(activity: IatiActivity, *states: IatiState) -> IatiActivity:
    rows = IatiActivity.objects.select_for_update(of=("self",)).select_related("appeal__fund__entity")
    locked = rows.filter(pk=activity.pk, state__in=states).first()
    if locked is None:
        raise IatiRefused("not_asked" if IatiState.ASKED in states else "not_off")
    return locked


def _off(found: QuerySet[IatiActivity]) -> None:
    found.update(state=IatiState.OFF, asked_by=None, decided_by=None)


def _record(verb: str, activity: IatiActivity, by: User, after: Mapping[str, object] | None = None) -> None:
    appeal = activity.appeal
    trail.record(verb, by=by, entity=appeal.fund.entity, about=about(appeal), after=after)
