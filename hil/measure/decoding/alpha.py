"""Eyes open or closed: the power of alpha beside that of its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegrig.hil.measure.decoding.windows import band_passed, cut, log_power

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["alpha_scores"]

_ALPHA_HZ = (8.0, 13.0)
_AROUND_HZ = (14.0, 30.0)


def alpha_scores(
    samples: NDArray[np.float64], rate_hz: float, first: NDArray[np.int64], n_times: int
) -> NDArray[np.float64]:
    """Return each window's logarithm of the power in 8 to 13 Hz over that in 14 to 30 Hz.

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n_frames)
        A recording at the back of the head or behind the ears.
    rate_hz : float
    first : ndarray of int, shape (n_windows,)
        Frame that each window begins with.
    n_times : int
        Length of the windows in frames.

    Returns
    -------
    ndarray, shape (n_windows,)
        Higher with closed eyes.
    """
    alpha, around = (
        log_power(cut(band_passed(samples, rate_hz, *band), first, n_times))
        for band in (_ALPHA_HZ, _AROUND_HZ)
    )
    return alpha - around
