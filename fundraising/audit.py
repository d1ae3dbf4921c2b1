"""What an audit of the books yields: one row per figure that must agree with another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A figure as it must be and as it was found, both in words a person reads."""

    name: str
    expected: str
    found: str
    ok: bool
