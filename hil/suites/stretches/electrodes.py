"""What is done to a board at its electrodes: common mode, networks in leads, overload, loss."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.boards.errors import BoardFault
from eegrig.boards.sinc3 import sinc3_gain
from eegrig.hil.measure.quality.rejection import InputImpedance, cmrr_db, input_impedance
from eegrig.hil.measure.quality.tones import fit_tones
from eegrig.hil.suites.stretches.stimuli import (
    Taken,
    on_all,
    range_v,
    stepped,
    stimulated,
    take,
)
from eegrig.host.link.put_back import put_back
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import StreamId
from eegrig.signal_sim.calibration import Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eegrig.hil.bench import Bench
    from eegrig.host.streaming.decoder import Block

__all__ = [
    "COMMON_MODE_HZ",
    "COMMON_MODE_V",
    "IMBALANCE_F",
    "IMBALANCE_OHM",
    "OFFSET_V",
    "SERIES_OHM",
    "Rejection",
    "imbalanced_rejection",
    "input_impedances",
    "lead_off_times_s",
    "overloaded",
    "rejection",
]

COMMON_MODE_V = float(np.sqrt(2.0))
"""Peak of 1 Vrms: 2 Vrms through 100 pF into 100 pF (WhaleTeq CMRR 3.0E manual)."""
COMMON_MODE_HZ = 50.0
IMBALANCE_OHM, IMBALANCE_F = 10e3, 47e-9
OFFSET_V = 0.15
"""Both: the same manual, for IEC 80601-2-26."""
SERIES_OHM = 10e6
_CLOCK_HZ, _CLOCK_V = 11.0, 1e-3  # a sine that tells the clock, beside the one that may be small
_CM_SECONDS, _CM_SETTLE_S = 4.0, 0.5
_IMPEDANCE_HZ = (2.0, 10.0, 25.0, 40.0)
_IMPEDANCE_V, _IMPEDANCE_S = 10e-3, 6.0
_OVERLOAD = 2.0
_OVERLOAD_S, _AFTER_S = 3.0, 3.0
_OFF_TRIALS, _OFF_S, _ON_S = 4, 0.5, 0.73
_FIRST_OFF_S = 2.0
_FAR_OUT = 0.5
"""Part of the range from which an input counts as open: the filter leaves 0.9 of a drive at a
quarter of the rate that is clipped at its ends."""


@dataclass(frozen=True)
class Rejection:
    """What one channel makes of a common mode.

    Attributes
    ----------
    channel : str
    offset_v : float
        That the electrodes had meanwhile.
    shown_v, uncertainty_v : float
        Peak, referred to the input: what the filter takes is undone.
    cmrr_db, uncertainty_db : float
    lost : int
        Frames missing.
    n : int
        Samples.
    """

    channel: str
    offset_v: float
    shown_v: float
    uncertainty_v: float
    cmrr_db: float
    uncertainty_db: float
    lost: int
    n: int


async def rejection(rig: Bench) -> list[Rejection]:
    """Drive all electrodes with a common mode, all leads alike."""
    async with stimulated(rig) as link:
        rig.source.common_mode(COMMON_MODE_V, COMMON_MODE_HZ)
        try:
            stimulus = on_all(rig.board, [Tone(_CLOCK_V, _CLOCK_HZ)])
            taken = await take(rig, link, stimulus, 2 * _CM_SECONDS, settle_s=_CM_SETTLE_S)
        finally:
            rig.source.common_mode(0.0, COMMON_MODE_HZ)
    return _rejections(taken, 0.0)


async def imbalanced_rejection(rig: Bench) -> list[Rejection]:
    """Do so with a network in one lead after the other, each with an offset of either sign."""
    found = []
    async with stimulated(rig) as link:
        rig.source.common_mode(COMMON_MODE_V, COMMON_MODE_HZ)
        try:
            for offset_v in (OFFSET_V, -OFFSET_V):
                stimulus = on_all(rig.board, [Tone(_CLOCK_V, _CLOCK_HZ)], offset_v)
                rig.source.play_made(stimulus)
                for row, channel in enumerate(rig.board.afe.channels):
                    rig.source.series_network(channel, IMBALANCE_OHM, IMBALANCE_F)
                    taken = await take(rig, link, None, _CM_SECONDS, settle_s=_CM_SETTLE_S)
                    rig.source.series_network(channel, 0.0)
                    found.append(_rejections(taken, offset_v)[row])
        finally:
            rig.source.common_mode(0.0, COMMON_MODE_HZ)
            for channel in rig.board.afe.channels:
                rig.source.series_network(channel, 0.0)
    return found


def _rejections(taken: Taken, offset_v: float) -> list[Rejection]:
    fit = fit_tones(taken.samples_v, taken.rate_sps, (_CLOCK_HZ, COMMON_MODE_HZ))
    passed = float(sinc3_gain(fit.frequencies_hz[1], taken.rate_sps))
    found = []
    for row, channel in enumerate(taken.channels):
        shown = float(fit.amplitudes_v[row, 1]) / passed
        doubt = float(fit.uncertainty_v[row, 1]) / passed
        decibels, doubt_db = cmrr_db(COMMON_MODE_V, shown, doubt)
        found.append(
            Rejection(channel, offset_v, shown, doubt, decibels, doubt_db, taken.lost, taken.n)
        )
    return found


async def input_impedances(rig: Bench) -> tuple[list[InputImpedance], Taken]:
    """Play sines without and with a resistor in every lead; return what each channel's input has.

    The recording that is returned, too, is the second one.
    """
    stimulus = on_all(rig.board, [Tone(_IMPEDANCE_V, hz) for hz in _IMPEDANCE_HZ])
    fits = []
    async with stimulated(rig) as link:
        for ohm in (0.0, SERIES_OHM):
            for channel in rig.board.afe.channels:
                rig.source.series_network(channel, ohm)
            try:
                taken = await take(rig, link, stimulus, _IMPEDANCE_S)
            finally:
                for channel in rig.board.afe.channels:
                    rig.source.series_network(channel, 0.0)
            fits.append(fit_tones(taken.samples_v, taken.rate_sps, _IMPEDANCE_HZ))
    without, with_it = fits
    left = with_it.amplitudes_v / without.amplitudes_v
    doubt = left * np.hypot(
        with_it.uncertainty_v / with_it.amplitudes_v, without.uncertainty_v / without.amplitudes_v
    )
    frequencies = np.array(_IMPEDANCE_HZ)
    return [
        input_impedance(of_channel, its_doubt, frequencies, SERIES_OHM)
        for of_channel, its_doubt in zip(left, doubt, strict=True)
    ], taken


async def overloaded(rig: Bench) -> Taken:
    """Record an overload of all channels, and what comes after it."""
    beyond_v = _OVERLOAD * range_v(rig.board)
    async with stimulated(rig) as link:
        stimulus = stepped(rig.board, (beyond_v, 0.0), _OVERLOAD_S)
        return await take(rig, link, stimulus, _OVERLOAD_S + _AFTER_S, settle_s=0.0)


async def lead_off_times_s(rig: Bench) -> list[float]:
    """Take electrodes off in mid-stream; return how long until the host can tell, each time.

    The electrodes are driven with the lead-off current: an input whose electrode is off swings to
    the ends of its range, and counts as open from half of it.
    """
    assert rig.faults is not None
    channels = rig.board.afe.channels
    blocks: list[Block] = []
    off_ns: list[tuple[int, int]] = []

    def arrived(block: Block) -> None:
        if block.stream_id == StreamId.EEG:
            blocks.append(block)

    seconds = _FIRST_OFF_S + _OFF_TRIALS * (_OFF_S + _ON_S) + _ON_S
    async with stimulated(rig) as link:
        await link.drive_electrodes((1 << len(channels)) - 1)
        async with put_back(link, lambda: link.drive_electrodes(0)):
            recorder = asyncio.create_task(record(link, seconds, on_block=arrived))
            try:
                await asyncio.sleep(_FIRST_OFF_S)
                for trial in range(_OFF_TRIALS):
                    row = trial % len(channels)
                    off_ns.append((row, rig.clock.now_ns()))
                    rig.faults.lead_off(channels[row])
                    await asyncio.sleep(_OFF_S)
                    rig.faults.electrode(channels[row], IMBALANCE_OHM)
                    await asyncio.sleep(_ON_S)
                recording = await recorder
            finally:
                recorder.cancel()
    size = recording.electrodes.stream.sample_size
    limit = _FAR_OUT * (1 << (8 * size - 1))
    return [_seen_after_s(blocks, row, at_ns, limit) for row, at_ns in off_ns]


def _seen_after_s(blocks: Sequence[Block], row: int, at_ns: int, limit: float) -> float:
    for block in blocks:
        if block.arrival_ns > at_ns and _beyond(block.codes[row], limit):
            return (block.arrival_ns - at_ns) * 1e-9
    raise BoardFault(
        f"channel {row + 1} stayed within half its range while its electrode was off and the "
        "lead-off current was on: the current does not flow"
    )


def _beyond(codes: NDArray[np.int32], limit: float) -> bool:
    return bool((np.abs(codes.astype(np.float64)) >= limit).any())
