"""A scripted board and a computer within reach of each other, on one virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.clock import VirtualLoop, run
from eegrig.hil.virtual.computer_radio.central import Central
from eegrig.host.link.board_link import BoardLink
from eegrig.host.link.connection import connect
from tests.host.scripted_board import NAME, ScriptedBoard

T = TypeVar("T")

RunInRoom = Callable[..., tuple[object, str, str]]
"""Runs the command line; gives exit code, standard output and standard error."""


@dataclass
class Room:
    loop: VirtualLoop
    board: ScriptedBoard
    computer: Central

    @asynccontextmanager
    async def connected(self, name: str = NAME, **settings: Any) -> AsyncIterator[BoardLink]:
        async with connect(
            name,
            scanner_backend=self.computer.scanner_backend,
            client_backend=self.computer.client_backend,
            now_ns=self.loop.now_ns,
            **settings,
        ) as link:
            yield link


def in_room(scenario: Callable[[Room], Awaitable[T]], **board: Any) -> T:
    """Run a scenario with a board that is switched on."""

    async def main() -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        air = Air(loop, seed=1)
        room = Room(loop, ScriptedBoard(air, **board), Central(air))
        await room.board.switch_on()
        return await scenario(room)

    return run(main())


def linked(scenario: Callable[[Room, BoardLink], Awaitable[T]], **board: Any) -> T:
    """Run a scenario with a board that is connected."""

    async def main(room: Room) -> T:
        async with room.connected() as link:
            return await scenario(room, link)

    return in_room(main, **board)
