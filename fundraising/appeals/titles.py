"""An appeal's title in the language of whoever reads it at the desk, for one or for many."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils.translation import get_language

from ..models import Appeal, AppealWording


def title_of(appeal: Appeal) -> str:
    """The title in the active language; where it has none, in the first language that it is worded in, or its slug."""
    return titles([appeal])[appeal.pk]


def titles(appeals: Iterable[Appeal]) -> dict[int, str]:
    """The same of each appeal, by its id; one query."""
    said: dict[int, dict[str, str]] = {}
    found = list(appeals)
    newest = AppealWording.objects.filter(appeal__in=found).order_by("appeal_id", "locale", "-version")
    for pk, locale, title in newest.distinct("appeal_id", "locale").values_list("appeal_id", "locale", "title"):
        said.setdefault(pk, {})[locale] = title
    return {appeal.pk: _best(said.get(appeal.pk, {})) or appeal.slug for appeal in found}


def _best(by_language: dict[str, str]) -> str:
    languages = [get_language() or "", settings.LANGUAGE_CODE, *(code for code, _name in settings.LANGUAGES)]
    return next((by_language[code] for code in languages if code in by_language), "")
