"""`eegrig record`, from the command line to a scripted board and into files."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from edfio import read_bdf

from eegrig.host.streaming.decoder import StreamDecoder
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


def _falls_silent(room: Room, _patch: pytest.MonkeyPatch) -> None:
    room.board.mute_after = 50


def _goes_out_of_reach(room: Room, _patch: pytest.MonkeyPatch) -> None:
    room.loop.call_later(4, room.computer.vanish)


def _is_interrupted(room: Room, _patch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    room.loop.call_later(4, interrupt)


def _has_a_bug(room: Room, patch: pytest.MonkeyPatch) -> None:
    feed, packets = StreamDecoder.feed, iter(range(50))

    def broken(self: StreamDecoder, data: bytes, arrival_ns: int) -> object:
        if next(packets, None) is None:
            raise KeyError("x")
        return feed(self, data, arrival_ns)

    patch.setattr(StreamDecoder, "feed", broken)


@pytest.mark.parametrize(
    ("ending", "expected"),
    [(_falls_silent, 1), (_goes_out_of_reach, 3), (_is_interrupted, 130), (_has_a_bug, 3)],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_however_it_ends_what_arrived_is_in_the_file(
    record: RunInRoom,
    tmp_path: Path,
    room_set_up: list[Callable[[Room], None]],
    monkeypatch: pytest.MonkeyPatch,
    ending: Callable[[Room, pytest.MonkeyPatch], None],
    expected: int,
    as_json: bool,
) -> None:
    room_set_up.append(lambda room: ending(room, monkeypatch))
    path = tmp_path / "x.bdf"
    code, _, err = record("-o", str(path), "--seconds", "60", *(["--json"] * as_json))
    assert code == expected
    told = re.search(rf"the ([\d.]+) s that arrived until then are in {re.escape(str(path))}", err)
    assert told is not None
    seconds = float(told[1])
    assert 1.0 < seconds < 5.0
    file = read_bdf(path)
    assert len(file.signals) == 8
    assert seconds <= file.duration < seconds + 0.5
    sidecar = json.loads(path.with_suffix(".json").read_text())
    assert sidecar["duration_s"] == pytest.approx(seconds, abs=1e-3)


def test_a_recording_that_never_began_leaves_no_file(
    record: RunInRoom, tmp_path: Path, room_set_up: list[Callable[[Room], None]]
) -> None:
    room_set_up.append(lambda room: setattr(room.board, "mute_after", 0))
    code, _, err = record("-o", str(tmp_path / "x.bdf"))
    assert code == 1
    assert "arrived" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_the_room_is_found_before_the_board_is_started(
    record: RunInRoom,
    tmp_path: Path,
    room_set_up: list[Callable[[Room], None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rooms: list[Room] = []
    room_set_up.append(rooms.append)
    usage = shutil.disk_usage(tmp_path)._replace(free=1_500_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    code, _, err = record("-o", str(tmp_path / "x.bdf"), "--seconds", "200")
    assert code == 2
    assert "it needs 2.2 MB, and there is room for 1.5 MB" in err
    assert rooms[0].board.commands == []
    assert list(tmp_path.iterdir()) == []
