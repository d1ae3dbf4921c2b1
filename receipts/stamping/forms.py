"""Forms: a page that was laid out once, with the places where its values stand.

A form knows for each value that varies which text boxes of the page, which path of a picture and which objects of the
file say it. It draws another value in its place, and refuses where the layout would become another one.

Compiling has two steps. After the layout `watch` finds the boxes of the values that vary and teaches their fonts the
letters to come; while the pages are painted it notes which marked content is which box. Before the file is written
`finish` cuts the pages' operators at these places. `draw` then joins the pieces, with others between them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from html import escape, unescape
from typing import Any

import pydyf
from weasyprint.formatting_structure import boxes
from weasyprint.pdf import _w3c_date_to_pdf

from .lines import Line, Place, in_lines, line_of, set_lines
from .pages import GAP, Page
from .pens import Pen, Unstampable, number
from .sheets import Sheet

STROKE = re.compile(r"(\d+(?:\.\d+)?) (\d+(?:\.\d+)?)h(\d+(?:\.\d+)?)")
SPACES = re.compile(r"[ \t\r\n\f]+")
COLOURS = (b" rg", b" gs", b" cs", b" scn", b" k", b" g")
STYLE = [
    "font_family", "font_size", "font_style", "font_stretch", "font_weight", "font_kerning", "font_variant_ligatures",
    "font_variant_position", "font_variant_caps", "font_variant_numeric", "font_variant_alternates",
    "font_variant_east_asian", "font_feature_settings", "font_variation_settings", "font_language_override",
    "letter_spacing", "word_spacing", "lang", "direction", "overflow_wrap",
]  # fmt: skip


def varying(samples: Sequence[Sequence[str]]) -> set[int]:
    """The values that differ among pages of the same markup."""
    return {index for index, values in enumerate(zip(*samples, strict=True)) if len(set(values)) > 1}


Encode = Callable[[str], bytes]
Piece = bytes | tuple[int, Encode]


class Form:
    """A page to be compiled: `watch` the document before it is written and `finish` as it is; then `draw`."""

    def __init__(self, page: Page, samples: Sequence[Sequence[str]]) -> None:
        self.values = page.values
        self._is_text = [end.endswith(">") for end in page.markup.split(GAP)[:-1]]
        self._samples = [*samples, self.values]
        self.varying = varying(self._samples)
        self._boxes: dict[int, list[Any]] = {}  # by value
        self._blocks: list[tuple[Any, list[Any]]] = []  # blocks that hold values that vary, with their lines
        self._pens: dict[Any, Pen] = {}
        self._streams: list[tuple[Any, dict[int, Any]]] = []
        self._places: dict[int, list[Place]] = {}  # by value
        self._paragraphs: dict[Place, list[Line]] = {}
        self._paths: dict[int, tuple[int, int]] = {}  # stream and part, by value
        self._parts: dict[int, list[bytes]] = {}  # by stream
        self._pieces: dict[int, list[Piece]] = {}  # by object
        self._said: set[int] = set()  # values that objects beside the pages say
        self.sheet = Sheet()

    # --- Compiling ----------------------------------------------------------------------------------

    def watch(self, document: Any) -> None:
        """Find the values in the layout; when the pages are painted, let the fonts learn the letters they need."""
        pages = [page._page_box for page in document.pages]
        everything = [box for page in pages for box in _descendants(page)]
        self._assign(document._html.etree_element, everything)
        vary = {id(box) for index in self.varying for box in self._boxes.get(index, ())}
        for block in everything:
            lines = [child for child in getattr(block, "children", ()) if isinstance(child, boxes.LineBox)]
            texts = [box for line in lines for box in _descendants(line) if isinstance(box, boxes.TextBox)]
            if any(id(box) in vary for box in texts):
                self._blocks.append((block, lines))
                for box in texts:
                    self._pens.setdefault(_style_key(box), Pen(box.style, document.fonts))
        for page in document.pages:
            page.paint = self._painting(document, page)

    def _painting(self, document: Any, page: Any) -> Callable[..., None]:
        paint = page.paint

        def painted(stream: Any, *arguments: Any) -> None:
            paint(stream, *arguments)
            self._streams.append((stream, {mark["mcid"]: box for box, mark in stream._tags.items()}))
            if page is document.pages[-1]:
                self._learn()

        return painted

    def _learn(self) -> None:
        wanted: dict[Any, set[str]] = defaultdict(set)
        for _, lines in self._blocks:
            for box in (box for line in lines for box in _descendants(line) if isinstance(box, boxes.TextBox)):
                wanted[_style_key(box)].update(box.text)
        for index in self.varying:
            for box in self._boxes.get(index, ()):
                wanted[_style_key(box)].update(*(_core(unescape(values[index])) for values in self._samples))
        for key, letters in wanted.items():
            self._pens[key].learn("".join(sorted(_repertoire(letters))))

    def _assign(self, root: Any, everything: Iterable[Any]) -> None:
        """Which boxes show which value: within an element, texts and boxes come in the same order."""
        nodes = list(_texts(root))
        indexes = [index for index, is_text in enumerate(self._is_text) if is_text]
        if [unescape(self.values[index]) for index in indexes] != [text for _, text in nodes]:
            raise Unstampable("texts that the parser changes")
        shown: dict[int, list[Any]] = defaultdict(list)
        for box in everything:
            if isinstance(box, boxes.TextBox) and box.text.strip() and box.element_tag == box.element.tag:
                shown[id(box.element)].append(box)
        for index, (element, text) in zip(indexes, nodes, strict=True):
            rest, queue, found = _core(text), shown[id(element)], []
            while rest and queue and rest.startswith(piece := queue[0].text.strip(" ")):
                found.append(queue.pop(0))
                rest = rest[len(piece) :].lstrip(" ")
            if found and not rest:
                self._boxes[index] = found

    def finish(self, _document: Any, pdf: pydyf.PDF) -> None:
        """Take the sheet as it is about to be written, and note the places on it."""
        self.sheet = Sheet.of(pdf)
        places: dict[int, Place] = {}
        for stream, marks in self._streams:
            places |= self._cut(stream.number, marks)
        for block, line_boxes in self._blocks:
            lines = [line_of(block, line, line is line_boxes[-1], places) for line in line_boxes]
            self._paragraphs |= {place: lines for line in lines for place in line.places}
        for index in self.varying:
            found = [places.get(id(box)) for box in self._boxes.get(index, ())]
            if found and all(place in self._paragraphs for place in found):
                self._places[index] = [place for place in found if place]
        self._find_pieces()
        del self._streams, self._blocks, self._boxes, self._samples

    def _cut(self, stream: int, marks: dict[int, Any]) -> dict[int, Place]:
        """Cut a page's operators at its texts and paths that vary; the places by the id of their box."""
        items = self.sheet.streams[stream]
        starts = [0]
        for item in items:
            starts.append(starts[-1] + len(item) + 1)
        content = self.sheet.content(stream)
        places = {}
        for index, item in enumerate(items):
            if item != b"BDC" or not items[index - 1].startswith(b"<</MCID "):
                continue
            box, end = marks.get(int(items[index - 1][8:-2])), items.index(b"EMC", index)
            pen = self._pens.get(_style_key(box)) if isinstance(box, boxes.TextBox) else None
            drawn = items[index + 1 : end]
            if box is None or pen is None or drawn.count(b"BT") != 1 or drawn[-1] != b"ET":
                continue
            begin = index + 2 + drawn.index(b"BT")
            matrix = items[begin].split(b" ")
            plain = all(item.endswith(COLOURS) for item in items[index + 1 : begin - 1])
            if plain and matrix[:4] == [b"1", b"0", b"0", b"-1"] and matrix[-1] == b"Tm":
                span = (starts[begin], starts[end - 1] - 1)
                places[id(box)] = Place(box, pen, stream, span, box.position_x, b" ".join(matrix[5:]))
        cuts: list[tuple[tuple[int, int], Place | int]] = [(place.span, place) for place in places.values()]
        cuts += self._paths_in(content)
        at, parts = 0, []
        for (start, stop), what in sorted(cuts, key=lambda cut: cut[0]):
            parts += [content[at:start], content[start:stop]]
            at = stop
            if isinstance(what, Place):
                what.part = len(parts) - 1
            else:
                self._paths[what] = (stream, len(parts) - 1)
        self._parts[stream] = [*parts, content[at:]]
        return places

    def _paths_in(self, content: bytes) -> Iterator[tuple[tuple[int, int], int]]:
        """Paths of straight strokes that vary, as those of QR codes."""
        for index in self.varying:
            if self._is_text[index]:
                continue
            with suppress(Unstampable):
                operators = _operators(self.values[index])
                if content.count(operators) == 1:
                    start = content.index(operators)
                    yield (start, start + len(operators)), index

    def _find_pieces(self) -> None:
        """The objects beside the pages that say a value: title, author, dates, addresses, alternative texts."""
        said = {**self.sheet.objects, **{number: self.sheet.content(number) for number in self.sheet.streams}}
        for key, data in said.items():
            if key in self.sheet.fonts or key in self._parts:
                continue
            pieces: list[Piece] = [data]
            for index in sorted(self.varying):
                for encode in (_string, _date, _xml):
                    pieces = [piece for whole in pieces for piece in self._pieces_of(whole, index, encode)]
            if len(pieces) > 1:
                self._pieces[key] = pieces
                self._said.update(piece[0] for piece in pieces if not isinstance(piece, bytes))

    def _pieces_of(self, whole: Piece, index: int, encode: Encode) -> Iterator[Piece]:
        value = encode(self.values[index])
        if not isinstance(whole, bytes) or not value or value not in whole:
            yield whole
            return
        first, *others = whole.split(value)
        yield first
        for other in others:
            yield from ((index, encode), other)

    # --- Drawing ------------------------------------------------------------------------------------

    @property
    def changing(self) -> set[int]:
        """The numbers of the objects that `draw` returns."""
        return {*self._parts, *self._pieces}

    def draw(self, values: Sequence[str]) -> dict[int, bytes]:
        """The objects of a page with these values; raises Unstampable where it would look another way."""
        texts: dict[Place, str] = {}
        parts = {stream: list(parts) for stream, parts in self._parts.items()}
        for index in self.changed(values):
            if places := self._places.get(index):
                texts |= in_lines(_core(unescape(values[index])), places, self._paragraphs)
            elif index not in self._paths and index not in self._said:
                raise Unstampable("a value that has no place of its own")
        for lines in {id(lines): lines for lines in (self._paragraphs[place] for place in texts)}.values():
            for place, operators in set_lines(lines, texts):
                parts[place.stream][place.part] = operators
        for index, (stream, part) in self._paths.items():
            parts[stream][part] = _operators(values[index])
        drawn = {stream: b"".join(found) for stream, found in parts.items()}
        return drawn | {
            key: b"".join(piece if isinstance(piece, bytes) else piece[1](values[piece[0]]) for piece in pieces)
            for key, pieces in self._pieces.items()
        }

    def changed(self, values: Sequence[str]) -> list[int]:
        """Which values differ from those that the form was compiled from."""
        return [index for index, (ours, theirs) in enumerate(zip(self.values, values, strict=True)) if ours != theirs]


# --- Looking ----------------------------------------------------------------------------------------


def _descendants(box: Any) -> Iterator[Any]:
    box = getattr(box, "_box", box)  # what is placed absolutely has a placeholder
    yield box
    for child in getattr(box, "children", ()):
        yield from _descendants(child)


def _texts(element: Any) -> Iterator[tuple[Any, str]]:
    """Texts that are not blank with the element that they are in, as in the page's source."""
    if element.text and element.text.strip() and isinstance(element.tag, str):
        yield element, element.text
    for child in element:
        yield from _texts(child)
        if child.tail and child.tail.strip():
            yield element, child.tail


def _style_key(box: Any) -> Any:
    return tuple(repr(box.style[name]) for name in STYLE)


def _core(text: str) -> str:
    """A text as it is shown: white space collapsed, but for spaces that do not break."""
    return SPACES.sub(" ", text).strip(" ")


def _repertoire(letters: set[str]) -> set[str]:
    """Letters like these: who has a name of Greek letters is not the only one."""
    found = letters | ALWAYS
    for some, alphabet in ALPHABETS:
        if not letters.isdisjoint(some):
            found |= alphabet
    return {letter for letter in found if letter.isprintable() or letter == "\u00a0"}


def _range(first: int, last: int) -> set[str]:
    return set(map(chr, range(first, last + 1)))


ALWAYS = set("0123456789.,-/:\u00a0 €$£¥")
CAPITALS, SMALL = _range(0x41, 0x5A), _range(0x61, 0x7A)
LATIN = _range(0xC0, 0x17F) - set("×÷")
GREEK = _range(0x388, 0x3CE) | {"Ά"}
CYRILLIC = _range(0x400, 0x45F) | set("Ґґ")
ALPHABETS = [
    (CAPITALS, CAPITALS),
    (SMALL, _range(0x20, 0x7E) | {"\u2019"}),
    *((alphabet, alphabet) for alphabet in (LATIN, GREEK, CYRILLIC)),
]


# --- Writing ----------------------------------------------------------------------------------------


def _operators(path: str) -> bytes:
    """The operators of a path of strokes to the right; raises Unstampable for any other text."""
    if not path.startswith("M"):
        raise Unstampable("a value that is no path")
    return b"\n".join(map(_strokes.__getitem__, path[1:].split("M")))


class _Strokes(dict[str, bytes]):
    """The operators of strokes, remembered: codes of one size are made of some ten thousand."""

    def __missing__(self, piece: str) -> bytes:
        if not (stroke := STROKE.fullmatch(piece)):
            raise Unstampable("a path that is not strokes")
        if len(self) >= 20_000:
            self.clear()
        x, y, length = map(float, stroke.groups())
        self[piece] = f"{number(x)} {number(y)} m\n{number(x + length)} {number(y)} l".encode()
        return self[piece]


_strokes = _Strokes()


def _string(value: str) -> bytes:
    return bytes(pydyf.String(_core(unescape(value))).data)


def _xml(value: str) -> bytes:
    return f">{escape(_core(unescape(value)), quote=False)}<".encode()


def _date(value: str) -> bytes:
    made = _w3c_date_to_pdf(value, "created") if re.match(r"\d{4}-\d\d", value) else None
    return bytes(pydyf.String(made).data) if made else b""
