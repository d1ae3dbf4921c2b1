"""QR codes of addresses that differ in a few letters, many times as fast as encoding each.

A code of a given size, level and mask is linear in its bits: Reed–Solomon words, their places and the mask are all
exclusive ors. So the codes of two texts of one length differ by the exclusive or of what each changed bit changes
alone, and that is asked of segno once for each bit. Tests compare with segno.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from html import escape
from typing import NamedTuple

import segno
from django.utils.safestring import SafeString, mark_safe

LEVEL = "m"
MASK = 3  # any will do for phones; trying all eight costs five times as much
FEW = 20  # codes of one length that are encoded as they come, before asking for single bits pays
ONES = re.compile("1+")

_seen: Counter[int] = Counter()


class Code(NamedTuple):
    """A code of `size` modules a side, as a path of strokes one module high; a template shows it as SVG."""

    size: int
    path: str
    title: str

    def __str__(self) -> SafeString:
        head = (
            f'<svg width="{self.size}" height="{self.size}" class="qr"><title>{escape(self.title, quote=False)}</title>'
        )
        return mark_safe(f'{head}<path stroke="#000" d="{self.path}"/></svg>')  # noqa: S308  escaped above


def qr(text: str, *, title: str) -> Code:
    """The code of a text; `title` is what is read out in its place."""
    length = len(text)
    _seen[length] += 1
    size, modules = _encode(text) if _seen[length] <= FEW or not text.isascii() else _sum(text.encode())
    octets = modules.to_bytes(size * _width(size), "big")
    return Code(size, "".join([strokes[octet] for strokes, octet in zip(_strokes(size), octets, strict=True)]), title)


def _sum(text: bytes) -> tuple[int, int]:
    length = len(text)
    size, modules = _blank(length)
    for place, letter in enumerate(text):
        modules ^= _letter(length, place, letter)
    return size, modules


@lru_cache(16)
def _blank(length: int) -> tuple[int, int]:
    return _encode("`" * length)  # a letter that makes segno take bytes, as lower case does


@lru_cache(20_000)
def _letter(length: int, place: int, letter: int) -> int:
    """What a letter at a place changes against the blank."""
    changed = 0
    for bit in range(7):
        if (letter ^ ord("`")) >> bit & 1:
            changed ^= _bit(length, place, bit)
    return changed


@lru_cache(20_000)
def _bit(length: int, place: int, bit: int) -> int:
    text = bytearray(b"`" * length)
    text[place] ^= 1 << bit
    return _encode(text.decode())[1] ^ _blank(length)[1]


def _encode(text: str) -> tuple[int, int]:
    """Size, and the modules as the bits of one number: the first row highest, each row filled up to whole octets."""
    code = segno.make(text, error=LEVEL, mode="byte", mask=MASK, micro=False)
    size = len(code.matrix)
    rows = ("".join("1" if module else "0" for module in row).ljust(8 * _width(size), "0") for row in code.matrix)
    return size, int("".join(rows), 2)


def _width(size: int) -> int:
    """Octets a row."""
    return -(-size // 8)


@lru_cache(4)
def _strokes(size: int) -> list[_Strokes]:
    return [_Strokes(8 * octet, row) for row in range(size) for octet in range(_width(size))]


class _Strokes(dict[int, str]):
    """The strokes of eight modules in a row, by their bits; each with a move of its own, as receipts/stamping wants."""

    def __init__(self, column: int, row: int) -> None:
        super().__init__()
        self._column, self._row = column, row

    def __missing__(self, octet: int) -> str:
        runs = ONES.finditer(f"{octet:08b}")
        found = "".join(f"M{self._column + run.start()} {self._row}.5h{run.end() - run.start()}" for run in runs)
        return self.setdefault(octet, found)
