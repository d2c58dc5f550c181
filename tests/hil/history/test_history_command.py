"""`eegrig history` as people call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eegrig.hil.figures.quantities import NO_BREAK
from eegrig.host.commands import cli

from .postgresql import Server
from .runs import folder, results

Run = Callable[..., "Ended"]


class Ended:
    """How a command ended: exit code and what it printed."""

    def __init__(self, code: object, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def history(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command of the history in this process."""

    def run(*arguments: str | Path) -> Ended:
        with pytest.raises(SystemExit) as caught:
            cli.main(["history", *map(str, arguments)])
        return Ended(caught.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def nights(tmp_path: Path) -> list[Path]:
    return [folder(tmp_path / "runs" / str(n), results(n)) for n in range(3)]


def test_the_history_is_a_file_of_the_users(
    history: Run, nights: list[Path], tmp_path: Path
) -> None:
    added = history("add", *nights, "--commit", "abc123")
    assert added.code == 0
    assert added.out.splitlines()[2] == (f"{nights[2]}: run 3 added: 3 figures, 2 of 2 files kept")
    assert (tmp_path / "state" / "eegrig" / "history.sqlite").is_file()
    assert (tmp_path / "state" / "eegrig" / "history.files").is_dir()
    again = history("add", nights[0])
    assert again.out == f"{nights[0]}: run 1 is there already; nothing changed\n"


def test_runs_are_listed_and_shown(history: Run, nights: list[Path]) -> None:
    history("add", *nights, "--who", "ada", "--commit", "abc123")
    listed = history("list", "--last", "2").out.splitlines()
    assert len(listed) == 3
    assert listed[1].split()[:3] == ["3", "2026-11-03", "09:00"]
    assert listed[1].rstrip().endswith("abc123  ada")
    shown = history("show", "1").out
    assert "seed 0" in shown
    assert "44.0 ± 1.0 mW" in shown.replace(NO_BREAK, " ")
    assert "seed 2" in history("show").out


def test_a_trend_is_a_picture_or_a_page(history: Run, nights: list[Path], tmp_path: Path) -> None:
    history("add", *nights)
    drawn = history("trend", "headband8").out
    assert "power.streaming" in drawn
    assert "latency.mean" not in drawn  # has no limit, and was not asked for
    assert max(map(len, drawn.splitlines())) <= 80
    page = tmp_path / "trend.html"
    told = history("trend", "headband8", "latency.mean", "-o", page)
    assert told.out == f"trends of 1 figures: {page}\n"
    assert "latency.mean" in page.read_text(encoding="utf-8")


def test_every_command_that_reports_speaks_json(
    history: Run, nights: list[Path], tmp_path: Path
) -> None:
    added = json.loads(history("add", *nights, "--json").out)
    assert [one["run"] for one in added] == [1, 2, 3]
    assert [run["id"] for run in json.loads(history("list", "--json").out)] == [3, 2, 1]
    assert len(json.loads(history("show", "2", "--json").out)["figures"]) == 3
    points = json.loads(history("trend", "headband8", "--json").out)["power.streaming"]
    assert [point["seed"] for point in points] == [0, 1, 2]
    table = tmp_path / "runs.csv"
    assert json.loads(history("export", "-o", table, "--json").out)["runs"] == 3
    assert json.loads(history("prune", "--keep", "1", "--json").out)["runs"] == [1, 2]


def test_nothing_is_added_if_one_of_the_folders_is_wrong(
    history: Run, nights: list[Path], tmp_path: Path
) -> None:
    ended = history("add", *nights, tmp_path)
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
    assert history("list").code == 2  # there is no history yet


def test_a_dry_run_takes_nothing_away(history: Run, nights: list[Path]) -> None:
    history("add", *nights)
    assert history("prune", "--before", "2026-11-03", "--dry-run").out == "2 runs would go: 1, 2\n"
    assert len(json.loads(history("list", "--json").out)) == 3
    assert history("prune").code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "9"), "has no run 9; see `eegrig history list`"),
        (("trend", "headband9"), "no run of headband9 (did you mean 'headband8'?)"),
        (("trend", "headband8", "latency.men"), "(did you mean 'latency.mean'?)"),
        (("trend", "headband8", "--rig", "left"), "no run of headband8 on left"),
        (("list", "--database", "mysql://h/d"), "SQLite or PostgreSQL, not in mysql"),
        (("export", "-o", "runs.txt"), "end in .csv or .jsonl"),
    ],
)
def test_what_is_not_there_is_one_line(
    history: Run, nights: list[Path], arguments: tuple[str, ...], words: str
) -> None:
    history("add", *nights)
    ended = history(*arguments)
    assert ended.code == 2
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1


def test_the_environment_says_where_the_history_is(
    history: Run,
    nights: list[Path],
    postgresql: Server,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EEGRIG_HISTORY", postgresql.url(database))
    told = history("add", nights[0])
    assert told.out.endswith("3 figures, 0 of 2 files kept\n")  # a server keeps no files
    monkeypatch.setenv("EEGRIG_HISTORY_FILES", str(tmp_path / "files"))
    assert history("add", nights[1]).out.endswith("2 of 2 files kept\n")
    assert len(json.loads(history("list", "--json").out)) == 2
    elsewhere = str(tmp_path / "other.sqlite")
    assert history("list", "--database", elsewhere).code == 2


def test_a_server_that_is_not_there_ends_with_3(
    history: Run, nights: list[Path], tmp_path: Path
) -> None:
    ended = history("add", nights[0], "--database", f"postgresql://ada:pw@/h?host={tmp_path}")
    assert ended.code == 3
    assert len(ended.err.splitlines()) == 1
    assert "pw" not in ended.err
