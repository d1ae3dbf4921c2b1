"""QR codes by sums: the same as segno makes them."""

from __future__ import annotations

import random
import re

import segno

from receipts.documents import codes

HOST = "https://give.example.org/receipt/"


def strokes_of(svg: str) -> list[tuple[float, float, float]]:
    """The strokes of a code, as x, y and length; those that touch are one."""
    x = y = 0.0
    found: list[tuple[float, float, float]] = []
    for letter, first, second in re.findall(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", svg.partition(' d="')[2]):
        if letter == "h":
            before = found.pop() if found and (found[-1][0] + found[-1][2], found[-1][1]) == (x, y) else (x, y, 0)
            found.append((before[0], y, before[2] + float(first)))
            x += float(first)
        else:
            x, y = (float(first), float(second)) if letter == "M" else (x + float(first), y + float(second))
    return found


def by_segno(text: str) -> list[tuple[float, float, float]]:
    return strokes_of(segno.make(text, error="m", micro=False, mask=3).svg_inline(border=0))


def test_the_sum_of_single_bits_is_the_code() -> None:
    chance = random.Random(4)
    for length in (20, 56):
        for _ in range(codes.FEW + 10):
            text = HOST[: length - 8] + "".join(chance.choices("ABCXYZ0189?=-&", k=length - len(HOST[: length - 8])))
            assert strokes_of(str(codes.qr(text, title="x"))) == by_segno(text)


def test_other_letters_and_titles_do_no_harm() -> None:
    for _ in range(codes.FEW + 2):
        svg = str(codes.qr("https://spende.müller.example/ß", title='<b> & "x"'))
    assert strokes_of(svg) == by_segno("https://spende.müller.example/ß")
    assert '<title>&lt;b&gt; &amp; "x"</title>' in svg
