"""What the firmware reaches through ``bluetooth``: requests to the radio, and its events."""

from __future__ import annotations

import asyncio
import errno
import functools
import struct
from collections.abc import Callable
from typing import Any

from bumble import hci
from bumble.keys import KeyStore
from bumble.pairing import PairingConfig

from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import BluetoothFacts
from eegrig.hil.virtual.board_bluetooth.channels import Channels
from eegrig.hil.virtual.board_bluetooth.gatt_client import GattClient
from eegrig.hil.virtual.board_bluetooth.irq import Irq, encode
from eegrig.hil.virtual.board_bluetooth.observer import Observer
from eegrig.hil.virtual.board_bluetooth.own_address import AddressMode
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral
from eegrig.hil.virtual.board_bluetooth.peripheral_events import (
    CentralConnected,
    CentralDisconnected,
    IndicateDone,
    MtuExchanged,
    PeripheralEvent,
    Written,
)
from eegrig.hil.virtual.board_bluetooth.peripheral_user import PeripheralUser
from eegrig.hil.virtual.board_bluetooth.security import RequestedSecurity, Security
from eegrig.hil.virtual.micropython.heap.prices import PORT_BLOCK
from eegrig.hil.virtual.micropython.interpreter import Interpreter
from eegrig.hil.virtual.micropython.peripherals import Answer
from eegrig.hil.virtual.micropython.rpc import Op, Request

__all__ = ["BleRequests"]

Handler = Callable[[Request], Answer]


def _errors_as_numbers(method: Callable[[Any, Request], Answer]) -> Callable[..., Answer]:
    """Answer what the shim raises as an OSError."""

    @functools.wraps(method)
    def answer(self: BleRequests, request: Request) -> Answer:
        try:
            return method(self, request)
        except (OSError, ConfigError) as error:
            return self.negative(error)

    return answer


class _Notifying:
    """A notification that the port waits with."""

    taken = False


class BleRequests(PeripheralUser):
    """The radio of one board as its port's firmware sees it.

    Parameters
    ----------
    rules : BluetoothFacts
        How the runtime behaves.
    make_peripheral : callable
        Makes the board's BLE host for its user.

    Attributes
    ----------
    peripheral : Peripheral
        The board's BLE host.
    """

    def __init__(
        self, rules: BluetoothFacts, make_peripheral: Callable[[PeripheralUser], Peripheral]
    ) -> None:
        self.peripheral = peripheral = make_peripheral(self)
        self._rules = rules
        self._interpreter: Interpreter | None = None
        self._questions: dict[int, asyncio.Future[int | bytes | None]] = {}
        self._last_question = 0
        self._notifying: _Notifying | None = None
        self._preferred_mtu = rules.preferred_att_mtu
        self.handlers: dict[int, Handler] = {
            Op.BLE_ACTIVE: self._active,
            Op.BLE_REGISTER: self._register,
            Op.BLE_ADVERTISE: self._advertise,
            Op.BLE_READ: self._read,
            Op.BLE_WRITE: self._write,
            Op.BLE_BUFFER: self._buffer,
            Op.BLE_NOTIFY: self._notify,
            Op.BLE_DISCONNECT: self._disconnect,
            Op.BLE_ANSWER: self._answer,
            Op.BLE_INDICATE: self._indicate,
            Op.BLE_CONFIG: self._config,
            Op.BLE_SCAN: self._scan,
        }
        self._observer = Observer(peripheral, self.emit, clamps=not rules.gatt_client)
        self._client = GattClient(peripheral, self.emit) if rules.gatt_client else None
        if rules.gatt_client:
            self.handlers |= {
                Op.BLE_CONNECT: self._connect,
                Op.BLE_DISCOVER: self._discover,
                Op.BLE_REMOTE_READ: self._remote_read,
                Op.BLE_REMOTE_WRITE: self._remote_write,
                Op.BLE_EXCHANGE_MTU: self._exchange_mtu,
            }
        self._security = Security(peripheral, self.emit, self.ask) if rules.pairing else None
        if self._security is not None:
            self.handlers |= {Op.BLE_PAIR: self._pair, Op.BLE_PASSKEY: self._passkey}
        self._channels = Channels(peripheral, self.emit, self.ask) if rules.l2cap_channels else None
        if self._channels is not None:
            self.handlers[Op.BLE_CHANNEL] = functools.partial(self._channel, self._channels)

    # ------------------------------------------------------------------ life
    def attach(self, interpreter: Interpreter) -> None:
        """Send events to this interpreter, which has just been reset."""
        self._forget()
        self._interpreter = interpreter
        self._preferred_mtu = self._rules.preferred_att_mtu

    def switch_off(self) -> None:
        """Switch the radio off, as a loss of power does."""
        self._forget()
        self.peripheral.deactivate()

    def _forget(self) -> None:
        for future in self._questions.values():
            future.cancel()
        self._questions.clear()
        self._notifying = None
        self._observer.reset()
        if self._client is not None:
            self._client.reset()
        if self._security is not None:
            self._security.reset()
        if self._channels is not None:
            self._channels.reset()

    @property
    def heap_bytes(self) -> int:
        """What the port's code takes of MicroPython's heap."""
        if not self.peripheral.active:
            return 0
        rules, (services, limits) = self._rules, self.peripheral.registered
        values = sum(
            -(-limit // PORT_BLOCK) * PORT_BLOCK + rules.heap_bytes_value for limit in limits
        )
        return rules.heap_bytes_active + services * rules.heap_bytes_service + values

    def negative(self, error: Exception) -> int:
        """Return what the shim raises as an OSError, in the numbers of the port."""
        number = getattr(error, "errno", None) or errno.EINVAL
        if number == errno.ENOENT and self._rules.gatt_client:
            number = errno.ENOTCONN  # NimBLE's word for it
        return -int(number)

    # ------------------------------------------------------------------ events
    def emit(self, irq: int, *fields: Any) -> None:
        """Tell the firmware's handler of an event."""
        if self._interpreter is not None and self._interpreter.alive:
            self._interpreter.ble_event(encode(irq, fields))

    def ask(self, irq: int, *fields: Any) -> asyncio.Future[int | bytes | None]:
        """Tell the firmware's handler of an event now; what comes is what the handler returned.

        None if there is no handler.
        """
        interpreter = self._interpreter
        future: asyncio.Future[int | bytes | None] = asyncio.get_running_loop().create_future()
        if interpreter is None or not interpreter.alive:
            future.set_result(None)
            return future
        self._last_question = self._last_question % 0xFFFE + 1
        self._questions[self._last_question] = future
        interpreter.ble_event(encode(irq, fields, self._last_question))
        return future

    def _answer(self, request: Request) -> int:
        future = self._questions.pop(request.a, None)
        if future is not None and not future.done():
            if request.c:
                future.set_result(request.payload)
            else:
                future.set_result(None if request.b == 0 else request.b)
        return 0

    def on_completed(self) -> None:
        """Let the host take note of a completed packet, which takes the CPU's time."""
        if self._interpreter is not None:
            self._interpreter.host_work()

    def on_event(self, event: PeripheralEvent) -> None:
        """Tell the firmware, as far as its port does."""
        match event:
            case Written():
                self.emit(Irq.GATTS_WRITE, event.connection, event.handle)
            case CentralConnected() | CentralDisconnected():
                if self._notifying is not None and self._interpreter is not None:
                    self._interpreter.release()
                irq = _LINK_EVENTS[type(event), event.board_is_central]
                self.emit(irq, event.connection, event.address_type, event.address)
            case MtuExchanged() if self._rules.preferred_att_mtu is not None:
                self.emit(Irq.MTU_EXCHANGED, event.connection, event.mtu)
            case IndicateDone():
                self.emit(Irq.GATTS_INDICATE_DONE, event.connection, event.handle, event.status)

    def on_link(self, connection: Any) -> None:
        """Watch a new connection, where the port tells of its parameters and its encryption."""
        if not self._rules.gatt_client:
            return

        def updated() -> None:
            parameters = connection.parameters
            self.emit(
                Irq.CONNECTION_UPDATE,
                connection.handle,
                round(parameters.connection_interval / 1.25),
                int(parameters.peripheral_latency),
                round(parameters.supervision_timeout / 10),
                0,
            )

        connection.on(connection.EVENT_CONNECTION_PARAMETERS_UPDATE, updated)
        if self._security is not None:
            self._security.on_link(connection)

    async def on_written(self, connection: int, handle: int) -> None:
        """Call the firmware's handler for what a peer has written."""
        await self.ask(Irq.GATTS_WRITE, connection, handle)

    async def on_read(self, connection: int, handle: int) -> int:
        """Ask the firmware's handler, where the port does."""
        if not self._rules.gatt_client:
            return 0
        answer = await self.ask(Irq.GATTS_READ_REQUEST, connection, handle)
        return answer if isinstance(answer, int) else 0

    def on_report(self, event_type: int, address: hci.Address, data: bytes) -> None:
        """Hand an advertisement to who scans."""
        self._observer.on_report(event_type, address, data)

    def on_value(self, connection: int, handle: int, value: bytes, indication: bool) -> None:
        """Hand a value to the client."""
        if self._client is not None:
            self._client.on_value(connection, handle, value, indication)

    @property
    def keystore(self) -> KeyStore | None:
        """The firmware's keys, on a port that pairs."""
        return None if self._security is None else self._security.keystore

    def pairing_config(self, connection: Any) -> PairingConfig:
        """Return how to pair on a connection."""
        if self._security is None:
            return super().pairing_config(connection)
        return self._security.pairing_config(connection)

    # ------------------------------------------------------------------ requests
    def _active(self, request: Request) -> Answer:
        return self._switch(bool(request.a))

    async def _switch(self, on: bool) -> int:
        if on:
            self._preferred_mtu = self._rules.preferred_att_mtu
            await self.peripheral.activate(self._preferred_mtu)
            if self._rules.starts_with_public_address:
                self.peripheral.set_address_mode(AddressMode.PUBLIC)
        else:
            self.switch_off()
        return 0

    @_errors_as_numbers
    def _config(self, request: Request) -> Answer:
        """Set (a: key, b: value, payload) or get (a: -key) a parameter."""
        key = request.a
        if key == _CONFIG_MTU:
            self._preferred_mtu = request.b
            self.peripheral.set_mtu_limit(request.b)
        elif key == _CONFIG_NAME:
            self.peripheral.set_name(request.payload.decode(errors="replace"))
        elif key == _CONFIG_ADDRESS:
            if not self._rules.sets_address_mode:
                raise OSError(errno.EOPNOTSUPP, "the port has no address modes")
            self.peripheral.set_address_mode(request.b)
        elif key == _CONFIG_SECURITY and self._security is not None:
            bits = request.b
            self._security.requested = RequestedSecurity(
                bond=bool(bits & 1), mitm=bool(bits & 2), le_secure=bool(bits & 4), io=request.c
            )
        elif key == _CONFIG_MAC:
            address = self.peripheral.own_address()
            if address.is_resolvable:
                raise OSError(errno.EINVAL, "the address changes: the binding does not know it")
            return bytes([int(address.address_type)]) + bytes(address)[::-1]
        return 0

    @_errors_as_numbers
    def _register(self, request: Request) -> Answer:
        handles = self.peripheral.register_services(_services(request.payload))
        flat = [handle for service in handles for handle in service]
        return struct.pack(f"<{len(flat)}H", *flat)

    @_errors_as_numbers
    def _advertise(self, request: Request) -> Answer:
        payload = request.payload
        sizes, payload = payload[:2], payload[2:]
        data = None if sizes[0] == _NOT_GIVEN else payload[: sizes[0]]
        n_data = 0 if data is None else len(data)
        response = None if sizes[1] == _NOT_GIVEN else payload[n_data:]
        self.peripheral.advertise(
            None if request.a < 0 else request.a, data, response, connectable=bool(request.b)
        )
        return 0

    @_errors_as_numbers
    def _read(self, request: Request) -> Answer:
        return self.peripheral.gatts_read(request.a)

    @_errors_as_numbers
    def _write(self, request: Request) -> Answer:
        self.peripheral.gatts_write(request.a, request.payload, send_update=bool(request.b))
        return 0

    @_errors_as_numbers
    def _buffer(self, request: Request) -> Answer:
        self.peripheral.set_buffer(request.a, request.b, append=bool(request.c))
        return 0

    def _notify(self, request: Request) -> int | None:
        """Notify; None while the port waits for room. It is asked again after an interrupt."""
        waiting = self._notifying
        if waiting is not None:
            if not waiting.taken and request.a in self.peripheral.connections():
                return None
            self._notifying = None
            return 0 if waiting.taken else self.negative(OSError(errno.ENOENT, "disconnected"))
        waiting = _Notifying()
        try:
            taken = self.peripheral.notify(
                request.a, request.b, request.payload, functools.partial(self._on_taken, waiting)
            )
        except OSError as error:
            return self.negative(error)
        if taken:
            return 0
        self._notifying = waiting
        return None

    def _on_taken(self, waiting: _Notifying) -> None:
        waiting.taken = True
        if waiting is self._notifying and self._interpreter is not None:
            self._interpreter.release()

    @_errors_as_numbers
    def _indicate(self, request: Request) -> Answer:
        data = None if request.c else request.payload
        self.peripheral.indicate(request.a, request.b, data)
        return 0

    # ------------------------------------------------------------------ observer and client
    @_errors_as_numbers
    def _pair(self, request: Request) -> Answer:
        if self._security is not None:
            self._security.pair(request.a)
        return 0

    @_errors_as_numbers
    def _passkey(self, request: Request) -> Answer:
        if self._security is not None:
            self._security.on_passkey(request.a, request.b, request.c)
        return 0

    @_errors_as_numbers
    def _scan(self, request: Request) -> Answer:
        if request.a < 0:
            self._observer.stop()
        else:
            active = bool(request.payload[0])
            self._observer.scan(request.a, request.b, request.c, active=active)
        return 0

    @_errors_as_numbers
    def _connect(self, request: Request) -> Answer:
        if request.a < 0:
            self._observer.cancel()
        else:
            address = request.payload[:6]
            interval_us = struct.unpack_from("<II", request.payload, 6)
            self._observer.connect(request.a, address, request.b, interval_us)
        return 0

    @_errors_as_numbers
    def _discover(self, request: Request) -> Answer:
        what, start, end = struct.unpack_from("<BHH", request.payload)
        uuid = request.payload[5:] or None
        client = self._gatt_client()
        if what == 0:
            client.discover_services(request.a, uuid)
        elif what == 1:
            client.discover_characteristics(request.a, start, end, uuid)
        else:
            client.discover_descriptors(request.a, start, end)
        return 0

    @_errors_as_numbers
    def _remote_read(self, request: Request) -> Answer:
        self._gatt_client().read(request.a, request.b)
        return 0

    @_errors_as_numbers
    def _remote_write(self, request: Request) -> Answer:
        self._gatt_client().write(request.a, request.b, request.payload, request.c)
        return 0

    @_errors_as_numbers
    def _exchange_mtu(self, request: Request) -> Answer:
        self._gatt_client().exchange_mtu(request.a)
        return 0

    def _channel(self, channels: Channels, request: Request) -> Answer:
        """One of the operations of ``l2cap_*`` (a), on a connection (b)."""
        what, handle = request.a, request.b
        number, value = request.c & 0xFFFF, request.c >> 16
        try:
            if what == _CHANNEL_LISTEN:
                channels.listen(number, value)
            elif what == _CHANNEL_OPEN:
                channels.connect(handle, number, value)
            elif what == _CHANNEL_CLOSE:
                channels.disconnect(handle, number)
            elif what == _CHANNEL_SEND:
                return int(channels.send(handle, number, request.payload))
            elif value:
                return channels.receive(handle, number, value)
            else:
                return channels.waiting(handle, number)
        except OSError as error:
            return self.negative(error)
        return 0

    def _gatt_client(self) -> GattClient:
        if self._client is None:
            raise OSError(errno.EOPNOTSUPP, "the port has no GATT client")
        return self._client

    @_errors_as_numbers
    def _disconnect(self, request: Request) -> Answer:
        return int(self.peripheral.gap_disconnect(request.a))


_LINK_EVENTS = {
    (CentralConnected, False): Irq.CENTRAL_CONNECT,
    (CentralDisconnected, False): Irq.CENTRAL_DISCONNECT,
    (CentralConnected, True): Irq.PERIPHERAL_CONNECT,
    (CentralDisconnected, True): Irq.PERIPHERAL_DISCONNECT,
}
_CHANNEL_LISTEN, _CHANNEL_OPEN, _CHANNEL_CLOSE, _CHANNEL_SEND = range(4)
_NOT_GIVEN = 255
_CONFIG_MTU, _CONFIG_NAME, _CONFIG_MAC, _CONFIG_ADDRESS, _CONFIG_SECURITY = range(1, 6)


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
