"""What receipts need of the machine, looked at when Django starts."""

from __future__ import annotations

import ctypes
from typing import Any

from django.core.checks import CheckMessage, Warning

SUBSET_LIBRARIES = ("libharfbuzz-subset.so.0", "libharfbuzz-subset.0.dylib", "libharfbuzz-subset-0.dll")


def harfbuzz_subset(**_kwargs: Any) -> list[CheckMessage]:
    """Warn when fonts would be cut down in Python, which makes a receipt take three to five times as long."""
    for name in SUBSET_LIBRARIES:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return []
    hint = "On Debian and Ubuntu: apt install libharfbuzz-subset0"
    return [Warning("HarfBuzz's subset library is missing: receipts are slow.", hint=hint, id="receipts.W001")]
