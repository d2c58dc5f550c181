"""What was recorded over what went in, and what is left between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.figures.quantities import number
from eegrig.hil.report.svg import WIDE, Drawing, Scale, both, ticks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["eeg"]

_PITCH = 48.0
_WIDE_SECONDS, _NARROW_SECONDS = 4.0, 2.0


def eeg(
    time_s: NDArray[np.float64],
    applied_v: NDArray[np.float64],
    recorded_v: NDArray[np.float64],
    channels: list[str],
) -> str:
    """Return a stretch of all channels: the recording over the input, and below it the residual.

    The stretch is the one whose input varies most like the whole record does, so that a blink shows
    where there are blinks but does not fill the picture.

    Parameters
    ----------
    time_s : ndarray, shape (n_times,)
    applied_v, recorded_v : ndarray, shape (n_channels, n_times)
        In volts; offsets are removed.
    channels : list of str
        Names, in the order of the arrays.
    """

    def draw(width: float) -> str:
        seconds = _WIDE_SECONDS if width >= WIDE else _NARROW_SECONDS
        stretch = _typical(time_s, applied_v, seconds)
        return _draw(
            width,
            time_s[stretch] - time_s[stretch][0],
            _centred(applied_v[:, stretch]) * 1e6,
            _centred(recorded_v[:, stretch]) * 1e6,
            channels,
        )

    return both(draw)


def _draw(
    width: float,
    time_s: NDArray[np.float64],
    applied_uv: NDArray[np.float64],
    recorded_uv: NDArray[np.float64],
    channels: list[str],
) -> str:
    drawing = Drawing(width)
    left, right = 46.0, width - 66.0
    across = Scale(0.0, float(time_s[-1]), left, right)
    xs = [across(float(time)) for time in time_s]
    # A lane suits the ongoing EEG; a blink may reach into the lanes above, as on paper.
    lane_uv = 4.5 * float(np.quantile(np.abs(applied_uv), 0.8)) or 1.0
    y = float(np.clip(np.max(applied_uv[0]) / lane_uv - 0.5, 0.0, 2.0)) * _PITCH
    for index, name in enumerate(channels):
        middle = y + _PITCH / 2
        up = Scale(-lane_uv / 2, lane_uv / 2, middle + _PITCH / 2, middle - _PITCH / 2)
        drawing.text(left - 10, middle + 4, name, "t-strong", "end")
        drawing.line(left, middle, right, middle, "grid")
        drawing.curve(xs, [up(float(value)) for value in applied_uv[index]], "applied")
        drawing.curve(xs, [up(float(value)) for value in recorded_uv[index]], "recorded")
        y += _PITCH
    _bar(drawing, right + 12, y - _PITCH / 2, _PITCH / lane_uv, lane_uv)
    y += 30
    drawing.text(left, y - 8, "Residual: recording minus input, all channels", "t-strong")
    residual = recorded_uv - applied_uv
    peak = float(np.nanmax(np.abs(residual))) or 1.0
    up = Scale(-peak, peak, y + 64, y + 4)
    drawing.line(left, up(0.0), right, up(0.0), "grid")
    for row in residual:
        drawing.curve(xs, [up(float(value)) for value in row], "residual")
    _bar(drawing, right + 12, up(0.0), 60 / (2 * peak), 2 * peak)
    y += 68
    drawing.line(left, y, right, y, "axis")
    for tick in ticks(0.0, across.high, 8 if width >= WIDE else 4):
        drawing.line(across(tick), y, across(tick), y + 4, "axis")
        drawing.text(across(tick), y + 18, number(tick), "t", "middle")
    drawing.text(right + 14, y + 18, "s", "t-unit")
    return drawing.svg(y + 26, "A stretch of the recording over the signal that was applied")


def _bar(drawing: Drawing, x: float, middle: float, pixels_per_uv: float, room_uv: float) -> None:
    """Draw a scale bar of a round number of microvolts, at most two thirds of the room."""
    length = max(tick for tick in _round_numbers() if tick <= room_uv * 0.67)
    half = length * pixels_per_uv / 2
    for end in (middle - half, middle + half):
        drawing.line(x - 3, end, x + 3, end, "scale")
    drawing.line(x, middle - half, x, middle + half, "scale")
    drawing.text(x + 6, middle + 4, f"{number(length)} µV", "t-value")


def _round_numbers() -> list[float]:
    return [factor * 10.0**power for power in range(-6, 7) for factor in (1, 2, 5)]


def _typical(time_s: NDArray[np.float64], applied_v: NDArray[np.float64], seconds: float) -> slice:
    """Return the stretch whose variance is the median of all stretches of that length."""
    step = (time_s[-1] - time_s[0]) / max(time_s.size - 1, 1)
    length = min(time_s.size, round(seconds / step) + 1) if step > 0 else time_s.size
    starts = list(range(0, time_s.size - length + 1, max(length // 4, 1)))
    size = [float(np.std(_centred(applied_v[:, start : start + length]))) for start in starts]
    start = starts[int(np.argsort(size, kind="stable")[len(size) // 2])]
    return slice(start, start + length)


def _centred(volts: NDArray[np.float64]) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = volts - np.nanmedian(volts, axis=1, keepdims=True)
    return centred
