"""The eyes: blinks and saccades."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.events import Event
from eegrig.signal_sim.generators.base import Context, LatentGenerator, SourceSpec
from eegrig.signal_sim.generators.schedule import Schedule, Trigger, add_waveforms
from eegrig.signal_sim.montage import POSITIONS, angles_deg, canonical, positions
from eegrig.signal_sim.params import ASSUMED, par
from eegrig.signal_sim.stream import FloatArray

__all__ = ["Blinks", "Saccades"]

_FALL_OFF_DEG = (0.0, 26.0, 49.0, 54.0, 72.0, 90.0, 108.0, 126.0, 144.0, 162.0)
_FALL_OFF = (1.0, 1.0, 0.39, 0.355, 0.28, 0.16, 0.11, 0.07, 0.02, 0.0)
"""Blink against the angle from the nasion: FPz 1, F3 and F4 0.34-0.41, Fz 0.35, FC 0.25-0.30,
C 0.14-0.19, P 0.06-0.09, POz and O 0.00-0.03, from 16 blinks of the EEGLAB sample set."""
_EARS = ("A1", "A2", "M1", "M2", "EL", "ER")
"""Blinks do not show at the ears (Kappel 2017)."""


def blink_field(leads: Sequence[str]) -> FloatArray:
    """Return the strength of a blink at each lead, 1 at FPz, shape ``(n_leads,)``."""
    strength = np.interp(angles_deg(leads, POSITIONS["Nz"]), _FALL_OFF_DEG, _FALL_OFF)
    strength[[canonical(lead) in _EARS for lead in leads]] = 0.0
    return np.asarray(strength)


@dataclass(frozen=True, kw_only=True)
class Blinks(SourceSpec):
    """Blinks: a fast closing and a slower opening of the lid.

    Attributes
    ----------
    rate_per_min : float
        Mean rate.
    amplitude_v : float
        Median peak at FPz.
    amplitude_spread : float
        Standard deviation of log amplitude from blink to blink.
    person_spread : float
        Standard deviation of log amplitude between people.
    closing_s, opening_s : float
        Time to the peak, and back.
    shortest_s : float
        Least time from one blink to the next.
    """

    kind: ClassVar[str] = "blinks"
    rate_per_min: float = par(
        10.0, "1/min", "4.5-17 /min [MNE simulation]; 4 in a task [EEGLAB]", high=120.0
    )
    amplitude_v: float = par(
        206e-6, "V", "median of 16 blinks, p10-p90 108-301 uV [EEGLAB]", high=1e-2
    )
    amplitude_spread: float = par(
        0.2, "1", "p10-p90 of 16 blinks, shared with person_spread [EEGLAB]", high=2.0
    )
    person_spread: float = par(0.2, "1", ASSUMED, high=2.0)
    closing_s: float = par(
        0.09, "s", "FWHM 94 ms after 0.5-10 Hz [EEGLAB]; lid closure 100-150 ms", low=0.01, high=5.0
    )
    opening_s: float = par(0.13, "s", "FWHM 94 ms after 0.5-10 Hz [EEGLAB]", low=0.01, high=5.0)
    shortest_s: float = par(0.6, "s", ASSUMED, low=0.0, high=60.0)

    def generator(self, context: Context) -> BlinkGenerator:
        """Make it sound."""
        return BlinkGenerator(self, context)


class BlinkGenerator(LatentGenerator):
    """Blinks at random times."""

    def __init__(self, spec: Blinks, context: Context) -> None:
        super().__init__(context)
        self._spec = spec
        self.topography = blink_field(context.leads)[:, None]
        self._peak_v = spec.amplitude_v * context.personal("amplitude", spec.person_spread)
        self._schedule = Schedule(self._plan, spec.closing_s + spec.opening_s)

    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out` with blinks, in volts at FPz."""
        out[...] = 0.0
        add_waveforms(self._schedule, start, out, self.context.rate_hz, self._shape)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the blinks."""
        return [
            Event(
                t.onset_s, t.duration_s, self.context.label.rstrip("s"), "artefact", detail=t.values
            )
            for t in self._schedule.between(start_s, stop_s)
        ]

    def _plan(self) -> Iterator[Trigger]:
        spec = self._spec
        if spec.rate_per_min == 0 or spec.amplitude_v == 0:
            return
        rng = self.context.rng("blinks")
        length_s = spec.closing_s + spec.opening_s
        # The rate asked for holds with the pause after each blink counted in.
        mean_s = max(60.0 / spec.rate_per_min - spec.shortest_s, 0.01)
        time_s = 0.0
        while True:
            time_s += rng.exponential(mean_s)
            peak_v = self._peak_v * float(rng.lognormal(0.0, spec.amplitude_spread))
            gain = self.context.gain.at(time_s)
            name = "blink" if gain > 0 else ""
            yield Trigger(time_s, length_s, name, {"amplitude_v": peak_v * gain})
            time_s += max(spec.shortest_s, length_s)

    def _shape(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        spec = self._spec
        closing = 0.5 - 0.5 * np.cos(np.pi * since_s / spec.closing_s)
        opening = 0.5 + 0.5 * np.cos(np.pi * (since_s - spec.closing_s) / spec.opening_s)
        lid = np.where(since_s < spec.closing_s, closing, opening)
        return np.asarray(trigger.values["amplitude_v"] * lid)


def gaze_field(leads: Sequence[str]) -> FloatArray:
    """Return what one degree of gaze to the right, and up, shows: shape ``(n_leads, 2)``.

    Sideways, the two sides of the forehead are opposite; upwards, the field falls off as a blink's,
    a little less (0.139 at Cz against 0.093).
    """
    fall_off = blink_field(leads)
    side = positions(leads)[:, 0]
    return np.stack([1.6 * side * fall_off, 0.8 * fall_off**0.85], axis=1)


@dataclass(frozen=True, kw_only=True)
class Saccades(SourceSpec):
    """Gaze that jumps from place to place, seen through the eyes' standing potential.

    Attributes
    ----------
    rate_per_min : float
        Mean rate of jumps.
    angle_deg : float
        Standard deviation of the gaze from straight ahead, sideways.
    vertical : float
        The same up and down, as a fraction of it.
    volts_per_deg : float
        Amplitude per degree at the edge of the forehead.
    jump_s : float
        Time a jump takes; a second or more for the slow eye movements of falling asleep.
    """

    kind: ClassVar[str] = "saccades"
    rate_per_min: float = par(20.0, "1/min", ASSUMED, high=600.0)
    angle_deg: float = par(4.0, "deg", ASSUMED, high=45.0)
    vertical: float = par(0.5, "1", ASSUMED, high=2.0)
    volts_per_deg: float = par(
        6e-6, "V/deg", "corneo-retinal potential 0.4-1.0 mV; value assumed", high=1e-3
    )
    jump_s: float = par(0.04, "s", ASSUMED, low=0.005, high=5.0)

    def generator(self, context: Context) -> SaccadeGenerator:
        """Make it sound."""
        return SaccadeGenerator(self, context)


class SaccadeGenerator(LatentGenerator):
    """Two latents: gaze to the right and gaze up, in degrees."""

    def __init__(self, spec: Saccades, context: Context) -> None:
        super().__init__(context)
        self._spec = spec
        self.topography = spec.volts_per_deg * gaze_field(context.leads)
        self._longest_s = 600.0 / max(spec.rate_per_min, 1.0) + spec.jump_s
        self._schedule = Schedule(self._plan, self._longest_s)

    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out` with the gaze."""
        out[...] = 0.0
        add_waveforms(self._schedule, start, out, self.context.rate_hz, self._shape)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the jumps."""
        jump_s = self._spec.jump_s
        return [
            Event(t.onset_s, jump_s, "saccade", "artefact", detail={"to_deg": t.values["to"]})
            for t in self._schedule.between(start_s - self._longest_s, stop_s)
            if t.values["from"] != t.values["to"] and start_s - jump_s < t.onset_s < stop_s
        ]

    def _plan(self) -> Iterator[Trigger]:
        spec = self._spec
        if spec.rate_per_min == 0 or spec.angle_deg == 0:
            return
        rng = self.context.rng("gaze")
        mean_s = max(60.0 / spec.rate_per_min - spec.jump_s, 0.01)
        time_s, here = 0.0, (0.0, 0.0)
        while True:
            hold_s = spec.jump_s + float(min(rng.exponential(mean_s), 10 * mean_s))
            gain = self.context.gain.at(time_s)
            wide = spec.angle_deg * gain
            there = (
                float(wide * rng.standard_normal()),
                float(wide * spec.vertical * rng.standard_normal()),
            )
            yield Trigger(time_s, hold_s, "gaze", {"from": here, "to": there})
            time_s, here = time_s + hold_s, there

    def _shape(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        part = np.clip(since_s / self._spec.jump_s, 0.0, 1.0)
        part = part * part * (3 - 2 * part)
        before = np.array(trigger.values["from"])[:, None]
        after = np.array(trigger.values["to"])[:, None]
        return np.asarray(before + (after - before) * part)
