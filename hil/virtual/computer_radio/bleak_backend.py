"""A bleak backend on a virtual adapter.

bleak 3.1.0 takes backends as types only, so each `Adapter` gets a pair of classes of its own.
``tests/contracts/test_bleak_contract.py`` names what is leaned on.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

import bleak
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, core, hci
from bumble.core import AdvertisingData

from eegrig.hil.virtual.air.link import FAILED_TO_BE_ESTABLISHED

if TYPE_CHECKING:
    from bleak.args import SizedBuffer
    from bleak.assigned_numbers import CharacteristicPropertyName

    from eegrig.hil.virtual.computer_radio.adapter import Adapter

__all__ = ["make_backends"]

T = TypeVar("T")

_DEFAULT_MTU: Final = 23
_CONNECT_ATTEMPTS: Final = 3
_PROPERTIES: Final[tuple[CharacteristicPropertyName, ...]] = (
    "broadcast",
    "read",
    "write-without-response",
    "write",
    "notify",
    "indicate",
    "authenticated-signed-writes",
    "extended-properties",
)
_CCCD: Final = "00002902-0000-1000-8000-00805f9b34fb"
_SERVICE_CHANGED: Final = "00002a05-0000-1000-8000-00805f9b34fb"
_NOTIFY, _INDICATE, _OFF = b"\x01\x00", b"\x02\x00", b"\x00\x00"
_ATT_VALUE_MAX: Final = 512


def make_backends(central: Adapter) -> tuple[type[BaseBleakScanner], type[BaseBleakClient]]:
    """Return the scanner and the client class of an adapter.

    Parameters
    ----------
    central : Adapter

    Returns
    -------
    tuple of type
        For bleak's ``backend=`` arguments.
    """
    return (
        type("VirtualBleakScanner", (VirtualScanner,), {"central": central}),
        type("VirtualBleakClient", (VirtualClient,), {"central": central}),
    )


def _text(value: Any) -> str:
    """Return a Bumble UUID as bleak writes them."""
    return str(uuid.UUID(bytes=value.to_bytes(force_128=True)[::-1]))


# ---------------------------------------------------------------------------------------- scanner
class VirtualScanner(BaseBleakScanner):
    """Bleak's scanner on an adapter."""

    central: ClassVar[Adapter]

    def __init__(
        self,
        detection_callback: Any,
        service_uuids: list[str] | None,
        scanning_mode: str,
        **_kwargs: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"
        self._running = False

    async def start(self) -> None:
        """Start scanning."""
        self.seen_devices = {}
        device = await self.central.scan(self, active=self._active)
        if not self._running:
            device.on(device.EVENT_ADVERTISEMENT, self._on_advertisement)
        self._running = True

    async def stop(self) -> None:
        """Stop scanning."""
        device = await self.central.stop_scan(self)
        if self._running:
            device.remove_listener(device.EVENT_ADVERTISEMENT, self._on_advertisement)
        self._running = False

    def _on_advertisement(self, advertisement: Any) -> None:
        data = _advertisement_data(advertisement)
        if not self.is_allowed_uuid(data.service_uuids):
            return
        address = advertisement.address.to_string(with_type_qualifier=False)
        name = data.local_name
        if name is None and address in self.seen_devices:
            name = self.seen_devices[address][0].name
        device = self.create_or_update_device(address, address, name, advertisement.address, data)
        self.call_detection_callbacks(device, data)


def _advertisement_data(advertisement: Any) -> AdvertisementData:
    kinds = AdvertisingData.Type
    uuid_octets = {
        kinds.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
        kinds.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
        kinds.INCOMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
        kinds.COMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
        kinds.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
        kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    }
    service_data_octets = {
        kinds.SERVICE_DATA_16_BIT_UUID: 2,
        kinds.SERVICE_DATA_32_BIT_UUID: 4,
        kinds.SERVICE_DATA_128_BIT_UUID: 16,
    }
    name: str | None = None
    tx_power: int | None = None
    manufacturer_data: dict[int, bytes] = {}
    service_data: dict[str, bytes] = {}
    service_uuids: list[str] = []
    for kind, value in advertisement.data.ad_structures:
        if kind in (kinds.COMPLETE_LOCAL_NAME, kinds.SHORTENED_LOCAL_NAME):
            name = value.decode("utf-8", "replace")
        elif kind == kinds.MANUFACTURER_SPECIFIC_DATA and len(value) >= 2:
            manufacturer_data[int.from_bytes(value[:2], "little")] = bytes(value[2:])
        elif kind == kinds.TX_POWER_LEVEL and value:
            tx_power = int.from_bytes(value[:1], "little", signed=True)
        elif kind in uuid_octets:
            size = uuid_octets[kind]
            for at in range(0, len(value) - size + 1, size):
                service_uuids.append(_text(core.UUID.from_bytes(value[at : at + size])))
        elif kind in service_data_octets and len(value) >= service_data_octets[kind]:
            size = service_data_octets[kind]
            service_data[_text(core.UUID.from_bytes(value[:size]))] = bytes(value[size:])
    return AdvertisementData(
        local_name=name,
        manufacturer_data=manufacturer_data,
        service_data=service_data,
        service_uuids=service_uuids,
        tx_power=tx_power,
        rssi=advertisement.rssi,
        platform_data=(advertisement,),
    )


# ----------------------------------------------------------------------------------------- client
class VirtualClient(BaseBleakClient):
    """Bleak's client on an adapter."""

    central: ClassVar[Adapter]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        services: set[str] | None = None,
        disconnected_callback: Callable[[], None] | None = None,
        timeout: float = 10.0,
        **_kwargs: Any,
    ) -> None:
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        self._wanted_services = services
        known = isinstance(address_or_ble_device, BLEDevice)
        self._target: Any = address_or_ble_device.details if known else None  # type: ignore[union-attr]
        self._name: str | None = address_or_ble_device.name if known else None  # type: ignore[union-attr]
        self._connection: Any = None
        self._subscribed: set[int] = set()
        self._last_read: dict[int, bytes] = {}
        self.disconnect_reason: int | None = None

    @property
    def name(self) -> str:
        """The device's name, or its address written as bleak does."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """ATT MTU."""
        return _DEFAULT_MTU if self._connection is None else int(self._connection.att_mtu)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    # ------------------------------------------------------------------ connection
    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect, agree on the link's parameters, discover the services."""
        if self._connection is not None:
            raise BleakError("Client is already connected")
        device = await self.central.device()
        timeout_s = float(kwargs.get("timeout", self._timeout))
        if self._target is None:
            await self._find(timeout_s)
        async with asyncio.timeout(timeout_s):
            for attempt in range(_CONNECT_ATTEMPTS):
                try:
                    await self._connect_once(device, pair)
                    return
                except BleakError:
                    # The board did not hear the request: operating systems try again.
                    lost = self.disconnect_reason == FAILED_TO_BE_ESTABLISHED
                    if not lost or attempt + 1 == _CONNECT_ATTEMPTS:
                        raise

    async def _find(self, timeout_s: float) -> None:
        found = await bleak.BleakScanner.find_device_by_address(
            self.address, timeout_s, backend=self.central.scanner_backend
        )
        if found is None:
            raise BleakDeviceNotFoundError(
                self.address, f"Device with address {self.address} was not found."
            )
        self._target, self._name = found.details, found.name

    async def _connect_once(self, device: Any, pair: bool) -> None:
        self.disconnect_reason = None
        preferences = self.central.connection_preferences()
        try:
            connection = await device.connect_le(self._target, preferences, timeout=None)
        except asyncio.CancelledError:
            await asyncio.shield(_abandon(device, self._target))
            raise
        except (core.ConnectionError, hci.HCI_Error) as error:
            raise BleakError(f"cannot connect to {self.address}: {error}") from error
        except core.InvalidStateError as error:
            raise BleakError(f"the adapter is connecting already: {error}") from error
        self._connection = connection
        connection.on(connection.EVENT_DISCONNECTION, self._on_disconnection)
        try:
            await self._guarded(self.central.prefer_at_once(connection))
            if not self.central.keep_default_mtu:
                await self._gatt(connection.gatt_client.request_mtu(self.central.mtu))
            if pair:
                await self.pair()
            self.services, service_changed = await self._gatt(self._discover())
            if service_changed is not None:  # operating systems subscribe to it
                await self._write(service_changed, _INDICATE, response=True)
        except BaseException:
            with contextlib.suppress(BleakError):
                await self.disconnect()
            raise

    def _on_disconnection(self, reason: int) -> None:
        connection, self._connection = self._connection, None
        self.disconnect_reason = int(reason)
        self.services = None
        self._last_read.clear()
        for handle in self._subscribed:
            connection.device.host.value_handlers.pop((connection.handle, handle), None)
        self._subscribed.clear()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        """Say goodbye and wait until the connection is gone."""
        connection = self._connection
        if connection is None:
            return
        try:
            await connection.disconnect()
        except hci.HCI_Error as error:
            if self._connection is not None:
                raise BleakError(f"cannot disconnect: {error}") from error

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:
        """Pair, if not encrypted already."""
        connection = self._connected()
        if connection.is_encrypted:
            return
        try:
            await self._guarded(connection.pair())
        except (core.ProtocolError, hci.HCI_Error) as error:
            raise BleakError(f"pairing failed: {error}") from error

    async def unpair(self) -> None:
        """Forget the device's keys and disconnect."""
        device = await self.central.device()
        address = self._target if self._connection is None else self._connection.peer_address
        with contextlib.suppress(KeyError):
            await device.keystore.delete(str(address))
        await self.disconnect()

    # ------------------------------------------------------------------ guards
    def _connected(self) -> Any:
        if self._connection is None:
            raise BleakError("Not connected")
        return self._connection

    async def _guarded(self, operation: Awaitable[T]) -> T:
        """Await; where Bumble cancels because the connection is lost, raise BleakError."""
        try:
            return await operation
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._connection is None and not (task and task.cancelling()):
                raise BleakError("disconnected") from None
            raise

    async def _gatt(self, operation: Awaitable[T]) -> T:
        """Await an ATT operation and translate its errors."""
        try:
            return await self._guarded(operation)
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except core.TimeoutError as error:
            raise BleakError(f"no answer from {self.address}: {error}") from error

    # ------------------------------------------------------------------ services
    async def _discover(self) -> tuple[BleakGATTServiceCollection, int | None]:
        """Discover everything, as operating systems do; return what the caller wants to see of it.

        With it comes the handle of the CCCD of Service Changed, if there is one.
        """
        collection = BleakGATTServiceCollection()
        service_changed: int | None = None
        for service in await self._connected().gatt_client.discover_services():
            service_uuid = _text(service.uuid)
            wanted = self._wanted_services is None or service_uuid in self._wanted_services
            ours = BleakGATTService(service, service.handle, service_uuid)
            if wanted:
                collection.add_service(ours)
            for characteristic in await service.discover_characteristics():
                its = BleakGATTCharacteristic(
                    characteristic,
                    characteristic.handle,
                    _text(characteristic.uuid),
                    [
                        name
                        for bit, name in enumerate(_PROPERTIES)
                        if characteristic.properties >> bit & 1
                    ],
                    lambda: min(_ATT_VALUE_MAX, self.mtu_size - 3),
                    ours,
                )
                if wanted:
                    collection.add_characteristic(its)
                for descriptor in await characteristic.discover_descriptors():
                    kind = _text(descriptor.type)
                    if (its.uuid, kind) == (_SERVICE_CHANGED, _CCCD):
                        service_changed = descriptor.handle
                    if wanted:
                        collection.add_descriptor(
                            BleakGATTDescriptor(descriptor, descriptor.handle, kind, its)
                        )
        return collection, service_changed

    # ------------------------------------------------------------------ values
    async def _read(self, handle: int, use_cached: bool) -> bytearray:
        connection = self._connected()
        if not use_cached or handle not in self._last_read:
            value = await self._gatt(connection.gatt_client.read_value(handle))
            self._last_read[handle] = bytes(value)
        return bytearray(self._last_read[handle])

    async def _write(self, handle: int, data: SizedBuffer, response: bool) -> None:
        connection = self._connected()
        octets = bytes(data)
        room = self.mtu_size - 3
        if not response and len(octets) > room:
            raise BleakError(
                f"{len(octets)} octets do not fit a write without response: at most {room}"
            )
        client = connection.gatt_client
        await self._gatt(client.write_value(handle, octets, with_response=response))

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_kwargs: Any
    ) -> bytearray:
        """Read a value; `use_cached` returns the last one read, where there is one."""
        return await self._read(characteristic.handle, use_cached)

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_kwargs: Any
    ) -> bytearray:
        """Read a descriptor; `use_cached` returns the last value read, where there is one."""
        return await self._read(descriptor.handle, use_cached)

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write a value; a long one takes several requests."""
        await self._write(characteristic.handle, data, response)

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a descriptor."""
        await self._write(descriptor.handle, data, response=True)

    # ------------------------------------------------------------------ notifications
    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: Callable[[bytearray], None],
        **_kwargs: Any,
    ) -> None:
        """Subscribe: notifications where there are any, otherwise indications."""
        connection = self._connected()
        handle = characteristic.handle
        if handle in self._subscribed:
            raise BleakError("Characteristic notifications already started")
        key = (connection.handle, handle)
        handlers = cast(
            "dict[tuple[int, int], Callable[[bytes], None]]", connection.device.host.value_handlers
        )
        # In place before the board may send: nothing that follows the subscription is lost.
        handlers[key] = lambda value: callback(bytearray(value))
        self._subscribed.add(handle)
        wanted = _NOTIFY if "notify" in characteristic.properties else _INDICATE
        try:
            await self._write_cccd(characteristic, wanted)
        except BaseException:
            handlers.pop(key, None)
            self._subscribed.discard(handle)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        connection = self._connected()
        handle = characteristic.handle
        if handle in self._subscribed:
            self._subscribed.discard(handle)
            connection.device.host.value_handlers.pop((connection.handle, handle), None)
            await self._write_cccd(characteristic, _OFF)

    async def _write_cccd(self, characteristic: BleakGATTCharacteristic, value: bytes) -> None:
        cccd = characteristic.get_descriptor(_CCCD)
        if cccd is None:
            raise BleakError(f"characteristic {characteristic.uuid} cannot notify: it has no CCCD")
        await self._write(cccd.handle, value, response=True)


async def _abandon(device: Any, target: Any) -> None:
    """Wait no longer for a device to advertise; end a connection that came at the last moment."""
    try:
        await device.host.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
    except hci.HCI_Error:
        for connection in list(device.connections.values()):
            if connection.peer_address == target:
                await connection.disconnect()
