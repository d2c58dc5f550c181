"""`eegrig impedance`, from the command line to a scripted board and back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from host import cli, radio
from host.commands import impedance as command
from host.impedance import GOOD_OHM, Contact, Drive, Impedance
from tests.host.room import Room, in_room
from tests.host.scripted_board import NAME

Run = Callable[..., tuple[object, str, str]]


@pytest.fixture
def eegrig(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
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
            return await main

        return in_room(scenario)

    def run(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as caught:
            cli.main(("impedance", *arguments))
        return caught.value.code, *capsys.readouterr()

    monkeypatch.setattr(radio, "entry_points", lambda group: [Point()])
    monkeypatch.setattr(asyncio, "run", run_in_room)
    return run


def test_a_table_says_what_every_electrode_has_and_what_good_means(eegrig: Run) -> None:
    code, out, _ = eegrig(NAME, "--radio", "room:1", "--seconds", "2")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["electrode", "kΩ", "±", "contact"]
    assert [line[0] for line in lines[1:9]] == ["Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"]
    assert [float(line[1]) for line in lines[1:9]] == pytest.approx(range(10, 90, 10), rel=1e-3)
    assert {line[3] for line in lines[1:9]} == {"good"}
    assert out.endswith("at 31.25 Hz and 6 nA; good up to 100 kΩ, off from 5000 kΩ on\n")


def test_one_electrode_above_the_limit_is_exit_code_1(eegrig: Run) -> None:
    code, out, _ = eegrig(
        NAME, "--radio", "room:1", "--seconds", "2", "--good", "75", "--one-by-one", "--json"
    )
    told = json.loads(out)
    assert code == 1
    assert told["limits_ohm"] == {"good": 75e3, "off": 5e6}
    assert told["current_a"] == pytest.approx(6e-9)
    assert [row["contact"] for row in told["electrodes"]] == ["good"] * 7 + ["poor"]
    assert told["electrodes"][7]["ohm"] == pytest.approx(80e3, rel=1e-3)


def test_a_board_that_is_not_there_is_exit_code_3(eegrig: Run) -> None:
    code, _, err = eegrig("eegrig-else", "--radio", "room:1")
    assert code == 3
    assert f"seen: {NAME}" in err


def test_a_radio_nobody_knows_is_exit_code_2(eegrig: Run) -> None:
    code, _, err = eegrig(NAME, "--radio", "attic:1")
    assert code == 2
    assert "others: room:NAME" in err


def test_the_limits_part_good_from_poor_from_off() -> None:
    ohm = np.array([0.0, GOOD_OHM, GOOD_OHM + 1, 4.9e6, 5e6, 5e3])
    clipped = np.array([False] * 5 + [True])
    measured = Impedance(tuple("abcdef"), ohm, ohm / 100, clipped, Drive(6e-9, 31.25))
    good, poor, off = Contact
    assert measured.contacts() == (good, good, poor, poor, off, off)
    assert measured.contacts(good_ohm=1e6) == (good, good, good, poor, off, off)
    assert command._as_dict("b", measured, measured.contacts(), GOOD_OHM)["electrodes"][5] == {
        "channel": "f",
        "ohm": None,
        "uncertainty_ohm": None,
        "contact": "off",
    }


def test_the_commands_limit_is_the_librarys() -> None:
    assert command._GOOD_KOHM * 1e3 == GOOD_OHM
