"""Impedance of electrodes, from what the front end's own lead-off current makes of it.

The current is a square wave. What a narrow band around its frequency shows is the fundamental,
4/pi of its amplitude, less what the converter's sinc3 filter takes away there. Reading the band's
amplitude as if the current were a sine of the same amplitude gives 27 % too much. At a quarter of
the sample rate the odd harmonics fold back onto the fundamental; the filter leaves 1.5 % of them,
which is not corrected, as it depends on the phase.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eegrig.boards.errors import BoardFault
from eegrig.boards.sinc3 import sinc3_gain
from eegrig.host.link.put_back import put_back
from eegrig.host.wire.constants import StreamId
from eegrig.host.wire.impedance import Drive

if TYPE_CHECKING:
    from eegrig.host.link.board_link import BoardLink
    from eegrig.host.streaming.decoder import Block

__all__ = [
    "FUNDAMENTAL",
    "GOOD_OHM",
    "OFF_OHM",
    "Contact",
    "Impedance",
    "electrode_impedance",
    "measure_impedance",
]

FUNDAMENTAL = 4 / np.pi
"""Amplitude of the first harmonic of a square wave of amplitude 1 (its Fourier series)."""

GOOD_OHM = 100e3
"""Up to here a contact is called good: above it a review of sponge electrodes speaks of poor ones
(oaepublish, Soft Science 2023, figure 3, in kOhm cm2 for about 1 cm2)."""
OFF_OHM = 5e6
"""From here on no skin is taken to be behind the electrode: assumed, five times a bad dry one."""

_CLIPPED = 0.99
_CLIPPED_SHARE = 0.1
_SETTLE_S = 0.5
_SEGMENT_S = 0.5
_MIN_SEGMENTS = 4


class Contact(Enum):
    """What an impedance says of an electrode."""

    GOOD = "good"
    POOR = "poor"
    OFF = "off"


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
    clipped : ndarray of bool, shape (n_channels,)
        Where the input was at the converter's limit for a tenth of the time: `ohm` is then of no
        use, and as a rule nothing is connected.
    drive : Drive
    stretches : int
        Of half a second, which `uncertainty_ohm` is the scatter of.
    """

    channels: tuple[str, ...]
    ohm: NDArray[np.float64]
    uncertainty_ohm: NDArray[np.float64]
    clipped: NDArray[np.bool_]
    drive: Drive
    stretches: int = 0

    def contacts(self, *, good_ohm: float = GOOD_OHM) -> tuple[Contact, ...]:
        """Return the verdict on each electrode.

        Parameters
        ----------
        good_ohm : float
            Largest impedance of a good contact, in ohms.
        """
        return tuple(
            Contact.OFF
            if clipped or ohm >= OFF_OHM
            else (Contact.GOOD if ohm <= good_ohm else Contact.POOR)
            for ohm, clipped in zip(self.ohm, self.clipped, strict=True)
        )


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
    per_ohm = drive.current_a * FUNDAMENTAL * float(sinc3_gain(drive.frequency_hz, rate_sps))
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
    link: BoardLink,
    *,
    seconds: float = 4.0,
    one_by_one: bool = False,
    progress: Callable[[float], None] | None = None,
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
    progress : callable or None
        Called with the fraction done, 0 to 1.

    Raises
    ------
    BoardFault
        If too little arrived to tell, or as `host.recording.recorder.record`.
    BoardStatusError
        If the board cannot drive its electrodes.
    """
    from eegrig.host.recording.recorder import record

    n_channels = link.info.n_channels
    masks = [1 << c for c in range(n_channels)] if one_by_one else [(1 << n_channels) - 1]
    ohm, uncertainty_ohm = np.zeros(n_channels), np.zeros(n_channels)
    clipped = np.zeros(n_channels, dtype=bool)
    stretches = 0
    n_taken, n_frames = 0, round((seconds + _SETTLE_S) * link.info.sample_rate_sps) * len(masks)

    def on_block(block: Block) -> None:
        nonlocal n_taken
        n_taken += block.n_frames if block.stream_id == StreamId.EEG else 0
        if progress is not None:
            progress(min(n_taken / n_frames, 1.0))

    for mask in masks:
        drive = await link.drive_electrodes(mask)
        async with put_back(link, lambda: link.drive_electrodes(0)):
            electrodes = (await record(link, seconds + _SETTLE_S, on_block=on_block)).electrodes
        rate_sps = electrodes.stream.rate_sps
        frames = np.flatnonzero(electrodes.received())
        frames = frames[frames >= _SETTLE_S * rate_sps]
        driven = [c for c in range(n_channels) if mask >> c & 1]
        samples_v = electrodes.samples()[driven][:, frames]
        limit_v = _CLIPPED * electrodes.stream.lsb * 2 ** (8 * electrodes.stream.sample_size - 1)
        clipped[driven] = (abs(samples_v) >= limit_v).mean(axis=1) > _CLIPPED_SHARE
        try:
            values = electrode_impedance(samples_v, rate_sps, drive, frames=frames)
        except ValueError as error:
            raise BoardFault(f"the impedances of {link.name} cannot be told: {error}") from None
        ohm[driven], uncertainty_ohm[driven] = values
        stretches = samples_v.shape[1] // round(_SEGMENT_S * rate_sps)
    return Impedance(link.info.channels, ohm, uncertainty_ohm, clipped, drive, stretches)
