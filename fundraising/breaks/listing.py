"""Which breaks a list shows: by state, cause, age, owner and currency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from ..models import Break, BreakState, Cause, LegalEntity
from ..money import EXPONENTS

STANDING: Final = (BreakState.OPEN, BreakState.PROPOSED)
SUSPENSE: Final = (Cause.CHARGE_DOUBLED, Cause.CHARGE_FOREIGN, Cause.SUSPENSE, Cause.BANK_LINE_UNKNOWN)
FILTERS: Final = ("state", "cause", "currency", "age", "owner", "only")


def all_of(entity: LegalEntity, asked: Mapping[str, str]) -> QuerySet[Break]:
    """The breaks of a legal entity; with `only=suspense` those of money that matches nothing."""
    rows = Break.objects.filter(entity=entity)
    return rows.filter(cause__in=SUSPENSE) if asked.get("only") == "suspense" else rows


def filtered(rows: QuerySet[Break], asked: Mapping[str, str], me: int | None) -> QuerySet[Break]:
    """Those that fit, `me` being the id of whoever asks. What is nonsense narrows nothing."""
    state = asked.get("state") or "standing"
    if state == "standing":
        rows = rows.filter(state__in=STANDING)
    elif state in BreakState.values:
        rows = rows.filter(state=state)
    if asked.get("cause") in Cause.values:
        rows = rows.filter(cause=asked["cause"])
    if (currency := asked.get("currency")) in EXPONENTS:
        rows = rows.filter(currency=currency)
    if (days := asked.get("age", "")).isdecimal():
        rows = rows.filter(found_at__lt=timezone.now() - timedelta(days=min(int(days), 3650)))
    match asked.get("owner", ""):
        case "nobody":
            rows = rows.filter(owner=None)
        case "me":
            rows = rows.filter(owner=me)
        case owner if owner.isdecimal():
            rows = rows.filter(owner=int(owner))
    return rows
