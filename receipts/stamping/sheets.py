"""Sheets: the objects of a PDF as WeasyPrint made them, to compare with others and to write again and again.

A `Sheet` is taken from WeasyPrint right before it would write a file. `Writer` writes files that differ in a few of its
objects: everything else it compresses once. Files look as pydyf writes them: object stream, cross-reference stream.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import md5
from struct import pack_into
from typing import Any

import pydyf

HEADER = b"%PDF-1.7\n%\xf0\x9f\x96\xa4\n"
ENTRY = ">BIH"  # of the cross-reference stream: type, offset or object stream, generation or index
ENTRY_WIDTHS = b"[1 4 2]"
OF_FONTS = re.compile(rb"/(?:ToUnicode|FontFile2|FontFile3|DescendantFonts|FontDescriptor) \[?(\d+) 0 R")
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
TOLERANCE = 0.02  # of a point or a thousandth of an em: what rounding twice can make


@dataclass
class Sheet:
    """Objects by number: plain ones as written, streams as items before compression with their dictionary."""

    objects: dict[int, bytes] = field(default_factory=dict)
    streams: dict[int, list[bytes]] = field(default_factory=dict)
    extras: dict[int, bytes] = field(default_factory=dict)
    root: bytes = b""
    info: int = 0
    fonts: frozenset[int] = frozenset()

    @classmethod
    def of(cls, pdf: pydyf.PDF) -> Sheet:
        """What a finisher of WeasyPrint is given."""
        sheet = cls(root=pdf.catalog.reference, info=len(pdf.objects))
        for thing in pdf.objects[1:]:
            if isinstance(thing, pydyf.Stream):
                sheet.streams[thing.number] = [_bytes(item) for item in thing.stream]
                sheet.extras[thing.number] = pydyf.Dictionary(dict(thing.extra)).data
            else:
                sheet.objects[thing.number] = thing.data
        sheet.objects[sheet.info] = pdf.info.data
        sheet.fonts = frozenset(sheet._of_fonts())
        return sheet

    def _of_fonts(self) -> set[int]:
        found = {number for number, data in self.objects.items() if data.startswith(b"<</Type /Font")}
        for number in list(found):
            found.update(int(one) for one in OF_FONTS.findall(self.objects[number]))
        return found

    def content(self, number: int) -> bytes:
        return b"\n".join(self.streams[number])

    def is_same(self, other: Sheet, changed: Mapping[int, bytes]) -> bool:
        """Whether this sheet with some of its objects changed is the other one, but for which glyphs fonts hold."""
        if self.objects.keys() != other.objects.keys() or self.streams.keys() != other.streams.keys():
            return False
        plain = (
            _close(changed.get(number, data), other.objects[number])
            for number, data in self.objects.items()
            if number not in self.fonts
        )
        drawn = (
            _close(changed.get(number) or self.content(number), other.content(number))
            for number in self.streams
            if number not in self.fonts
        )
        return all(plain) and all(drawn)


class Writer:
    """Writes files of one sheet in which only the objects numbered `changing` differ."""

    def __init__(self, sheet: Sheet, changing: set[int]) -> None:
        self._extras, self._root, self._info = sheet.extras, sheet.root, sheet.info
        self._object_stream = max([*sheet.objects, *sheet.streams]) + 1
        size = self._object_stream + 2
        self._entries = bytearray(7 * size)
        pack_into(ENTRY, self._entries, 0, 0, 0, 65535)
        parts, at = [HEADER], len(HEADER)
        for number in sorted(sheet.streams.keys() - changing):
            self._enter(number, at)
            parts.append(_stream(number, sheet.extras[number], sheet.content(number), level=9))
            at += len(parts[-1])
        kept = {number: data for number, data in sorted(sheet.objects.items()) if number not in changing}
        heads, bodies, position = [], [], 0
        for index, (number, data) in enumerate(kept.items()):
            pack_into(ENTRY, self._entries, 7 * number, 2, self._object_stream, index)
            heads.append(b"%d %d" % (number, position))
            bodies.append(data)
            position += len(data) + 1
        head = b" ".join(heads) + b"\n"
        extra = b"<</Type /ObjStm/N %d/First %d>>" % (len(kept), len(head))
        self._enter(self._object_stream, at)
        parts.append(_stream(self._object_stream, extra, head + b"\n".join(bodies), level=9))
        self._constant = b"".join(parts)
        self._digest = md5(self._constant, usedforsecurity=False).digest()

    def write(self, changed: Mapping[int, bytes], identifier: str) -> bytes:
        """A file with these objects; `changed` has the text of all that change."""
        entries, parts, at = self._entries.copy(), [self._constant], len(self._constant)
        for number, data in changed.items():
            extra = self._extras.get(number)
            part = _stream(number, extra, data, level=1) if extra else b"%d 0 obj\n%s\nendobj\n" % (number, data)
            pack_into(ENTRY, entries, 7 * number, 1, at, 0)
            parts.append(part)
            at += len(part)
        last = self._object_stream + 1
        pack_into(ENTRY, entries, 7 * last, 1, at, 0)
        digest = md5(b"".join([self._digest, *parts[1:]]), usedforsecurity=False).hexdigest().encode()
        extra = b"<</Type /XRef/Index [0 %d]/W %s/Size %d/Root %s/Info %d 0 R/ID [%s (%s)]>>" % (
            last + 1,
            ENTRY_WIDTHS,
            last + 1,
            self._root,
            self._info,
            pydyf.String(identifier).data,
            digest,
        )
        parts.append(_stream(last, extra, bytes(entries), level=1))
        parts.append(b"startxref\n%d\n%%%%EOF\n" % at)
        return b"".join(parts)

    def _enter(self, number: int, offset: int) -> None:
        pack_into(ENTRY, self._entries, 7 * number, 1, offset, 0)


def _stream(number: int, extra: bytes, content: bytes, *, level: int) -> bytes:
    packed = zlib.compress(content, level)
    head = b"%s/Filter /FlateDecode/Length %d>>" % (extra[:-2], len(packed))
    return b"%d 0 obj\n%s\nstream\n%s\nendstream\nendobj\n" % (number, head, packed)


def _bytes(item: Any) -> bytes:
    return pydyf._to_bytes(item)  # type: ignore[no-any-return]


def _close(one: bytes, other: bytes) -> bool:
    """Whether two texts are the same but for the rounding of numbers."""
    if one == other:
        return True
    if NUMBER.sub(b"0", one) != NUMBER.sub(b"0", other):
        return False
    return all(
        abs(float(ours) - float(theirs)) <= TOLERANCE
        for ours, theirs in zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    )
