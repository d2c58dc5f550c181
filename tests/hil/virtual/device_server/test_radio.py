"""The boards' air, from other processes: any program that speaks HCI, and bleak in real time."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from bumble import hci
from bumble.core import UUID
from bumble.device import Device, Peer
from bumble.transport import open_transport

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.hil.virtual.device_server import central
from eegrig.host.link.connection import connect
from eegrig.host.link.link_errors import LinkLost
from eegrig.host.link.radio import open_radio
from eegrig.host.streaming.decoder import StreamDecoder
from eegrig.host.wire.constants import INFO_UUID, Profile

PACKETS = 40  # 1.4 s of them


@pytest.mark.parametrize("kind", ["unix", "tcp-client", "serial"])
def test_a_program_of_bumble_finds_both_boards_connects_and_reads(server, kind):
    boards = [server.status(name) for name in ("headband8", "second")]
    (name,) = [transport for transport in boards[0]["hci"] if transport.startswith(kind)]
    wanted = {board["address"] for board in boards}

    async def program() -> bytes:
        async with await open_transport(name) as transport:
            address = hci.Address.generate_static_address()
            device = Device.with_hci("x", address, transport.source, transport.sink)
            await device.power_on()
            found = asyncio.Event()
            seen: set[str] = set()

            def on_advertisement(advertisement: object) -> None:
                seen.add(advertisement.address.to_string(with_type_qualifier=False))  # type: ignore[attr-defined]
                if wanted <= seen:
                    found.set()

            device.on("advertisement", on_advertisement)
            await device.start_scanning()
            async with asyncio.timeout(30):
                await found.wait()
                await device.stop_scanning()
                connection = await device.connect(boards[1]["address"])
                peer = Peer(connection)
                await peer.discover_all()
                (info,) = peer.get_characteristics_by_uuid(UUID(INFO_UUID))
                value = await info.read_value()
                await connection.disconnect()
        return bytes(value)

    assert len(asyncio.run(program())) > 10


def test_a_program_that_advertises_is_found_and_connected_to_by_another(server):
    (name,) = [name for name in server.status("headband8")["hci"] if name.startswith("unix")]

    async def program() -> tuple[bytes, int, set[str]]:
        async with (
            await open_transport(name) as first,
            await open_transport(name) as second,
            asyncio.timeout(30),
        ):
            peripheral, central_device = (
                Device.with_hci(who, hci.Address(address), transport.source, transport.sink)
                for who, address, transport in (
                    ("server", "C0:00:00:00:00:01", first),
                    ("client", "C0:00:00:00:00:02", second),
                )
            )
            await peripheral.power_on()
            await central_device.power_on()
            public = {str(peripheral.public_address), str(central_device.public_address)}
            await peripheral.start_advertising()
            connection = await central_device.connect("C0:00:00:00:00:01")
            strength = await connection.get_rssi()
            peer = Peer(connection)
            await peer.discover_all()
            (device_name,) = peer.get_characteristics_by_uuid(UUID.from_16_bits(0x2A00))
            read = await device_name.read_value()
            await connection.disconnect()
        return bytes(read), strength, public

    read, strength, public = asyncio.run(program())
    assert read == b"server"
    assert strength < 0
    assert len(public) == 2
    assert "00:00:00:00:00:00/P" not in public
    assert server.status("headband8")["failures"] == 0


def test_a_stream_in_real_time_from_another_process_is_whole(server):
    async def session() -> StreamDecoder:
        async with (
            open_radio("virtual:headband8") as (scanner, client),
            connect(
                server.status("headband8")["address"],
                scanner_backend=scanner,
                client_backend=client,
            ) as link,
        ):
            decoder = StreamDecoder(link.info)
            await link.start(Profile.EFFICIENT)
            async for data, arrival_ns in link.packets():
                decoder.feed(data, arrival_ns)
                if decoder.counters.packets >= PACKETS:
                    break
            await link.stop()
        return decoder

    counters = asyncio.run(session()).counters
    assert counters.packets == PACKETS
    assert counters.intact, counters


def test_link_parameters_are_asked_for_over_hci(server):
    async def session() -> None:
        async with (
            central("second") as adapter,
            connect(
                server.status("second")["address"],
                scanner_backend=adapter.scanner_backend,
                client_backend=adapter.client_backend,
            ),
        ):
            link = await adapter.set_link(phy=2, interval_ms=15, octets=100, timeout_ms=2000)
            assert link is not None
            assert (link.phy_tx, link.phy_rx, link.interval_ms) == (2, 2, 15)
            # The board's controller has packets of 27 octets, whatever is asked for.
            assert (link.max_tx_octets, link.supervision_timeout_ms) == (27, 2000)
            assert link.mtu == 247
            assert adapter.link_parameters() == link
        assert adapter.link_parameters() is None

    asyncio.run(session())


def test_a_board_out_of_reach_is_lost(server):
    async def session() -> None:
        async with (
            central("headband8") as adapter,
            connect(
                server.status("headband8")["address"],
                scanner_backend=adapter.scanner_backend,
                client_backend=adapter.client_backend,
            ) as link,
        ):
            await adapter.set_link(interval_ms=15, timeout_ms=500)
            server.virtual("fault", "headband8", "link-loss")
            with pytest.raises(LinkLost):
                await asyncio.wait_for(link.receive(), 20)

    try:
        asyncio.run(session())
    finally:
        server.virtual("fault", "headband8", "link-back")


def test_an_adapter_goes_with_its_program_and_rubbish_ends_only_its_own(server, wait):
    (path,) = [name[5:] for name in server.status("headband8")["hci"] if name.startswith("unix:")]
    before = server.status("headband8")["adapters"]
    good, bad = (socket.socket(socket.AF_UNIX) for _ in range(2))
    with good, bad:
        good.connect(path)
        bad.connect(path)
        wait(lambda: server.status("headband8")["adapters"] == before + 2)
        for rubbish in (b"\x55rubbish", b"\x01\x03\x0c\xff" + bytes(255), b"\x02\xff\xff\x00\x00"):
            with contextlib.suppress(OSError):
                bad.sendall(rubbish)
        good.sendall(b"\x01\x03\x0c\x00")  # HCI_Reset
        assert good.recv(100).startswith(b"\x04\x0e")  # Command Complete
        wait(lambda: server.status("headband8")["adapters"] == before + 1)
    wait(lambda: server.status("headband8")["adapters"] == before)
    assert server.status("headband8")["failures"] == 0


def test_a_radio_that_is_not_there_is_said(empty_server):
    async def use(radio: str) -> None:
        async with open_radio(radio):
            pass

    with pytest.raises(ConfigError, match="virtual:NAME"):
        asyncio.run(use("nonsense:x"))
    with pytest.raises(InfrastructureError, match="no virtual board 'x' is up"):
        asyncio.run(use("virtual:x"))


def test_without_a_name_it_is_the_operating_systems():
    async def use() -> None:
        async with open_radio(None) as backends:
            assert backends == (None, None)

    asyncio.run(use())
