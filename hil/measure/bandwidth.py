"""How much arrives, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FrameLoss", "Goodput", "frame_loss", "goodput"]


@dataclass(frozen=True)
class Goodput:
    """Payload per time, in bit/s.

    Attributes
    ----------
    best_bps : float
        Highest goodput sustained over a whole window; NaN where the record is shorter than one.
    mean_bps : float
        Over the whole record; NaN where it has no length.
    best_uncertainty_bps, mean_uncertainty_bps : float
        Standard uncertainties: where in a packet's time a window's end falls, and for the mean also
        the scatter of the windows.
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
    stretch of at least `window_s` that begins at any arrival, so that a burst never counts as
    sustained.

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
    largest = 8.0 * float(payload_bytes.max())
    total_s = float(elapsed_s[-1])
    mean = float(bits[-1] - bits[0]) / total_s
    mean_edge = largest / total_s / np.sqrt(12.0)

    window_ns = round(window_s * 1e9)
    end = np.searchsorted(arrival_ns, arrival_ns + window_ns, side="left")
    start = np.flatnonzero(end < n)
    if start.size == 0:
        return Goodput(nan, mean, nan, mean_edge, empty, empty, window_s, n)
    # Of payloads that arrive at once, a stretch holds all of its end and none of its start.
    end = np.searchsorted(arrival_ns, arrival_ns[end[start]], side="right") - 1
    start_last = np.searchsorted(arrival_ns, arrival_ns[start], side="right") - 1
    rates = (bits[end] - bits[start_last]) / (elapsed_s[end] - elapsed_s[start_last])

    time_s, windows = _consecutive(arrival_ns, bits, window_ns)
    scatter = float(windows.std(ddof=1) / np.sqrt(windows.size)) if windows.size > 1 else 0.0
    return Goodput(
        best_bps=float(rates.max()),
        mean_bps=mean,
        best_uncertainty_bps=largest / window_s / float(np.sqrt(12.0)),
        mean_uncertainty_bps=float(np.hypot(scatter, mean_edge)),
        time_s=time_s,
        window_bps=windows,
        window_s=window_s,
        n=n,
    )


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
