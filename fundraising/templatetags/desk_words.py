"""How the desk says ages and the provider's own words."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.translation import ngettext

from ..desk import Desk
from ..roles import May

register = template.Library()


@register.filter
def age(since: datetime) -> str:
    """How long ago, in the largest unit that fits: 5 minutes, 3 hours, 12 days."""
    minutes = max(int((timezone.now() - since).total_seconds() // 60), 0)
    if minutes < 60:
        return ngettext("%d minute", "%d minutes", minutes) % minutes
    if minutes < 2880:
        return ngettext("%d hour", "%d hours", minutes // 60) % (minutes // 60)
    return ngettext("%d day", "%d days", minutes // 1440) % (minutes // 1440)


@register.filter
def in_words(code: str) -> str:
    """A code of Stripe's as people read it: needs_response becomes needs response."""
    return code.replace("_", " ")


@register.filter
def may(desk: Desk, right: str) -> bool:
    """Whether whoever is at the desk may do this: {% if desk|may:"read_donors" %}."""
    return desk.may(May(right))
