"""Event-related potentials: an oddball task, seen or heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.events import Event
from eegrig.signal_sim.generators.base import Context, LatentGenerator, SourceSpec
from eegrig.signal_sim.generators.schedule import Schedule, Trigger, add_waveforms
from eegrig.signal_sim.params import ASSUMED, par
from eegrig.signal_sim.stream import FloatArray
from eegrig.signal_sim.topography import scattered_fields

__all__ = ["Oddball"]

_LENGTH_S = 0.9
"""After that, a response is over."""
_SENSORY = {"visual": "occipital", "auditory": "fronto-central"}
_MISMATCH = {"visual": "lateral-occipital", "auditory": "fronto-central"}


@dataclass(frozen=True, kw_only=True)
class Oddball(SourceSpec):
    """Rare targets among frequent standards: N1 and P2 to all, N2 and P3 to targets.

    Attributes
    ----------
    modality : {"visual", "auditory"}
        Whether N1, P2 and N2 are occipital or fronto-central.
    interval_s : float
        From stimulus to stimulus.
    interval_jitter_s : float
        Half width of its random part.
    target_probability : float
        Fraction of targets.
    n1_v, p2_v, n2_v, p3_v : float
        Peaks; N1 and N2 are negative, given as sizes.
    attention : float
        Factor on N1 and P2 of a target, which is attended to.
    n1_s, p2_s, n2_s, p3_s : float
        Latencies.
    n1_width_s, p2_width_s, n2_width_s, p3_width_s : float
        Widths, as standard deviations of Gaussians.
    p3_jitter_s : float
        Standard deviation of P3's latency from trial to trial.
    trial_spread, person_spread : float
        Standard deviation of log amplitude from trial to trial, and between people.
    """

    kind: ClassVar[str] = "oddball"
    modality: str = par("visual", "-", ASSUMED, one_of=("visual", "auditory"))
    interval_s: float = par(1.0, "s", ASSUMED, low=0.05, high=60.0)
    interval_jitter_s: float = par(0.1, "s", ASSUMED, high=30.0)
    target_probability: float = par(0.2, "1", ASSUMED, low=0.01, high=0.99)
    n1_v: float = par(4e-6, "V", "3-5 uV (assumed)", high=1e-3)
    p2_v: float = par(4e-6, "V", ASSUMED, high=1e-3)
    n2_v: float = par(5e-6, "V", ASSUMED, high=1e-3)
    p3_v: float = par(
        10e-6, "V", "5-10 uV (assumed); 27.7 in one strong subject [EEGLAB]", high=1e-3
    )
    attention: float = par(1.5, "1", ASSUMED, high=10.0)
    n1_s: float = par(0.1, "s", "100 ms (assumed); 187 ms in one subject [EEGLAB]", high=2.0)
    p2_s: float = par(0.2, "s", ASSUMED, high=2.0)
    n2_s: float = par(0.25, "s", ASSUMED, high=2.0)
    p3_s: float = par(0.371, "s", "P3b 371 ms, auditory, wet [authorea 254779]", high=2.0)
    n1_width_s: float = par(0.02, "s", ASSUMED, low=0.001, high=1.0)
    p2_width_s: float = par(0.03, "s", ASSUMED, low=0.001, high=1.0)
    n2_width_s: float = par(0.04, "s", ASSUMED, low=0.001, high=1.0)
    p3_width_s: float = par(0.075, "s", ASSUMED, low=0.001, high=1.0)
    p3_jitter_s: float = par(0.025, "s", "20-30 ms (assumed)", high=0.5)
    trial_spread: float = par(0.35, "1", ASSUMED, high=2.0)
    person_spread: float = par(0.3, "1", ASSUMED, high=2.0)

    def generator(self, context: Context) -> OddballGenerator:
        """Make it sound."""
        return OddballGenerator(self, context)


class OddballGenerator(LatentGenerator):
    """Four latents: N1, P2, N2 and P3, each with its field."""

    def __init__(self, spec: Oddball, context: Context) -> None:
        super().__init__(context)
        self._spec = spec
        rng = context.rng("person fields")
        sensory = scattered_fields(_SENSORY[spec.modality], context.leads, 1, rng)
        mismatch = scattered_fields(_MISMATCH[spec.modality], context.leads, 1, rng)
        late = scattered_fields("p3", context.leads, 1, rng)
        self.topography = np.hstack([sensory, sensory, mismatch, late])
        self._person = context.personal("amplitude", spec.person_spread)
        self._late_s = float(context.rng("person latency").normal(0.0, 0.02))
        self._stimuli = Schedule(self._plan, _LENGTH_S + 1.0)

    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out` with the responses."""
        out[...] = 0.0
        add_waveforms(self._stimuli, start, out, self.context.rate_hz, self._shape)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the stimuli."""
        return [
            Event(
                t.onset_s, 0.0, t.name, "stimulus", detail={"target": int(t.name == "target")}
            )
            for t in self._stimuli.between(start_s, stop_s)
            if start_s <= t.onset_s < stop_s
        ]  # fmt: skip

    def _plan(self) -> Iterator[Trigger]:
        spec = self._spec
        rng = self.context.rng("stimuli")
        time_s, since_target = spec.interval_s, 99
        while True:
            # Never two targets in a row: the second one's P3 would be another's.
            chance = spec.target_probability / (1.0 - spec.target_probability)
            chance = min(chance, 1.0) if spec.target_probability < 0.5 else spec.target_probability
            target = rng.random() < chance and (since_target > 0 or spec.target_probability >= 0.5)
            since_target = 0 if target else since_target + 1
            values = {
                "size": self._person * float(rng.lognormal(0.0, spec.trial_spread)),
                "p3_s": spec.p3_s + self._late_s + float(rng.normal(0.0, spec.p3_jitter_s)),
                "gain": self.context.gain.at(time_s),
            }
            yield Trigger(time_s, _LENGTH_S, "target" if target else "standard", values)
            jitter_s = float(rng.uniform(-1, 1)) * spec.interval_jitter_s
            time_s += max(spec.interval_s + jitter_s, 0.02)

    def _shape(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        spec, values = self._spec, trigger.values
        size = values["size"] * values["gain"]
        sensed = size * (spec.attention if trigger.name == "target" else 1.0)
        out = np.zeros((4, since_s.size))
        out[0] = -spec.n1_v * sensed * _lobe(since_s, spec.n1_s, spec.n1_width_s)
        out[1] = spec.p2_v * sensed * _lobe(since_s, spec.p2_s, spec.p2_width_s)
        if trigger.name == "target":
            out[2] = -spec.n2_v * size * _lobe(since_s, spec.n2_s, spec.n2_width_s)
            out[3] = spec.p3_v * size * _lobe(since_s, values["p3_s"], spec.p3_width_s)
        return out


def _lobe(since_s: FloatArray, centre_s: float, width_s: float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * ((since_s - centre_s) / width_s) ** 2))
