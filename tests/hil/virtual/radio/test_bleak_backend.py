"""What host code sees through bleak."""

from __future__ import annotations

import asyncio

import bleak
import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import (
    BleakCharacteristicNotFoundError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual.board_bluetooth.peripheral_events import (
    CentralConnected,
    CentralDisconnected,
    MtuExchanged,
    Written,
)
from eegrig.hil.virtual.clock import run

SERVICE = "e9ea0000-e1b9-11e5-9cee-cfd5f18c7c4a"
STREAM = "e9ea0001-e1b9-11e5-9cee-cfd5f18c7c4a"
CONTROL = "e9ea0002-e1b9-11e5-9cee-cfd5f18c7c4a"
INFO = "e9ea0003-e1b9-11e5-9cee-cfd5f18c7c4a"
ADDRESS = "F0:F1:F2:F3:F4:F5"
COMPUTER = bytes.fromhex("c0c1c2c3c4c5")


async def unmodified_application(scanner_backend, client_backend) -> list[bytes]:
    """As anybody would write it; only the backends are named."""
    device = await BleakScanner.find_device_by_name("eeg", backend=scanner_backend)
    got: list[bytes] = []
    async with BleakClient(device, backend=client_backend) as client:
        await client.start_notify(STREAM, lambda _c, value: got.append(bytes(value)))
        await client.write_gatt_char(CONTROL, b"start", response=True)
        await asyncio.sleep(1)
        await client.stop_notify(STREAM)
        await asyncio.sleep(1)
    return got


def test_an_unmodified_application(radio_world):
    async def main() -> list[bytes]:
        world = await radio_world().start()

        def stream(number: int = 0) -> None:
            if any(isinstance(event, Written) for event in world.events):
                if not world.board.connections():
                    return
                if world.board.is_subscribed(world.connection, world.stream):
                    world.board.notify(world.connection, world.stream, bytes([number]))
                    number += 1
            world.loop.call_later(0.05, stream, number)

        stream()
        return await unmodified_application(
            world.computer.scanner_backend, world.computer.client_backend
        )

    got = run(main())
    assert got == [bytes([n]) for n in range(len(got))]
    assert 18 <= len(got) <= 22


def test_even_the_default_backend_can_be_replaced(radio_world, monkeypatch):
    async def main() -> bool:
        world = await radio_world().start()
        for name, backend in (
            ("scanner", world.computer.scanner_backend),
            ("client", world.computer.client_backend),
        ):
            monkeypatch.setattr(
                bleak, f"get_platform_{name}_backend_type", lambda b=backend: (b, "virtual")
            )
        async with BleakClient(ADDRESS) as client:
            return client.is_connected

    assert run(main())


def test_events_of_a_connection_in_order(radio_world):
    async def main() -> list[object]:
        world = await radio_world().start()
        async with world.client() as client:
            await client.write_gatt_char(CONTROL, b"abc", response=False)
            await asyncio.sleep(0.1)
        return world.events

    connection = 1
    assert run(main()) == [
        CentralConnected(connection, 1, COMPUTER),
        MtuExchanged(connection, 247),
        Written(connection, 19, b"abc"),
        CentralDisconnected(connection, 1, COMPUTER, 0x13),
    ]


def test_disconnect_calls_back_and_a_new_connection_works(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        gone: list[BleakClient] = []
        client = world.client(disconnected_callback=gone.append)
        await client.connect()
        await client.disconnect()
        assert gone == [client]
        assert not client.is_connected
        world.advertise()
        await client.connect()
        assert await client.read_gatt_char(INFO) == b""
        await client.disconnect()
        assert not world.air.links

    run(main())


def test_the_board_can_say_goodbye(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        gone = asyncio.Event()
        async with world.client(disconnected_callback=lambda _c: gone.set()) as client:
            assert world.board.gap_disconnect(world.connection)
            await asyncio.wait_for(gone.wait(), 1)
            assert not client.is_connected
            with pytest.raises(BleakError):
                await client.read_gatt_char(INFO)
        await asyncio.sleep(0.1)  # until the board has its acknowledgement
        assert world.events[-1] == CentralDisconnected(1, 1, COMPUTER, 0x16)
        assert not world.board.gap_disconnect(1)

    run(main())


def test_connecting_to_what_is_not_there_times_out_in_virtual_time_and_can_be_repeated(
    radio_world,
):
    async def main() -> None:
        world = await radio_world().start()
        device = await BleakScanner.find_device_by_name(
            "eeg", backend=world.computer.scanner_backend
        )
        world.board.advertise(None)
        start = world.loop.time()
        with pytest.raises(TimeoutError):
            await world.client(device, timeout=7).connect()
        assert world.loop.time() - start == pytest.approx(7, abs=0.01)
        with pytest.raises(BleakDeviceNotFoundError):
            await world.client("11:22:33:44:55:66", timeout=3).connect()
        world.advertise()
        async with world.client(device) as client:
            assert client.is_connected

    run(main())


def test_giving_up_while_connecting_leaves_nothing_behind(radio_world):
    """Cancelled at every millisecond of a connection set-up."""

    async def attempt(delay_s: float) -> None:
        world = await radio_world().start()
        device = await BleakScanner.find_device_by_name(
            "eeg", backend=world.computer.scanner_backend
        )

        async def connect_and_stay() -> None:
            await world.client(device).connect()
            await asyncio.sleep(10)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connect_and_stay(), delay_s)
        await asyncio.sleep(6)
        assert not (await world.computer.device()).is_le_connecting
        if not world.air.links:
            world.advertise()
            async with world.client(device) as client:
                assert client.is_connected

    for milliseconds in (1, 20, 60, 80, 100, 105, 110, 120, 150, 200, 300, 500):
        run(attempt(milliseconds * 1e-3))


def test_lost_connection_requests_are_repeated(radio_world):
    class LosesRequests:
        left = 2

        def outcome(self, rng, phy, octets):
            connect_ind = 34
            if octets == connect_ind and self.left:
                self.left -= 1
                return 1
            return 0

    async def main() -> None:
        world = await radio_world().start()
        device = await BleakScanner.find_device_by_name(
            "eeg", backend=world.computer.scanner_backend
        )
        world.air.channel = LosesRequests()
        async with world.client(device) as client:
            assert client.is_connected
        world.advertise()
        world.air.channel.left = 3
        with pytest.raises(BleakError):
            await world.client(device).connect()

    run(main())


def test_mtu_stays_23_when_told_to(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        world.computer.keep_default_mtu = True
        async with world.client() as client:
            assert client.mtu_size == 23
            assert world.board.mtu(world.connection) == 23
            parameters = world.computer.link_parameters()
            assert parameters is not None
            assert parameters.mtu == 23
            await client.start_notify(STREAM, lambda _c, _v: None)
            assert world.board.notify(world.connection, world.stream, bytes(20))
            with pytest.raises(OSError, match="21 octets do not fit an MTU of 23"):
                world.board.notify(world.connection, world.stream, bytes(21))

    run(main())


@pytest.mark.parametrize(("asked", "offered", "got"), [(517, 247, 247), (100, 247, 100)])
def test_the_smaller_mtu_counts(radio_world, asked, offered, got):
    async def main() -> int:
        world = await radio_world(board={"mtu": offered}, computer={"mtu": asked}).start()
        async with world.client() as client:
            assert world.board.mtu(world.connection) == client.mtu_size
            characteristic = client.services.get_characteristic(STREAM)
            assert characteristic is not None
            assert characteristic.max_write_without_response_size == client.mtu_size - 3
            return client.mtu_size

    assert run(main()) == got


def test_long_reads_and_writes_and_their_limits(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        text = bytes(range(256)) * 2
        world.board.gatts_write(world.info, text)
        world.board.set_buffer(world.control, 400)
        async with world.client() as client:
            assert await client.read_gatt_char(INFO) == text
            await client.write_gatt_char(CONTROL, text[:400], response=True)
            assert world.board.gatts_read(world.control) == text[:400]
            with pytest.raises(BleakGATTProtocolError) as caught:
                await client.write_gatt_char(CONTROL, text[:401], response=True)
            assert caught.value.code == BleakGATTProtocolErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
            with pytest.raises(BleakError, match="245 octets do not fit"):
                await client.write_gatt_char(CONTROL, bytes(245), response=False)

    run(main())


def test_what_connecting_does_to_the_board_does_not_depend_on_the_services_asked_for(radio_world):
    async def connect(services: list[str] | None) -> tuple[list[bytes], list[str], int]:
        world = await radio_world().start()
        device = world.board.device()
        asked: list[bytes] = []
        serve = device.gatt_server.on_gatt_pdu

        def heard(bearer: object, pdu: object) -> None:
            asked.append(bytes(pdu))  # type: ignore[call-overload]
            serve(bearer, pdu)

        device.gatt_server.on_gatt_pdu = heard
        async with world.client(services=services) as client:
            await asyncio.sleep(1)
            (subscribed,) = device.gatt_server.subscribers.values()
            return asked, [service.uuid for service in client.services], len(subscribed)

    every, uuids, subscribed = run(connect(None))
    assert len(uuids) > 1
    assert subscribed == 1  # to Service Changed
    assert run(connect([SERVICE])) == (every, [SERVICE], 1)
    assert run(connect(["0000180d-0000-1000-8000-00805f9b34fb"])) == (every, [], 1)


def test_cached_reads_cost_no_air(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        world.board.gatts_write(world.info, b"one")
        async with world.client() as client:
            assert await client.read_gatt_char(INFO, use_cached=True) == b"one"
            world.board.gatts_write(world.info, b"two")
            before = world.loop.now_ns()
            assert await client.read_gatt_char(INFO, use_cached=True) == b"one"
            assert world.loop.now_ns() == before
            assert await client.read_gatt_char(INFO) == b"two"

    run(main())


def test_permissions_are_enforced(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        async with world.client() as client:
            with pytest.raises(BleakGATTProtocolError) as caught:
                await client.read_gatt_char(CONTROL)
            assert caught.value.code == BleakGATTProtocolErrorCode.READ_NOT_PERMITTED
            info = client.services.get_characteristic(INFO)
            with pytest.raises(BleakGATTProtocolError) as caught:
                await client.write_gatt_char(info, b"x", response=True)
            assert caught.value.code == BleakGATTProtocolErrorCode.WRITE_NOT_PERMITTED
            with pytest.raises(BleakCharacteristicNotFoundError):
                await client.read_gatt_char("2a19")
            with pytest.raises(BleakError, match="pairing failed"):
                await client.pair()
            assert client.is_connected

    run(main())


def test_subscribing_twice_is_refused_and_unsubscribing_silences(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        async with world.client() as client:
            got: list[bytes] = []
            await client.start_notify(STREAM, lambda _c, v: got.append(bytes(v)))
            with pytest.raises(BleakError, match="already started"):
                await client.start_notify(STREAM, lambda _c, _v: None)
            world.board.notify(world.connection, world.stream, b"1")
            await asyncio.sleep(0.1)
            await client.stop_notify(STREAM)
            with pytest.raises(OSError, match="not subscribed"):
                world.board.notify(world.connection, world.stream, b"2")
            with pytest.raises(BleakError):
                await client.start_notify(INFO, lambda _c, _v: None)
            assert got == [b"1"]

    run(main())


def test_a_failing_callback_of_the_application_does_not_stop_the_link(radio_world):
    async def main() -> tuple[int, list[str]]:
        world = await radio_world().start()
        errors: list[str] = []
        world.loop.set_exception_handler(
            lambda _l, context: errors.append(str(context["exception"]))
        )
        async with world.client() as client:
            calls = 0

            def callback(_c: object, _v: bytearray) -> None:
                nonlocal calls
                calls += 1
                raise RuntimeError("application bug")

            await client.start_notify(STREAM, callback)
            for _ in range(3):
                world.board.notify(world.connection, world.stream, b"x")
                await asyncio.sleep(0.1)
        return calls, errors

    assert run(main()) == (3, ["application bug"] * 3)


def test_two_boards_at_once(radio_world):
    async def main() -> None:
        from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral

        world = await radio_world().start()
        other = Peripheral(world.air, address="F0:F1:F2:F3:F4:F6", name="second board")
        await other.activate()
        ((handle,),) = other.register_services([(SERVICE, [(STREAM, 0x10)])])
        other.advertise(100_000, b"\x04\x09two")
        got: dict[str, list[bytes]] = {"eeg": [], "two": []}
        async with world.client() as first, world.client("F0:F1:F2:F3:F4:F6") as second:
            await first.start_notify(STREAM, lambda _c, v: got["eeg"].append(bytes(v)))
            await second.start_notify(STREAM, lambda _c, v: got["two"].append(bytes(v)))
            for n in range(10):
                world.board.notify(world.connection, world.stream, bytes([n]))
                other.notify(other.connections()[0], handle, bytes([100 + n]))
                await asyncio.sleep(0.05)
            slow = await world.computer.set_link(interval_ms=50, address="F0:F1:F2:F3:F4:F6")
            assert slow is not None
            assert slow.interval_ms == 50
            fast = world.computer.link_parameters("F0:F1:F2:F3:F4:F5")
            assert fast is not None
            assert fast.interval_ms == 15
        assert got == {
            "eeg": [bytes([n]) for n in range(10)],
            "two": [bytes([100 + n]) for n in range(10)],
        }

    run(main())


def test_an_adapter_belongs_to_its_loop(radio_world):
    worlds = []

    async def first() -> None:
        worlds.append(await radio_world().start())

    async def second() -> None:
        with pytest.raises(InfrastructureError, match="another event loop"):
            await BleakScanner.discover(1, backend=worlds[0].computer.scanner_backend)

    run(first())
    run(second())
