"""Amounts in words, as laws of Germany, France and others want them on a receipt.

The numbers are num2words', mended where its output is not good language; the tables in tests/receipts/test_in_words.py
were read by hand. Arabic is left out: the library inflects neither hundreds nor thousands of it rightly. A currency
whose name is of another gender than its numbers is written by its ISO code, and what has no cents as a fraction.
"""

from __future__ import annotations

import re
from typing import Final

from babel.core import Locale
from babel.numbers import get_currency_name
from num2words import num2words

from fundraising.money import EXPONENTS, Money

# How words are joined: the smaller unit after the greater one, and a currency after whole millions.
_AND: Final = {"en": "and", "fr": "et", "de": "und", "it": "e", "es": "con", "nl": "en", "pt": "e", "ru": ""}
_OF: Final = {"fr": "de", "it": "di", "es": "de", "pt": "de"}
LANGUAGES: Final = frozenset(_AND)
# Masculine or without gender in all of these languages, so that "un", "ein", "один" stand before them.
_NAMED: Final = frozenset({"EUR", "USD", "CAD", "AUD", "CHF"})
_CENTS: Final = frozenset({"EUR", "USD", "CAD", "AUD"})
# By plural category (CLDR).
_CENT: Final[dict[str, dict[str, str]]] = {
    "en": {"one": "cent", "other": "cents"},
    "fr": {"one": "centime", "other": "centimes"},
    "de": {"other": "Cent"},
    "it": {"one": "centesimo", "other": "centesimi"},
    "es": {"one": "céntimo", "other": "céntimos"},
    "nl": {"other": "cent"},
    "pt": {"one": "cêntimo", "other": "cêntimos"},
    "ru": {"one": "цент", "few": "цента", "other": "центов"},
}
_OF_DOLLARS: Final[dict[str, dict[str, str]]] = {
    "fr": {"one": "cent", "other": "cents"},
    "es": {"one": "centavo", "other": "centavos"},
}
MILLION: Final = 1_000_000


def can_write(language: str) -> bool:
    """Whether amounts can be written out in a language."""
    return _base(language) in LANGUAGES


def amount_in_words(amount: Money, language: str) -> str:
    """An amount as `fifty euros and five cents`; empty in a language that `can_write` refuses."""
    language = _base(language)
    if language not in LANGUAGES:
        return ""
    exponent = EXPONENTS[amount.currency]
    whole, rest = divmod(amount.minor, 10**exponent)
    named = language == "en" or amount.currency in _NAMED
    words = [_number(whole, language, before_noun=named), _unit(whole, amount.currency, language, named=named)]
    if rest:
        words += [_AND[language], _rest(rest, exponent, amount.currency, language)]
    return re.sub(r" +", " ", " ".join(words)).replace("d' ", "d’")


def _base(language: str) -> str:
    return language.partition("-")[0]


def _unit(whole: int, currency: str, language: str, *, named: bool) -> str:
    if not named:
        return currency
    count = 2 if language == "pt" and not whole else whole  # Portugal says "zero euros", and CLDR's "pt" is Brazil's
    name = get_currency_name(currency, count=count, locale=language)
    name = name[0].lower() + name[1:] if language == "pt" else name
    if whole and whole % MILLION == 0 and language in _OF:
        of = "d'" if language == "fr" and name[0] in "aeiou" else _OF[language]
        return f"{of} {name}"
    return name


def _rest(rest: int, exponent: int, currency: str, language: str) -> str:
    """The part below one unit, in words where it has a name, else as a fraction."""
    if currency not in _CENTS:
        return f"{rest:0{exponent}d}/{10**exponent}"
    forms = _CENT[language] if currency == "EUR" else _OF_DOLLARS.get(language, _CENT[language])
    form = forms.get(Locale.parse(language).plural_form(rest), forms["other"])
    return f"{_number(rest, language, before_noun=True)} {form}"


def _number(number: int, language: str, *, before_noun: bool) -> str:
    words: str = num2words(number, lang=language)
    return _MENDED[language](words, before_noun=before_noun) if language in _MENDED else words


def _german(words: str, *, before_noun: bool) -> str:
    """`einhunderteintausend`, not `…einstausend`; `ein Euro`."""
    words = words.replace("einstausend", "eintausend")
    words = re.sub(r"eins(?= (?:Milli|Billi))", "ein", words)
    return "ein" if words == "eins" and before_noun else words


def _italian(words: str, *, before_noun: bool) -> str:
    return "un" if words == "uno" and before_noun else words


def _spanish(words: str, *, before_noun: bool) -> str:
    """Before a noun, and `mil` and `millones` are such, `uno` loses its last letter."""
    follows = "(?= |$)" if before_noun else "(?= )"
    words = re.sub(f"veintiuno{follows}", "veintiún", words)
    return re.sub(rf"\buno{follows}", "un", words)


def _dutch(words: str, *, before_noun: bool) -> str:
    """A space after `duizend`, and an accent only on the lone `één`."""
    words = re.sub(r"(?<=[a-zë])één", "een", words)
    words = re.sub(r"éénduizend", "eenduizend", words)
    return re.sub(r"duizend(?=[a-zé])", "duizend ", words)


_MENDED: Final = {"de": _german, "it": _italian, "es": _spanish, "nl": _dutch}
