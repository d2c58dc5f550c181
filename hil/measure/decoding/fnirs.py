"""Whether the cortex is active: oxyhaemoglobin beneath a long pair of optodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.decoding.windows import band_passed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fnirs_scores", "oxyhaemoglobin"]

_BAND_HZ = (0.01, 0.4)


def oxyhaemoglobin(
    current_a: NDArray[np.float64],
    wavelengths_nm: Sequence[int],
    extinction: dict[int, tuple[float, float]],
) -> NDArray[np.float64]:
    """Return the change of oxyhaemoglobin along the light's path, in mm mol per litre.

    Modified Beer-Lambert law: the change of ``-ln(current)`` at each wavelength is the extinctions
    times the changes of both haemoglobins, times the path, which is left as a factor here.

    Parameters
    ----------
    current_a : ndarray, shape (n_wavelengths, n_times)
        Photodiode currents of one pair, in amperes.
    wavelengths_nm : sequence of int
    extinction : dict of int to (float, float)
        Absorption of oxy- and deoxyhaemoglobin in 1/(mm M), natural logarithm, by wavelength.

    Returns
    -------
    ndarray, shape (n_times,)

    Raises
    ------
    ValueError
        If a current is not positive: no light was seen.
    """
    if not np.all(current_a > 0):
        raise ValueError("a photodiode's current is not positive: it saw no light")
    density = -np.log(current_a / current_a.mean(axis=1, keepdims=True))
    table = np.array([extinction[int(nm)] for nm in wavelengths_nm])
    solved: NDArray[np.float64] = np.linalg.lstsq(table, density, rcond=None)[0][0]
    return solved


def fnirs_scores(
    oxy: NDArray[np.float64], rate_hz: float, first: NDArray[np.int64], n_times: int
) -> NDArray[np.float64]:
    """Return by how much oxyhaemoglobin is higher in windows than just before each.

    In 0.01 to 0.4 Hz. What blood does in the skin, and everywhere, stays in it.

    Parameters
    ----------
    oxy : ndarray, shape (n_times,)
        Of one pair, from `oxyhaemoglobin`.
    rate_hz : float
    first : ndarray of int, shape (n_windows,)
        Frame that each window begins with.
    n_times : int
        Length of the windows in frames, and of the stretch before each.

    Returns
    -------
    ndarray, shape (n_windows,)
        Higher where the cortex is active.
    """
    slow = band_passed(oxy[None], rate_hz, *_BAND_HZ, order=2)[0]
    summed = np.concatenate([[0.0], np.cumsum(slow)])
    after = summed[first + n_times] - summed[first]
    before = summed[first] - summed[first - n_times]
    return np.asarray((after - before) / n_times)
