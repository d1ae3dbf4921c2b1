"""Money, numbers and dates as readers of the active language write them."""

from __future__ import annotations

from datetime import date, datetime

from babel.dates import format_date
from babel.numbers import format_decimal
from django import template
from django.utils.translation import get_language

from ..locales import babel_locale
from ..money import Money

register = template.Library()


@register.filter
def money(value: Money) -> str:
    """€25, 25 €, 2.500,50 €: whatever the language asks for."""
    return value.format(babel_locale(get_language()))


@register.filter
def number(value: int) -> str:
    return format_decimal(value, locale=babel_locale(get_language()))


@register.filter
def longdate(value: date | datetime) -> str:
    return format_date(value, format="long", locale=babel_locale(get_language()))
