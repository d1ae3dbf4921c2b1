"""What a partner usually says; each may say it in words of its own."""

from __future__ import annotations

from django.utils.translation import gettext


def usual_text(organisation: str) -> str:
    """The usual statement, in the active language."""
    said = gettext(
        "We know this appeal and have agreed to it. %(organisation)s collects here for the work that we do, "
        "and tells us what comes."
    )
    return said % {"organisation": organisation}
