"""What chance leaves open of a figure that is made of values which depend on each other.

Values that follow each other are late, loud or empty together; or, in a pattern that repeats
itself, they make up for each other. The standard deviation over the root of their number is then
too small, or much too large. What decides is how high the spectrum is where the figure looks at it:
at frequency zero for a mean, where the signal is for the fit of a signal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEAST_COLOURED", "LINES", "of_a_fit", "of_the_mean"]

LINES = 12
"""Lines of the spectrum that are averaged, at most. With few the figure is itself left to chance (a
part in the root of four times their number), many reach to where the spectrum is another one."""

LEAST_COLOURED = 64
"""Of fewer values nobody can tell what spectrum a fit's noise has."""

_LEAST_VALUES = 8
_SMOOTH = 8
"""A fit's noise is taken as even over this part of all lines: a quarter of the band."""


def of_the_mean(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard uncertainty of the mean of a stretch of a stationary series.

    The variance of the mean of `n` values is ``p(0) / n``, with ``p(0)`` the height of the spectrum
    at frequency zero, here the mean of the lowest lines of the periodogram (Heidelberger and Welch,
    *A spectral method for confidence interval generation and run length control in simulations*,
    Communications of the ACM 24, 1981; they fit a curve to the lines, which is left out here).

    Parameters
    ----------
    series : ndarray, shape (..., n_times)
        In order, evenly spaced.

    Returns
    -------
    ndarray, shape (...)
        In the unit of the series; NaN for fewer than two values. Of fewer than eight the root of
        their number is taken, as if they did not depend on each other.
    """
    n = series.shape[-1]
    if n < 2:
        return np.full(series.shape[:-1], np.nan)
    if n < _LEAST_VALUES:
        plain: NDArray[np.float64] = series.std(axis=-1, ddof=1) / np.sqrt(n)
        return plain
    spectrum = np.fft.rfft(series - series.mean(axis=-1, keepdims=True))
    height = (np.abs(spectrum[..., 1 : min(LINES, n // 4) + 1]) ** 2).mean(axis=-1) / n
    uncertainty: NDArray[np.float64] = np.sqrt(height / n)
    return uncertainty


def of_a_fit(
    column: NDArray[np.float64], residual: NDArray[np.float64], *, used: int = 2
) -> NDArray[np.float64]:
    """Return the standard uncertainty of ``column @ values / column @ column``, a fit's parameter.

    What the fit leaves is taken for noise of a smooth spectrum ``S(f)`` that does not depend on the
    column, whose spectrum is ``C(f)``. The parameter's variance is then the sum of
    ``|C(f)|^2 S(f)`` over the square of the sum of ``|C(f)|^2`` (the variance of a linear form in a
    stationary series; Priestley, *Spectral Analysis and Time Series*, section 7.7, from memory).
    For white noise it is the variance of ordinary least squares, and of fewer than 64 values it
    is that whatever they are.

    Parameters
    ----------
    column : ndarray, shape (n_channels, n_times)
        What the parameter multiplies, in order and evenly spaced, what other parameters explain
        taken out.
    residual : ndarray, shape (n_channels, n_times)
        What the fit leaves.
    used : int
        Parameters of the fit, per channel.

    Returns
    -------
    ndarray, shape (n_channels,)
        In the unit of `residual` over that of `column`, of a fit of each channel alone.
    """
    from scipy.ndimage import uniform_filter1d

    n = column.shape[1]
    power = np.sum(column**2, axis=1)
    left = max(n - used, 1)
    if n < LEAST_COLOURED:
        plain: NDArray[np.float64] = np.sqrt(np.sum(residual**2, axis=1) / left / power)
        return plain
    noise = np.abs(np.fft.rfft(residual)) ** 2 / left
    noise = uniform_filter1d(noise, n // _SMOOTH | 1, mode="mirror")
    signal = np.abs(np.fft.rfft(column)) ** 2
    # Every line but the first, and the last of an even number, stands for two.
    signal[:, 1 : (n + 1) // 2] *= 2.0
    variance = np.sum(signal * noise, axis=1) / n / power**2
    uncertainty: NDArray[np.float64] = np.sqrt(variance)
    return uncertainty
