"""Pens: draw a text in the style of a box, with the same shaping and the same numbers as WeasyPrint.

What `weasyprint.draw.text` does glyph by glyph for a box, `Pen.draw` does for a text on a layout that stays: it gives
the same operators and the width, at a tenth of the cost. What it has not been shown beforehand it refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from weasyprint.text.ffi import FROM_UNITS, ffi, pango
from weasyprint.text.fonts import get_pango_font_key
from weasyprint.text.line_break import Layout

GLYPH_BYTES = 20
LIGATURES = "ffi ffl ff fi fl "
KEPT = 256  # texts that a pen remembers: dates, amounts, countries come again, names and numbers do not


Glyph = tuple[int, int, int, int, str]  # number, width, x and y offset in Pango's units, and the text


class Unstampable(Exception):
    """This text, or this page, needs a full rendering."""


class Drawn(NamedTuple):
    """The operators that show a text, and its width in CSS pixels."""

    operators: bytes
    width: float


class Pen:
    """Draws texts in one style. `learn` first: only glyphs that are in the document's fonts can be drawn."""

    def __init__(self, style: Any, document_fonts: dict[Any, Any]) -> None:
        self._layout = Layout(style)
        self._is_spaced = style["letter_spacing"] not in ("normal", 0) or style["word_spacing"] != 0
        self._document_fonts = document_fonts
        self._fonts: dict[int, Shown] = {}  # by address of Pango's font
        self._kept: list[Layout] = []  # holds Pango's fonts alive, so that their addresses stay theirs
        self._drawn: dict[str, Drawn] = {}

    def learn(self, letters: str) -> None:
        """Put the glyphs of these letters into those fonts of the document that Pango takes for them."""
        layout = Layout(self._layout.style)
        self._kept.append(layout)
        layout.set_text(" ".join(letters) + " " + LIGATURES)
        for run in _runs(layout):
            if run.level % 2:
                continue
            key, _, size = get_pango_font_key(run.font)
            font = self._document_fonts.get(key)
            if font is None or font.bitmap or font.png or font.svg or font.colr:
                continue
            self._fonts[run.address] = Shown(font, size)
            for glyph, *_, text in run.glyphs():
                if glyph < pango.PANGO_GLYPH_EMPTY and text:
                    font.to_unicode.setdefault(glyph, text)
                    font.widths.setdefault(glyph, _logical_width(run.font, glyph, size))

    def draw(self, text: str) -> Drawn:
        """The text on one line; raises Unstampable for what was not learnt."""
        if drawn := self._drawn.get(text):
            return drawn
        if len(self._drawn) >= KEPT:
            self._drawn.clear()
        drawn = self._drawn[text] = self._draw(text)
        return drawn

    def _draw(self, text: str) -> Drawn:
        found: list[str] = []
        shown, width, last = "", 0, None
        if self._is_spaced:
            self._layout.set_text(text)
        else:  # what `set_text` does, but for the spacing
            whole = text.encode()
            pango.pango_layout_set_text(self._layout.layout, whole, len(whole))
            self._layout.text = text
        for run in _runs(self._layout):
            known = self._fonts.get(run.address)
            if known is None or run.level % 2:
                raise Unstampable("a script or a font of its own")
            if run.address != last:
                if shown:
                    found.append(f"[{shown}] TJ")
                found.append(known.choice)
                shown, last = "", run.address
            shown += f"<{''.join(map(known.__getitem__, run.glyphs()))}>".removesuffix("<>")
            width += sum(run.infos[1::5])
        found.append(f"[{shown}] TJ")
        return Drawn("\n".join(found).encode(), width * FROM_UNITS)


class Run(NamedTuple):
    """Glyphs of one font and direction, as Pango shaped them."""

    font: Any
    address: int
    level: int
    text: bytes
    infos: memoryview  # PangoGlyphInfo after PangoGlyphInfo: glyph, width, x offset, y offset, attributes
    clusters: list[int]

    def glyphs(self) -> Iterator[Glyph]:
        """Those of the run; a letter of several glyphs is the text of the last one."""
        pieces: Iterable[str]
        if self.clusters == [*range(len(self.text))]:
            pieces = self.text.decode()
        else:
            ends = [*self.clusters[1:], len(self.text)]
            pieces = [self.text[start:end].decode() for start, end in zip(self.clusters, ends, strict=True)]
        infos = self.infos  # the fifth of five numbers, the attributes, holds bits that mean nothing
        return zip(infos[0::5], infos[1::5], infos[2::5], infos[3::5], pieces, strict=True)


def _runs(layout: Layout) -> Iterator[Run]:
    line, rest = layout.get_first_line()
    if rest is not None:
        raise Unstampable("a line break")
    whole = layout.text.encode()
    node = line.runs[0]
    while node != ffi.NULL:
        item, glyphs = node.data.item, node.data.glyphs
        count = glyphs.num_glyphs
        yield Run(
            item.analysis.font,
            int(ffi.cast("uintptr_t", item.analysis.font)),
            item.analysis.level,
            whole[item.offset : item.offset + item.length],
            memoryview(ffi.buffer(glyphs.glyphs, count * GLYPH_BYTES)).cast("i"),
            ffi.unpack(glyphs.log_clusters, count),
        )
        node = node.next


class Shown(dict[Glyph, str]):
    """What `draw_first_line` writes for glyphs of a font, remembered by glyph and text."""

    def __init__(self, font: Any, size: float) -> None:
        super().__init__()
        self._font, self._size = font, size
        self.choice = f"/{font.hash} {number(size)} Tf"

    def __missing__(self, one: Glyph) -> str:
        shown = self[one] = self._show(one)
        return shown

    def _show(self, one: Glyph) -> str:
        glyph, width, x, y, text = one
        if glyph == pango.PANGO_GLYPH_EMPTY:
            return f">{-width / self._size}<"
        # The same glyph for another letter would be read as that one; a space that does not break is read as a space.
        known = self._font.to_unicode.get(glyph)
        if y or known is None or known.replace("\u00a0", " ") != text.replace("\u00a0", " "):
            raise Unstampable("a letter that was not learnt")
        offset = x / self._size
        kerning = self._font.widths[glyph] + offset - width * 1000 * FROM_UNITS / self._size
        return (f">{-offset}<" if offset else "") + f"{glyph:04x}" + (f">{int(kerning)}<" if kerning else "")


def _logical_width(font: Any, glyph: int, size: float) -> int:
    ink, logical = _rectangles()
    pango.pango_font_get_glyph_extents(font, glyph, ink, logical)
    width: int = round(logical.width * 1000 * FROM_UNITS / size)
    return width


@cache
def _rectangles() -> tuple[Any, Any]:
    return ffi.new("PangoRectangle *"), ffi.new("PangoRectangle *")


def number(value: float) -> str:
    """A number as pydyf writes it."""
    return str(int(value)) if float(value).is_integer() else f"{value:f}".rstrip("0")
