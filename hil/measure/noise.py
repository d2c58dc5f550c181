"""Input-referred noise of shorted inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Noise", "band_noise", "shorted_noise"]

PEAK_TO_PEAK_READINGS = 1000
"""Readings a peak-to-peak value is taken over: TI's for the noise tables of the ADS1299
(SBAS499C, section 7.1). It grows with the number of readings, so that it must be fixed."""


@dataclass(frozen=True)
class Noise:
    """Noise of a recording with shorted inputs, in volts, by channel.

    Attributes
    ----------
    rms_v, rms_uncertainty_v : ndarray, shape (n_channels,)
        Root mean square about the mean, and its standard uncertainty.
    peak_to_peak_v, peak_to_peak_uncertainty_v : ndarray, shape (n_channels,)
        Mean over stretches of `PEAK_TO_PEAK_READINGS` readings; NaN where there is not one whole
        stretch, the uncertainty also where there is only one.
    n : int
        Readings per channel.
    stretches : int
        That `peak_to_peak_v` is the mean of.
    """

    rms_v: NDArray[np.float64]
    rms_uncertainty_v: NDArray[np.float64]
    peak_to_peak_v: NDArray[np.float64]
    peak_to_peak_uncertainty_v: NDArray[np.float64]
    n: int
    stretches: int = 0


def shorted_noise(recorded_v: NDArray[np.float64]) -> Noise:
    """Return rms and peak-to-peak noise of each channel.

    Only the mean is removed: drift is noise, too. A filter makes neighbouring readings depend on
    each other; the rms's uncertainty ``rms / sqrt(2 n_eff)`` therefore counts independent readings
    ``n_eff = n / sum(rho_k ** 2)`` over the autocorrelation `rho` at all lags (Bartlett's formula
    for the variance of a Gaussian process), up to a tenth of the record.

    Parameters
    ----------
    recorded_v : ndarray, shape (n_channels, n_times)
        In volts.

    Raises
    ------
    ValueError
        If there are fewer than ten readings.
    """
    n_channels, n = recorded_v.shape
    if n < 10:
        raise ValueError(f"{n} readings are too few for a noise figure")
    centred = recorded_v - recorded_v.mean(axis=1, keepdims=True)
    rms = np.sqrt(np.sum(centred**2, axis=1) / (n - 1))

    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, size, axis=1)[:, : max(n // 10, 2)]
    variance = covariance[:, :1]
    rho = np.divide(covariance, variance, out=np.zeros_like(covariance), where=variance > 0)
    # White noise shows a squared correlation of 1/n at every lag by chance; that does not count.
    squares = rho[:, 1:] ** 2
    squares = np.where(squares > 4.0 / n, squares - 1.0 / n, 0.0)
    n_effective = n / (1.0 + 2.0 * np.sum(squares, axis=1))

    stretches = n // PEAK_TO_PEAK_READINGS
    peak = np.full(n_channels, np.nan)
    peak_uncertainty = np.full(n_channels, np.nan)
    if stretches:
        whole = recorded_v[:, : stretches * PEAK_TO_PEAK_READINGS]
        cut = whole.reshape(n_channels, stretches, PEAK_TO_PEAK_READINGS)
        peaks = np.ptp(cut, axis=2)
        peak = peaks.mean(axis=1)
        if stretches > 1:
            peak_uncertainty = peaks.std(axis=1, ddof=1) / np.sqrt(stretches)
    return Noise(
        rms_v=rms,
        rms_uncertainty_v=rms / np.sqrt(2.0 * n_effective),
        peak_to_peak_v=peak,
        peak_to_peak_uncertainty_v=peak_uncertainty,
        n=n,
        stretches=stretches,
    )


def band_noise(
    recorded_v: NDArray[np.float64], rate_hz: float, band_hz: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rms noise in a band, by integrating a Welch spectrum.

    Parameters
    ----------
    recorded_v : ndarray, shape (n_channels, n_times)
        In volts.
    rate_hz : float
        Sample rate in hertz.
    band_hz : tuple of float
        Lower and upper edge in hertz.

    Returns
    -------
    rms_v : ndarray, shape (n_channels,)
        In volts.
    uncertainty_v : ndarray, shape (n_channels,)
        ``rms / (2 sqrt(B T))``, for noise that is even across the band `B` in the time `T`
        (Bendat and Piersol, *Random Data*, 4th ed., section 8.2).

    Raises
    ------
    ValueError
        If the band holds no line of the spectrum.
    """
    from scipy.signal import welch

    n = recorded_v.shape[1]
    segment = min(n, max(16, round(4 * rate_hz)))
    frequency, density = welch(recorded_v, rate_hz, nperseg=segment, detrend="constant", axis=1)
    spacing = rate_hz / segment
    # Each line stands for the stretch of one spacing around it, cut at the edges of the band.
    width = np.minimum(frequency + spacing / 2, band_hz[1]) - np.maximum(
        np.maximum(frequency - spacing / 2, 0.0), band_hz[0]
    )
    width = np.clip(width, 0.0, None)
    if not width.sum() > 0:
        raise ValueError(f"band {band_hz} Hz lies outside 0 to {rate_hz / 2} Hz")
    rms = np.sqrt(density @ width)
    bandwidth_time = (band_hz[1] - band_hz[0]) * n / rate_hz
    return rms, rms / (2.0 * np.sqrt(max(bandwidth_time, 1.0)))
