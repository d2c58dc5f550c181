"""From an electrode to the host's callback: how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.align import Response, align
from eegrig.hil.measure.chance import of_the_mean
from eegrig.hil.measure.response import sinc3

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.hil.bench import Waveform

__all__ = ["PACKETS_NEEDED", "Latency", "electrode_times", "histogram", "latencies", "summarise"]

PACKETS_NEEDED = {"mean": 10, "p50": 10, "p95": 20, "p99": 100, "max": 1}
"""How many packets a figure takes at least: those beyond a quantile are one, on the average, and a
mean has the spread of ten to tell its uncertainty by."""


@dataclass(frozen=True)
class Latency:
    """The distribution of latencies in seconds, each figure with its standard uncertainty.

    Attributes
    ----------
    mean_s, p50_s, p95_s, p99_s, max_s : float
        Mean, quantiles and largest latency over all frames.
    mean_uncertainty_s, p50_uncertainty_s, p95_uncertainty_s, p99_uncertainty_s : float
        What chance and the time base leave open.
    n : int
        Frames.
    n_packets : int
        Packets they came in: frames of one packet are late together.
    """

    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float
    mean_uncertainty_s: float
    p50_uncertainty_s: float
    p95_uncertainty_s: float
    p99_uncertainty_s: float
    n: int
    n_packets: int


def electrode_times(
    recorded_v: NDArray[np.float64],
    rate_hz: float,
    applied: Waveform,
    *,
    frames: NDArray[np.int64] | None = None,
    response: Response = sinc3,
    search_ns: tuple[int, int] | None = None,
) -> NDArray[np.int64]:
    """Return when the signal each sample shows was at the electrodes.

    `hil.measure.align.align` with the same arguments says how well it is known.

    Parameters
    ----------
    recorded_v : ndarray, shape (n_channels, n_times)
        The recording in volts, lost frames left out.
    rate_hz : float
        Nominal sample rate in hertz.
    applied : Waveform
        What was at the electrodes, a little longer than the recording at both ends.
    frames : ndarray of int, shape (n_times,), optional
        Frame indices of the samples, for a recording with gaps.
    response : callable
        How the front end shows a waveform.
    search_ns : tuple of int, optional
        Earliest and latest time the first sample can have.

    Returns
    -------
    ndarray of int, shape (n_times,)
        Nanoseconds on the bench's clock.

    Raises
    ------
    AlignmentError
        If the recording does not show the waveform.
    """
    if frames is None:
        frames = np.arange(recorded_v.shape[1], dtype=np.int64)
    alignment = align(
        recorded_v, rate_hz, applied, frames=frames, response=response, search_ns=search_ns
    )
    return alignment.times_ns(frames)


def latencies(
    arrival_ns: NDArray[np.int64], electrode_ns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return each frame's latency in seconds, shape (n_times,)."""
    if arrival_ns.shape != electrode_ns.shape:
        raise ValueError(f"{arrival_ns.shape} arrivals for {electrode_ns.shape} electrode times")
    return (arrival_ns - electrode_ns).astype(np.float64) * 1e-9


def summarise(
    latency_s: NDArray[np.float64],
    *,
    arrival_ns: NDArray[np.int64] | None = None,
    time_uncertainty_s: float = 0.0,
) -> Latency:
    """Condense latencies into figures.

    Neighbouring frames are late together, and within a packet each is a frame less late than the
    one before: the mean's uncertainty counts with both (`hil.measure.chance.of_the_mean`). A
    quantile's is half the distance of the order statistics to either side that lie as far as the
    share of frames below it is uncertain, by the same count (David and Nagaraja, *Order
    Statistics*, 3rd ed., section 7.1, for values that do not depend on each other).
    `time_uncertainty_s` is common to all frames and added in quadrature.

    Parameters
    ----------
    latency_s : ndarray, shape (n_times,)
        Latency of each frame in seconds, in the order of the frames.
    arrival_ns : ndarray of int, shape (n_times,), optional
        When each frame arrived; frames that arrived together count as one packet.
    time_uncertainty_s : float
        Standard uncertainty of the electrode times.

    Raises
    ------
    ValueError
        If there are no latencies.
    """
    n = latency_s.size
    if n == 0:
        raise ValueError("no latencies to summarise")
    n_packets = n if arrival_ns is None else int(np.unique(arrival_ns).size)
    ordered = np.sort(latency_s)
    p50, p95, p99 = np.quantile(ordered, [0.5, 0.95, 0.99])

    def spread(probability: float, at_s: float) -> float:
        deviation = 0.0 if n < 2 else float(of_the_mean((latency_s <= at_s).astype(np.float64)))
        around = np.clip([probability - deviation, probability + deviation], 0.0, 1.0)
        low, high = np.quantile(ordered, around)
        return float(np.hypot((high - low) / 2, time_uncertainty_s))

    chance = float(of_the_mean(latency_s)) if n > 1 else 0.0
    return Latency(
        mean_s=float(latency_s.mean()),
        p50_s=float(p50),
        p95_s=float(p95),
        p99_s=float(p99),
        max_s=float(ordered[-1]),
        mean_uncertainty_s=float(np.hypot(chance, time_uncertainty_s)),
        p50_uncertainty_s=spread(0.5, float(p50)),
        p95_uncertainty_s=spread(0.95, float(p95)),
        p99_uncertainty_s=spread(0.99, float(p99)),
        n=n,
        n_packets=n_packets,
    )


def histogram(
    latency_s: NDArray[np.float64], bin_s: float = 1e-3
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count latencies in bins that start at multiples of `bin_s`.

    Returns
    -------
    counts : ndarray of int, shape (n_bins,)
    edges_s : ndarray, shape (n_bins + 1,)
    """
    number = np.floor(latency_s / bin_s).astype(np.int64)
    first = int(number.min())
    counts = np.bincount(number - first).astype(np.int64)
    return counts, (first + np.arange(counts.size + 1, dtype=np.float64)) * bin_s
