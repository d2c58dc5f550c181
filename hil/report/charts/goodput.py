"""Goodput over time, under the link layer's bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegrig.hil.figures.quantities import number
from eegrig.hil.report.svg import WIDE, Drawing, Scale, both, ticks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["goodput"]

_HEIGHT = 120.0


def goodput(
    time_s: NDArray[np.float64], goodput_bps: NDArray[np.float64], bound_bps: float | None
) -> str:
    """Return a line of windows over time, and the bound above it.

    Parameters
    ----------
    time_s, goodput_bps : ndarray, shape (n_windows,)
        Middle of each window, and what arrived in it.
    bound_bps : float or None
        What the link layer allows.
    """
    return both(lambda width: _draw(width, time_s, goodput_bps, bound_bps))


def _draw(
    width: float,
    time_s: NDArray[np.float64],
    goodput_bps: NDArray[np.float64],
    bound_bps: float | None,
) -> str:
    drawing = Drawing(width)
    left, right = 52.0, width - (100.0 if width >= WIDE else 84.0)
    top, bottom = 26.0, 26.0 + _HEIGHT
    kilo = goodput_bps * 1e-3
    half = float(time_s[1] - time_s[0]) / 2 if time_s.size > 1 else 0.5
    across = Scale(0.0, float(time_s[-1]) + half, left, right)
    most = max(float(kilo.max()), (bound_bps or 0.0) * 1e-3)
    up = Scale(0.0, most * 1.08, bottom, top)
    for tick in ticks(0.0, up.high, 4):
        drawing.line(left, up(tick), right, up(tick), "grid")
        drawing.text(left - 8, up(tick) + 4, number(tick), "t", "end")
    drawing.text(left - 8, top - 12, "kbit/s", "t-unit", "end")
    xs = [across(float(t) + side) for t in time_s for side in (-half, half)]
    ys = [up(float(value)) for value in kilo for _ in range(2)]
    drawing.area(xs, [bottom] * len(xs), ys, "load")
    drawing.curve(xs, ys, "load-line")
    mean = float(kilo.mean())
    below = 16.0
    if bound_bps is not None:
        at = up(bound_bps * 1e-3)
        drawing.line(left, at, right, at, "bound")
        drawing.text(right + 6, at - 2, f"bound {number(bound_bps * 1e-3)}", "t-value")
        below = max(16.0, 16.0 - (up(mean) - at) + 12) if up(mean) - at < 28 else 4.0
    drawing.text(right + 6, up(mean) + below, f"mean {number(mean)}", "t-value")
    if bound_bps:
        share = f"{mean * 1e5 / bound_bps:.1f} %"
        drawing.text(right + 6, up(mean) + below + 15, share, "t")
    for tick in ticks(0.0, across.high, 8 if width >= WIDE else 4):
        drawing.line(across(tick), bottom, across(tick), bottom + 4, "axis")
        drawing.text(across(tick), bottom + 18, number(tick), "t", "middle")
    drawing.text(right + 14, bottom + 18, "s", "t-unit")
    return drawing.svg(bottom + 26, "Goodput over time against the link-layer bound")
