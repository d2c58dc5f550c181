"""What a run says as it goes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eegrig.hil.figures.figure import Figure
from eegrig.hil.run.plan import Plan, PlannedFigure, PlannedTest
from eegrig.hil.run.progress import Progress, duration_text

TESTS = ("test_power.py::test_sleeping", "test_power.py::test_advertising", "test_a.py::test_b")


def figure(verdict: Any, value: float | None = 1e-3) -> Figure:
    return Figure(
        name="power.sleep",
        value=value,
        unit="W",
        uncertainty=None,
        n=1,
        provenance="simulated",
        limit=2e-3,
        kind="max",
        verdict=verdict,
        note="no value was obtained" if value is None else "",
    )


class Watched:
    """A progress whose clock and lines are ours."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now_s = 0.0
        self.progress = Progress(self.lines.append, lambda: self.now_s)
        planned = PlannedFigure("power.sleep", "Sleep", "W", "max", 2e-3)
        tests = [
            PlannedTest(name, "", "", (planned,), (), (), quick=False, lasts_s=20.0)
            for name in TESTS
        ]
        self.progress.planned(Plan("headband8", "sim", tuple(tests)))

    def take(
        self, test: str, seconds: float, outcome: str, *figures: Figure, why: str = ""
    ) -> None:
        self.progress.pytest_runtest_logstart(test, ())
        for each in figures:
            self.progress.pytest_rig_figure(each)
        self.now_s += seconds
        report = SimpleNamespace(
            nodeid=test,
            when="call",
            outcome=outcome,
            passed=outcome == "passed",
            failed=outcome == "failed",
            skipped=outcome == "skipped",
            longrepr=("", 0, f"Skipped: {why}") if outcome == "skipped" else why,
        )
        self.progress.pytest_runtest_logreport(report)  # type: ignore[arg-type]


def test_figures_come_with_their_limits_as_soon_as_their_test_has_ended() -> None:
    watched = Watched()
    watched.take(TESTS[0], 2.0, "passed", figure("pass"))
    assert watched.lines == [
        "  3 tests, 1 figure, 1 with a limit; 60 s on the bench's clock",
        "  ok   power: sleeping (2.0 s)",
        "       ok   Sleep: 1 mW (≤ 2 mW)",
    ]


def test_the_time_left_goes_by_the_pace_of_what_came_after_the_first() -> None:
    watched = Watched()
    watched.take(TESTS[0], 100.0, "passed")  # built and flashed besides
    watched.take(TESTS[1], 5.0, "passed")
    assert watched.lines[-1] == "  ok   power: advertising (5.0 s, 5 s left)"
    watched.take(TESTS[2], 5.0, "passed")
    assert watched.lines[-1] == "  ok   a: b (5.0 s)"


@pytest.mark.parametrize(
    ("found", "why", "mark", "said"),
    [
        ([figure("fail", 3e-3)], "x", "MISS", "       MISS Sleep: 3 mW (≤ 2 mW)"),
        (
            [figure("inconclusive", None)],
            "x",
            "open",
            "       open Sleep: no value (≤ 2 mW): no value was obtained",
        ),
        ([], "assert 1 == 2\n+ where", "FAIL", "       + where"),
        ([figure("pass")], "it broke", "FAIL", "       it broke"),
    ],
)
def test_a_test_that_fails_says_why(found: list[Figure], why: str, mark: str, said: str) -> None:
    watched = Watched()
    watched.take(TESTS[0], 1.0, "failed", *found, why=why)
    assert watched.lines[1] == f"  {mark} power: sleeping (1.0 s)"
    assert watched.lines[-1] == said


def test_a_test_that_is_skipped_says_why() -> None:
    watched = Watched()
    watched.take(TESTS[0], 0.0, "skipped", why="bench 'b' has no power")
    assert watched.lines[1:] == ["  skip power: sleeping (0.0 s)", "       bench 'b' has no power"]


def test_lengths_of_time_are_read_at_a_glance() -> None:
    assert [duration_text(s) for s in (0.2, 8.4, 89, 91, 250)] == [
        "1 s",
        "8 s",
        "89 s",
        "2 min",
        "4 min",
    ]


def test_the_first_line_comes_before_anything_else_is_done(tmp_path: Path) -> None:
    """Within a second on a machine with nothing else to do; here other tests run beside it."""
    code = "import sys; from eegrig.host.commands.cli import main; main(sys.argv[1:])"
    arguments = [
        "hil",
        "run",
        "--board",
        "hairclip1",
        "--out",
        str(tmp_path / "out"),
        "-k",
        "flash",
    ]
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        took_s = time.perf_counter() - start
        rest = process.stderr.read()
    assert first == "  hairclip1 on sim: resting, recordings of 30 s, seed 0\n"
    assert took_s < 5.0
    steps = [line.strip() for line in rest.splitlines() if line.startswith("  ...")]
    assert [step.split()[1] for step in steps] == ["build", "flash", "boot"]
