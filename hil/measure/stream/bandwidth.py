"""How much arrives, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.chance import LINES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FrameLoss", "Goodput", "frame_loss", "goodput"]

_END_PART = 10
_GOES_ON = 0.25
_LARGEST_OF_SOME = 0.7
"""Standard deviation of the largest of four normal values, over theirs (David and Nagaraja, *Order
Statistics*, 3rd ed.; by integration 0.748 of three, 0.701 of four, 0.669 of five)."""


@dataclass(frozen=True)
class Goodput:
    """Payload per time, in bit/s.

    Attributes
    ----------
    best_bps : float
        Highest goodput sustained over a whole window; NaN where the record is shorter than one.
    mean_bps : float
        Over the whole record; NaN where it has no length.
    best_uncertainty_bps : float
        Standard uncertainty: how much the best windows of such records differ.
    mean_uncertainty_bps : float
        Standard uncertainty: what chance leaves open of a record so long, and where in a burst it
        begins and ends.
    time_s : ndarray, shape (n_windows,)
        Middle of each consecutive window, in seconds since the first arrival.
    window_bps : ndarray, shape (n_windows,)
        Goodput of each.
    window_s : float
        Length of a window.
    n : int
        Payloads that were counted.
    """

    best_bps: float
    mean_bps: float
    best_uncertainty_bps: float
    mean_uncertainty_bps: float
    time_s: NDArray[np.float64]
    window_bps: NDArray[np.float64]
    window_s: float
    n: int

    @property
    def window_ok(self) -> bool:
        """Whether the record held a whole window."""
        return self.window_bps.size > 0


def goodput(
    arrival_ns: NDArray[np.int64], payload_bytes: NDArray[np.int64], *, window_s: float = 1.0
) -> Goodput:
    """Return what arrived per time.

    A stretch runs from one arrival to another and counts what arrived after the first, up to and
    with the second: what was in the pipe before is not this stretch's. The best window is the best
    stretch of at least `window_s` that begins at any arrival, by the least it comes to while it
    goes on for a quarter longer: a stretch that begins with a burst and ends with one has not
    sustained the burst it has too many.

    The mean runs from the first tenth of the arrivals to the last, both averaged: of a flow of
    bursts, a single arrival at either end is more often than not one beside a gap. Its variance is
    the height of the arrivals' spectrum near frequency zero over the length (`hil.measure.chance`;
    here with Hann's taper, lest bursts that repeat themselves leak there). A best window is
    uncertain by what a window's length leaves open, 0.7 of it because it is the largest of some.
    To both comes where in a payload's time an end falls: all that there is of an even flow.

    Parameters
    ----------
    arrival_ns : ndarray of int, shape (n_packets,)
        When each payload arrived, ascending, in nanoseconds.
    payload_bytes : ndarray of int, shape (n_packets,)
        Bytes of payload in each.
    window_s : float
        Least length of a stretch that counts as sustained, in seconds.

    Raises
    ------
    ValueError
        If the shapes differ, the arrivals do not ascend or `window_s` is not positive.
    """
    if arrival_ns.shape != payload_bytes.shape or arrival_ns.ndim != 1:
        raise ValueError(f"{arrival_ns.shape} arrivals for {payload_bytes.shape} payloads")
    if window_s <= 0:
        raise ValueError(f"window of {window_s} s; give a positive length")
    if arrival_ns.size and np.any(np.diff(arrival_ns) < 0):
        raise ValueError("arrivals must ascend")
    empty = np.zeros(0)
    nan = float("nan")
    n = arrival_ns.size
    if n < 2 or arrival_ns[-1] == arrival_ns[0]:
        return Goodput(nan, nan, nan, nan, empty, empty, window_s, n)

    elapsed_s = (arrival_ns - arrival_ns[0]) * 1e-9
    bits: NDArray[np.float64] = np.cumsum(8.0 * payload_bytes)
    # Of payloads that arrive at once, a stretch holds all of its end and none of its start.
    last_at_once = np.searchsorted(arrival_ns, arrival_ns, side="right") - 1
    upto = bits[last_at_once]
    ends = max(n // _END_PART, 1)
    length_s = float(elapsed_s[-ends:].mean() - elapsed_s[:ends].mean())
    mean = float(upto[-ends:].mean() - upto[:ends].mean()) / length_s
    height = _height(elapsed_s, payload_bytes)
    one_bits = 8.0 * float(payload_bytes.max()) / float(np.sqrt(12.0))

    window_ns = round(window_s * 1e9)
    best = _best(arrival_ns, elapsed_s, upto, window_ns)
    time_s, windows = _consecutive(arrival_ns, bits, window_ns)
    return Goodput(
        best_bps=best,
        mean_bps=mean,
        best_uncertainty_bps=float(
            np.hypot(_LARGEST_OF_SOME * np.sqrt(height / window_s), one_bits / window_s)
        )
        if np.isfinite(best)
        else nan,
        mean_uncertainty_bps=float(np.hypot(np.sqrt(height / length_s), one_bits / length_s)),
        time_s=time_s,
        window_bps=windows,
        window_s=window_s,
        n=n,
    )


def _height(elapsed_s: NDArray[np.float64], payload_bytes: NDArray[np.int64]) -> float:
    """Return how high the spectrum of what arrived is near frequency zero, in bit^2/s."""
    total_s = float(elapsed_s[-1])
    # What arrived first is the record's beginning, and not in it.
    arrived = elapsed_s > 0
    n_lines = min(LINES, max(int(arrived.sum()) // 4, 1)) + 1
    once = np.exp(-2j * np.pi / total_s * elapsed_s[arrived])
    turned = np.cumprod(np.tile(once, (n_lines, 1)), axis=0) @ payload_bytes[arrived]
    turned = np.concatenate([[0.0], turned])  # without the mean, which is at zero
    tapered = turned[1:-1] / 2 - (turned[:-2] + turned[2:]) / 4
    return 8.0**2 * float(np.mean(np.abs(tapered) ** 2)) / (total_s * 3 / 8)


def _best(
    arrival_ns: NDArray[np.int64],
    elapsed_s: NDArray[np.float64],
    upto: NDArray[np.float64],
    window_ns: int,
) -> float:
    """Return the best sustained goodput in bit/s; NaN where no stretch is long enough."""
    n = arrival_ns.size
    end = np.searchsorted(arrival_ns, arrival_ns + window_ns, side="left")
    start = np.flatnonzero(end < n)
    if start.size == 0:
        return float("nan")
    longest_ns = round(window_ns * (1 + _GOES_ON))
    whole = start[arrival_ns[start] + longest_ns <= arrival_ns[-1]]
    start = whole if whole.size else start
    end = end[start]
    least = np.full(start.size, np.inf)
    going_on = np.full(start.size, fill_value=True)
    while going_on.any():
        bps = (upto[end] - upto[start]) / (elapsed_s[end] - elapsed_s[start])
        least = np.where(going_on, np.minimum(least, bps), least)
        going_on = end < n - 1
        end = np.minimum(end + 1, n - 1)
        going_on &= arrival_ns[end] - arrival_ns[start] <= longest_ns
    return float(least.max())


def _consecutive(
    arrival_ns: NDArray[np.int64], bits: NDArray[np.float64], window_ns: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return middle (seconds) and goodput of the whole windows that follow each other."""
    count = int((arrival_ns[-1] - arrival_ns[0]) // window_ns)
    edges = arrival_ns[0] + np.arange(count + 1) * window_ns
    upto = bits[np.searchsorted(arrival_ns, edges, side="right") - 1]
    middle = (np.arange(count, dtype=np.float64) + 0.5) * window_ns * 1e-9
    windows: NDArray[np.float64] = np.diff(upto) / (window_ns * 1e-9)
    return middle, windows


@dataclass(frozen=True)
class FrameLoss:
    """Frames that did not arrive.

    Attributes
    ----------
    received : int
        Different frames that arrived.
    lost : int
        Frames of the stretch that did not.
    repeated : int
        Frames that arrived more than once (not counted as received again).
    """

    received: int
    lost: int
    repeated: int

    @property
    def fraction(self) -> float:
        """Lost frames over all frames of the stretch; NaN where there are none."""
        total = self.received + self.lost
        return self.lost / total if total else float("nan")


def frame_loss(frames: NDArray[np.int64], sent: int | None = None) -> FrameLoss:
    """Count frames that are missing.

    Parameters
    ----------
    frames : ndarray of int, shape (n_frames,)
        Index of every frame that arrived, unwrapped, in any order.
    sent : int, optional
        Frames the board says it took in the stretch; without it, what is missing before the first
        and after the last arrival cannot be seen.
    """
    if frames.size == 0:
        return FrameLoss(received=0, lost=sent or 0, repeated=0)
    received = int(np.unique(frames).size)
    stretch = int(frames.max() - frames.min()) + 1
    return FrameLoss(
        received=received,
        lost=max(stretch, sent or 0) - received,
        repeated=int(frames.size) - received,
    )
