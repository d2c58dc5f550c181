"""Known signals at every rate on offer, up and down again in one connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.boards.sinc3 import sinc3_gain
from eegrig.hil.measure.quality.channels import SECOND, ChannelCheck, channel_check
from eegrig.hil.measure.quality.tones import ToneFit, fit_tones
from eegrig.hil.suites.stretches.stimuli import (
    Stimulus,
    Taken,
    on_all,
    on_each,
    rates_up_and_down,
    stimulated,
    take,
)
from eegrig.host.link.put_back import put_back
from eegrig.host.wire.constants import Profile, TestSignal
from eegrig.signal_sim.calibration import Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eegrig.boards import Board
    from eegrig.hil.bench import Bench

__all__ = [
    "AMPLITUDE_V",
    "LONG_S",
    "NOISE_S",
    "RESPONSE_HZ",
    "SHORT_S",
    "Driven",
    "channel_frequencies_hz",
    "channels_driven",
    "noise_at_rates",
    "passed",
    "responses",
]

AMPLITUDE_V = 1e-3
"""Of a channel's sine: a thousand times the noise, and a hundredth of the range."""
LONG_S = 30.0
"""At the first rate, where rare faults must have time to happen."""
SHORT_S = 5.0
NOISE_S = 32.0
"""Three windows of 10 s, in which noise is told peak to valley, and their ends."""
_NOISE_DOWN_S = 12.0
_LOWEST_HZ, _APART_HZ = 11.0, 1.5
RESPONSE_HZ = (0.5, 2.0, 5.0, 10.0, 20.0, 32.0, 41.0, 50.0)
"""In the band of EEG; more are added in proportion to the rate."""
_OF_RATE = (0.28, 0.36, 0.44)
_RESPONSE_V = 0.5e-3
_RESPONSE_S = 10.0


def channel_frequencies_hz(n_channels: int) -> tuple[float, ...]:
    """Return the frequency that each channel is driven with, then twice those."""
    first = [_LOWEST_HZ + _APART_HZ * index for index in range(n_channels)]
    return (*first, *(2 * frequency for frequency in first))


@dataclass(frozen=True)
class Driven:
    """What a board showed with each channel driven by sines of its own.

    Attributes
    ----------
    taken : Taken
    fit : ToneFit
    check : ChannelCheck
        What the fit says of the channels.
    """

    taken: Taken
    fit: ToneFit
    check: ChannelCheck


async def channels_driven(rig: Bench) -> list[Driven]:
    """Drive each channel with sines of its own, at every rate, up and down, and in low latency."""
    board = rig.board
    frequencies = channel_frequencies_hz(len(board.afe.channels))
    n = len(board.afe.channels)
    stimulus = on_each(
        board,
        {
            name: (
                Tone(AMPLITUDE_V, frequencies[index]),
                Tone(SECOND * AMPLITUDE_V, frequencies[n + index], np.pi / 2),
            )
            for index, name in enumerate(board.afe.channels)
        },
    )
    taken = []
    async with stimulated(rig) as link:
        for index, rate_sps in enumerate(rates_up_and_down(board)):
            await link.set_rate(int(rate_sps))
            taken.append(await take(rig, link, stimulus, LONG_S if index == 0 else SHORT_S))
    low = Profile.LOW_LATENCY
    async with stimulated(rig, low) as link:
        taken.append(await take(rig, link, stimulus, SHORT_S, profile=low))
    return [_checked(each) for each in taken]


def _checked(taken: Taken) -> Driven:
    fit = fit_tones(taken.samples_v, taken.rate_sps, channel_frequencies_hz(len(taken.channels)))
    check = channel_check(fit, AMPLITUDE_V, passed(fit, taken.rate_sps))
    return Driven(taken, fit, check)


def passed(fit: ToneFit, rate_sps: float) -> NDArray[np.float64]:
    """Return what the front end's filter passes of each tone, shape (n_tones,).

    The board's clock makes its filter as it makes its samples: what counts is the frequency that
    shows, over the nominal rate.
    """
    return sinc3_gain(fit.frequencies_hz, rate_sps)


async def noise_at_rates(rig: Bench) -> list[Taken]:
    """Record shorted inputs at every rate, up and down."""
    taken = []
    board = rig.board
    rates = rates_up_and_down(board)
    async with stimulated(rig) as link:
        for index, rate_sps in enumerate(rates):
            await link.set_rate(int(rate_sps))
            await link.test_signal(TestSignal.SHORTED)
            async with put_back(link, lambda: link.test_signal(TestSignal.NORMAL)):
                up = index < len(board.afe.rates_sps)
                taken.append(await take(rig, link, None, NOISE_S if up else _NOISE_DOWN_S))
    return taken


async def responses(rig: Bench) -> list[tuple[Taken, ToneFit]]:
    """Play sines all over the band to all channels at once, at every rate."""
    found = []
    async with stimulated(rig) as link:
        for rate_sps in sorted(rig.board.afe.rates_sps):
            frequencies = _response_hz(rate_sps)
            await link.set_rate(int(rate_sps))
            stimulus = _comb(rig.board, frequencies)
            taken = await take(rig, link, stimulus, _RESPONSE_S)
            found.append((taken, fit_tones(taken.samples_v, taken.rate_sps, frequencies)))
    return found


def _response_hz(rate_sps: float) -> tuple[float, ...]:
    """Return frequencies up to just below half the rate; no two are the same."""
    return tuple(sorted({*RESPONSE_HZ, *(round(part * rate_sps) + 0.25 for part in _OF_RATE)}))


def _comb(board: Board, frequencies_hz: Sequence[float]) -> Stimulus:
    """Make sines whose phases keep the sum's peak low (Schroeder's, for even powers)."""
    n = len(frequencies_hz)
    return on_all(
        board,
        [
            Tone(_RESPONSE_V, frequency, -np.pi * k * k / n)
            for k, frequency in enumerate(frequencies_hz)
        ],
    )
