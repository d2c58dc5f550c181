"""Whether the verdicts in a results file follow from what else it says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from eegrig.hil.figures.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eegrig.boards.schema import Target
    from eegrig.hil.figures.account import NotMeasured, RunTest, Stop
    from eegrig.hil.figures.figure import Figure

__all__ = ["contradiction"]


def contradiction(
    figures: Sequence[Figure],
    *,
    targets: Mapping[str, Target],
    limits: Mapping[str, Target],
    tests: Sequence[RunTest],
    not_measured: Sequence[NotMeasured],
    part_of: int | None,
    stopped: Stop | None,
) -> str | None:
    """Return what does not follow in a run's results, or None where all does.

    Parameters
    ----------
    figures, targets, limits, tests, not_measured, part_of, stopped
        As in `hil.figures.results.Results`.
    """
    found = (
        *_names(figures, not_measured),
        *_limits(figures, {**limits, **targets}),
        *_verdicts(figures, {**limits, **targets}),
        *_accounts(figures, targets, not_measured, part_of, stopped),
        *_tests(figures, tests),
    )
    return next(iter(found), None)


def _names(figures: Sequence[Figure], not_measured: Sequence[NotMeasured]) -> Iterator[str]:
    for name, count in Counter(figure.name for figure in figures).items():
        if count > 1:
            yield f"figure {name} is there {count} times"
    left_out = {entry.what for entry in not_measured}
    for figure in figures:
        if figure.name in left_out:
            yield f"{figure.name} is a figure, and listed as not measured"


def _limits(figures: Sequence[Figure], targets: Mapping[str, Target]) -> Iterator[str]:
    for figure in figures:
        target = targets.get(figure.name)
        held = (figure.limit, figure.kind, figure.reason)
        if target is None:
            if figure.limit is not None or figure.kind is not None:
                yield f"figure {figure.name} has a limit, and is no target of the run"
        elif figure.unit != target.unit or held != (target.limit, target.kind, target.reason):
            yield (
                f"figure {figure.name} is held against {figure.kind} {figure.limit} {figure.unit}, "
                f"and the run's target is {target.kind} {target.limit} {target.unit}"
            )


def _verdicts(figures: Sequence[Figure], targets: Mapping[str, Target]) -> Iterator[str]:
    for figure in figures:
        verdict, _ = judge(
            targets.get(figure.name), figure.value, figure.uncertainty, figure.n, figure.flags
        )
        if verdict != figure.verdict:
            yield (
                f"figure {figure.name} is called {figure.verdict or 'one without a target'}, and "
                f"{verdict or 'no verdict'} follows from its value, limit and flags"
            )


def _accounts(
    figures: Sequence[Figure],
    targets: Mapping[str, Target],
    not_measured: Sequence[NotMeasured],
    part_of: int | None,
    stopped: Stop | None,
) -> Iterator[str]:
    """Find targets that are neither figures nor left out for a reason that the run has."""
    taken = {figure.name for figure in figures}
    left_out = {entry.what: entry for entry in not_measured}
    for name in targets:
        entry = left_out.get(name)
        if name in taken:
            continue
        if entry is None or not entry.because or not entry.why:
            yield f"target {name} is neither a figure nor listed under not_measured with a reason"
        elif entry.because == "stopped" and stopped is None:
            yield f"target {name} is listed as stopped, and the run was not"
        elif entry.because != "stopped" and part_of is None:
            yield f"target {name} is listed as {entry.because}, and the run as one of all targets"
    # A run of an earlier schema knows the limits only of targets that it took.
    if part_of is not None and part_of < len(targets):
        yield f"it is a part of {part_of} targets, and has {len(targets)}"
    if stopped is not None and stopped.exit_code == 0:
        yield "it was stopped, with exit code 0"


def _tests(figures: Sequence[Figure], tests: Sequence[RunTest]) -> Iterator[str]:
    missed = {figure.name for figure in figures if figure.verdict in ("fail", "inconclusive")}
    for test in tests:
        allowed: tuple[str | None, ...] = {
            "passed": (None,),
            "skipped": (None,),
            "error": ("fail", "inconclusive"),
            "failed": ("fail", "inconclusive", *([None] if missed & {*test.figures} else [])),
        }[test.outcome]
        if test.verdict not in allowed:
            yield (
                f"test {test.id} {_ENDED[test.outcome]}, and adds "
                f"{test.verdict or 'nothing'} to the verdict"
            )
    if not tests:
        return  # of an earlier schema, or of a run that is none of pytest
    untrusted = {name for test in tests if test.outcome != "passed" for name in test.figures}
    for figure in figures:
        if figure.flags.failed_test and figure.name not in untrusted:
            yield f"figure {figure.name} is of a test that failed, and no test of it did"


_ENDED = {
    "passed": "passed",
    "skipped": "was skipped",
    "failed": "failed",
    "error": "ended in an error",
}
