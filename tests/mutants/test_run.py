"""The run itself: a small tree with a good and a weak test, and a mutant that never ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.run import tests_of as mirror_of

ROOT = Path(__file__).parents[2]

SOURCE = """
LIMIT = 7

def clipped(value):
    return min(value, LIMIT)

def counted(n):
    total = 0
    while total != n:
        total += 1
    return total
"""
TESTS = """
from shed.tool import clipped, counted

def test_it():
    assert clipped(100) == 7
    assert counted(2) == 2
"""
DRIVER = """
import sys
from pathlib import Path
from tests.mutants import run
run._LEAST_LIMIT_S = 5.0
run._PATIENCE = 0.0
wanted = sys.argv[2:]
for outcome in run.run_mutants(
    Path(sys.argv[1]), "shed/tool.py", wanted=lambda mutant: mutant.change in wanted
):
    print(outcome.fate, outcome.mutant.change, sep=": ")
"""


@pytest.fixture
def shed(tmp_path: Path) -> Path:
    (tmp_path / "shed").mkdir()
    (tmp_path / "tests" / "shed").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\n', encoding="utf-8"
    )
    (tmp_path / "shed" / "tool.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "tests" / "shed" / "test_tool.py").write_text(TESTS, encoding="utf-8")
    return tmp_path


KILLED = ("7 → 8", "min → max", "min(value, LIMIT) → value")
SURVIVING = "min(value, LIMIT) → LIMIT"
HANGING = "total += 1 → pass"


def run(shed: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DRIVER, str(shed), *KILLED, SURVIVING, HANGING],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_file_has_its_tests_in_the_file_that_mirrors_it() -> None:
    assert mirror_of("hil/measure/noise.py") == "tests/hil/measure/test_noise.py"
    assert mirror_of("host/streaming/decoder.py") == "tests/host/streaming/test_decoder.py"


def test_what_tests_notice_is_killed_what_hangs_too_and_the_rest_survives(shed: Path) -> None:
    before = {path: path.read_bytes() for path in shed.rglob("*.py")}
    done = run(shed)
    assert done.returncode == 0, done.stderr
    # Nothing below the limit is tried, so that it could be the answer to everything.
    others = [f"survived: {SURVIVING}", f"timed out: {HANGING}"]
    expected = [*(f"killed: {change}" for change in KILLED), *others]
    assert sorted(done.stdout.splitlines()) == sorted(expected)
    # The sources are as they were, and nothing has come to them.
    assert {path: path.read_bytes() for path in shed.rglob("*.py")} == before
    assert list((shed / "shed").iterdir()) == [shed / "shed" / "tool.py"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("test_tool.py", "def test_it(): assert 0", "does not pass without a change"),
        ("test_tool.py", "", "has no tests"),
        ("test_other.py", TESTS, "no test file tests/shed/test_tool.py"),
    ],
)
def test_tests_that_cannot_judge_are_an_error(shed: Path, name: str, text: str, said: str) -> None:
    (shed / "tests" / "shed" / "test_tool.py").unlink()
    (shed / "tests" / "shed" / name).write_text(text, encoding="utf-8")
    done = run(shed)
    assert done.returncode == 1
    assert said in done.stderr


def test_a_file_that_its_tests_never_import_is_an_error_and_no_survivor(shed: Path) -> None:
    (shed / "tests" / "shed" / "test_tool.py").write_text("def test_it():\n    pass\n")
    done = run(shed)
    assert done.returncode != 0
    assert "tests/shed/test_tool.py never imports shed/tool.py" in done.stderr


@pytest.mark.skipif("EEGRIG_CLONE" in os.environ, reason="an installed package is not the tree")
def test_a_change_of_the_tree_reaches_its_tests() -> None:
    code = (
        "from pathlib import Path; from tests.mutants.run import run_mutants\n"
        "for outcome in run_mutants(Path.cwd(), 'host/wire/impedance.py',\n"
        "    wanted=lambda mutant: '65536' in mutant.change or '16' in mutant.change):\n"
        "    print(outcome.fate)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"killed"}
