"""The PDF: right in every language, readable by screen readers, made without asking anybody for anything."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pypdf.generic import DictionaryObject, IndirectObject

from receipts import checks, pdf
from receipts.snapshot import Snapshot
from tests import factories
from tests.receipts.reading import reader

SNAPSHOT = Snapshot(
    regime="us_501c4",
    version=1,
    locale="en",
    number="LA-2026-000123",
    check_code="K7WTQ2MX",
    issued_on=date(2026, 3, 15),
    replaces="",
    entity_name="Lantern Action",
    entity_form="A non-profit organisation",
    entity_address="12 Harbour Street\nPortland, OR 97201\nUnited States",
    entity_registration="EIN 00-1234567",
    theme="ember",
    donor_name="Ada Rossi",
    donor_country="IT",
    donation="b100b6bb-0000-4000-8000-000000000000",
    reference="B100B6BB",
    received_on=date(2026, 3, 14),
    currency="EUR",
    gross_minor=1_234_50,
    refunded_minor=0,
    statements=(factories.NOT_DEDUCTIBLE["en"],),
)
ITALIAN = replace(SNAPSHOT, locale="it", statements=(factories.NOT_DEDUCTIBLE["it"],))


def text_of(snapshot: Snapshot) -> str:
    (page,) = reader(pdf.render(snapshot)).pages
    return " ".join(page.extract_text().split())


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (
            replace(SNAPSHOT, donor_name="Brandt GmbH", donor_person="Ada Rossi", tribute="In memory of Sorana Ilić"),
            ["Issued to Brandt GmbH given by Ada Rossi Italy", "Dedication In memory of Sorana Ilić"],
        ),
        (
            SNAPSHOT,
            [
                "Lantern Action", "EIN 00-1234567", "Portland, OR 97201", "Issued to Ada Rossi Italy",
                "Donation receipt €1,234.50", "received this donation from you on March 14, 2026",
                "Number LA-2026-000123", "Date of issue March 15, 2026", "Reference B100B6BB",
                "Amount donated €1,234.50 (EUR)", factories.NOT_DEDUCTIBLE["en"], "Code: K7WTQ2MX",
            ],
        ),
        (
            ITALIAN,
            [
                "Rilasciata a Ada Rossi Italia", "1.234,50 €", "14 marzo 2026", "Numero LA-2026-000123",
                "15 marzo 2026", factories.NOT_DEDUCTIBLE["it"], "Codice: K7WTQ2MX",
            ],
        ),
    ],
    ids=["company", "en", "it"],
)  # fmt: skip
def test_the_page_says_what_it_must_in_the_donors_language(snapshot: Snapshot, words: list[str]) -> None:
    text = text_of(snapshot)
    assert [word for word in words if word not in text] == []


def test_an_italian_receipt_has_no_english_left_in_it() -> None:
    english = ["receipt", "donation", "Issued", "Number", "Date", "Amount", "Reference", "Code:", "valid:"]
    text = text_of(replace(ITALIAN, replaces="LA-2026-000001", refunded_minor=50))
    text = text.partition("/receipt/")[0] + text.partition("/receipt/")[2]  # the address stays as it is
    assert [word for word in english if word in text] == []


@pytest.mark.parametrize(
    ("currency", "minor", "shown"),
    [("JPY", 5000, "¥5,000"), ("KWD", 12_345, "KWD 12.345"), ("EUR", 50_00, "€50.00"), ("USD", 1, "$0.01")],
)
def test_amounts_have_the_decimals_of_their_currency(currency: str, minor: int, shown: str) -> None:
    assert shown in text_of(replace(SNAPSHOT, currency=currency, gross_minor=minor))


@pytest.mark.parametrize("name", ["Олександра Шевченко", "Αλέξανδρος Παπαδόπουλος", "Łukasz Żółć", "Zoë O’Brien-Šarić"])
def test_names_of_other_scripts_are_letters_not_boxes(name: str) -> None:
    assert name in text_of(replace(SNAPSHOT, donor_name=name))


def test_a_letter_that_no_font_has_is_not_printed_as_a_box() -> None:
    with pytest.raises(pdf.NoFont, match=r"U\+10FFFD"):
        pdf.render(replace(SNAPSHOT, donor_name="Ada \U0010fffd Rossi"))


def test_marks_that_have_no_shape_do_no_harm() -> None:
    text = text_of(replace(SNAPSHOT, donor_name="A\u200bda \u2068Ros\u00adsi\u2069 \u200f\ufeff"))
    assert "Issued to" in text


def test_a_name_full_of_markup_stays_text() -> None:
    assert "<h1>Ada</h1> & {{ x }}" in text_of(replace(SNAPSHOT, donor_name="<h1>Ada</h1> & {{ x }}"))


def test_everything_that_can_stand_on_a_receipt_fits_on_one_page() -> None:
    full = replace(
        ITALIAN,
        entity_name="The International Lantern Association for Safe Passage and Legal Defence",
        donor_name="Maria Annunziata Carolina della Rovere-Castiglioni di Montefeltro e Urbino",
        gross_minor=99_999_999,
        refunded_minor=1_000,
        replaces="LA-2026-000001",
        statements=(factories.NOT_DEDUCTIBLE["it"] * 3, "Conferma di pagamento, non una ricevuta fiscale."),
    )
    assert len(reader(pdf.render(full)).pages) == 1


# --- The file ---------------------------------------------------------------------------------------


def test_the_file_is_tagged_and_has_language_title_and_alternative_texts() -> None:
    document = reader(pdf.render(ITALIAN))
    root: Any = document.trailer["/Root"].get_object()
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == ("it", True)
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712  pypdf's own boolean
    assert document.metadata is not None
    assert document.metadata.title == "Ricevuta di donazione LA-2026-000123"
    assert document.metadata.author == "Lantern Action"
    metadata = root["/Metadata"].get_object().get_data()
    assert b"pdfuaid:part" in metadata
    tags = list(elements(root["/StructTreeRoot"]))
    kinds = [tag["/S"] for tag in tags]
    assert {"/H1", "/P", "/Table", "/TH", "/TD", "/Figure"} <= set(kinds)
    assert all(tag.get("/Alt") for tag in tags if tag["/S"] == "/Figure")


def elements(node: Any) -> Iterator[Any]:
    """All structure elements below a node, in reading order."""
    node = node.get_object() if isinstance(node, IndirectObject) else node
    if isinstance(node, list):
        for child in node:
            yield from elements(child)
    elif isinstance(node, DictionaryObject):
        if "/S" in node:
            yield node
        yield from elements(node.get("/K"))


def test_all_fonts_are_embedded() -> None:
    fonts = fonts_of(pdf.render(SNAPSHOT))
    assert fonts
    assert all("/FontFile2" in font or "/FontFile3" in font for font in fonts)


def fonts_of(document: bytes) -> list[DictionaryObject]:
    """The descriptor of every font on the page."""
    page: Any = reader(document).pages[0]
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    return [font["/DescendantFonts"][0]["/FontDescriptor"].get_object() for font in fonts]


def test_the_same_snapshot_renders_to_the_same_page() -> None:
    assert pdf.to_html(SNAPSHOT) == pdf.to_html(SNAPSHOT)
    assert text_of(SNAPSHOT) == text_of(Snapshot.from_json(SNAPSHOT.to_json()))


def test_the_statement_is_set_larger_than_the_text_around_it() -> None:
    """Notice 88-120 wants it conspicuous, at least in the type size of the main message."""
    (page,) = reader(pdf.render(SNAPSHOT)).pages
    sizes: dict[str, float] = {}
    page.extract_text(visitor_text=lambda text, _cm, tm, _font, size: sizes.update({text.strip(): size * abs(tm[3])}))

    def size_of(start: str) -> float:
        return next(size for text, size in sizes.items() if text.startswith(start))

    assert size_of("Contributions to") >= size_of("Lantern Action received") > size_of("Date of donation")


@pytest.mark.skipif(not shutil.which("pdftoppm"), reason="pdftoppm (poppler-utils) is not installed")
def test_the_qr_code_and_the_accent_are_on_the_picture(tmp_path: Path) -> None:
    (tmp_path / "r.pdf").write_bytes(pdf.render(SNAPSHOT))
    subprocess.run(["pdftoppm", "-r", "36", "r.pdf", "r"], cwd=tmp_path, check=True)
    (image,) = tmp_path.glob("*.ppm")
    header, size, _depth, pixels = image.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    assert header == b"P6"

    def at(x_mm: float, y_mm: float) -> tuple[int, int, int]:
        x, y = int(x_mm / 210 * width), int(y_mm / 297 * height)
        red, green, blue = pixels[3 * (y * width + x) :][:3]
        return red, green, blue

    assert at(100, 0.8) == (0xAD, 0x2A, 0x12)
    corner = [sum(at(26 + step / 2, 256.2 + step / 2)) for step in range(40)]
    assert min(corner) < 150 < 600 < max(corner)


# --- Nothing is fetched -----------------------------------------------------------------------------


@pytest.fixture
def visits() -> Iterator[tuple[str, list[str]]]:
    """A web server, and the addresses that were asked of it."""
    asked: list[str] = []

    class Notes(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Notes)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "markup",
    [
        '<link rel=attachment href="{file}">',
        '<a rel=attachment href="{file}">x</a>',
        '<link rel=stylesheet href="{web}/a.css">',
        '<img src="{file}" alt=x>',
        '<img src="{web}/a.png" alt=x>',
        '<img src="data:image/png;base64,AAAA" alt=x>',
        '<object data="{web}/a.svg"></object>',
        '<style>body {{ background: url("{web}/a.png") }}</style>',
        '<style>@import "{web}/a.css";</style>',
        '<style>@font-face {{ font-family: x; src: url("{web}/a.woff") }} p {{ font-family: x }}</style>',
        '<svg viewBox="0 0 9 9"><image href="{file}" width="9" height="9"/></svg>',
    ],
)
def test_a_document_that_asks_for_something_is_not_made(
    markup: str, visits: tuple[str, list[str]], tmp_path: Path
) -> None:
    web, asked = visits
    secret = tmp_path / "secret.txt"
    secret.write_text("the field keys")
    page = f"<title>x</title><body><p>x</p>{markup.format(web=web, file=secret.as_uri())}"
    with pytest.raises(pdf.AskedForMore):
        pdf.to_pdf(page, identifier="x")
    assert asked == []


# --- The machine ------------------------------------------------------------------------------------


def test_a_machine_without_the_subset_library_is_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "SUBSET_LIBRARIES", ("libnothing-of-the-kind.so",))
    (warning,) = checks.harfbuzz_subset()
    assert warning.id == "receipts.W001"
    assert "libharfbuzz-subset0" in str(warning.hint)
