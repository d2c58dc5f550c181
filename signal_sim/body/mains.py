"""Mains: the body as a capacitive divider, a device that floats beside it, and what is left.

Mains is never added as a tone. The body is at `earth_v` against earth. The stray capacitance of the
device to earth draws a current out of the body through the ground electrode, whose impedance makes
it a common-mode voltage. Every lead divides that voltage by its own impedance against the
amplifier's input, and takes up a displacement current of its own; what differs between a lead and
the reference is seen, and what the amplifier's common-mode rejection lets through. (Metting van
Rijn 1990.)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.params import ASSUMED, Spec, par
from eegrig.signal_sim.stream import FloatArray

__all__ = ["Mains", "MainsWave"]

_WANDER_PERIODS_S = (7.3, 23.0, 61.0, 197.0)
"""Periods of the slow sines that the grid's frequency wanders with (assumed)."""

_STRETCH = 32
"""Samples over which the wander goes straight."""


@dataclass(frozen=True, kw_only=True)
class Mains(Spec):
    """The grid around the body.

    Attributes
    ----------
    frequency_hz : float
        50 or 60; 0 for none.
    wander_hz : float
        Rms of its wander.
    earth_v : float
        Rms voltage of the body to earth.
    grid_v : float
        Rms voltage of the wires around, which drives the displacement currents into the leads.
    device_f : float
        Stray capacitance of the device to earth: 1-2 pF worn, 200 pF through a charger's isolation.
    device_spread : float
        Standard deviation of log `device_f` from day to day.
    lead_f : float
        Stray capacitance of each lead to the wires around.
    lead_spread : float
        Standard deviation of log `lead_f` from lead to lead.
    bias_drive_db : float
        How much a driven ground electrode lowers the common mode; 0 for a passive one.
    harmonics : tuple of float
        Amplitudes of the harmonics, from the fundamental on, as fractions of it.
    """

    kind: ClassVar[str] = "mains"
    frequency_hz: float = par(50.0, "Hz", "the grid: 50 or 60", high=1000.0)
    wander_hz: float = par(0.02, "Hz", "within 0.1 (assumed)", high=1.0)
    earth_v: float = par(
        2.2, "V", "300 pF to earth, 3 pF to the grid [Metting van Rijn I]; 0.01-2.2", high=300.0
    )
    grid_v: float = par(220.0, "V", "the grid [Metting van Rijn I]", high=1000.0)
    device_f: float = par(1.3e-12, "F", "0.5-3 pF (assumed): 0.3-2 nA", high=1e-6)
    device_spread: float = par(0.15, "1", ASSUMED, high=2.0)
    lead_f: float = par(0.4e-15, "F", "assumed; 50 Hz residue 6 % of 1-40 Hz rms [EXO]", high=1e-9)
    lead_spread: float = par(0.5, "1", ASSUMED, high=3.0)
    bias_drive_db: float = par(0.0, "dB", "0: passive ground electrode", high=200.0)
    harmonics: tuple[float, ...] = par((1.0, 0.02, 0.15, 0.01, 0.08), "1", ASSUMED, high=10.0)


class MainsWave:
    """The grid's cosines and sines, as pure functions of time.

    Parameters
    ----------
    spec : Mains
        The grid.
    rate_hz : float
        Samples per second; harmonics above 0.45 of it are left out.
    rng : Generator
        Draws phase and wander.
    """

    def __init__(self, spec: Mains, rate_hz: float, rng: np.random.Generator) -> None:
        self._rate_hz = rate_hz
        self._frequency_hz = spec.frequency_hz
        orders = np.arange(1, len(spec.harmonics) + 1)
        kept = (orders * spec.frequency_hz < 0.45 * rate_hz) & (np.array(spec.harmonics) > 0)
        self.orders = orders[kept] if spec.frequency_hz > 0 else orders[:0]
        self.levels = np.array(spec.harmonics)[self.orders - 1]
        self._phases = rng.uniform(0, 2 * pi, size=len(spec.harmonics))[self.orders - 1]
        n_slow = len(_WANDER_PERIODS_S)
        self._slow_omega = 2 * pi / np.array(_WANDER_PERIODS_S)
        self._slow_phase = rng.uniform(0, 2 * pi, size=n_slow)
        self._slow_hz = spec.wander_hz * np.sqrt(2.0 / n_slow) * np.ones(n_slow)

    @property
    def frequencies_hz(self) -> FloatArray:
        """Frequencies of the harmonics kept, shape ``(n_harmonics,)``."""
        return np.asarray(self.orders * self._frequency_hz, dtype=np.float64)

    def render(self, start: int, n_times: int) -> FloatArray:
        """Return cosines, minus sines, and ones: shape ``(2 n_harmonics + 1, n_times)``.

        Of unit rms for a level of 1. The real part of a phasor ``g`` times the wave is
        ``g.real * cosine + g.imag * minus_sine``; the ones take constants along.
        """
        # One phasor for every stretch of samples and one for every place within a stretch: their
        # product needs no sine per sample. The wander is slow, so that its phasor may go straight
        # from one stretch to the next (it turns by less than 1e-2 rad: good to 1e-5).
        n_knots = -(-n_times // _STRETCH)
        knots_s = (start + _STRETCH * np.arange(n_knots + 1)) / self._rate_hz
        slow = np.cos(np.outer(self._slow_omega, knots_s) + self._slow_phase[:, None])
        sway = np.exp(1j * ((2 * pi * self._slow_hz / self._slow_omega) @ slow))
        ahead = np.exp(2j * pi * ((self._frequency_hz * knots_s[:-1]) % 1.0))
        place = np.exp(2j * pi * self._frequency_hz * np.arange(_STRETCH) / self._rate_hz)
        part = np.arange(_STRETCH) / _STRETCH
        base = (ahead * sway[:-1])[:, None] * place
        base += (ahead * np.diff(sway))[:, None] * (part * place)
        base = base.ravel()[:n_times]
        out = np.ones((2 * len(self.orders) + 1, n_times))
        power = np.ones_like(base)
        at = 0
        for i, order in enumerate(self.orders):
            while at < order:
                power = power * base
                at += 1
            turned = power * (np.sqrt(2.0) * self.levels[i] * np.exp(1j * self._phases[i]))
            out[i] = turned.real
            out[len(self.orders) + i] = -turned.imag
        return out
