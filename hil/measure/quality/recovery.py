"""After an overload, or when an electrode comes off: how long until the samples tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["recovery_s"]


def recovery_s(
    samples_v: NDArray[np.float64],
    at_limit: NDArray[np.bool_],
    rate_hz: float,
    tolerance_v: float,
) -> tuple[float, float]:
    """Return the time from the last sample at the limit to the first that stays at its final level.

    The final level is the median of the last quarter of the record.

    Parameters
    ----------
    samples_v : ndarray, shape (n_times,)
        One channel; an overload that ends, and what follows.
    at_limit : ndarray of bool, shape (n_times,)
        Samples that are at the end of the front end's range.
    rate_hz : float
    tolerance_v : float
        How far from its final level a sample may be.

    Returns
    -------
    seconds, uncertainty_s : float
        A sample's place is known to a sample: the uncertainty is that of an even spread over one,
        at either end.

    Raises
    ------
    ValueError
        If there is no overload, or it lasts to the last quarter.
    """
    n = samples_v.size
    found = np.flatnonzero(at_limit)
    if not found.size:
        raise ValueError("no sample is at the limit: there was no overload")
    last = int(found[-1])
    if last >= n - n // 4:
        raise ValueError("the overload lasts to the end of the record")
    final_v = float(np.median(samples_v[n - n // 4 :]))
    off = np.flatnonzero(np.abs(samples_v - final_v) > tolerance_v)
    back = max(int(off[-1]) + 1 if off.size else 0, last + 1)
    return (back - last) / rate_hz, float(np.sqrt(2.0 / 12.0) / rate_hz)
