"""Every board: built, flashed through pyOCD, booted, streaming and measured against its targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from boards import list_boards, load_board
from hil.results import Results
from hil.run import RunRequest, run_suites


@pytest.mark.parametrize("board", list_boards())
def test_it_meets_its_targets(board: str, tmp_path: Path) -> None:
    request = RunRequest(board=board, out=tmp_path, seconds=8.0)
    code = run_suites(request, quiet=True, progress=False)
    results = Results.load(tmp_path)
    missed = [figure.name for figure in results.figures if figure.verdict == "fail"]
    assert (code, missed) == (0, [])
    judged = {figure.name for figure in results.figures if figure.verdict is not None}
    assert judged == set(load_board(board).targets)
    for name in ("results.json", "report.html", "junit.xml", "recording.bdf", "image.bin"):
        assert (tmp_path / name).stat().st_size > 0, name
