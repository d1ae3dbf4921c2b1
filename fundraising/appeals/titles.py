"""The titles of many appeals in the language of whoever reads them at the desk."""

from __future__ import annotations

from collections.abc import Iterable

from ..models import Appeal, AppealWording, title_among


def entitle(appeals: Iterable[Appeal]) -> list[Appeal]:
    """The appeals with their titles known, by one query: a list asks for no title by itself."""
    found = list(appeals)
    newest = AppealWording.objects.filter(appeal__in=found).order_by("appeal_id", "locale", "-version")
    said: dict[int, dict[str, str]] = {}
    for pk, locale, title in newest.distinct("appeal_id", "locale").values_list("appeal_id", "locale", "title"):
        said.setdefault(pk, {})[locale] = title
    for appeal in found:
        appeal.title = title_among(said.get(appeal.pk, {})) or appeal.slug
    return found
