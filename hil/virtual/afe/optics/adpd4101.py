"""The ADPD4101 as firmware sees it: an I2C device with time slots, a FIFO and an interrupt pin.

After the data sheet of the ADPD4100/ADPD4101 (Rev. 0) as far as it could be read, and the
manufacturer's public driver. What is lit and measured follows the registers: LED currents, inputs,
pulses, transimpedance. Not modelled: ambient light, the digital integrator's dark and lit regions,
thresholds, time stamps, the power-up sequence of the errata, other uses than LEDs and photodiodes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import numpy as np

from eegrig.boards import Part
from eegrig.boards.schema import Optics
from eegrig.hil.virtual.afe.optics.fifo import Fifo, word_swapped
from eegrig.hil.virtual.afe.optics.registers import Register, Slot, reset_values
from eegrig.hil.virtual.afe.rules import Rule
from eegrig.hil.virtual.afe.source import VirtualSignalSource
from eegrig.hil.virtual.clock import Cancellable, Clock

__all__ = ["Adpd4101", "PowerSink"]

_RESET = 0x8000
_GO = 0x0001
_FIFO_THRESHOLD = 0x8000
_OVERFLOW, _UNDERFLOW, _CLEAR = 0x2000, 0x4000, 0x8000
_OSCILLATOR_1M, _OSCILLATOR_32K, _USES_1M = 0x0002, 0x0001, 0x0004
_LONG_ADDRESS = 0x80
_INTERRUPT_X = 2
_OUTPUT, _INVERTED_OUTPUT = 2, 3
_MIN_SOURCE_HZ = 20.0
_READ_ONLY = frozenset({Register.CHIP_ID, Register.FIFO_DATA})


class PowerSink(Protocol):
    """Who is told what draws current."""

    def set_running(self, time_ns: int, *, running: bool) -> None:
        """Take note that the time base runs, or that the chip is in standby."""
        ...

    def slot(self, start_ns: int, stop_ns: int, led_a: float) -> None:
        """Take note of a time slot, and the mean current of its LEDs during it, in amperes."""
        ...


class Adpd4101:
    """An optical front end on the virtual clock.

    The board wires LED output 1A to the first optical channel's emitter, 1B to the second's, and
    so on, and the photodiode of pair ``n`` to the first input of input pair ``n``.

    Parameters
    ----------
    part : Part
        Its figures (``boards.load_part("adpd4101")``).
    optics : Optics
        How the board uses it.
    clock : Clock
    rng : numpy.random.Generator
        For its oscillators and its noise.
    source : VirtualSignalSource
        Photodiode current of each channel of `optics` while its LED is lit with the board's
        current, in amperes; it is proportional to the LED's actual current.
    load : PowerSink or None
        Told what draws current.
    oscillator_error : float or None
        Fraction by which its oscillators are off; None draws one within the limits.

    Attributes
    ----------
    on_interrupt : callable or None
        Called with the level of GPIO0 when it changes.
    oscillator_error : float
    rules_broken : collections.Counter
        How often firmware broke a rule, by `Rule`.
    exchanges : int
        Transfers on the bus so far, each of which could have broken some.
    """

    def __init__(
        self,
        part: Part,
        optics: Optics,
        *,
        clock: Clock,
        rng: np.random.Generator,
        source: VirtualSignalSource,
        load: PowerSink | None = None,
        oscillator_error: float | None = None,
    ) -> None:
        self._part = part
        self._clock = clock
        self._rng = rng
        self._source = source
        self._load = load
        self._n_wavelengths = len(optics.wavelengths_nm)
        self._board_led_a = optics.led_current_ma * 1e-3
        limit = part["oscillator_tolerance"].si
        drawn = float(np.clip(rng.normal(0.0, limit / 3), -limit, limit))
        self.oscillator_error = drawn if oscillator_error is None else oscillator_error
        self.on_interrupt: Callable[[int], None] | None = None
        self.rules_broken: Counter[Rule] = Counter()
        self.exchanges = 0
        self.address = int(part["i2c_address"].value)
        self._overhead_ns = round(part["slot_overhead_time"].si * 1e9)
        self._led_step_a = part["led_current_step"].si
        self._led_max_a = part["led_current_max"].si
        self._n_slots = int(part["time_slots"].value)
        self._fifo = Fifo(int(part["fifo_size"].value))
        self._pointer = 0
        self._level = 0
        self._timer: Cancellable | None = None
        self._slots: list[Slot] = []
        self._sums: list[list[float]] = []
        self._start_ns = self._number = 0
        self._period_ns = 0.0
        self._values: dict[int, int] = {}
        self._reset()

    def draw_noise_from(self, rng: np.random.Generator) -> None:
        """Take the noise from another generator; what differs from chip to chip stays."""
        self._rng = rng

    # -------------------------------------------------------------------------------------- I2C

    def i2c_write(self, data: bytes) -> bool:
        """Take what a controller writes: an address, then words; return whether it is taken.

        The address is one byte, or two with the highest bit set; words are 16 bits, high byte
        first, and go to consecutive registers.
        """
        self.exchanges += 1
        if not data:
            return True
        at = 1
        self._pointer = data[0]
        if data[0] & _LONG_ADDRESS:
            if len(data) < 2:
                return True
            self._pointer, at = (data[0] & 0x7F) << 8 | data[1], 2
        if (len(data) - at) % 2:
            self.rules_broken[Rule.OPTICS_WHOLE_WORDS] += 1
        self.write(self._pointer, data[at : at + (len(data) - at) // 2 * 2])
        return True

    def i2c_read(self, count: int) -> bytes:
        """Return what a controller reads from the register last addressed on."""
        return self.read(self._pointer, count)

    def read(self, register: int, count: int) -> bytes:
        """Return bytes from a register on; FIFO_DATA gives the FIFO's, however many."""
        if register == Register.FIFO_DATA:
            if count > len(self._fifo):
                self.rules_broken[Rule.OPTICS_FIFO_CONTENT] += 1
            out = self._fifo.take(count)
            below = len(self._fifo) <= self._get(Register.FIFO_TH)
            if below and self._get(Register.INT_ACLEAR) & _FIFO_THRESHOLD:
                self._values[Register.INT_STATUS_DATA] &= ~_FIFO_THRESHOLD
            self._update_pin()
            return out
        words = (count + 1) // 2
        data = b"".join(self._word(register + n).to_bytes(2, "big") for n in range(words))
        return data[:count]

    def write(self, register: int, data: bytes) -> None:
        """Write 16-bit words, high byte first, to a register and those after it."""
        for n in range(len(data) // 2):
            self._put(register + n, int.from_bytes(data[2 * n : 2 * n + 2], "big"))

    @property
    def interrupt(self) -> int:
        """Level of GPIO0."""
        return self._level

    @property
    def rate_sps(self) -> float:
        """Actual sample rate, oscillator error included, in samples per second."""
        return 1e9 / self._sample_period_ns()

    # -------------------------------------------------------------------------------- registers

    def _get(self, register: int) -> int:
        return self._values.get(register, 0)

    def _word(self, register: int) -> int:
        if register == Register.FIFO_STATUS:
            flags = self._fifo.overflow * _OVERFLOW | self._fifo.underflow * _UNDERFLOW
            return len(self._fifo) | flags
        return self._get(register)

    def _put(self, register: int, value: int) -> None:
        if register == Register.SYS_CTL and value & _RESET:
            self._reset()
        elif register == Register.FIFO_STATUS:
            self._clear_fifo_status(value)
        elif register == Register.INT_STATUS_DATA:  # a one clears
            self._values[register] = self._get(register) & ~value
        elif register in _READ_ONLY:
            self.rules_broken[Rule.OPTICS_WRITABLE] += 1
        else:
            if self._timer is not None and register != Register.OPMODE:
                self.rules_broken[Rule.OPTICS_PROGRAM_IN_STANDBY] += 1
            self._values[register] = value
            if register == Register.OPMODE:
                self._set_mode()
        self._update_pin()

    def _clear_fifo_status(self, value: int) -> None:
        if value & _CLEAR:
            self._fifo.clear()
        if value & _OVERFLOW:
            self._fifo.overflow = False
        if value & _UNDERFLOW:
            self._fifo.underflow = False

    def _reset(self) -> None:
        self._stop()
        self._values = reset_values(int(self._part["chip_id"].value), self._n_slots)
        self._values[Register.INT_STATUS_DATA] = 0
        self._fifo.clear()
        self._update_pin()

    # ------------------------------------------------------------------------------- time slots

    def _set_mode(self) -> None:
        if not self._get(Register.OPMODE) & _GO:
            self._stop()
        elif self._timer is None:
            self._go()

    def _go(self) -> None:
        system = self._get(Register.SYS_CTL)
        needed = _OSCILLATOR_1M if system & _USES_1M else _OSCILLATOR_32K
        if not system & needed:
            self.rules_broken[Rule.OPTICS_TIME_BASE] += 1
            return
        asked_for = (self._get(Register.OPMODE) >> 8 & 0xF) + 1
        n_slots = min(asked_for, self._n_slots)
        if asked_for > n_slots:
            self.rules_broken[Rule.OPTICS_SLOTS_EXIST] += 1
        self._slots = [Slot.of(self._values, n, self._led_step_a) for n in range(n_slots)]
        self._sums = [[] for _ in self._slots]
        self._period_ns = self._sample_period_ns()
        if any(math.fsum(slot.leds_a) > self._led_max_a for slot in self._slots):
            self.rules_broken[Rule.OPTICS_LED_CURRENT] += 1
        if self.rate_sps > self._part["rate_max"].si * (1.0 + self.oscillator_error):
            self.rules_broken[Rule.OPTICS_RATE] += 1
        if self._slots_ns() > self._period_ns:
            self.rules_broken[Rule.OPTICS_SLOTS_FIT] += 1
            self._period_ns = float(self._slots_ns())
        rate_hz = 1e9 / self._period_ns
        self._source.want_rate(max(2.0 * rate_hz, _MIN_SOURCE_HZ), 0.0)
        self._start_ns, self._number = self._clock.now_ns(), 0
        if self._load is not None:
            self._load.set_running(self._start_ns, running=True)
        self._schedule()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._load is not None:
            self._load.set_running(self._clock.now_ns(), running=False)

    def _sample_period_ns(self) -> float:
        fast = self._get(Register.SYS_CTL) & _USES_1M
        nominal_hz = self._part["oscillator_high" if fast else "oscillator_low"].si
        cycles = self._get(Register.TS_FREQ) | (self._get(Register.TS_FREQH) & 0x7F) << 16
        return max(cycles, 1) * 1e9 / (nominal_hz * (1.0 + self.oscillator_error))

    def _slots_ns(self) -> int:
        return sum(slot.duration_ns(self._overhead_ns) for slot in self._slots)

    def _schedule(self) -> None:
        """Wait for the end of the last slot of the next sample period."""
        begin_ns = self._start_ns + (self._number + 1) * self._period_ns
        self._timer = self._clock.call_at_ns(round(begin_ns) + self._slots_ns(), self._sample)

    def _sample(self) -> None:
        """Measure all slots, which have just ended."""
        end_ns = self._clock.now_ns()
        start_ns = end_ns - self._slots_ns()
        sample = b""
        status = 0
        for index, slot in enumerate(self._slots):
            stop_ns = start_ns + slot.duration_ns(self._overhead_ns)
            self._report(slot, start_ns, stop_ns)
            values = self._measure(slot, (start_ns + stop_ns) // 2)
            if self._decimated(index, slot, values):
                status |= 1 << index
                pairs = zip(self._sums[index], slot.sizes, strict=True)
                sample += b"".join(_code(value, slot.shift, size) for value, size in pairs)
                self._sums[index] = []
            start_ns = stop_ns
        if sample:
            self._fifo.put(sample)
        if len(self._fifo) > self._get(Register.FIFO_TH):
            status |= _FIFO_THRESHOLD
        self._values[Register.INT_STATUS_DATA] |= status
        self._number += 1
        self._schedule()
        self._update_pin()

    def _decimated(self, index: int, slot: Slot, values: list[float]) -> bool:
        """Add up samples; return whether there are enough for an output, their mean."""
        sums = self._sums[index] or [0.0] * len(values)
        parts = zip(sums, values, strict=True)
        self._sums[index] = [total + value / slot.decimation for total, value in parts]
        return (self._number + 1) % slot.decimation == 0

    def _measure(self, slot: Slot, time_ns: int) -> list[float]:
        """Return the sum of all pulses of a slot for each of its ADC channels, in counts."""
        currents_a = self._currents_a(time_ns)
        figures = self._part
        full_scale = figures["full_scale_code"].value
        out = []
        for channel in range(1, len(slot.sizes) + 1):
            input_a = math.fsum(
                current_a * slot.leds_a[n] / self._board_led_a
                for n, current_a in enumerate(currents_a)
                if slot.inputs[n // self._n_wavelengths] == channel
            )
            gain = slot.tia_ohm[channel - 1] / 100e3
            counts = input_a * slot.pulse_ns * 1e-9 / figures["charge_per_code"].si * gain
            noise = self._rng.normal(0.0, figures["noise_per_pulse"].value * slot.pulses**0.5)
            out.append(min(counts, full_scale) * slot.pulses + noise)
        return out

    def _currents_a(self, time_ns: int) -> list[float]:
        """Return what every channel's photodiode gives at a time, interpolated."""
        source = self._source
        position = (time_ns - source.origin_ns) * source.rate_hz * 1e-9
        first = int(np.floor(position))
        before, after = source.samples(first, first + 2).T
        weight = position - first
        return [float(value) for value in before * (1.0 - weight) + after * weight]

    def _report(self, slot: Slot, start_ns: int, stop_ns: int) -> None:
        if self._load is not None:
            lit_ns = slot.pulses * slot.pulse_ns
            led_a = math.fsum(slot.leds_a) * lit_ns / (stop_ns - start_ns)
            self._load.slot(start_ns, stop_ns, led_a)

    # ------------------------------------------------------------------------------ interrupt pin

    def _update_pin(self) -> None:
        how = self._get(Register.GPIO_CFG) & 7
        pending = self._get(Register.INT_STATUS_DATA) & self._get(Register.INT_ENABLE_XD)
        shown = self._get(Register.GPIO01) & 0x1F == _INTERRUPT_X and pending != 0
        level = int(shown) if how == _OUTPUT else int(not shown) if how == _INVERTED_OUTPUT else 0
        if level != self._level:
            self._level = level
            if self.on_interrupt is not None:
                self.on_interrupt(level)


def _code(value: float, shift: int, size: int) -> bytes:
    """Return a sum as the FIFO holds it: shifted, limited to its bytes, words swapped."""
    limited = min(max(round(value), 0) >> shift, (1 << 8 * size) - 1)
    return word_swapped(limited, size) if size else b""
