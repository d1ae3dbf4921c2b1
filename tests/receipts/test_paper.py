"""The paper's look, by where things stand: pictures differ with every version of a font, places do not."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from receipts import pdf
from receipts.models import Kind
from receipts.regimes import REGIMES, Annual
from tests.receipts import samples
from tests.receipts.reading import reader
from tests.receipts.test_pdf import SNAPSHOT, text_of

HOME = replace(SNAPSHOT, donor_name="Brandt", donor_address="Lindenweg 7\n20095 Hamburg")
POPPLER = pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler-utils) is not installed")
POINT = 25.4 / 72


def place_of(document: bytes, word: str, directory: Path) -> tuple[float, float]:
    """Where a word begins, in millimetres from the upper left."""
    (directory / "p.pdf").write_bytes(document)
    told = subprocess.run(
        ["pdftotext", "-bbox", "p.pdf", "-"], cwd=directory, check=True, capture_output=True, text=True
    )
    found = re.search(rf'xMin="([\d.]+)" yMin="([\d.]+)"[^>]*>{word}<', told.stdout)
    assert found is not None
    return float(found[1]) * POINT, float(found[2]) * POINT


@POPPLER
def test_the_donors_address_stands_in_the_window_of_an_envelope(tmp_path: Path) -> None:
    x, y = place_of(pdf.render(replace(HOME, regime="plain")), "Brandt", tmp_path)
    assert 24 < x < 27
    assert 57 < y < 72
    country = replace(HOME, regime="plain", locale="fr")
    assert "paper--right" not in pdf.to_html(country)
    right = pdf.to_html(replace(HOME, regime="plain")).replace('class="paper ', 'class="paper paper--right ')
    x, _y = place_of(pdf.to_pdf(right, identifier="x"), "Brandt", tmp_path)
    assert 108 < x < 112


@POPPLER
@pytest.mark.django_db
@pytest.mark.parametrize("code", [code for code, regime in REGIMES.items() if regime.annual != Annual.ONLY])
def test_a_name_and_address_of_many_lines_stand_on_nothing_else(code: str, tmp_path: Path) -> None:
    locale = (*REGIMES[code].languages, "en")[0]
    long = replace(
        samples.sample(code, Kind.DONATION, locale),
        donor_name="Maximiliana-Alexandra Konstantinopoulou-von Hohenstaufen-Wittelsbach de la Fuente y Ordóñez",
        donor_person="Bartholomäus Featherstonehaugh-Cholmondeley",
        donor_address="c/o Wohngemeinschaft Nordwestliche Hafenvorstadt, Hinterhaus, 3. Stock links 117b\n"
        "20095 Hansestadt-Hamburg-Altona-Nord\nLastline",
    )
    document = pdf.render(long)
    _x, last = place_of(document, "Lastline", tmp_path)
    _x, heading = place_of(document, REGIMES[code].title_in(locale).split()[0], tmp_path)
    assert last + 4 < heading


def test_a_currency_is_named_beside_a_sign_and_not_twice() -> None:
    assert "$1,234.50 (USD)" in text_of(replace(SNAPSHOT, currency="USD"))
    francs = text_of(replace(SNAPSHOT, currency="CHF"))
    assert "CHF 1,234.50" in francs
    assert "(CHF)" not in francs


@pytest.mark.django_db
def test_a_canadian_list_leaves_it_to_each_receipt_whether_there_was_an_advantage() -> None:
    said = samples.sample("ca", Kind.ANNUAL, "en").statements
    assert not any("advantage" in sentence for sentence in said)
    assert any("canada.ca/charities-giving" in sentence for sentence in said)


@pytest.mark.parametrize(("regime", "width"), [("us_501c4", 216), ("plain", 210)])
def test_american_papers_are_us_letter(regime: str, width: int) -> None:
    (page,) = reader(pdf.render(replace(SNAPSHOT, regime=regime))).pages
    assert round(float(page.mediabox.width) * POINT) == width


def test_a_paper_that_grows_is_set_closer_and_then_goes_on_overleaf(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = replace(SNAPSHOT, statements=("What the law wants said. " * 30,))
    assert len(reader(pdf.render(grown)).pages) == 1
    endless = replace(SNAPSHOT, statements=("What the law wants said. " * 150,))
    pages = [page.extract_text() for page in reader(pdf.render(endless)).pages]
    assert len(pages) > 1
    assert ["K7WTQ2MX" in page for page in pages] == [False] * (len(pages) - 1) + [True]
    monkeypatch.setitem(REGIMES, "us_501c4", replace(REGIMES["us_501c4"], one_page=True))
    with pytest.raises(pdf.TooLong):
        pdf.render(endless)


def test_a_page_shows_no_picture_but_its_own_letterheads() -> None:
    for address in ("letterhead:0/logo", "letterhead:0/../logo", "letterhead:"):
        with pytest.raises(pdf.AskedForMore):
            pdf.to_pdf(f'<title>x</title><p>x<img src="{address}" alt="x">', identifier="x")


def test_the_same_snapshot_is_the_same_bytes() -> None:
    assert pdf.render(SNAPSHOT) == pdf.render(SNAPSHOT)


def test_numbers_and_addresses_keep_their_direction_on_a_paper_from_right_to_left() -> None:
    arabic = replace(SNAPSHOT, locale="ar", regime="plain", donor_name="محمد", statements=("ليس إيصالاً ضريبياً",))
    html = pdf.to_html(arabic)
    assert 'dir="rtl"' in html
    assert "\u2068LA-2026-000123\u2069" in html
    assert "\u2068Portland, OR 97201\u2069" in html
    text = text_of(arabic)
    assert "12 Harbour Street" in text
    assert "K7WTQ2MX" in text
    assert "\u2068" not in pdf.to_html(SNAPSHOT)
