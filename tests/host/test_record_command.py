"""`eegrig record`, from the command line to a scripted board and into files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from edfio import read_bdf

from tests.host.room import Room, RunInRoom
from tests.host.scripted_board import NAME


@pytest.fixture
def record(eegrig_in_room: RunInRoom) -> RunInRoom:
    return lambda *arguments: eegrig_in_room("record", NAME, "--radio", "room:1", *arguments)


def test_it_writes_a_recording_and_what_it_is_of(record: RunInRoom, tmp_path: Path) -> None:
    path = tmp_path / "x.bdf"
    code, out, _ = record("-o", str(path), "--seconds", "3", "--rate", "500")
    assert code == 0
    assert out.startswith(f"{path}: 3 s of 8 channels at 500 SPS from ")
    assert out.endswith("none lost\n")
    signals = read_bdf(path).signals
    assert [(signal.label, len(signal.data)) for signal in signals][:2] == [
        ("Fp1", 1500),
        ("Fp2", 1500),
    ]
    assert json.loads(path.with_suffix(".json").read_text())["sample_rate_sps"] == 500


def test_lost_frames_are_said_and_are_exit_code_1(
    record: RunInRoom, tmp_path: Path, room_set_up: list[Callable[[Room], None]]
) -> None:
    room_set_up.append(lambda room: room.board.lost.update({3, 4}))
    code, out, _ = record("-o", str(tmp_path / "x.bdf"), "--seconds", "2")
    assert code == 1
    assert ", 18 frames lost" in out


def test_as_json_it_tells_what_is_beside_the_file(record: RunInRoom, tmp_path: Path) -> None:
    path = tmp_path / "x.bdf"
    code, out, _ = record("-o", str(path), "--seconds", "1", "--json")
    told = json.loads(out)
    assert code == 0
    assert told.pop("path") == str(path)
    assert told == json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize(
    ("name", "says"), [("x.edf", "let the name end in .bdf"), ("no/x.bdf", "make it first")]
)
def test_a_place_it_cannot_write_is_refused_before_anything(
    record: RunInRoom, tmp_path: Path, name: str, says: str
) -> None:
    code, _, err = record("-o", str(tmp_path / name))
    assert code == 2
    assert says in err


def test_a_rate_the_board_has_not_is_said_in_a_line(record: RunInRoom, tmp_path: Path) -> None:
    code, _, err = record("-o", str(tmp_path / "x.bdf"), "--rate", "300")
    assert code == 2
    assert "300" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "x.bdf").exists()
