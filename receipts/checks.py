"""What receipts need of the machine, looked at when Django starts."""

from __future__ import annotations

import ctypes
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning

from .documents import fonts, signing

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


def fonts_for_names(**_kwargs: Any) -> list[CheckMessage]:
    """Warn when a name in some script could not be printed: its receipt would be refused."""
    missing = fonts.missing_packages()
    if not missing:
        return []
    hint = f"On Debian and Ubuntu: apt install {' '.join(missing)}"
    return [Warning("Fonts are missing: receipts with some scripts are refused.", hint=hint, id="receipts.W002")]


def signing_certificate(**_kwargs: Any) -> list[CheckMessage]:
    """Warn when a certificate is set and cannot be used, or not for long: receipts that must be signed would wait."""
    standing, held = signing.look()
    if not settings.PRODUCTION or not settings.RECEIPT_SIGNING_FILE or standing == signing.Standing.VALID:
        return []
    hint = "See the operator's runbook, Certificate for receipts."
    if held and standing == signing.Standing.ENDS_SOON:
        return [Warning(f"RECEIPT_SIGNING_FILE is valid until {held.last_day}.", hint=hint, id="receipts.W004")]
    return [Warning("RECEIPT_SIGNING_FILE cannot be read or is not valid today.", hint=hint, id="receipts.W003")]
