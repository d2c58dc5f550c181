"""What the firmware reaches through ``machine``: the board's wiring.

Answers the requests of an `Interpreter` with the models of the chip, the front end, the battery and
(through `hil.virtual.micropython.ble`) the radio. A bus knows which pin goes where and nothing of
what lies behind it. Other models are wired to it by their pins: `Bus.connect_output`, `Bus.drive`,
`Bus.add_spi` and `Bus.add_i2c`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from eegrig.boards.ports import board_runtime
from eegrig.boards.ports.pins import pin_number
from eegrig.boards.schema import Board
from eegrig.hil.virtual.chip.signals import BusFault, PowerLost
from eegrig.hil.virtual.clock import NS_PER_S, Clock
from eegrig.hil.virtual.micropython import rpc
from eegrig.hil.virtual.micropython.ble import BleRequests
from eegrig.hil.virtual.micropython.interpreter import Interpreter
from eegrig.hil.virtual.micropython.peripherals import Answer, Later, Prefetched
from eegrig.hil.virtual.micropython.rpc import Op, Request
from eegrig.hil.virtual.micropython.timers import Timers

__all__ = ["Bus", "FlashMemory", "I2cDevice", "SpiDevice", "SpiTransfers"]

SleepMode = Literal["idle", "light", "deep"]
_AFE_MODE = 1
_FALLING = 2
_RISING = 1
_PULL_UP = 1
_ADC_PINS = 1000  # an ADC channel named by a pin is that pin's number plus this
_I2C_BITS_PER_BYTE = 9
_I2C_WRITES = 1 << 30


class FlashMemory(Protocol):
    """The chip's flash memory, as its own CPU programs it."""

    def program(self, address: int, data: bytes) -> int:
        """Clear bits; return the time it takes in nanoseconds."""
        ...

    def erase_page(self, address: int) -> int:
        """Set a page to ones; return the time it takes in nanoseconds."""
        ...

    def program_ns(self, size: int) -> int:
        """Return how long programming so many bytes takes, if none is left out."""
        ...


class SpiTransfers(Protocol):
    """A device on an SPI bus."""

    def transfer(self, mosi: bytes, *, sck_hz: float, mode: int = 1) -> bytes:
        """Exchange bytes."""
        ...


class SpiDevice(SpiTransfers, Protocol):
    """A front end on the SPI bus."""

    on_drdy: Callable[[int], None] | None

    @property
    def drdy(self) -> int:
        """Level of the data-ready line."""
        ...

    def unread_frame(self) -> bytes:
        """Return what reading a whole frame would give now; empty if that is not sure."""
        ...

    def prefetched_frames(self, until_ns: int, most: int) -> tuple[list[int], list[bytes]]:
        """Return when the next conversions before a time are complete, and their frames."""
        ...

    @property
    def next_ns(self) -> int | None:
        """Time at which the conversion in progress is complete, None if there is none."""
        ...

    def skip(self, reads_ns: Sequence[int]) -> None:
        """Let the next conversions happen without a word, read when told; 0: not."""
        ...

    def frame_was_read(self, end_ns: int) -> None:
        """Take note that the frame was read, until `end_ns`."""
        ...

    def set_cs(self, level: int) -> None:
        """Set the chip select line."""
        ...

    def set_start(self, level: int) -> None:
        """Set the START line."""
        ...

    def set_reset(self, level: int) -> None:
        """Set the RESET line."""
        ...

    def set_pwdn(self, level: int) -> None:
        """Set the PWDN line."""
        ...


class I2cDevice(Protocol):
    """A device on an I2C bus."""

    def i2c_write(self, data: bytes) -> bool:
        """Take what the controller writes; False: not acknowledged."""
        ...

    def i2c_read(self, n: int) -> bytes:
        """Return the next `n` bytes."""
        ...


@dataclass
class _Interrupt:
    trigger: int
    slot: int


@dataclass
class _Selected:
    """A further SPI device and the level of its chip select."""

    bus: int
    device: SpiTransfers
    level: int = 1


class Bus:
    """The wiring of one board.

    Parameters
    ----------
    board : Board
    clock : Clock
    afe : SpiDevice
    flash : FlashMemory
    ble : BleRequests
        The board's radio.
    random : numpy.random.Generator
        The chip's: the same in every run of a seed, and it goes on over resets.
    battery_v : callable
        Returns the battery's voltage in volts.
    cpu_active : callable
        Called with start and stop in nanoseconds whenever the CPU was running.
    edge_interrupts : callable
        Called with ``armed=`` True or False: whether pins may interrupt the CPU.
    set_sleep : callable or None
        Called with how the CPU waits from now on: ``"light"`` while ``machine.lightsleep`` lasts,
        ``"deep"`` from ``machine.deepsleep`` to the reset that ends it, else ``"idle"``.
    on_pwm : callable or None
        Called with pin number, frequency in hertz and duty cycle (0 to 1) of a PWM output.

    Attributes
    ----------
    runtime : Runtime
        What the board runs.
    """

    def __init__(
        self,
        board: Board,
        clock: Clock,
        *,
        afe: SpiDevice,
        flash: FlashMemory,
        ble: BleRequests,
        random: np.random.Generator,
        battery_v: Callable[[], float],
        cpu_active: Callable[[int, int], None],
        edge_interrupts: Callable[..., None],
        set_sleep: Callable[[SleepMode], None] | None = None,
        on_pwm: Callable[[int, int, float], None] | None = None,
    ) -> None:
        self._clock = clock
        self._afe = afe
        self._flash = flash
        self._battery_v = battery_v
        self._divider = board.battery.divider
        self.cpu_active = cpu_active
        self._edge_interrupts = edge_interrupts
        self._set_sleep = set_sleep
        self._on_pwm = on_pwm
        self.runtime = board_runtime(board)
        pins = board.afe.pins
        self._outputs: dict[int, list[Callable[[int], None]]] = {}
        self._drivers: dict[int, Callable[[], int]] = {}
        self.connect_output(pins.cs, afe.set_cs)
        self.connect_output(pins.start, afe.set_start)
        self.connect_output(pins.reset, afe.set_reset)
        if pins.pwdn is not None:
            self.connect_output(pins.pwdn, afe.set_pwdn)
        self._drdy_pin = self._number(pins.drdy)
        self._drivers[self._drdy_pin] = lambda: afe.drdy
        self._battery_channel = self._adc_channel(pins.battery)
        self._levels: dict[int, int] = {}
        self._spi_mode = 0
        self._spi_devices: list[_Selected] = []
        self._i2c: dict[tuple[int, int], I2cDevice] = {}
        self._interrupts: dict[int, _Interrupt] = {}
        self._interpreter: Interpreter | None = None
        self._timers = Timers(clock, self._on_timer, self._reset)
        self._ble = ble
        afe.on_drdy = self._on_drdy
        self._handlers: dict[int, Callable[[Request], Answer]] = {
            Op.SPI: self._spi,
            Op.PIN_WRITE: self._pin_write,
            Op.PIN_READ: self._pin_read,
            Op.PIN_IRQ: self._pin_irq,
            Op.ADC: self._adc,
            Op.FLASH_ERASE: self._flash_erase,
            Op.FLASH_WRITE: self._flash_write,
            Op.WDT: self._timers.feed,
            Op.TIMER: self._timers.set,
            Op.SLEEP_RESET: self._deep_sleep,
            Op.I2C: self._i2c_exchange,
            Op.PWM: self._pwm,
            Op.RANDOM: lambda request: random.bytes(request.a),
            **ble.handlers,
        }

    def attach(self, interpreter: Interpreter) -> None:
        """Send interrupts and events to this interpreter, which has just been reset."""
        self._interpreter = interpreter
        self._interrupts.clear()
        self._levels.clear()
        self._timers.clear()
        self._ble.attach(interpreter)
        self._sleep("idle")
        self._edge_interrupts(armed=False)

    def _number(self, pin: str) -> int:
        return pin_number(pin, self.runtime.pins)

    # ------------------------------------------------------------------ further models
    def connect_output(self, pin: str, on_level: Callable[[int], None]) -> None:
        """Call `on_level` with 0 or 1 whenever the firmware sets that pin."""
        self._outputs.setdefault(self._number(pin), []).append(on_level)

    def drive(self, pin: str, level: Callable[[], int]) -> Callable[[int], None]:
        """Let a model drive a pin.

        Parameters
        ----------
        pin : str
            As in ``board.toml``.
        level : callable
            Returns the level at this time.

        Returns
        -------
        callable
            To be called with the new level at each edge.
        """
        number = self._number(pin)
        self._drivers[number] = level
        return lambda new: self._on_edge(number, new)

    def add_spi(self, bus: str, cs: str, device: SpiTransfers) -> None:
        """Wire a further device to an SPI bus; it answers while its chip select is low."""
        selected = _Selected(_bus_number(bus), device)
        self._spi_devices.append(selected)
        self.connect_output(cs, lambda level: setattr(selected, "level", level))

    def add_i2c(self, bus: str, address: int, device: I2cDevice) -> None:
        """Wire a device to an I2C bus (``"i2c0"``) under a 7-bit address."""
        self._i2c[_bus_number(bus), address] = device

    # ------------------------------------------------------------------ requests
    def request(self, request: Request) -> Answer:
        """Answer a request; an operation the board lacks answers ENODEV."""
        handler = self._handlers.get(request.op)
        if handler is None:
            return -errno.ENODEV
        return handler(request)

    @property
    def heap_bytes(self) -> int:
        """What of MicroPython's heap the port's own code holds."""
        return self._ble.heap_bytes

    def cpu_stopped(self, *, stopped: bool) -> None:
        """Take note that all clocks stand still, or run again."""
        if self.runtime.system.lightsleep_stops_ticks:
            self._timers.stop_clocks(stopped=stopped)
        self._sleep("light" if stopped else "idle")

    def _sleep(self, mode: SleepMode) -> None:
        if self._set_sleep is not None:
            self._set_sleep(mode)

    def read_ahead(self) -> bytes:
        """Return what the front end would send if it were read now."""
        return self._afe.unread_frame() if self._spi_mode == _AFE_MODE else b""

    def prefetched(self, until_ns: int) -> Prefetched:
        """Return the conversions to come that do nothing but raise the interrupt of DRDY."""
        next_ns = self._afe.next_ns
        interrupt = self._interrupts.get(self._drdy_pin)
        if (
            next_ns is None
            or next_ns >= until_ns
            or interrupt is None
            or interrupt.trigger != _FALLING
            or self._spi_mode != _AFE_MODE
        ):
            return Prefetched(next_ns)
        times_ns, frames = self._afe.prefetched_frames(until_ns, rpc.MAX_PREFETCHED)
        if frames:
            most = (rpc.IRQ_AT - rpc.FRAMES_AT) // len(frames[0])
            del times_ns[most:], frames[most:]
        return Prefetched(next_ns, interrupt.slot, times_ns, frames)

    def skip(self, reads_ns: Sequence[int]) -> None:
        """Let the next conversions happen without an interrupt."""
        self._afe.skip(reads_ns)

    def was_read(self, end_ns: int) -> None:
        """Take note that it was."""
        self._afe.frame_was_read(end_ns)

    # ------------------------------------------------------------------ buses
    def _spi(self, request: Request) -> Answer:
        sck_hz = request.b
        mode = request.a & 3
        device: SpiTransfers = self._afe
        for selected in self._spi_devices:
            if selected.level == 0 and selected.bus == request.a >> 8:
                device = selected.device
        self._spi_mode = mode if device is self._afe else 0
        answer = device.transfer(request.payload, sck_hz=sck_hz, mode=mode)
        return Later(answer, request.size * 8 * NS_PER_S // sck_hz)

    def _i2c_exchange(self, request: Request) -> Answer:
        address, n_read, frequency_hz = request.b & 0x7F, request.b >> 8 & 0xFFFF, request.c
        number = request.a
        device = self._i2c.get((number, address))
        if number < 0:  # bit-banged: its pins are not a bus's, there is one such bus at most
            device = next((d for (_, a), d in self._i2c.items() if a == address), None)
        writes = bool(request.b & _I2C_WRITES)
        n_bytes = 1
        answer: int | bytes = -errno.ENODEV
        if device is not None:
            n_bytes += request.size + (n_read + 1 if writes and n_read else n_read)
            if not writes or device.i2c_write(request.payload):
                answer = device.i2c_read(n_read) if n_read else 0
            else:
                answer = -errno.EIO
        return Later(answer, n_bytes * _I2C_BITS_PER_BYTE * NS_PER_S // frequency_hz)

    # ------------------------------------------------------------------ pins
    def _pin_write(self, request: Request) -> int:
        self._levels[request.a] = request.b
        for output in self._outputs.get(request.a, ()):
            output(request.b)
        return 0

    def _pin_read(self, request: Request) -> int:
        driver = self._drivers.get(request.a)
        if driver is not None:
            return driver()
        return self._levels.get(request.a, 1 if request.b == _PULL_UP else 0)

    def _pin_irq(self, request: Request) -> int:
        if request.b:
            self._interrupts[request.a] = _Interrupt(request.b, request.c)
        else:
            self._interrupts.pop(request.a, None)
        self._edge_interrupts(armed=bool(self._interrupts))
        return 0

    def _on_drdy(self, level: int) -> None:
        self._on_edge(self._drdy_pin, level)

    def _on_edge(self, pin: int, level: int) -> None:
        interrupt = self._interrupts.get(pin)
        if (
            interrupt is not None
            and self._interpreter is not None
            and interrupt.trigger & (_RISING if level else _FALLING)
        ):
            self._interpreter.interrupt(interrupt.slot)

    def _pwm(self, request: Request) -> int:
        if self._on_pwm is not None:
            self._on_pwm(request.a, request.b, request.c / 65535)
        return 0

    # ------------------------------------------------------------------ ADC, flash, timers
    def _adc_channel(self, name: str) -> int:
        """Return the channel of ``"adc:0"``, or of a pin, as the shim sends it."""
        device, _, channel = name.partition(":")
        if device.startswith("adc"):
            return int(channel)
        return _ADC_PINS + self._number(name)

    def _adc(self, request: Request) -> int:
        if request.a != self._battery_channel:
            return 0
        return round(self._battery_v() / self._divider * 1e6)

    def _flash_erase(self, request: Request) -> Answer:
        return Later(0, self._flash.erase_page(request.a))

    def _flash_write(self, request: Request) -> Answer:
        try:
            busy_ns = self._flash.program(request.a, request.payload)
            # b: what is to stay erased is programmed, too.
            return Later(0, self._flash.program_ns(request.size) if request.b else busy_ns)
        except BusFault:  # a double word that is not erased, or an address that is no flash
            return -errno.EIO
        except PowerLost:  # nobody is there to be answered
            return None

    def _on_timer(self, slot: int) -> None:
        if self._interpreter is not None and self._interpreter.alive:
            self._interpreter.interrupt(slot)
        else:
            self._timers.clear()

    def _deep_sleep(self, request: Request) -> None:
        """Switch everything off; the firmware gets no answer, it starts anew."""
        self._interrupts.clear()
        self._edge_interrupts(armed=False)
        self._ble.switch_off()
        self._timers.deep_sleep(request.a)
        self._sleep("deep")

    def _reset(self, cause: int) -> None:
        interpreter = self._interpreter
        if interpreter is None or not interpreter.alive or interpreter.on_reset is None:
            return
        self._sleep("idle")
        interpreter.on_reset(cause)


def _bus_number(name: str) -> int:
    """Return 1 for ``spi1`` or ``i2c1``."""
    return int("".join(character for character in name[3:] if character.isdigit()) or 0)
