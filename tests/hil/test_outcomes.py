"""What became of a test, as the results of its run keep it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.hil.session.outcomes import Outcomes, reason_of
from eegrig.hil.session.stretch import StretchFailed


def a_report(when: str, outcome: str, message: str = "", duration: float = 0.5) -> Any:
    crash = SimpleNamespace(reprcrash=SimpleNamespace(message=message))
    return SimpleNamespace(
        nodeid="test_power.py::test_it",
        when=when,
        outcome=outcome,
        passed=outcome == "passed",
        skipped=outcome == "skipped",
        failed=outcome == "failed",
        duration=duration,
        longrepr=("file", 1, f"Skipped: {message}") if outcome == "skipped" else crash,
    )


def ended(*reports: Any, error: BaseException | None = None, by_figures: bool = False) -> Any:
    outcomes = Outcomes()
    for report in reports:
        outcomes.take(
            report, error if report.failed else None, ["power.sleep"], by_figures=by_figures
        )
    (test,) = outcomes.tests()
    return test


SETUP, CALL, TEARDOWN = (a_report(when, "passed") for when in ("setup", "call", "teardown"))


def test_a_test_that_passed_has_its_suite_figures_and_time() -> None:
    test = ended(SETUP, CALL, TEARDOWN)
    assert (test.id, test.suite, test.outcome) == ("test_power.py::test_it", "power", "passed")
    assert (test.figures, test.seconds, test.verdict) == (["power.sleep"], 1.5, None)
    assert test.title == "power: it"


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (AssertionError("no"), "fail"),
        (pytest.fail.Exception("no"), "fail"),
        (BoardFault("it calls itself Bob"), "fail"),
        (None, "fail"),  # it was to fail, and passed
        (InfrastructureError("no radio"), "inconclusive"),
        (TimeoutError(), "inconclusive"),
    ],
)
def test_assertions_and_faults_are_about_the_board_and_the_rest_is_not(
    error: BaseException | None, verdict: str
) -> None:
    test = ended(SETUP, a_report("call", "failed", "no"), TEARDOWN, error=error)
    assert (test.outcome, test.verdict, test.reason) == ("failed", verdict, "no")


def test_a_test_that_failed_by_its_figures_adds_nothing_to_what_they_say() -> None:
    missed = a_report("call", "failed", "power.sleep = 9 mW")
    test = ended(SETUP, missed, TEARDOWN, error=AssertionError(), by_figures=True)
    assert (test.outcome, test.verdict) == ("failed", None)


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_what_a_test_needs_is_no_matter_of_the_board(when: str) -> None:
    broken = a_report(when, "failed", "the cable is loose")
    before = [] if when == "setup" else [SETUP, CALL]
    test = ended(*before, broken, error=BoardFault("no"))
    assert (test.outcome, test.verdict) == ("error", "inconclusive")


def test_a_stretch_that_tests_share_says_as_much_of_the_board_as_a_test() -> None:
    broken = a_report("setup", "failed", "it sends nothing")
    test = ended(broken, error=StretchFailed("it sends nothing"))
    assert (test.outcome, test.verdict, test.reason) == ("error", "fail", "it sends nothing")


def test_a_teardown_that_breaks_does_not_hide_a_failure() -> None:
    failed = a_report("call", "failed", "no")
    broken = a_report("teardown", "failed", "the cable is loose")
    test = ended(SETUP, failed, broken, error=AssertionError())
    assert (test.outcome, test.verdict, test.reason) == ("failed", "fail", "no")


def test_a_skip_says_why() -> None:
    test = ended(a_report("setup", "skipped", "bench 'x' has no faults"), TEARDOWN)
    assert (test.outcome, test.reason) == ("skipped", "bench 'x' has no faults")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("assert 1 == 2\n +  where 1 = f()", "assert 1 == 2"),
        ("eegrig.boards.errors.BoardFault: no", "BoardFault: no"),
        ("a.b says c: d", "a.b says c: d"),
        ("assert <Led object at 0x7f00dead> == 1", "assert <Led object> == 1"),
        ("a HardFault at 0x08000100", "a HardFault at 0x08000100"),
        ("", "no reason given"),
    ],
)
def test_a_reason_is_one_line_that_two_runs_say_alike(message: str, said: str) -> None:
    assert reason_of(a_report("call", "failed", message)) == said
