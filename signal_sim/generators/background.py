"""The brain's background: 1/f noise, correlated between neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.generators.base import Context, FieldGenerator, SourceSpec
from eegrig.signal_sim.montage import positions
from eegrig.signal_sim.noise import ColouredNoise, band_rms, power_law
from eegrig.signal_sim.params import ASSUMED, par
from eegrig.signal_sim.stream import FloatArray, State
from eegrig.signal_sim.topography import smooth_mixing

__all__ = ["Background"]

_STEP = 0.1
"""Exponents are rounded to this, so that electrodes of one slope share a filter."""


@dataclass(frozen=True, kw_only=True)
class Background(SourceSpec):
    """1/f^chi noise whose exponent may differ between the back and the front of the head.

    Attributes
    ----------
    exponent : float
        chi of the power spectral density at the occiput.
    exponent_front : float
        chi at the forehead; between the two it changes evenly with the angle. 0 for the same.
    exponent_spread : float
        Standard deviation of chi between people.
    rms_v : float
        Rms at the occiput from 1 to 40 Hz.
    rms_front_v : float
        Rms at the forehead from 1 to 40 Hz; 0 for the same.
    rms_spread : float
        Standard deviation of log amplitude between people.
    correlation_deg : float
        Angle of the head over which the correlation falls to 61 %.
    """

    kind: ClassVar[str] = "background"
    exponent: float = par(
        1.03, "1", "measured on 12 people at Oz, mastoid reference [EXO]", high=4.0
    )
    exponent_front: float = par(
        0.0, "1", "0: as the occiput; 1.7 frontal [EEGLAB, 1 person]", high=4.0
    )
    exponent_spread: float = par(0.15, "1", "sd of the 12 people's exponents [EXO]", high=1.0)
    rms_v: float = par(8e-6, "V", "5-10 uVrms occipital, from O1 band powers [EEGLAB]", high=1e-2)
    rms_front_v: float = par(0.0, "V", "0: as the occiput", high=1e-2)
    rms_spread: float = par(0.2, "1", ASSUMED, high=2.0)
    correlation_deg: float = par(
        55.0, "deg", "assumed; gain of 8 channels over Oz [EXO]", low=1.0, high=180.0
    )

    def generator(self, context: Context) -> BackgroundGenerator:
        """Make it sound."""
        return BackgroundGenerator(self, context)


class BackgroundGenerator(FieldGenerator):
    """White noise, mixed between neighbours, then filtered by electrode."""

    def __init__(self, spec: Background, context: Context) -> None:
        super().__init__(context)
        leads, rate_hz = context.leads, context.rate_hz
        # 0 at the occiput, 1 at the forehead, along the nose-to-inion axis.
        front = 0.5 * (1.0 + np.clip(positions(leads)[:, 1] / np.sin(np.radians(72)), -1.0, 1.0))
        shift = spec.exponent_spread * context.rng("person exponent").standard_normal()
        chi_front = spec.exponent_front or spec.exponent
        chi = np.clip(spec.exponent + (chi_front - spec.exponent) * front + shift, 0.0, 4.0)
        if chi_front != spec.exponent:
            chi = np.round(chi / _STEP) * _STEP
        rms_front_v = spec.rms_front_v or spec.rms_v
        rms_v = spec.rms_v + (rms_front_v - spec.rms_v) * front
        rms_v = rms_v * context.personal("rms", spec.rms_spread)
        shapes = [
            (np.flatnonzero(chi == value), power_law(float(value), rate_hz))
            for value in np.unique(chi)
        ]
        scale = np.empty((len(leads), 1))
        for rows, sos in shapes:
            unit = band_rms(sos, 1.0, min(40.0, 0.45 * rate_hz), rate_hz)
            scale[rows, 0] = rms_v[rows] / unit
        mixing = scale * smooth_mixing(leads, spec.correlation_deg)
        self._noise = ColouredNoise(shapes, context.rng(), len(leads), mixing=mixing)

    def add(self, start: int, potentials: FloatArray) -> None:
        """Add the background."""
        noise = self._noise.next(potentials.shape[1])
        gain = self.context.gain.over(start, potentials.shape[1], self.context.rate_hz)
        if not (isinstance(gain, float) and gain == 1.0):
            noise *= gain
        potentials += noise

    def state(self) -> State:
        """Return copies of everything rendering changes."""
        return self._noise.state()

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""
        self._noise.restore(state)
