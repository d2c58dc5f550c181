"""What is run for the pages, and how it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from eegrig.boards import list_boards
from eegrig.boards.errors import ConfigError
from eegrig.hil.pages.stored import load
from eegrig.hil.pages.work import MODELS, all_tasks, run_tasks


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
