"""What became of each test of a run, as its results keep it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eegrig.boards.errors import BoardFault
from eegrig.hil.session.stretch import StretchFailed

if TYPE_CHECKING:
    from eegrig.hil.figures.account import RunTest

__all__ = ["Outcomes", "reason_of"]

# Where an object was in memory differs from run to run.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+(?=>)")
# An error's class is said without the module it is in.
_MODULE = re.compile(r"^(\w+\.)+(?=\w+: )")


class Outcomes:
    """Takes reports of pytest, and makes one outcome of those of each test."""

    def __init__(self) -> None:
        self._tests: dict[str, dict[str, Any]] = {}

    def take(
        self,
        report: pytest.TestReport,
        error: BaseException | None,
        figures: Iterable[str],
        *,
        by_figures: bool,
    ) -> None:
        """Take the report of a test's setup, of itself or of its teardown.

        Parameters
        ----------
        report : pytest.TestReport
        error : BaseException or None
            What it ended with.
        figures : iterable of str
            What the test took so far, or was there to take.
        by_figures : bool
            Whether it failed because figures miss their limits or could not be taken.
        """
        test = self._tests.setdefault(
            report.nodeid,
            {
                "id": report.nodeid,
                "suite": Path(report.nodeid.partition("::")[0]).stem.removeprefix("test_"),
                "outcome": "passed",
                "seconds": 0.0,
            },
        )
        test["seconds"] = round(test["seconds"] + report.duration, 3)
        test["figures"] = list(dict.fromkeys(figures))
        if report.passed or test["outcome"] == "failed":
            return
        if report.skipped:
            test.update(outcome="skipped", reason=reason_of(report))
        elif report.when == "call":
            test.update(outcome="failed", reason=reason_of(report))
            test["verdict"] = None if by_figures else _verdict(error)
        else:
            # What tests share is taken before the first of them: it says as much of the board.
            verdict = "fail" if isinstance(error, StretchFailed) else "inconclusive"
            test.update(outcome="error", reason=reason_of(report), verdict=verdict)

    def tests(self) -> list[RunTest]:
        """Return what became of the tests, in the order they began."""
        from eegrig.hil.figures.account import RunTest

        return [RunTest(**test) for test in self._tests.values()]


def _verdict(error: BaseException | None) -> str:
    """Return what a failed test says of the board besides its figures.

    Assertions of suites are about boards, and so is an error that finds one wrong; whatever else
    went wrong kept the test from telling.
    """
    # pytest reports one that passed, and was to fail, without an error.
    asserted = error is None or isinstance(error, (AssertionError, pytest.fail.Exception))
    return "fail" if asserted or isinstance(error, BoardFault) else "inconclusive"


def reason_of(report: pytest.TestReport) -> str:
    """Return why a test failed or was skipped, in one line."""
    if report.skipped:
        why = getattr(report, "wasxfail", None)
        if why is not None:
            return f"fails as expected: {why}" if why else "fails as expected"
        if isinstance(report.longrepr, tuple):
            return report.longrepr[2].removeprefix("Skipped: ").strip() or "no reason given"
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(report.longrepr) if crash is None else str(crash.message)
    lines = text.strip().splitlines()
    line = lines[0 if crash is not None else -1].strip() if lines else "no reason given"
    return _ADDRESS.sub("", _MODULE.sub("", line))
