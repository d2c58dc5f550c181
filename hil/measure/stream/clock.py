"""How fast a board's clock runs against the bench's, by packets that are never early."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.chance import of_a_fit
from eegrig.host.streaming.device_clock import DeviceClock

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

    A packet is late by what it waits for a connection event, and never early: the clocks' line is
    the one below all arrivals (`host.streaming.device_clock`). Each stretch of the record has a
    packet that is late by next to nothing, too. What those scatter about a line of their own, or
    what that differs from the other, is the uncertainty: the larger of the two.

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
    hull = DeviceClock()
    for told, came in zip(device_ns.tolist(), arrival_ns.tolist(), strict=True):
        hull.add(told, came)
    line = hull.fit()
    assert line is not None
    # Whole numbers are taken from each other before they are rounded.
    told_ns = (device_ns - device_ns[0]).astype(np.float64)
    behind_ns = (arrival_ns - arrival_ns[0] - (device_ns - device_ns[0])).astype(np.float64)
    slope, chance, length_ns = _through_the_least_delayed(told_ns, behind_ns)
    delay_ns = behind_ns - line.rate_error * told_ns
    return Drift(
        # A fast clock is ahead: its packets seem to come sooner and sooner.
        error=1.0 / (1.0 + line.rate_error) - 1.0,
        uncertainty=max(
            abs(slope - line.rate_error), chance, _TICK_NS / math.sqrt(12.0) / length_ns
        ),
        delay_s=(delay_ns - delay_ns.min()) * 1e-9,
        n=n,
    )


def _through_the_least_delayed(
    told_ns: NDArray[np.float64], behind_ns: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return slope, its chance, and the length of a line through each stretch's first packet."""
    stretches = np.array_split(np.arange(told_ns.size), _STRETCHES)
    first = [int(part[np.argmin(behind_ns[part])]) for part in stretches]
    column = told_ns[first] - told_ns[first].mean()
    floor = behind_ns[first] - behind_ns[first].mean()
    slope = float(column @ floor / (column @ column))
    chance = float(of_a_fit(column[None], (floor - slope * column)[None])[0])
    return slope, chance, math.sqrt(column @ column)


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
