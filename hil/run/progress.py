"""What a run is doing, told as it goes: steps, tests, their figures, the time that is left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest
import typer

from eegrig.hil.figures.account import words
from eegrig.hil.figures.in_words import limit_text, shown, word
from eegrig.hil.run.plan import Plan
from eegrig.hil.session.outcomes import reason_of

if TYPE_CHECKING:
    from eegrig.hil.figures.figure import Figure

__all__ = ["Progress", "duration_text"]

_MARKS = {"pass": "ok  ", "marginal": "near", "fail": "MISS", "inconclusive": "open", None: "    "}


class Progress:
    """A pytest plugin that tells on standard error what is going on.

    Parameters
    ----------
    tell : callable, optional
        Takes a line; by default it is printed on standard error.
    now_s : callable
        Clock of whoever looks, in seconds.
    """

    def __init__(
        self,
        tell: Callable[[str], None] | None = None,
        now_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._tell = tell or (lambda line: typer.echo(line, err=True))
        self._now_s = now_s
        self._lasting: dict[str, float] = {}
        self._first_s: float | None = None
        self._started_s = 0.0
        self._behind_s = 0.0
        self._figures: list[Figure] = []

    def planned(self, plan: Plan) -> None:
        """Say what is going to be done."""
        self._lasting = {test.id: test.lasts_s for test in plan.tests}
        limits = sum(figure.limit is not None for figure in plan.figures)
        self._tell(
            f"  {counted(len(plan.tests), 'test')}, {counted(len(plan.figures), 'figure')}, "
            f"{limits} with a limit; {duration_text(plan.lasts_s)} on the bench's clock"
        )

    def pytest_rig_step(self, config: pytest.Config, what: str) -> None:
        """Say what begins, though pytest keeps to itself what is said within a test."""
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            self._tell(f"  ...  {what}")

    def pytest_rig_figure(self, figure: Figure) -> None:
        """Keep a figure until its test has ended."""
        self._figures.append(figure)

    def pytest_runtest_logstart(self, nodeid: str, location: Sequence[Any]) -> None:
        """Begin to count the time of a test."""
        self._started_s = self._now_s()
        self._figures.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say how a test ended, and which figures it took."""
        if report.when != "call" and report.passed:
            return
        now_s = self._now_s()
        topic, name = words(report.nodeid)
        mark = self._mark(report)
        left = self._left(self._lasting.pop(report.nodeid, 0.0), now_s)
        self._tell(f"  {mark} {topic}: {name} ({now_s - self._started_s:.1f} s{left})")
        for figure in self._figures:
            if figure.flags.failed_test:
                continue  # what the test says below
            self._tell(f"       {_MARKS[figure.verdict]} {figure_text(figure)}")
        if report.failed and not self._told_by_figures():
            self._tell(f"       {reason_of(report)}")
        if report.skipped:
            self._tell(f"       {reason_of(report)}")
        self._figures.clear()

    def _mark(self, report: pytest.TestReport) -> str:
        if report.failed and self._told_by_figures():
            return "MISS" if any(f.verdict == "fail" for f in self._figures) else "open"
        return {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[report.outcome]

    def _told_by_figures(self) -> bool:
        """Whether the figures say why the test failed."""
        return any(
            figure.verdict in ("fail", "inconclusive") and not figure.flags.failed_test
            for figure in self._figures
        )

    def _left(self, lasted_s: float, now_s: float) -> str:
        """Return how long the rest will take at the pace so far.

        The first test is no measure: the firmware was built and flashed for it.
        """
        ahead_s = sum(self._lasting.values())
        if self._first_s is None:
            self._first_s = now_s
            return ""
        self._behind_s += lasted_s
        if self._behind_s <= 0 or ahead_s <= 0:
            return ""
        return f", {duration_text(ahead_s * (now_s - self._first_s) / self._behind_s)} left"


def figure_text(figure: Figure) -> str:
    """Return a figure with its limit and verdict in one line."""
    value = str(shown(figure) or "no value").replace("\u00a0", " ")
    limit = "" if figure.limit is None else f" ({limit_text(figure)})".replace("\u00a0", " ")
    note = f": {figure.note}" if figure.note and figure.verdict not in ("pass", None) else ""
    return f"{word(figure.name).label}: {value}{limit}{note}"


def duration_text(seconds: float) -> str:
    """Return a length of time in words that one reads at a glance."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"


def counted(count: int, noun: str) -> str:
    """Return so many of something."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
