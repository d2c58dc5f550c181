"""Windows with a tone in every other one, and what a decoder makes of them."""

from __future__ import annotations

import numpy as np

from eegrig.hil.measure.decoding.paired import paired_auc

RATE_HZ = 250.0


def bursts(rng, hz, *, n=60, on=1.0, off=0.0, noise=1.0, window_s=2.0):
    """Return windows, every other one with a tone of a size, and which have the larger one."""
    n_times = round(window_s * RATE_HZ)
    first = np.arange(n) * n_times
    time_s = np.arange(n * n_times) / RATE_HZ
    large = np.arange(n) % 2 == 0
    size = np.repeat(np.where(large, on, off), n_times)
    volts = noise * rng.standard_normal(time_s.size) + size * np.sin(2 * np.pi * hz * time_s)
    return volts[None], first, n_times, large


def raises(rng, decode, hz, sign=1):
    """Return how well a tone of a frequency is told by a decoder, and how well by chance."""
    volts, first, n_times, large = bursts(rng, hz)
    scores = sign * decode(volts, RATE_HZ, first, n_times)
    found = paired_auc(scores, rng.permutation(scores), large)
    return found.first, found.second


def lowered(rng, decode, hz):
    """Return what a decoder scores on a hard signal, and what noise takes of it."""
    volts, first, n_times, large = bursts(rng, hz, n=200, on=0.4, off=0.2)
    chain = volts + 2.0 * rng.standard_normal(volts.shape)
    found = paired_auc(*(decode(v, RATE_HZ, first, n_times) for v in (volts, chain)), large)
    return found.first, found.loss
