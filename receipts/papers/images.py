"""Pictures that people upload for a letterhead: read whole, and refused unless they are nothing but a picture.

A PNG is written anew, so that nothing but its pixels stays. An SVG is kept as it came and so may hold only shapes: no
script, no style sheet, no text from elsewhere, nothing that points outside the file (OWASP, SVG uploads).
"""

from __future__ import annotations

import io
import re
from typing import Final

from lxml import etree
from PIL import Image, UnidentifiedImageError

from ..models import ImageType

MOST_BYTES: Final = 500_000
MOST_PIXELS: Final = 3_000  # on a side
SVG: Final = "{http://www.w3.org/2000/svg}"
SHAPES: Final = frozenset(
    f"{SVG}{name}"
    for name in (
        "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "defs", "linearGradient",
        "radialGradient", "stop", "clipPath", "mask", "use", "symbol", "title", "desc", "text", "tspan",
    )
)  # fmt: skip
OUTSIDE: Final = re.compile(r"url\(\s*['\"]?(?!#)|javascript:|data:|@import|expression\(", re.IGNORECASE)


class PictureRefused(Exception):
    """The file is no picture that a letterhead may have; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_logo(content: bytes) -> tuple[bytes, ImageType]:
    """The picture to keep and its type, of a PNG or an SVG. Raises PictureRefused."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return read_svg(content), ImageType.SVG
    return read_png(content), ImageType.PNG


def read_png(content: bytes) -> bytes:
    """The pixels of a PNG, written anew. Raises PictureRefused."""
    if len(content) > MOST_BYTES:
        raise PictureRefused("size")
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if max(picture.size) > MOST_PIXELS:  # asked before the pixels are unpacked
                raise PictureRefused("pixels")
            kept = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureRefused("type") from error
    written = io.BytesIO()
    kept.save(written, "PNG", optimize=True)
    return written.getvalue()


def read_svg(content: bytes) -> bytes:
    """An SVG as it came, if it holds shapes alone. Raises PictureRefused."""
    if len(content) > MOST_BYTES:
        raise PictureRefused("size")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content or b"<?xml-stylesheet" in content:
        raise PictureRefused("active")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise PictureRefused("type") from error
    if root.tag != f"{SVG}svg":
        raise PictureRefused("type")
    for element in root.iter():
        if isinstance(element, etree._Comment):
            continue
        if element.tag not in SHAPES or not all(_is_harmless(name, told) for name, told in element.attrib.items()):
            raise PictureRefused("active")
    return content


def _is_harmless(name: str, told: str) -> bool:
    """Whether an attribute runs nothing and points to nothing outside the file."""
    plain = name.rpartition("}")[2].lower()
    if plain.startswith("on") or (plain in {"href", "src"} and not told.strip().startswith("#")):
        return False
    return not OUTSIDE.search(told)
