"""Attention as trainers of it have it: theta falls and beta rises at the forehead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegrig.hil.measure.decoding.windows import band_passed, cut, log_power

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["attention_scores"]

_THETA_HZ = (4.0, 8.0)
_BETA_HZ = (13.0, 30.0)


def attention_scores(
    samples: NDArray[np.float64], rate_hz: float, first: NDArray[np.int64], n_times: int
) -> NDArray[np.float64]:
    """Return each window's logarithm of beta's power (13 to 30 Hz) over theta's (4 to 8 Hz).

    The inverse of the theta/beta ratio. Parameters as of `hil.measure.decoding.alpha.alpha_scores`.

    Returns
    -------
    ndarray, shape (n_windows,)
        Higher with attention.
    """
    theta, beta = (
        log_power(cut(band_passed(samples, rate_hz, *band), first, n_times))
        for band in (_THETA_HZ, _BETA_HZ)
    )
    return beta - theta
