"""`eegrig gate` and `eegrig gate accept`, from run folders to exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eegrig.host.commands.cli import main

from .runs import GOODPUT, POWER, noisy, run, save


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def eegrig(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    code = ended.value.code
    assert code is None or isinstance(code, int)
    return code or 0


def desk(folder: str, values: list[float], first: int = 0) -> str:
    runs = [
        run({POWER: value}, bench="desk", at=f"2026-11-01T00:{first + at:02}:00+00:00")
        for at, value in enumerate(values)
    ]
    save(Path(folder), *runs)
    return folder


def test_a_real_bench_from_the_baseline_to_the_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    assert eegrig("gate", "accept", desk("old", noisy(0.01, 20, seed=1)), "--reason", "good") == 0
    assert Path("baselines/headband8-desk.toml").exists()
    assert eegrig("gate", desk("same", noisy(0.01, 5, seed=2), 30)) == 0
    assert eegrig("gate", desk("few", noisy(0.0105, 5, seed=3), 30)) == 4
    capsys.readouterr()
    many = desk("many", noisy(0.0103, 15, seed=4), 30)
    assert eegrig("gate", "--recent", "old", "--json", many) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["outcome"] == "worse"
    assert [figure["against"] for figure in data["figures"]] == ["accepted", "recent"]
    assert "good" in data["baselines"][0]


def test_a_virtual_bench_needs_one_pair(capsys: pytest.CaptureFixture[str]) -> None:
    (old,) = save(Path("old"), run({POWER: 0.01, GOODPUT: 25e4}))
    (new,) = save(Path("new"), run({POWER: 0.0103, GOODPUT: 25e4}, image="b" * 64))
    assert eegrig("gate", "accept", str(old), "--reason", "good", "--out", "b.toml") == 0
    assert eegrig("gate", "judge", str(old), "--against", "b.toml") == 0
    assert eegrig("gate", str(new), "--against", "b.toml") == 1
    assert eegrig("gate", str(new), "--against", "b.toml", "--threshold", "5") == 0
    out = capsys.readouterr().out
    assert "WORSE: power.streaming by 3" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_run_is_not_a_recent_run_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    (one,) = save(Path("all"), run({POWER: 0.01}))
    assert eegrig("gate", "accept", str(one), "--reason", "good") == 0
    capsys.readouterr()
    assert eegrig("gate", str(one), "--recent", "all", "--json") == 0
    against = [figure["against"] for figure in json.loads(capsys.readouterr().out)["figures"]]
    assert against == ["accepted"]


def test_change_points_of_recent_runs_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    values = noisy(0.01, 20, seed=1) + noisy(0.011, 20, seed=2)
    desk("history", values)
    assert eegrig("gate", "accept", desk("old", noisy(0.011, 20, seed=3)), "--reason", "x") == 0
    assert eegrig("gate", desk("new", noisy(0.011, 5, seed=4), 50), "--recent", "history") == 0
    assert "between 2026-11-01T00:19:00+00:00 and" in " ".join(capsys.readouterr().out.split())


def test_accepting_says_what_is_lacking(capsys: pytest.CaptureFixture[str]) -> None:
    old = desk("old", [0.01] * 3)
    assert eegrig("gate", "accept", old, "--reason", "x", "--who", "Ada") == 0
    assert "the gate wants 17 more runs in it" in capsys.readouterr().out
    assert eegrig("gate", "accept", old, "--reason", "x", "--json") == 0
    assert json.loads(capsys.readouterr().out)["wants_baseline"] == 17


def test_a_new_baseline_names_figures_that_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    (both,) = save(Path("both"), run({POWER: 0.01, GOODPUT: 25e4}))
    (one,) = save(Path("one"), run({POWER: 0.01}))
    (bad,) = save(Path("bad"), run({POWER: 0.01}, lost=2))
    for folder in (both, one):
        assert eegrig("gate", "accept", str(folder), "--reason", "x") == 0
    assert "no longer in it: bandwidth.goodput" in capsys.readouterr().out
    before = Path("baselines/headband8-virtual.toml").read_bytes()
    assert eegrig("gate", "accept", str(bad), "--reason", "x") == 2
    assert Path("baselines/headband8-virtual.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("gate", "nowhere"), "nowhere: no run in it"),
        (("gate", "run"), "no baseline there; accept good runs with"),
        (("gate", "run", "--against", "run/0/results.json"), "not valid TOML"),
        (("gate", "accept", "run", "--reason", ""), "a baseline needs a reason"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_written(
    args: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save(Path("run"), run({POWER: 0.01}))
    assert eegrig(*args) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not Path("baselines").exists()


def test_figures_of_suites_of_ones_own_are_known_with_their_suite() -> None:
    suite = Path("acme")
    suite.mkdir()
    (suite / "figures.toml").write_text(
        '[topics.Acme."acme.heat"]\nunit = "W"\nbetter = "lower"\nlabel = "Heat"\n',
        encoding="utf-8",
    )
    (place,) = save(Path("run"), run({"acme.heat": 1.0}))
    assert eegrig("gate", "accept", str(place), "--reason", "x") == 2
    assert eegrig("gate", "accept", str(place), "--reason", "x", "--suite", "acme") == 0
    assert eegrig("gate", str(place), "--suite", "acme") == 0


def test_a_search_that_finds_nothing_worse_or_no_commits_ends_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert eegrig("gate", "bisect", "good", "bad", "--figure", POWER) == 2
    assert "has no commit good" in capsys.readouterr().err
