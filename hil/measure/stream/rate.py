"""How fast a stream's frames really come, by the clock of the board that dates them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.chance import of_a_fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RateError", "rate_error"]

_TICK_NS = 1000.0
"""Device time is in microseconds (``docs/protocol.md``)."""


@dataclass(frozen=True)
class RateError:
    """How far a sample rate is from its nominal one.

    Attributes
    ----------
    error : float
        Relative, signed: positive where the frames come too fast.
    uncertainty : float
        Its standard uncertainty; the board's own clock is what it is measured by, and not in it.
    n : int
        Packets that were dated.
    """

    error: float
    uncertainty: float
    n: int


def rate_error(
    first_frames: NDArray[np.int64], device_ns: NDArray[np.int64], nominal_sps: float
) -> RateError:
    """Return the rate error of a stream, by a line through the times of its packets.

    What packets lie beside the line says how well it is known, but no better than times that are
    rounded to a microsecond allow (a rectangle of that width).

    Parameters
    ----------
    first_frames : ndarray of int, shape (n_packets,)
        Index of each packet's first frame, ascending.
    device_ns : ndarray of int, shape (n_packets,)
        Its device time in nanoseconds.
    nominal_sps : float
        Frames per second as the board states them.

    Raises
    ------
    ValueError
        If there are fewer than two packets, or none begins elsewhere than the first.
    """
    n = first_frames.size
    if np.unique(first_frames).size < 2:
        raise ValueError(f"{n} packets do not tell a rate; record for longer")
    # Whole numbers are taken from each other before they are rounded.
    frame = (first_frames - first_frames[0]).astype(np.float64)
    frame -= frame.mean()
    time_ns = (device_ns - device_ns[0]).astype(np.float64)
    time_ns -= time_ns.mean()
    period_ns = float(frame @ time_ns / (frame @ frame))
    beside = time_ns - period_ns * frame
    chance = float(of_a_fit(frame[None], beside[None])[0])
    rounded = _TICK_NS / float(np.sqrt(12.0 * (frame @ frame)))
    return RateError(
        error=1e9 / period_ns / nominal_sps - 1.0,
        uncertainty=max(chance, rounded) / period_ns,
        n=n,
    )
