"""Which channel shows what was applied to which, with which sign, and how much of its neighbours.

Each channel is driven with a sine of its own frequency and one of twice that, half as large. By the
frequency a channel is known wherever it appears. By the phase of the second against twice that of
the first its sign is known, whatever the delay: a delay turns both alike, a minus sign only one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.hil.measure.quality.tones import ToneFit

__all__ = ["SECOND", "ChannelCheck", "channel_check"]

SECOND = 0.5
"""Amplitude of the sine of twice the frequency, as a part of the first one's."""
_SEARCH_S, _SEARCH_STEP_S = 2.0, 2e-4
_SHOWS = 0.5
"""Part of what was applied from which a channel shows it."""


@dataclass(frozen=True)
class ChannelCheck:
    """What the channels of a board show.

    Attributes
    ----------
    source : tuple of int or None
        Which channel's stimulus each one shows most of; None for one that shows none.
    inverted : tuple of bool
        Whether it shows it upside down.
    gain : ndarray, shape (n_channels,)
        Of each channel for its own stimulus, magnitude; 1 is right.
    gain_uncertainty : ndarray, shape (n_channels,)
    crosstalk : ndarray of complex, shape (n_channels, n_channels)
        What a channel (row) shows of each other stimulus (column), as a part of what the channel
        that has it shows; 0 where it is its own.
    crosstalk_uncertainty : ndarray, shape (n_channels, n_channels)
    skew_s : ndarray, shape (n_channels,)
        How much later each channel was sampled than the median channel; 0 for one that does not
        show its own stimulus.
    skew_uncertainty_s : ndarray, shape (n_channels,)
    """

    source: tuple[int | None, ...]
    inverted: tuple[bool, ...]
    gain: NDArray[np.float64]
    gain_uncertainty: NDArray[np.float64]
    crosstalk: NDArray[np.complex128]
    crosstalk_uncertainty: NDArray[np.float64]
    skew_s: NDArray[np.float64]
    skew_uncertainty_s: NDArray[np.float64]

    @property
    def out_of_order(self) -> list[int]:
        """Channels that show another one's stimulus, or none."""
        return [row for row, source in enumerate(self.source) if source != row]

    @property
    def upside_down(self) -> list[int]:
        """Channels that are inverted."""
        return [row for row, inverted in enumerate(self.inverted) if inverted]

    @property
    def worst_crosstalk(self) -> tuple[int, int]:
        """Channel that shows most of another's stimulus, and which."""
        row, column = np.unravel_index(np.argmax(np.abs(self.crosstalk)), self.crosstalk.shape)
        return int(row), int(column)

    def told(self, channels: Sequence[str]) -> str:
        """Say what is wrong with their order and signs; empty if nothing is."""
        said = []
        for row in self.out_of_order:
            source = self.source[row]
            shows = "nothing" if source is None else f"what was applied to {channels[source]}"
            said.append(f"{channels[row]} shows {shows}")
        said += [f"{channels[row]} is inverted" for row in self.upside_down]
        return "; ".join(said)


def channel_check(fit: ToneFit, amplitude_v: float, passed: NDArray[np.float64]) -> ChannelCheck:
    """Tell order, signs, gains and crosstalk from a fit of all stimuli to all channels.

    Parameters
    ----------
    fit : ToneFit
        Of the frequencies of all channels, in their order, then of twice those.
    amplitude_v : float
        Peak of each first sine.
    passed : ndarray, shape (2 * n_channels,)
        What the front end's filter passes of each.

    Raises
    ------
    ValueError
        If there are not two tones for each channel.
    """
    n = fit.phasors_v.shape[0]
    if fit.phasors_v.shape[1] != 2 * n:
        raise ValueError(f"{fit.phasors_v.shape[1]} tones of {n} channels: expected two of each")
    phasors = fit.phasors_v / passed / amplitude_v
    doubt = fit.uncertainty_v / passed / amplitude_v
    first, second = phasors[:, :n], phasors[:, n:]
    size = np.abs(first)
    strongest = np.argmax(size, axis=1)
    source = [int(s) if size[row, s] > _SHOWS else None for row, s in enumerate(strongest)]
    inverted = [
        s is not None and bool(np.real(second[row, s] * np.conj(first[row, s]) ** 2) > 0)
        for row, s in enumerate(source)
    ]
    crosstalk = np.zeros((n, n), dtype=np.complex128)
    uncertainty = np.zeros((n, n))
    for column in range(n):
        shown_by = int(np.argmax(size[:, column]))
        full = first[shown_by, column]
        if np.abs(full) <= _SHOWS:
            continue
        others = [row for row in range(n) if row != shown_by and source[row] != column]
        crosstalk[others, column] = first[others, column] / full
        uncertainty[others, column] = doubt[others, column] / np.abs(full)
    own = np.arange(n)
    fine = np.array([s == row and not inverted[row] for row, s in enumerate(source)])
    frequencies_hz = fit.frequencies_hz[:n]
    skew_s = np.zeros(n)
    if fine.sum() > 1:
        turn = np.angle(second[own, own] * np.conj(first[own, own])) / (2 * np.pi) - 0.25
        skew_s[fine] = _skew_s(turn[fine], frequencies_hz[fine])
    radians = np.hypot(doubt[own, own], doubt[own, own + n] / SECOND)
    return ChannelCheck(
        source=tuple(source),
        inverted=tuple(inverted),
        gain=size[own, own],
        gain_uncertainty=doubt[own, own],
        crosstalk=crosstalk,
        crosstalk_uncertainty=uncertainty,
        skew_s=skew_s,
        skew_uncertainty_s=radians / (2 * np.pi * frequencies_hz),
    )


def _skew_s(turn: NDArray[np.float64], frequencies_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return delays beyond the median one.

    The second sine runs ahead of the first by as many turns as there are periods of the first since
    the stimulus began; that time is common, and found as the one that suits all channels best.
    """
    since_s = np.arange(0.0, _SEARCH_S, _SEARCH_STEP_S)
    left = np.exp(2j * np.pi * (turn - since_s[:, None] * frequencies_hz))
    best_s = since_s[np.argmax(left.real.sum(axis=1))]
    off = (turn - best_s * frequencies_hz + 0.5) % 1.0 - 0.5
    ahead_s = off / frequencies_hz
    skew_s: NDArray[np.float64] = np.median(ahead_s) - ahead_s
    return skew_s
