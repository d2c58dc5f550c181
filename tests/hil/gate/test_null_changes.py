"""Changes that do nothing are what they say, and what they measured is what is in use."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.hil.gate.null_changes import CHANGES, alarms, moves_table
from eegrig.hil.gate.residual_noise import LEAST_CHANGES
from eegrig.host.image.application import default_firmware
from eegrig.host.image.firmware_image import build_image

from .runs import GOODPUT, POWER, run

PAGE = Path(__file__).parents[3] / "docs" / "gate.md"


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    place = tmp_path / "firmware"
    shutil.copytree(default_firmware(), place, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def test_there_are_enough_of_them_for_a_bound() -> None:
    assert len(CHANGES) >= LEAST_CHANGES


@pytest.mark.parametrize("change", CHANGES)
def test_each_changes_the_sources(change: object, copy: Path) -> None:
    assert callable(change)
    change(copy)
    assert contents(copy) != contents(default_firmware())


def test_a_renamed_module_is_found_under_its_new_name_only(copy: Path) -> None:
    CHANGES[16](copy)
    assert not any("slot_files" in text for text in contents(copy).values())
    assert build_image(load_board("headband8"), firmware_dir=copy).manifest.image_hash


def test_what_figures_moved_by_is_told_by_group() -> None:
    before = run({POWER: 0.01, GOODPUT: 25e4})
    changed = [run({POWER: 0.01 * (1 + 1e-4 * (-1) ** at), GOODPUT: 25e4}) for at in range(20)]
    rows = [row.split(" | ") for row in moves_table(before, changed).splitlines()[2:]]
    assert rows[0][:3] == ["| `power.*`", "20 of 20", "0.01 %"]
    assert rows[-1][:3] == ["| `bandwidth.*`", "0 of 20", "0"]


def test_a_change_that_does_something_raises_an_alarm() -> None:
    before = run({POWER: 0.01})
    changed = [run({POWER: 0.01}, image="b" * 64), run({POWER: 0.0102}, image="c" * 64)]
    assert alarms(before, changed) == [f"{POWER}, change 2"]


def test_bounds_in_use_on_the_page_are_no_less_than_what_was_measured() -> None:
    rows = re.findall(r"^\| `[a-z.*]+` \| \d+ of \d+ .*$", PAGE.read_text(encoding="utf-8"), re.M)
    assert rows
    for row in rows:
        made, used = (cell.replace(" %", "") for cell in row.strip("| ").split(" | ")[-2:])
        assert float(made) <= min(map(float, used.split(", ")))
