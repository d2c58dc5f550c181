"""A board that is wrong in one way, run through the suite that must tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from eegrig.hil.figures.results import Results
from eegrig.hil.run import RunRequest, run_suites
from eegrig.hil.virtual.bench import VirtualBench

from ...firmwares import Patch, patched_firmware

SECONDS = 5.0
SEED = 3

STREAM = """
from eeg import gatt
_stream = gatt.GattServer.stream
def stream(self, data):
    {0}
gatt.GattServer.stream = stream
"""
"""Code that has a packet of a stream in its hands before it is sent."""


@dataclass(frozen=True)
class Bad:
    """A bad board: firmware that is wrong, or hardware.

    Attributes
    ----------
    select : str
        Tests that are run; what the good one passes.
    fails : tuple of str
        Figures that must miss their limit.
    says : str
        What the note of the first of them, or its test, must say.
    undecided : tuple of str
        Figures that must be inconclusive.
    code : str
        Runs before the application.
    patches : tuple of Patch
        Of the firmware's files.
    hardware : callable or None
        Takes each bench that is set up, before anything else is done with it.
    board : str
    seconds : float
        Of a recording.
    """

    select: str
    fails: tuple[str, ...] = ()
    says: str = ""
    undecided: tuple[str, ...] = ()
    code: str = ""
    patches: tuple[Patch, ...] = ()
    hardware: Callable[[VirtualBench], object] | None = None
    board: str = "headband8"
    seconds: float = SECONDS


def caught(bad: Bad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """Run a bad board through its suite, and hold the verdicts against what they must be."""
    if bad.hardware is not None:
        enter, break_it = VirtualBench.__enter__, bad.hardware

        def entered(virtual: VirtualBench) -> VirtualBench:
            break_it(virtual)
            return enter(virtual)

        monkeypatch.setattr(VirtualBench, "__enter__", entered)
    patches = list(bad.patches)
    if bad.code:
        patches.append(("main.py", "app.run()", bad.code + "app.run()"))
    firmware = patched_firmware(tmp_path, *patches) if patches else None
    code, results = run(tmp_path / "out", bad, firmware)
    named = {name: getattr(results.figure(name), "verdict", None) for name in bad.fails}
    assert set(named.values()) <= {"fail"}, named
    doubtful = {name: getattr(results.figure(name), "verdict", None) for name in bad.undecided}
    assert set(doubtful.values()) <= {"inconclusive"}, doubtful
    assert code == results.exit_code == 1
    assert results.verdict in ("fail", "inconclusive")
    said = [test.reason for test in results.tests if test.outcome != "passed"]
    said += [figure.note for figure in results.figures if figure.name in bad.fails]
    assert any(bad.says in each for each in said), said
    return results


def passed(select: str, tmp_path: Path, board: str, seconds: float = SECONDS) -> Results:
    """Run the good board through some suites, and see that it passes."""
    code, results = run(tmp_path / "out", Bad(select, board=board, seconds=seconds), None)
    missed = {f.name: f.note for f in results.figures if f.verdict in ("fail", "inconclusive")}
    assert missed == {}
    assert [test.reason for test in results.tests if test.outcome == "failed"] == []
    assert code == 0
    return results


def run(out: Path, bad: Bad, firmware: Path | None) -> tuple[int, Results]:
    """Run the suites that a bad board names; return the exit code and the results."""
    request = RunRequest(
        board=bad.board,
        out=out,
        select=bad.select,
        seconds=bad.seconds,
        seed=SEED,
        firmware_dir=firmware,
    )
    code = run_suites(request, quiet=True, progress=False)
    return code, Results.load(out)
