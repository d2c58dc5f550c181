"""Calibration signals: known functions of time, for testing devices.

Each is a pure function of the sample's time, so it needs no state and is the same at any block
length. The amplitude is the peak, in volts, and is applied to every channel unless `only` names
some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np

from eegrig.signal_sim.errors import SignalError
from eegrig.signal_sim.stream import BLOCK, BlockSource, FloatArray

__all__ = [
    "Calibration",
    "Tone",
    "chirp",
    "common_mode",
    "dc_offset",
    "impulse",
    "silence",
    "sine",
    "square",
    "steps",
    "tones",
    "triangle",
]

Waveform = Callable[[FloatArray], FloatArray]


class Calibration(BlockSource):
    """One function of time on some or all channels.

    Parameters
    ----------
    waveform : callable
        Volts as a function of an array of times in seconds.
    channels : sequence of str
        Channel names.
    rate_hz : float
        Samples per second.
    only : sequence of str or None
        Channels that carry it; the others are at 0 V (crosstalk tests). None for all.
    """

    def __init__(
        self,
        waveform: Waveform,
        *,
        channels: Sequence[str],
        rate_hz: float,
        only: Sequence[str] | None = None,
    ) -> None:
        super().__init__(tuple(channels), rate_hz)
        self._waveform = waveform
        carriers = self.channels if only is None else tuple(only)
        for name in carriers:
            if name not in self.channels:
                msg = f"no channel {name!r} to put the signal on: one of {', '.join(self.channels)}"
                raise SignalError(msg)
        self._carries = np.array([[float(name in carriers)] for name in self.channels])

    def _render(self, start: int) -> FloatArray:
        time_s = np.arange(start, start + BLOCK) / self.rate_hz
        return self._carries * self._waveform(time_s)


class Tone(NamedTuple):
    """One sine: ``amplitude_v sin(2 pi frequency_hz t + phase_rad)``; the amplitude is the peak."""

    amplitude_v: float
    frequency_hz: float
    phase_rad: float = 0.0


class _PerChannel(BlockSource):
    """A function of time of its own on each channel, and a constant."""

    def __init__(
        self,
        waveforms: Mapping[str, Sequence[Tone]],
        *,
        channels: Sequence[str],
        rate_hz: float,
        offsets_v: Mapping[str, float],
    ) -> None:
        super().__init__(tuple(channels), rate_hz)
        for name in (*waveforms, *offsets_v):
            if name not in self.channels:
                msg = f"no channel {name!r} to put the signal on: one of {', '.join(self.channels)}"
                raise SignalError(msg)
        self._tones = [tuple(waveforms.get(name, ())) for name in self.channels]
        self._offsets_v = np.array([[offsets_v.get(name, 0.0)] for name in self.channels])

    def _render(self, start: int) -> FloatArray:
        time_s = np.arange(start, start + BLOCK) / self.rate_hz
        made: dict[Tone, FloatArray] = {}
        out = np.repeat(self._offsets_v, BLOCK, axis=1)
        for row, of_channel in enumerate(self._tones):
            for tone in of_channel:
                if tone not in made:
                    turns = (tone.frequency_hz * time_s) % 1.0
                    made[tone] = tone.amplitude_v * np.sin(2 * np.pi * turns + tone.phase_rad)
                out[row] += made[tone]
        return out


def tones(
    on: Mapping[str, Sequence[Tone]],
    *,
    channels: Sequence[str],
    rate_hz: float,
    offsets_v: Mapping[str, float] | None = None,
) -> BlockSource:
    """Make sines of its own on each channel, any number of them, beside a constant.

    Parameters
    ----------
    on : mapping
        Sines of each channel that has some.
    channels : sequence of str
        Channel names.
    rate_hz : float
        Samples per second.
    offsets_v : mapping, optional
        A constant of each channel that has one, in volts.

    Raises
    ------
    SignalError
        A sine cannot be made at that rate, or is on a channel that is not there.
    """
    for tone in (tone for of_channel in on.values() for tone in of_channel):
        _check(amplitude_v=tone.amplitude_v, frequency_hz=tone.frequency_hz)
        _below_nyquist(tone.frequency_hz, rate_hz)
    return _PerChannel(on, channels=channels, rate_hz=rate_hz, offsets_v=offsets_v or {})


def steps(
    levels_v: Sequence[float],
    hold_s: float,
    *,
    channels: Sequence[str],
    rate_hz: float,
    only: Sequence[str] | None = None,
) -> Calibration:
    """Make one level after the other, each for `hold_s`; the last one stays."""
    _check(hold_s=hold_s)
    levels = np.array(levels_v, dtype=np.float64)
    if not levels.size or not np.all(np.isfinite(levels)):
        msg = f"levels_v is {list(levels_v)}: give one level or more, all finite"
        raise SignalError(msg)

    def waveform(time_s: FloatArray) -> FloatArray:
        index = np.minimum(time_s / hold_s, levels.size - 1).astype(np.int64)
        return np.asarray(levels[index])

    return Calibration(waveform, channels=channels, rate_hz=rate_hz, only=only)


def sine(
    amplitude_v: float,
    frequency_hz: float,
    *,
    channels: Sequence[str],
    rate_hz: float,
    phase_rad: float = 0.0,
    offset_v: float = 0.0,
    only: Sequence[str] | None = None,
) -> Calibration:
    """Make ``offset_v + amplitude_v sin(2 pi f t + phase_rad)``; `amplitude_v` is the peak."""
    _check(amplitude_v=amplitude_v, frequency_hz=frequency_hz)
    _below_nyquist(frequency_hz, rate_hz)

    def waveform(time_s: FloatArray) -> FloatArray:
        turns = (frequency_hz * time_s) % 1.0
        return offset_v + amplitude_v * np.sin(2 * np.pi * turns + phase_rad)

    return Calibration(waveform, channels=channels, rate_hz=rate_hz, only=only)


def square(
    amplitude_v: float = 50e-6,
    frequency_hz: float = 0.5,
    *,
    channels: Sequence[str],
    rate_hz: float,
    only: Sequence[str] | None = None,
) -> Calibration:
    """Make a square wave of +-`amplitude_v`, high first.

    The default is the 100 uV peak-to-peak square of 1 s halves that a recording begins with
    (IFCN 1998, 10.1016/S0013-4694(97)00106-5).
    """
    _check(amplitude_v=amplitude_v, frequency_hz=frequency_hz)
    _below_nyquist(frequency_hz, rate_hz)

    def waveform(time_s: FloatArray) -> FloatArray:
        return np.where((frequency_hz * time_s) % 1.0 < 0.5, amplitude_v, -amplitude_v)

    return Calibration(waveform, channels=channels, rate_hz=rate_hz, only=only)


def triangle(
    amplitude_v: float,
    frequency_hz: float,
    *,
    channels: Sequence[str],
    rate_hz: float,
    offset_v: float = 0.0,
    only: Sequence[str] | None = None,
) -> Calibration:
    """Make a triangle of +-`amplitude_v` about `offset_v`, rising from zero."""
    _check(amplitude_v=amplitude_v, frequency_hz=frequency_hz)
    _below_nyquist(frequency_hz, rate_hz)

    def waveform(time_s: FloatArray) -> FloatArray:
        turns = (frequency_hz * time_s + 0.25) % 1.0
        return offset_v + amplitude_v * (1.0 - 4.0 * np.abs(turns - 0.5))

    return Calibration(waveform, channels=channels, rate_hz=rate_hz, only=only)


def impulse(
    amplitude_v: float,
    period_s: float,
    *,
    channels: Sequence[str],
    rate_hz: float,
    width_s: float | None = None,
    only: Sequence[str] | None = None,
) -> Calibration:
    """Make pulses of `width_s` (one sample by default), the first half a period from the start."""
    _check(amplitude_v=amplitude_v, period_s=period_s)
    width = 1.0 / rate_hz if width_s is None else width_s
    if not 0 < width < period_s:
        msg = f"impulse of {width} s every {period_s} s: the width must be within the period"
        raise SignalError(msg)
    half_sample = 0.5 / rate_hz
    first_s = round(0.5 * period_s * rate_hz) / rate_hz

    def waveform(time_s: FloatArray) -> FloatArray:
        # Half a sample early, so that rounding never moves the pulse to a neighbour.
        since = (time_s + half_sample - first_s) % period_s
        return np.where(since < width, amplitude_v, 0.0)

    return Calibration(waveform, channels=channels, rate_hz=rate_hz, only=only)


def chirp(
    amplitude_v: float,
    start_hz: float,
    stop_hz: float,
    duration_s: float,
    *,
    channels: Sequence[str],
    rate_hz: float,
    only: Sequence[str] | None = None,
) -> Calibration:
    """Make a linear sweep from `start_hz` to `stop_hz`, repeated every `duration_s`."""
    _check(amplitude_v=amplitude_v, start_hz=start_hz, stop_hz=stop_hz, duration_s=duration_s)
    _below_nyquist(max(start_hz, stop_hz), rate_hz)
    slope = (stop_hz - start_hz) / duration_s

    def waveform(time_s: FloatArray) -> FloatArray:
        t = time_s % duration_s
        return amplitude_v * np.sin(2 * np.pi * (start_hz * t + 0.5 * slope * t * t))

    return Calibration(waveform, channels=channels, rate_hz=rate_hz, only=only)


def dc_offset(
    offset_v: float,
    *,
    channels: Sequence[str],
    rate_hz: float,
    only: Sequence[str] | None = None,
) -> Calibration:
    """Make a constant voltage."""
    if not isfinite(offset_v):
        msg = f"offset_v is {offset_v}: give a finite number of volts"
        raise SignalError(msg)
    return Calibration(
        lambda time_s: np.full(time_s.shape, offset_v),
        channels=channels,
        rate_hz=rate_hz,
        only=only,
    )


def silence(*, channels: Sequence[str], rate_hz: float) -> Calibration:
    """Make 0 V on every channel: inputs shorted."""
    return dc_offset(0.0, channels=channels, rate_hz=rate_hz)


def common_mode(
    amplitude_v: float,
    frequency_hz: float = 50.0,
    *,
    channels: Sequence[str],
    rate_hz: float,
    imbalance_ohm: float = 0.0,
    imbalance_f: float = 47e-9,
    imbalanced: str | None = None,
    input_ohm: float = 1e9,
    input_f: float = 50e-12,
    cmrr_db: float = np.inf,
) -> Calibration:
    """Make what a common-mode sine leaves between an input and its reference.

    The differential voltage is ``Vcm (dZ / (Zin + dZ) + 1 / CMRR)``, where dZ is a resistor
    `imbalance_ohm` with `imbalance_f` in parallel in one lead, as in the common-mode test of
    IEC 80601-2-26 (10 kOhm, 47 nF: WhaleTeq CMRR 3.0E manual).

    Parameters
    ----------
    amplitude_v : float
        Peak common-mode voltage.
    frequency_hz : float
        Of the common mode.
    channels, rate_hz
        As everywhere.
    imbalance_ohm, imbalance_f : float
        The network in the imbalanced lead.
    imbalanced : str or None
        Name of that lead; None for none.
    input_ohm, input_f : float
        Input impedance of the amplifier (assumed defaults).
    cmrr_db : float
        Common-mode rejection of the amplifier; infinite where the amplifier model has its own.
    """
    _check(amplitude_v=amplitude_v, frequency_hz=frequency_hz)
    _below_nyquist(frequency_hz, rate_hz)
    omega = 2j * np.pi * frequency_hz
    z_imbalance = 1.0 / (1.0 / imbalance_ohm + omega * imbalance_f) if imbalance_ohm else 0j
    z_input = 1.0 / (1.0 / input_ohm + omega * input_f)
    gain = -z_imbalance / (z_input + z_imbalance)
    rejection = 10.0 ** (-cmrr_db / 20.0)
    if imbalanced is not None and imbalanced not in channels:
        msg = f"no channel {imbalanced!r} to imbalance: one of {', '.join(channels)}"
        raise SignalError(msg)
    gains = np.array([[rejection + (gain if name == imbalanced else 0.0)] for name in channels])

    def waveform(time_s: FloatArray) -> FloatArray:
        turns = (frequency_hz * time_s) % 1.0
        volts: FloatArray = amplitude_v * np.imag(gains * np.exp(2j * np.pi * turns))
        return volts

    return Calibration(waveform, channels=channels, rate_hz=rate_hz)


def _check(**values: float) -> None:
    for name, value in values.items():
        if not (isfinite(value) and value >= 0):
            msg = f"{name} is {value}: give a number of at least 0"
            raise SignalError(msg)
        if value == 0 and name != "amplitude_v":
            msg = f"{name} is 0: give a positive number"
            raise SignalError(msg)


def _below_nyquist(frequency_hz: float, rate_hz: float) -> None:
    if 2 * frequency_hz >= rate_hz:
        msg = (
            f"{frequency_hz:g} Hz cannot be made at {rate_hz:g} samples per second: "
            f"use more than {2 * frequency_hz:g}"
        )
        raise SignalError(msg)
