"""Workers of ``pytest -n``: one result of all, and nothing lost without a word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eegrig.hil.figures.results import Results

from .test_plugin import CONFTEST, EXTENDED, WATCHFUL, figures

pytest_plugins = ["pytester"]

# Two files are for two workers, with --dist loadfile.
SLEEP = """
import os

def test_sleep(rig, rig_record, rig_out):
    rig_record("power.sleep", 0.1e-3, "W", uncertainty=1e-6, n=1)
    (rig_out / f"{os.environ.get('PYTEST_XDIST_WORKER', 'none')}.txt").write_text("")
    (rig_out / "traces").mkdir(exist_ok=True)
    (rig_out / "traces" / "both.txt").write_text("the same")
"""
ADVERTISING = SLEEP.replace("power.sleep", "power.advertising").replace("test_sleep", "test_found")
CRASH = """
import os

def test_crash(rig, rig_record):
    rig_record("power.connected", 0.1e-3, "W", uncertainty=1e-6, n=1)
    os._exit(9)
"""


def run(
    pytester: pytest.Pytester, *options: str, conftest: str = CONFTEST, **files: str
) -> tuple[pytest.RunResult, Path]:
    pytester.makeconftest(conftest)
    pytester.makepyfile(**files)
    out = pytester.path / f"out{len(list(pytester.path.glob('out*')))}"
    only_ours = ("-p", "no:cacheprovider", "-p", "no:randomly")
    result = pytester.runpytest_subprocess(f"--rig-out={out}", *only_ours, *options)
    return result, out


WORKERS = ("-n", "2", "--dist", "loadfile")
CRASHING = ("-n", "2", "--dist", "load")  # by file, xdist would run what crashed again and again


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_workers_find_out_is_one_result_and_the_same_as_without_them(pytester):
    modules = {"test_one": SLEEP, "test_two": ADVERTISING}
    result, together = run(pytester, *WORKERS, **modules)
    result.assert_outcomes(passed=2)
    result, alone = run(pytester, "-n", "0", **modules)
    result.assert_outcomes(passed=2)
    one, other = Results.load(together), Results.load(alone)
    assert [figure.verdict for figure in one.figures].count("pass") == 2
    assert one.digest() == other.digest()
    assert one.notes == ["a HardFault"]


def test_files_of_workers_are_in_the_folder_of_the_run_once_each(pytester):
    _, out = run(pytester, *WORKERS, test_one=SLEEP, test_two=ADVERTISING)
    assert files(out) == {"gw0.txt", "gw1.txt", "results.json", "traces/both.txt"}
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("selection", [(), ("-k", "crash or sleep")])
def test_a_worker_that_crashes_makes_the_run_undecided_and_says_so(pytester, selection):
    watchful = WATCHFUL.replace("exchanges=70, broken=(BROKEN,)", "exchanges=70, broken=()")
    result, out = run(
        pytester, *CRASHING, *selection, conftest=watchful, test_a=CRASH, test_b=SLEEP
    )
    result.assert_outcomes(passed=1, failed=1)
    content = json.loads((out / "results.json").read_text())
    assert (content["verdict"], content["exit_code"]) == ("inconclusive", 1)
    found = figures(out)
    assert found["power.sleep"][0] == "pass"
    assert found["power.connected"][0] == "inconclusive"  # taken, and lost
    assert found["afe.rules_broken"][0] == "inconclusive"
    assert any("gw0 of pytest -n" in note and "lost" in note for note in content["notes"])
    assert files(out) == {"gw1.txt", "results.json", "traces/both.txt"}


def test_a_worker_that_crashes_takes_its_last_test_along_and_no_other(pytester):
    modules = {"test_a": SLEEP + ADVERTISING + CRASH}
    _, out = run(pytester, "-n", "1", "--dist", "load", **modules)
    found = figures(out)
    assert {found[name][0] for name in ("power.sleep", "power.advertising")} == {"pass"}
    assert found["power.connected"][0] == "inconclusive"


def test_figures_taken_before_a_run_is_stopped_at_a_failure_are_kept(pytester):
    failing = "def test_fails():\n    assert False\n"
    result, out = run(pytester, "-n", "1", "-x", test_a=SLEEP, test_b=failing)
    result.assert_outcomes(passed=1, failed=1)
    found = figures(out)
    assert found["power.sleep"][0] == "pass"
    results = Results.load(out)
    assert results.stopped is not None
    stopped = {entry.what for entry in results.not_measured if entry.because == "stopped"}
    assert "power.connected" in stopped
    assert results.verdict == "fail"


def test_a_rule_that_was_broken_stays_so_where_another_worker_crashed(pytester):
    _, out = run(pytester, *CRASHING, conftest=WATCHFUL, test_a=CRASH, test_b=SLEEP)
    assert figures(out)["afe.rules_broken"][0] == "fail"


def test_figures_that_the_suites_declare_are_known_where_all_come_together(pytester):
    decoder = """
    def test_decoder(rig_record):
        rig_record("decode.accuracy", 0.9, "1", uncertainty=0.01, n=20)
    """
    result, out = run(
        pytester, *WORKERS, conftest=CONFTEST + EXTENDED, test_a=decoder, test_b=SLEEP
    )
    result.assert_outcomes(passed=2)
    assert {"decode.accuracy", "power.sleep"} <= figures(out).keys()


def test_a_run_of_a_part_in_workers_is_one_of_a_part(pytester):
    _, out = run(pytester, *WORKERS, "-k", "sleep", test_one=SLEEP, test_two=ADVERTISING)
    content = json.loads((out / "results.json").read_text())
    assert content["verdict"] == "part"


def test_workers_without_a_bench_leave_nothing(pytester):
    result, out = run(pytester, *WORKERS, test_one="def test_any():\n    pass\n")
    result.assert_outcomes(passed=1)
    assert not out.exists()
