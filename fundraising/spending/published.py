"""The public figures as pages show them: worked out once for a crowd, and remembered for a little while.

Language and reader do not matter here. One thread works them out again when they have aged; the others meanwhile show
what was true half a minute ago.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Final, TypeVar

from django.core.cache import caches
from django.utils import timezone

from ..models import Appeal
from .disclosure import PublicFigures, public_figures
from .masking import newest_for

T = TypeVar("T")
FRESH_SECONDS: Final = 30
KEPT_SECONDS: Final = 120
WORKING_SECONDS: Final = 20


def published_figures(appeal: Appeal) -> PublicFigures:
    """What everybody may see of the appeal's money since it began, half a minute old at most while anybody looks."""
    return remembered(key_of("published-figures", appeal), lambda: _read(appeal))


def key_of(name: str, appeal: Appeal) -> str:
    """Under what something of the appeal is remembered: once a partner is masked, no process finds what was there."""
    return f"{name}:{appeal.pk}:{newest_for(appeal)}"


def remembered(key: str, read: Callable[[], T]) -> T:
    """What `read` returned last, read anew by one of those who ask once it is FRESH_SECONDS old."""
    cache = caches["pages"]
    kept: tuple[T, datetime] | None = cache.get(key)
    now = timezone.now()
    if kept and (
        (now - kept[1]).total_seconds() < FRESH_SECONDS or not cache.add(f"{key}:reading", 1, WORKING_SECONDS)
    ):
        return kept[0]
    found = read()
    cache.set(key, (found, now), KEPT_SECONDS)
    cache.delete(f"{key}:reading")
    return found


def _read(appeal: Appeal) -> PublicFigures:
    today = timezone.now().date()
    return public_figures(appeal, first=date.min, last=today, on=today)
