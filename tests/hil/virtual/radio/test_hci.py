"""A controller asked over HCI, as the adapter of any program is: it does what it says it did."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bumble import hci
from bumble.device import AdvertisingType, Device, DeviceConfiguration, Peer
from bumble.gatt import Characteristic, Service

from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.air.command_set import COMMANDS
from eegrig.hil.virtual.air.controller import RadioController
from eegrig.hil.virtual.air.host import DirectHost
from eegrig.hil.virtual.clock import run

PUBLIC = "02:11:22:33:44:55"
DATA, RESPONSE = b"\x02\x01\x06\x04\x09pcx", b"\x05\xff\xff\xff\x01\x02"
OK, UNKNOWN = hci.HCI_ErrorCode.SUCCESS, hci.HCI_ErrorCode.UNKNOWN_HCI_COMMAND_ERROR
UNSUPPORTED = hci.HCI_ErrorCode.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE_ERROR
INVALID = hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR
DISALLOWED = hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR


class Adapter:
    """A controller, and what it answers."""

    def __init__(self, air: Air, name: str, address: str) -> None:
        self.controller = RadioController(name, air, address)
        self.controller.set_public_address(PUBLIC)
        self.controller.host = self
        self.events: list[hci.HCI_Event] = []

    def on_packet(self, packet: bytes) -> None:
        self.events.append(hci.HCI_Packet.from_bytes(packet))  # type: ignore[arg-type]

    async def ask(self, command: hci.HCI_Command) -> int:
        """Return the status it answers with."""
        self.events.clear()
        self.controller.on_packet(bytes(command))
        await asyncio.sleep(0.001)
        for event in self.events:
            if getattr(event, "command_opcode", None) == command.op_code:
                result = getattr(event, "return_parameters", event)
                status = getattr(result, "status", None)
                return int(result.data[0] if status is None else status)
        raise AssertionError(f"no answer to {command.name}")


def parameters(**given: Any) -> hci.HCI_LE_Set_Advertising_Parameters_Command:
    fields = {
        "advertising_interval_min": 0xA0,
        "advertising_interval_max": 0xA0,
        "advertising_type": 0,
        "own_address_type": hci.OwnAddressType.RANDOM,
        "peer_address_type": 0,
        "peer_address": hci.Address.ANY,
        "advertising_channel_map": 7,
        "advertising_filter_policy": 0,
    }
    return hci.HCI_LE_Set_Advertising_Parameters_Command(**{**fields, **given})


def enable(on: int) -> hci.HCI_LE_Set_Advertising_Enable_Command:
    return hci.HCI_LE_Set_Advertising_Enable_Command(advertising_enable=on)


async def device(air: Air, name: str, address: str) -> Device:
    controller = RadioController(name, air, address)
    controller.set_public_address(PUBLIC)
    config = DeviceConfiguration(name=name, address=hci.Address(address))
    made = Device(config=config, host=DirectHost(controller))
    await made.power_on()
    return made


async def heard(scanner: Device, seconds: float = 2.0, *, active: bool = True) -> list[Any]:
    found: list[Any] = []
    scanner.on("advertisement", found.append)
    await scanner.start_scanning(active=active, filter_duplicates=False)
    await asyncio.sleep(seconds)
    await scanner.stop_scanning()
    scanner.remove_listener("advertisement", found.append)
    return found


def test_an_adapter_that_accepts_advertising_is_heard_connected_to_and_read():
    async def main() -> tuple[bytes, int, int, list[bytes]]:
        air = Air(asyncio.get_running_loop(), seed=1)
        server = await device(air, "server", "C0:00:00:00:00:01")
        client = await device(air, "client", "C0:00:00:00:00:02")
        value = Characteristic(
            "1234", Characteristic.Properties.READ, Characteristic.READABLE, b"here"
        )
        server.add_service(Service("1235", [value]))
        server.advertising_data, server.scan_response_data = DATA, RESPONSE
        await server.start_advertising()
        found = await heard(client, active=False) + await heard(client)
        connection = await client.connect("C0:00:00:00:00:01")
        peer = Peer(connection)
        await peer.discover_all()
        (characteristic,) = peer.get_characteristics_by_uuid(value.uuid)
        read = await characteristic.read_value()
        strengths = await connection.get_rssi(), found[0].rssi
        await asyncio.sleep(1)
        after = await heard(client)
        assert not after  # a connection ends advertising (4.4.2.4.3)
        await connection.disconnect()
        return bytes(read), *strengths, [bytes(one.data_bytes) for one in found]

    read, rssi, advertised_rssi, data = run(main())
    assert read == b"here"
    assert rssi == advertised_rssi < 0
    assert any(DATA in one for one in data)
    assert any(RESPONSE in one for one in data)


@pytest.mark.parametrize(
    ("kind", "connectable", "answers"),
    [
        (AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE, True, True),
        (AdvertisingType.UNDIRECTED_SCANNABLE, False, True),
        (AdvertisingType.UNDIRECTED, False, False),
    ],
)
def test_each_kind_of_advertising_is_what_it_says(kind, connectable, answers):
    async def main() -> tuple[list[Any], list[Any]]:
        air = Air(asyncio.get_running_loop(), seed=1)
        server = await device(air, "server", "C0:00:00:00:00:01")
        client = await device(air, "client", "C0:00:00:00:00:02")
        server.advertising_data, server.scan_response_data = DATA, RESPONSE
        await server.start_advertising(advertising_type=kind)
        passively, actively = await heard(client, active=False), await heard(client)
        await server.stop_advertising()
        await asyncio.sleep(0.1)
        assert not await heard(client)
        return passively, actively

    passively, actively = run(main())
    assert {bytes(one.data_bytes) for one in passively} == {DATA}
    assert {one.is_connectable for one in passively} == {connectable}
    assert any(RESPONSE in bytes(one.data_bytes) for one in actively) is answers


def test_a_public_address_is_what_others_hear_if_it_is_asked_for():
    async def main() -> set[str]:
        air = Air(asyncio.get_running_loop(), seed=1)
        server = Adapter(air, "server", "C0:00:00:00:00:01")
        client = await device(air, "client", "C0:00:00:00:00:02")
        assert await server.ask(parameters(own_address_type=hci.OwnAddressType.PUBLIC)) == OK
        assert await server.ask(enable(1)) == OK
        return {str(one.address) for one in await heard(client)}

    assert run(main()) == {f"{PUBLIC}/P"}


def test_data_may_change_while_it_advertises_and_parameters_may_not():
    async def main() -> list[bytes]:
        air = Air(asyncio.get_running_loop(), seed=1)
        server = Adapter(air, "server", "C0:00:00:00:00:01")
        client = await device(air, "client", "C0:00:00:00:00:02")
        assert await server.ask(enable(1)) == OK  # the defaults of a reset
        assert await server.ask(parameters()) == DISALLOWED
        changed = hci.HCI_LE_Set_Advertising_Data_Command(advertising_data=DATA)
        assert await server.ask(changed) == OK
        return [bytes(one.data_bytes) for one in await heard(client, 5, active=False)]

    assert set(run(main())) == {DATA}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"advertising_interval_min": 0x1F, "advertising_interval_max": 0x1F}, INVALID),
        ({"advertising_interval_min": 0xA1}, INVALID),
        ({"advertising_channel_map": 0}, INVALID),
        ({"advertising_type": 1}, UNSUPPORTED),
        ({"advertising_type": 4}, UNSUPPORTED),
        ({"advertising_filter_policy": 1}, UNSUPPORTED),
    ],
)
def test_what_the_air_does_not_have_is_refused(given, status):
    async def main() -> int:
        air = Air(asyncio.get_running_loop(), seed=1)
        return await Adapter(air, "a", "C0:00:00:00:00:01").ask(parameters(**given))

    assert run(main()) == status


def test_on_one_channel_only_that_is_used():
    async def main() -> set[int]:
        air = Air(asyncio.get_running_loop(), seed=1)
        server = Adapter(air, "server", "C0:00:00:00:00:01")
        used: set[int] = set()
        listener = RadioController("ear", air, "C0:00:00:00:00:02")
        listener.hears = lambda channel, start, end: bool(used.add(channel))  # type: ignore[method-assign,func-returns-value]
        await server.ask(parameters(advertising_channel_map=0b100))
        await server.ask(enable(1))
        await asyncio.sleep(1)
        return used

    assert run(main()) == {2}


UNDONE = [
    hci.HCI_LE_Set_Extended_Advertising_Enable_Command(0, [], [], []),
    hci.HCI_LE_Set_Periodic_Advertising_Enable_Command(1, 0),
    hci.HCI_LE_Add_Device_To_Filter_Accept_List_Command(0, hci.Address.ANY),
    hci.HCI_LE_Set_Extended_Scan_Enable_Command(1, 0, 0, 0),
    hci.HCI_LE_Clear_Resolving_List_Command(),
    hci.HCI_Write_Scan_Enable_Command(3),
    hci.HCI_Inquiry_Command(0x9E8B33, 1, 0),
    hci.HCI_LE_Create_CIS_Command([1], [1]),
    hci.HCI_Read_Remote_Version_Information_Command(1),
]


@pytest.mark.parametrize("command", UNDONE, ids=lambda command: command.name)
def test_a_command_with_nothing_behind_it_is_said_to_be_unknown(command):
    async def main() -> int:
        air = Air(asyncio.get_running_loop(), seed=1)
        return await Adapter(air, "a", "C0:00:00:00:00:01").ask(command)

    assert run(main()) == UNKNOWN


def test_what_is_listed_as_supported_has_something_behind_it():
    for code in COMMANDS:
        name = hci.HCI_Command.command_name(code).lower()
        assert callable(getattr(RadioController, f"on_{name}", None)), name


def test_strength_on_a_connection_that_is_not_there_is_an_error():
    async def main() -> int:
        air = Air(asyncio.get_running_loop(), seed=1)
        return await Adapter(air, "a", "C0:00:00:00:00:01").ask(hci.HCI_Read_RSSI_Command(7))

    assert run(main()) == hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
