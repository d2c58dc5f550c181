"""A board that falls silent at any moment of a session: it ends, soon, and says why."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from eegrig.boards.errors import EegrigError
from eegrig.host.link.throughput import measure_throughput
from eegrig.host.recording.impedance import measure_impedance
from eegrig.host.recording.recorder import record
from tests.host.room import Room, in_room

LIMIT_S = 60.0


def firmware_hangs(room: Room) -> None:
    room.board.hung = True


def radio_is_gone(room: Room) -> None:
    room.board.radio.set_reachable(False)


def answers_have_other_tags(room: Room) -> None:
    notify = room.board.notify
    room.board.notify = lambda data: notify(data[:1] + bytes([data[1] ^ 0x55]) + data[2:])


async def session(room: Room) -> None:
    """Everything a host does with a board, once."""
    async with room.connected() as link:
        await link.set_rate(500)
        await record(link, 1)
        await measure_throughput(link, 1, settle_s=0.2)
        await measure_impedance(link, seconds=2.0)
        await link.ping()
        await link.battery_level()
        await link.sleep(1)
    async with room.connected() as link:
        await link.refresh_info()


def until_it_ends(fault: Callable[[Room], None] | None, at_s: float) -> tuple[float, str]:
    """Run a session with a fault at some time; return how long it took, and what was said."""

    async def scenario(room: Room) -> tuple[float, str]:
        room.board.rate = 500
        if fault is not None:
            room.loop.call_later(at_s, fault, room)
        try:
            await session(room)
        except EegrigError as error:
            return room.loop.time(), str(error)
        return room.loop.time(), ""

    return in_room(scenario)


@pytest.fixture(scope="module")
def length_s() -> float:
    took_s, said = until_it_ends(None, 0.0)
    assert said == ""
    return took_s


@pytest.mark.parametrize("fault", [firmware_hangs, radio_is_gone, answers_have_other_tags])
def test_a_session_ends_within_a_minute_of_any_fault(
    fault: Callable[[Room], None], length_s: float
) -> None:
    connected_s = 1.0
    moments = [*np.linspace(0, connected_s, 12), *np.linspace(connected_s, length_s, 16)[1:-1]]
    ended = []
    for at_s in moments:
        took_s, said = until_it_ends(fault, at_s)
        assert took_s < at_s + LIMIT_S, f"at {at_s:.3f} s: {said}"
        assert "\n" not in said
        ended.append(said)
    # It makes a difference at least as long as there are commands, and not always the same one.
    assert "" not in ended[: len(ended) // 2]
    assert len(set(ended)) > 3
