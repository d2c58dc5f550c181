"""Motion: gait and bumps, as voltages of the electrodes and as changes of their impedance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.events import Event
from eegrig.signal_sim.generators.schedule import Schedule, Trigger, add_waveforms
from eegrig.signal_sim.params import ASSUMED, Spec, par
from eegrig.signal_sim.stream import FloatArray
from eegrig.signal_sim.timeline import Gain

__all__ = ["Motion", "MotionWave"]


@dataclass(frozen=True, kw_only=True)
class Motion(Spec):
    """How the wearer moves.

    Attributes
    ----------
    gait_hz : float
        Steps per second; 0 for none.
    gait_v : float
        Median rms that the gait makes at a dry electrode.
    gait_harmonics : tuple of float
        Amplitudes of step frequency and harmonics.
    bumps_per_min : float
        Rate of jerks that shift an electrode.
    bump_v : float
        Median step of a bump at a dry electrode.
    bump_spread : float
        Standard deviation of log step.
    decay_s : float
        Median time in which a step decays to 37 %.
    reach : float
        Fraction of electrodes that a bump reaches.
    impedance_change : float
        Relative rise of the impedance at a bump of median size.
    lead_spread : float
        Standard deviation of log sensitivity from electrode to electrode.
    """

    kind: ClassVar[str] = "motion"
    gait_hz: float = par(0.0, "Hz", "0: sitting still", high=5.0)
    gait_v: float = par(40e-6, "V", ASSUMED, high=1.0)
    gait_harmonics: tuple[float, ...] = par(
        (1.0, 0.6, 0.35, 0.2, 0.2, 0.15, 0.12),
        "1",
        "about 6 % of the power above 8.5 Hz [gait template]",
        high=10.0,
    )
    bumps_per_min: float = par(0.0, "1/min", "0: sitting still", high=600.0)
    bump_v: float = par(300e-6, "V", "100 uV-5 mV (assumed)", high=1.0)
    bump_spread: float = par(0.8, "1", ASSUMED, high=3.0)
    decay_s: float = par(0.6, "s", ASSUMED, low=0.01, high=60.0)
    reach: float = par(0.5, "1", ASSUMED, high=1.0)
    impedance_change: float = par(0.5, "1", ASSUMED, high=100.0)
    lead_spread: float = par(0.5, "1", ASSUMED, high=3.0)


class MotionWave:
    """Gait and bumps of all leads.

    Parameters
    ----------
    spec : Motion
        How the wearer moves.
    leads : tuple of str
        Electrodes, the reference's included.
    rate_hz : float
        Samples per second.
    sensitivity : float
        Of the kind of electrode.
    gain : Gain
        What the scene's states make of it.
    rng_for : callable
        Returns a generator for a purpose.
    """

    def __init__(
        self,
        spec: Motion,
        leads: tuple[str, ...],
        rate_hz: float,
        sensitivity: float,
        gain: Gain,
        seed: int,
    ) -> None:
        self._spec = spec
        self._leads = leads
        self._rate_hz = rate_hz
        self._gain = gain
        self._seed = seed
        rng = self._rng(1)
        n_leads = len(leads)
        self._sensitivity = sensitivity * rng.lognormal(0.0, spec.lead_spread, n_leads)
        # A lead's artefact is its own, not a copy of the head's acceleration (Kline 2015).
        self._phases = rng.uniform(0, 2 * np.pi, (n_leads, len(spec.gait_harmonics)))
        self._bumps = Schedule(self._plan, 8 * spec.decay_s * 4)

    @property
    def active(self) -> bool:
        """Whether there is any motion at all."""
        return bool(self._sensitivity.any()) and (
            self._spec.gait_hz > 0 or self._spec.bumps_per_min > 0
        )

    def render(self, start: int, n_times: int) -> tuple[FloatArray, FloatArray]:
        """Return volts, and relative rise of the impedance, each of shape (n_leads, n_times)."""
        volts = np.zeros((len(self._leads), n_times))
        if self._spec.gait_hz > 0:
            self._add_gait(start, volts)
        rise = np.zeros_like(volts)
        add_waveforms(self._bumps, start, volts, self._rate_hz, self._step)
        if self._spec.impedance_change > 0:
            add_waveforms(self._bumps, start, rise, self._rate_hz, self._rise)
        return volts, rise

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the bumps, each with the leads it reaches."""
        return [
            Event(
                t.onset_s,
                t.values["decay_s"],
                "bump",
                "artefact",
                tuple(np.array(self._leads)[np.abs(t.values["steps_v"]) > 0]),
                {"largest_v": float(np.abs(t.values["steps_v"]).max())},
            )
            for t in self._bumps.between(start_s, stop_s)
        ]

    def _rng(self, purpose: int) -> np.random.Generator:
        return np.random.Generator(
            np.random.SFC64(np.random.SeedSequence([self._seed, 0x4D4F5645, purpose]))
        )

    def _add_gait(self, start: int, volts: FloatArray) -> None:
        spec = self._spec
        gain = self._gain.over(start, volts.shape[1], self._rate_hz)
        if isinstance(gain, float) and gain == 0:
            return
        levels = np.array(spec.gait_harmonics)
        levels = levels / np.sqrt(0.5 * (levels**2).sum())
        time_s = np.arange(start, start + volts.shape[1]) / self._rate_hz
        for order, level in enumerate(levels, start=1):
            if order * spec.gait_hz >= 0.45 * self._rate_hz:
                break
            phase = 2 * np.pi * ((order * spec.gait_hz * time_s) % 1.0)
            sine, cosine = np.sin(phase), np.cos(phase)
            shift = self._phases[:, order - 1 : order]
            wave = sine * np.cos(shift) + cosine * np.sin(shift)
            volts += (spec.gait_v * level) * self._sensitivity[:, None] * wave * gain

    def _plan(self) -> Iterator[Trigger]:
        spec = self._spec
        if spec.bumps_per_min == 0 or not self._sensitivity.any():
            return
        rng = self._rng(2)
        time_s = 0.0
        n_leads = len(self._leads)
        while True:
            time_s += rng.exponential(60.0 / spec.bumps_per_min)
            size_v = rng.lognormal(log(spec.bump_v), spec.bump_spread)
            reached = rng.random(n_leads) < spec.reach
            reached[rng.integers(n_leads)] = True
            sign = rng.choice([-1.0, 1.0], n_leads)
            decay_s = float(min(rng.lognormal(log(spec.decay_s), 0.4), 4 * spec.decay_s))
            gain = self._gain.at(time_s)
            steps_v = size_v * gain * sign * reached * self._sensitivity
            values = {
                "steps_v": steps_v,
                "decay_s": decay_s,
                "rise": spec.impedance_change * gain * (size_v / spec.bump_v) * reached,
            }
            yield Trigger(
                time_s, 8 * decay_s if gain > 0 else 0.0, "bump" if gain > 0 else "", values
            )

    def _step(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        # 8 ms to rise: an electrode slides, it does not jump (assumed).
        shape = np.exp(-since_s / trigger.values["decay_s"]) * np.clip(since_s / 8e-3, 0.0, 1.0)
        return np.asarray(trigger.values["steps_v"][:, None] * shape)

    def _rise(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        shape = np.exp(-since_s / trigger.values["decay_s"]) * np.clip(since_s / 8e-3, 0.0, 1.0)
        return np.asarray(trigger.values["rise"][:, None] * shape)
