"""The heart, picked up where a reference electrode is near a large vessel or the ear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi, sin
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.events import Event
from eegrig.signal_sim.generators.base import Context, LatentGenerator, SourceSpec
from eegrig.signal_sim.generators.schedule import Schedule, Trigger, add_waveforms
from eegrig.signal_sim.montage import positions
from eegrig.signal_sim.params import ASSUMED, par
from eegrig.signal_sim.stream import FloatArray

__all__ = ["Heart"]

# P, Q, R, S, T: centre after onset in seconds, width (sd) in seconds, height over R (assumed).
_WAVES = (
    (0.06, 0.020, 0.10),
    (0.165, 0.008, -0.12),
    (0.19, 0.010, 1.0),
    (0.215, 0.009, -0.20),
    (0.42, 0.045, 0.22),
)
_AXIS = np.array([0.62, 0.16, 0.77])
"""Where its field points, seen at the head: from the right ear's side down (assumed)."""


@dataclass(frozen=True, kw_only=True)
class Heart(SourceSpec):
    """Electrocardiogram, as a field over the whole head.

    Attributes
    ----------
    rate_per_min : float
        Mean heart rate.
    variability : float
        Standard deviation of the interval over its mean.
    breath_per_min : float
        Breathing, with which half of the variability goes.
    qrs_v : float
        Height of R where the field is strongest.
    """

    kind: ClassVar[str] = "ecg"
    rate_per_min: float = par(62.0, "1/min", ASSUMED, low=20.0, high=220.0)
    variability: float = par(0.04, "1", ASSUMED, high=0.3)
    breath_per_min: float = par(15.0, "1/min", ASSUMED, low=1.0, high=60.0)
    qrs_v: float = par(8e-6, "V", "0-30 uV at ear references, usually absent (assumed)", high=1e-2)

    def generator(self, context: Context) -> HeartGenerator:
        """Make it sound."""
        return HeartGenerator(self, context)


class HeartGenerator(LatentGenerator):
    """One beat after another."""

    def __init__(self, spec: Heart, context: Context) -> None:
        super().__init__(context)
        self._spec = spec
        self.topography = (spec.qrs_v * positions(context.leads) @ _AXIS)[:, None]
        self._beats = Schedule(self._plan, 0.6)

    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out` with beats of height 1."""
        out[...] = 0.0
        add_waveforms(self._beats, start, out, self.context.rate_hz, self._shape)
        gain = self.context.gain.over(start, out.shape[1], self.context.rate_hz)
        if not (isinstance(gain, float) and gain == 1.0):
            out *= gain

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the R peaks."""
        r_s = _WAVES[2][0]
        return [
            Event(t.onset_s + r_s, 0.0, "R peak", "waveform")
            for t in self._beats.between(start_s - r_s, stop_s - r_s)
            if start_s <= t.onset_s + r_s < stop_s
        ]

    def _plan(self) -> Iterator[Trigger]:
        spec = self._spec
        rng = self.context.rng("beats")
        mean_s = 60.0 / spec.rate_per_min
        time_s = float(rng.uniform(0, mean_s))
        part = spec.variability / 2**0.5
        while True:
            yield Trigger(time_s, 0.6, "beat")
            breath = 2**0.5 * sin(2 * pi * time_s * spec.breath_per_min / 60.0)
            step = 1.0 + part * (breath + float(rng.standard_normal()))
            time_s += mean_s * max(step, 0.4)

    def _shape(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        beat = np.zeros_like(since_s)
        for centre_s, width_s, height in _WAVES:
            beat += height * np.exp(-0.5 * ((since_s - centre_s) / width_s) ** 2)
        return beat
