"""Undoing the droop of a sinc3 front end, and the same band of what was at its electrodes.

A decoder is run on two signals that have one band and one time axis: what was applied, as a filter
without droop shows it (`flat`), and what arrived, its droop undone (`undo_sinc3`). Both are flat to
`PASS` of the output rate and fall to nothing at half of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from eegrig.boards.sinc3 import sinc3_gain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.hil.bench import Waveform

__all__ = ["PASS", "flat", "undo_sinc3"]

PASS = 0.36
"""Part of the output rate up to which both filters are flat: 90 Hz at 250 samples per second."""
_STOP = 0.5
_PERIODS = 24
"""Length of both filters in periods of the output rate."""
_POINTS = 513


def undo_sinc3(recorded_v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a recording with the front end's droop undone, without delay.

    A symmetric filter by frequency sampling (`scipy.signal.firwin2`): the inverse of
    ``sinc(f / rate) ** 3`` up to `PASS` of the rate, from there down to nothing at half of it.

    Parameters
    ----------
    recorded_v : ndarray, shape (n_channels, n_times)
        At the output rate of the front end, gaps filled.

    Returns
    -------
    ndarray, shape (n_channels, n_times)
        The ends, 12 samples each, are as if the recording began and ended with constants.
    """
    from scipy.signal import firwin2, oaconvolve

    at = np.linspace(0.0, 0.5, _POINTS)
    wanted = _fall(at) / sinc3_gain(at, 1.0)
    taps = firwin2(_PERIODS + 1, at, wanted, fs=1.0, window=("kaiser", 4.0))
    reach = _PERIODS // 2
    level = recorded_v[:, :1]
    padded = np.pad(recorded_v - level, ((0, 0), (reach, reach)), mode="edge")
    undone = oaconvolve(padded, taps[None, :], mode="valid", axes=1)
    return np.asarray(undone + level * taps.sum())


def flat(applied: Waveform, rate_hz: float) -> Waveform:
    """Return a waveform as a front end without droop shows it, without delay.

    Parameters
    ----------
    applied : Waveform
        Sampled several times faster than `rate_hz`.
    rate_hz : float
        Output rate in hertz.

    Returns
    -------
    Waveform
        Shorter than `applied` by twelve periods at each end.
    """
    from scipy.signal import firwin2, oaconvolve

    reach = round(_PERIODS / 2 * applied.rate_hz / rate_hz)
    at = np.linspace(0.0, 0.5, _POINTS)
    above = np.array([0.5 * applied.rate_hz / rate_hz])
    taps = firwin2(
        2 * reach + 1,
        np.concatenate([at, above]) * rate_hz,
        np.concatenate([_fall(at), [0.0]]),
        nfreqs=1 + 2 ** int(np.ceil(np.log2(32 * reach))),
        fs=applied.rate_hz,
        window=("kaiser", 4.0),
    )
    level = applied.volts.mean(axis=1, keepdims=True)
    volts = oaconvolve(applied.volts - level, taps[None, :], mode="valid", axes=1) + level
    return replace(
        applied,
        start_ns=applied.start_ns + round(reach * 1e9 / applied.rate_hz),
        volts=volts,
    )


def _fall(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gain that both filters have at parts of the output rate: 1, then half a cosine."""
    part = np.clip((at - PASS) / (_STOP - PASS), 0.0, 1.0)
    fall: NDArray[np.float64] = 0.5 + 0.5 * np.cos(np.pi * part)
    return fall
