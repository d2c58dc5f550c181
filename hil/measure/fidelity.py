"""Does the recording equal the input? Gain error and correlation, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.hil.measure.noise import Noise

__all__ = ["Fidelity", "fidelity"]


@dataclass(frozen=True)
class Fidelity:
    """How a recording compares with what an ideal front end would have recorded.

    Attributes
    ----------
    gain_error : ndarray, shape (n_channels,)
        Relative error of the gain, signed.
    gain_uncertainty : ndarray, shape (n_channels,)
        Its standard uncertainty, from the residual.
    offset_v : ndarray, shape (n_channels,)
        Constant difference in volts.
    correlation, correlation_uncertainty : ndarray, shape (n_channels,)
        Pearson's correlation coefficient, of the recording without the front end's own noise where
        that is known, and its standard uncertainty.
    residual_v : ndarray, shape (n_channels, n_times)
        Recording minus expectation, offset removed, gain error left in, in volts.
    """

    gain_error: NDArray[np.float64]
    gain_uncertainty: NDArray[np.float64]
    offset_v: NDArray[np.float64]
    correlation: NDArray[np.float64]
    correlation_uncertainty: NDArray[np.float64]
    residual_v: NDArray[np.float64]

    @property
    def worst_gain_error(self) -> tuple[float, float]:
        """Largest absolute gain error of all channels, and its uncertainty."""
        worst = int(np.argmax(np.abs(self.gain_error)))
        return abs(float(self.gain_error[worst])), float(self.gain_uncertainty[worst])

    @property
    def worst_correlation(self) -> tuple[float, float]:
        """Lowest correlation of all channels, and its uncertainty."""
        worst = int(np.argmin(self.correlation))
        return float(self.correlation[worst]), float(self.correlation_uncertainty[worst])


def fidelity(
    recorded_v: NDArray[np.float64],
    expected_v: NDArray[np.float64],
    *,
    noise: Noise | None = None,
) -> Fidelity:
    """Compare a recording with its expectation: ``gain * expected + offset`` by least squares.

    The expectation is the applied signal as the front end's filter shows it, at the electrode times
    of the samples (`hil.measure.align.expected`), so that the filter's slope is no gain error.

    Noise that the front end adds makes the correlation the smaller the quieter the signal is, and
    the gain uncertain: with `noise`, the noise's power is taken from the recording's before they
    are correlated, and what noise of that power does to the gain from the gain's error (the root of
    the difference of squares). What else differs stays in both.

    Parameters
    ----------
    recorded_v, expected_v : ndarray, shape (n_channels, n_times)
        In volts.
    noise : Noise, optional
        Of shorted inputs, the same channels at the same rate and gain.

    Raises
    ------
    ValueError
        If the shapes differ, there are fewer than three samples, or a channel of the expectation
        is constant.
    """
    if recorded_v.shape != expected_v.shape or recorded_v.ndim != 2:
        raise ValueError(f"recording {recorded_v.shape} and expectation {expected_v.shape} differ")
    n_times = recorded_v.shape[1]
    if n_times < 3:
        raise ValueError(f"{n_times} samples are too few to compare")
    recorded = recorded_v - recorded_v.mean(axis=1, keepdims=True)
    ideal = expected_v - expected_v.mean(axis=1, keepdims=True)
    power = np.sum(ideal**2, axis=1)
    if not np.all(power > 0):
        raise ValueError("a channel of the expectation is constant; its gain cannot be told")
    product = np.sum(ideal * recorded, axis=1)
    gain = product / power
    error = recorded - gain[:, None] * ideal
    variance = np.sum(error**2, axis=1) / (n_times - 2)
    gain_error = gain - 1.0
    received = np.sum(recorded**2, axis=1)
    scale = np.sqrt(power * received)
    raw = np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    uncertainty = (1 - raw**2) / np.sqrt(n_times)
    correlation = raw
    if noise is not None:
        added = n_times * noise.rms_v**2
        scale = np.sqrt(power * np.maximum(received - added, 0.0))
        clean = np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
        correlation = np.clip(clean, -1.0, 1.0)
        # Of the noise in the recording, and of what was measured of it.
        doubt = np.sqrt(2.0 / n_times + (2 * noise.rms_uncertainty_v / noise.rms_v) ** 2)
        uncertainty = added / (2 * power) * doubt
        by_noise = np.maximum(gain_error**2 - added / n_times / power, 0.0)
        gain_error = np.sign(gain_error) * np.sqrt(by_noise)
    return Fidelity(
        gain_error=gain_error,
        gain_uncertainty=np.sqrt(variance / power),
        offset_v=recorded_v.mean(axis=1) - expected_v.mean(axis=1),
        correlation=correlation,
        correlation_uncertainty=uncertainty,
        residual_v=recorded - ideal,
    )
