"""What the virtual radio leans on in bleak 3.1.0, which calls its backend interface unstable.

Read this when bleak's pin is raised: each failure names what
`hil.virtual.computer_radio.bleak_backend` must be adapted to.
"""

from __future__ import annotations

import importlib.metadata
import inspect

import bleak
from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_the_version_pinned():
    assert importlib.metadata.version("bleak") == "3.1.0"


def test_backends_are_public_arguments():
    assert "backend" in parameters(BleakClient.__init__)
    for where in (BleakScanner.__init__, BleakClient.__init__):
        assert "kwargs" in parameters(where) or "backend" in parameters(where)


def test_what_a_client_backend_must_have():
    assert BaseBleakClient.__abstractmethods__ == {
        "connect",
        "disconnect",
        "is_connected",
        "mtu_size",
        "pair",
        "read_gatt_char",
        "read_gatt_descriptor",
        "start_notify",
        "stop_notify",
        "unpair",
        "write_gatt_char",
        "write_gatt_descriptor",
    }
    assert parameters(BaseBleakClient.connect) == ["self", "pair", "kwargs"]
    assert parameters(BaseBleakClient.read_gatt_char) == [
        "self",
        "characteristic",
        "use_cached",
        "kwargs",
    ]
    assert parameters(BaseBleakClient.write_gatt_char) == [
        "self",
        "characteristic",
        "data",
        "response",
    ]
    assert parameters(BaseBleakClient.start_notify) == [
        "self",
        "characteristic",
        "callback",
        "kwargs",
    ]
    assert parameters(BaseBleakClient.__init__) == [
        "self",
        "address_or_ble_device",
        "disconnected_callback",
        "timeout",
        "kwargs",
    ]


def test_what_a_scanner_backend_must_have():
    assert BaseBleakScanner.__abstractmethods__ == {"start", "stop"}
    for name in ("is_allowed_uuid", "create_or_update_device", "call_detection_callbacks"):
        assert callable(getattr(BaseBleakScanner, name)), name
    assert parameters(BaseBleakScanner.create_or_update_device) == [
        "self",
        "key",
        "address",
        "name",
        "details",
        "adv",
    ]


def test_how_its_objects_are_made():
    assert parameters(BLEDevice.__init__)[:4] == ["self", "address", "name", "details"]
    assert parameters(BleakGATTService.__init__) == ["self", "obj", "handle", "uuid"]
    assert parameters(BleakGATTCharacteristic.__init__) == [
        "self",
        "obj",
        "handle",
        "uuid",
        "properties",
        "max_write_without_response_size",
        "service",
    ]
    assert parameters(BleakGATTDescriptor.__init__) == [
        "self",
        "obj",
        "handle",
        "uuid",
        "characteristic",
    ]
    for name in ("add_service", "add_characteristic", "add_descriptor", "get_characteristic"):
        assert callable(getattr(BleakGATTServiceCollection, name)), name
    assert AdvertisementData._fields == (
        "local_name",
        "manufacturer_data",
        "service_data",
        "service_uuids",
        "tx_power",
        "rssi",
        "platform_data",
    )


def test_its_exceptions():
    assert issubclass(BleakGATTProtocolError, BleakError)
    assert issubclass(BleakDeviceNotFoundError, BleakError)
    assert BleakGATTProtocolError(2).code == 2
    assert BleakDeviceNotFoundError("address", "text").identifier == "address"


def test_the_platform_backend_can_be_replaced():
    for name in ("get_platform_client_backend_type", "get_platform_scanner_backend_type"):
        assert callable(getattr(bleak, name)), name
