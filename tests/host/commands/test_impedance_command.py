"""`eegrig impedance`, from the command line to a scripted board and back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eegrig.host.commands import impedance as command
from eegrig.host.recording.impedance import GOOD_OHM, Contact, Impedance
from eegrig.host.wire.impedance import Drive
from tests.host.room import RunInRoom
from tests.host.scripted_board import NAME


@pytest.fixture
def impedance(eegrig_in_room: RunInRoom) -> RunInRoom:
    return lambda *arguments: eegrig_in_room("impedance", *arguments)


def test_a_table_says_what_every_electrode_has_and_what_good_means(impedance: RunInRoom) -> None:
    code, out, _ = impedance(NAME, "--radio", "room:1", "--seconds", "2")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["electrode", "kΩ", "±", "contact"]
    assert [line[0] for line in lines[1:9]] == ["Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"]
    assert [float(line[1]) for line in lines[1:9]] == pytest.approx(range(10, 90, 10), rel=1e-3)
    assert {line[3] for line in lines[1:9]} == {"good"}
    assert out.endswith("at 31.25 Hz and 6 nA; good up to 100 kΩ, off from 5000 kΩ on\n")


def test_one_electrode_above_the_limit_is_exit_code_1(impedance: RunInRoom) -> None:
    code, out, _ = impedance(
        NAME, "--radio", "room:1", "--seconds", "2", "--good", "75", "--one-by-one", "--json"
    )
    told = json.loads(out)
    assert code == 1
    assert told["limits_ohm"] == {"good": 75e3, "off": 5e6}
    assert told["current_a"] == pytest.approx(6e-9)
    assert [row["contact"] for row in told["electrodes"]] == ["good"] * 7 + ["poor"]
    assert told["electrodes"][7]["ohm"] == pytest.approx(80e3, rel=1e-3)


def test_a_board_that_is_not_there_is_exit_code_3(impedance: RunInRoom) -> None:
    code, _, err = impedance("eegrig-else", "--radio", "room:1")
    assert code == 3
    assert f"seen: {NAME}" in err


def test_a_radio_nobody_knows_is_exit_code_2(impedance: RunInRoom) -> None:
    code, _, err = impedance(NAME, "--radio", "attic:1")
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
