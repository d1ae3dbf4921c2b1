"""What a measure returns: our figure, that of a limit program of the same run, and the ratio that is asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """One row of the table. `ratio` is held against `target`, which is a floor, or a ceiling if `ceiling` is set."""

    name: str
    ours: str
    limit: str
    ratio: float
    target: float
    ceiling: bool = False
    note: str = ""

    @property
    def reached(self) -> bool:
        return self.ratio <= self.target if self.ceiling else self.ratio >= self.target

    @property
    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "reached": self.reached}


def table(results: list[Result]) -> str:
    """The rows as text, in columns."""
    rows = [("measure", "ours", "limit", "ratio", "target", "")]
    for one in results:
        sign = "≤" if one.ceiling else "≥"
        word = "reached" if one.reached else "MISSED"
        rows.append((one.name, one.ours, one.limit, f"{one.ratio:.3g}", f"{sign} {one.target:g}", word))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"  {one.name}: {one.note}" for one in results if one.note]
    return "\n".join([*lines, "", *notes]) if notes else "\n".join(lines)


def percentile(values: list[float], part: float) -> float:
    """The value that `part` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
