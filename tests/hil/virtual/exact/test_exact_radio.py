"""The radio behind the second processor, at its HCI: Bumble's host stands in for a binary's."""

from __future__ import annotations

import asyncio
from array import array
from typing import Any

from bumble import hci
from bumble.device import Device, DeviceConfiguration
from bumble.host import Host

from eegrig.hil.virtual.air.hci_port import HciPort
from eegrig.hil.virtual.board.exact_board import _ACL_PACKETS
from eegrig.hil.virtual.computer_radio.adapter import next_event
from eegrig.hil.virtual.computer_radio.central import Central

from .conftest import ExactRig


async def host_of(rig: ExactRig, *, anew: bool = True) -> Device:
    """Switch the board's radio on, with a host that resets it and advertises."""
    radio = rig.board.radio
    host = Host(controller_sink=radio)
    radio._port = HciPort(lambda packet: rig.loop.call_soon(host.on_packet, packet) and None)
    if anew:
        radio.switch_on()
        radio.set_public_address(bytes.fromhex("010203E18000"))
    assert radio._controller is not None
    radio._controller.host = radio._port
    address = hci.Address("00:80:E1:03:02:01", hci.AddressType.PUBLIC_DEVICE)
    board = Device(config=DeviceConfiguration(name="eeg", address=address), host=host)
    await board.power_on()
    await advertise(board)
    return board


async def advertise(board: Device) -> None:
    await board.start_advertising(own_address_type=hci.OwnAddressType.PUBLIC)


async def connection_of(central: Central) -> Any:
    device = await central.device()
    connection = await device.connect("00:80:E1:03:02:01/P")
    await asyncio.sleep(0.1)  # until both hosts know
    return connection


class Booked:
    """What the power model has of the radio since it was looked at last."""

    def __init__(self, rig: ExactRig) -> None:
        self._rig = rig
        self._looked_ns = rig.loop.now_ns()

    def look(self) -> set[str]:
        radio, since_ns = self._rig.board.ledger.radio, self._looked_ns
        self._looked_ns = self._rig.loop.now_ns()
        records = {"tx 1M": radio.tx_1m, "tx 2M": radio.tx_2m, "rx 1M": radio.rx_1m}
        records["rx 2M"] = radio.rx_2m
        return {
            name for name, bursts in records.items() if bursts.starts[-1:] > array("q", [since_ns])
        }


def test_air_time_is_booked_at_the_phy_of_its_link(rig: ExactRig) -> None:
    async def main() -> None:
        board = await host_of(rig)
        booked = Booked(rig)
        await asyncio.sleep(0.5)
        assert booked.look() == {"tx 1M", "rx 1M"}  # advertising
        connection = await connection_of(Central(rig.air))
        await asyncio.sleep(0.5)
        assert booked.look() == {"tx 1M", "rx 1M"}
        changed = next_event(connection, connection.EVENT_CONNECTION_PHY_UPDATE)
        await connection.set_phy([hci.Phy.LE_2M], [hci.Phy.LE_2M])
        await changed
        booked.look()
        await asyncio.sleep(0.5)
        assert booked.look() == {"tx 2M", "rx 2M"}
        await connection.disconnect()
        await asyncio.sleep(0.1)
        booked.look()
        await advertise(board)
        await asyncio.sleep(0.5)
        assert booked.look() == {"tx 1M", "rx 1M"}

    rig.loop.run_until_complete(main())


def test_a_phy_of_one_direction_is_booked_in_that_direction(rig: ExactRig) -> None:
    async def main() -> None:
        await host_of(rig)
        connection = await connection_of(Central(rig.air))
        changed = next_event(connection, connection.EVENT_CONNECTION_PHY_UPDATE)
        await connection.set_phy([hci.Phy.LE_1M], [hci.Phy.LE_2M])
        await changed
        booked = Booked(rig)
        await asyncio.sleep(0.5)
        assert booked.look() == {"tx 2M", "rx 1M"}

    rig.loop.run_until_complete(main())


def test_a_host_that_resets_its_controller_has_all_its_buffers(rig: ExactRig) -> None:
    """What was for a link that is gone holds no buffer: Reset tells of no packet completed."""

    async def main() -> int:
        board, central = await host_of(rig), Central(rig.air)
        await connection_of(central)
        (handle,) = board.connections
        rig.board.set_reachable(False)
        for _ in range(_ACL_PACKETS + 1):
            board.host.send_l2cap_pdu(handle, 0x3F, b"lost")
        await asyncio.sleep(0.1)
        board = await host_of(rig, anew=False)
        rig.board.set_reachable(True)
        await asyncio.sleep(10)  # the computer's time-out
        heard: list[bytes] = []
        connection = await connection_of(central)
        connection.device.l2cap_channel_manager.register_fixed_channel(
            0x3F, lambda handle, data: heard.append(data)
        )
        (handle,) = board.connections
        for _ in range(2 * _ACL_PACKETS):
            board.host.send_l2cap_pdu(handle, 0x3F, b"heard")
        await asyncio.sleep(1)
        return len(heard)

    assert rig.loop.run_until_complete(main()) == 2 * _ACL_PACKETS
