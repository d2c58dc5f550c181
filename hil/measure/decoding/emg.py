"""Whether a muscle contracts: the power of its electromyogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegrig.hil.measure.decoding.windows import band_passed, cut, log_power

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["emg_scores"]

_BAND_HZ = (20.0, 85.0)


def emg_scores(
    samples: NDArray[np.float64], rate_hz: float, first: NDArray[np.int64], n_times: int
) -> NDArray[np.float64]:
    """Return each window's logarithm of the power in 20 to 85 Hz.

    A muscle's band reaches higher; this is what 250 samples per second show of it. Parameters as of
    `hil.measure.decoding.alpha.alpha_scores`.

    Returns
    -------
    ndarray, shape (n_windows,)
        Higher in a contraction.
    """
    return log_power(cut(band_passed(samples, rate_hz, *_BAND_HZ), first, n_times))
