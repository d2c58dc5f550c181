"""What an amplifier makes of voltages that are common to its inputs, or stand behind a resistor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["InputImpedance", "cmrr_db", "input_impedance"]

_DB = 20.0 / np.log(10.0)


def cmrr_db(common_mode_v: float, shown_v: float, uncertainty_v: float) -> tuple[float, float]:
    """Return the common-mode rejection in decibels, and its uncertainty.

    ``20 log10(applied / shown, referred to the input)``. Where noise is all there is, the rejection
    is at least what the noise lets see.

    Parameters
    ----------
    common_mode_v : float
        Amplitude of the common mode.
    shown_v, uncertainty_v : float
        Amplitude between the inputs, what the filter takes of it undone, and its uncertainty.

    Raises
    ------
    ValueError
        If an amplitude is not positive.
    """
    if not (common_mode_v > 0 and uncertainty_v > 0 and shown_v >= 0):
        raise ValueError(f"{common_mode_v} V of common mode that show as {shown_v} V")
    seen_v = max(shown_v, uncertainty_v)
    value = 20.0 * np.log10(common_mode_v / seen_v)
    return float(value), float(_DB * uncertainty_v / seen_v)


@dataclass(frozen=True)
class InputImpedance:
    """Of one channel's inputs: a resistor with a capacitor beside it.

    Attributes
    ----------
    conductance_s, capacitance_f : float
    at_hz : float
        Frequency of `ohm`.
    ohm, uncertainty_ohm : float
        Magnitude of the impedance there.
    """

    conductance_s: float
    capacitance_f: float
    at_hz: float
    ohm: float
    uncertainty_ohm: float


def input_impedance(
    left: NDArray[np.float64],
    uncertainty: NDArray[np.float64],
    frequencies_hz: NDArray[np.float64],
    series_ohm: float,
    *,
    at_hz: float = 10.0,
) -> InputImpedance:
    """Tell an input's impedance from what a resistor in series leaves of a few sines.

    Of a sine of angular frequency w the divider leaves ``|1 + R (G + j w C)| ** -1``; so
    ``left ** -2 = (1 + R G)^2 + (R C)^2 w^2`` is a straight line over ``w^2``, fitted by weighted
    least squares. No phase is needed, hence no clock.

    Parameters
    ----------
    left : ndarray, shape (n_tones,)
        Amplitude with the resistor over amplitude without.
    uncertainty : ndarray, shape (n_tones,)
        Standard uncertainties.
    frequencies_hz : ndarray, shape (n_tones,)
        Two or more.
    series_ohm : float
        The resistor.
    at_hz : float
        Where the magnitude is told.

    Raises
    ------
    ValueError
        If there are fewer than two tones, or one shows nothing.
    """
    if left.size < 2 or not np.all(left > 0):
        raise ValueError("an input impedance wants two tones or more that show")
    omega2 = (2.0 * np.pi * frequencies_hz) ** 2
    weight = left**3 / (2.0 * uncertainty)  # one over the uncertainty of left ** -2
    design = np.stack([np.ones_like(omega2), omega2 / omega2.max()], axis=1) * weight[:, None]
    solution = np.linalg.lstsq(design, left**-2 * weight, rcond=None)[0]
    covariance = np.linalg.inv(design.T @ design)
    at2 = (2.0 * np.pi * at_hz) ** 2

    def impedance(level: float, slope: float) -> tuple[float, float, float]:
        conductance = (np.sqrt(max(level, 1.0)) - 1.0) / series_ohm
        capacitance = np.sqrt(max(slope, 0.0) / omega2.max()) / series_ohm
        size = np.hypot(conductance, np.sqrt(at2) * capacitance)
        return float(conductance), float(capacitance), float(1.0 / max(size, 1e-18))

    conductance, capacitance, ohm = impedance(*solution)
    steps = [impedance(*(solution + np.sqrt(covariance[i, i]) * np.eye(2)[i])) for i in range(2)]
    return InputImpedance(
        conductance_s=conductance,
        capacitance_f=capacitance,
        at_hz=at_hz,
        ohm=ohm,
        uncertainty_ohm=float(np.linalg.norm([step[2] - ohm for step in steps])),
    )
