"""How fast a board's clock runs against the bench's, by packets that are never early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.chance import of_a_fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Drift", "drift", "jitter_s", "late"]

_STRETCHES = 12
_LEAST = 8
"""Packets in a stretch, so that one of them waited next to nothing."""
_TICK_NS = 1000.0
"""Device time is in microseconds (``docs/protocol.md``)."""


@dataclass(frozen=True)
class Drift:
    """How a clock runs.

    Attributes
    ----------
    error : float
        Relative, signed: positive where the device's clock is fast.
    uncertainty : float
        Its standard uncertainty.
    delay_s : ndarray, shape (n_packets,)
        How much later than the least delayed ones each packet came.
    n : int
        Packets.
    """

    error: float
    uncertainty: float
    delay_s: NDArray[np.float64]
    n: int


def drift(device_ns: NDArray[np.int64], arrival_ns: NDArray[np.int64]) -> Drift:
    """Return how a device's clock runs against the clock that dates its packets.

    A packet is late by what it waits for a connection event, and never early. So each stretch of
    the record has one that is late by next to nothing: the line through those of all stretches is
    that of the clocks. What they scatter about it is its uncertainty.

    Parameters
    ----------
    device_ns : ndarray of int, shape (n_packets,)
        Device time when each packet could be sent, ascending.
    arrival_ns : ndarray of int, shape (n_packets,)
        When it arrived.

    Raises
    ------
    ValueError
        If there are too few packets.
    """
    n = device_ns.size
    if n < _STRETCHES * _LEAST:
        raise ValueError(f"{n} packets do not tell a drift; stream for longer")
    # Whole numbers are taken from each other before they are rounded.
    told = (device_ns - device_ns[0]).astype(np.float64)
    behind = (arrival_ns - arrival_ns[0] - (device_ns - device_ns[0])).astype(np.float64)
    first = [
        int(part[np.argmin(behind[part])]) for part in np.array_split(np.arange(n), _STRETCHES)
    ]
    centre = told[first].mean()
    column = told[first] - centre
    floor = behind[first]
    slope = float(column @ (floor - floor.mean()) / (column @ column))
    left = floor - floor.mean() - slope * column
    chance = float(of_a_fit(column[None], left[None])[0])
    rounded = _TICK_NS / float(np.sqrt(12.0 * (column @ column)))
    delay = behind - floor.mean() - slope * (told - centre)
    return Drift(
        # A fast clock is ahead: its packets seem to come sooner and sooner.
        error=-slope,
        uncertainty=max(chance, rounded),
        delay_s=(delay - delay.min()) * 1e-9,
        n=n,
    )


def jitter_s(first_frames: NDArray[np.int64], device_ns: NDArray[np.int64]) -> float:
    """Return how far the dates of packets are from a line over their frames, rms in seconds.

    Parameters
    ----------
    first_frames, device_ns : ndarray of int, shape (n_packets,)
        Of each packet's first frame.
    """
    frame = (first_frames - first_frames[0]).astype(np.float64)
    frame -= frame.mean()
    time = (device_ns - device_ns[0]).astype(np.float64)
    time -= time.mean()
    beside = time - frame * float(frame @ time / (frame @ frame))
    return float(np.sqrt(np.mean(beside**2))) * 1e-9


def late(delay_s: NDArray[np.float64], allowed_s: float) -> int:
    """Return how many packets came later than is allowed after the least delayed ones."""
    return int(np.count_nonzero(delay_s > allowed_s))
