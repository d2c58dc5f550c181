"""How long samples are under way: a histogram per streaming profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eegrig.hil.figures.quantities import number
from eegrig.hil.measure.stream.latency import histogram
from eegrig.hil.report.svg import WIDE, Drawing, Scale, both, ticks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LatencyRow", "latency"]

_HEIGHT = 96.0
_GAP = 40.0


class LatencyRow(NamedTuple):
    """A profile's label, latencies in seconds, and limit of the 99th percentile, if any."""

    label: str
    latency_s: NDArray[np.float64]
    limit_s: float | None


def latency(rows: list[LatencyRow]) -> str:
    """Return a histogram of each profile, with median, 99th percentile and limit."""
    return both(lambda width: _draw(width, rows))


def _draw(width: float, rows: list[LatencyRow]) -> str:
    drawing = Drawing(width)
    left, right = 8.0, width - 34.0
    bottom = -_GAP
    for row in rows:
        y = bottom + _GAP
        top, bottom = y + 46, y + 46 + _HEIGHT
        drawing.text(left, y + 12, row.label, "t-strong")
        most_ms = 1e3 * max(float(np.quantile(row.latency_s, 0.9995)), row.limit_s or 0.0)
        across = Scale(0.0, most_ms * 1.06, left, right)
        _bars(drawing, row.latency_s * 1e3, across, top, bottom)
        drawing.line(left, bottom, right, bottom, "axis")
        p50, p99 = (float(value) * 1e3 for value in np.quantile(row.latency_s, [0.5, 0.99]))
        taken = -1e9
        for name, at in (("median", p50), ("p99", p99)):
            drawing.line(across(at), top - 8, across(at), bottom, "quantile")
            taken = _note(drawing, across(at), top - 12, f"{name} {_milliseconds(at)}", left, taken)
        if row.limit_s is not None:
            at = across(row.limit_s * 1e3)
            drawing.line(at, top - 8, at, bottom, "limit")
            words = f"limit {_milliseconds(row.limit_s * 1e3)}"
            _note(drawing, at, top - 12, words, left, taken, "t-limit")
        for tick in ticks(0.0, across.high, 8 if width >= WIDE else 5):
            drawing.line(across(tick), bottom, across(tick), bottom + 4, "axis")
            drawing.text(across(tick), bottom + 18, number(tick), "t", "middle")
        drawing.text(right + 10, bottom + 18, "ms", "t-unit")
    return drawing.svg(bottom + 26, "Histograms of the latency from electrode to host")


def _milliseconds(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _bars(
    drawing: Drawing, latency_ms: NDArray[np.float64], across: Scale, top: float, bottom: float
) -> None:
    bin_ms = _bin(across.high, int((across.stop - across.start) / 6))
    counts, edges = histogram(latency_ms, bin_ms)
    up = Scale(0.0, float(counts.max()), bottom, top)
    one = across(bin_ms) - across(0.0)
    for count, edge in zip(counts, edges[:-1], strict=True):
        if count and edge < across.high:
            tip = f"{number(float(edge))} to {number(float(edge) + bin_ms)} ms: {count} frames"
            height = max(bottom - up(float(count)), 1.0)
            x = across(float(edge)) + 0.4
            drawing.rect(x, bottom - height, one - 0.8, height, "count", tip)


def _note(
    drawing: Drawing,
    x: float,
    y: float,
    words: str,
    left: float,
    taken: float,
    css: str = "t-value",
) -> float:
    """Write a note over a line, beside the one before it where they would collide."""
    half = len(words) * 3.4
    start = max(x - half, left, taken + 10)
    drawing.text(start, y, words, css)
    return start + 2 * half


def _bin(span_ms: float, most: int) -> float:
    """Return the finest round bin of which there are at most so many."""
    widths = [factor * 10.0**power for power in range(-2, 4) for factor in (1, 2, 5)]
    return next((width for width in widths if span_ms / width <= most), widths[-1])
