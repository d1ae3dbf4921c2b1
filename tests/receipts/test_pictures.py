"""Papers look as they did: a grey picture of each regime's, single and of a year, is kept and compared.

`make pictures` makes them anew; look at them before you commit them. What differs is shown beside what was kept, in
.state/pictures. Why pictures as well as places: docs/adr/0220.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import LazySettings
from PIL import Image, ImageChops

from receipts import pdf
from receipts.documents import fonts
from receipts.models import Kind
from receipts.regimes import REGIMES, Annual
from receipts.snapshot import Snapshot
from tests.databases import PROJECT
from tests.receipts import looks, samples

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not shutil.which("pdftoppm"), reason="pdftoppm (poppler-utils) is not installed"),
    pytest.mark.skipif(bool(fonts.missing_packages()), reason="fonts are missing: see receipts/documents/fonts.py"),
]

KEPT = Path(__file__).parent / "golden"
SHOWN = PROJECT / ".state" / "pictures"
DOCS = PROJECT / "docs" / "pictures"
RENEW = "RENEW_PICTURES" in os.environ
# For people: on the sheet docs/pictures/papers.png, and those that have a picture of their own.
ON_SHEET = {
    "us_501c4-donation-en": "", "us_501c3-donation-en": "", "ca-donation-en": "", "de_bmf-donation-de": "de-bmf",
    "de_bmf-annual-de": "de-bmf-collective", "fr_cerfa-donation-fr": "fr-cerfa", "it_ets-donation-it": "it-ets",
    "es_182-donation-es": "es-182", "be-annual-fr": "be", "nl-donation-nl": "", "plain-donation-ru": "",
    "plain-donation-ar": "",
}  # fmt: skip


def pictured() -> list[tuple[str, Kind, str]]:
    """Each regime in each language of its law; lists, and where no law names a language, in one; one regime in all."""
    return [
        (code, kind, locale)
        for code, kind, locale in samples.all_of_them()
        if locale == home(code) or (code, kind) == ("plain", Kind.DONATION) or worded_by_law(code, kind)
    ]


def home(code: str) -> str:
    return (*REGIMES[code].languages, "nl" if code == "nl" else "en")[0]


def worded_by_law(code: str, kind: Kind) -> bool:
    regime = REGIMES[code]
    return bool(regime.languages) and (kind == Kind.DONATION or regime.annual != Annual.SUMMARY)


def picture_of(snapshot: Snapshot, folder: Path) -> Image.Image:
    return looks.picture(pdf.render(snapshot), folder)


@pytest.fixture(autouse=True)
def address(settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://give.lantern.example"


@pytest.mark.parametrize(("code", "kind", "locale"), pictured())
def test_a_paper_looks_as_it_did(code: str, kind: Kind, locale: str, tmp_path: Path) -> None:
    document, kept = pdf.render(samples.sample(code, kind, locale)), KEPT / f"{code}-{kind}-{locale}.png"
    made = looks.picture(document, tmp_path)
    if RENEW:
        looks.keep(made, kept)
        SHOWN.mkdir(parents=True, exist_ok=True)
        looks.first_page(document, tmp_path).save(SHOWN / f"first-{kept.name}")
    golden = Image.open(kept)
    cells = looks.differing_cells(made, golden)
    if cells:
        looks.tell(made, golden, SHOWN / kept.name)
    assert not cells, f"see {SHOWN / kept.name}; if it is better so: make pictures"


def test_every_picture_that_is_kept_is_of_a_paper() -> None:
    assert sorted(path.stem for path in KEPT.glob("*.png")) == sorted("-".join(one) for one in pictured())
    if RENEW:
        pages = {name: Image.open(SHOWN / f"first-{name}.png") for name in ON_SHEET}
        looks.keep_few_colours(looks.sheet(list(pages.values())), DOCS / "papers.png")
        for name, own in ON_SHEET.items():
            if own:
                looks.keep_few_colours(pages[name], DOCS / f"paper-{own}.png")


# --- What is seen, and what is not ------------------------------------------------------------------


@pytest.fixture
def paper() -> Snapshot:
    return samples.sample("us_501c4", Kind.DONATION, "en")


def with_style(paper: Snapshot, style: str, folder: Path) -> Image.Image:
    page = pdf.to_html(paper).replace("</head>", f"<style>{style}</style></head>")
    return looks.picture(pdf.to_pdf(page, identifier="x"), folder)


def test_a_logo_that_is_missing_is_seen(paper: Snapshot, tmp_path: Path) -> None:
    before = picture_of(paper, tmp_path)
    assert looks.differing_cells(picture_of(replace(paper, letterhead=0), tmp_path), before)


def test_a_statement_that_is_missing_or_smaller_is_seen(paper: Snapshot, tmp_path: Path) -> None:
    before = picture_of(paper, tmp_path)
    assert looks.differing_cells(picture_of(replace(paper, statements=()), tmp_path), before)
    smaller = with_style(paper, ".statements p { font-size: 9pt !important }", tmp_path)
    assert looks.differing_cells(smaller, before)


@pytest.mark.parametrize("millimetres", [-2, 2])
def test_a_block_that_moved_by_two_millimetres_is_seen(millimetres: int, paper: Snapshot, tmp_path: Path) -> None:
    before = picture_of(paper, tmp_path)
    style = f"<style>.addressee {{ position: relative; top: {millimetres}mm }}</style></head>"
    page = pdf.to_html(paper).replace("</head>", style)
    assert looks.differing_cells(looks.picture(pdf.to_pdf(page, identifier="x"), tmp_path), before)


def test_boxes_in_the_place_of_letters_are_seen(tmp_path: Path) -> None:
    arabic = samples.sample("plain", Kind.DONATION, "ar")
    before = picture_of(arabic, tmp_path)
    boxes = replace(arabic, statements=tuple("▯" * len(said) for said in arabic.statements))
    assert looks.differing_cells(picture_of(boxes, tmp_path), before)


def test_another_drawing_of_the_same_letters_is_not(paper: Snapshot, tmp_path: Path) -> None:
    document = pdf.render(paper)
    before = looks.picture(document, tmp_path)
    large = looks.picture(document, tmp_path, dpi=4 * looks.DPI)  # drawn large and made small: nothing is hinted
    smooth = large.resize(before.size, Image.Resampling.BOX)
    assert ImageChops.difference(smooth, before).getbbox()  # it is not the same picture
    assert looks.differing_cells(smooth, before) == []
