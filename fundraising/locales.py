"""Languages, countries and currency symbols, from the Unicode tables that Babel carries."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel.core import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, get_currency_name, get_currency_symbol
from django.conf import settings

# Territories of the Unicode tables that are no countries a donor lives in.
NOT_COUNTRIES = {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}


EUROPEAN = {"pt": "pt_PT"}  # Unicode means Brazil's by `pt`; our texts are Portugal's


def babel_locale(language: str | None) -> str:
    """Babel's name of a Django language code."""
    code = (language or settings.LANGUAGE_CODE).replace("-", "_")
    return EUROPEAN.get(code, code)


@lru_cache(maxsize=32)
def countries(language: str) -> list[tuple[str, str]]:
    """ISO 3166 codes with names in a language, sorted by name without regard to accents."""
    names = Locale.parse(babel_locale(language)).territories
    found = [
        (code, name) for code, name in names.items() if len(code) == 2 and code.isalpha() and code not in NOT_COUNTRIES
    ]
    return sorted(found, key=lambda item: unicodedata.normalize("NFKD", item[1]).casefold())


@lru_cache(maxsize=4096)
def country_name(code: str, language: str) -> str:
    return str(Locale.parse(babel_locale(language)).territories.get(code, code))


@lru_cache(maxsize=4096)
def long_date(day: date, language: str | None) -> str:
    """A date in words. Unlike Unicode's tables French counts the first of a month (1er mai), and Russian writes the
    word for year out: its point would meet the one of a sentence."""
    locale = babel_locale(language)
    words = format_date(day, "long", locale=locale)
    if locale.startswith("fr") and day.day == 1:
        return f"1er{words[1:]}"
    return re.sub(r"г\.$", "года", words) if locale.startswith("ru") else words


def symbol(currency: str, language: str) -> str:
    return get_currency_symbol(currency, locale=babel_locale(language))


def currency_name(currency: str, language: str) -> str:
    return get_currency_name(currency, locale=babel_locale(language))


def percent(basis_points: int, language: str) -> str:
    """Basis points as per cent: 290 is 2.9 % in English, 2,9 % in Italian."""
    return format_decimal(Decimal(basis_points) / 100, locale=babel_locale(language)) + "\u00a0%"
