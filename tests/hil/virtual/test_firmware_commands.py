"""Commands to a virtual board that do not wait for each other's answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eegrig.boards import load_board
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.link.board_link import BoardLink
from eegrig.host.link.link_errors import BoardStatusError, LinkLost
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Flag, Pattern, State, Status, TestSignal
from eegrig.host.wire.packet import decode_packet

from ..firmwares import connected


@pytest.fixture(scope="module")
def virtual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualBench]:
    directory: Path = tmp_path_factory.mktemp("board")
    with VirtualBench(load_board("headband8"), directory=directory) as virtual:
        flash_and_identify(virtual.bench)
        yield virtual


def session(virtual: VirtualBench, scenario: Callable[[BoardLink], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with connected(virtual) as link:
            return await scenario(link)

    return virtual.bench.run(run())


async def outcome(command: Awaitable[Any]) -> Status:
    try:
        await command
    except BoardStatusError as error:
        return error.status
    return Status.OK


@pytest.mark.parametrize(
    "command",
    [
        lambda link: link.test_signal(TestSignal.SHORTED),
        lambda link: link.set_rate(500),
        lambda link: link.drive_electrodes(3),
        lambda link: link.sleep(1),
        lambda link: link.start(),
    ],
    ids=["TEST_SIGNAL", "SET_RATE", "IMPEDANCE", "SLEEP", "START"],
)
def test_nothing_changes_between_start_and_its_answer(virtual, command):
    async def scenario(link: BoardLink) -> tuple[Status, Status, set[int]]:
        start = asyncio.create_task(outcome(link.start()))
        await asyncio.sleep(0.15)  # it wakes its front end meanwhile
        refused = await outcome(command(link))
        started = await start
        packets = [decode_packet(data, 8) for data, _ in await link.receive()]
        await link.stop()
        return refused, started, {packet.flags & ~Flag.LOW_LATENCY for packet in packets}

    assert session(virtual, scenario) == (Status.BUSY, Status.OK, {0})


def test_a_start_that_is_stopped_before_the_board_has_come_to_it_is_answered(virtual):
    async def scenario(link: BoardLink) -> list[Status]:
        return await asyncio.gather(outcome(link.start()), outcome(link.stop()))

    assert session(virtual, scenario) == [Status.BUSY, Status.OK]
    assert session(virtual, lambda link: record(link, 0.3)).intact


@pytest.mark.parametrize("name", ["headphone8", "nucleo-wb55-ads1299", "earpatch2"])
def test_commands_right_behind_a_start_are_no_reason_to_give_the_front_end_up(name, tmp_path):
    """The first conversion comes four periods after START; each command cuts a rest short."""
    with VirtualBench(load_board(name), directory=tmp_path) as board:
        flash_and_identify(board.bench)

        async def scenario(link: BoardLink) -> bool:
            await link.start()
            for _ in range(6):
                await link.ping()
            await asyncio.sleep(0.2)
            state = (await link.refresh_info()).state
            await link.stop()
            return state is State.STREAMING

        assert session(board, scenario)


@pytest.mark.parametrize("pattern", [Pattern.EEG, Pattern.THROUGHPUT])
def test_a_stop_right_behind_a_starts_answer_leaves_nothing_that_streams(virtual, pattern):
    async def scenario(link: BoardLink) -> tuple[State, int]:
        await link.start(pattern=pattern)
        await link.stop()
        link.drain()
        await asyncio.sleep(0.5)
        return (await link.refresh_info()).state, len(link.drain())

    assert session(virtual, scenario) == (State.IDLE, 0)


def test_a_board_that_is_about_to_sleep_starts_no_stream(virtual):
    """Whether START still reaches it is the link's timing; that it is not taken, the firmware's."""

    async def started(link: BoardLink) -> Status | None:
        try:
            return await outcome(link.start())
        except LinkLost:
            return None

    async def scenario(link: BoardLink) -> list[Status | None]:
        return await asyncio.gather(outcome(link.sleep(1)), started(link))

    slept, answer = session(virtual, scenario)
    assert slept is Status.OK
    assert answer in (Status.BUSY, None)
