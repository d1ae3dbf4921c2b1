"""Small pictures for letterheads of tests."""

from __future__ import annotations

import io

from PIL import Image


def png(width: int = 60, height: int = 20) -> bytes:
    """A picture of one colour."""
    written = io.BytesIO()
    Image.new("RGBA", (width, height), (20, 30, 120, 255)).save(written, "PNG")
    return written.getvalue()


SIGNATURE = png()
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z" fill="#123"/></svg>'
