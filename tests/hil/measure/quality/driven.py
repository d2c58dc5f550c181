"""Channels that are driven, each with sines of its own."""

from __future__ import annotations

import numpy as np

from eegrig.hil.measure.quality.channels import SECOND, ChannelCheck, channel_check
from eegrig.hil.measure.quality.tones import fit_tones

RATE = 250.0
N_CHANNELS = 4
FIRST = 11.0 + 1.5 * np.arange(N_CHANNELS)
PAIRS = (*FIRST, *(2 * FIRST))


def driven(matrix: np.ndarray, *, seconds: float = 8.0, clock: float = 1.003, noise_v: float = 1e-7,
           delay_s: float = 0.0213, seed: int = 0) -> np.ndarray:  # fmt: skip
    """Return what channels show that mix their stimuli by a matrix."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE * clock + delay_s
    stimuli = np.stack(
        [
            1e-3 * np.sin(2 * np.pi * hz * time) + SECOND * 1e-3 * np.cos(4 * np.pi * hz * time)
            for hz in FIRST
        ]
    )
    return matrix @ stimuli + rng.normal(0.0, noise_v, stimuli.shape)


def checked(matrix: np.ndarray, **how: float) -> ChannelCheck:
    fit = fit_tones(driven(matrix, **how), RATE, PAIRS)
    return channel_check(fit, 1e-3, np.ones(2 * N_CHANNELS))
