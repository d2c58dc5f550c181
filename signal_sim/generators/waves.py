"""Waveforms of sleep and epilepsy: spindles, K-complexes, slow waves, spike-and-wave."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np

from eegrig.signal_sim.events import Event
from eegrig.signal_sim.generators.base import Context, LatentGenerator, SourceSpec
from eegrig.signal_sim.generators.schedule import Schedule, Trigger, add_waveforms
from eegrig.signal_sim.params import ASSUMED, par
from eegrig.signal_sim.stream import FloatArray
from eegrig.signal_sim.topography import field_at

__all__ = ["KComplexes", "SlowWaves", "SpikeWave", "Spindles"]


@dataclass(frozen=True, kw_only=True)
class WaveSpec(SourceSpec):
    """A waveform that comes again and again at one place."""

    event_name: ClassVar[str] = ""

    @property
    @abstractmethod
    def longest_s(self) -> float:
        """No waveform lasts longer."""

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> tuple[float, dict[str, float]]:
        """Return duration and figures of the next waveform."""

    @abstractmethod
    def pause_s(self, rng: np.random.Generator) -> float:
        """Return the time from the end of one waveform to the beginning of the next."""

    @abstractmethod
    def shape(self, values: dict[str, float], since_s: FloatArray, length_s: float) -> FloatArray:
        """Return its course in volts."""

    @property
    @abstractmethod
    def field(self) -> str:
        """Where it is strongest."""

    def generator(self, context: Context) -> WaveGenerator:
        """Make it sound."""
        return WaveGenerator(self, context)


@dataclass(frozen=True, kw_only=True)
class Spindles(WaveSpec):
    """Sleep spindles.

    Attributes
    ----------
    rate_per_min : float
        Mean rate.
    frequency_hz, frequency_spread_hz : float
        Mean and standard deviation from spindle to spindle.
    length_s, length_spread_s : float
        Median and standard deviation of the length.
    peak_v : float
        Median amplitude at its middle.
    spread : float
        Standard deviation of log amplitude.
    topography : str
        Where it is strongest.
    """

    kind: ClassVar[str] = "spindles"
    event_name: ClassVar[str] = "spindle"
    rate_per_min: float = par(3.4, "1/min", "fast, N2: 1.0-5.8 [Coelho 2025]", high=30.0)
    frequency_hz: float = par(13.8, "Hz", "fast: 13.4-14.3 [Coelho 2025]", low=9.0, high=17.0)
    frequency_spread_hz: float = par(0.3, "Hz", ASSUMED, high=2.0)
    length_s: float = par(
        0.95, "s", "0.80-1.11 [Coelho 2025], at least 0.5 [AASM]", low=0.5, high=3.0
    )
    length_spread_s: float = par(0.15, "s", ASSUMED, high=1.0)
    peak_v: float = par(
        15e-6, "V", "5.2-15.2 uV by threshold [Coelho 2025]; 25 uVpp [Durka]", high=1e-3
    )
    spread: float = par(0.25, "1", ASSUMED, high=2.0)
    topography: str = par("central", "-", "maximal at the centre [PMC9329306]")

    @property
    def longest_s(self) -> float:
        """No spindle lasts longer."""
        return 4.0

    @property
    def field(self) -> str:
        """Where it is strongest."""
        return self.topography

    def pause_s(self, rng: np.random.Generator) -> float:
        """Return the time to the next spindle."""
        return 1.5 + float(
            rng.exponential(max(60.0 / max(self.rate_per_min, 1e-3) - 1.5 - self.length_s, 0.1))
        )

    def draw(self, rng: np.random.Generator) -> tuple[float, dict[str, float]]:
        """Return duration and figures of the next spindle."""
        length_s = float(np.clip(rng.normal(self.length_s, self.length_spread_s), 0.5, 3.5))
        return length_s, {
            "frequency_hz": float(rng.normal(self.frequency_hz, self.frequency_spread_hz)),
            "amplitude_v": self.peak_v
            * float(rng.lognormal(0.0, self.spread))
            * (self.rate_per_min > 0),
        }

    def shape(self, values: dict[str, float], since_s: FloatArray, length_s: float) -> FloatArray:
        """Return its course: a tone that swells and fades, falling by half a hertz."""
        middle_s = since_s - 0.5 * length_s
        phase = 2 * np.pi * (values["frequency_hz"] * middle_s - 0.25 * middle_s**2 / length_s)
        swell = 0.5 - 0.5 * np.cos(2 * np.pi * since_s / length_s)
        return np.asarray(values["amplitude_v"] * swell * np.cos(phase))


@dataclass(frozen=True, kw_only=True)
class KComplexes(WaveSpec):
    """K-complexes: a sharp negative wave and a slower positive one.

    Attributes
    ----------
    rate_per_min : float
        Mean rate.
    peak_v : float
        Median from negative to positive peak.
    spread : float
        Standard deviation of log amplitude.
    topography : str
        Where it is strongest.
    """

    kind: ClassVar[str] = "k_complexes"
    event_name: ClassVar[str] = "K-complex"
    rate_per_min: float = par(1.5, "1/min", ASSUMED, high=10.0)
    peak_v: float = par(140e-6, "V", "at least 100 uV (encyclopaedia grade)", high=1e-3)
    spread: float = par(0.2, "1", ASSUMED, high=2.0)
    topography: str = par("fronto-central", "-", "fronto-central [J Sleep Res 1999]")

    @property
    def longest_s(self) -> float:
        """No K-complex lasts longer."""
        return 1.6

    @property
    def field(self) -> str:
        """Where it is strongest."""
        return self.topography

    def pause_s(self, rng: np.random.Generator) -> float:
        """Return the time to the next."""
        return 2.0 + float(rng.exponential(max(60.0 / max(self.rate_per_min, 1e-3) - 3.6, 0.1)))

    def draw(self, rng: np.random.Generator) -> tuple[float, dict[str, float]]:
        """Return duration and figures of the next."""
        return 1.6, {
            "amplitude_v": self.peak_v
            * float(rng.lognormal(0.0, self.spread))
            * (self.rate_per_min > 0)
        }

    def shape(self, values: dict[str, float], since_s: FloatArray, length_s: float) -> FloatArray:
        """Return its course: N550 and P900, as if something had woken it at its onset."""
        negative = np.exp(-0.5 * ((since_s - 0.55) / 0.08) ** 2)
        positive = np.exp(-0.5 * ((since_s - 0.90) / 0.15) ** 2)
        return np.asarray(values["amplitude_v"] * (0.4 * positive - 0.65 * negative))


@dataclass(frozen=True, kw_only=True)
class SlowWaves(WaveSpec):
    """Slow waves of deep sleep: a negative half wave and a positive one.

    Attributes
    ----------
    rate_per_min : float
        Mean rate.
    frequency_hz : float
        Median of one over the length.
    peak_v : float
        Median from peak to peak.
    spread : float
        Standard deviation of log amplitude.
    topography : str
        Where it is strongest.
    """

    kind: ClassVar[str] = "slow_waves"
    event_name: ClassVar[str] = "slow wave"
    rate_per_min: float = par(22.0, "1/min", "over 20 % of an N3 epoch (assumed)", high=60.0)
    frequency_hz: float = par(0.9, "Hz", "0.3-1.5 Hz [YASA]", low=0.3, high=2.0)
    peak_v: float = par(130e-6, "V", "peak to peak 75-350 uV [YASA], 75 [zsaf063]", high=1e-3)
    spread: float = par(0.25, "1", ASSUMED, high=2.0)
    topography: str = par("frontal-global", "-", ASSUMED)

    @property
    def longest_s(self) -> float:
        """No slow wave lasts longer."""
        return 3.4

    @property
    def field(self) -> str:
        """Where it is strongest."""
        return self.topography

    def pause_s(self, rng: np.random.Generator) -> float:
        """Return the time to the next."""
        return float(
            rng.exponential(max(60.0 / max(self.rate_per_min, 1e-3) - 1 / self.frequency_hz, 0.05))
        )

    def draw(self, rng: np.random.Generator) -> tuple[float, dict[str, float]]:
        """Return duration and figures of the next."""
        length_s = float(np.clip(rng.lognormal(-log(self.frequency_hz), 0.2), 0.6, 3.3))
        size_v = self.peak_v * float(rng.lognormal(0.0, self.spread)) * (self.rate_per_min > 0)
        return length_s, {"amplitude_v": size_v}

    def shape(self, values: dict[str, float], since_s: FloatArray, length_s: float) -> FloatArray:
        """Return its course."""
        part = since_s / length_s
        negative = np.where(part < 0.45, -0.58 * np.sin(np.pi * part / 0.45), 0.0)
        positive = np.where(part >= 0.45, 0.42 * np.sin(np.pi * (part - 0.45) / 0.55), 0.0)
        return np.asarray(values["amplitude_v"] * (negative + positive))


@dataclass(frozen=True, kw_only=True)
class SpikeWave(WaveSpec):
    """Absence seizures: generalised spike-and-wave at 3 Hz.

    Attributes
    ----------
    interval_s : float
        Mean time between seizures.
    length_s : float
        Median length of a seizure.
    start_hz, stop_hz : float
        Rate of spike-and-wave at its beginning and at its end.
    peak_v : float
        Median from spike to wave.
    spread : float
        Standard deviation of log amplitude.
    spike_s : float
        Width of a spike at half height.
    topography : str
        Where it is strongest.
    """

    kind: ClassVar[str] = "spike_wave"
    event_name: ClassVar[str] = "absence"
    interval_s: float = par(25.0, "s", "assumed, for a short recording", low=1.0, high=86400.0)
    length_s: float = par(
        10.0, "s", "2-30 s, mostly about 10 [epilepsydiagnosis.org]", low=2.0, high=60.0
    )
    start_hz: float = par(3.4, "Hz", "2.5-4 Hz, slowing [epilepsydiagnosis.org]", low=2.0, high=5.0)
    stop_hz: float = par(
        2.7, "Hz", "slower than 2.5 Hz excludes [epilepsydiagnosis.org]", low=2.0, high=5.0
    )
    peak_v: float = par(250e-6, "V", "100-400 uV (assumed)", high=2e-3)
    spread: float = par(0.2, "1", ASSUMED, high=2.0)
    spike_s: float = par(0.045, "s", "below 70 ms [solonewyork, epilepsy.com]", low=0.01, high=0.07)
    topography: str = par("frontal-global", "-", ASSUMED)

    @property
    def longest_s(self) -> float:
        """No seizure lasts longer."""
        return 30.0

    @property
    def field(self) -> str:
        """Where it is strongest."""
        return self.topography

    def pause_s(self, rng: np.random.Generator) -> float:
        """Return the time to the next."""
        return 0.3 * self.interval_s + float(rng.exponential(0.7 * self.interval_s))

    def draw(self, rng: np.random.Generator) -> tuple[float, dict[str, float]]:
        """Return duration and figures of the next."""
        length_s = float(np.clip(rng.lognormal(log(self.length_s), 0.4), 2.0, 30.0))
        return length_s, {"amplitude_v": self.peak_v * float(rng.lognormal(0.0, self.spread))}

    def shape(self, values: dict[str, float], since_s: FloatArray, length_s: float) -> FloatArray:
        """Return its course: in every cycle a negative spike and a positive-to-negative dome."""
        slope = (self.stop_hz - self.start_hz) / length_s
        turns = self.start_hz * since_s + 0.5 * slope * since_s**2
        rate_hz = self.start_hz + slope * since_s
        part = turns % 1.0
        # Widths are in time, so the spike stays sharp while the cycle slows down.
        spike = np.exp(-0.5 * ((part - 0.15) / rate_hz / (self.spike_s / 2.355)) ** 2)
        wave = np.where(part > 0.25, np.sin(np.pi * (part - 0.25) / 0.75), 0.0)
        edge = np.clip(np.minimum(since_s, length_s - since_s) / 0.5, 0.0, 1.0)
        return np.asarray(values["amplitude_v"] * edge * (0.55 * spike - 0.45 * wave))


class WaveGenerator(LatentGenerator):
    """One latent: a waveform now and then."""

    def __init__(self, spec: WaveSpec, context: Context) -> None:
        super().__init__(context)
        self._spec = spec
        self.topography = field_at(spec.field, context.leads)[:, None]
        self._waves = Schedule(self._plan, spec.longest_s)

    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out` with the waveforms, in volts where they are strongest."""
        out[...] = 0.0
        add_waveforms(self._waves, start, out, self.context.rate_hz, self._shape)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the waveforms."""
        return [
            Event(t.onset_s, t.duration_s, t.name, "waveform", detail=dict(t.values))
            for t in self._waves.between(start_s, stop_s)
        ]

    def _plan(self) -> Iterator[Trigger]:
        rng = self.context.rng("waves")
        time_s = 0.0
        while True:
            time_s += self._spec.pause_s(rng)
            length_s, values = self._spec.draw(rng)
            gain = self.context.gain.at(time_s)
            values["amplitude_v"] *= gain
            name = self._spec.event_name if values["amplitude_v"] > 0 else ""
            yield Trigger(time_s, length_s, name, values)
            time_s += length_s

    def _shape(self, trigger: Trigger, since_s: FloatArray) -> FloatArray:
        return self._spec.shape(trigger.values, since_s, trigger.duration_s)
