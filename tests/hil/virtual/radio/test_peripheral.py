"""The board's side: what MicroPython's ``bluetooth`` is made of."""

from __future__ import annotations

import asyncio
import errno

import numpy as np
import pytest
from bumble import att
from hypothesis import given, settings
from hypothesis import strategies as st

from eegrig.hil.virtual.air.acl import AclBuffers
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral
from eegrig.hil.virtual.board_bluetooth.peripheral_events import IndicateDone, Written
from eegrig.hil.virtual.clock import run
from eegrig.hil.virtual.computer_radio.adapter import RequestedLink

SERVICE = "e9ea0000-e1b9-11e5-9cee-cfd5f18c7c4a"
STREAM = "e9ea0001-e1b9-11e5-9cee-cfd5f18c7c4a"
CONTROL = "e9ea0002-e1b9-11e5-9cee-cfd5f18c7c4a"
INFO = "e9ea0003-e1b9-11e5-9cee-cfd5f18c7c4a"
READ, WRITE, NOTIFY, INDICATE = 0x02, 0x08, 0x10, 0x20


def test_everything_needs_the_radio_on():
    async def main() -> None:
        board = Peripheral(Air(asyncio.get_running_loop()))
        assert not board.active
        for call in (
            lambda: board.advertise(100_000),
            lambda: board.register_services([]),
            lambda: board.gatts_read(3),
            lambda: board.gatts_write(3, b""),
            lambda: board.notify(1, 3, b""),
            lambda: board.gap_disconnect(1),
        ):
            with pytest.raises(OSError, match="radio is off") as caught:
                call()
            assert caught.value.errno == errno.ENODEV

    run(main())


def test_switching_on_takes_no_virtual_time(radio_world):
    async def main() -> int:
        world = await radio_world().start()
        return world.loop.now_ns()

    assert run(main()) == 0


def test_handles_come_per_service_values_first_then_their_descriptors(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        handles = world.board.register_services(
            [
                (0x180F, [(0x2A19, READ | NOTIFY)]),
                (
                    bytes.fromhex("4a7c8cf1d5cfee9ce511b9e10000eae9"),
                    [(INFO, READ, [(0x2901, READ), ("2902", READ | WRITE)]), (CONTROL, WRITE)],
                ),
            ]
        )
        assert [len(service) for service in handles] == [1, 4]
        flat = [handle for service in handles for handle in service]
        assert flat == sorted(set(flat))
        (level,), (info, described, _configured, _control) = handles
        world.board.gatts_write(level, b"\x63")
        world.board.gatts_write(info, b"info")
        world.board.gatts_write(described, b"what it is")
        async with world.client() as client:
            assert await client.read_gatt_char("2a19") == b"\x63"
            characteristic = client.services.get_characteristic(INFO)
            assert characteristic.service_uuid == SERVICE
            assert await client.read_gatt_descriptor(described) == b"what it is"
            assert characteristic.properties == ["read"]

    run(main())


def test_registering_again_replaces_the_services(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        ((handle,),) = world.board.register_services([(0x180F, [(0x2A19, READ)])])
        async with world.client() as client:
            uuids = {service.uuid[4:8] for service in client.services}
            assert uuids == {"1800", "1801", "180f"}
        with pytest.raises(OSError, match="no value has handle"):
            world.board.gatts_read(handle + 1)

    run(main())


def test_a_malformed_definition_is_refused(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        with pytest.raises(OSError, match="a characteristic is") as caught:
            world.board.register_services([(0x180F, [(0x2A19,)])])
        assert caught.value.errno == errno.EINVAL

    run(main())


def test_writes_are_limited_to_20_octets_until_a_buffer_is_set(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        async with world.client() as client:
            await client.write_gatt_char(CONTROL, bytes(20), response=True)
            with pytest.raises(Exception, match="Length"):
                await client.write_gatt_char(CONTROL, bytes(21), response=True)
            assert world.board.gatts_read(world.control) == bytes(20)
            world.board.set_buffer(world.control, 100)
            assert world.board.gatts_read(world.control) == b""
            await client.write_gatt_char(CONTROL, bytes(100), response=True)
            assert world.board.gatts_read(world.control) == bytes(100)

    run(main())


def test_append_mode_collects_until_read(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        world.board.set_buffer(world.control, 10, append=True)
        async with world.client() as client:
            for part in (b"abc", b"def"):
                await client.write_gatt_char(CONTROL, part, response=True)
            assert [e.data for e in world.events if isinstance(e, Written)] == [b"abc", b"def"]
            assert world.board.gatts_read(world.control) == b"abcdef"
            assert world.board.gatts_read(world.control) == b""

    run(main())


def test_a_host_takes_frames_until_it_is_full_and_more_as_they_are_acknowledged(radio_world):
    async def main() -> None:
        requested = RequestedLink(phy=2, interval_ms=100)
        world = await radio_world(requested=requested, board={"acl": AclBuffers(3, 251, 3)}).start()
        async with world.client() as client:
            got: list[int] = []
            await client.start_notify(STREAM, lambda _c, v: got.append(v[0]))
            (link,) = world.air.links
            await asyncio.sleep((link.next_anchor_ns - world.loop.now_ns() + 30_000_000) * 1e-9)
            taken: dict[int, float] = {}

            def notify(number: int) -> bool:
                def at() -> None:
                    taken[number] = world.loop.time()

                return world.board.notify(world.connection, world.stream, bytes([number]), at)

            assert [notify(n) for n in range(6)] == [True, True, True, False, False, False]
            assert taken == {}
            anchor = link.next_anchor_ns
            await asyncio.sleep(0.1)
            # All of them in this event, each in the place of one that was acknowledged in it; the
            # acknowledgement of the last one comes in the next event.
            assert got == list(range(6))
            assert sorted(taken) == [3, 4, 5]
            assert anchor < taken[3] * 1e9 < taken[4] * 1e9 < taken[5] * 1e9 < anchor + 4_000_000
            assert [notify(n) for n in range(6, 9)] == [True, True, False]
            await asyncio.sleep(0.3)
            assert got == list(range(9))

    run(main())


@pytest.mark.parametrize(
    ("buffers", "intervals"),
    [
        # The next packet is there within the inter frame space: one in every event.
        (AclBuffers(packets=1, frames=1), 1),
        # It is not: the event that completes a packet is over before the next one is there.
        (AclBuffers(packets=1, frames=1, refill_ns=300_000), 2),
    ],
)
def test_one_packet_under_way_is_one_in_one_or_two_events(radio_world, buffers, intervals):
    async def main() -> None:
        requested = RequestedLink(phy=2, interval_ms=20)
        world = await radio_world(requested=requested, board={"acl": buffers}).start()
        async with world.client() as client:
            arrived: list[float] = []
            await client.start_notify(STREAM, lambda _c, _v: arrived.append(world.loop.time()))
            world.saturate()
            await asyncio.sleep(2)
            world.saturating = False
            steps_ms = np.diff(arrived[5:]) * 1e3
            assert steps_ms == pytest.approx(20.0 * intervals, abs=0.5)

    run(main())


def test_a_host_that_has_waited_long_enough_sends_all_the_same(radio_world):
    async def main() -> None:
        buffers = AclBuffers(packets=1, frames=1, timeout_ns=100_000_000)
        requested = RequestedLink(phy=2, interval_ms=400, timeout_ms=4000)
        world = await radio_world(requested=requested, board={"acl": buffers}).start()
        async with world.client() as client:
            got: list[int] = []
            await client.start_notify(STREAM, lambda _c, v: got.append(v[0]))
            (link,) = world.air.links
            await asyncio.sleep((link.next_anchor_ns - world.loop.now_ns() + 10_000_000) * 1e-9)
            taken: list[float] = []
            start = world.loop.time()
            for number in range(3):
                world.board.notify(
                    world.connection,
                    world.stream,
                    bytes([number]),
                    lambda: taken.append(world.loop.time() - start),
                )
            await asyncio.sleep(0.35)
            assert taken == pytest.approx([0.1, 0.1], abs=1e-3)
            assert got == []
            await asyncio.sleep(0.1)
            assert got == [0, 1, 2]

    run(main())


def test_a_frame_goes_in_the_packets_the_controller_takes(radio_world):
    """With packets of 27 octets a frame of 251 is ten of them, each with its own air time."""

    async def main() -> None:
        board = {"acl": AclBuffers(packets=3, octets=27, frames=3), "max_octets": 27}
        world = await radio_world(
            requested=RequestedLink(phy=2, interval_ms=50), board=board
        ).start()
        async with world.client() as client:
            got: list[bytes] = []
            await client.start_notify(STREAM, lambda _c, v: got.append(bytes(v)))
            (link,) = world.air.links
            before = link.peripheral.pdus
            data = bytes(range(244))
            world.board.notify(world.connection, world.stream, data)
            await asyncio.sleep(0.2)
            assert got == [data]
            assert link.peripheral.pdus - before == 10

    run(main())


def test_what_waits_is_gone_with_its_connection(radio_world):
    async def main() -> None:
        world = await radio_world(requested=RequestedLink(phy=2, timeout_ms=500)).start()
        async with world.client() as client:
            await client.start_notify(STREAM, lambda _c, _v: None)
            world.computer.vanish()
            connection = world.connection
            taken: list[int] = []
            while world.board.notify(connection, world.stream, b"x", lambda: taken.append(1)):
                pass
            await asyncio.sleep(1)
            assert taken == []
            with pytest.raises(OSError, match="no connection") as caught:
                world.board.notify(connection, world.stream, b"x")
            assert caught.value.errno == errno.ENOENT
        world.computer.come_back()
        world.advertise()
        async with world.client() as client:
            await client.start_notify(STREAM, lambda _c, _v: None)
            assert world.board.notify(world.connection, world.stream, b"x")

    run(main())


def test_what_notify_refuses(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        async with world.client() as client:
            connection = world.connection
            with pytest.raises(OSError, match="not subscribed") as caught:
                world.board.notify(connection, world.stream, b"x")
            assert caught.value.errno == errno.EINVAL
            await client.start_notify(STREAM, lambda _c, _v: None)
            with pytest.raises(OSError, match="245 octets do not fit") as caught:
                world.board.notify(connection, world.stream, bytes(245))
            assert caught.value.errno == errno.ENOMEM
            with pytest.raises(OSError, match="no value") as caught:
                world.board.notify(connection, 999)
            assert caught.value.errno == errno.EINVAL

    run(main())


def test_notifying_the_value_as_it_is_and_updates_on_write(radio_world):
    async def main() -> list[bytes]:
        world = await radio_world().start()
        world.board.gatts_write(world.stream, b"nobody", send_update=True)
        async with world.client() as client:
            got: list[bytes] = []
            await client.start_notify(STREAM, lambda _c, v: got.append(bytes(v)))
            world.board.notify(world.connection, world.stream)
            world.board.gatts_write(world.stream, b"new", send_update=True)
            await asyncio.sleep(0.1)
        return got

    assert run(main()) == [b"nobody", b"new"]


def test_indications_are_confirmed(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        ((handle,),) = world.board.register_services([(SERVICE, [(STREAM, INDICATE)])])
        async with world.client() as client:
            got: list[bytes] = []
            await client.start_notify(STREAM, lambda _c, v: got.append(bytes(v)))
            connection = world.connection
            world.board.indicate(connection, handle, b"one")
            world.board.indicate(connection, handle, b"two")
            await asyncio.sleep(0.5)
            assert got == [b"one", b"two"]
            done = [e for e in world.events if isinstance(e, IndicateDone)]
            assert done == [IndicateDone(connection, handle, 0)] * 2
            world.computer.vanish()
            world.board.indicate(connection, handle, b"lost")
            await asyncio.sleep(40)
            assert world.events[-1] == IndicateDone(connection, handle, errno.ETIMEDOUT)

    run(main())


def test_the_gap_name_can_be_read(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        world.board.set_name("headband")
        async with world.client() as client:
            assert await client.read_gatt_char("2a00") == b"headband"

    run(main())


requests = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.builds(
        lambda op, body: bytes([op]) + body,
        st.sampled_from([0x02, 0x04, 0x06, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x12, 0x16, 0x18, 0x20]),
        st.binary(max_size=40),
    ),
)


@settings(max_examples=25)
@given(st.lists(requests, min_size=1, max_size=25))
def test_no_request_however_malformed_breaks_the_server(radio_world, malformed):
    async def main() -> None:
        world = await radio_world().start()
        world.board.gatts_write(world.info, b"still here")
        errors: list[object] = []
        world.loop.set_exception_handler(lambda _l, context: errors.append(context))
        async with world.client() as client:
            link = world.computer._device.connections[1]
            for pdu in malformed:
                link.send_l2cap_pdu(att.ATT_CID, pdu)
            await asyncio.sleep(1)
            assert errors == []
            # What was written by chance may have changed the value, but there is an answer.
            assert isinstance(await client.read_gatt_char(INFO), bytearray)

    run(main())


@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        (b"\x0a", b"\x01\x0a\x00\x00\x04"),  # Read Request without a handle: Invalid PDU
        (b"\x0a\x03", b"\x01\x0a\x00\x00\x04"),
        (b"\x3e\x00\x00", b"\x01\x3e\x00\x00\x06"),  # unknown request: Request Not Supported
        (b"\x0a\xff\x7f", b"\x01\x0a\xff\x7f\x01"),  # Invalid Handle
    ],
)
def test_malformed_requests_are_answered(radio_world, pdu, answer):
    async def main() -> list[bytes]:
        world = await radio_world().start()
        async with world.client():
            heard: list[bytes] = []
            computer = world.computer._device
            computer.l2cap_channel_manager.register_fixed_channel(
                att.ATT_CID, lambda _handle, data: heard.append(bytes(data))
            )
            computer.connections[1].send_l2cap_pdu(att.ATT_CID, pdu)
            await asyncio.sleep(0.2)
            return heard

    assert run(main()) == [answer]
