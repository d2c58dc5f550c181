"""Rhythms from delta to gamma: narrow-band noise that waxes and wanes, in bursts if asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.events import Event
from eegrig.signal_sim.generators.base import Context, LatentGenerator, SourceSpec
from eegrig.signal_sim.generators.schedule import Schedule, Trigger
from eegrig.signal_sim.noise import ColouredNoise, band_pass
from eegrig.signal_sim.params import ASSUMED, par
from eegrig.signal_sim.stream import FloatArray, State
from eegrig.signal_sim.topography import scattered_fields

__all__ = ["Rhythm"]


@dataclass(frozen=True, kw_only=True)
class Rhythm(SourceSpec):
    """A rhythm with its peak, its width and its place.

    Attributes
    ----------
    frequency_hz : float
        Centre.
    frequency_spread_hz : float
        Standard deviation of the centre between people.
    bandwidth_hz : float
        Width at -3 dB; the narrower, the longer it waxes and wanes.
    rms_v : float
        Rms where it is strongest.
    rms_spread : float
        Standard deviation of log amplitude between people.
    topography : str
        One of `signal_sim.topography.FIELDS`, or an electrode.
    generators : int
        Independent patches of cortex that it comes from.
    absent : float
        Fraction of people who have none.
    duty : float
        Fraction of time it is there; 1 for always, less for bursts.
    burst_s : float
        Median length of a burst.
    """

    kind: ClassVar[str] = "rhythm"
    frequency_hz: float = par(10.0, "Hz", "alpha 8-13 Hz [HPO, PMC9329306]", low=0.1, high=500.0)
    frequency_spread_hz: float = par(0.0, "Hz", ASSUMED, high=50.0)
    bandwidth_hz: float = par(2.0, "Hz", ASSUMED, low=0.1, high=200.0)
    rms_v: float = par(8e-6, "V", "alpha of one person: O1 11.1, Pz 16.4 uVrms [EEGLAB]", high=1e-2)
    rms_spread: float = par(0.0, "1", ASSUMED, high=2.0)
    topography: str = par("occipital", "-", ASSUMED)
    generators: int = par(2, "1", ASSUMED, low=1, high=16)
    absent: float = par(0.0, "1", "2-5 % of people have no alpha [HPO / PMID 24574560]", high=1.0)
    duty: float = par(1.0, "1", ASSUMED, low=0.01, high=1.0)
    burst_s: float = par(1.0, "s", "0.5-2 s (assumed)", low=0.05, high=60.0)

    def generator(self, context: Context) -> RhythmGenerator:
        """Make it sound."""
        return RhythmGenerator(self, context)


class RhythmGenerator(LatentGenerator):
    """Band-passed noise from a few patches of cortex."""

    def __init__(self, spec: Rhythm, context: Context) -> None:
        super().__init__(context)
        centre_hz = spec.frequency_hz
        centre_hz += spec.frequency_spread_hz * context.rng("person frequency").standard_normal()
        half = 0.5 * spec.bandwidth_hz
        low_hz = max(centre_hz - half, 0.05)
        sos = band_pass(low_hz, max(centre_hz + half, low_hz + 0.1), context.rate_hz)
        rms_v = spec.rms_v * context.personal("rms", spec.rms_spread)
        if context.rng("person absent").random() < spec.absent:
            rms_v = 0.0
        fields = scattered_fields(
            spec.topography, context.leads, spec.generators, context.rng("fields")
        )
        self.topography = rms_v * fields
        self._noise = ColouredNoise(sos, context.rng(), spec.generators)
        self._spec = spec
        self._bursts = Schedule(self._plan, 8 * spec.burst_s) if spec.duty < 1 else None

    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out` with the rhythm of each patch, rms 1 while it is there."""
        out[...] = self._noise.next(out.shape[1])
        n_times, rate_hz = out.shape[1], self.context.rate_hz
        gain = self.context.gain.over(start, n_times, rate_hz)
        if not (isinstance(gain, float) and gain == 1.0):
            out *= gain
        if self._bursts is not None:
            out *= self._envelope(start, n_times)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return its bursts."""
        if self._bursts is None:
            return []
        return [
            Event(t.onset_s, t.duration_s, f"{self.context.label} burst", "waveform")
            for t in self._bursts.between(start_s, stop_s)
        ]

    def state(self) -> State:
        """Return copies of everything rendering changes."""
        return self._noise.state()

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""
        self._noise.restore(state)

    def _plan(self) -> Iterator[Trigger]:
        rng = self.context.rng("bursts")
        spec = self._spec
        pause_s = spec.burst_s * (1 / spec.duty - 1)
        time_s = pause_s * rng.random()
        while True:
            length_s = float(np.clip(rng.lognormal(log(spec.burst_s), 0.4), 0.2, 8))
            length_s = min(length_s, 8 * spec.burst_s)
            yield Trigger(time_s, length_s, "burst")
            time_s += length_s + rng.exponential(pause_s)

    def _envelope(self, start: int, n_times: int) -> FloatArray:
        """Return a cosine-edged gate over the bursts, shape ``(n_times,)``."""
        rate_hz = self.context.rate_hz
        gate = np.zeros(n_times)
        bursts = (
            self._bursts.between(start / rate_hz, (start + n_times) / rate_hz)
            if self._bursts
            else []
        )
        for burst in bursts:
            first = max(0, int(np.ceil(burst.onset_s * rate_hz)) - start)
            last = min(n_times, int(np.ceil((burst.onset_s + burst.duration_s) * rate_hz)) - start)
            if last <= first:
                continue
            since = (
                np.arange(start + first, start + last) / rate_hz - burst.onset_s
            ) / burst.duration_s
            edge = np.clip(np.minimum(since, 1 - since) / 0.2, 0.0, 1.0)
            gate[first:last] = 0.5 - 0.5 * np.cos(np.pi * edge)
        return gate
