"""What a comparison of the modes left, kept for the pages, and the table made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.hil.figures.identity import RuntimeBuild
from eegrig.hil.figures.results import Results
from eegrig.hil.pages.modes import MODES, ROWS, keep_modes, modes_table
from eegrig.hil.pages.stored import load, load_all

SHA256 = "ab" * 32


def left_by_a_comparison(
    folder: Path, board: str = "headphone8", *, sha256: str = SHA256, alike: bool = True
) -> Path:
    for mode in ("fast", "exact"):
        runtime = RuntimeBuild(port="stm32", build="X", sha256=sha256) if mode == "exact" else None
        results = Results(board=board, bench="virtual", seed=3, runtime=runtime)
        for number, (name, _, how) in enumerate(ROWS, 1):
            value = number * (1.0 if mode == "fast" else 1.5)
            unit = {"k": "bit/s", "m": "s" if how.startswith("ms") else "W", "s": "s"}[how[0]]
            results.record(name, value, unit, uncertainty=0.1, n=1, provenance="simulated")
        (folder / mode).mkdir(parents=True)
        results.save(folder / mode)
    rows = [
        {"what": "beyond capacity, 100 ms", "fast": "40.2 %", "exact": "39.3 %", "agrees": True},
        {"what": "latency.mean", "fast": "1", "exact": "2", "agrees": alike},
        {"what": "flash.time", "fast": "1", "exact": "2", "agrees": None},
    ]
    (folder / "modes.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def test_the_table_has_both_modes_of_every_board_side_by_side(tmp_path: Path) -> None:
    kept = tmp_path / "figures"
    kept.mkdir()
    keep_modes(left_by_a_comparison(tmp_path / "a"), kept)
    keep_modes(left_by_a_comparison(tmp_path / "b", "earpatch2", alike=False), kept)
    table = modes_table(load_all([MODES], kept), ["headphone8", "earpatch2"])
    assert "| figure | headphone8 | earpatch2 |" in table
    assert "| boot | 5 s / 7.5 s | 5 s / 7.5 s |" in table
    assert "40.2 % / 39.3 %" in table
    assert "| compared and alike | 2 of 2 | 1 of 2 |" in table
    assert load(MODES, kept).identity["runtime"] == SHA256[:12]


def test_a_board_that_is_kept_again_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    kept = tmp_path / "figures"
    kept.mkdir()
    keep_modes(left_by_a_comparison(tmp_path / "a", alike=False), kept)
    keep_modes(left_by_a_comparison(tmp_path / "b"), kept)
    assert "2 of 2" in modes_table(load_all([MODES], kept), ["headphone8"])


def test_what_cannot_be_kept_is_one_line(tmp_path: Path) -> None:
    kept = tmp_path / "figures"
    kept.mkdir()
    keep_modes(left_by_a_comparison(tmp_path / "a"), kept)
    other = left_by_a_comparison(tmp_path / "b", "earpatch2", sha256="cd" * 32)
    with pytest.raises(ConfigError, match=r"is of the binary (ab){6}, and .* of (cd){6}:"):
        keep_modes(other, kept)
    (other / "modes.json").unlink()
    with pytest.raises(ConfigError, match=r"modes\.json.*run eegrig hil compare-modes"):
        keep_modes(other, kept)
    with pytest.raises(ConfigError, match=f"{MODES} has no forehead2"):
        modes_table(load_all([MODES], kept), ["forehead2-nirs"])
    with pytest.raises(ConfigError, match="no comparison of the modes is kept"):
        modes_table({}, ["headphone8"])
