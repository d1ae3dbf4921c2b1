"""A reader for clean QR codes: what a phone would read, without a camera or error correction."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Modules = list[list[bool]]

MASKS: list[Callable[[int, int], bool]] = [
    lambda row, column: (row + column) % 2 == 0,
    lambda row, column: row % 2 == 0,
    lambda row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
]
# Level M, versions 1 to 13: blocks and data codewords of each, as ISO/IEC 18004 table 9 has them.
BLOCKS = {
    1: [16], 2: [28], 3: [44], 4: [32] * 2, 5: [43] * 2, 6: [27] * 4, 7: [31] * 4, 8: [38] * 2 + [39] * 2,
    9: [36] * 3 + [37] * 2, 10: [43] * 4 + [44], 11: [50] + [51] * 4, 12: [36] * 6 + [37] * 2, 13: [37] * 8 + [38],
}  # fmt: skip
ALIGNED = {
    1: [], 2: [6, 18], 3: [6, 22], 4: [6, 26], 5: [6, 30], 6: [6, 34], 7: [6, 22, 38], 8: [6, 24, 42],
    9: [6, 26, 46], 10: [6, 28, 50], 11: [6, 30, 54], 12: [6, 32, 58], 13: [6, 34, 62],
}  # fmt: skip


def modules_of(svg: str, *, quiet_zone: int) -> Modules:
    """The modules that an SVG of segno draws: strokes along rows, one unit high."""
    size = int(re.search(r'viewBox="0 0 (\d+)', svg)[1])  # type: ignore[index]
    grid = [[False] * size for _ in range(size)]
    path = re.search(r'stroke="[^"]*"[^>]* d="([^"]+)"|d="([^"]+)"[^>]*stroke=', svg)
    drawn = next(group for group in path.groups() if group)  # type: ignore[union-attr]
    column, row = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([^Mmh]*)", drawn):
        values = [float(number) for number in re.findall(r"-?\d*\.?\d+", numbers)]
        if command == "h":
            for offset in range(int(values[0])):
                grid[int(row)][int(column) + offset] = True
            column += values[0]
        elif command == "M":
            column, row = values
        else:
            column, row = column + values[0], row + values[1]
    inner = range(quiet_zone, size - quiet_zone)
    return [[grid[y][x] for x in inner] for y in inner]


def read(modules: Modules) -> str:
    """The text of a code at level M in byte mode."""
    size = len(modules)
    version = (size - 17) // 4
    form = sum(modules[8][column] << 14 - place for place, column in enumerate([0, 1, 2, 3, 4]))
    mask = MASKS[(form ^ 0b101010000010010) >> 10 & 7]
    assert (form ^ 0b101010000010010) >> 13 == 0, "not level M"
    bits = [modules[row][column] ^ mask(row, column) for row, column in _places(size, version)]
    words = [int("".join(str(int(bit)) for bit in bits[at : at + 8]), 2) for at in range(0, len(bits) - 7, 8)]
    stream = "".join(f"{word:08b}" for word in _deinterleaved(words, BLOCKS[version]))
    if stream[:4] == "0111":  # which character set: one byte of designator
        stream = stream[12:]
    assert stream[:4] == "0100", "not bytes"
    width = 8 if version < 10 else 16
    length, body = int(stream[4 : 4 + width], 2), stream[4 + width :]
    return bytes(int(body[at : at + 8], 2) for at in range(0, length * 8, 8)).decode()


def _deinterleaved(words: list[int], blocks: list[int]) -> list[int]:
    found: list[list[int]] = [[] for _ in blocks]
    stream = iter(words)
    for place in range(max(blocks)):
        for block, length in zip(found, blocks, strict=True):
            if place < length:
                block.append(next(stream))
    return [word for block in found for word in block]


def _places(size: int, version: int) -> Iterator[tuple[int, int]]:
    """Where data stands, in the order it is read: pairs of columns from the right, up and down by turns."""
    upwards = True
    for right in [column for column in range(size - 1, 0, -2) if column > 6] + [5, 3, 1]:
        rows = range(size - 1, -1, -1) if upwards else range(size)
        for row in rows:
            for column in (right, right - 1):
                if not _is_function(row, column, size, version):
                    yield row, column
        upwards = not upwards


def _is_function(row: int, column: int, size: int, version: int) -> bool:
    if row == 6 or column == 6 or (row < 9 and (column < 9 or column >= size - 8)) or (row >= size - 8 and column < 9):
        return True
    if version >= 7 and ((row < 6 and column >= size - 11) or (column < 6 and row >= size - 11)):
        return True
    centres = ALIGNED[version]
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    return any(abs(row - y) <= 2 and abs(column - x) <= 2 for y in centres for x in centres if (y, x) not in corners)
