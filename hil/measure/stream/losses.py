"""Frames that are missing from a stream without anybody having counted them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["frame_period_ns", "unaccounted"]


def frame_period_ns(frames: NDArray[np.int64], arrival_ns: NDArray[np.int64]) -> float:
    """Return the time between two frames, told from when packets arrived.

    Packets come late and never early: the line below all of them, from the least delayed one of
    the first half to that of the second, has the slope.

    Parameters
    ----------
    frames : ndarray of int, shape (n_packets,)
        Index of the last frame of each packet, ascending.
    arrival_ns : ndarray of int, shape (n_packets,)
        When each arrived, in nanoseconds.

    Raises
    ------
    ValueError
        If there are fewer than four packets.
    """
    if frames.size < 4:
        raise ValueError(f"{frames.size} packets tell no rate: take a longer stretch")
    half = frames.size // 2
    slope = (arrival_ns[-1] - arrival_ns[0]) / (frames[-1] - frames[0])
    # The least delayed ones depend on the slope: a few rounds settle it.
    for _ in range(8):
        delay = arrival_ns - slope * frames
        first, last = int(np.argmin(delay[:half])), half + int(np.argmin(delay[half:]))
        slope = (arrival_ns[last] - arrival_ns[first]) / (frames[last] - frames[first])
    return float(slope)


def unaccounted(
    frames: NDArray[np.int64],
    arrival_ns: NDArray[np.int64],
    period_ns: float,
    head_ns: float,
) -> float:
    """Return how many frames came about in a stretch beyond those that have an index.

    It is negative where there are more indices than frames.

    A board that drops frames and numbers those that are left is late by what it dropped: what the
    least delayed packet of the stretch's end is later than that of its beginning, in frames.

    Parameters
    ----------
    frames, arrival_ns
        As for `frame_period_ns`, of the stretch.
    period_ns : float
        Time between two frames.
    head_ns : float
        How much of the stretch is its beginning, and its end.
    """
    delay = arrival_ns - period_ns * frames
    begins = arrival_ns <= arrival_ns[0] + head_ns
    ends = arrival_ns >= arrival_ns[-1] - head_ns
    return float((delay[ends].min() - delay[begins].min()) / period_ns)
