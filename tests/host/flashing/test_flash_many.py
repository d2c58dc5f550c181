"""`eegrig flash` of several boards at once, and what it notes about each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual.chip.nrf52840 import Nrf52840
from eegrig.hil.virtual.debug_probe.probe import attach, detach
from eegrig.hil.virtual.registry import state_directory
from eegrig.host.flashing.probe import fitting_probes
from eegrig.host.image.firmware_image import build_image, read_image

BOARD = load_board("headband8")
BOARDS = [f"virtual:headband8-{number}" for number in (1, 2, 3)]


@pytest.fixture
def state(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def image(tmp_path) -> Path:
    firmware = tmp_path / "firmware"
    firmware.mkdir()
    (firmware / "main.py").write_text("print('hello')\n")
    path = tmp_path / "image.bin"
    build_image(BOARD, firmware).write(path)
    return path


def eegrig(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, which then has some more."""
    command = Path(sys.executable).with_name("eegrig")
    return subprocess.run(
        [str(command), *arguments], env=os.environ, capture_output=True, text=True, check=False
    )


def flash_all(image: Path, probes: list[str], *more: str) -> subprocess.CompletedProcess[str]:
    chosen = [argument for uid in probes for argument in ("--probe", uid)]
    return eegrig("flash", "headband8", "--image", str(image), *chosen, *more)


def holds(name: str, image: Path) -> bool:
    region = BOARD.mcu.filesystem
    flash = (state_directory(name) / "flash.bin").read_bytes()
    found = read_image(flash[region.start : region.start + region.size])
    return found.application_files == read_image(image.read_bytes()).application_files


def test_each_board_is_flashed_and_has_a_line_in_the_record(state, image):
    record = state / "boards.jsonl"
    ended = flash_all(image, BOARDS, "--json", "--record", str(record), "--operator", "Ada")
    assert ended.returncode == 0, ended.stderr
    results = json.loads(ended.stdout)
    assert [result["probe"] for result in results] == BOARDS
    assert all(holds(uid.removeprefix("virtual:"), image) for uid in BOARDS)
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert sorted(line["probe"] for line in lines) == BOARDS
    assert {line["chip_id"] for line in lines} == {result["chip_id"] for result in results}
    assert len({line["chip_id"] for line in lines}) == 3
    for line in lines:
        assert (line["schema"], line["operator"], line["result"]) == (1, "Ada", "pass")
        assert line["image_hash"] == results[0]["image_hash"]


def test_a_board_that_fails_does_not_stop_the_others(state, image):
    locked = Nrf52840(state_directory("headband8-2"))
    locked.lock()
    locked.close()
    record = state / "boards.jsonl"
    ended = flash_all(image, [*BOARDS, "virtual:nothing"], "--record", str(record))
    assert ended.returncode == 3
    assert "is locked" in ended.stdout
    assert "no debug probe with the id" in ended.stdout
    assert holds("headband8-1", image)
    assert holds("headband8-3", image)
    by_probe = {line["probe"]: line for line in map(json.loads, record.read_text().splitlines())}
    codes = {uid: line["exit_code"] for uid, line in by_probe.items()}
    assert codes == dict(zip([*BOARDS, "virtual:nothing"], [0, 1, 0, 3], strict=True))
    assert "is locked" in by_probe[BOARDS[1]]["error"]


def test_a_board_in_use_says_who_has_it(state, image):
    held = Nrf52840(state_directory("headband8-1"))
    ended = flash_all(image, BOARDS[:1])
    held.close()
    assert ended.returncode == 3
    assert f"in use by process {os.getpid()}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--all", "--probe", "x"], "leave --probe away"),
        (["--probe", "x", "--probe", "x"], "x is given twice"),
        (["--probe", "x", "--probe", "y", "--console", "/dev/tty9"], "say whose it is"),
        (["--erase", "chip"], "--runtime"),
        (["--record", "/nowhere/at/all.jsonl"], "cannot write the record"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_board_is_touched(state, image, arguments, message):
    ended = eegrig("flash", "headband8", "--image", str(image), *arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not state_directory("headband8").exists()


# ---- which probes fit


def test_all_takes_the_boards_that_are_there_and_no_other_kind(state):
    chips = {name: Nrf52840(seed=name) for name in ("line-1", "line-2", "hairclip1")}
    for name, chip in chips.items():
        attach(name, chip)
    try:
        assert fitting_probes(BOARD) == ["virtual:line-1", "virtual:line-2"]
    finally:
        for name in chips:
            detach(name)


def test_all_of_none_is_an_error_and_makes_no_board_and_no_record(state, image):
    record = state / "boards.jsonl"
    ended = eegrig("flash", "headband8", "--all", "--image", str(image), "--record", str(record))
    assert ended.returncode == 3
    assert "no debug probe found that a headband8 could be behind" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not record.exists()
    assert not state_directory("headband8").exists()


def test_no_probe_that_fits_is_one_line(state, monkeypatch):
    monkeypatch.setenv("EEGRIG_VIRTUAL", "0")
    monkeypatch.setattr("eegrig.host.flashing.probe.list_probes", list)
    with pytest.raises(InfrastructureError, match=r"no debug probe found that a headband8"):
        fitting_probes(BOARD)
