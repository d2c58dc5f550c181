"""Distortion of a large sine, by IEEE 1241-2010 (assumed as to the numbers of its sections)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.sine import enob_ieee1241, fit_sine

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HARMONICS", "Distortion", "distortion"]

HARMONICS = (2, 3, 4, 5)
"""Harmonics that the total harmonic distortion is of."""
_DB = 20.0 / np.log(10.0)
_COLOURED = 1.2
"""How much less well an rms is known for its readings' depending on each other behind a sinc3
filter (correlations of 26/66 and 1/66)."""


@dataclass(frozen=True)
class Distortion:
    """What a converter adds to a sine.

    Attributes
    ----------
    amplitude_v : float
        Of the sine, peak.
    sinad_db, sinad_uncertainty_db : float
        Sine to all else (residual of a four-parameter fit).
    enob, enob_uncertainty : float
        ``log2(full scale / (residual sqrt(12)))``: IEEE 1241's. It has distortion in it, and is
        0.29 bit lower by definition than what TI's data sheets call so.
    thd_db : float
        Root of the sum of the squares of the harmonics, over the sine.
    thd_uncertainty_db : float
    residual_v : float
        Rms.
    """

    amplitude_v: float
    sinad_db: float
    sinad_uncertainty_db: float
    enob: float
    enob_uncertainty: float
    thd_db: float
    thd_uncertainty_db: float
    residual_v: float


def distortion(samples_v: NDArray[np.float64], rate_hz: float, full_scale_v: float) -> Distortion:
    """Fit a sine and its harmonics.

    Parameters
    ----------
    samples_v : ndarray, shape (n_times,)
        One channel, in volts.
    rate_hz : float
        Sample rate.
    full_scale_v : float
        From the most negative to the most positive code.

    Raises
    ------
    ValueError
        As `fit_sine`.
    """
    fit = fit_sine(samples_v, rate_hz)
    n = samples_v.size
    angle = 2.0 * np.pi * fit.frequency_hz / rate_hz * np.arange(n)
    left = samples_v - fit.offset_v - fit.amplitude_v * np.cos(angle + fit.phase_rad)
    columns = [f(k * angle) for k in HARMONICS for f in (np.cos, np.sin)]
    design = np.stack([*columns, np.cos(angle), np.sin(angle), np.ones(n)], axis=1)
    solution = np.linalg.lstsq(design, left, rcond=None)[0]
    noise_v = float(np.sqrt(np.mean((left - design @ solution) ** 2)))
    harmonics_v = float(np.sqrt(np.sum(solution[: 2 * len(HARMONICS)] ** 2)))
    # A harmonic is known to this; where there is none, this is what chance makes of it.
    doubt_v = noise_v * np.sqrt(2.0 / n) * _COLOURED
    of_rms = _COLOURED / np.sqrt(2.0 * n)
    return Distortion(
        amplitude_v=fit.amplitude_v,
        sinad_db=fit.sinad_db,
        sinad_uncertainty_db=float(_DB * of_rms),
        enob=enob_ieee1241(fit, full_scale_v),
        enob_uncertainty=float(of_rms / np.log(2.0)),
        thd_db=float(20.0 * np.log10(harmonics_v / fit.amplitude_v)),
        thd_uncertainty_db=float(_DB * doubt_v / harmonics_v),
        residual_v=fit.residual_v,
    )
