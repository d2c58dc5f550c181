"""The third-order sinc decimation filter, for samples on any time grid.

Three boxcars of one data period in cascade have the quadratic B-spline as impulse response and
``sinc(f / fDR)**3`` as frequency response (SBAS499C 9.3.2.1.1; its discrete form, at 128 or more
modulator cycles a period, differs by less than 1e-4 of the pass band). Weighting the samples of a
band-limited input with that spline, at whatever phase the conversion falls between them, keeps
gain, notches and group delay exact without running at the modulator's rate: with eight samples per
data period the response is right to 3e-4 at the Nyquist frequency and better below.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOISE_GAIN", "taps", "weights"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NOISE_GAIN = 11 / 20
"""Integral of the squared spline: white noise of variance s2 leaves with s2 * 11/20 / m, where m is
the number of samples in a data period."""


def taps(samples_per_period: float) -> int:
    """Return how many samples a window of three data periods can touch."""
    return int(np.ceil(3.0 * samples_per_period)) + 1


def weights(centres: FloatArray, samples_per_period: float) -> tuple[IntArray, FloatArray]:
    """Return which samples each conversion weights, and how.

    Parameters
    ----------
    centres : ndarray, shape (n_conversions,)
        Centres of the windows, in samples of the input.
    samples_per_period : float
        Input samples in a data period.

    Returns
    -------
    first : ndarray of int, shape (n_conversions,)
        Index of the first sample of each window.
    weight : ndarray, shape (n_conversions, n_taps)
        Weight of that sample and the following ones; each row sums to 1 (to 1e-4 or better,
        exactly where `samples_per_period` is whole).
    """
    n_taps = taps(samples_per_period)
    first = np.ceil(centres - 1.5 * samples_per_period).astype(np.int64)
    offset = np.arange(n_taps) + (first - centres)[:, None]
    u = np.abs(offset) / samples_per_period
    inner = 0.75 - u * u
    outer = 0.5 * np.square(np.maximum(1.5 - u, 0.0))
    return first, np.where(u < 0.5, inner, outer) / samples_per_period
