"""What the firmware reaches through ``machine`` and ``bluetooth``: the board's wiring.

Answers the requests of an `Interpreter` with the models of the chip, the front end, the battery and
the radio. A bus knows which pin goes where and nothing of what lies behind it.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from boards.errors import ConfigError
from boards.schema import Board
from hil.virtual.clock import NS_PER_S, Clock
from hil.virtual.micropython.interpreter import Answer, Interpreter, Later
from hil.virtual.micropython.rpc import Op, Request
from hil.virtual.radio import (
    CentralConnected,
    CentralDisconnected,
    Peripheral,
    PeripheralEvent,
    Written,
)

__all__ = ["Bus", "FlashMemory", "SpiDevice"]

_AFE_MODE = 1
_FALLING = 2
_RISING = 1
_IRQ_CENTRAL_CONNECT = 1
_IRQ_CENTRAL_DISCONNECT = 2
_IRQ_GATTS_WRITE = 3
_EVENT = struct.Struct("<BHHB6s")


class FlashMemory(Protocol):
    """The chip's flash memory, as its own CPU programs it."""

    def program(self, address: int, data: bytes) -> int:
        """Clear bits; return the time it takes in nanoseconds."""
        ...

    def erase_page(self, address: int) -> int:
        """Set a page to ones; return the time it takes in nanoseconds."""
        ...


class SpiDevice(Protocol):
    """A front end on the SPI bus."""

    on_drdy: Callable[[int], None] | None

    @property
    def drdy(self) -> int:
        """Level of the data-ready line."""
        ...

    def transfer(self, mosi: bytes, *, sck_hz: float, mode: int = 1) -> bytes:
        """Exchange bytes."""
        ...

    def unread_frame(self) -> bytes:
        """Return what reading a whole frame would give now; empty if that is not sure."""
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


@dataclass
class _Interrupt:
    trigger: int
    slot: int


class Bus:
    """The wiring of one board.

    Parameters
    ----------
    board : Board
    clock : Clock
    afe : SpiDevice
    flash : FlashMemory
    peripheral : Peripheral
        The board's BLE host.
    battery_v : callable
        Returns the battery's voltage in volts.
    cpu_active : callable
        Called with start and stop in nanoseconds whenever the CPU was running.
    edge_interrupts : callable
        Called with ``armed=`` True or False: whether pins may interrupt the CPU.
    """

    def __init__(
        self,
        board: Board,
        clock: Clock,
        *,
        afe: SpiDevice,
        flash: FlashMemory,
        peripheral: Peripheral,
        battery_v: Callable[[], float],
        cpu_active: Callable[[int, int], None],
        edge_interrupts: Callable[..., None],
    ) -> None:
        self._clock = clock
        self._afe = afe
        self._flash = flash
        self._peripheral = peripheral
        self._battery_v = battery_v
        self._divider = board.battery.divider
        self.cpu_active = cpu_active
        self._edge_interrupts = edge_interrupts
        pins = board.afe.pins
        self._outputs: dict[int, Callable[[int], None]] = {
            _pin_number(pins.cs): afe.set_cs,
            _pin_number(pins.start): afe.set_start,
            _pin_number(pins.reset): afe.set_reset,
        }
        if pins.pwdn is not None:
            self._outputs[_pin_number(pins.pwdn)] = afe.set_pwdn
        self._drdy_pin = _pin_number(pins.drdy)
        self._levels: dict[int, int] = {}
        self._spi_mode = 0
        self._interrupts: dict[int, _Interrupt] = {}
        self._interpreter: Interpreter | None = None
        afe.on_drdy = self._on_drdy
        peripheral.on_event = self._on_radio_event
        peripheral.on_tx_space = self._on_tx_space
        self._handlers: dict[int, Callable[[Request], Answer]] = {
            Op.SPI: self._spi,
            Op.PIN_WRITE: self._pin_write,
            Op.PIN_READ: self._pin_read,
            Op.PIN_IRQ: self._pin_irq,
            Op.ADC: self._adc,
            Op.FLASH_ERASE: self._flash_erase,
            Op.FLASH_WRITE: self._flash_write,
            Op.WDT: lambda request: 0,
            Op.BLE_ACTIVE: self._ble_active,
            Op.BLE_REGISTER: self._ble_register,
            Op.BLE_ADVERTISE: self._ble_advertise,
            Op.BLE_READ: self._ble_read,
            Op.BLE_WRITE: self._ble_write,
            Op.BLE_BUFFER: self._ble_buffer,
            Op.BLE_NOTIFY: self._ble_notify,
            Op.BLE_DISCONNECT: self._ble_disconnect,
        }

    def attach(self, interpreter: Interpreter) -> None:
        """Send interrupts and events to this interpreter, which has just been reset."""
        self._interpreter = interpreter
        self._interrupts.clear()
        self._levels.clear()
        self._edge_interrupts(armed=False)

    def request(self, request: Request) -> Answer:
        """Answer a request; an operation the board lacks answers ENODEV."""
        handler = self._handlers.get(request.op)
        if handler is None:
            return -errno.ENODEV
        return handler(request)

    def read_ahead(self) -> bytes:
        """Return what the front end would send if it were read now."""
        return self._afe.unread_frame() if self._spi_mode == _AFE_MODE else b""

    def was_read(self, end_ns: int) -> None:
        """Take note that it was."""
        self._afe.frame_was_read(end_ns)

    # ------------------------------------------------------------------ pins, SPI, ADC, flash
    def _spi(self, request: Request) -> Answer:
        sck_hz = request.b
        self._spi_mode = request.a & 3
        answer = self._afe.transfer(request.payload, sck_hz=sck_hz, mode=request.a & 3)
        return Later(answer, request.size * 8 * NS_PER_S // sck_hz)

    def _pin_write(self, request: Request) -> int:
        self._levels[request.a] = request.b
        output = self._outputs.get(request.a)
        if output is not None:
            output(request.b)
        return 0

    def _pin_read(self, request: Request) -> int:
        if request.a == self._drdy_pin:
            return self._afe.drdy
        return self._levels.get(request.a, 0)

    def _pin_irq(self, request: Request) -> int:
        if request.b:
            self._interrupts[request.a] = _Interrupt(request.b, request.c)
        else:
            self._interrupts.pop(request.a, None)
        self._edge_interrupts(armed=bool(self._interrupts))
        return 0

    def _on_drdy(self, level: int) -> None:
        interrupt = self._interrupts.get(self._drdy_pin)
        if (
            interrupt is not None
            and self._interpreter is not None
            and interrupt.trigger & (_RISING if level else _FALLING)
        ):
            self._interpreter.interrupt(interrupt.slot)

    def _adc(self, request: Request) -> int:
        return round(self._battery_v() / self._divider * 1e6)

    def _flash_erase(self, request: Request) -> Answer:
        return Later(0, self._flash.erase_page(request.a))

    def _flash_write(self, request: Request) -> Answer:
        return Later(0, self._flash.program(request.a, request.payload))

    # ------------------------------------------------------------------ BLE
    async def _ble_active(self, request: Request) -> int:
        if request.a:
            await self._peripheral.activate()
        else:
            self._peripheral.deactivate()
        return 0

    def _ble_register(self, request: Request) -> int | bytes:
        try:
            handles = self._peripheral.register_services(_services(request.payload))
        except OSError as error:
            return _negative(error)
        flat = [handle for service in handles for handle in service]
        return struct.pack(f"<{len(flat)}H", *flat)

    def _ble_advertise(self, request: Request) -> int:
        interval_us = None if request.a < 0 else request.a
        payload = request.payload
        size = payload[0]
        try:
            self._peripheral.advertise(
                interval_us,
                payload[1 : 1 + size],
                payload[1 + size :],
                connectable=bool(request.b),
            )
        except (OSError, ConfigError) as error:
            return _negative(error)
        return 0

    def _ble_read(self, request: Request) -> int | bytes:
        try:
            return self._peripheral.gatts_read(request.a)
        except OSError as error:
            return _negative(error)

    def _ble_write(self, request: Request) -> int:
        try:
            self._peripheral.gatts_write(request.a, request.payload)
        except OSError as error:
            return _negative(error)
        return 0

    def _ble_buffer(self, request: Request) -> int:
        try:
            self._peripheral.set_buffer(request.a, request.b, append=bool(request.c))
        except OSError as error:
            return _negative(error)
        return 0

    def _ble_notify(self, request: Request) -> int | None:
        try:
            taken = self._peripheral.try_notify(request.a, request.b, request.payload)
        except OSError as error:
            return _negative(error)
        return 0 if taken else None

    def _ble_disconnect(self, request: Request) -> int:
        return int(self._peripheral.gap_disconnect(request.a))

    def _on_tx_space(self) -> None:
        if self._interpreter is not None:
            self._interpreter.release()

    def _on_radio_event(self, event: PeripheralEvent) -> None:
        if self._interpreter is None or not self._interpreter.alive:
            return
        if isinstance(event, Written):
            data = _EVENT.pack(_IRQ_GATTS_WRITE, event.connection, event.handle, 0, bytes(6))
        elif isinstance(event, CentralConnected | CentralDisconnected):
            kind = (
                _IRQ_CENTRAL_CONNECT
                if isinstance(event, CentralConnected)
                else _IRQ_CENTRAL_DISCONNECT
            )
            data = _EVENT.pack(kind, event.connection, 0, event.address_type, event.address)
        else:
            return
        self._interpreter.ble_event(data)


def _negative(error: Exception) -> int:
    """Return what the shim raises as an OSError."""
    return -(getattr(error, "errno", None) or errno.EINVAL)


def _pin_number(pin: str) -> int:
    """Return the number that the shim sends for ``gpio0:15``."""
    port, _, number = pin.partition(":")
    return int(port.removeprefix("gpio")) * 32 + int(number)


def _services(
    payload: bytes,
) -> list[tuple[bytes, list[tuple[bytes, int, list[tuple[bytes, int]]]]]]:
    """Decode the services that the shim's ``gatts_register_services`` sent."""
    at = 0

    def byte() -> int:
        nonlocal at
        at += 1
        return payload[at - 1]

    def uuid() -> bytes:
        nonlocal at
        size = byte()
        at += size
        return payload[at - size : at]

    def flags() -> int:
        return byte() | byte() << 8

    services = []
    for _ in range(byte()):
        service = uuid()
        characteristics = []
        for _ in range(byte()):
            characteristic = uuid()
            bits = flags()
            descriptors = [(uuid(), flags()) for _ in range(byte())]
            characteristics.append((characteristic, bits, descriptors))
        services.append((service, characteristics))
    return services
