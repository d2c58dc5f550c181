"""The ADS1299, ADS1298 and ADS1292R as firmware sees them: pins and SPI bytes.

One family, one behaviour: what differs is in the part's figures (``boards/parts``) and its register
map (`hil.virtual.afe.maps`). Where the data sheets (section numbers below are those of the
ADS1299's, TI SBAS499C) leave room, the model takes the reading that is stricter with firmware, and
counts in `Ads129x.rules_broken` what a chip would punish now and then.

Over 500 lines: one idea, for each pin and each byte acts on the same few things (what is powered,
what runs, what is being read); what has a state of its own (commands, waits, conversions, inputs,
registers) has a module of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from eegrig.boards import Part
from eegrig.boards.errors import ConfigError
from eegrig.hil.virtual.afe.commands import (
    Command,
    CommandDecoder,
    ReadRegisters,
    WriteRegister,
    delayed_by_a_bit,
)
from eegrig.hil.virtual.afe.converter import Converter
from eegrig.hil.virtual.afe.drdy import Conversions
from eegrig.hil.virtual.afe.inputs import InputStage
from eegrig.hil.virtual.afe.maps import register_map
from eegrig.hil.virtual.afe.power import AfeState, OnAfeState
from eegrig.hil.virtual.afe.register_rules import rules_broken_by_write
from eegrig.hil.virtual.afe.registers import Registers
from eegrig.hil.virtual.afe.rules import Rule
from eegrig.hil.virtual.afe.source import VirtualSignalSource
from eegrig.hil.virtual.afe.timing import ChipClock
from eegrig.hil.virtual.afe.waits import Waits
from eegrig.hil.virtual.clock import Clock

__all__ = ["Ads129x"]

_SPI_MODE = 1
_LOW_DVDD_V = 2.7
# Taken while data are read continuously (9.5.3); everything else waits for SDATAC.
_IN_RDATAC = frozenset({Command.SDATAC, Command.START, Command.STOP})
# After these the chip needs time before the next command.
_DECODED = frozenset({Command.SDATAC, Command.RDATAC, Command.WAKEUP})


class Ads129x:
    """A biopotential front end on the virtual clock.

    Parameters
    ----------
    part : Part
        Its figures (``boards.load_part("ads1299")``); its name says which of the family it is.
    clock : Clock
        The rig's time.
    rng : numpy.random.Generator
        For what differs from chip to chip, and for the noise.
    source : VirtualSignalSource
        What drives the electrodes.
    avdd_v : float or None
        Analogue supply in volts, which channels can measure; None for the part's usual one.
    dvdd_v : float
        Digital supply in volts, which some channels can measure.
    oscillator_error : float or None
        Fraction by which the chip's oscillator is off; None draws one within the limits.
    identity : int or None
        What the ID register holds, for a board with the wrong chip.
    on_state : callable or None
        Called as ``on_state(time_ns, AfeState)`` when what is switched on changes.

    Attributes
    ----------
    oscillator_error : float
        The one drawn or given.
    rules_broken : collections.Counter
        How often firmware broke a rule of the data sheet, by `Rule`.
    exchanges : int
        Transfers on the bus so far, each of which could have broken some.
    """

    def __init__(
        self,
        part: Part,
        *,
        clock: Clock,
        rng: np.random.Generator,
        source: VirtualSignalSource,
        avdd_v: float | None = None,
        dvdd_v: float = 3.0,
        oscillator_error: float | None = None,
        identity: int | None = None,
        on_state: OnAfeState | None = None,
    ) -> None:
        self._part = part
        self._clock = clock
        self._source = source
        self._on_state = on_state
        self.rules_broken: Counter[Rule] = Counter()
        self.exchanges = 0
        constants, noise = rng.spawn(2)
        limit = part["fclk_tolerance"].si
        drawn = float(np.clip(constants.normal(0.0, limit / 3), -limit, limit))
        self.oscillator_error = drawn if oscillator_error is None else oscillator_error
        chip_clock = ChipClock.of(part, self.oscillator_error)
        self._chip_clock = chip_clock
        self._map = register_map(part.name)
        self._one_pin = "reset_is_power_down" in part.figures
        self._held_ns = 0
        self._power_down_ns = chip_clock.ns(part["power_down_time"].value) if self._one_pin else 0.0
        self._nothing = bytes(self._map.frame_bytes)
        self._avdd_v = part["avdd"].si if avdd_v is None else avdd_v
        supply_v = (self._avdd_v, dvdd_v)
        self._inputs = InputStage(part, self._map, constants, supply_v=supply_v)
        self._converter = Converter(
            part, self._inputs, source, chip_clock, constants=constants, noise=noise
        )
        self._registers = Registers(self._map, identity)
        self._conversions = Conversions(clock, chip_clock, self._converter, source, self._registers)
        self._update_ns = chip_clock.ns(part["update_time"].value)
        self._reference_ns = part["vref_start_up"].si * 1e9
        self._sclk_max_hz = part["sclk_max_low" if dvdd_v < _LOW_DVDD_V else "sclk_max"].si
        self._waits = Waits(part, chip_clock, self.rules_broken)
        self._decoder = CommandDecoder()
        self._answer = b""
        self._single_frame: bytes | None = None  # latched by RDATA
        self._cs = self._reset = self._pwdn = 1
        self._start_pin = 0
        self._start_command = False
        self._continuous = True
        self._standby = False
        self._lost = False
        self._state: AfeState | None = None
        source.on_change = self._source_changed
        self._power_up()

    # ----------------------------------------------------------------- what the bench may look at

    @property
    def on_drdy(self) -> Callable[[int], None] | None:
        """Called with the new level at every edge of DRDY; 0 means new data."""
        return self._conversions.on_drdy

    @on_drdy.setter
    def on_drdy(self, callback: Callable[[int], None] | None) -> None:
        self._conversions.on_drdy = callback

    @property
    def drdy(self) -> int:
        """Level of the DRDY pin."""
        return self._conversions.drdy

    def next_drdy_ns(self) -> int | None:
        """Return when DRDY falls next, None while the chip does not convert."""
        return self._conversions.next_ns

    @property
    def rate_sps(self) -> float:
        """Actual data rate, oscillator error included, in samples per second."""
        return 1e9 / self._chip_clock.period_ns(self._registers.rate_sps)

    @property
    def group_delay_ns(self) -> float:
        """Time from an event at the electrodes to the DRDY of the conversion centred on it."""
        return self._chip_clock.window_centre_ns(self._registers.rate_sps)

    @property
    def gain_error(self) -> list[float]:
        """Gain error of each channel as a fraction, reference included."""
        return [float(error) for error in self._converter.gain_error]

    @property
    def offset_v(self) -> list[float]:
        """Offset of each channel in volts, referred to the input."""
        return [float(offset) for offset in self._converter.offset_v]

    def register(self, address: int) -> int:
        """Return a register, without the bus."""
        return self._registers[address]

    # ---------------------------------------------------------------------------- faults and skin

    def set_electrode(self, channel: str, impedance_ohm: float | None) -> None:
        """Set an electrode's skin impedance in ohms; None takes it off.

        Raises
        ------
        ValueError
            If the board has no such channel.
        """
        if channel not in self._source.channels:
            raise ValueError(
                f"no channel {channel!r} on this board; it has {', '.join(self._source.channels)}"
            )
        self._inputs.set_electrode(self._source.channels.index(channel), impedance_ohm)
        self._update_lead_off()
        self._stale(self._clock.now_ns())

    def draw_noise_from(self, rng: np.random.Generator) -> None:
        """Take the noise from another generator; what differs from chip to chip stays."""
        self._converter.draw_noise_from(rng)

    def repeat_at_start(self, seed: int) -> None:
        """Let signal and noise begin anew whenever conversions start, the noise with a seed.

        Two boards that start at different times then convert the same, to the bit.
        """
        self._conversions.seed_at_start = seed

    def set_identity(self, identity: int | None) -> None:
        """Put another chip in its place, by its ID register; None puts the right one back."""
        self._registers.identity = identity
        self._power_up()

    def lose(self) -> None:
        """Make the chip stop converting and answering, as one whose solder joint breaks does."""
        self._conversions.halt()
        self._lost = True

    def restore(self) -> None:
        """Bring a lost chip back, freshly powered."""
        self._lost = False
        self._power_up()

    def drift(self, ppm: float) -> None:
        """Let the chip's oscillator run fast by so many parts per million, on top of its error.

        Raises
        ------
        ConfigError
            While it converts: what is under way keeps its time.
        """
        if self._conversions.running:
            raise ConfigError("the front end converts: let its clock drift between two streams")
        self._chip_clock.drift(ppm)

    # ------------------------------------------------------------------------------------- pins

    def set_cs(self, level: int) -> None:
        """Drive CS; high aborts a command in progress (9.5.1.1)."""
        if level and not self._cs:
            self._waits.cs_rises(self._clock.now_ns())
            if self._decoder.inside or self._answer:
                self.rules_broken[Rule.COMMAND_WHOLE] += 1
            self._deselect()
        elif self._cs and not level:
            self._waits.cs_falls(self._clock.now_ns())
        self._cs = level

    def set_start(self, level: int) -> None:
        """Drive START (9.4.3)."""
        was, self._start_pin = self._start_pin, level
        if level and not was:
            if self._powered and not self._lost:
                self._waits.too_early(self._clock.now_ns())
                self._waits.used()
            self._run()
        elif was and not level and not self._start_command:
            self._conversions.finish()

    def set_reset(self, level: int) -> None:
        """Drive RESET; low holds the chip in reset, high lets it begin (9.4.2)."""
        if self._one_pin:
            self._hold(level)
            return
        was, self._reset = self._reset, level
        now_ns = self._clock.now_ns()
        if not level and was:
            self._waits.reset_begins(now_ns)
            self._conversions.halt()
        elif level and not was and self._pwdn:
            self._waits.reset_ends(now_ns)
            self._initialise()

    def set_pwdn(self, level: int) -> None:
        """Drive PWDN; low takes everything off, high is a power-up (9.4.1)."""
        if self._one_pin:
            self._hold(level)
            return
        was, self._pwdn = self._pwdn, level
        if not level and was:
            self._conversions.halt()
            self._report()
        elif level and not was:
            self._power_up()

    def release(self) -> None:
        """Let go of START and CS, as a processor that is reset does; no rule applies to that."""
        self.set_start(0)
        self._deselect()
        self._cs = 1

    def _hold(self, level: int) -> None:
        """Drive the one pin that is PWDN and RESET (SBAS502C, pin PWDN/RESET).

        A short pulse resets the chip; held low, everything is off, and going high is a power-up.
        """
        now_ns = self._clock.now_ns()
        was, self._pwdn = self._pwdn, level
        if not level and was:
            self._held_ns = now_ns
            self._conversions.halt()
            self._report()
        elif level and not was:
            if now_ns - self._held_ns < self._power_down_ns:
                self._waits.reset_begins(self._held_ns)
                self._waits.reset_ends(now_ns)
                self._initialise()
            else:
                self._power_up()

    @property
    def _powered(self) -> bool:
        return bool(self._pwdn and self._reset)

    def _deselect(self) -> None:
        self._decoder.reset()
        self._answer = b""
        self._single_frame = None
        self._conversions.position = 0

    # -------------------------------------------------------------------------------------- SPI

    def transfer(self, mosi: bytes, *, sck_hz: float, mode: int = _SPI_MODE) -> bytes:
        """Exchange bytes while CS is low, beginning now.

        Parameters
        ----------
        mosi : bytes
            What the controller sends.
        sck_hz : float
            Clock rate; the bytes follow each other without a gap.
        mode : int
            SPI mode 0 to 3; the chip is made for mode 1 (9.5.1).

        Returns
        -------
        bytes
            What comes back, as long as `mosi`.
        """
        self.exchanges += 1
        if self._cs or self._lost:
            return bytes(len(mosi))
        if not self._powered:
            self.rules_broken[Rule.POWERED] += 1
            return bytes(len(mosi))
        if sck_hz > self._sclk_max_hz:
            self.rules_broken[Rule.SCLK_PERIOD] += 1
            return bytes(len(mosi))
        if mode != _SPI_MODE:
            self.rules_broken[Rule.SPI_MODE] += 1
        conversions = self._conversions
        now_ns = self._clock.now_ns()
        next_ns = conversions.next_ns
        if mosi:
            conversions.raise_drdy()  # on the first falling edge of SCLK (9.5.1.4)
        if (
            self._continuous
            and mode == _SPI_MODE
            and mosi == self._nothing
            and conversions.position == 0
        ):  # the one transfer that happens for every sample
            end_ns = now_ns + 8e9 * len(self._nothing) / sck_hz
            if next_ns is None or end_ns <= next_ns - self._update_ns:
                conversions.position = len(self._nothing)
                self._waits.decoding(now_ns)
                self._waits.byte(end_ns)
                return conversions.frame
        if mode == 3:  # DIN is latched on the edge at which the controller still changes it
            mosi = delayed_by_a_bit(mosi)
        miso = self._exchange(mosi, now_ns, 8e9 / sck_hz, next_ns)
        # Any other mode samples DOUT before the edge that shifts it (TI E2E 1543451).
        return miso if mode == _SPI_MODE else delayed_by_a_bit(miso)

    def unread_frame(self) -> bytes:
        """Return what reading a whole frame now, in time before the next update, would give.

        Empty if it would give anything else than the latest conversion.
        """
        if self._cs or self._lost or not self._powered or not self._continuous:
            return b""
        conversions = self._conversions
        if conversions.position or self._answer or self._single_frame is not None:
            return b""
        return conversions.frame

    @property
    def next_ns(self) -> int | None:
        """Time at which the conversion in progress is complete, None if there is none."""
        return self._conversions.next_ns

    def prefetched_frames(self, until_ns: int, most: int) -> tuple[list[int], list[bytes]]:
        """Return times and frames of the next conversions before a time, as far as computed.

        None, if reading one would give anything else, or if they may not all come.
        """
        if self._cs or self._lost or not self._powered or not self._continuous:
            return [], []
        if self._answer or self._single_frame is not None:
            return [], []
        return self._conversions.prefetched(until_ns, most)

    def skip(self, reads_ns: Sequence[int]) -> None:
        """Let the next conversions happen without a word: the firmware handled `prefetched_frames`.

        Parameters
        ----------
        reads_ns : sequence of int
            When it had read each frame, 0 if it did not.
        """
        self._conversions.skip(reads_ns)
        self._waits.last_byte_ns = max(self._waits.last_byte_ns, *reads_ns)
        self.exchanges += sum(read_ns > 0 for read_ns in reads_ns)

    def frame_was_read(self, end_ns: int) -> None:
        """Take note that `unread_frame` was read, until a time before the next update."""
        conversions = self._conversions
        conversions.raise_drdy()
        conversions.position = len(self._nothing)
        self._waits.last_byte_ns = end_ns
        self.exchanges += 1

    def _exchange(self, mosi: bytes, now_ns: int, byte_ns: float, next_ns: int | None) -> bytes:
        out = bytearray()
        waits = self._waits
        for number, byte in enumerate(mosi):
            begin_ns = now_ns + number * byte_ns
            end_ns = begin_ns + byte_ns
            out.append(self._shift_out(begin_ns, end_ns, next_ns))
            close = waits.byte(end_ns)
            if not byte and not self._continuous and not self._decoder.inside:
                continue  # a clock for data: no command
            if byte and waits.too_early(end_ns):
                continue
            if waits.decoding(begin_ns):
                continue
            if self._decoder.inside and close:
                self.rules_broken[Rule.COMMAND_DECODE] += 1
            else:
                self._take(byte, end_ns)
        return bytes(out)

    def _shift_out(self, begin_ns: float, end_ns: float, next_ns: int | None) -> int:
        if self._answer:
            byte, self._answer = self._answer[0], self._answer[1:]
            return byte
        conversions = self._conversions
        if self._single_frame is not None:
            frame = self._single_frame
        elif self._continuous:
            frame = conversions.frame
            if next_ns is not None and end_ns > next_ns - self._update_ns:
                self.rules_broken[Rule.DATA_UPDATE] += 1
                if begin_ns >= next_ns:
                    frame = conversions.peek()
        else:
            return 0
        position, conversions.position = conversions.position, conversions.position + 1
        if position >= len(self._nothing):
            return frame[position % len(self._nothing)] if self._registers.multiple_readback else 0
        return frame[position]

    def _take(self, byte: int, end_ns: float) -> None:
        """Act on a byte received until a time."""
        if self._continuous:
            if byte in _IN_RDATAC:
                self._command(Command(byte), end_ns)
            elif byte:
                self.rules_broken[Rule.RDATAC_SDATAC_FIRST] += 1
            return
        event = self._decoder.feed(byte)
        if event is None:
            if byte and not self._decoder.inside:
                self.rules_broken[Rule.COMMAND_EXISTS] += 1
            return
        if self._standby and event is not Command.WAKEUP:
            self.rules_broken[Rule.STANDBY_WAKEUP_ONLY] += 1
        elif isinstance(event, ReadRegisters):
            self._waits.used()
            if event.address + event.count > len(self._map.names):
                self.rules_broken[Rule.REGISTER_EXISTS] += 1
            self._answer = bytes(self._registers[event.address + i] for i in range(event.count))
        elif isinstance(event, WriteRegister):
            self._waits.used()
            self._write(event.address, event.value)
        else:
            self._command(event, end_ns)

    def _command(self, command: Command, end_ns: float) -> None:
        conversions = self._conversions
        if command not in (Command.SDATAC, Command.RESET):
            self._waits.used()
        if command in _DECODED:
            self._waits.decode(end_ns)
        if command in (Command.START, Command.STOP) and self._start_pin:
            self.rules_broken[Rule.START_COMMAND_PIN_LOW] += 1
        if command is Command.WAKEUP:
            if self._standby:
                self._standby = False
                self._waits.wake(self._clock.now_ns())
                self._report()
                self._resume()
        elif command is Command.STANDBY:
            self._standby = True
            self._start_command = False
            conversions.halt()
            self._report()
        elif command is Command.RESET:
            self._waits.reset(round(end_ns))
            self._initialise()
        elif command is Command.START:
            self._start_command = True
            self._run()
        elif command is Command.STOP:
            self._start_command = False
            if not self._start_pin:
                conversions.finish()
        elif command is Command.RDATAC:
            if conversions.edge_within(end_ns, self._update_ns):
                self.rules_broken[Rule.RDATAC_AWAY_FROM_DRDY] += 1
            self._continuous, conversions.position = True, 0
        elif command is Command.SDATAC:
            self._continuous = False
        elif command is Command.RDATA:
            self._single_frame, conversions.position = conversions.frame, 0
        elif command is Command.OFFSETCAL:
            self._calibrate()

    def _calibrate(self) -> None:
        """Cancel the offset of the channels (SBAS502C, OFFSETCAL); only some parts can."""
        if self._map.calibration_on is None:
            self.rules_broken[Rule.COMMAND_EXISTS] += 1
        elif not self._registers.is_set(self._map.calibration_on):
            self.rules_broken[Rule.CALIBRATION_ON] += 1
        else:
            self._converter.cancel_offset()
            self._stale(self._clock.now_ns())

    def _write(self, address: int, value: int) -> None:
        registers = self._registers
        reference_was_on = registers.is_set(self._map.reference_on)
        changed = registers.write(address, value)
        self.rules_broken.update(
            rules_broken_by_write(registers, address, value, avdd_v=self._avdd_v)
        )
        if not changed:
            return
        now_ns = self._clock.now_ns()
        reference_on = registers.is_set(self._map.reference_on)
        if reference_on != reference_was_on:
            self._converter.reference_on_ns = now_ns if reference_on else None
        self._update_lead_off()
        self._stale(now_ns)
        self._report()
        if address == self._map.config1 and self._conversions.running:
            self._conversions.begin(now_ns)  # a new CONFIG1 resets the digital filter (9.4.2)

    # ----------------------------------------------------------------------- starting and state

    def _run(self) -> None:
        self._conversions.keep_on()
        if not self._conversions.running:
            self._resume()

    def _resume(self) -> None:
        """Begin converting if anything asks for it."""
        powered = self._powered and not self._standby and not self._lost
        if not powered or not (self._start_pin or self._start_command):
            return
        now_ns = self._clock.now_ns()
        reference_on_ns = self._converter.reference_on_ns
        if reference_on_ns is not None and now_ns < reference_on_ns + self._reference_ns:
            self.rules_broken[Rule.REFERENCE_WAIT] += 1
        self._conversions.begin(max(now_ns, self._waits.ready_ns))

    def _power_up(self) -> None:
        """Begin anew, with the supplies just there (11.1)."""
        self._waits.power_up(self._clock.now_ns())
        self._initialise()

    def _initialise(self) -> None:
        """Put the chip into its state after a reset (9.4.2)."""
        now_ns = self._clock.now_ns()
        self._conversions.halt()
        self._conversions.forget()
        self._registers.reset()
        self._decoder.reset()
        self._answer = b""
        self._single_frame = None
        self._continuous = True
        self._standby = False
        self._start_command = False
        self._converter.epoch_ns = now_ns
        self._converter.reference_on_ns = None
        self._stale(now_ns)
        self._report()
        self._resume()

    def _stale(self, now_ns: int) -> None:
        self._converter.forget_after(now_ns)
        self._conversions.make_stale()

    def _source_changed(self, now_ns: int) -> None:
        if self._source.origin_ns == now_ns:
            self._converter.forget()
        self._stale(now_ns)

    def _update_lead_off(self) -> None:
        positive, negative = self._inputs.lead_off_status(self._registers)
        self._registers.set_lead_off_status(positive, negative)

    def _report(self) -> None:
        if self._on_state is None:
            return
        if not self._pwdn:
            state = AfeState("power_down", 0)
        elif self._standby:
            state = AfeState("standby", 0)
        else:
            registers = self._registers
            state = AfeState(
                "on",
                sum(settings.powered for settings in registers.channels()),
                registers.is_set(self._map.bias_on),
                registers.is_set(self._map.comparators_on),
                registers.high_resolution,
            )
        if state != self._state:
            self._state = state
            self._on_state(self._clock.now_ns(), state)
