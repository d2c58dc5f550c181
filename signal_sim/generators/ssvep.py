"""Steady-state visual evoked potentials: what a flickering light leaves at the occiput."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.generators.base import Context, LatentGenerator, SourceSpec
from eegrig.signal_sim.generators.schedule import Schedule, Trigger, add_waveforms
from eegrig.signal_sim.params import ASSUMED, par
from eegrig.signal_sim.stream import FloatArray
from eegrig.signal_sim.topography import field_at, scattered_fields

__all__ = ["Ssvep"]

_FIELD = "visual"
_RISE_S = 0.25
"""Time constant with which the response builds up after the delay (assumed)."""


@dataclass(frozen=True, kw_only=True)
class Ssvep(SourceSpec):
    """Trials in which one of several flickering targets is looked at.

    Attributes
    ----------
    frequencies_hz : tuple of float
        Flicker of each target.
    phases_pi : tuple of float
        Phase of each target in units of pi (joint frequency-phase coding); empty for none.
    amplitude_v : float
        Median peak amplitude of the fundamental at Oz.
    amplitude_spread : float
        Standard deviation of its log between people.
    trial_spread : float
        Standard deviation of its log from trial to trial.
    harmonics : tuple of float
        Amplitudes of the harmonics over the fundamental's, from the second on.
    tuning_hz, tuning : tuple of float
        Amplitude of the fundamental against frequency, joined by straight lines; empty for flat.
    delay_s : float
        From the light to the cortex.
    onset_v : float
        Size of the transient response at the onset.
    trial_s, rest_s : float
        Length of a trial, and the pause before it.
    order : {"random", "sequence"}
        Of the targets: shuffled in each round, or one after the other.
    """

    kind: ClassVar[str] = "ssvep"
    frequencies_hz: tuple[float, ...] = par(
        (9.25, 11.25, 13.25, 9.75, 11.75, 13.75, 10.25, 12.25, 14.25, 10.75, 12.75, 14.75),
        "Hz", "twelve targets [Nakanishi 2015]", low=0.5, high=100.0,
    )  # fmt: skip
    phases_pi: tuple[float, ...] = par((), "pi", "0, 0.5, 1, 1.5 by row [Nakanishi 2015]", high=2.0)
    amplitude_v: float = par(
        2.2e-6, "V", "1-5 uV (assumed); 0.17 of the 1-40 Hz rms [EXO]", high=1e-3
    )
    amplitude_spread: float = par(
        0.3, "1", "assumed; accuracy from person to person [Nakanishi 2015, EXO]", high=2.0
    )
    trial_spread: float = par(
        0.5, "1", "assumed; accuracy over window length [Nakanishi 2015]", high=2.0
    )
    harmonics: tuple[float, ...] = par(
        (0.45, 0.16, 0.07), "1", "h2, h3, h4 over h1 at Oz [EXO]", high=5.0
    )
    tuning_hz: tuple[float, ...] = par((), "Hz", "flat range 12-18 Hz [Kus 2013]", high=200.0)
    tuning: tuple[float, ...] = par((), "1", "13 : 17 : 21 Hz as 1 : 0.96 : 0.60 [EXO]", high=10.0)
    delay_s: float = par(0.135, "s", "best accuracy at 135 ms [Nakanishi 2015]", high=1.0)
    onset_v: float = par(4e-6, "V", ASSUMED, high=1e-3)
    trial_s: float = par(4.0, "s", "4 s [Nakanishi 2015]", low=0.1, high=3600.0)
    rest_s: float = par(1.0, "s", "1 s cue [Nakanishi 2015]", high=3600.0)
    order: str = par("random", "-", ASSUMED, one_of=("random", "sequence"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.frequencies_hz:
            msg = f"{self.kind}: frequencies_hz is empty: give one for each target"
            raise SceneError(msg)
        if self.phases_pi and len(self.phases_pi) != len(self.frequencies_hz):
            n, m = len(self.phases_pi), len(self.frequencies_hz)
            msg = f"{self.kind}: {n} phases_pi for {m} targets: give one for each"
            raise SceneError(msg)
        if len(self.tuning) != len(self.tuning_hz):
            n, m = len(self.tuning), len(self.tuning_hz)
            msg = f"{self.kind}: {n} tuning factors for {m} tuning_hz: give one for each"
            raise SceneError(msg)

    def generator(self, context: Context) -> SsvepGenerator:
        """Make it sound."""
        return SsvepGenerator(self, context)

    def phase_rad(self, target: int) -> float:
        """Return the flicker's phase of a target in radians."""
        return pi * self.phases_pi[target] if self.phases_pi else 0.0


class SsvepGenerator(LatentGenerator):
    """A cosine and a sine of every harmonic, each with a field of its own, and the onset.

    The sine's field makes a harmonic run a little ahead in some places: it comes from more than
    one patch of cortex.
    """

    def __init__(self, spec: Ssvep, context: Context) -> None:
        super().__init__(context)
        self._spec = spec
        self._levels = np.array([1.0, *spec.harmonics])
        highest_hz = max(spec.frequencies_hz)
        if highest_hz >= 0.45 * context.rate_hz:
            msg = (
                f"{context.label}: a target at {highest_hz:g} Hz needs at least "
                f"{2.5 * highest_hz:.0f} samples per second"
            )
            raise SceneError(msg)
        rng = context.rng("person")
        self._amplitude_v = spec.amplitude_v * context.personal("amplitude", spec.amplitude_spread)
        n = len(self._levels)
        self._personal_phase = rng.uniform(0, 2 * pi, n)
        columns = []
        for _ in range(n):
            ahead = scattered_fields(_FIELD, context.leads, 2, rng)
            columns += [ahead.sum(axis=1) / 2**0.5, 0.35 * ahead[:, 1]]
        # The fundamental at Oz is what was asked for, whoever the person is.
        scale = _at_oz(columns, context)
        self.topography = np.stack(
            [*(c * scale for c in columns), field_at(_FIELD, context.leads)], axis=1
        )
        self._trials = Schedule(self._plan, spec.trial_s + spec.delay_s + 1.0)

    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out` with the response."""
        out[...] = 0.0
        add_waveforms(self._trials, start, out, self.context.rate_hz, self._shape)
        gain = self.context.gain.over(start, out.shape[1], self.context.rate_hz)
        if not (isinstance(gain, float) and gain == 1.0):
            out *= gain

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the trials with their targets."""
        spec = self._spec
        return [
            Event(
                t.onset_s, spec.trial_s, t.name, "stimulus",
                detail={
                    "target": t.values["target"],
                    "frequency_hz": spec.frequencies_hz[t.values["target"]],
                    "phase_rad": spec.phase_rad(t.values["target"]),
                },
            )
            for t in self._trials.between(start_s, stop_s)
            if t.onset_s + spec.trial_s > start_s
        ]  # fmt: skip

    def _plan(self) -> Iterator[Trigger]:
        spec = self._spec
        rng = self.context.rng("trials")
        n_targets = len(spec.frequencies_hz)
        time_s = 0.0
        while True:
            order = rng.permutation(n_targets) if spec.order == "random" else range(n_targets)
            for target in order:
                time_s += spec.rest_s
                frequency_hz = spec.frequencies_hz[target]
                size_v = self._amplitude_v * float(rng.lognormal(0.0, spec.trial_spread))
                if spec.tuning_hz:
                    size_v *= float(np.interp(frequency_hz, spec.tuning_hz, spec.tuning))
                yield Trigger(
                    time_s,
                    spec.trial_s + spec.delay_s,
                    f"{frequency_hz:g} Hz",
                    {"target": int(target), "size_v": size_v},
                )
                time_s += spec.trial_s

    def _shape(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        spec, target = self._spec, trigger.values["target"]
        frequency_hz = spec.frequencies_hz[target]
        late_s = since_s - spec.delay_s
        built_up = np.where(late_s > 0, 1.0 - np.exp(-np.maximum(late_s, 0.0) / _RISE_S), 0.0)
        built_up *= trigger.values["size_v"]
        out = np.zeros((2 * len(self._levels) + 1, since_s.size))
        for i, level in enumerate(self._levels):
            order = i + 1
            if order * frequency_hz >= 0.45 * self.context.rate_hz:
                break
            phase = 2 * pi * order * frequency_hz * late_s + order * spec.phase_rad(target)
            phase += self._personal_phase[i]
            out[2 * i] = level * built_up * np.cos(phase)
            out[2 * i + 1] = level * built_up * np.sin(phase)
        # A negative and a positive lobe, 100 and 170 ms after the onset (assumed).
        lobes = np.exp(-0.5 * ((since_s - 0.17) / 0.03) ** 2) - np.exp(
            -0.5 * ((since_s - 0.10) / 0.02) ** 2
        )
        out[-1] = spec.onset_v * lobes
        return out


def _at_oz(columns: list[FloatArray], context: Context) -> float:
    """Return the factor that makes the fundamental 1 where the occipital field is strongest."""
    whole = field_at(_FIELD, context.leads)
    at = int(np.argmax(whole))
    size = float(np.hypot(columns[0][at], columns[1][at]))
    return float(whole[at]) / size if size > 0 else 1.0
