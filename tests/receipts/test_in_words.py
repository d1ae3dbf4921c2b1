"""Amounts in words, against tables read by hand: num2words is wrong here and there, and tax offices read words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundraising.money import Money
from receipts.desk.problems import of_refusal
from receipts.documents.in_words import LANGUAGES, amount_in_words, can_write
from receipts.regimes import Problem

BY_HAND = {
    ("en", "EUR", 1): "zero euros and one cent",
    ("en", "EUR", 1_00): "one euro",
    ("en", "USD", 1_234_56): "one thousand, two hundred and thirty-four US dollars and fifty-six cents",
    ("en", "GBP", 201_01): "two hundred and one British pounds and 01/100",
    ("en", "JPY", 5_000): "five thousand Japanese yen",
    ("en", "KWD", 12_345): "twelve Kuwaiti dinars and 345/1000",
    ("fr", "EUR", 1_00): "un euro",
    ("fr", "EUR", 71_80): "soixante et onze euros et quatre-vingts centimes",
    ("fr", "EUR", 80_81): "quatre-vingts euros et quatre-vingt-un centimes",
    ("fr", "EUR", 200_00): "deux cents euros",
    ("fr", "EUR", 201_00): "deux cent un euros",
    ("fr", "EUR", 80_000_00): "quatre-vingt mille euros",
    ("fr", "EUR", 200_000_00): "deux cent mille euros",
    ("fr", "EUR", 1_000_000_00): "un million d’euros",
    ("fr", "EUR", 80_000_000_00): "quatre-vingts millions d’euros",
    ("fr", "CAD", 121_05): "cent vingt et un dollars canadiens et cinq cents",
    ("fr", "KWD", 12_005): "douze KWD et 005/1000",
    ("de", "EUR", 1_01): "ein Euro und ein Cent",
    ("de", "EUR", 50_00): "fünfzig Euro",
    ("de", "EUR", 101_00): "einhunderteins Euro",
    ("de", "EUR", 1_001_00): "eintausendeins Euro",
    ("de", "EUR", 101_000_00): "einhunderteintausend Euro",
    ("de", "EUR", 1_234_50): "eintausendzweihundertvierunddreißig Euro und fünfzig Cent",
    ("de", "EUR", 1_000_000_00): "eine Million Euro",
    ("de", "EUR", 101_000_000_00): "einhundertein Millionen Euro",
    ("de", "CHF", 21_50): "einundzwanzig Schweizer Franken und 50/100",
    ("it", "EUR", 1_01): "un euro e un centesimo",
    ("it", "EUR", 21_03): "ventuno euro e tre centesimi",
    ("it", "EUR", 23_00): "ventitré euro",
    ("it", "EUR", 1_108_00): "millecentotto euro",
    ("it", "EUR", 1_000_000_00): "un milione di euro",
    ("it", "USD", 2_00): "due dollari statunitensi",
    ("es", "EUR", 1_21): "un euro con veintiún céntimos",
    ("es", "EUR", 31_01): "treinta y un euros con un céntimo",
    ("es", "EUR", 101_00): "ciento un euros",
    ("es", "EUR", 21_000_00): "veintiún mil euros",
    ("es", "EUR", 31_001_00): "treinta y un mil un euros",
    ("es", "EUR", 1_000_000_00): "un millón de euros",
    ("es", "EUR", 21_000_000_00): "veintiún millones de euros",
    ("es", "USD", 16_02): "dieciséis dólares estadounidenses con dos centavos",
    ("es", "GBP", 201_00): "doscientos uno GBP",
    ("nl", "EUR", 1_01): "één euro en één cent",
    ("nl", "EUR", 33_00): "drieëndertig euro",
    ("nl", "EUR", 101_00): "honderdeen euro",
    ("nl", "EUR", 1_234_50): "duizend tweehonderdvierendertig euro en vijftig cent",
    ("nl", "EUR", 31_001_00): "eenendertigduizend een euro",
    ("nl", "EUR", 101_000_00): "honderdeenduizend euro",
    ("pt", "EUR", 1_01): "um euro e um cêntimo",
    ("pt", "EUR", 16_00): "dezasseis euros",
    ("pt", "EUR", 1_100_00): "mil e cem euros",
    ("pt", "EUR", 1_234_50): "mil duzentos e trinta e quatro euros e cinquenta cêntimos",
    ("pt", "EUR", 1_000_000_00): "um milhão de euros",
    ("ru", "EUR", 1_01): "один евро один цент",
    ("ru", "EUR", 22_02): "двадцать два евро два цента",
    ("ru", "USD", 1_234_11): "одна тысяча двести тридцать четыре доллара США одиннадцать центов",
    ("ru", "USD", 5_00): "пять долларов США",
    ("ru", "CAD", 121_05): "сто двадцать один канадский доллар пять центов",
    ("ru", "EUR", 2_000_00): "две тысячи евро",
    ("en", "EUR", 99): "zero euros and ninety-nine cents",
    ("en", "EUR", 21_00): "twenty-one euros",
    ("en", "EUR", 1_000_000_00): "one million euros",
    ("fr", "EUR", 99): "zéro euro et quatre-vingt-dix-neuf centimes",
    ("fr", "EUR", 21_00): "vingt et un euros",
    ("fr", "EUR", 1_01): "un euro et un centime",
    ("de", "EUR", 99): "null Euro und neunundneunzig Cent",
    ("de", "EUR", 21_00): "einundzwanzig Euro",
    ("it", "EUR", 99): "zero euro e novantanove centesimi",
    ("it", "EUR", 21_00): "ventuno euro",
    ("es", "EUR", 99): "cero euros con noventa y nueve céntimos",
    ("es", "EUR", 21_00): "veintiún euros",
    ("es", "EUR", 1_01): "un euro con un céntimo",
    ("nl", "EUR", 99): "nul euro en negenennegentig cent",
    ("nl", "EUR", 21_00): "eenentwintig euro",
    ("nl", "EUR", 1_000_000_00): "een miljoen euro",
    ("pt", "EUR", 99): "zero euros e noventa e nove cêntimos",
    ("pt", "EUR", 21_00): "vinte e um euros",
    ("ru", "EUR", 99): "ноль евро девяносто девять центов",
    ("ru", "EUR", 21_00): "двадцать один евро",
    ("ru", "EUR", 1_000_000_00): "один миллион евро",
}


@pytest.mark.parametrize(("case", "words"), BY_HAND.items(), ids=[" ".join(map(str, case)) for case in BY_HAND])
def test_amounts_read_as_a_native_reader_wrote_them(case: tuple[str, str, int], words: str) -> None:
    language, currency, minor = case
    assert amount_in_words(Money(minor, currency), language) == words


def test_each_language_has_amounts_read_by_hand() -> None:
    assert {language for language, _currency, _minor in BY_HAND} == set(LANGUAGES)


def test_a_variety_of_a_language_reads_like_the_language() -> None:
    assert amount_in_words(Money(5000, "CAD"), "fr-ca") == "cinquante dollars canadiens"


def test_a_language_that_the_library_writes_wrongly_has_no_words_instead_of_wrong_ones() -> None:
    assert not can_write("ar")
    assert amount_in_words(Money(200_00, "EUR"), "ar") == ""


@given(language=st.sampled_from(sorted(LANGUAGES)), minor=st.integers(0, 10**12))
def test_every_amount_has_words_of_its_own_without_a_figure(language: str, minor: int) -> None:
    words = amount_in_words(Money(minor, "EUR"), language)
    assert words == words.strip()
    assert "  " not in words
    assert not any(letter.isdigit() for letter in words)
    assert amount_in_words(Money(minor + 1, "EUR"), language) != words


@pytest.mark.parametrize("problem", Problem)
def test_the_desk_says_of_every_problem_why_and_how_to_mend_it(problem: Problem) -> None:
    assert len(of_refusal(problem)) > 30
