"""Muscles near electrodes: tonic activity, bursts, and gestures that a board may recognise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.generators.base import Context, LatentGenerator, SourceSpec
from eegrig.signal_sim.generators.schedule import Schedule, Trigger, add_waveforms
from eegrig.signal_sim.noise import ColouredNoise, band_pass
from eegrig.signal_sim.params import ASSUMED, par
from eegrig.signal_sim.stream import FloatArray, State
from eegrig.signal_sim.topography import field_at

__all__ = ["Gestures", "Muscle"]

_EDGE_S = 0.05
"""Time a contraction takes to come and to go (assumed)."""
_BAND = "20-300 Hz [10.3389/fnhum.2013.00138]"


@dataclass(frozen=True, kw_only=True)
class Muscle(SourceSpec):
    """Electromyogram: band-passed noise, a little all the time and more in bursts.

    Attributes
    ----------
    muscles : tuple of str
        Where it comes from, as fields of `signal_sim.topography`; each on its own.
    low_hz, high_hz : float
        Band.
    tonic_v : float
        Median rms between bursts, where it is strongest.
    burst_v : float
        Median rms in a burst.
    spread : float
        Standard deviation of log amplitude, from burst to burst and between people.
    bursts_per_min : float
        Rate, over all muscles.
    burst_s : float
        Median length of a burst.
    """

    kind: ClassVar[str] = "emg"
    muscles: tuple[str, ...] = par(("left-temporal", "right-temporal"), "-", ASSUMED)
    low_hz: float = par(20.0, "Hz", _BAND, low=1.0, high=1000.0)
    high_hz: float = par(300.0, "Hz", _BAND, low=2.0, high=2000.0)
    tonic_v: float = par(1e-6, "V", ASSUMED, high=1e-2)
    burst_v: float = par(30e-6, "V", "clench 20-100 uV (assumed)", high=1e-2)
    spread: float = par(0.4, "1", ASSUMED, high=2.0)
    bursts_per_min: float = par(4.0, "1/min", ASSUMED, high=300.0)
    burst_s: float = par(0.6, "s", "0.2-2 s (assumed)", low=0.05, high=60.0)

    def generator(self, context: Context) -> MuscleGenerator:
        """Make it sound."""
        return MuscleGenerator(self, context)


@dataclass(frozen=True, kw_only=True)
class Gestures(SourceSpec):
    """Contractions on cue, one gesture at a time.

    Attributes
    ----------
    gestures : tuple of str
        Names of the gestures.
    muscles : tuple of str
        For each gesture, the muscles that contract, joined by ``+``.
    low_hz, high_hz : float
        Band.
    burst_v : float
        Median rms of a contraction.
    spread : float
        Standard deviation of log amplitude, from gesture to gesture and between people.
    hold_s, rest_s : float
        How long a gesture is held, and the pause before it.
    reaction_s : float
        Mean time from cue to contraction.
    """

    kind: ClassVar[str] = "gestures"
    gestures: tuple[str, ...] = par(("clench", "frown", "left", "right"), "-", ASSUMED)
    muscles: tuple[str, ...] = par(
        ("left-jaw+right-jaw", "forehead", "left-temporal", "right-temporal"),
        "-",
        ASSUMED,
    )
    low_hz: float = par(20.0, "Hz", _BAND, low=1.0, high=1000.0)
    high_hz: float = par(300.0, "Hz", _BAND, low=2.0, high=2000.0)
    burst_v: float = par(40e-6, "V", "clench 20-100 uV (assumed)", high=1e-2)
    spread: float = par(0.3, "1", ASSUMED, high=2.0)
    hold_s: float = par(1.5, "s", ASSUMED, low=0.2, high=60.0)
    rest_s: float = par(2.0, "s", ASSUMED, low=0.5, high=60.0)
    reaction_s: float = par(0.3, "s", ASSUMED, high=2.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.gestures) != len(self.muscles):
            n, m = len(self.gestures), len(self.muscles)
            msg = f"{self.kind}: {n} gestures and {m} sets of muscles: give one set for each"
            raise SceneError(msg)

    def generator(self, context: Context) -> GestureGenerator:
        """Make it sound."""
        return GestureGenerator(self, context)


class _MuscleNoise:
    """The unit noise of each muscle, and a word on what the rate cuts off."""

    def __init__(self, low_hz: float, high_hz: float, n_muscles: int, context: Context) -> None:
        if high_hz <= low_hz:
            msg = (
                f"{context.label}: a band from {low_hz:g} to {high_hz:g} Hz: high_hz must be higher"
            )
            raise SceneError(msg)
        try:
            sos = band_pass(low_hz, high_hz, context.rate_hz)
        except SceneError as error:
            msg = f"{context.label}: {error}"
            raise SceneError(msg) from None
        self.noise = ColouredNoise(sos, context.rng(), n_muscles)
        top_hz = min(high_hz, 0.45 * context.rate_hz)
        kept = (top_hz - low_hz) / (high_hz - low_hz)
        # The density stays what it is at any rate; what lies above the rate's reach is missing.
        self.level = float(np.sqrt(kept))
        self.notes: tuple[str, ...] = ()
        if kept < 1:
            self.notes = (
                f"{context.label}: at {context.rate_hz:g} samples per second, muscle activity from "
                f"{top_hz:.0f} to {high_hz:g} Hz ({100 * (1 - kept):.0f} % of its power) is lost; "
                f"use at least {2.3 * high_hz:.0f}",
            )


def _contraction(since_s: FloatArray, duration_s: float) -> FloatArray:
    edge = np.clip(np.minimum(since_s, duration_s - since_s) / _EDGE_S, 0.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * edge))


class MuscleGenerator(LatentGenerator):
    """Noise of each muscle, gated by bursts."""

    def __init__(self, spec: Muscle, context: Context) -> None:
        super().__init__(context)
        self._spec = spec
        self._carrier = _MuscleNoise(spec.low_hz, spec.high_hz, len(spec.muscles), context)
        self.notes = self._carrier.notes
        fields = [field_at(name, context.leads) for name in spec.muscles]
        self.topography = self._carrier.level * np.stack(fields, axis=1)
        personal = context.personal("amplitude", spec.spread)
        self._tonic_v = spec.tonic_v * personal
        self._burst_v = spec.burst_v * personal
        self._bursts = Schedule(self._plan, 10 * spec.burst_s)

    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out` with the noise of each muscle, in volts where it is strongest."""
        n_times = out.shape[1]
        envelope = np.zeros_like(out)
        add_waveforms(self._bursts, start, envelope, self.context.rate_hz, self._shape)
        gain = self.context.gain.over(start, n_times, self.context.rate_hz)
        envelope += self._tonic_v * gain
        np.multiply(self._carrier.noise.next(n_times), envelope, out=out)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the bursts."""
        return [
            Event(
                t.onset_s,
                t.duration_s,
                f"{self.context.label} burst",
                "artefact",
                detail={
                    "muscle": self._spec.muscles[t.values["muscle"]],
                    "rms_v": t.values["rms_v"],
                },
            )
            for t in self._bursts.between(start_s, stop_s)
        ]

    def state(self) -> State:
        """Return copies of everything rendering changes."""
        return self._carrier.noise.state()

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""
        self._carrier.noise.restore(state)

    def _plan(self) -> Iterator[Trigger]:
        spec = self._spec
        if spec.bursts_per_min == 0 or spec.burst_v == 0:
            return
        rng = self.context.rng("bursts")
        time_s = 0.0
        while True:
            time_s += rng.exponential(60.0 / spec.bursts_per_min)
            length_s = float(min(rng.lognormal(log(spec.burst_s), 0.5), 10 * spec.burst_s))
            rms_v = self._burst_v * float(rng.lognormal(0.0, spec.spread))
            muscle = int(rng.integers(len(spec.muscles)))
            gain = self.context.gain.at(time_s)
            name = "burst" if gain > 0 else ""
            yield Trigger(time_s, length_s, name, {"rms_v": rms_v * gain, "muscle": muscle})

    def _shape(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        envelope = np.zeros((len(self._spec.muscles), since_s.size))
        shape = _contraction(since_s, trigger.duration_s)
        envelope[trigger.values["muscle"]] = trigger.values["rms_v"] * shape
        return envelope


class GestureGenerator(LatentGenerator):
    """Noise of each muscle, gated by cued gestures."""

    def __init__(self, spec: Gestures, context: Context) -> None:
        super().__init__(context)
        self._spec = spec
        self._muscles = sorted({m for joined in spec.muscles for m in joined.split("+")})
        self._carrier = _MuscleNoise(spec.low_hz, spec.high_hz, len(self._muscles), context)
        self.notes = self._carrier.notes
        fields = [field_at(name, context.leads) for name in self._muscles]
        self.topography = self._carrier.level * np.stack(fields, axis=1)
        self._burst_v = spec.burst_v * context.personal("amplitude", spec.spread)
        self._cues = Schedule(self._plan, spec.hold_s + 3.0)

    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out` with the noise of each muscle, in volts where it is strongest."""
        n_times = out.shape[1]
        envelope = np.zeros_like(out)
        add_waveforms(self._cues, start, envelope, self.context.rate_hz, self._shape)
        np.multiply(self._carrier.noise.next(n_times), envelope, out=out)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the cues, with what is held from when."""
        return [
            Event(t.onset_s, self._spec.hold_s, t.name, "stimulus", detail=dict(t.values))
            for t in self._cues.between(start_s, stop_s)
        ]

    def state(self) -> State:
        """Return copies of everything rendering changes."""
        return self._carrier.noise.state()

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""
        self._carrier.noise.restore(state)

    def _plan(self) -> Iterator[Trigger]:
        spec = self._spec
        rng = self.context.rng("cues")
        time_s = 0.0
        while True:
            for index in rng.permutation(len(spec.gestures)):
                time_s += spec.rest_s
                reaction_s = float(np.clip(rng.normal(spec.reaction_s, 0.06), 0.1, 2.5))
                values = {
                    "target": int(index),
                    "reaction_s": reaction_s,
                    "rms_v": self._burst_v * float(rng.lognormal(0.0, spec.spread)),
                }
                yield Trigger(time_s, spec.hold_s + reaction_s, spec.gestures[index], values)
                time_s += spec.hold_s

    def _shape(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        values, spec = trigger.values, self._spec
        envelope = np.zeros((len(self._muscles), since_s.size))
        shape = _contraction(since_s - values["reaction_s"], spec.hold_s) * values["rms_v"]
        for muscle in spec.muscles[values["target"]].split("+"):
            envelope[self._muscles.index(muscle)] = shape
        return envelope
