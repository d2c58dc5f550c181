"""The sinc3 decimation filter of a delta-sigma front end, as the recording's known response."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from eegrig.hil.bench import Waveform

__all__ = ["as_is", "sinc3"]


def sinc3(applied: Waveform, rate_hz: float) -> Waveform:
    """Return a waveform as a sinc3 filter shows it, without the filter's delay.

    Three averages over one output period each are, in continuous time, a convolution with the
    quadratic B-spline of that width: a symmetric kernel, three periods long. The ends that the
    kernel does not cover are cut off.

    Parameters
    ----------
    applied : Waveform
        Sampled several times faster than `rate_hz`.
    rate_hz : float
        Output data rate of the filter in hertz.

    Returns
    -------
    Waveform
        Shorter than `applied` by one and a half periods at each end.
    """
    from scipy.signal import oaconvolve

    reach = int(np.floor(1.5 * applied.rate_hz / rate_hz))
    offset = np.arange(-reach, reach + 1) * rate_hz / applied.rate_hz
    distance = np.abs(offset)
    kernel = np.where(
        distance < 0.5, 0.75 - distance**2, 0.5 * np.maximum(1.5 - distance, 0.0) ** 2
    )
    kernel /= kernel.sum()
    # An electrode's offset is a thousand times its signal; keep it out of the FFT's rounding.
    level = applied.volts.mean(axis=1, keepdims=True)
    volts = oaconvolve(applied.volts - level, kernel[None, :], mode="valid", axes=1) + level
    return replace(
        applied,
        start_ns=applied.start_ns + round(reach * 1e9 / applied.rate_hz),
        volts=volts,
    )


def as_is(applied: Waveform, rate_hz: float) -> Waveform:
    """Return the waveform unchanged: the response of a front end without a filter."""
    return applied
