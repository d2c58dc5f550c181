"""Stretches of a recording around events, and the power in bands that decoders look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["band_passed", "cut", "log_power"]


def cut(
    samples: NDArray[np.float64], first: NDArray[np.int64], n_times: int
) -> NDArray[np.float64]:
    """Return stretches of a recording.

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n_frames)
    first : ndarray of int, shape (n_windows,)
        Frame that each stretch begins with.
    n_times : int
        Length of a stretch in frames.

    Returns
    -------
    ndarray, shape (n_windows, n_channels, n_times)

    Raises
    ------
    ValueError
        If a stretch reaches beyond the recording.
    """
    if len(first) and not (first.min() >= 0 and first.max() + n_times <= samples.shape[1]):
        raise ValueError(
            f"stretches of frames {first.min()} to {first.max() + n_times} reach beyond a "
            f"recording of {samples.shape[1]}"
        )
    return np.moveaxis(samples[:, first[:, None] + np.arange(n_times)], 1, 0)


def band_passed(
    samples: NDArray[np.float64], rate_hz: float, low_hz: float, high_hz: float, order: int = 4
) -> NDArray[np.float64]:
    """Return samples in a band, without delay (Butterworth, forwards and backwards).

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n_times)
    rate_hz : float
        Samples per second.
    low_hz, high_hz : float
        Edges in hertz; the upper one is kept below 0.48 of the rate.
    order : int
        Of the filter in one direction.
    """
    from scipy.signal import butter, sosfiltfilt

    edges = [low_hz, min(high_hz, 0.48 * rate_hz)]
    sos = butter(order, edges, btype="bandpass", fs=rate_hz, output="sos")
    filtered: NDArray[np.float64] = sosfiltfilt(sos, samples, axis=1)
    return filtered


def log_power(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of each stretch's mean power over channels and time.

    Parameters
    ----------
    windows : ndarray, shape (n_windows, n_channels, n_times)

    Returns
    -------
    ndarray, shape (n_windows,)
    """
    power = np.mean(windows**2, axis=(1, 2))
    return np.asarray(np.log(np.maximum(power, 1e-300)))
