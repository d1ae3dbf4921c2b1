"""Stamping: thirty times as fast as a full rendering, and nobody can tell which of the two made a page."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from receipts import pdf
from receipts.snapshot import Snapshot
from receipts.stamping import Page
from receipts.stamping import press as press_module
from receipts.stamping.press import Press
from tests import qr
from tests.receipts.reading import reader
from tests.receipts.test_pdf import SNAPSHOT

NAMES = {
    "en": ["Ada Rossi", "Sofia Williamson-Smith", "Bo Li", "Zoë O’Brien", "J. R. R. Tolkien", "Affe & Fish <Ltd>"],
    "it": ["Niccolò Parà", "Ada Rossi", "Ugo", "Maria Annunziata Carolina della Rovere", "Łukasz Żółć", "Ilić"],
    "ru": ["Олександра Шевченко", "Ян", "Мария-Анна Римская", "Ada Rossi", "Щукин", "Ґалаґан"],
}


def like(snapshot: Snapshot, number: int, name: str) -> Snapshot:
    """Another receipt of the same night."""
    return replace(
        snapshot,
        number=f"LA-2026-{number:06d}",
        check_code=f"K7WT{number:04d}",
        donor_name=name,
        donor_country=["IT", "DE", "FR"][number % 3],
        reference=f"{number * 7919:08X}",
        received_on=snapshot.received_on - timedelta(days=number % 20),
        gross_minor=[5_00, 1_234_50, 99_99, 250_00][number % 4],
    )


def print_both(press: Press, snapshot: Snapshot) -> tuple[bytes, bytes, bool]:
    """The page by the press, the full rendering, and whether the first was stamped."""
    page, before = pdf.to_html(snapshot), press.count["stamped"]
    made = press.print(Page.of(page), identifier=snapshot.number)
    return made, pdf.to_pdf(page, identifier=snapshot.number), press.count["stamped"] > before


def warmed(snapshot: Snapshot, name: str = "Ada Rossi") -> Press:
    """A press that has printed a few like this one."""
    press = Press(pdf.to_pdf)
    for number in range(1, 8):
        other = like(snapshot, number, name + " " * (number % 3) + "Li" * number)
        press.print(Page.of(pdf.to_html(other)), identifier="x")
    assert press.count["compiled"] == 1
    return press


@pytest.mark.parametrize("locale", NAMES)
def test_a_stamped_page_is_the_rendered_page(locale: str, tmp_path: Path) -> None:
    first = replace(SNAPSHOT, locale=locale, statements=("Contributions are not tax deductible.",))
    press, compared = warmed(first, NAMES[locale][0]), 0
    for number, name in enumerate(NAMES[locale], start=20):
        made, plain, stamped = print_both(press, like(first, number, name))
        if stamped:
            compared += 1
            assert_same(made, plain, tmp_path)
    assert compared >= 4
    assert not press.count["spoilt"]


def assert_same(made: bytes, plain: bytes, folder: Path) -> None:
    """Text, tags, metadata and pixels."""
    ours, theirs = reader(made), reader(plain)
    assert ours.metadata == theirs.metadata
    assert ours.xmp_metadata
    assert unfolded(ours.trailer["/Root"]) == unfolded(theirs.trailer["/Root"])
    assert ours.trailer["/ID"][0] == theirs.trailer["/ID"][0]  # type: ignore[index]
    for name, document in {"made": made, "plain": plain}.items():
        (folder / f"{name}.pdf").write_bytes(document)
    assert shown(folder / "made.pdf") == shown(folder / "plain.pdf")
    assert pixels(folder / "made.pdf") == pixels(folder / "plain.pdf")


def unfolded(thing: Any, seen: frozenset[int] = frozenset()) -> Any:
    """Everything below the document's root but for fonts, as plain data; the structure tree among it."""
    if isinstance(thing, IndirectObject):
        return "seen" if thing.idnum in seen else unfolded(thing.get_object(), seen | {thing.idnum})
    if isinstance(thing, DictionaryObject):
        stream = thing.get_data() if hasattr(thing, "get_data") else b""
        skipped = {"/Font", "/Length", "/Filter", "/P", "/Pg", "/Parent"}
        return {key: unfolded(value, seen) for key, value in thing.items() if key not in skipped}, stream
    return [unfolded(one, seen) for one in thing] if isinstance(thing, ArrayObject) else thing


def shown(path: Path) -> str:
    text = subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True).stdout
    return text.replace(pdf.NO_BREAK, " ")


def pixels(path: Path) -> bytes:
    return subprocess.run(["pdftoppm", "-r", "96", path], check=True, capture_output=True).stdout


def test_a_stamped_qr_code_has_the_address_of_its_own_receipt() -> None:
    press = warmed(SNAPSHOT)
    snapshot = like(SNAPSHOT, 4711, "Zadie")
    made, _, stamped = print_both(press, snapshot)
    assert stamped
    assert qr.read(modules(made)) == pdf.check_address(snapshot)


def modules(document: bytes) -> qr.Modules:
    """The QR code that is drawn on a page: strokes one unit high on half lines."""
    content: bytes = reader(document).pages[0].get_contents().get_data()  # type: ignore[union-attr]
    strokes = re.findall(rb"(\d+) (\d+)\.5 m\n(\d+) \2\.5 l", content)
    size = max(int(row) for _, row, _ in strokes) + 1
    grid = [[False] * size for _ in range(size)]
    for start, row, end in strokes:
        grid[int(row)][int(start) : int(end)] = [True] * (int(end) - int(start))
    return grid


def test_the_file_of_a_stamped_page_is_small_and_its_own() -> None:
    press = warmed(SNAPSHOT)
    one, plain, _ = print_both(press, like(SNAPSHOT, 21, "Ada"))
    other, _, stamped = print_both(press, like(SNAPSHOT, 22, "Ada"))
    assert stamped
    assert len(one) < 1.6 * len(plain)
    assert reader(one).trailer["/ID"] != reader(other).trailer["/ID"]


# --- What is not stamped ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "ليلى حداد", "דוד", "Ada \u202eRossi", "Ada Rossi " * 12, "日本", "A\u0301da",
    ],
    ids=["arabic", "hebrew", "turned", "long", "chinese", "composed"],
)  # fmt: skip
def test_a_name_that_lays_out_another_way_is_rendered_in_full(name: str, tmp_path: Path) -> None:
    press = warmed(SNAPSHOT)
    snapshot = replace(like(SNAPSHOT, 40, "x"), donor_name=name)
    page, before = pdf.to_html(snapshot), press.count["stamped"]
    try:
        plain = pdf.to_pdf(page, identifier="x")
    except pdf.NoFont:
        with pytest.raises(pdf.NoFont):
            press.print(Page.of(page), identifier="x")
        return
    assert_same(press.print(Page.of(page), identifier="x"), plain, tmp_path)
    assert press.count["stamped"] == before


def test_a_row_more_is_another_form() -> None:
    press = warmed(SNAPSHOT)
    made, plain, stamped = print_both(press, replace(like(SNAPSHOT, 41, "Ada"), tribute="In memory of Sorana Ilić"))
    assert not stamped
    assert reader(made).pages[0].extract_text() == reader(plain).pages[0].extract_text()


PAGE = """<!doctype html><html lang="en"><head><title>Paper {number}</title>
<meta name="dcterms.created" content="{day}"><meta name="description" content="For {name}"></head><body>
<style>body {{ font: 10pt "DejaVu Sans" }} p {{ width: 60mm }}</style>
{body}</body></html>"""
WORDS = ["of", "a very small amount", "a bit more", "what is needed for tomorrow", "I", "lighthouses and lanterns"]


PAGES = 24


def paper(body: str, number: int) -> str:
    """A page of another template, with other words on each."""
    values = {"number": f"{number:04d}", "day": date(2026, 1, 1 + number % 28).isoformat(), "name": f"Ada {number}"}
    return PAGE.format(body=body.format(**values, words=WORDS[number % len(WORDS)]), **values)


@pytest.mark.parametrize(
    ("body", "is_stamped"),
    [
        ("<p style='text-align: right'>{words}</p>", True),
        ("<p style='text-align: center'>{words} <b>{name}</b> {number}.</p>", True),
        ("<p style='letter-spacing: 1px; font-size: 20pt'>{number}</p>", True),
        ("<p>The light of <b>{number}</b> and what follows it on a line that is long enough to break</p>", True),
        ("<p>It was {words}, thank you very much indeed for all of it and for more.</p>", True),
        ("<table><tr><td>{name}<td style='text-align: right'>{number}<tr><td>More than {words}<td>x</table>", None),
        ("<p><span style='display: inline-block; border: 1px solid'>{words}</span> and so on</p>", False),
        ("<p><span style='background: #eee'>{words}</span></p>", False),
        ("<p style='text-decoration: underline'>{words}</p>", False),
        ("<p style='text-transform: uppercase'>{words}</p>", False),
        ("<p style='text-align: justify'>It was {words}, thank you very much indeed for all of it and more.</p>", None),
        ("<p style='hyphens: auto'>It was {words}, thank you very much indeed for all of it and more.</p>", None),
        ("<p>{words}<br>and {number} more<br>or less</p>", True),
        ("<div style='display: flex; gap: 5mm'><div>{words}</div><div>{number}</div></div>", False),
        ("<p style='float: left; width: auto'>{words}</p><p>{number}</p>", None),
        ("<p dir=rtl>{words}</p>", False),
        ("<p><a href='https://example.org/{number}' title='x'>this</a></p>", None),
        ('<p><a href="https://example.org/{number}">this</a></p>', True),
        ("<ol><li>{words}<li>{number}</ol>", True),
        ("<h1>{name}</h1><p>{words}</p>", None),
    ],
)  # fmt: skip
def test_any_template_is_stamped_or_rendered_never_wrong(body: str, is_stamped: bool | None, tmp_path: Path) -> None:
    press = Press(pdf.to_pdf)
    for number in range(PAGES):
        page, before = paper(body, number), press.count["stamped"]
        made = press.print(Page.of(page), identifier="x")
        if number % 3 == 1 and press.count["stamped"] > before:
            assert_same(made, pdf.to_pdf(page, identifier="x"), tmp_path)
    if is_stamped is not None:  # the pages with the very words of the first are stamped in any case
        assert (press.count["stamped"] > PAGES / len(WORDS)) is is_stamped


def test_a_press_keeps_the_forms_that_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press_module, "PLATES", 2)
    press = Press(pdf.to_pdf)
    for body in ("<p>{words}</p>", "<h1>{words}</h1>", "<h2>{words}</h2>", "<h1>{words}</h1>"):
        for number in range(8):
            press.print(Page.of(paper(body, number)), identifier="x")
    assert press.count["compiled"] == 3
    assert press.count["stamped"] >= 8


def test_a_form_that_turns_out_wrong_is_dropped() -> None:
    """A picture that depends on a text: the first pages happen to look the same."""
    body = "<p>{words}</p><p style='width: fit-content; min-width: 30mm; background: red'>{name}</p>"
    press = Press(pdf.to_pdf)
    for number in range(12):
        press.print(Page.of(paper(body, number)), identifier="x")
    long = paper(body, 3).replace("Ada 3", "Ada Ada Ada Ada Ada Ada")
    assert reader(press.print(Page.of(long), identifier="x")).pages[0].extract_text().count("Ada") == 6
