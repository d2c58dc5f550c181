"""A night's sleep stages, in epochs of 30 s."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from eegrig.signal_sim.timeline import Span, SpanMaker

__all__ = ["EPOCH_S", "STAGES", "hypnogram"]

EPOCH_S = 30.0
"""Length of a scored epoch (AASM)."""

STAGES = ("W", "N1", "N2", "N3", "R")
"""Names of the stages (AASM)."""

# Minutes of each stage in each cycle of the night: deep sleep shrinks, dreams grow (assumed).
_CYCLES: tuple[tuple[tuple[str, float], ...], ...] = (
    (("W", 8), ("N1", 4), ("N2", 18), ("N3", 35), ("N2", 8), ("R", 5)),
    (("N1", 1), ("N2", 25), ("N3", 25), ("N2", 14), ("R", 14)),
    (("W", 1), ("N1", 2), ("N2", 40), ("N3", 10), ("N2", 14), ("R", 22)),
    (("W", 1), ("N1", 2), ("N2", 48), ("R", 30)),
    (("W", 2), ("N1", 3), ("N2", 55), ("R", 36)),
)


def hypnogram(seed: int) -> SpanMaker:
    """Return a maker of one night's stages, epoch by epoch, awake ever after.

    Parameters
    ----------
    seed : int
        Of the night: every stage's length varies by a fifth.
    """

    def make() -> Iterator[Span]:
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0x534C4550]))
        epoch = 0
        for cycle in _CYCLES:
            for stage, minutes in cycle:
                length = max(1, round(minutes * 60 / EPOCH_S * float(rng.lognormal(0.0, 0.2))))
                for _ in range(length):
                    yield Span(epoch * EPOCH_S, (epoch + 1) * EPOCH_S, stage)
                    epoch += 1
        while True:
            yield Span(epoch * EPOCH_S, (epoch + 1) * EPOCH_S, "W")
            epoch += 1

    return make
