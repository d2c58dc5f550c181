"""When a stream's frames were taken: its true rate, and the time of its first frame.

A front end divides its data rate from an oscillator of its own, which may be half a percent off
(TI SBAS499C 7.5: 0.5 % at 25 degrees, 2.5 % over temperature): after an hour, a file that states
the nominal rate is 18 s wrong. The arrivals know better. Frames are numbered, so every packet is a
point, its last frame's nominal time against its arrival, and `device_clock` finds the line under
all of them.

How far that line can be wrong is not what its points scatter by. A packet that is ready waits for
the next connection event, and both come at fixed periods, so the waits take only some values; what
the least of them is cannot be known better than the largest stretch of one connection interval in
which hardly a wait was seen. A clock that is in step with the link shows the same wait always.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eegrig.host.streaming.device_clock import ClockFit

__all__ = ["TimeBase", "time_base"]

_N_PARTS = 8
"""Parts of a recording whose least delays are compared."""
_SIGMAS = 3.0
"""How far the arrivals must contradict the nominal rate before the fitted one is used."""
_FEW = 0.03
"""Part of the packets that may lie in a stretch of waits that still counts as not seen."""
_WORST_ERROR = 0.05
"""Twice what SBAS499C allows an oscillator: a fit beyond that is no clock's."""


@dataclass(frozen=True, slots=True)
class TimeBase:
    """Where a stream's frames lie on the host's clock.

    Attributes
    ----------
    nominal_sps : float
        Frames per second as the board states them.
    rate_sps : float
        Frames per second of the host's clock: the fitted rate where `fitted`, else the nominal.
    first_frame_ns : int
        Host time of frame 0. The delay of the least delayed packet is in it: arrivals alone cannot
        tell it.
    fitted : bool
        Whether `rate_sps` comes from the arrivals.
    fitted_sps : float or None
        What the arrivals say, used or not; None where they say nothing.
    uncertainty : float or None
        Its one-sigma uncertainty, as a fraction.
    reason : str
        Why the rate is the one it is, in a sentence.
    """

    nominal_sps: float
    rate_sps: float
    first_frame_ns: int
    fitted: bool
    fitted_sps: float | None
    uncertainty: float | None
    reason: str

    def frame_at(self, host_ns: int) -> float:
        """Return the frame, counted from 0 with a fraction, that was taken at a host time."""
        return (host_ns - self.first_frame_ns) * 1e-9 * self.rate_sps

    def to_host_ns(self, frame: float) -> int:
        """Return the host time of a frame."""
        return self.first_frame_ns + round(frame / self.rate_sps * 1e9)


def time_base(
    last_frames: NDArray[np.int64],
    arrival_ns: NDArray[np.int64],
    nominal_sps: float,
    fit: ClockFit,
    *,
    interval_ms: float | None = None,
    time_jumps: int = 0,
) -> TimeBase:
    """Decide on the rate of a stream and the time of its first frame.

    Parameters
    ----------
    last_frames : ndarray of int, shape (n_packets,)
        Index of the last frame of each packet, at least one.
    arrival_ns : ndarray of int, shape (n_packets,)
        Host times at which they arrived.
    nominal_sps : float
        Frames per second as the board states them.
    fit : ClockFit
        Line from nominal frame time to host time, under all packets.
    interval_ms : float or None
        Connection interval; None to take the time between arrivals for it, which is no shorter.
    time_jumps : int
        How often the board's clock contradicted its frame numbers: conversions it did not count.

    Returns
    -------
    TimeBase
    """
    nominal_ns = np.rint(last_frames * (1e9 / nominal_sps)).astype(np.int64)
    fitted_sps = nominal_sps / (1 + fit.rate_error)
    uncertainty = _uncertainty(nominal_ns, arrival_ns, fit, interval_ms)
    if uncertainty is None:
        reason = "nominal: too few packets to tell the clock's error"
    elif time_jumps:
        reason = f"nominal: the board missed conversions {time_jumps} times without counting them"
    elif abs(fit.rate_error) > _WORST_ERROR:
        reason = f"nominal: the arrivals say {fit.rate_error:+.1%}, more than any clock is off"
    elif abs(fit.rate_error) <= _SIGMAS * uncertainty:
        reason = (
            f"nominal: the arrivals do not contradict it ({-fit.rate_error * 1e6:+.1f} ppm, "
            f"uncertainty {uncertainty * 1e6:.1f} ppm)"
        )
    else:
        return TimeBase(
            nominal_sps=nominal_sps,
            rate_sps=fitted_sps,
            first_frame_ns=fit.to_host_ns(0),
            fitted=True,
            fitted_sps=fitted_sps,
            uncertainty=uncertainty,
            reason=f"fitted to the arrivals ({-fit.rate_error * 1e6:+.1f} ppm, "
            f"uncertainty {uncertainty * 1e6:.1f} ppm)",
        )
    return TimeBase(
        nominal_sps=nominal_sps,
        rate_sps=nominal_sps,
        first_frame_ns=int((arrival_ns - nominal_ns).min()),
        fitted=False,
        fitted_sps=None if uncertainty is None else fitted_sps,
        uncertainty=uncertainty,
        reason=reason,
    )


def _uncertainty(
    nominal_ns: NDArray[np.int64],
    arrival_ns: NDArray[np.int64],
    fit: ClockFit,
    interval_ms: float | None,
) -> float | None:
    """Return the one-sigma uncertainty of the fit's rate, as a fraction, or None for too little."""
    if nominal_ns.size < 2 * _N_PARTS:
        return None
    elapsed_ns = nominal_ns - fit.device_ns
    line_ns = elapsed_ns * fit.rate_error
    delay_ns = (arrival_ns - fit.host_ns - elapsed_ns) - line_ns
    span_ns = float(nominal_ns[-1] - nominal_ns[0])
    middles, least = [], []
    for part in np.array_split(np.arange(nominal_ns.size), _N_PARTS):
        middles.append(float(nominal_ns[part].mean()))
        least.append(float(delay_ns[part].min()))
    (slope, _), covariance = np.polyfit(middles, least, 1, cov="unscaled")
    rest = np.asarray(least) - np.polyval(np.polyfit(middles, least, 1), middles)
    scatter = float(np.sqrt(covariance[0, 0] * (rest @ rest) / (_N_PARTS - 2)))
    unseen_ns = _unseen_ns(delay_ns, arrival_ns, interval_ms)
    if unseen_ns is None:
        return None
    # Between its ends the least wait may have moved by that much, one way or the other: a
    # rectangular distribution of that half width.
    return float(np.hypot(max(abs(slope), scatter), unseen_ns / np.sqrt(3) / span_ns))


def _unseen_ns(
    delay_ns: NDArray[np.float64], arrival_ns: NDArray[np.int64], interval_ms: float | None
) -> float | None:
    """Return the largest stretch of a connection interval into which no packet's wait fell.

    None where everything came at once, which tells nothing of an interval.
    """
    if interval_ms is not None:
        interval_ns = interval_ms * 1e6
    else:
        between = np.diff(np.sort(arrival_ns))
        apart = between[between > 5_000_000]  # events are 7.5 ms apart or more
        if not apart.size:
            return None
        interval_ns = float(np.quantile(apart, 0.1))
    phase = np.sort(delay_ns % interval_ns)
    around = np.concatenate([phase, phase + interval_ns])
    # Delays of the computer's own fall anywhere: a few of them do not make a stretch a seen one.
    few = 1 + int(_FEW * phase.size)
    return float((around[few : few + phase.size] - phase).max())
