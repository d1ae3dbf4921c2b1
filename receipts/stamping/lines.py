"""Lines: set other texts into the lines of a paragraph, or refuse where WeasyPrint would break them elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weasyprint.formatting_structure import boxes

from .pens import Pen, Unstampable, number

# The beginning of a word that stays together; after anything else a line may break, to be on the safe side.
PIECE = re.compile(r"[\w\u00a0\u202f.,:;'\u2019\"()&$€£¥]*")
AMBIGUOUS = 0.5  # pixels: when a word is so near to fitting into a line we do not foretell whether it does


@dataclass(eq=False)
class Place:
    """A text box on the page, and where its operators stand in the page's stream."""

    box: Any
    pen: Pen
    stream: int
    span: tuple[int, int]
    x: float
    y: bytes
    part: int = 0

    @property
    def text(self) -> str:
        return str(self.box.text)


@dataclass(eq=False)
class Line:
    """A line's places from left to right; pixels. `moves`: how much of its growth moves its start to the left."""

    places: list[Place]
    width: float
    room: float
    forced: bool  # it ends with the paragraph or at a line break, wherever the next word fits
    rigid: bool  # it holds more than texts, or is justified: its texts do not change
    moves: float


def line_of(block: Any, line: Any, last: bool, places: dict[int, Place]) -> Line:
    found, rigid, forced = [], False, last
    stack = list(reversed(line.children))
    while stack:
        box = stack.pop()
        if isinstance(box, boxes.TextBox):
            if place := places.get(id(box)):
                found.append(place)
            else:
                rigid = rigid or bool(box.text.strip())
        elif isinstance(box, boxes.InlineBox):
            forced = forced or str(box.element_tag).startswith("br")
            stack += reversed(box.children)
        else:
            rigid = True
    style = line.style
    align = style["text_align_all"]
    if last and style["text_align_last"] != "auto":
        align = style["text_align_last"]
    hyphenated = style["hyphens"] == "auto" and not (last and block.children[0] is line)
    rigid = rigid or align == "justify" or style["direction"] == "rtl" or hyphenated
    rigid = rigid or style["white_space"] not in ("normal", "nowrap")
    moves = {"right": 1.0, "end": 1.0, "center": 0.5}.get(align, 0.0)
    right = block.content_box_x() + block.width
    room = block.width if moves else right - line.position_x
    return Line(found, line.width, room, forced, rigid, moves)


def in_lines(text: str, places: list[Place], paragraphs: dict[Place, list[Line]]) -> dict[Place, str]:
    """The text of each place of a value: over several lines, as many words in each as fit."""
    if len(places) == 1:
        (place,) = places
        lead, trail = place.text[:1] == " ", place.text[-1:] == " "
        return {place: " " * lead + text + " " * trail}
    lines = [next(line for line in paragraphs[place] if place in line.places) for place in places]
    if any(len(line.places) != 1 for line in lines):
        raise Unstampable("a text that shares its lines with others")
    pen, words, found = places[0].pen, text.split(" "), {}
    space = pen.draw(" ").width
    for place, line in zip(places, lines, strict=True):
        width, count = 0.0, 0
        while count < len(words) and (width := width + pen.draw(words[count]).width) <= line.room:
            width, count = width + space, count + 1
        found[place] = " ".join(words[:count])
        words = words[count:]
    if words or not all(found.values()):
        raise Unstampable("more or fewer lines")
    return found


def set_lines(lines: list[Line], texts: dict[Place, str]) -> Iterator[tuple[Place, bytes]]:
    """The operators of a paragraph's places; raises Unstampable where a line would break elsewhere."""
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        drawn = {place: place.pen.draw(texts[place]) for place in line.places if place in texts}
        growth = sum(one.width - place.box.width for place, one in drawn.items())
        if drawn and line.rigid:
            raise Unstampable("a line that does not change")
        if line.width + growth > line.room + (0 if drawn else AMBIGUOUS):
            raise Unstampable("too wide")
        if following and not line.forced:
            _check_break(line, following, line.width + growth, texts)
        shift = -growth * line.moves
        for place in line.places:
            if place in drawn or shift:
                shown = drawn.get(place) or place.pen.draw(place.text)
                yield place, b"1 0 0 -1 %s %s\n%s" % (number(place.x + shift).encode(), place.y, shown.operators)
            if place in drawn:
                shift += drawn[place].width - place.box.width


def _check_break(line: Line, following: Line, width: float, texts: dict[Place, str]) -> None:
    """Raise Unstampable if the first piece of the following line may fit at the end of this one."""
    if not following.places or not line.places:
        raise Unstampable("a line that is not text")
    place = following.places[0]
    word = texts.get(place, place.text).lstrip(" ").split(" ")[0]
    piece = PIECE.match(word)
    first = word[: piece.end() + 1] if piece else word
    if width + place.pen.draw(" ").width + place.pen.draw(first).width <= line.room + AMBIGUOUS:
        raise Unstampable("the next line may start elsewhere")
