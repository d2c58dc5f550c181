"""The command line beside a scripted board, in one room and one virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from eegrig.host.commands import cli
from eegrig.host.link import radio
from tests.host.room import Room, RunInRoom, in_room


@pytest.fixture
def room_set_up() -> list[Callable[[Room], None]]:
    """What to do with each room before the command speaks to its board."""
    return []


@pytest.fixture
def eegrig_in_room(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    room_set_up: list[Callable[[Room], None]],
) -> RunInRoom:
    """Run the command line where `--radio room:x` is a computer beside a scripted board."""
    rooms: list[Room] = []

    @contextlib.asynccontextmanager
    async def backends(_name: str) -> AsyncIterator[tuple[Any, Any]]:
        computer = rooms[-1].computer
        yield computer.scanner_backend, computer.client_backend

    class Point:
        name = "room"

        def load(self) -> Any:
            return backends

    def run_in_room(main: Coroutine[Any, Any, Any]) -> Any:
        async def scenario(room: Room) -> Any:
            rooms.append(room)
            for set_up in room_set_up:
                set_up(room)
            return await main

        return in_room(scenario)

    def run(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        return caught.value.code, *capsys.readouterr()

    monkeypatch.setattr(radio, "entry_points", lambda group: [Point()])
    monkeypatch.setattr(asyncio, "run", run_in_room)
    for command in ("impedance", "record", "update"):
        monkeypatch.setattr(f"eegrig.host.commands.{command}.run_async", run_in_room)
    return run
