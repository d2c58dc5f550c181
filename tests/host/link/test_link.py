"""The link over real bleak and a real link layer in virtual time, to a board that is a script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.host.link.board_link import BoardLink, DeviceInformation
from eegrig.host.link.link_errors import BoardEventError, BoardStatusError, LinkLost
from eegrig.host.wire.constants import EventCode, Pattern, Profile, State, Status, TestSignal
from eegrig.host.wire.control import Event
from eegrig.host.wire.errors import ProtocolError, ProtocolVersionError
from tests.host import peer
from tests.host.room import Room, in_room, linked
from tests.host.scripted_board import NAME


async def collect(link: BoardLink, packets: list[bytes]) -> None:
    async for data, _arrival_ns in link.packets():
        packets.append(data)


# --- connecting ----------------------------------------------------------------------------------


def test_connecting_reads_what_the_board_is_and_the_links_mtu() -> None:
    async def scenario(_room: Room, link: BoardLink) -> None:
        assert link.info.board == "headband8"
        assert link.info.channels == peer.HEADBAND
        assert link.parameters.mtu == 247
        assert link.parameters.interval_ms is None
        assert link.is_connected

    linked(scenario)


def test_a_board_is_found_by_its_address_too() -> None:
    async def scenario(room: Room) -> str:
        address = room.board.radio.own_address().to_string(with_type_qualifier=False)
        async with room.connected(address.lower()) as link:
            return link.info.board

    assert in_room(scenario) == "headband8"


def test_a_board_that_is_not_there_is_one_line_that_names_the_ones_that_are() -> None:
    async def scenario(room: Room) -> None:
        async with room.connected("eegrig-other", timeout_s=3):
            pass

    with pytest.raises(InfrastructureError, match=rf"'eegrig-other' .* \(seen: {NAME}\)"):
        in_room(scenario)


def test_no_board_at_all_is_one_line() -> None:
    async def scenario(room: Room) -> None:
        room.board.radio.deactivate()
        async with room.connected(timeout_s=3):
            pass

    with pytest.raises(InfrastructureError, match="no board was seen at all"):
        in_room(scenario)


def test_another_firmware_is_the_boards_fault() -> None:
    with pytest.raises(BoardFault, match="no Info characteristic: flash it"):
        linked(lambda *_: asyncio.sleep(0), offers_info=False)


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(ProtocolVersionError):
        linked(lambda *_: asyncio.sleep(0), info=peer.info(version=2))


def test_leaving_disconnects_and_the_board_can_be_connected_again() -> None:
    async def scenario(room: Room) -> list[str]:
        names = []
        for _ in range(3):
            async with room.connected() as link:
                names.append(link.info.board)
            assert not link.is_connected
        return names

    assert in_room(scenario) == ["headband8"] * 3


# --- commands ------------------------------------------------------------------------------------


def test_commands_are_answered_and_matched_by_tag() -> None:
    async def scenario(room: Room, link: BoardLink) -> list[int]:
        # The answer to the first comes after the second's.
        delayed = []
        room.board.answers[0x05] = lambda tag, _: (
            delayed.append(peer.response(0x05, tag, 0, 1)) or []  # type: ignore[func-returns-value]
            if not delayed
            else [peer.response(0x05, tag, 0, 2), delayed[0]]
        )
        return list(await asyncio.gather(link.ping(), link.ping()))

    assert linked(scenario) == [1, 2]


def test_set_rate_changes_info() -> None:
    async def scenario(_room: Room, link: BoardLink) -> int:
        await link.set_rate(500)
        return link.info.sample_rate_sps

    assert linked(scenario) == 500


def test_an_impossible_rate_is_refused_with_the_nearest() -> None:
    with pytest.raises(BoardStatusError) as caught:
        linked(lambda _room, link: link.set_rate(300))
    assert str(caught.value) == (
        "the board refused SET_RATE 300: not a rate it has; nearest is 250"
    )
    assert (caught.value.status, caught.value.detail) == (Status.BAD_RATE, 250)
    assert caught.value.exit_code == 2


def test_a_board_that_says_yes_and_does_not_is_wrong() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.board.answers[0x03] = lambda tag, _: [peer.response(0x03, tag)]
        await link.set_rate(500)

    with pytest.raises(BoardFault, match="accepted SET_RATE 500 but says it samples at 250"):
        linked(scenario)


@pytest.mark.parametrize(
    ("status", "detail", "reason", "exit_code"),
    [
        (1, None, "does not know the command", 1),
        (4, None, "stop streaming first", 1),
        (5, 0x3C, "analogue front end does not work; it answers with ID 0x3C", 1),
        (6, 40, "it needs an MTU of at least 43", 3),
        (7, None, "not supported", 2),
    ],
)
def test_every_refusal_says_why(
    status: int, detail: int | None, reason: str, exit_code: int
) -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.board.answers[0x04] = lambda tag, _: [peer.response(0x04, tag, status, detail)]
        await link.test_signal(TestSignal.SHORTED)

    with pytest.raises(
        BoardStatusError, match=f"refused TEST_SIGNAL shorted: .*{reason}"
    ) as caught:
        linked(scenario)
    assert caught.value.exit_code == exit_code


def test_a_board_told_to_sleep_leaves_and_comes_back() -> None:
    async def scenario(room: Room) -> float:
        async with room.connected() as link:
            await link.sleep(20)
            assert not link.is_connected
            asleep_s = room.loop.time()
            with pytest.raises(LinkLost, match="eegrig-test sleeps for 20 s"):
                await link.ping()
        with pytest.raises(InfrastructureError, match="no board was seen"):
            await room.connected(timeout_s=5).__aenter__()
        async with room.connected(timeout_s=30):
            return room.loop.time() - asleep_s

    assert 19 < in_room(scenario) < 22


def test_a_board_that_says_it_sleeps_and_does_not_is_wrong() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.board.leaves = False
        await link.sleep(20)

    with pytest.raises(BoardFault, match="accepted SLEEP 20 but stays connected"):
        linked(scenario)


def test_a_board_that_does_not_answer_is_told_from_a_lost_link() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.board.answers[0x05] = lambda _tag, _: []
        await link.ping()

    with pytest.raises(BoardFault, match="did not answer PING within 5 s"):
        linked(scenario)


@pytest.mark.parametrize(("opcode", "more"), [(0x05, 1), (0x05, 128), (0x04, 0)])
def test_an_answer_to_something_else_is_none_and_named(opcode: int, more: int) -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.board.answers[0x05] = lambda tag, _: [
            peer.response(opcode, (tag + more) % 256, 0, 123_456)
        ]
        await link.ping()

    with pytest.raises(BoardFault, match="did not answer PING within 5 s, and what it did answer"):
        linked(scenario)


def test_an_answer_after_its_time_out_is_not_taken_for_the_next_one() -> None:
    async def scenario(room: Room, link: BoardLink) -> int:
        board = room.board

        def late(tag: int, _: bytes) -> list[bytes]:
            room.loop.call_later(6, board.notify, peer.response(0x05, tag, 0, 1))
            board.answers[0x05] = later
            return []

        def later(tag: int, _: bytes) -> list[bytes]:
            room.loop.call_later(2, board.notify, peer.response(0x05, tag, 0, 2))
            return []

        board.answers[0x05] = late
        with pytest.raises(BoardFault):
            await link.ping()
        return await link.ping()

    assert linked(scenario) == 2


def test_standard_services_are_read() -> None:
    async def scenario(_room: Room, link: BoardLink) -> None:
        assert await link.battery_level() == 87
        assert await link.device_information() == DeviceInformation("eegrig", None, "0.1.0", None)

    linked(scenario)


@pytest.mark.parametrize("level", [b"", b"\x65", b"\x01\x02"])
def test_a_battery_level_that_is_none_is_refused(level: bytes) -> None:
    with pytest.raises(ProtocolError, match="not a percentage"):
        linked(lambda _room, link: link.battery_level(), battery=level)


# --- streaming -----------------------------------------------------------------------------------


def test_packets_come_with_their_time_of_arrival() -> None:
    async def scenario(room: Room, link: BoardLink) -> list[tuple[bytes, int]]:
        start_ns = room.loop.now_ns()
        await link.start(Profile.EFFICIENT, Pattern.COUNTER)
        assert link.info.state is State.STREAMING
        packets: list[tuple[bytes, int]] = []
        async for packet in link.packets():
            packets.append(packet)
            if len(packets) == 20:
                break
        await link.stop()
        assert link.info.state is State.IDLE
        assert room.board.commands[0][2:] == bytes([244, 0, 0, 1])
        return [(data, arrival_ns - start_ns) for data, arrival_ns in packets]

    packets = linked(scenario)
    assert [data for data, _ in packets] == [peer.counter_packet(i, 9 * i) for i in range(20)]
    # Made every 36 ms, and never earlier than the last of the nine frames.
    assert all(
        36e6 * (i + 1) < arrival < 36e6 * (i + 1) + 200e6 for i, (_, arrival) in enumerate(packets)
    )


def test_a_slow_consumer_loses_nothing() -> None:
    async def scenario(_room: Room, link: BoardLink) -> list[bytes]:
        await link.start()
        await asyncio.sleep(5)
        await link.stop()
        return [data for data, _ in link.drain()]

    packets = linked(scenario)
    assert packets == [peer.counter_packet(i, 9 * i) for i in range(len(packets))]
    assert len(packets) > 130


def test_what_was_not_taken_from_one_stream_does_not_get_into_the_next() -> None:
    async def scenario(_room: Room, link: BoardLink) -> bytes:
        await link.start()
        await link.receive()
        await asyncio.sleep(1)
        await link.stop()
        await link.start()
        return (await link.receive())[0][0]

    assert linked(scenario) == peer.counter_packet(0, 0)


def test_an_mtu_that_stays_23_is_one_line_and_nothing_is_started() -> None:
    async def main(room: Room) -> None:
        room.computer.keep_default_mtu = True
        async with room.connected() as link:
            assert link.parameters.mtu == 23
            try:
                await link.start()
            finally:
                assert room.board.commands == []

    with pytest.raises(InfrastructureError) as caught:
        in_room(main)
    assert "MTU of 23: a notification holds 20 bytes, one frame of 8 channels needs 40" in str(
        caught.value
    )


# --- faults --------------------------------------------------------------------------------------


def test_an_event_that_ends_the_stream_reaches_consumer_and_callback() -> None:
    async def scenario(room: Room, link: BoardLink) -> tuple[list[Event], int]:
        heard: list[Event] = []
        link.on_event(heard.append)
        await link.start()

        def front_end_dies() -> None:
            room.board.end_stream()
            room.board.notify(peer.event(1, 123))

        room.loop.call_later(1, front_end_dies)
        packets: list[bytes] = []
        with pytest.raises(BoardEventError) as caught:
            await collect(link, packets)
        assert caught.value.code is EventCode.AFE_LOST
        assert "stopped converting at frame 123" in str(caught.value)
        # The link is alive: the board can be started again.
        await link.start()
        await link.receive()
        return heard, len(packets)

    heard, n_packets = linked(scenario)
    assert heard == [Event(EventCode.AFE_LOST, 123)]
    assert n_packets > 20


@pytest.mark.parametrize("code", [EventCode.OVERRUN, EventCode.BATTERY_LOW])
def test_an_overrun_or_a_low_battery_is_noted_and_ends_nothing(code: EventCode) -> None:
    async def scenario(room: Room, link: BoardLink) -> list[Event]:
        await link.start()
        room.board.notify(peer.event(code, 4))
        for _ in range(5):
            await link.receive()
        return link.events

    assert linked(scenario) == [Event(code, 4)]


def test_nonsense_on_control_reaches_the_consumer() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        await link.start()
        room.board.end_stream()
        room.board.notify(b"\x00")
        await collect(link, [])

    with pytest.raises(ProtocolError, match="neither response nor event"):
        linked(scenario)


def test_a_board_out_of_reach_ends_receiving_after_the_supervision_time_out() -> None:
    async def scenario(room: Room, link: BoardLink) -> float:
        await link.start()
        await link.receive()
        room.computer.vanish()
        start = room.loop.time()
        with pytest.raises(LinkLost, match=r"the link to eegrig-test broke, 4\.\d s after"):
            await collect(link, [])
        assert not link.is_connected
        return room.loop.time() - start

    assert 3.9 < linked(scenario) < 4.3


def test_a_command_that_waits_for_its_answer_ends_when_the_link_breaks() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.board.answers[0x05] = lambda _tag, _: []
        room.loop.call_later(0.5, room.computer.vanish)
        await link.ping()

    with pytest.raises(LinkLost):
        linked(scenario)


@pytest.mark.parametrize(
    "operation",
    [
        lambda link: link.ping(),
        lambda link: link.start(),
        lambda link: link.refresh_info(),
        lambda link: link.battery_level(),
        lambda link: link.device_information(),
    ],
)
def test_whatever_is_tried_on_a_lost_link_says_so(
    operation: Callable[[BoardLink], Awaitable[object]],
) -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.computer.vanish()
        await asyncio.sleep(10)
        await operation(link)

    with pytest.raises(LinkLost, match="the link to eegrig-test broke"):
        linked(scenario)


@pytest.mark.parametrize("n_polls", [0, 3])
def test_a_link_that_breaks_while_something_is_read_says_so(n_polls: int) -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.loop.call_later(0.01 * n_polls, room.computer.vanish)
        while True:
            await link.refresh_info()

    with pytest.raises(LinkLost):
        linked(scenario)


def test_a_board_that_comes_back_can_be_connected_again() -> None:
    async def scenario(room: Room) -> bytes:
        async with room.connected() as link:
            room.computer.vanish()
            with pytest.raises(LinkLost):
                await link.receive()
        room.computer.come_back()
        await asyncio.sleep(5)
        async with room.connected() as link:
            await link.start()
            return (await link.receive())[0][0]

    assert in_room(scenario) == peer.counter_packet(0, 0)


def test_who_still_waits_when_the_link_is_closed_is_told() -> None:
    async def scenario(room: Room) -> None:
        async with room.connected() as link:
            waiting = asyncio.create_task(link.receive())
            await asyncio.sleep(0.1)
        await waiting

    with pytest.raises(LinkLost, match="was closed"):
        in_room(scenario)
