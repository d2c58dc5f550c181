"""``docs/how-to/add-a-board.md``: the board on that page is added, flashed and measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.hil.figures.results import Results
from eegrig.hil.run import RunRequest, run_suites

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-board.md"


@pytest.fixture
def board_toml(tmp_path: Path) -> Path:
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    path = tmp_path / "mask2" / "board.toml"
    path.parent.mkdir()
    path.write_text(found[1], encoding="utf-8")
    return path


@pytest.mark.timeout(600)
def test_the_board_on_the_page_meets_its_targets(board_toml: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    request = RunRequest(board=str(board_toml), out=out, seconds=8.0, brief=True)
    assert run_suites(request, quiet=True, progress=False) == 0
    results = Results.load(out)
    assert results.board == "mask2"
    targets = set(load_board(board_toml).targets)
    assert {figure.name for figure in results.figures if figure.verdict is not None} >= targets
    assert (out / "recording.bdf").exists()


def test_a_wrong_key_is_named_before_anything_runs(board_toml: Path, tmp_path: Path) -> None:
    text = board_toml.read_text(encoding="utf-8").replace("gain = 12", "gain = 13")
    board_toml.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"afe\.gain"):
        run_suites(RunRequest(board=str(board_toml), out=tmp_path / "out"), quiet=True)
