"""Fonts: what is missing is said with its package; with all of them no name becomes a row of boxes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from receipts import checks, pdf
from receipts.documents import fonts
from tests.receipts.test_pdf import SNAPSHOT, fonts_of, text_of

ALL_THERE = pytest.mark.skipif(bool(fonts.missing_packages()), reason="fonts are missing: see receipts.W002")
NAMES = {
    "latin": "Ðóra Þöll Đặng Ṣọlá Ġużè Čapek",
    "cyrillic": "Олександра Ґалаґан",
    "greek": "Αλέξανδρος Παπαδόπουλος",
    "arabic": "محمد عبد الرحمن",
    "hebrew": "שרה בן גוריון",
    "chinese": "王小明 歐陽",
    "japanese": "高橋 なおこ カナ",
    "korean": "김민준",
    "devanagari": "अमर नयन",
    "thai": "สมชาย ใจดี",
    "georgian": "ნინო",
    "emoji": "Ada 😀 👩‍👩‍👧 🏳️‍🌈 🇮🇹 👍🏽",
}


@ALL_THERE
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_in_any_script_is_printed(name: str) -> None:
    drawn = text_of(replace(SNAPSHOT, donor_name=name))
    letters = [letter for letter in name if letter.isalpha()]
    assert [letter for letter in letters if letter not in drawn] == []


@ALL_THERE
@pytest.mark.parametrize(
    ("country", "font"), [("JP", b"CJK-JP"), ("KR", b"CJK-KR"), ("CN", b"CJK-SC"), ("IT", b"CJK-SC")]
)
def test_han_letters_are_drawn_as_where_the_donor_lives(country: str, font: bytes) -> None:
    names = [
        str(one["/FontName"]).encode()
        for one in fonts_of(pdf.render(replace(SNAPSHOT, donor_name="直角", donor_country=country)))
    ]
    assert any(font in name for name in names)


def test_a_missing_font_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fonts.missing_packages(lambda letter: letter != "あ") == ["fonts-noto-cjk"]
    assert fonts.missing_packages(lambda _letter: True) == []
    monkeypatch.setattr(fonts, "missing_packages", lambda: ["fonts-noto-cjk"])
    (warning,) = checks.fonts_for_names()
    assert (warning.id, "fonts-noto-cjk" in str(warning.hint)) == ("receipts.W002", True)


def test_a_machine_without_fontconfig_is_not_accused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "LIBRARIES", ("libnothing-of-the-kind.so",))
    assert checks.fonts_for_names() == []
