"""Does the recording equal the input? Gain error and correlation, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.chance import of_a_fit, of_the_mean

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
        Its standard uncertainty, from what the residual has where the signal has its power.
    offset_v : ndarray, shape (n_channels,)
        Constant difference in volts.
    correlation, correlation_uncertainty : ndarray, shape (n_channels,)
        Pearson's correlation coefficient, of the recording without the front end's own noise where
        that is known, and its standard uncertainty. Chance can take the former a little beyond 1.
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
        """The gain error of the largest magnitude of all channels, signed, and its uncertainty.

        Both are that channel's own. Of channels that differ by less than their uncertainty, the
        one that chance took farthest is chosen: the magnitude is then too large rather than too
        small.
        """
        worst = int(np.argmax(np.abs(self.gain_error)))
        return float(self.gain_error[worst]), float(self.gain_uncertainty[worst])

    @property
    def worst_correlation(self) -> tuple[float, float]:
        """Lowest correlation of all channels, and its uncertainty; both are that channel's own."""
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

    The gain is unbiased as it is: noise moves it to either side, by as much as its uncertainty says
    (`hil.measure.chance.of_a_fit`, as a filtered front end's noise is not white). The correlation
    is the smaller the more noise there is: with `noise`, the noise's power is taken from the
    recording's before they are correlated. What else differs stays in both.

    The correlation is ``(1 + q) ** -0.5``, `q` the power that the fit leaves, less the noise's,
    over the power it explains. It is as uncertain as chance leaves these three, to first order.

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
    gain_uncertainty = of_a_fit(ideal, error)
    ideal_v2 = power / n_times
    # Without the noise's power; of a channel that shows no more than noise nothing is left.
    added_v2 = np.zeros_like(power) if noise is None else noise.rms_v**2
    doubt_v2 = 0.0 if noise is None else 2 * noise.rms_v * noise.rms_uncertainty_v
    clean_v2 = np.mean(recorded**2, axis=1) - added_v2
    shown = clean_v2 > 0
    clean_v2 = np.where(shown, clean_v2, ideal_v2)
    correlation = np.where(shown, gain * np.sqrt(ideal_v2 / clean_v2), 0.0)
    chance_v2 = np.hypot(of_the_mean(error**2), doubt_v2)
    by_power = 0.5 * np.where(shown, correlation, 1.0) * chance_v2 / clean_v2
    left_v2 = np.mean(error**2, axis=1) - added_v2
    by_gain = left_v2 / clean_v2 * np.sqrt(ideal_v2 / clean_v2) * gain_uncertainty
    return Fidelity(
        gain_error=gain - 1.0,
        gain_uncertainty=gain_uncertainty,
        offset_v=recorded_v.mean(axis=1) - expected_v.mean(axis=1),
        correlation=correlation,
        correlation_uncertainty=np.hypot(by_power, by_gain),
        residual_v=recorded - ideal,
    )
