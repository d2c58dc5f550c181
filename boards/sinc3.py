"""The sinc3 decimation filter of a delta-sigma front end: what it passes, and how late.

TI ADS1299 data sheet SBAS499C, 9.3.2.1 and 9.3.2.2. The front end's model has a filter of its own,
in time (`hil.virtual.afe.sinc3`): the device does not share what it is there to check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CUTOFF", "DELAY_PERIODS", "sinc3_gain"]

CUTOFF = 0.262
"""Frequency that is passed at -3 dB, as a part of the data rate (SBAS499C 9.3.2.2)."""

DELAY_PERIODS = 1.5
"""Group delay in periods of the data rate: half of three averages over one period each."""


def sinc3_gain(
    frequency_hz: ArrayLike, rate_sps: float, modulator_hz: float | None = None
) -> NDArray[np.float64]:
    """Return the amplitude response of a sinc3 decimation filter.

    ``|sin(N pi f / f_mod) / (N sin(pi f / f_mod))| ** 3`` with ``N = f_mod / rate`` (SBAS499C
    9.3.2.2, equation 8); without `modulator_hz`, its limit for a fast modulator,
    ``|sinc(f / rate)| ** 3``, which differs by 3e-5 at a quarter of the rate from 64 clocks.

    Parameters
    ----------
    frequency_hz : array_like
        Frequencies in hertz, any shape.
    rate_sps : float
        Output data rate in samples per second.
    modulator_hz : float, optional
        Modulator clock in hertz (1.024 MHz for the ADS1299).

    Returns
    -------
    ndarray
        Amplitude gain, 1 at 0 Hz, in the shape of `frequency_hz`.
    """
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    gain: NDArray[np.float64] = np.sinc(frequency / rate_sps)
    if modulator_hz is not None:
        gain = gain / np.sinc(frequency / modulator_hz)
    return np.abs(gain) ** 3
