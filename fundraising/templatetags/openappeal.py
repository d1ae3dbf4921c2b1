"""Money, numbers and dates as readers of the active language write them."""

from __future__ import annotations

from datetime import date, datetime

from babel.numbers import format_decimal
from django import template
from django.utils.translation import get_language

from ..locales import babel_locale, long_date
from ..locales import percent as in_percent
from ..money import Money

register = template.Library()


@register.filter
def money(value: Money) -> str:
    """€25, 25 €, 2.500,50 €: whatever the language asks for."""
    return value.format(babel_locale(get_language()))


@register.filter
def exact(value: Money) -> str:
    """With all decimals, as the columns of books want them."""
    return value.format_exact(babel_locale(get_language()))


@register.filter
def number(value: int) -> str:
    return format_decimal(value, locale=babel_locale(get_language()))


@register.filter
def longdate(value: date | datetime) -> str:
    return long_date(value, get_language())


@register.filter
def percent(basis_points: int) -> str:
    """Hundredths of a per cent as per cent: 750 is 7.5 %."""
    return in_percent(basis_points, get_language() or "en")
