"""The plan of a run in a terminal: suites, tests, figures with their limits, and what they need."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import typer

from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.in_words import limit_text
from eegrig.hil.run.plan import Plan, PlannedFigure, PlannedTest
from eegrig.hil.run.progress import counted, duration_text

__all__ = ["plan_lines", "print_plan"]


def print_plan(plan: Plan) -> None:
    """Print a plan on standard output."""
    for line in plan_lines(plan):
        typer.echo(line)


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield the lines of a plan, of 80 columns where names allow it."""
    limits = sum(figure.limit is not None for figure in plan.figures)
    skipped = sum(bool(test.lacking) for test in plan.tests)
    yield (
        f"{plan.board} on {plan.bench}: {counted(len(plan.tests), 'test')}, "
        f"{counted(len(plan.figures), 'figure')} ({limits} with a limit)"
    )
    yield f"{duration_text(plan.lasts_s)} of the bench's time" + (
        f"; {skipped} skipped, for what the bench lacks" if skipped else ""
    )
    for suite, tests in groupby(plan.tests, key=lambda test: test.suite):
        yield ""
        yield suite
        for test in tests:
            yield from _test_lines(test)
    yield ""
    yield "the run as a whole"
    for figure in plan.of_all:
        yield _figure_line(figure)


def _test_lines(test: PlannedTest) -> Iterator[str]:
    yield f"  {test.name}"
    facts = []
    if test.lasts_s:
        facts.append(duration_text(test.lasts_s))
    if test.needs:
        facts.append(f"needs {', '.join(test.needs)}")
    if test.quick:
        facts.append("quick")
    if test.soak:
        facts.append("soak: only with -m soak")
    if facts:
        yield f"    {'; '.join(facts)}"
    if test.lacking:
        yield f"    SKIPPED: the bench has no {', '.join(test.lacking)}"
    for figure in test.figures:
        yield _figure_line(figure)


def _figure_line(figure: PlannedFigure) -> str:
    unit = "plain number" if figure.unit == "1" else f"in {figure.unit}"
    return f"    {figure.name:<26} {_limit(figure) or unit:<13} {figure.label}"


def _limit(figure: PlannedFigure) -> str:
    """Return the limit of a figure, in the unit it will be shown in."""
    blank = Figure(
        name=figure.name,
        value=None,
        unit=figure.unit,
        uncertainty=None,
        n=0,
        provenance="measured",
        limit=figure.limit,
        kind=figure.kind,
    )
    return limit_text(blank).replace("\u00a0", " ")
