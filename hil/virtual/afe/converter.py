"""From volts at the inputs to 24-bit frames: amplifier, noise, reference, filter, rounding.

Works in blocks. The inputs are brought to fractions of full scale on the source's time grid, with
the noise added there, and the decimation filter then weights that grid for every conversion; a
register written in mid-stream changes the grid from that instant on, so conversions whose window
straddles it come out half settled, as they do on the chip.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eegrig.boards import Part
from eegrig.hil.virtual.afe import sinc3
from eegrig.hil.virtual.afe.inputs import InputStage
from eegrig.hil.virtual.afe.leads import Leads
from eegrig.hil.virtual.afe.registers import Registers
from eegrig.hil.virtual.afe.source import VirtualSignalSource
from eegrig.hil.virtual.afe.timing import ChipClock

__all__ = ["Converter"]

FloatArray = NDArray[np.float64]

_FULL_SCALE = 2**23
_OVERLOAD = 1.001
"""Where the amplifier limits, in full scales: just beyond what the code can show."""
_REFERENCE_TIME_CONSTANTS = 7.0
"""The reference has settled to 0.1 % after its start-up time (assumed exponential)."""
_NS = 1e-9


class Converter:
    """The analogue path of all channels.

    Parameters
    ----------
    part : Part
    inputs : InputStage
    source : VirtualSignalSource
        With one channel per input used, in order; inputs beyond them see 0 V.
    clock : ChipClock
    constants, noise : numpy.random.Generator
        The one draws what differs from chip to chip, the other the noise.
    """

    def __init__(
        self,
        part: Part,
        inputs: InputStage,
        source: VirtualSignalSource,
        clock: ChipClock,
        *,
        constants: np.random.Generator,
        noise: np.random.Generator,
    ) -> None:
        self._part = part
        self._n_channels = n_channels = int(part["channels"].value)
        self._inputs = inputs
        self._source = source
        self._clock = clock
        self._noise = noise
        self._noise_seed: int | None = None
        limit = part["gain_error_max"].si
        gain_error = constants.normal(0.0, part["gain_error"].si, n_channels)
        reference = part["vref_tolerance"].si
        reference_error = np.clip(constants.normal(0.0, reference / 2), -reference, reference)
        self._gain = (1.0 + np.clip(gain_error, -limit, limit)) / (1.0 + float(reference_error))
        self._offset_v = constants.normal(0.0, part["offset"].si, n_channels)
        self._leads = Leads(part, n_channels, *constants.spawn(1))
        crosstalk = 10.0 ** (part["crosstalk"].value / 20.0)
        self._crosstalk: FloatArray = crosstalk * constants.spawn(1)[0].uniform(-1, 1, n_channels)
        # A cubic term c x**3 makes of a sine of amplitude 1 a third harmonic of c / 4.
        self._cubic = 4.0 * 10.0 ** (part["thd"].value / 20.0)
        self._vref_v = part["vref"].si
        high = part.figures.get("vref_high")
        self._vref_high_v = self._vref_v if high is None else high.si
        self._grid: FloatArray = np.zeros((n_channels, 0))
        self._grid_first = 0
        self.epoch_ns = 0
        """Time the chip was reset: phase 0 of its internal signals."""
        self.reference_on_ns: int | None = None
        """Time the reference was switched on; None while it is off."""

    def draw_noise_from(self, rng: np.random.Generator) -> None:
        """Take the noise from another generator; the chip's own constants stay."""
        self._noise = rng

    def begin_anew(self, start_ns: int, seed: int) -> None:
        """Draw the noise, and what the chip does by itself, from a time on as from any other.

        The reference counts as settled, however short a time ago it was switched on.

        Parameters
        ----------
        start_ns : int
            When conversions start, and the source begins.
        seed : int
            The same seed gives the same noise, however much of it is asked for at once.
        """
        self.epoch_ns = start_ns
        self._noise = np.random.default_rng(seed)
        self._noise_seed = seed
        self.forget()

    @property
    def gain_error(self) -> FloatArray:
        """Gain error of each channel as a fraction, reference included, shape (n_channels,)."""
        return self._gain - 1.0

    @property
    def offset_v(self) -> FloatArray:
        """Offset of each channel in volts, referred to the input, shape (n_channels,)."""
        return self._offset_v.copy()

    def set_crosstalk(self, ratio: float) -> None:
        """Let each channel have this part of the sum of all others, as bad wiring does."""
        self._crosstalk = np.full(self._n_channels, ratio)

    def cancel_offset(self) -> None:
        """Take the channels' offsets away, as a calibration does."""
        self._offset_v = np.zeros(self._n_channels)

    def forget_after(self, time_ns: int) -> None:
        """Make the grid anew from a time on: registers, electrodes or the source changed."""
        index = self._index_after(time_ns)
        if index <= self._grid_first:
            self._grid, self._grid_first = np.zeros((self._n_channels, 0)), max(index, 0)
        else:
            self._grid = self._grid[:, : index - self._grid_first]

    def forget(self) -> None:
        """Make the whole grid anew: its time axis changed."""
        self._grid, self._grid_first = np.zeros((self._n_channels, 0)), 0

    def frames(self, drdy_ns: FloatArray, registers: Registers) -> bytes:
        """Return one frame for each conversion.

        Parameters
        ----------
        drdy_ns : ndarray, shape (n_conversions,)
            Times at which the conversions are complete, in nanoseconds.
        registers : Registers
        """
        codes = self._convert(drdy_ns, registers)
        out = np.empty((len(drdy_ns), registers.map.frame_bytes), dtype=np.uint8)
        out[:, :3] = list(registers.status_word.to_bytes(3, "big"))
        big_endian = codes.T.astype(">i4").view(np.uint8).reshape(-1, self._n_channels, 4)
        out[:, 3:] = big_endian[:, :, 1:].reshape(-1, 3 * self._n_channels)
        return out.tobytes()

    def _convert(self, drdy_ns: FloatArray, registers: Registers) -> NDArray[np.int32]:
        rate_sps = registers.rate_sps
        per_ns = self._source.rate_hz * _NS
        samples_per_period = self._clock.period_ns(rate_sps) * per_ns
        centres = (
            drdy_ns - self._clock.window_centre_ns(rate_sps) - self._source.origin_ns
        ) * per_ns
        first, weight = sinc3.weights(centres, samples_per_period)
        n_taps = weight.shape[1]
        grid = self._grid_between(
            int(first[0]), int(first[-1]) + n_taps, registers, samples_per_period
        )
        index = (first - first[0])[:, None] + np.arange(n_taps)
        value = np.einsum("cnt,nt->cn", grid[:, index], weight)
        rounded = np.clip(np.rint(value * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
        codes = np.asarray(rounded, dtype=np.int32)
        return codes >> registers.dropped_bits << registers.dropped_bits

    def _grid_between(
        self, first: int, stop: int, registers: Registers, samples_per_period: float
    ) -> FloatArray:
        """Return the inputs in fractions of full scale for grid samples ``first ... stop - 1``."""
        end = self._grid_first + self._grid.shape[1]
        if first < self._grid_first or first > end:
            self._grid, self._grid_first, end = np.zeros((self._n_channels, 0)), first, first
        if stop > end:
            fresh = self._render(end, stop, registers, samples_per_period)
            kept = self._grid[:, first - self._grid_first :]
            self._grid = np.concatenate([kept, fresh], axis=1)
            self._grid_first = first
        return self._grid[:, first - self._grid_first : stop - self._grid_first]

    def _render(
        self, first: int, stop: int, registers: Registers, samples_per_period: float
    ) -> FloatArray:
        step_ns = 1e9 / self._source.rate_hz
        now_ns = self._source.origin_ns + np.arange(first, stop, dtype=np.float64) * step_ns
        seconds = (now_ns - self.epoch_ns) * _NS
        electrodes = np.zeros((self._n_channels, stop - first))
        applied = self._applied(first, stop, now_ns)
        electrodes[: applied.shape[0]] = applied
        volts = self._inputs.volts(electrodes, seconds, registers, self._clock)
        channels = registers.channels()
        sigma_v = np.array([self._sigma_v(registers, c.gain) for c in channels])
        sigma_v *= np.sqrt(samples_per_period / sinc3.NOISE_GAIN)
        if self._n_channels > 1:  # row by row, so that no sample depends on the block's length
            volts += self._crosstalk[:, None] * (volts.sum(axis=0) - volts)
        volts *= self._gain[:, None]
        volts += self._offset_v[:, None]
        if self._noise_seed is None:
            noise = self._noise.standard_normal(volts.shape)
        else:  # sample by sample
            noise = self._noise.standard_normal(volts.shape[::-1]).T
        volts += noise * sigma_v[:, None]
        high = registers.is_set(registers.map.reference_high)
        vref_v = self._vref_high_v if high else self._vref_v
        full_scales = np.array([c.gain * c.powered for c in channels]) / vref_v
        volts *= full_scales[:, None]
        if not self._reference_settled(now_ns):
            volts /= self._reference(now_ns)
        volts -= self._cubic * volts * volts * volts
        return np.clip(volts, -_OVERLOAD, _OVERLOAD, out=volts)

    def _applied(self, first: int, stop: int, now_ns: FloatArray) -> FloatArray:
        """Return what the electrodes have, with what a bench has put into their leads."""
        source, there = self._source, self._source.in_leads
        if there.common_mode is None and not there.networks:
            return source.samples(first, stop)
        memory = self._leads.memory(there, source.rate_hz)
        return self._leads.at_inputs(
            source.samples(first - memory, stop),
            there,
            memory=memory,
            now_s=now_ns * _NS,
            rate_hz=source.rate_hz,
            beyond_ohm=self._inputs.beyond_reference_ohm,
        )

    def _sigma_v(self, registers: Registers, gain: int) -> float:
        key = "noise_rms_high_resolution" if registers.high_resolution else "noise_rms"
        return self._part.table(key).si(registers.rate_sps, gain)

    def _reference_settled(self, now_ns: FloatArray) -> bool:
        if self.reference_on_ns is None:
            return False
        # What it still lacks depends on when it was switched on, which is before any start.
        if self._noise_seed is not None:
            return True
        return bool(now_ns[0] > self.reference_on_ns + 4e9 * self._part["vref_start_up"].si)

    def _reference(self, now_ns: FloatArray) -> FloatArray:
        """Return the reference as a fraction of its final value; without one, next to nothing."""
        if self.reference_on_ns is None:
            return np.full_like(now_ns, 1e-6)
        tau_ns = self._part["vref_start_up"].si * 1e9 / _REFERENCE_TIME_CONSTANTS
        since = np.maximum(now_ns - self.reference_on_ns, 0.0)
        return np.maximum(-np.expm1(-since / tau_ns), 1e-6)

    def _index_after(self, time_ns: int) -> int:
        return int(np.ceil((time_ns - self._source.origin_ns) * self._source.rate_hz * _NS))
