"""Find out when the signal that a recorded sample shows was at the electrodes.

The recording and the applied waveform are two views of one signal. `align` finds the time base of
the recording, an offset and a period on the bench's clock, for which they agree best. The front
end's filter is symmetric, so that a sample shows the signal around one instant; that instant is
the sample's electrode time, and the filter's group delay lies between it and the conversion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.boards.errors import BoardFault
from eegrig.hil.measure.chance import LEAST_COLOURED, of_a_fit
from eegrig.hil.measure.response import sinc3

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.interpolate import CubicSpline

    from eegrig.hil.bench import Waveform

__all__ = ["Alignment", "AlignmentError", "Response", "align", "expected"]

Response = Callable[["Waveform", float], "Waveform"]
"""How a front end at an output rate (hertz) shows a waveform, without delay."""

# Points per output sample the shown waveform is kept at: a cubic spline through it is then good to
# 4e-6 of a component at a quarter of the output rate.
_OVERSAMPLING = 8
_FIRST_STRETCH_S = 2.0
_WORST_PERIOD_ERROR = 0.05
_ITERATIONS = 12
_CONVERGED_S = 1e-8


class AlignmentError(BoardFault):
    """The recording does not show what was applied."""


@dataclass(frozen=True)
class Alignment:
    """The time base of a recording on the bench's clock.

    Attributes
    ----------
    start_ns : float
        Electrode time of frame 0.
    period_ns : float
        Time from one frame to the next.
    centre_frame : float
        Frame about which the fit turns: where it is most certain.
    uncertainty_ns : float
        Standard uncertainty of the electrode time at `centre_frame`.
    period_uncertainty_ns : float
        Standard uncertainty of `period_ns`, independent of the former.
    correlation : float
        Of the recording with what was applied, all channels together.
    """

    start_ns: float
    period_ns: float
    centre_frame: float
    uncertainty_ns: float
    period_uncertainty_ns: float
    correlation: float

    def times_ns(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the electrode times of frames, shape (n_times,), in nanoseconds."""
        times: NDArray[np.int64] = np.rint(self.start_ns + frames * self.period_ns).astype(np.int64)
        return times


class _Shown:
    """What the front end shows of a waveform, as a function of time in seconds."""

    def __init__(self, applied: Waveform, rate_hz: float, response: Response) -> None:
        from scipy.interpolate import CubicSpline

        shown = response(applied, rate_hz)
        step = max(1, int(shown.rate_hz / (_OVERSAMPLING * rate_hz)))
        volts = shown.volts[:, ::step]
        if volts.shape[1] < 2 * _OVERSAMPLING:
            raise AlignmentError(
                f"the applied waveform is {applied.volts.shape[1] / applied.rate_hz:.3g} s long, "
                "too short to find a recording in; ask the source for a longer stretch"
            )
        self.origin_ns = shown.start_ns
        time_s = np.arange(volts.shape[1]) * step / shown.rate_hz
        self.stop_s = float(time_s[-1])
        self.value: CubicSpline = CubicSpline(time_s, volts, axis=1)
        self.slope: CubicSpline = self.value.derivative()


def align(
    recorded_v: NDArray[np.float64],
    rate_hz: float,
    applied: Waveform,
    *,
    frames: NDArray[np.int64] | None = None,
    response: Response = sinc3,
    search_ns: tuple[int, int] | None = None,
    least_correlation: float = 0.5,
) -> Alignment:
    """Find the electrode time of every sample of a recording.

    A cross-correlation of the first seconds finds the recording in the waveform to a sample; from
    there, least squares (Gauss-Newton on offset and period, with each channel's gain and offset
    left free) over a stretch that doubles until it holds everything. A wrong gain or a clock that
    is off by half a percent does not disturb it.

    Parameters
    ----------
    recorded_v : ndarray, shape (n_channels, n_times)
        The recording in volts, lost frames left out.
    rate_hz : float
        Nominal sample rate in hertz.
    applied : Waveform
        What was at the electrodes, from before the recording's first frame to after its last, in
        the same channel order.
    frames : ndarray of int, shape (n_times,), optional
        Frame indices of the samples, for a recording with gaps.
    response : callable
        How the front end shows a waveform at `rate_hz`.
    search_ns : tuple of int, optional
        Earliest and latest time the first sample can have, for a signal that repeats itself.
    least_correlation : float
        Below this, the recording counts as something else.

    Raises
    ------
    AlignmentError
        If the recording does not show the waveform, or does not lie within it.
    """
    n_channels, n_times = recorded_v.shape
    if frames is None:
        frames = np.arange(n_times, dtype=np.int64)
    if n_channels != applied.volts.shape[0] or frames.shape != (n_times,):
        raise ValueError(
            f"recording {recorded_v.shape}, waveform {applied.volts.shape} and frames "
            f"{frames.shape} do not belong together"
        )
    shown = _Shown(applied, rate_hz, response)
    recorded = recorded_v - recorded_v.mean(axis=1, keepdims=True)
    first = int(frames[0])
    index = (frames - first).astype(np.float64)

    length = int(np.searchsorted(index, _FIRST_STRETCH_S * rate_hz, side="right"))
    start_s = _coarse(recorded[:, :length], index[:length], rate_hz, shown, search_ns)
    period_s = 1.0 / rate_hz
    while True:
        start_s, period_s, spread = _refine(
            recorded[:, :length], index[:length], start_s, period_s, shown, rate_hz
        )
        if length == n_times:
            break
        length = int(np.searchsorted(index, 2 * index[length], side="right"))

    model = shown.value(start_s + index * period_s)
    model -= model.mean(axis=1, keepdims=True)
    power = float(np.sqrt(np.sum(recorded**2) * np.sum(model**2)))
    correlation = float(np.sum(recorded * model)) / power if power > 0 else 0.0
    if not correlation >= least_correlation:
        raise AlignmentError(
            f"the recording does not show what was applied (correlation {correlation:.2f}); "
            "check the electrode wiring, the channel order and that the source plays"
        )
    centre, offset_s, slope_s = spread
    return Alignment(
        start_ns=shown.origin_ns + (start_s - first * period_s) * 1e9,
        period_ns=period_s * 1e9,
        centre_frame=first + centre,
        uncertainty_ns=offset_s * 1e9,
        period_uncertainty_ns=slope_s * 1e9,
        correlation=correlation,
    )


def expected(
    applied: Waveform,
    times_ns: NDArray[np.int64],
    rate_hz: float,
    *,
    response: Response = sinc3,
) -> NDArray[np.float64]:
    """Return what a front end without error or noise shows at some electrode times.

    Parameters
    ----------
    applied : Waveform
        What was at the electrodes.
    times_ns : ndarray of int, shape (n_times,)
        Electrode times on the bench's clock.
    rate_hz : float
        Output rate of the front end in hertz.
    response : callable
        How the front end shows a waveform at `rate_hz`.

    Returns
    -------
    ndarray, shape (n_channels, n_times)
        In volts.

    Raises
    ------
    AlignmentError
        If a time lies outside the waveform.
    """
    shown = _Shown(applied, rate_hz, response)
    time_s = (times_ns - shown.origin_ns) / 1e9  # rounded once, as the end of the waveform is
    if time_s.size and not (time_s.min() >= 0 and time_s.max() <= shown.stop_s):
        raise AlignmentError(
            "the recording reaches beyond the applied waveform; ask the source for a longer stretch"
        )
    volts: NDArray[np.float64] = shown.value(time_s)
    return volts


def _coarse(
    recorded: NDArray[np.float64],
    index: NDArray[np.float64],
    rate_hz: float,
    shown: _Shown,
    search_ns: tuple[int, int] | None,
) -> float:
    """Return the time of the first sample in seconds, good to about a sample.

    The lag with the largest correlation coefficient, all channels together; the waveform's energy
    under the recording is taken at each lag, so that a blink elsewhere does not attract it.
    """
    from scipy.signal import correlate

    grid = shown.value(np.arange(int(shown.stop_s * rate_hz) + 1) / rate_hz)
    # Lost frames stay out of the sums: a template with zeros, and its mask.
    span = int(index[-1]) + 1
    n_lags = grid.shape[1] - span + 1
    if n_lags < 1:
        raise AlignmentError(
            "the applied waveform is shorter than the recording; ask the source for a longer one"
        )
    mask = np.zeros((1, span))
    mask[0, index.astype(np.intp)] = 1.0
    template = np.zeros((grid.shape[0], span))
    template[:, index.astype(np.intp)] = recorded - recorded.mean(axis=1, keepdims=True)
    grid = grid - grid.mean(axis=1, keepdims=True)
    product = np.zeros(n_lags)
    energy = np.zeros(n_lags)
    for channel in range(grid.shape[0]):
        product += correlate(grid[channel], template[channel], mode="valid")
        total = correlate(grid[channel], mask[0], mode="valid")
        energy += correlate(grid[channel] ** 2, mask[0], mode="valid") - total**2 / mask.sum()
    score = product / np.sqrt(np.maximum(energy, 1e-12 * energy.max() + 1e-300))
    if search_ns is not None:
        lag_ns = shown.origin_ns + np.arange(n_lags) * 1e9 / rate_hz
        inside = (lag_ns >= search_ns[0] - 1e9 / rate_hz) & (lag_ns <= search_ns[1] + 1e9 / rate_hz)
        if not inside.any():
            raise AlignmentError("the applied waveform does not cover the time that was searched")
        score = np.where(inside, score, -np.inf)
    return float(np.argmax(score)) / rate_hz


def _refine(
    recorded: NDArray[np.float64],
    index: NDArray[np.float64],
    start_s: float,
    period_s: float,
    shown: _Shown,
    rate_hz: float,
) -> tuple[float, float, tuple[float, float, float]]:
    """Fit first-sample time and period; return both, and where and how well they are known."""
    centre = float(index.mean())
    turn = index - centre
    middle_s = start_s + centre * period_s
    for _ in range(_ITERATIONS):
        time_s = middle_s + turn * period_s
        # A step may leave the waveform by a little; what lies outside has no say.
        inside = (time_s >= 0) & (time_s <= shown.stop_s)
        if inside.sum() < 4 or inside.mean() < 0.5:
            raise AlignmentError(
                "the recording reaches beyond the applied waveform; "
                "ask the source for a longer stretch"
            )
        model = _centred(shown.value(time_s[inside]))
        slope = shown.slope(time_s[inside])
        target = _centred(recorded[:, inside])
        # Each channel's gain and offset are eliminated: only what they cannot explain is left.
        power = np.maximum(np.sum(model**2, axis=1, keepdims=True), 1e-300)
        gain = np.sum(model * target, axis=1, keepdims=True) / power
        residual = target - gain * model
        columns = []
        for shape in (slope, slope * turn[inside]):
            column = _centred(shape)
            column = column - np.sum(model * column, axis=1, keepdims=True) / power * model
            columns.append(gain * column)
        design = np.stack([column.ravel() for column in columns], axis=1)
        # The two columns differ in size by the number of frames; scale them for the solver.
        size = np.sqrt(np.sum(design**2, axis=0))
        if not np.all(size > 0):
            raise AlignmentError(
                "the recording or the applied waveform is constant; play a signal that varies"
            )
        step, *_ = np.linalg.lstsq(design / size, residual.ravel(), rcond=None)
        step = step / size
        limit = 1.0 / rate_hz
        middle_s += float(np.clip(step[0], -limit, limit))
        period_s += float(np.clip(step[1], -limit / (1 + centre), limit / (1 + centre)))
        period_s = float(
            np.clip(
                period_s,
                (1 - _WORST_PERIOD_ERROR) / rate_hz,
                (1 + _WORST_PERIOD_ERROR) / rate_hz,
            )
        )
        if abs(step[0]) < _CONVERGED_S and abs(step[1]) * centre < _CONVERGED_S:
            break
    offset_s, slope_s = (_spread(column, residual) for column in columns)
    return middle_s - centre * period_s, period_s, (centre, offset_s, slope_s)


def _spread(column: NDArray[np.float64], residual: NDArray[np.float64]) -> float:
    """Return how uncertain a parameter is that all channels have in common.

    Each channel's noise is its own, and a filter leaves more of it at some frequencies than at
    others (`hil.measure.chance.of_a_fit`); where recordings are short, all channels say how much.
    """
    left = residual.size - 2  # of four samples or more
    if residual.shape[1] < LEAST_COLOURED:
        noise = float(np.sum(residual**2)) / left
        return float(np.sqrt(noise / np.sum(column**2)))
    alone = of_a_fit(column, residual, used=0)
    power = np.sum(column**2, axis=1)
    variance = residual.size / left * np.sum((alone * power) ** 2)
    return float(np.sqrt(variance) / np.sum(power))


def _centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = values - values.mean(axis=1, keepdims=True)
    return centred
