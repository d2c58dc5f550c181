"""How a run ended, in a word and in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegrig.hil.report.vocabulary import word

if TYPE_CHECKING:
    from eegrig.hil.figures.account import RunTest
    from eegrig.hil.figures.figure import Figure
    from eegrig.hil.figures.results import Results

__all__ = ["labels", "verdict_sentence", "verdict_word"]

_MOST_TESTS = 3


def verdict_word(results: Results) -> str:
    """Say in capitals how the run ended; one of a part of the targets says how large a part."""
    if results.part_of is None:
        return results.verdict.upper()
    part = f"PART: {results.met} of {results.part_of} figures met"
    return part if results.verdict == "part" else f"{part}, {results.verdict.upper()}"


def verdict_sentence(results: Results) -> str:
    """Say in one sentence, or one for each thing that went wrong, how the run ended."""
    if results.firmware is not None and not results.firmware.matches:
        return "The board does not run the firmware that was asked for, so nothing here counts."
    judged = [figure for figure in results.figures if figure.verdict is not None]
    by_verdict: dict[str | None, list[Figure]] = {}
    for figure in judged:
        by_verdict.setdefault(figure.verdict, []).append(figure)
    parts = []
    if results.stopped is not None:
        parts.append(f"The run ended early: {results.stopped.reason.rstrip('.')}.")
    if failed := by_verdict.get("fail"):
        parts.append(f"{_count(failed, judged)} missed: {labels(failed)}.")
    if wrong := [test for test in results.tests if test.verdict == "fail"]:
        parts.append(f"{_tests(wrong)} failed: {_titles(wrong)}.")
    if open_ := by_verdict.get("inconclusive"):
        parts.append(f"{_count(open_, judged)} could not be decided: {labels(open_)}.")
    if untold := [test for test in results.tests if test.verdict == "inconclusive"]:
        parts.append(f"{_tests(untold)} could not tell: {_titles(untold)}.")
    if not judged:
        parts.append("No figure was held against a target, so there is nothing to pass.")
    if parts:
        return " ".join(parts)
    if results.part_of is not None:
        every = "What this run took is met, and the rest was left out"
    else:
        every = "The target is met" if len(judged) == 1 else f"All {len(judged)} targets are met"
    if close := by_verdict.get("marginal"):
        return f"{every}, but not with every uncertainty: {labels(close)}."
    return f"{every}."


def labels(figures: list[Figure]) -> str:
    """Return what figures are called, in a sentence."""
    said = [word(figure.name).label for figure in figures]
    return ", ".join(
        label[:1].lower() + label[1:] if label[1:2].islower() else label for label in said
    )


def _count(some: list[Figure], judged: list[Figure]) -> str:
    plural = "targets" if len(judged) > 1 else "target"
    return f"{len(some)} of {len(judged)} {plural}"


def _tests(tests: list[RunTest]) -> str:
    return "1 test" if len(tests) == 1 else f"{len(tests)} tests"


def _titles(tests: list[RunTest]) -> str:
    said = "; ".join(test.title for test in tests[:_MOST_TESTS])
    more = len(tests) - _MOST_TESTS
    return f"{said}; and {more} more" if more > 0 else said
