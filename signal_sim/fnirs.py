"""Functional near-infrared spectroscopy: haemoglobin as photodiode currents.

A change of concentration changes the optical density by the modified Beer-Lambert law,
``dOD = sum_i eps_i dC_i d DPF`` (natural logarithm), and the photodiode's current is
``I0 exp(-dOD)`` plus shot noise and the receiver's own. Everything above half the sample rate is
left out, as a receiver's filter would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, pi
from typing import ClassVar

import numpy as np
from scipy.special import gammainc

from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.generators.schedule import Schedule, Trigger, add_waveforms
from eegrig.signal_sim.noise import ColouredNoise, band_pass
from eegrig.signal_sim.params import ASSUMED, Spec, par
from eegrig.signal_sim.stream import BLOCK, BlockSource, FloatArray, State

__all__ = ["EXTINCTION", "Fnirs", "FnirsPlayer", "haemodynamic_step"]

EXTINCTION: dict[int, tuple[float, float]] = {
    690: (63.6, 472.6),
    760: (135.0, 356.6),
    830: (224.3, 159.6),
    850: (243.7, 159.2),
}
"""Absorption of oxy- and deoxyhaemoglobin in 1/(mm M), natural logarithm, by wavelength in nm
(Prahl's table as MNE-Python reads it)."""

_ELECTRON_C = 1.602e-19
_RESPONSE_S = 32.0
"""Length of the haemodynamic response (SPM's spm_hrf)."""


@dataclass(frozen=True, kw_only=True)
class Fnirs(Spec):
    """Optodes on a head that does a task now and then.

    Attributes
    ----------
    separations_mm : tuple of float
        Distance of source and detector of each pair.
    sides : tuple of str
        ``"left"`` or ``"right"`` for each pair: which task it answers to.
    wavelengths_nm : tuple of float
        Of the LEDs; each pair has one channel per wavelength.
    dpf : float
        Differential path length factor.
    current_a : float
        Photodiode current at 30 mm.
    falloff_per_mm : float
        How fast light fades with the separation, as 1/mm of the natural logarithm.
    receiver_noise_a : float
        Noise of the receiver, as a density per square root of hertz.
    tasks : tuple of str
        What is done: the names of the two sides' tasks.
    task_s, rest_s : float
        Length of a task, and the pause before it.
    hbo_m, hbr_m : float
        Peak response of the concentrations, in mol per litre; of either sign.
    response_spread : float
        Standard deviation of log response between people.
    hbr_lag_s : float
        How much later deoxyhaemoglobin answers.
    short_mm : float
        A pair no longer than this sees the skin only.
    cardiac_m, respiration_m, mayer_m, slow_m : float
        Peak amplitudes of the systemic waves in oxyhaemoglobin.
    cardiac_hz, respiration_hz, mayer_hz : float
        Their frequencies.
    systemic_hbr : float
        Systemic waves in deoxyhaemoglobin over those in oxyhaemoglobin, with opposite sign.
    """

    kind: ClassVar[str] = "fnirs"
    separations_mm: tuple[float, ...] = par(
        (30.0, 8.0, 30.0, 8.0), "mm", "20, 30, 35 and short 8 mm [PMC5119585, PMC7757903]",
        low=1.0, high=80.0,
    )  # fmt: skip
    sides: tuple[str, ...] = par(("left", "left", "right", "right"), "-", ASSUMED)
    wavelengths_nm: tuple[float, ...] = par(
        (760.0, 850.0), "nm", "absorption known at 690, 760, 830, 850 [MNE]", low=690, high=850
    )
    dpf: float = par(6.0, "1", "MNE's default", low=0.1, high=20.0)
    current_a: float = par(10e-9, "A", "detected power at 30 mm not found: assumed", high=1e-2)
    falloff_per_mm: float = par(0.18, "1/mm", ASSUMED, high=1.0)
    receiver_noise_a: float = par(50e-15, "A/sqrt(Hz)", ASSUMED, high=1e-6)
    tasks: tuple[str, ...] = par(("left hand", "right hand"), "-", ASSUMED)
    task_s: float = par(10.0, "s", ASSUMED, low=0.5, high=120.0)
    rest_s: float = par(20.0, "s", ASSUMED, low=0.5, high=300.0)
    hbo_m: float = par(0.8e-6, "M", "0.5-1 uM (order of magnitude, assumed)", low=-1e-4, high=1e-4)
    hbr_m: float = par(
        -0.25e-6, "M", "-0.2..-0.3 uM (order of magnitude, assumed)", low=-1e-4, high=1e-4
    )
    response_spread: float = par(0.3, "1", ASSUMED, high=2.0)
    hbr_lag_s: float = par(1.0, "s", "HbR 1 s after HbO [cedalion]", high=10.0)
    short_mm: float = par(10.0, "mm", "short channel 8 mm [PMC7757903]", high=30.0)
    cardiac_m: float = par(0.4e-6, "M", "0.1-1.5 uM peak [SNIRF]", high=1e-4)
    cardiac_hz: float = par(1.1, "Hz", "about 1 Hz", low=0.3, high=4.0)
    respiration_m: float = par(0.4e-6, "M", "0.2-2.2 uM peak [SNIRF]", high=1e-4)
    respiration_hz: float = par(0.28, "Hz", "0.2-0.4 Hz [fnhum.2013.00864]", low=0.05, high=1.0)
    mayer_m: float = par(0.5e-6, "M", "0.3-1.9 uM peak [SNIRF]", high=1e-4)
    mayer_hz: float = par(0.1, "Hz", "about 0.1 Hz [cedalion]", low=0.03, high=0.3)
    slow_m: float = par(0.7e-6, "M", "0.01-0.05 Hz, 0.5-2.1 uM peak [SNIRF]", high=1e-4)
    systemic_hbr: float = par(0.2, "1", ASSUMED, high=2.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.sides) != len(self.separations_mm) or not self.separations_mm:
            n, m = len(self.separations_mm), len(self.sides)
            msg = f"fnirs: {n} separations_mm and {m} sides: give one of each for every pair"
            raise SceneError(msg)
        if set(self.sides) - {"left", "right"} or len(self.tasks) != 2:
            msg = "fnirs: sides are 'left' or 'right', and there are two tasks"
            raise SceneError(msg)
        for wavelength in self.wavelengths_nm:
            if int(wavelength) not in EXTINCTION:
                known = ", ".join(str(nm) for nm in EXTINCTION)
                msg = f"fnirs: no absorption known at {wavelength:g} nm: use {known}"
                raise SceneError(msg)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names: ``S1_D1 760`` and so on."""
        return tuple(
            f"S{pair}_D{pair} {int(nm)}"
            for pair in range(1, len(self.separations_mm) + 1)
            for nm in self.wavelengths_nm
        )


def haemodynamic_step(since_s: FloatArray) -> FloatArray:
    """Return the response to a step: the integral of SPM's two gammas, 1 in the end.

    Gammas of delay 6 and 16 s, dispersion 1, ratio 6 (spm_hrf.m).
    """
    t = np.maximum(since_s, 0.0)
    return np.asarray((gammainc(6.0, t) - gammainc(16.0, t) / 6.0) / (1.0 - 1.0 / 6.0))


class FnirsPlayer(BlockSource):
    """Photodiode currents of all pairs and wavelengths.

    Parameters
    ----------
    spec : Fnirs
        Optodes and task.
    rate_hz : float
        Samples per second.
    seed : int
        Of everything random.
    channels : sequence of str or None
        Some of the spec's; None for all.

    Raises
    ------
    SceneError
        A channel there is not, or a rate below what the heart needs.
    """

    def __init__(
        self, spec: Fnirs, *, rate_hz: float, seed: int, channels: Sequence[str] | None = None
    ) -> None:
        names = spec.channels if channels is None else tuple(channels)
        for name in names:
            if name not in spec.channels:
                msg = f"no optical channel {name!r}: there are {', '.join(spec.channels)}"
                raise SceneError(msg)
        super().__init__(names, rate_hz, unit="A")
        if rate_hz < 5.0 * spec.cardiac_hz:
            msg = (
                f"fnirs at {rate_hz:g} samples per second: the pulse at {spec.cardiac_hz:g} Hz "
                f"needs at least {5 * spec.cardiac_hz:g}"
            )
            raise SceneError(msg)
        self._spec = spec
        self._seed = seed
        rng = self._rng(0)
        n_wavelengths = len(spec.wavelengths_nm)
        index = [spec.channels.index(name) for name in names]
        pairs = np.array([i // n_wavelengths for i in index])
        separation = np.array(spec.separations_mm)[pairs]
        extinction = np.array(
            [EXTINCTION[int(spec.wavelengths_nm[i % n_wavelengths])] for i in index]
        )
        # dOD per mol of each: absorption times the light's path in mm.
        self._per_molar = extinction * (separation * spec.dpf)[:, None]
        self._rest_a = spec.current_a * np.exp(-spec.falloff_per_mm * (separation - 30.0))
        deep = (separation > spec.short_mm).astype(float)
        side = np.array([spec.sides[p] for p in pairs])
        size = exp(spec.response_spread * rng.standard_normal())
        # A hand's task shows opposite, and a third of it on its own side (assumed).
        answers = np.where(side == "right", 1.0, 0.35), np.where(side == "left", 1.0, 0.35)
        self._answers = [size * deep * a for a in answers]
        self._phases = rng.uniform(0, 2 * pi, 4)
        self._wander = [
            ColouredNoise(band_pass(low, high, rate_hz, order=order), self._rng(2 + i), 1)
            for i, (low, high, order) in enumerate(
                [
                    (0.01, 0.05, 1),
                    (0.8 * spec.mayer_hz, 1.2 * spec.mayer_hz, 2),
                    (0.85 * spec.respiration_hz, 1.15 * spec.respiration_hz, 2),
                ]
            )
        ]
        self._noise_rng = self._rng(1)
        self._tasks = Schedule(self._plan, spec.task_s + _RESPONSE_S + spec.hbr_lag_s)

    @property
    def rest_current_a(self) -> FloatArray:
        """Current of each channel without any change of concentration, in amperes."""
        return np.array(self._rest_a)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the tasks."""
        return [
            Event(
                t.onset_s, self._spec.task_s, t.name, "stimulus",
                detail={"target": self._spec.tasks.index(t.name)},
            )
            for t in self._tasks.between(start_s, stop_s)
            if t.onset_s + self._spec.task_s > start_s
        ]  # fmt: skip

    def concentrations_m(self, start: int, n_times: int) -> FloatArray:
        """Return the task's part of HbO and HbR at every channel, shape (2, n_channels, n)."""
        out = np.zeros((2, len(self.channels), n_times))
        flat = out.reshape(2 * len(self.channels), n_times)
        add_waveforms(self._tasks, start, flat, self.rate_hz, self._shape)
        return out

    def _rng(self, purpose: int) -> np.random.Generator:
        keys = [self._seed, 0x4E495253, purpose]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(keys)))

    def _plan(self) -> Iterator[Trigger]:
        spec = self._spec
        rng = self._rng(9)
        time_s = 0.0
        length_s = spec.task_s + _RESPONSE_S + spec.hbr_lag_s
        while True:
            for task in rng.permutation(2):
                time_s += spec.rest_s * float(rng.uniform(0.9, 1.1))
                yield Trigger(time_s, length_s, spec.tasks[task])
                time_s += spec.task_s

    def _shape(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        spec = self._spec
        answers = self._answers[spec.tasks.index(trigger.name)]
        late_s = since_s - spec.hbr_lag_s
        peak = float(_boxcar(np.linspace(0, spec.task_s + 16, 400), spec.task_s).max())
        hbo = spec.hbo_m / peak * _boxcar(since_s, spec.task_s)
        hbr = spec.hbr_m / peak * _boxcar(late_s, spec.task_s)
        return np.concatenate([np.outer(answers, hbo), np.outer(answers, hbr)])

    def _systemic_m(self, start: int, n_times: int) -> FloatArray:
        """Return the systemic oxyhaemoglobin, the same everywhere, shape ``(n_times,)``."""
        spec = self._spec
        time_s = np.arange(start, start + n_times) / self.rate_hz
        # The pulse: a fundamental that breathes, and the notch of the reflected wave.
        sway = 0.15 * np.sin(2 * pi * spec.respiration_hz * time_s + self._phases[1])
        pulse = 2 * pi * ((spec.cardiac_hz * time_s) % 1.0) + sway + self._phases[0]
        total = spec.cardiac_m * (0.8 * np.cos(pulse) + 0.3 * np.cos(2 * pulse - 0.9))
        # A narrow-band noise's peaks are about twice its rms.
        for noise, peak_m in zip(
            self._wander, (spec.slow_m, spec.mayer_m, spec.respiration_m), strict=True
        ):
            total = total + 0.5 * peak_m * noise.next(n_times)[0]
        return np.asarray(total)

    def _render(self, start: int) -> FloatArray:
        spec = self._spec
        task = self.concentrations_m(start, BLOCK)
        systemic = self._systemic_m(start, BLOCK)
        hbo = task[0] + systemic
        hbr = task[1] - spec.systemic_hbr * systemic
        density = self._per_molar[:, :1] * hbo + self._per_molar[:, 1:] * hbr
        current = self._rest_a[:, None] * np.exp(-density)
        # Shot noise 2 q I per hertz, and the receiver's, over half the sample rate.
        variance = 2 * _ELECTRON_C * current + spec.receiver_noise_a**2
        noise = self._noise_rng.standard_normal(current.shape)
        return np.asarray(current + noise * np.sqrt(variance * 0.5 * self.rate_hz))

    def _inner_state(self) -> State:
        return {
            "noise": self._noise_rng.bit_generator.state,
            "wander": [noise.state() for noise in self._wander],
        }

    def _restore_inner(self, state: State) -> None:
        self._noise_rng.bit_generator.state = state["noise"]
        for noise, kept in zip(self._wander, state["wander"], strict=True):
            noise.restore(kept)


def _boxcar(since_s: FloatArray, length_s: float) -> FloatArray:
    return haemodynamic_step(since_s) - haemodynamic_step(since_s - length_s)
