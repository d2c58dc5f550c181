"""What sleep staging looks for: spindles and slow waves, as scores of windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.decoding.windows import band_passed, cut, log_power

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["slow_wave_scores", "spindle_scores"]

_SIGMA_HZ = (11.5, 15.5)
_BROAD_HZ = (1.0, 30.0)
_SLOW_HZ = (0.3, 3.0)


def spindle_scores(
    samples: NDArray[np.float64], rate_hz: float, first: NDArray[np.int64], n_times: int
) -> NDArray[np.float64]:
    """Return each window's logarithm of the part of 1 to 30 Hz that lies in 11.5 to 15.5 Hz.

    Relative sigma power, a criterion of common spindle detectors (Lacourse et al., *A sleep spindle
    detection algorithm that emulates human expert spindle scoring*, Journal of Neuroscience Methods
    316, 2019, whose thresholds are left out here). Parameters as of
    `hil.measure.decoding.alpha.alpha_scores`.

    Returns
    -------
    ndarray, shape (n_windows,)
        Higher with a spindle.
    """
    sigma, broad = (
        log_power(cut(band_passed(samples, rate_hz, *band), first, n_times))
        for band in (_SIGMA_HZ, _BROAD_HZ)
    )
    return sigma - broad


def slow_wave_scores(
    samples: NDArray[np.float64], rate_hz: float, first: NDArray[np.int64], n_times: int
) -> NDArray[np.float64]:
    """Return each window's size from valley to peak in volts: the channels' mean in 0.3 to 3 Hz.

    What a slow wave is by its amplitude criterion. Parameters as of
    `hil.measure.decoding.alpha.alpha_scores`.

    Returns
    -------
    ndarray, shape (n_windows,)
        Higher with a slow wave.
    """
    mean = samples.mean(axis=0, keepdims=True)
    slow = cut(band_passed(mean, rate_hz, *_SLOW_HZ, order=2), first, n_times)
    size: NDArray[np.float64] = np.ptp(slow[:, 0, :], axis=1)
    return size
