"""Which fonts a paper needs, so that no name becomes a row of boxes, and the packages that bring them.

Bare standard library and fontconfig, which Pango brings along: deploy/setup.py asks here too, before anything else is
installed. Docs: docs/adr/0201-fonts-for-every-name.md.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

# Debian's packages, and letters that each brings: Greek, Cyrillic, Vietnamese, Arabic, Hebrew, Devanagari, Thai,
# Georgian, Ethiopic; Han, kana, Hangul; and pictures.
PACKAGES: Final = {
    "fonts-noto-core": "αЖậاאअกქአ",
    "fonts-noto-cjk": "中あ한",
    "fonts-noto-color-emoji": "😀",
}
LIBRARIES: Final = ("libfontconfig.so.1", "libfontconfig.1.dylib", "libfontconfig-1.dll")


def missing_packages(is_drawn: Callable[[str], bool] | None = None) -> list[str]:
    """The packages without which some letters have no font. Empty where fontconfig cannot be asked."""
    asked = is_drawn or _asker()
    if asked is None:
        return []
    return [package for package, letters in PACKAGES.items() if not all(map(asked, letters))]


def _asker() -> Callable[[str], bool] | None:
    """Whether a font of this machine has a letter, as fontconfig knows."""
    for name in LIBRARIES:
        try:
            config = ctypes.CDLL(name)
            break
        except OSError:
            continue
    else:
        return None
    config.FcNameParse.restype = config.FcObjectSetCreate.restype = config.FcFontList.restype = ctypes.c_void_p
    config.FcFontList.argtypes = [ctypes.c_void_p] * 3
    config.FcPatternDestroy.argtypes = config.FcObjectSetDestroy.argtypes = [ctypes.c_void_p]
    config.FcFontSetDestroy.argtypes = [ctypes.c_void_p]

    def is_drawn(letter: str) -> bool:
        pattern = config.FcNameParse(f":charset={ord(letter):x}".encode())
        names = config.FcObjectSetCreate()
        found = config.FcFontList(None, pattern, names)
        count = ctypes.cast(found, ctypes.POINTER(ctypes.c_int))[0] if found else 0  # FcFontSet begins with nfont
        if found:
            config.FcFontSetDestroy(found)
        config.FcObjectSetDestroy(names)
        config.FcPatternDestroy(pattern)
        return count > 0

    return is_drawn
