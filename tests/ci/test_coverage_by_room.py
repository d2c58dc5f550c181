"""What `make coverage` prints, counts added up by package and room, and what it measures."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def module() -> Any:
    path = ROOT / "ci" / "coverage_by_room.py"
    spec = importlib.util.spec_from_file_location("coverage_by_room", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def file(lines: int, of: int, branches: int, all_branches: int) -> dict[str, dict[str, int]]:
    return {
        "summary": {
            "covered_lines": lines,
            "num_statements": of,
            "covered_branches": branches,
            "num_branches": all_branches,
        }
    }


FILES = {
    "host/__init__.py": file(1, 1, 0, 0),
    "host/wire/__init__.py": file(2, 2, 0, 0),
    "host/wire/packet.py": file(8, 10, 3, 6),
    "hil/virtual/air/link.py": file(5, 10, 0, 10),
    "hil/bench.py": file(4, 4, 0, 0),
}


def test_statements_and_branches_of_a_room_are_added_up(module: Any) -> None:
    assert module.by_room(FILES) == {
        "hil": (9, 14, 0, 10),
        "hil.bench": (4, 4, 0, 0),
        "hil.virtual": (5, 10, 0, 10),
        "hil.virtual.air": (5, 10, 0, 10),
        "host": (11, 13, 3, 6),
        "host.wire": (10, 12, 3, 6),
    }


def test_the_table_ends_with_the_sum_of_the_packages(module: Any) -> None:
    lines = [line.split() for line in module.table(module.by_room(FILES)).splitlines()]
    assert lines[2] == ["bench", "-", "0", "100.0", "%", "4"]
    assert lines[-1] == ["all", "18.8", "%", "16", "74.1", "%", "27"]


@pytest.mark.parametrize(("taken", "code"), [(89, 1), (90, 0)])
def test_too_few_branches_fail_and_a_part_of_the_tests_never_does(
    module: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    taken: int,
    code: int,
) -> None:
    monkeypatch.setattr(module, "LEAST", 0.9)
    path = tmp_path / "coverage.json"
    path.write_text(json.dumps({"files": {"host/a.py": file(1, 1, taken, 100)}}))
    assert module.main(path, part=False) == code
    said = capsys.readouterr().out
    assert f"{taken}.0 %" in said
    assert "of source: " in said
    assert ("less than 90 % of the branches" in said) == bool(code)
    assert module.main(path, part=True) == 0


def test_blank_lines_and_comments_are_no_lines_of_code(module: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("# why\n\nx = 1  # what\n", encoding="utf-8")
    assert module.lines_of_code([path]) == 1


def test_tests_of_an_installed_package_do_not_begin_on_the_sources() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", __file__],
        cwd=ROOT,
        env={**os.environ, "EEGRIG_CLONE": str(ROOT), "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"eegrig is not an installed one: {ROOT / 'src' / 'eegrig'}" in done.stderr
