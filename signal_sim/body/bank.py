"""The electrodes of one head on one amplifier, in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter, lfilter_zi

from eegrig.signal_sim.body.divider import fit_filter, grid_hz
from eegrig.signal_sim.body.electrodes import Amplifier, Electrodes, cole_ohm
from eegrig.signal_sim.body.mains import Mains, MainsWave
from eegrig.signal_sim.body.motion import MotionWave
from eegrig.signal_sim.montage import canonical
from eegrig.signal_sim.noise import ColouredNoise, band_rms, power_law
from eegrig.signal_sim.stream import FloatArray, State

__all__ = ["GROUND", "Change", "ElectrodeBank", "Property"]

GROUND = "GND"
"""Name of the ground (or bias) electrode."""

Property: TypeAlias = Literal["connected", "impedance_ohm", "offset_v"]

_OPEN_F = 1e-12
_OPEN_OHM = 1e11
"""A lead that hangs in the air: what still couples it to the head (assumed)."""
_KNOT = 256
"""Samples between the points of an offset's random walk."""
_LEAK_S = 3600.0
"""Time constant that keeps a random walk from walking away for ever (assumed)."""
_RISE_STEP_S = 300.0
"""How often a slowly rising impedance is looked at."""


@dataclass(frozen=True)
class Change:
    """A property of a lead that changes at a sample."""

    sample: int
    lead: int
    property: Property
    value: float


class ElectrodeBank:
    """Electrodes, cable and amplifier inputs, from potentials on the head to what is amplified.

    Parameters
    ----------
    electrodes : Electrodes
        Their kind.
    amplifier : Amplifier
        What loads them.
    mains : Mains
        The grid around.
    motion : MotionWave or None
        What moves them.
    channels, reference : sequence of str
        Electrodes measured, and those whose mean they are measured against; none for an ideal
        reference at zero.
    average : bool
        Whether the reference is the mean of the channels.
    rate_hz : float
        Samples per second.
    seed : int
        Draws impedances, offsets and noise.
    """

    def __init__(
        self,
        electrodes: Electrodes,
        amplifier: Amplifier,
        mains: Mains,
        motion: MotionWave | None,
        *,
        channels: Sequence[str],
        reference: Sequence[str],
        average: bool,
        rate_hz: float,
        seed: int,
    ) -> None:
        self._electrodes = electrodes
        self._amplifier = amplifier
        self._mains = mains
        self._motion = motion if motion is not None and motion.active else None
        self._n_channels = len(channels)
        self._average = average
        self._rate_hz = rate_hz
        self.leads = (*channels, *reference, GROUND)
        n_leads = len(self.leads)
        n_inputs = n_leads - 1
        self._n_inputs = n_inputs
        # Drawn by name: an electrode is the same whatever others are on the head.
        draws = [_rng(seed, crc32(canonical(lead).encode())) for lead in self.leads]
        bad = np.array([rng.random() < electrodes.bad_fraction for rng in draws])
        worse = np.where(bad, electrodes.bad_factor, 1.0)
        self.bad = tuple(str(lead) for lead in np.array(self.leads)[bad])

        def log_normal(spread: float) -> FloatArray:
            return np.exp(spread * np.array([rng.standard_normal() for rng in draws]))

        self._magnitude_ohm = (
            electrodes.impedance_ohm * log_normal(electrodes.impedance_spread) * worse
        )
        self._initial_ohm = self._magnitude_ohm.copy()
        self._connected = np.ones(n_leads)
        self._offset_v = electrodes.offset_v * np.array([r.standard_normal() for r in draws])
        self.noise_v = (electrodes.noise_v * log_normal(electrodes.noise_spread) * worse)[:n_inputs]
        self._lead_f = mains.lead_f * log_normal(mains.lead_spread)
        device = _rng(seed, 0).lognormal(0.0, mains.device_spread)
        self._device_f = mains.device_f * float(device)
        self._wave = MainsWave(mains, rate_hz, _rng(seed, 1))
        self._noise: ColouredNoise | None = None
        if electrodes.noise_v > 0:
            sos = power_law(electrodes.noise_exponent, rate_hz)
            unit = band_rms(sos, 0.5, min(100.0, 0.45 * rate_hz), rate_hz)
            self._noise_scale = (self.noise_v / unit)[:, None]
            self._noise = ColouredNoise(sos, _rng(seed, 2), n_inputs)
        self._drift_rng = _rng(seed, 3)
        self._drift_v = np.zeros(n_inputs)
        self._zi = np.zeros((n_inputs, 2))
        self._bias_v = np.full(n_inputs, np.nan)
        self._step = 0
        self._grid_hz = grid_hz(rate_hz)
        self._filters: list[tuple[FloatArray, FloatArray]] = []
        self._bias_target_v = np.zeros(n_inputs)
        self._bias_tau_s = np.ones(n_inputs)
        self._phasors = np.zeros((n_inputs, len(self._wave.orders)), dtype=np.complex128)
        self._common = np.zeros(len(self._wave.orders), dtype=np.complex128)
        self._settle()
        self._bias_v = self._bias_target_v.copy()
        # The electrodes have been on for long: their offsets do not arrive with a jump.
        for row, (b, a) in enumerate(self._filters):
            if len(a) > 1:
                self._zi[row, : len(a) - 1] = lfilter_zi(b, a) * self._offset_v[row]

    # What a test or a lead-off circuit wants to know.

    def impedance_ohm(self, lead: int, frequency_hz: ArrayLike) -> NDArray[np.complex128]:
        """Return the impedance of a lead now, open ones included."""
        return self._impedance_ohm(lead, np.asarray(frequency_hz, dtype=np.float64))

    def initial_ohm(self, lead: int) -> float:
        """Return the magnitude of a lead's impedance at 10 Hz at the beginning."""
        return float(self._initial_ohm[lead])

    def connected(self, lead: int) -> bool:
        """Say whether a lead is on the skin."""
        return bool(self._connected[lead])

    def normal(self, lead: int, action: str) -> float:
        """Return what a lead goes back to when an event on it ends."""
        if action == "disconnect":
            return 1.0
        return float((self._initial_ohm if action == "impedance" else self._offset_v)[lead])

    @property
    def device_current_a(self) -> float:
        """Rms mains current through the ground electrode at the fundamental, in amperes."""
        mains = self._mains
        return float(2 * np.pi * mains.frequency_hz * self._device_f * mains.earth_v)

    # Rendering.

    def render(self, start: int, potentials: FloatArray, changes: Sequence[Change]) -> FloatArray:
        """Turn potentials into what the amplifier's inputs see.

        Parameters
        ----------
        start : int
            Index of the first sample.
        potentials : ndarray, shape (n_inputs, n_times)
            Volts on the head at each lead; overwritten.
        changes : sequence of Change
            What changes within the block, by sample.

        Returns
        -------
        ndarray, shape (n_channels, n_times)
            Volts between each channel's input and the reference.
        """
        n_times = potentials.shape[1]
        step = int(start / self._rate_hz / _RISE_STEP_S)
        if step != self._step and self._electrodes.rise_ohm_per_h > 0:
            self._step = step
            self._settle()
        rise: FloatArray | None = None
        if self._motion is not None:
            moved_v, rise = self._motion.render(start, n_times)
            potentials += moved_v
        self._add_noise(potentials, rise)
        wave = self._wave.render(start, n_times)
        out = np.empty((self._n_channels, n_times))
        begin = 0
        pending = list(changes)
        while begin < n_times:
            while pending and pending[0].sample - start <= begin:
                self._apply(pending.pop(0))
            end = pending[0].sample - start if pending else n_times
            part = slice(begin, end)
            out[:, part] = self._segment(
                potentials[:, part],
                wave[:, part],
                None if rise is None else rise[:, part],
            )
            begin = end
        return out

    def state(self) -> State:
        """Return copies of everything rendering changes."""
        return {
            "noise": self._noise.state() if self._noise else None,
            "drift_rng": self._drift_rng.bit_generator.state,
            "drift_v": self._drift_v.copy(),
            "zi": self._zi.copy(),
            "bias_v": self._bias_v.copy(),
            "magnitude_ohm": self._magnitude_ohm.copy(),
            "connected": self._connected.copy(),
            "offset_v": self._offset_v.copy(),
            "step": self._step,
        }

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""
        if self._noise is not None:
            self._noise.restore(state["noise"])
        self._drift_rng.bit_generator.state = state["drift_rng"]
        self._drift_v = np.array(state["drift_v"])
        self._zi = np.array(state["zi"])
        self._bias_v = np.array(state["bias_v"])
        settled = (
            np.array_equal(self._magnitude_ohm, state["magnitude_ohm"])
            and np.array_equal(self._connected, state["connected"])
            and self._step == state["step"]
        )
        self._magnitude_ohm = np.array(state["magnitude_ohm"])
        self._connected = np.array(state["connected"])
        self._offset_v = np.array(state["offset_v"])
        self._step = state["step"]
        if not settled:
            self._settle()

    def _apply(self, change: Change) -> None:
        if change.property == "offset_v":
            self._offset_v[change.lead] = change.value
            return
        if change.property == "connected":
            self._connected[change.lead] = change.value
        else:
            self._magnitude_ohm[change.lead] = change.value
        self._settle()

    def _add_noise(self, potentials: FloatArray, rise: FloatArray | None) -> None:
        """Add the noise of the skin and the walk of the half-cell offsets."""
        n_times = potentials.shape[1]
        if self._noise is not None:
            noise = self._noise.next(n_times)
            noise *= self._noise_scale
            if rise is not None:
                noise *= 1.0 + rise
            potentials += noise
        sigma = self._electrodes.drift_v_per_sqrt_s
        if sigma > 0:
            step_s = _KNOT / self._rate_hz
            n_knots = n_times // _KNOT
            steps = self._drift_rng.standard_normal((n_knots, self._n_inputs))
            walk = np.empty((self._n_inputs, n_knots + 1))
            walk[:, 0] = self._drift_v
            for k in range(n_knots):
                walk[:, k + 1] = walk[:, k] * (1 - step_s / _LEAK_S) + steps[k] * (
                    sigma * step_s**0.5
                )
            self._drift_v = walk[:, -1].copy()
            ramp = np.arange(_KNOT) / _KNOT
            slope = np.diff(walk, axis=1)[:, :, None] * ramp
            slope += walk[:, :-1, None]
            potentials += slope.reshape(self._n_inputs, n_times)

    def _segment(self, volts: FloatArray, wave: FloatArray, rise: FloatArray | None) -> FloatArray:
        """Render a stretch in which no lead changes."""
        n_times = volts.shape[1]
        volts += self._offset_v[: self._n_inputs, None]
        for row, (b, a) in enumerate(self._filters):
            lost, self._zi[row, : len(a) - 1] = lfilter(
                b, a, volts[row], zi=self._zi[row, : len(a) - 1]
            )
            if rise is not None:
                lost *= 1.0 + rise[row]
            volts[row] -= lost
        bias_v = self._settle_bias(volts, n_times)
        gains = np.hstack([self._phasors.real, self._phasors.imag, bias_v[:, None]])
        common = np.concatenate([self._common.real, self._common.imag, [0.0]])
        if rise is None:
            out = self._against_reference(volts)
            out += (self._against_reference(gains) + common) @ wave
            return out
        # Where an impedance rises, so does what mains and bias current make of it.
        volts += (gains @ wave) * (1.0 + rise)
        return self._against_reference(volts) + common @ wave

    def _against_reference(self, volts: FloatArray) -> FloatArray:
        n = self._n_channels
        reference: FloatArray | float = 0.0
        if self._average:
            reference = volts[:n].mean(axis=0)
        elif volts.shape[0] == n + 1:
            reference = volts[n]
        elif volts.shape[0] > n:
            reference = volts[n:].mean(axis=0)
        return np.subtract(volts[:n], reference)

    def _settle_bias(self, volts: FloatArray, n_times: int) -> FloatArray:
        """Return the voltage that the bias current comes to, and add what is still on its way.

        After a change of a lead it settles with the input capacitance.
        """
        away = self._bias_v - self._bias_target_v
        moving = np.flatnonzero(np.abs(away) > 1e-10)
        self._bias_v = self._bias_target_v.copy()
        if moving.size:
            steps = np.arange(1, n_times + 1) / self._rate_hz
            decay = np.exp(-steps[None, :] / self._bias_tau_s[moving, None])
            volts[moving] += away[moving, None] * decay
            self._bias_v[moving] += away[moving] * decay[:, -1]
        return self._bias_target_v

    # What follows from the leads' properties.

    def _impedance_ohm(self, lead: int, frequency_hz: FloatArray) -> NDArray[np.complex128]:
        if not self._connected[lead]:
            return np.asarray(1.0 / (1.0 / _OPEN_OHM + 2j * np.pi * frequency_hz * _OPEN_F))
        grown_ohm = self._electrodes.rise_ohm_per_h * self._step * _RISE_STEP_S / 3600.0
        return cole_ohm(self._magnitude_ohm[lead] + grown_ohm, self._electrodes, frequency_hz)

    def _settle(self) -> None:
        """Work out filters, bias voltages and mains phasors from the leads' properties."""
        amplifier, mains = self._amplifier, self._mains
        input_ohm = amplifier.impedance_ohm(self._grid_hz)
        self._filters = []
        for lead in range(self._n_inputs):
            z = self._impedance_ohm(lead, self._grid_hz)
            if not np.any(z):
                self._filters.append((np.zeros(1), np.ones(1)))
            else:
                self._filters.append(fit_filter(z / (z + input_ohm)))
            resistance = self._impedance_ohm(lead, np.zeros(1)).real[0]
            parallel = resistance * amplifier.input_ohm / (resistance + amplifier.input_ohm)
            self._bias_target_v[lead] = amplifier.bias_a * parallel
            self._bias_tau_s[lead] = max(parallel * amplifier.input_f, 1e-9)
        frequencies = self._wave.frequencies_hz
        if frequencies.size:
            omega = 2j * np.pi * frequencies
            z_in = amplifier.impedance_ohm(frequencies)
            z_ground = self._impedance_ohm(self._n_inputs, frequencies)
            earth = omega * self._device_f * z_ground
            common_v = mains.earth_v * earth / (1.0 + earth)
            if self._connected[self._n_inputs]:
                common_v = common_v * 10 ** (-mains.bias_drive_db / 20)
            for lead in range(self._n_inputs):
                z = self._impedance_ohm(lead, frequencies)
                picked_up = mains.grid_v * omega * self._lead_f[lead] * (z * z_in / (z + z_in))
                self._phasors[lead] = picked_up - common_v * z / (z + z_in)
            self._common = common_v * 10 ** (-amplifier.cmrr_db / 20)


def _rng(seed: int, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, 0x454C4543, purpose])))
