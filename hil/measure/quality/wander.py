"""Noise as people who read EEG see it: peaks, lines of the spectrum, wandering, rare outliers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["drift", "largest_line", "largest_residual", "peak_to_valley"]

WINDOW_S = 10.0
_EDGE_S = 1.0
_NORMAL_MAD = 1.4826
"""Standard deviation of normal values over their median absolute deviation."""


def peak_to_valley(
    samples_v: NDArray[np.float64],
    rate_hz: float,
    band_hz: tuple[float, float] = (0.5, 50.0),
    window_s: float = WINDOW_S,
) -> NDArray[np.float64]:
    """Return the largest value less the smallest, within a band, window by window.

    The band is that of a Butterworth filter of fourth order, run forward and backward over the
    whole record, so that its phase does not matter; both edges are at -6 dB. A second at either
    end, where it does not know what came before, is left out.

    Parameters
    ----------
    samples_v : ndarray, shape (n_channels, n_times)
    rate_hz : float
    band_hz : tuple of float
    window_s : float

    Returns
    -------
    ndarray, shape (n_channels, n_windows)

    Raises
    ------
    ValueError
        If there is not one window, and a second at either end.
    """
    from scipy.signal import butter, sosfiltfilt

    size = round(window_s * rate_hz)
    edge = round(_EDGE_S * rate_hz)
    n = samples_v.shape[1]
    if n < size + 2 * edge:
        raise ValueError(f"{n} samples are too few for a window of {window_s:g} s and its edges")
    sos = butter(4, band_hz, "bandpass", fs=rate_hz, output="sos")
    within = sosfiltfilt(sos, samples_v, axis=1, padtype="even", padlen=min(size, n - 1))[
        :, edge : n - edge
    ]
    windows = within[:, : within.shape[1] // size * size].reshape(samples_v.shape[0], -1, size)
    peaks: NDArray[np.float64] = np.ptp(windows, axis=2)
    return peaks


def largest_line(
    samples_v: NDArray[np.float64],
    rate_hz: float,
    band_hz: tuple[float, float] = (0.5, 100.0),
    window_s: float = WINDOW_S,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest sine at any frequency of a band, peak to peak, and where it is.

    A line of the spectrum of `window_s`, with a Hann window, averaged in power over windows that
    overlap by half; noise has as much of it as its density gives.

    Parameters
    ----------
    samples_v : ndarray, shape (n_channels, n_times)
    rate_hz : float
    band_hz : tuple of float
        Cut at half the rate.
    window_s : float

    Returns
    -------
    peak_to_peak_v, frequency_hz : ndarray, shape (n_channels,)
    """
    from scipy.signal import welch

    size = min(round(window_s * rate_hz), samples_v.shape[1])
    frequency, power = welch(samples_v, rate_hz, "hann", size, scaling="spectrum", axis=1)
    within = (frequency >= band_hz[0]) & (frequency <= band_hz[1])
    found = power[:, within]
    at = np.argmax(found, axis=1)
    height = np.take_along_axis(found, at[:, None], axis=1)[:, 0]
    return 2.0 * np.sqrt(2.0 * height), frequency[within][at]


def drift(
    samples_v: NDArray[np.float64], rate_hz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how fast each channel's level moves, by a straight line, and the uncertainty.

    Parameters
    ----------
    samples_v : ndarray, shape (n_channels, n_times)
    rate_hz : float

    Returns
    -------
    slope_v_per_s, uncertainty_v_per_s : ndarray, shape (n_channels,)
        The uncertainty is of noise as the lowest lines of the spectrum have it.
    """
    from eegrig.hil.measure.chance import of_a_fit

    n = samples_v.shape[1]
    time = np.broadcast_to((np.arange(n) - (n - 1) / 2) / rate_hz, samples_v.shape)
    centred = samples_v - samples_v.mean(axis=1, keepdims=True)
    slope = np.sum(time * centred, axis=1) / np.sum(time[0] ** 2)
    return slope, of_a_fit(time, centred - slope[:, None] * time)


def largest_residual(residual_v: NDArray[np.float64]) -> tuple[float, int, int]:
    """Return the residual farthest from zero, in standard deviations of its channel's residuals.

    The standard deviation is 1.4826 times the median magnitude, which rare outliers do not move
    (exact for normal values). Of a million normal values the largest is 4.9 of them.

    Parameters
    ----------
    residual_v : ndarray, shape (n_channels, n_times)

    Returns
    -------
    deviations : float
        Infinite for a single outlier among values that are all the same.
    channel, index : int
        Where it is.
    """
    size = np.abs(residual_v)
    sigma = _NORMAL_MAD * np.median(size, axis=1, keepdims=True)
    ratio = np.divide(size, sigma, out=np.where(size > 0, np.inf, 0.0), where=sigma > 0)
    channel, index = np.unravel_index(np.argmax(ratio), ratio.shape)
    return float(ratio[channel, index]), int(channel), int(index)
