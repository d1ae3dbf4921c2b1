"""Charts as plain geometry: numbers in, bars and ticks out. The template draws them as SVG, with a table beside it.

Nothing is styled here: colours are classes, so that dark mode, print and the content security policy all hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 720, 200
LEFT, RIGHT, TOP, BOTTOM = 4, 4, 26, 30  # room for the labels
TICKS = 3


@dataclass(frozen=True)
class Bar:
    """One value as a rectangle; `points_down` for what went below zero."""

    x: float
    y: float
    width: float
    height: float
    label: str
    points_down: bool


@dataclass(frozen=True)
class Tick:
    """A line across the chart, and what it stands for."""

    y: float
    label: str
    label_y: float


@dataclass(frozen=True)
class Label:
    x: float
    text: str
    anchor: str


@dataclass(frozen=True)
class Point:
    """A value of one day and how it is read out, in the reader's language."""

    on: date
    value: int
    label: str


@dataclass(frozen=True)
class Chart:
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]
    zero: float
    width: int = WIDTH
    height: int = HEIGHT


class Scale:
    """From values to heights: zero is always on the chart, so that bars are honest."""

    def __init__(self, values: Sequence[int]) -> None:
        self.low, self.high = min([0, *values]), max([0, *values])
        self.span = (self.high - self.low) or 1

    def y(self, value: int) -> float:
        room = HEIGHT - TOP - BOTTOM
        return round(TOP + room * (self.high - value) / self.span, 1)


def bars(points: Sequence[Point], *, tick_label: Callable[[int], str], day_label: Callable[[date], str]) -> Chart:
    """One bar for each point, which follow each other day by day (or week by week)."""
    scale = Scale([point.value for point in points])
    slot = (WIDTH - LEFT - RIGHT) / max(len(points), 1)
    zero = scale.y(0)
    drawn = tuple(_bar(index, point, slot=slot, scale=scale) for index, point in enumerate(points) if point.value)
    return Chart(drawn, tuple(_ticks(scale, tick_label)), tuple(_days(points, slot, day_label)), zero)


def _bar(index: int, point: Point, *, slot: float, scale: Scale) -> Bar:
    top, bottom = sorted((scale.y(point.value), scale.y(0)))
    return Bar(
        x=round(LEFT + index * slot + slot * 0.1, 1),
        y=top,
        width=round(slot * 0.8, 1),
        height=max(round(bottom - top, 1), 0.8),  # something is never drawn as nothing
        label=point.label,
        points_down=point.value < 0,
    )


def _ticks(scale: Scale, label: Callable[[int], str]) -> Iterator[Tick]:
    step = _round_step(scale.span)
    value = -(-scale.low // step) * step
    while value <= scale.high:
        if value:
            y = scale.y(value)
            yield Tick(y, label(value), y - 4)
        value += step


def _round_step(span: int) -> int:
    """1, 2 or 5 times a power of ten, so that TICKS lines or fewer cover the span."""
    rough = max(span // TICKS, 1)
    power = int(10 ** (len(str(rough)) - 1))
    steps: tuple[int, ...] = (power, 2 * power, 5 * power, 10 * power)
    return next(step for step in steps if step >= rough)


def _days(points: Sequence[Point], slot: float, label: Callable[[date], str]) -> Iterator[Label]:
    """The first and last day, and the first of each month between them that has room."""
    if not points:
        return
    last = len(points) - 1
    yield Label(LEFT, label(points[0].on), "start")
    room = WIDTH / 6
    for index, point in enumerate(points):
        x = LEFT + index * slot
        if point.on.day == 1 and room < x < WIDTH - room:
            yield Label(round(x, 1), label(point.on), "middle")
    if last:
        yield Label(WIDTH - RIGHT, label(points[last].on), "end")
