"""What many runs left, kept for the pages, and the table made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.boards.schema import Target
from eegrig.hil.figures.results import Results
from eegrig.hil.pages.seeds import SEEDS, keep_seeds, seeds_table
from eegrig.hil.pages.stored import load_all


def left_by_runs(
    folder: Path, board: str, sleeps_w: list[float | None], first_seed: int = 0
) -> Path:
    runs = []
    for seed, watts in enumerate(sleeps_w, first_seed):
        name = str(seed + 1)
        if watts is not None:
            target = Target(limit=1.0, kind="max", unit="W", reason="to be met")
            results = Results(
                board=board, bench="virtual", seed=seed, targets={"power.sleep": target}
            )
            results.started_at = f"2026-12-0{seed + 1}T10:00:00+00:00"
            results.record("power.sleep", watts, "W", uncertainty=0.01, n=9, provenance="simulated")
            results.save(folder / name)
        verdict = None if watts is None else "pass"
        code = 3 if watts is None else 0
        runs.append(
            {"folder": name, "board": board, "seed": seed, "exit_code": code, "verdict": verdict}
        )
    folder.mkdir(exist_ok=True)
    (folder / "runs.json").write_text(json.dumps({"runs": runs}), encoding="utf-8")
    return folder


def test_the_table_counts_what_missed_its_limit_in_how_many_runs(tmp_path: Path) -> None:
    kept = tmp_path / "figures"
    keep_seeds([left_by_runs(tmp_path / "a", "headphone8", [0.5, 2.0, 3.0, None])], kept)
    keep_seeds([left_by_runs(tmp_path / "b", "hairclip1", [0.5, 0.5])], kept)
    table = seeds_table(load_all([SEEDS], kept), [])
    bad, good = table.splitlines()[2:4]
    if bad.startswith("| hairclip1"):
        bad, good = good, bad
    assert bad.startswith("| headphone8 | seeds 0 to 3, 2026-12-03, sources ")
    assert bad.endswith("| 4 | `power.sleep` (2) | none | none | 1 |")
    assert good.endswith("| 2 | none | none | none | 0 |")


def test_a_board_that_is_kept_again_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    kept = tmp_path / "figures"
    keep_seeds([left_by_runs(tmp_path / "a", "headphone8", [2.0, 2.0])], kept)
    keep_seeds([left_by_runs(tmp_path / "b", "headphone8", [0.5])], kept)
    assert seeds_table(load_all([SEEDS], kept), []).count("none") == 3


def test_runs_that_were_made_in_several_goes_are_counted_together(tmp_path: Path) -> None:
    kept = tmp_path / "figures"
    goes = [
        left_by_runs(tmp_path / "a", "headphone8", [2.0, 0.5]),
        left_by_runs(tmp_path / "b", "headphone8", [2.0], first_seed=4),
    ]
    keep_seeds(goes, kept)
    table = seeds_table(load_all([SEEDS], kept), [])
    assert "| seeds 0 to 1, 4, 2026-12-05, " in table
    assert "| 3 | `power.sleep` (2) | none | none | 0 |" in table
    with pytest.raises(ConfigError, match=r"seed 4 of headphone8 is in .* already; give one"):
        keep_seeds([goes[1], goes[1]], kept)


def test_what_cannot_be_kept_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"runs\.json: .*; run eegrig hil run --repeat"):
        keep_seeds([tmp_path], tmp_path / "figures")
    stopped = left_by_runs(tmp_path / "a", "headphone8", [0.5])
    content = json.loads((stopped / "runs.json").read_text(encoding="utf-8"))
    content["runs"][0]["exit_code"] = None
    (stopped / "runs.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ConfigError, match="was stopped; run it again"):
        keep_seeds([stopped], tmp_path / "figures")
    with pytest.raises(ConfigError, match="no runs with many seeds are kept"):
        seeds_table({}, [])
