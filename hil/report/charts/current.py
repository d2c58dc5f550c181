"""The battery current over a few connection intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eegrig.hil.figures.quantities import number
from eegrig.hil.report.svg import WIDE, Drawing, Scale, both, lines_of, ticks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CurrentRow", "current"]

_HEIGHT = 128.0
_LINE = 16.0
_GAP = 26.0


class CurrentRow(NamedTuple):
    """A stretch of one mode's current in amperes, and the mean of the whole capture."""

    label: str
    current_a: NDArray[np.float64]
    step_s: float
    mean_a: float


def current(rows: list[CurrentRow]) -> str:
    """Return the current of some modes, one below the other, each over its own time."""
    return both(lambda width: _draw(width, rows))


def _draw(width: float, rows: list[CurrentRow]) -> str:
    drawing = Drawing(width)
    left, right = 44.0, width - (78.0 if width >= WIDE else 62.0)
    most_ma = max(float(row.current_a.max()) for row in rows) * 1e3
    bottom = 0.0
    for index, row in enumerate(rows):
        y = bottom + (_GAP + 18 if index else 0)
        label = lines_of(row.label, width - left)
        for number_of_line, words in enumerate(label):
            drawing.text(left, y + 12 + _LINE * number_of_line, words, "t-strong")
        y += _LINE * (len(label) - 1)
        top, bottom = y + 24, y + 24 + _HEIGHT
        # One scale of current for all modes: their heights compare.
        up = Scale(0.0, most_ma * 1.04, bottom, top)
        for tick in ticks(0.0, up.high, 4):
            drawing.line(left, up(tick), right, up(tick), "grid")
            drawing.text(left - 8, up(tick) + 4, number(tick), "t", "end")
        drawing.text(left - 8, y + 12, "mA", "t-unit", "end")
        span_ms = row.current_a.size * row.step_s * 1e3
        across = Scale(0.0, span_ms, left, right)
        _steps(drawing, row.current_a * 1e3, row.step_s * 1e3, across, up)
        mean = row.mean_a * 1e3
        drawing.line(left, up(mean), right, up(mean), "mean")
        drawing.text(right + 6, up(mean) + 1, "mean", "t")
        drawing.text(right + 6, up(mean) + 16, f"{mean:.1f} mA", "t-value")
        for tick in ticks(0.0, span_ms, 8 if width >= WIDE else 4):
            drawing.line(across(tick), bottom, across(tick), bottom + 4, "axis")
            drawing.text(across(tick), bottom + 18, number(tick), "t", "middle")
        drawing.text(right + 14, bottom + 18, "ms", "t-unit")
    return drawing.svg(bottom + 26, "Battery current over a few connection intervals")


def _steps(
    drawing: Drawing, milli: NDArray[np.float64], step_ms: float, across: Scale, up: Scale
) -> None:
    """Draw steps; where there are several to a pixel, from the least to the most of them."""
    pixels = int(across(milli.size * step_ms) - across.start)
    if milli.size <= 2 * pixels:
        edges = np.repeat(np.arange(milli.size + 1) * step_ms, 2)[1:-1]
        heights = [up(value) for value in np.repeat(milli, 2)]
        xs = [across(edge) for edge in edges]
        drawing.area(xs, [up(0.0)] * len(xs), heights, "load")
        drawing.curve(xs, heights, "load-line")
        return
    columns = np.array_split(milli, pixels)
    xs = [across.start + pixel + side for pixel in range(pixels) for side in (0, 1)]
    upper = [up(float(column.max())) for column in columns for _ in range(2)]
    lower = [up(float(column.min())) for column in columns for _ in range(2)]
    drawing.area(xs, [up(0.0)] * len(xs), lower, "load")
    drawing.area(xs, lower, upper, "load-span")
    drawing.curve(xs, upper, "load-line")
