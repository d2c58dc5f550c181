"""The voltage divider of electrode and amplifier input as a digital filter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegrig.signal_sim.stream import FloatArray

__all__ = ["fit_filter"]

_GRID = np.geomspace(1e-5, 0.35, 100)
"""Frequencies of the fit, in cycles per sample."""
_ROUNDS = 2
_ORDER = 2
_LARGEST_POLE = 1.0 - 1e-6


def fit_filter(
    response: NDArray[np.complex128], frequencies: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Fit a stable second-order filter to a complex response.

    Least squares of the relative error (Levy's method with Sanathanan and Koerner's reweighting,
    IEEE Trans. Autom. Control 8:56, 1963). Below a tenth of the sample rate the fit is good to a
    tenth of what the divider takes away at most, which for a dry electrode is a fiftieth of the
    signal; towards 0.3 of the rate, to a quarter.

    Parameters
    ----------
    response : ndarray of complex, shape (n_frequencies,)
        Wanted response at `grid_hz`.
    frequencies : ndarray, shape (n_frequencies,), or None
        In cycles per sample; None for the fit's own grid.

    Returns
    -------
    numerator, denominator : ndarray
        Of the filter, in powers of z^-1.
    """
    grid = _GRID if frequencies is None else frequencies
    delay = np.exp(-2j * np.pi * grid)
    weight = 1.0 / np.maximum(np.abs(response), 1e-15)
    powers = delay[:, None] ** np.arange(_ORDER + 1)
    scale = weight
    b: FloatArray = np.zeros(_ORDER + 1)
    a: FloatArray = np.ones(_ORDER + 1)
    for _ in range(_ROUNDS):
        # B - D (A - 1) = D, every row divided by |D| and by the last round's |A|.
        columns = np.hstack([powers, -response[:, None] * powers[:, 1:]]) * scale[:, None]
        solution = _least_squares(columns, response * scale)
        b = solution[: _ORDER + 1]
        a = np.concatenate([[1.0], solution[_ORDER + 1 :]])
        scale = weight / np.maximum(np.abs(powers @ a), 1e-12)
    poles = np.roots(a)
    size = np.abs(poles)
    if size.max() > _LARGEST_POLE:
        # Poles outside the circle go to their mirror images, and the zeros are found again.
        mirrored = np.where(size > 1, 1 / np.maximum(size, 1.0), size)
        poles = poles / size * np.minimum(mirrored, _LARGEST_POLE)
        a = np.asarray(np.poly(poles).real, dtype=np.float64)
        below = powers @ a
        b = _least_squares(powers * (weight / below)[:, None], response * weight)
    return b, a


def _least_squares(columns: NDArray[Any], target: NDArray[np.complex128]) -> FloatArray:
    """Return the real solution of an overdetermined complex system."""
    system = np.vstack([columns.real, columns.imag])
    wanted = np.hstack([target.real, target.imag])
    return np.asarray(np.linalg.lstsq(system, wanted, rcond=None)[0], dtype=np.float64)


def grid_hz(rate_hz: float) -> FloatArray:
    """Return the frequencies of the fit's own grid in hertz."""
    return np.asarray(_GRID * rate_hz)
