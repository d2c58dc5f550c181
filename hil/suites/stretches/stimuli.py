"""Stimuli that a suite plays itself, whatever signal the run has, and what came of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.boards.errors import BoardFault
from eegrig.hil.suites.stretches.streams import interval_ms, linked
from eegrig.host.link.put_back import put_back
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Profile
from eegrig.signal_sim.calibration import Tone, silence, steps, tones, triangle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.boards import Board
    from eegrig.hil.bench import Bench
    from eegrig.host.link.board_link import BoardLink
    from eegrig.host.recording.stream_recording import StreamRecording
    from eegrig.signal_sim import Source

__all__ = [
    "SETTLE_S",
    "Stimulus",
    "Taken",
    "on_all",
    "on_each",
    "range_v",
    "rates_up_and_down",
    "stepped",
    "stimulated",
    "take",
    "triangles",
    "whole_cycles_hz",
]

SETTLE_S = 1.0
"""Before what is measured: the filter, and whatever follows a change of the stimulus."""


@dataclass(frozen=True)
class Stimulus:
    """A signal made for a rate; a `hil.bench.SourceFactory`.

    Attributes
    ----------
    description : str
    make : callable
        Takes the rate in hertz.
    """

    description: str
    make: Callable[[float], Source]

    def __call__(self, rate_hz: float, /) -> Source:
        """Return a source of so many samples per second, from the signal's beginning."""
        return self.make(rate_hz)


@dataclass(frozen=True)
class Taken:
    """What a board made of a stimulus.

    Attributes
    ----------
    samples_v : ndarray, shape (n_channels, n_times)
        Once it has settled; a row for each electrode of the bench, by the name the board gives it.
    rate_sps : float
        Nominal.
    channels : tuple of str
    gain : int
        Of the front end, as the board tells it.
    lost : int
        Frames missing from the recording.
    clipped : ndarray of bool, shape (n_channels,)
        Channels that were at the end of their range.
    recording : StreamRecording
    profile : Profile
    """

    samples_v: NDArray[np.float64]
    rate_sps: float
    channels: tuple[str, ...]
    gain: int
    lost: int
    clipped: NDArray[np.bool_]
    recording: StreamRecording
    profile: Profile

    @property
    def told(self) -> str:
        """How it was taken: the rate, and the profile if that is not the efficient one."""
        also = ", low latency" if self.profile is Profile.LOW_LATENCY else ""
        return f"{self.rate_sps:g} SPS{also}"

    @property
    def n(self) -> int:
        """Samples per channel."""
        return int(self.samples_v.shape[1])


def rates_up_and_down(board: Board) -> tuple[float, ...]:
    """Return all rates on offer in rising order, and back again to the lowest."""
    up = sorted(board.afe.rates_sps)
    return (*up, *up[-2::-1])


def range_v(board: Board) -> float:
    """Return the largest voltage a channel can show, to either side."""
    return board.afe.vref_v / board.afe.gain


def whole_cycles_hz(frequency_hz: float, seconds: float) -> float:
    """Return the nearest frequency of which so many seconds hold an odd number of half cycles.

    No sample then falls on the same phase twice.
    """
    return (round(frequency_hz * seconds) + 0.5) / seconds


def on_each(
    board: Board,
    on: Mapping[str, Sequence[Tone]],
    offsets_v: Mapping[str, float] | None = None,
) -> Stimulus:
    """Make sines of its own for each electrode, beside a constant voltage."""
    channels = board.afe.channels
    return Stimulus(
        f"sines on {', '.join(on)}" if on else "constant voltages",
        lambda rate_hz: tones(on, channels=channels, rate_hz=rate_hz, offsets_v=offsets_v),
    )


def on_all(board: Board, each: Sequence[Tone], offset_v: float = 0.0) -> Stimulus:
    """Make the same sines for every electrode."""
    channels = board.afe.channels
    return on_each(board, dict.fromkeys(channels, each), dict.fromkeys(channels, offset_v))


def stepped(board: Board, levels_v: Sequence[float], hold_s: float) -> Stimulus:
    """Make one level after the other for every electrode; the last one stays."""
    channels = board.afe.channels
    return Stimulus(
        "steps", lambda rate_hz: steps(levels_v, hold_s, channels=channels, rate_hz=rate_hz)
    )


def triangles(board: Board, amplitude_v: float, frequency_hz: float, offset_v: float) -> Stimulus:
    """Make a triangle for every electrode, on top of a constant voltage."""
    channels = board.afe.channels
    return Stimulus(
        "triangles",
        lambda rate_hz: triangle(
            amplitude_v, frequency_hz, channels=channels, rate_hz=rate_hz, offset_v=offset_v
        ),
    )


@asynccontextmanager
async def stimulated(rig: Bench, profile: Profile = Profile.EFFICIENT) -> AsyncIterator[BoardLink]:
    """Connect; 0 V at the electrodes afterwards.

    In the efficient profile the connection interval is one that carries the fastest rate, in the
    other one what the board asks for at its default rate.
    """
    board = rig.board
    low = profile is Profile.LOW_LATENCY
    fastest_sps = None if low else max(board.afe.rates_sps)
    try:
        interval = interval_ms(rig, profile, fastest_sps)
        async with (
            linked(rig, interval) as link,
            put_back(link, lambda: link.set_rate(board.afe.default_rate_sps)),
        ):
            yield link
    finally:
        rig.source.play_made(
            Stimulus("0 V", lambda rate_hz: silence(channels=board.afe.channels, rate_hz=rate_hz))
        )


async def take(
    rig: Bench,
    link: BoardLink,
    stimulus: Stimulus | None,
    seconds: float,
    *,
    settle_s: float = SETTLE_S,
    profile: Profile = Profile.EFFICIENT,
) -> Taken:
    """Play a stimulus (None goes on with what is played) and record for so long after settling."""
    if stimulus is not None:
        rig.source.play_made(stimulus)
    recording = (await record(link, seconds + settle_s, profile=profile)).electrodes
    channels = tuple(rig.board.afe.channels)
    rows = _rows(recording.stream.channels, channels)
    skipped = round(settle_s * recording.stream.rate_sps)
    half = 1 << (8 * recording.stream.sample_size - 1)
    codes = recording.codes()[rows, skipped:]
    end = half - (half >> 16)
    clipped: NDArray[np.bool_] = np.any((codes >= end) | (codes < -end), axis=1)
    return Taken(
        samples_v=codes.astype(np.float64) * recording.stream.lsb,
        rate_sps=float(recording.stream.rate_sps),
        channels=channels,
        gain=recording.info.gain,
        lost=recording.counters.frames_lost,
        clipped=clipped,
        recording=recording,
        profile=profile,
    )


def _rows(told: Sequence[str], channels: Sequence[str]) -> list[int]:
    """Return where the board says that each electrode's samples are."""
    missing = [name for name in channels if name not in told]
    if missing:
        raise BoardFault(
            f"the board does not name the electrodes {', '.join(missing)}; it names "
            f"{', '.join(told)}"
        )
    return [told.index(name) for name in channels]
