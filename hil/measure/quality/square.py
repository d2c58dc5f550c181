"""The amplitude of a square wave, as a front end's own test signal is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eegrig.hil.measure.chance import of_the_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Square", "square_amplitude"]

_EDGE = 4
"""Samples beside a change that a sinc3 blurs: its window is three conversions long."""


class Square(NamedTuple):
    """Amplitude of each channel's square wave, in volts.

    Attributes
    ----------
    amplitude_v : ndarray, shape (n_channels,)
        Half of the distance between its levels.
    uncertainty_v : ndarray, shape (n_channels,)
    """

    amplitude_v: NDArray[np.float64]
    uncertainty_v: NDArray[np.float64]


def square_amplitude(samples_v: NDArray[np.float64]) -> Square:
    """Return the amplitude of a square wave that is in every channel.

    The levels are means of what is farther than a filter's window from a change, on either side
    of the middle of the range.

    Parameters
    ----------
    samples_v : ndarray, shape (n_channels, n_times)

    Raises
    ------
    ValueError
        If a channel has one level only.
    """
    middle = (samples_v.max(axis=1) + samples_v.min(axis=1))[:, None] / 2
    high = samples_v > middle
    changes = high[:, 1:] != high[:, :-1]
    amplitude, uncertainty = [], []
    for row in range(samples_v.shape[0]):
        steady = np.ones(samples_v.shape[1], dtype=bool)
        for at in np.flatnonzero(changes[row]):
            steady[max(0, at + 1 - _EDGE) : at + 1 + _EDGE] = False
        levels = [samples_v[row, steady & (high[row] == side)] for side in (True, False)]
        if min(level.size for level in levels) < 2:
            raise ValueError(f"channel {row} has no two levels: it is no square wave")
        amplitude.append(float(levels[0].mean() - levels[1].mean()) / 2)
        spread = [float(of_the_mean(level)) for level in levels]
        uncertainty.append(math.hypot(*spread) / 2)
    return Square(np.array(amplitude), np.array(uncertainty))
