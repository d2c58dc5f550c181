"""Motor imagery: rhythms over the motor cortex that fade while a hand is imagined to move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.events import Event
from eegrig.signal_sim.generators.base import Context, LatentGenerator, SourceSpec
from eegrig.signal_sim.generators.schedule import Schedule, Trigger, add_waveforms
from eegrig.signal_sim.noise import ColouredNoise, band_pass
from eegrig.signal_sim.params import ASSUMED, par
from eegrig.signal_sim.stream import FloatArray, State
from eegrig.signal_sim.topography import field_at

__all__ = ["MotorImagery"]

_EDGE_S = 0.5
"""Time in which a rhythm fades and comes back (assumed)."""
_SIDES = ("left", "right")


@dataclass(frozen=True, kw_only=True)
class MotorImagery(SourceSpec):
    """Mu and beta over both motor areas; the one opposite to the imagined hand fades more.

    Attributes
    ----------
    mu_hz, beta_hz : float
        Centres.
    bandwidth_hz : float
        Width of both.
    mu_v, beta_v : float
        Median rms at C3 and C4 at rest.
    person_spread : float
        Standard deviation of log amplitude between people.
    fade : float
        Fraction of amplitude lost opposite to the imagined hand.
    fade_same : float
        Fraction lost on its side.
    fade_spread : float
        Standard deviation of both between people.
    rebound : float
        Rise of beta in the second after imagery.
    trial_s, rest_s : float
        Length of imagery, and the pause before it.
    """

    kind: ClassVar[str] = "motor_imagery"
    mu_hz: float = par(11.0, "Hz", ASSUMED, low=5.0, high=16.0)
    beta_hz: float = par(21.0, "Hz", ASSUMED, low=13.0, high=35.0)
    bandwidth_hz: float = par(2.5, "Hz", ASSUMED, low=0.2, high=20.0)
    mu_v: float = par(5e-6, "V", ASSUMED, high=1e-3)
    beta_v: float = par(2e-6, "V", "beta weaker [JNER 11:90]; value assumed", high=1e-3)
    person_spread: float = par(0.4, "1", ASSUMED, high=2.0)
    fade: float = par(0.5, "1", ASSUMED, high=1.0)
    fade_same: float = par(0.15, "1", ASSUMED, high=1.0)
    fade_spread: float = par(0.15, "1", ASSUMED, high=1.0)
    rebound: float = par(0.5, "1", ASSUMED, high=5.0)
    trial_s: float = par(4.0, "s", ASSUMED, low=0.5, high=60.0)
    rest_s: float = par(3.0, "s", ASSUMED, low=0.5, high=60.0)

    def generator(self, context: Context) -> MotorImageryGenerator:
        """Make it sound."""
        return MotorImageryGenerator(self, context)


class MotorImageryGenerator(LatentGenerator):
    """Four latents: mu left and right, beta left and right."""

    def __init__(self, spec: MotorImagery, context: Context) -> None:
        super().__init__(context)
        self._spec = spec
        half = 0.5 * spec.bandwidth_hz
        self._noises = [
            ColouredNoise(
                band_pass(centre_hz - half, centre_hz + half, context.rate_hz),
                context.rng(name),
                2,
            )
            for name, centre_hz in (("mu", spec.mu_hz), ("beta", spec.beta_hz))
        ]
        size = context.personal("amplitude", spec.person_spread)
        left = field_at("left-motor", context.leads)
        right = field_at("right-motor", context.leads)
        self.topography = size * np.stack(
            [spec.mu_v * left, spec.mu_v * right, spec.beta_v * left, spec.beta_v * right], axis=1
        )
        shift = spec.fade_spread * context.rng("person fade").standard_normal()
        # A person who fades less is harder to decode; nobody fades by more than everything.
        self._fade = float(np.clip(spec.fade + shift, 0.02, 0.95))
        self._fade_same = float(np.clip(spec.fade_same * self._fade / max(spec.fade, 1e-9), 0, 0.9))
        self._trials = Schedule(self._plan, spec.trial_s + 2.0)

    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out` with the rhythms, rms 1 at rest."""
        out[:2] = self._noises[0].next(out.shape[1])
        out[2:] = self._noises[1].next(out.shape[1])
        change = np.zeros_like(out)
        add_waveforms(self._trials, start, change, self.context.rate_hz, self._shape)
        out *= 1.0 + change
        gain = self.context.gain.over(start, out.shape[1], self.context.rate_hz)
        if not (isinstance(gain, float) and gain == 1.0):
            out *= gain

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the trials with the imagined hand."""
        return [
            Event(
                t.onset_s, self._spec.trial_s, f"{t.name} hand", "stimulus",
                detail={"target": _SIDES.index(t.name)},
            )
            for t in self._trials.between(start_s, stop_s)
            if t.onset_s + self._spec.trial_s > start_s
        ]  # fmt: skip

    def state(self) -> State:
        """Return copies of everything rendering changes."""
        return {"mu": self._noises[0].state(), "beta": self._noises[1].state()}

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""
        self._noises[0].restore(state["mu"])
        self._noises[1].restore(state["beta"])

    def _plan(self) -> Iterator[Trigger]:
        spec = self._spec
        rng = self.context.rng("trials")
        time_s = 0.0
        while True:
            for side in rng.permutation(2):
                time_s += spec.rest_s
                yield Trigger(time_s, spec.trial_s + 2.0, _SIDES[side])
                time_s += spec.trial_s

    def _shape(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        spec = self._spec
        rise = np.clip((since_s - 0.3) / _EDGE_S, 0.0, 1.0)
        fall = np.clip((spec.trial_s + _EDGE_S - since_s) / _EDGE_S, 0.0, 1.0)
        course = np.minimum(rise, fall)
        after = np.exp(-0.5 * ((since_s - spec.trial_s - 1.0) / 0.3) ** 2)
        # Imagining the left hand fades the right hemisphere.
        opposite, same = (1, 0) if trigger.name == "left" else (0, 1)
        out = np.zeros((4, since_s.size))
        out[opposite] = -self._fade * course
        out[same] = -self._fade_same * course
        out[2 + opposite] = out[opposite] + spec.rebound * after
        out[2 + same] = out[same] + 0.3 * spec.rebound * after
        return out
