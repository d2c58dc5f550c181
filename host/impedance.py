"""Impedance of electrodes, from what the front end's own lead-off current makes of it.

The current is a square wave. What a narrow band around its frequency shows is the fundamental,
4/pi of its amplitude, less what the converter's sinc3 filter takes away there. Reading the band's
amplitude as if the current were a sine of the same amplitude gives 27 % too much. At a quarter of
the sample rate the odd harmonics fold back onto the fundamental; the filter leaves 1.5 % of them,
which is not corrected, as it depends on the phase.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boards.errors import BoardFault

if TYPE_CHECKING:
    from host.board_link import BoardLink

__all__ = [
    "FUNDAMENTAL",
    "Drive",
    "Impedance",
    "electrode_impedance",
    "measure_impedance",
    "sinc3_gain",
]

FUNDAMENTAL = 4 / np.pi
"""Amplitude of the first harmonic of a square wave of amplitude 1 (its Fourier series)."""

_SETTLE_S = 0.5
_SEGMENT_S = 0.5
_MIN_SEGMENTS = 4


@dataclass(frozen=True, slots=True)
class Drive:
    """The lead-off current, as the board tells it.

    Attributes
    ----------
    current_a : float
        Amplitude of the square wave in amperes; front ends keep it to some 20 %.
    frequency_hz : float
        By the front end's nominal clock, as its sample rate is.
    """

    current_a: float
    frequency_hz: float


@dataclass(frozen=True, slots=True)
class Impedance:
    """Magnitudes of electrode impedances.

    Attributes
    ----------
    channels : tuple of str
    ohm : ndarray, shape (n_channels,)
        At the drive's frequency. The tolerance of the current is not in it.
    uncertainty_ohm : ndarray, shape (n_channels,)
        One sigma of what noise and other signals at that frequency add.
    drive : Drive
    """

    channels: tuple[str, ...]
    ohm: NDArray[np.float64]
    uncertainty_ohm: NDArray[np.float64]
    drive: Drive


def sinc3_gain(frequency_hz: float, rate_sps: float) -> float:
    """Return what a sinc3 decimation filter passes, as a fraction of the amplitude.

    ``|sin(x) / x|**3`` with ``x = pi f / r``: the limit of many modulator clocks per sample, which
    differs by 3e-5 at a quarter of the rate from 64 of them (TI SBAS499C 9.3.2.2, equation 8).
    """
    return float(abs(np.sinc(frequency_hz / rate_sps)) ** 3)


def electrode_impedance(
    samples_v: NDArray[np.float64],
    rate_sps: float,
    drive: Drive,
    *,
    frames: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return impedances and their uncertainties.

    Parameters
    ----------
    samples_v : ndarray, shape (n_channels, n_times)
        Taken with the current on, in volts at the electrodes.
    rate_sps : float
        Nominal samples per second.
    drive : Drive
    frames : ndarray of int, shape (n_times,), optional
        Index of each sample, where some are missing.

    Returns
    -------
    ohm : ndarray, shape (n_channels,)
    uncertainty_ohm : ndarray, shape (n_channels,)
        One sigma, from how much stretches of half a second differ.

    Raises
    ------
    ValueError
        If there are fewer than four stretches of half a second, or the drive lies beyond half the
        sample rate.
    """
    if not 0 < drive.frequency_hz < rate_sps / 2:
        raise ValueError(f"a drive of {drive.frequency_hz:g} Hz cannot be seen at {rate_sps:g} SPS")
    index = np.arange(samples_v.shape[1]) if frames is None else frames
    size = round(_SEGMENT_S * rate_sps)
    n_segments = samples_v.shape[1] // size
    if n_segments < _MIN_SEGMENTS:
        raise ValueError(
            f"{samples_v.shape[1]} samples at {rate_sps:g} SPS are too few: expected "
            f"{_MIN_SEGMENTS * _SEGMENT_S:g} s"
        )
    phasors = np.stack(
        [
            _phasor(samples_v[:, at : at + size], index[at : at + size], drive, rate_sps)
            for at in range(0, n_segments * size, size)
        ]
    )
    mean = phasors.mean(axis=0)
    spread_v = np.sqrt((abs(phasors - mean) ** 2).sum(axis=0) / (n_segments - 1) / n_segments)
    per_ohm = drive.current_a * FUNDAMENTAL * sinc3_gain(drive.frequency_hz, rate_sps)
    # The part of the spread that is along the phasor is what its magnitude feels.
    return abs(mean) / per_ohm, spread_v / np.sqrt(2) / per_ohm


def _phasor(
    samples_v: NDArray[np.float64], index: NDArray[np.int64], drive: Drive, rate_sps: float
) -> NDArray[np.complex128]:
    """Fit offset, slope and the drive's frequency; return the latter's phasors, in volts."""
    angle = 2 * np.pi * drive.frequency_hz / rate_sps * index
    slope = np.linspace(-1.0, 1.0, index.size)
    design = np.stack([np.cos(angle), np.sin(angle), np.ones(index.size), slope], axis=1)
    solution = np.linalg.lstsq(design, samples_v.T, rcond=None)[0]
    phasor: NDArray[np.complex128] = solution[0] - 1j * solution[1]
    return phasor


async def measure_impedance(
    link: BoardLink, *, seconds: float = 4.0, one_by_one: bool = False
) -> Impedance:
    """Drive the electrodes of an idle board for a while and return their impedances.

    Parameters
    ----------
    link : BoardLink
    seconds : float
        Length of a measurement, at least 2 s.
    one_by_one : bool
        Drive one electrode at a time, which takes as many measurements; otherwise all at once,
        and the reference electrode carries the sum of the currents.

    Raises
    ------
    BoardFault
        If too little arrived to tell, or as `host.recorder.record`.
    BoardStatusError
        If the board cannot drive its electrodes.
    """
    from host.recorder import record

    n_channels = link.info.n_channels
    masks = [1 << c for c in range(n_channels)] if one_by_one else [(1 << n_channels) - 1]
    ohm, uncertainty_ohm = np.zeros(n_channels), np.zeros(n_channels)
    for mask in masks:
        drive = await link.drive_electrodes(mask)
        try:
            recording = await record(link, seconds + _SETTLE_S)
        finally:
            if link.is_connected:
                await link.drive_electrodes(0)
        rate_sps = recording.stream.rate_sps
        frames = np.flatnonzero(recording.received())
        frames = frames[frames >= _SETTLE_S * rate_sps]
        driven = [c for c in range(n_channels) if mask >> c & 1]
        try:
            values = electrode_impedance(
                recording.samples_v()[driven][:, frames], rate_sps, drive, frames=frames
            )
        except ValueError as error:
            raise BoardFault(f"the impedances of {link.name} cannot be told: {error}") from None
        ohm[driven], uncertainty_ohm[driven] = values
    return Impedance(link.info.channels, ohm, uncertainty_ohm, drive)
