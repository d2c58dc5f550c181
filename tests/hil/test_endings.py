"""However a run ends, its exit code, results.json, junit.xml and report say the same of it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

import eegrig.hil.rig  # noqa: F401 (a run within this process forgets what it was the first to import)
from eegrig.hil.figures.results import Results
from eegrig.hil.report.ending import verdict_sentence, verdict_word
from eegrig.hil.report.page import write_report

from .test_plugin import CONFTEST

pytest_plugins = ["pytester"]

# A bench with nothing behind it, and a board that promises three figures.
BOARD = (
    CONFTEST.replace('load_board("headband8")', "BOARD")
    + """
import msgspec

BOARD = load_board("headband8")
KEPT = ("power.sleep", "power.advertising", "bandwidth.frame_loss_noisy")
BOARD = msgspec.structs.replace(BOARD, targets={name: BOARD.targets[name] for name in KEPT})

@pytest.fixture
def loose():
    raise ConnectionError("the meter's cable is loose")
"""
)

SLEEP = """
@pytest.mark.figures("power.sleep")
def test_sleeping(rig_record):
    rig_record("power.sleep", {value}, "W", uncertainty={uncertainty}, n=9{more})
"""
ADVERTISING = """
@pytest.mark.figures("power.advertising")
def test_advertising(rig_record):
    rig_record("power.advertising", 0.1e-3, "W", uncertainty=1e-6, n=9)
"""
NOISY = """
@pytest.mark.figures("bandwidth.frame_loss_noisy")
def test_noisy(rig_record):
    rig_record("bandwidth.frame_loss_noisy", 0.0, "1", uncertainty=0.0, n=900)
"""
IDLE = """
@pytest.mark.figures("bandwidth.frame_loss_noisy")
def test_that_takes_nothing(rig_record):
    pass
"""
GOOD = ADVERTISING + NOISY


def sleep(value: float = 0.1e-3, uncertainty: float = 1e-6, more: str = "") -> str:
    return SLEEP.format(value=value, uncertainty=uncertainty, more=more)


@dataclass(frozen=True)
class Ending:
    """How a run is made to end, and what must then be said of it.

    Attributes
    ----------
    tests : str
        The suite.
    verdict, exit_code
        Of the run.
    junit : tuple of int
        Failures, errors and tests that were skipped, in ``junit.xml``.
    says : str
        In the report.
    options : tuple of str
        For pytest.
    word : str
        How the report begins, if not with the verdict.
    left_out : dict of str to str
        Targets without a figure, each with why.
    """

    tests: str
    verdict: str
    exit_code: int
    junit: tuple[int, int, int] = (0, 0, 0)
    says: str = ""
    options: tuple[str, ...] = ()
    word: str = ""
    left_out: tuple[tuple[str, str], ...] = ()


ENDINGS = {
    "all pass": Ending(sleep() + GOOD, "pass", 0, says="All 3 targets are met."),
    "a miss": Ending(sleep(9e-3) + GOOD, "fail", 1, (1, 0, 0), "1 of 3 targets missed: sleep."),
    "a marginal": Ending(
        sleep(0.1e-3, 9e-3) + GOOD, "marginal", 0, says="not with every uncertainty: sleep."
    ),
    "an inconclusive": Ending(
        sleep(more=", saturated=True") + GOOD,
        "inconclusive",
        1,
        (1, 0, 0),
        "1 of 3 targets could not be decided: sleep.",
    ),
    "an assertion without a figure": Ending(
        sleep() + GOOD + "\ndef test_led(rig_results):\n    assert False, 'it is dark'\n",
        "fail",
        1,
        (1, 0, 0),
        "1 test failed: endings: led. AssertionError: it is dark",
    ),
    "an assertion beside a figure": Ending(
        sleep() + GOOD + "    assert False, 'it hums'\n",
        "fail",
        1,
        (1, 0, 0),
        "1 test failed: endings: noisy. 1 of 3 targets could not be decided",
    ),
    "a board found wrong": Ending(
        sleep()
        + GOOD
        + "\ndef test_names(rig_results):\n"
        + "    from eegrig.boards.errors import BoardFault\n"
        + "    raise BoardFault('it calls itself Bob')\n",
        "fail",
        1,
        (1, 0, 0),
        "BoardFault: it calls itself Bob",
    ),
    "a test that could not tell": Ending(
        sleep() + GOOD + "\ndef test_led(rig_results):\n    raise OSError('no camera')\n",
        "inconclusive",
        1,
        (1, 0, 0),
        "1 test could not tell: endings: led. OSError: no camera",
    ),
    "an error in setup": Ending(
        sleep() + GOOD.replace("test_noisy(rig_record", "test_noisy(loose, rig_record"),
        "inconclusive",
        1,
        (0, 1, 0),
        "the meter's cable is loose",
    ),
    "an error in teardown": Ending(
        sleep()
        + GOOD
        + "\n@pytest.fixture\ndef lamp():\n    yield\n    raise OSError('it stays on')\n"
        + "\ndef test_lamp(lamp, rig_results):\n    pass\n",
        "inconclusive",
        1,
        (0, 1, 0),
        "OSError: it stays on",
    ),
    "a bench that lacks something": Ending(
        sleep() + ADVERTISING + '\n@pytest.mark.needs("faults")' + NOISY,
        "part",
        0,
        (0, 0, 1),
        "bench 'bare' has no faults",
        word="PART: 2 of 3 figures met",
        left_out=(("bandwidth.frame_loss_noisy", "skipped"),),
    ),
    "a part by -k": Ending(
        sleep() + GOOD,
        "part",
        0,
        says="left out of this run",
        options=("-k", "noisy or sleeping"),
        word="PART: 2 of 3 figures met",
        left_out=(("power.advertising", "not selected"),),
    ),
    "a part by -m": Ending(
        sleep() + GOOD,
        "part",
        0,
        options=("-m", "figures"),
        word="PART: 3 of 3 figures met",
    ),
    "a part with a miss": Ending(
        sleep(9e-3) + GOOD,
        "fail",
        1,
        (1, 0, 0),
        options=("-k", "sleeping or noisy"),
        word="PART: 1 of 3 figures met, FAIL",
        left_out=(("power.advertising", "not selected"),),
    ),
    "a target that no test takes": Ending(
        sleep() + ADVERTISING, "inconclusive", 1, says="could not be decided: frame loss, noisy air"
    ),
    "stopped at the first failure": Ending(
        sleep(9e-3) + GOOD,
        "fail",
        1,
        (1, 0, 0),
        "The run ended early: stopping after 1 failures.",
        options=("-x",),
        left_out=(("power.advertising", "stopped"), ("bandwidth.frame_loss_noisy", "stopped")),
    ),
    "stopped by a test": Ending(
        sleep() + "\ndef test_stop(rig_results):\n    rig_results.stop('the board is gone', 3)\n",
        "inconclusive",
        3,
        says="The run ended early: the board is gone.",
        left_out=(("power.advertising", "stopped"), ("bandwidth.frame_loss_noisy", "stopped")),
    ),
    "nothing but a skip": Ending(
        '@pytest.mark.needs("faults")' + NOISY,
        "inconclusive",
        1,
        (0, 0, 1),
        options=("-k", "noisy"),
        word="PART: 0 of 3 figures met, INCONCLUSIVE",
        left_out=(
            ("power.sleep", "not selected"),
            ("power.advertising", "not selected"),
            ("bandwidth.frame_loss_noisy", "skipped"),
        ),
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_code_results_junit_and_report_agree(pytester: pytest.Pytester, name: str) -> None:
    ending = ENDINGS[name]
    pytester.makeconftest(BOARD)
    pytester.makepyfile(test_endings="import pytest\n" + ending.tests)
    out = pytester.path / "out"
    xml = out / "junit.xml"
    options = (f"--rig-out={out}", f"--junitxml={xml}", "-p", "no:randomly", *ending.options)
    code = pytester.runpytest(*options).ret

    results = Results.load(out)
    assert (results.verdict, results.exit_code) == (ending.verdict, ending.exit_code)
    assert (code == 0) == (results.exit_code == 0)
    content = json.loads((out / "results.json").read_text())
    assert (content["verdict"], content["exit_code"]) == (ending.verdict, ending.exit_code)

    suite = junit(xml)
    counts = tuple(int(suite.get(count, "")) for count in ("failures", "errors", "skipped"))
    assert counts == ending.junit
    outcomes = [test.outcome for test in results.tests]
    assert counts == tuple(outcomes.count(o) for o in ("failed", "error", "skipped"))
    assert suite.get("name") == "eegrig.headband8"
    assert properties(suite)["verdict"] == ending.verdict
    assert properties(suite)["exit_code"] == str(ending.exit_code)

    page = write_report(out).read_text(encoding="utf-8").replace("&#39;", "'")
    said = f"{verdict_word(results)} {verdict_sentence(results)}"
    assert said.startswith(ending.word or ending.verdict.upper())
    for part in ending.says.split(". "):
        assert part in page, said
    assert f'class="verdict v-{ending.verdict}"' in page
    left_out = {(e.what, e.because) for e in results.not_measured if e.what in results.targets}
    assert left_out == set(ending.left_out)


def test_junit_has_each_figure_with_unit_limit_and_verdict_and_says_misses_in_peoples_units(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(
        BOARD
        + """
@pytest.fixture(scope="session", autouse=True)
def flashed(rig_results):
    from eegrig.hil.figures.results import FirmwareCheck
    rig_results.firmware = FirmwareCheck(version="1", image_hash="ab" * 32)
"""
    )
    tests = IDLE + sleep(9e-3) + ADVERTISING + "    raise OSError('cable')\n"
    pytester.makepyfile(test_endings="import pytest\n" + tests)
    xml = pytester.path / "junit.xml"
    pytester.runpytest(f"--junitxml={xml}", "-p", "no:randomly")
    suite = junit(xml)
    assert properties(suite)["image_hash"] == "ab" * 32
    _, missed, untold = suite.findall("testcase")
    assert json.loads(properties(missed)["power.sleep"]) == {
        "value": 9e-3,
        "unit": "W",
        "uncertainty": 1e-6,
        "kind": "max",
        "limit": 0.2e-3,
        "verdict": "fail",
    }
    failure = missed.find("failure")
    assert failure is not None
    assert "power.sleep = 9.0000 ± 0.0010 mW, limit ≤ 0.2 mW (fail)" in failure.get("message", "")
    assert json.loads(properties(untold)["power.advertising"])["verdict"] == "inconclusive"
    # Targets that no test takes are the suite's.
    assert "bandwidth.frame_loss_noisy" in properties(suite)


def junit(path: Path) -> ET.Element:
    suite = ET.parse(path).getroot().find("testsuite")
    assert suite is not None
    return suite


def properties(element: ET.Element) -> dict[str, str]:
    found = element.findall("properties/property")
    return {each.get("name", ""): each.get("value", "") for each in found}
