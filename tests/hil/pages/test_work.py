"""What is run for the pages, and how it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eegrig.boards import list_boards
from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.hil.pages.stored import Step, load, load_walk
from eegrig.hil.pages.work import MODELS, WALKS, all_tasks, run_tasks


def test_every_board_is_run() -> None:
    assert set(list_boards()) < set(all_tasks())


def test_an_unknown_name_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is called 'hat'; there are tutorial, "):
        run_tasks([MODELS, "hat"], jobs=1, tell=lambda line: None, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_task_is_run_stored_and_told(tmp_path: Path) -> None:
    told: list[str] = []
    run_tasks([MODELS], jobs=1, tell=told.append, folder=tmp_path)
    assert load(MODELS, tmp_path).figures["radio.v1"].unit == "C"
    assert [line.partition(" after")[0] for line in told] == ["models done, 1 of 1"]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Return what puts other commands into the place of the tutorial's."""

    def written(commands: str) -> None:
        path = tmp_path / "page.md"
        path.write_text(f"```console\n{commands}```\n", encoding="utf-8")
        monkeypatch.setitem(WALKS, "tutorial", path)

    return written


def walk(folder: Path, told: list[str]) -> None:
    run_tasks(
        ["tutorial"],
        jobs=1,
        tell=lambda line: told.append(line.partition(" after")[0]),
        folder=folder,
    )


def test_what_a_pages_commands_say_is_stored_where_the_page_shows_some(
    page: Callable[[str], None], tmp_path: Path
) -> None:
    page("$ ls firmware/main.py\nfirmware/main.py\n$ cd firmware\n")
    told: list[str] = []
    walk(tmp_path, told)
    assert told == ["tutorial done, 1 of 1"]
    assert load_walk("tutorial", tmp_path).steps == [
        Step(command="ls firmware/main.py", shown=["firmware/main.py"])
    ]


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ("$ echo one\ntwo\n", "`echo one` does not say what the page shows, 'two'"),
        ("$ echo one\n$ exit\n$ echo two\n", "the page's commands broke off: "),
    ],
)
def test_commands_that_do_not_do_as_the_page_says_are_told_and_not_stored(
    page: Callable[[str], None], tmp_path: Path, commands: str, said: str
) -> None:
    page(commands)
    told: list[str] = []
    with pytest.raises(InfrastructureError, match=said):
        walk(tmp_path, told)
    assert told == ["tutorial FAILED, 1 of 1"]
    assert not (tmp_path / "tutorial.toml").exists()
