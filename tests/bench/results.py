"""What a measure returns: our figure, that of a limit program of the same run, and the ratio that is asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """One row of the table.

    `ratio` is held against `target`, a floor, or a ceiling if `ceiling` is set; None: told and held to nothing.
    """

    name: str
    ours: str
    limit: str
    ratio: float
    target: float | None
    ceiling: bool = False
    note: str = ""

    @property
    def reached(self) -> bool:
        if self.target is None:
            return True
        return self.ratio <= self.target if self.ceiling else self.ratio >= self.target

    @property
    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "reached": self.reached}


def table(results: list[Result]) -> str:
    """The rows as text, in columns."""
    head = ("measure", "ours", "limit", "ratio", "target", "")
    rows = [head, *((one.name, one.ours, one.limit, f"{one.ratio:.3g}", *_held(one)) for one in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"  {one.name}: {one.note}" for one in results if one.note]
    return "\n".join([*lines, "", *notes]) if notes else "\n".join(lines)


def _held(one: Result) -> tuple[str, str]:
    """The target, and whether it is reached."""
    if one.target is None:
        return "none", ""
    return f"{'≤' if one.ceiling else '≥'} {one.target:g}", "reached" if one.reached else "MISSED"


def percentile(values: list[float], part: float) -> float:
    """The value that `part` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
