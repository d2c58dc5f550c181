"""Runs before those that are judged, out of the history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.hil.figures.results import Results
from eegrig.hil.gate.from_history import from_history
from eegrig.hil.gate.observations import from_results, setting_of
from eegrig.hil.history.database import History, open_history
from eegrig.hil.history.place import find_place
from eegrig.hil.history.record import add_run, read_run
from eegrig.hil.run.run_folder import open_run_folder

from .runs import CATALOGUE, GOODPUT, POWER, noisy, run, save
from .test_cli import eegrig


def kept(database: Path, *runs: tuple[Results, str]) -> None:
    """Put runs into a history, each with its commit."""
    with open_history(find_place(str(database), None), create=True, tell=print) as history:
        _add(history, database.parent, *runs)


def _add(history: History, folder: Path, *runs: tuple[Results, str]) -> None:
    for number, (results, commit) in enumerate(runs):
        out = folder / f"run{number}-{results.seed}-{results.signal.split()[-1]}"
        with open_run_folder(out, ()) as whole:
            results.save(whole.work)
            whole.publish()
        add_run(history, read_run(out, CATALOGUE, commit=commit))


def at(minute: int) -> str:
    return f"2026-11-01T00:{minute:02}:00+00:00"


def found(database: Path, like: Results, *, most: int = 20, rig: str | None = None):
    with (
        open_history(find_place(str(database), None), create=False, tell=print) as history,
        history.reading() as session,
    ):
        return from_history(session, setting_of(like), CATALOGUE, rig=rig, most=most)


def test_what_was_put_in_comes_out_as_from_folders(tmp_path: Path) -> None:
    runs = [
        run(
            {POWER: 0.01 + 1e-5 * n, GOODPUT: 25e4, "latency.max": None},
            at=at(n),
            seed=n,
            lost=n == 2,
        )
        for n in range(4)
    ]
    kept(tmp_path / "h.sqlite", *((each, f"c{n}") for n, each in enumerate(runs)))
    out, straight = (
        found(tmp_path / "h.sqlite", runs[0]),
        from_results([(str(n), each) for n, each in enumerate(runs)], CATALOGUE),
    )
    assert [each.commit for each in out.series[POWER]] == ["c0", "c1", "c3"]
    assert {
        name: [each._replace(commit="") for each in seen] for name, seen in out.series.items()
    } == (dict(straight.series))
    assert set(out.unsound) == {POWER, GOODPUT, "latency.max"}
    assert (out.setting, out.n_runs, out.images) == (straight.setting, 4, straight.images)
    assert out.conditions == straight.conditions


def test_the_newest_runs_alike_count_and_no_others(tmp_path: Path) -> None:
    like = run({POWER: 0.01}, at=at(9), seed=9)
    kept(
        tmp_path / "h.sqlite",
        *((run({POWER: 0.01}, at=at(n), seed=n), "") for n in range(4)),
        (run({POWER: 0.01}, at=at(5), signal="scene alpha"), ""),
        (run({POWER: 0.01}, at=at(6), board="hairclip1"), ""),
    )
    assert [each.seed for each in found(tmp_path / "h.sqlite", like, most=2).series[POWER]] == [
        2,
        3,
    ]
    with pytest.raises(ConfigError, match=r"no run of headband8 on rig other .*eegrig history add"):
        found(tmp_path / "h.sqlite", like, rig="other")


def test_the_command_takes_its_moving_baseline_from_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    old = [run({POWER: w}, bench="desk", at=at(n)) for n, w in enumerate(noisy(0.01, 20, seed=1))]
    kept(tmp_path / "h.sqlite", *((each, f"c{n}") for n, each in enumerate(old)))
    new = noisy(0.0103, 15, seed=4)
    save(Path("new"), *(run({POWER: w}, bench="desk", at=at(30 + n)) for n, w in enumerate(new)))
    assert eegrig("gate", "accept", *map(str, save(Path("old"), *old)), "--reason", "good") == 0
    capsys.readouterr()
    asked = ("gate", "new", "--history", "--database", "h.sqlite")
    assert eegrig(*asked, "--json") == 1
    data = json.loads(capsys.readouterr().out)
    assert [figure["against"] for figure in data["figures"]] == ["accepted", "recent"]
    assert eegrig(*asked, "--recent", "old") == 2
    assert "from one of them" in capsys.readouterr().err


def test_a_history_that_cannot_be_reached_is_exit_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (place,) = save(Path("new"), run({POWER: 0.01}))
    assert eegrig("gate", "accept", str(place), "--reason", "good") == 0
    capsys.readouterr()
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    assert eegrig("gate", str(place), "--history", "--database", nowhere) == 3
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
