"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import glob
import json
from pathlib import Path

import pytest

import eegrig.hil.figures.results
import eegrig.hil.rig  # noqa: F401 (a run within this process forgets what it was the first to import)

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]

# Benches with nothing behind them: what the plugin itself asks of some.
CONFTEST = """
import asyncio, contextlib
from types import SimpleNamespace
import pytest
from eegrig.boards import load_board
from eegrig.hil.bench import Seen

RULES = None

class Benches(SimpleNamespace):
    @contextlib.contextmanager
    def fresh(self, occasion, *, flashed):
        yield SimpleNamespace(**vars(self), occasion=occasion, run=asyncio.run)

    def seen(self):
        return {"all": Seen(RULES, ("a HardFault",))}

@pytest.fixture(scope="session")
def rig_benches():
    return Benches(
        name="bare",
        board=load_board("headband8"),
        seed=5,
        provenance="simulated",
        capabilities=frozenset({"power", "source"}),
        signal="nothing",
        mode=None,
        rests_on=(),
    )
"""

# One that has seen firmware break a rule of a front end's data sheet.
WATCHFUL = (
    CONFTEST
    + """
from eegrig.hil.bench import BrokenRule, RuleCheck
BROKEN = BrokenRule("ads1299", "wait 4 tCLK", "p. 36", 2)
RULES = RuleCheck(exchanges=70, broken=(BROKEN,))
"""
)


def figures(folder: Path) -> dict[str, tuple[str | None, str]]:
    """Return verdict and note of every figure in a results file."""
    content = json.loads((folder / "results.json").read_text())
    return {figure["name"]: (figure["verdict"], figure["note"]) for figure in content["figures"]}


@pytest.fixture
def bare(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    return pytester


# ---- what a test needs


def test_a_test_that_needs_what_the_bench_lacks_is_skipped_and_says_why(bare):
    bare.makepyfile(
        """
        import pytest

        @pytest.mark.needs("power", "faults", "reset")
        def test_lacking(rig):
            raise AssertionError("must not run")

        @pytest.mark.needs("power")
        @pytest.mark.needs("source")
        def test_there(rig):
            pass
        """
    )
    result = bare.runpytest("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*bench 'bare' has no faults, reset"])


def test_the_need_of_a_whole_module_counts_for_each_test(bare):
    bare.makepyfile(
        """
        import pytest
        pytestmark = pytest.mark.needs("flash")

        async def test_one(rig):
            pass

        def test_two():
            pass
        """
    )
    bare.runpytest().assert_outcomes(skipped=2)


# ---- coroutines


def test_a_coroutine_runs_to_its_end_on_the_bench_and_its_failure_is_the_tests(bare):
    bare.makepyfile(
        """
        import asyncio, pytest
        seen = []

        async def test_runs(rig, tmp_path):
            await asyncio.sleep(0)
            seen.append(tmp_path.name)

        def test_did_run():
            assert seen

        async def test_fails(rig):
            await asyncio.sleep(0)
            assert 1 == 2
        """
    )
    result = bare.runpytest("-p", "no:randomly")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2*"])


def test_on_the_virtual_bench_waiting_costs_nothing(pytester):
    pytester.makepyfile(
        """
        import asyncio

        async def test_an_hour(rig):
            before_ns = rig.clock.now_ns()
            await asyncio.sleep(3600)
            assert rig.clock.now_ns() - before_ns == 3600 * 10**9
        """
    )
    # In a process of its own: numpy cannot be imported, forgotten and imported again.
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_other_coroutine_tests_are_left_to_other_plugins(pytester):
    pytester.makepyfile("async def test_foreign():\n    pass\n")
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(["*async def functions are not natively supported*"])


# ---- no interference


def test_a_run_that_asks_for_nothing_gets_nothing(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_light(request):
            heavy = {"numpy", "bleak", "pyocd", "bumble"}
            heavy |= {"eegrig.hil.virtual", "eegrig.hil.figures.results"}
            assert heavy & set(sys.modules) == set()
            assert [name for name in request.fixturenames if name.startswith("rig")] == [
                "rig_capabilities"
            ]
        """
    )
    only_ours = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:randomly")
    pytester.runpytest_subprocess(*only_ours).assert_outcomes(passed=1)
    assert not list(pytester.path.glob("**/results.json"))


def test_options_and_markers_are_registered(pytester):
    result = pytester.runpytest("--help")
    for option in ("--rig=", "--rig-board=", "--rig-out=", "--rig-seed=", "--rig-signal="):
        result.stdout.fnmatch_lines([f"*{option}*"])
    markers = pytester.runpytest("--markers")
    markers.stdout.fnmatch_lines(["*@pytest.mark.needs(*", "*@pytest.mark.figures(*"])


def test_an_unknown_board_is_one_error_that_names_those_there_are(pytester):
    pytester.makepyfile("def test_any(rig):\n    pass\n")
    result = pytester.runpytest("--rig-board=nosuchboard")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ConfigError*nosuchboard*headband8*"])


def test_a_bench_that_cannot_be_set_up_is_an_error(pytester):
    pytester.makepyfile("def test_any(rig):\n    pass\n")
    result = pytester.runpytest("--rig=bench.toml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ConfigError*--rig bench.toml*"])


# ---- figures


def run_figures(bare: pytest.Pytester, code: str) -> tuple[pytest.RunResult, Path]:
    bare.makepyfile(code)
    out = bare.path / "out"
    return bare.runpytest(f"--rig-out={out}", "-k", "test", "-p", "no:randomly"), out


def test_a_figure_that_misses_its_target_fails_its_test(bare):
    result, out = run_figures(
        bare,
        """
        def test_power(rig_record):
            rig_record("power.sleep", 0.1e-3, "W", uncertainty=1e-6, n=1)
            rig_record("power.advertising", 9e-3, "W", uncertainty=1e-6, n=1)
        """,
    )
    result.assert_outcomes(failed=1)  # not an error of its teardown
    result.stdout.fnmatch_lines(["*power.advertising = 9.0000 ± 0.0010 mW, limit ≤ 0.5 mW (fail)"])
    found = figures(out)
    assert (found["power.sleep"][0], found["power.advertising"][0]) == ("pass", "fail")


def test_figures_of_a_test_that_fails_are_inconclusive_taken_or_not(bare):
    result, out = run_figures(
        bare,
        """
        import pytest

        @pytest.mark.figures("power.sleep", "power.connected")
        def test_fails_in_between(rig_record):
            rig_record("power.sleep", 0.1e-3, "W", uncertainty=1e-6, n=1)
            raise ValueError("the meter fell off the table")

        def test_holds(rig_record):
            rig_record("power.advertising", 0.1e-3, "W", uncertainty=1e-6, n=1)
        """,
    )
    result.assert_outcomes(passed=1, failed=1)
    note = "the test failed: the meter fell off the table"
    found = figures(out)
    assert found["power.sleep"] == ("inconclusive", note)
    assert found["power.connected"][0] == "inconclusive"
    assert note in found["power.connected"][1]
    assert found["power.advertising"][0] == "pass"


def test_a_miss_stays_a_miss_when_its_test_fails_otherwise_too(bare):
    _, out = run_figures(
        bare,
        """
        def test_both(rig_record):
            rig_record("power.sleep", 5e-3, "W", uncertainty=1e-6, n=1)
            assert False
        """,
    )
    assert figures(out)["power.sleep"][0] == "fail"


def test_lost_samples_make_a_figure_inconclusive_and_fail_the_test(bare):
    result, out = run_figures(
        bare,
        """
        def test_gain(rig_record):
            rig_record("signal.gain_error", 0.001, "1", uncertainty=1e-5, n=9, lost=1)
        """,
    )
    result.assert_outcomes(failed=1)
    assert figures(out)["signal.gain_error"][0] == "inconclusive"


def test_targets_nobody_measured_are_inconclusive_unless_a_part_was_asked_for(bare):
    bare.makepyfile(
        """
        def test_power(rig_record):
            rig_record("power.sleep", 0.1e-3, "W", uncertainty=1e-6, n=1)
        """
    )
    whole, part = bare.path / "whole", bare.path / "part"
    bare.runpytest(f"--rig-out={whole}").assert_outcomes(passed=1)
    bare.runpytest(f"--rig-out={part}", "-k", "power").assert_outcomes(passed=1)
    verdicts = {name: verdict for name, (verdict, _) in figures(whole).items()}
    assert verdicts.pop("power.sleep") == "pass"
    assert set(verdicts.values()) == {"inconclusive"}
    assert figures(part).keys() == {"power.sleep"}


@pytest.mark.parametrize("selection", [(), ("-k", "power")])
def test_rules_of_a_data_sheet_that_were_broken_are_counted_and_named_in_every_run(
    pytester, selection
):
    pytester.makeconftest(WATCHFUL)
    pytester.makepyfile(
        """
        def test_power(rig_record):
            rig_record("power.sleep", 0.1e-3, "W", uncertainty=1e-6, n=1)
        """
    )
    out = pytester.path / "out"
    pytester.runpytest(f"--rig-out={out}", *selection).assert_outcomes(passed=1)
    content = json.loads((out / "results.json").read_text())
    (figure,) = [f for f in content["figures"] if f["name"] == "afe.rules_broken"]
    assert (figure["value"], figure["n"], figure["verdict"]) == (2, 70, "fail")
    assert figure["note"] == "ads1299, 2 times: wait 4 tCLK (p. 36)"
    assert content["exit_code"] == 1


def test_a_bench_that_does_not_see_what_the_parts_see_says_so(bare):
    _, out = run_figures(
        bare,
        """
        def test_power(rig_record):
            rig_record("power.sleep", 0.1e-3, "W", uncertainty=1e-6, n=1)
        """,
    )
    content = json.loads((out / "results.json").read_text())
    assert "afe.rules_broken" not in figures(out)
    reasons = {entry["what"]: entry["why"] for entry in content["not_measured"]}
    assert "'bare'" in reasons["afe.rules_broken"]
    assert content["notes"] == ["a HardFault"]


# ---- the catalogue


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        ('"power.slep", 1e-4, "W"', "power.slep: no such figure (did you mean 'power.sleep'?)"),
        ('"power.sleep", 0.1, "mW"', "power.sleep is recorded in mW and declared in W"),
    ],
)
def test_a_figure_that_nobody_declared_fails_its_test_and_is_not_recorded(bare, figure, said):
    result, out = run_figures(
        bare,
        f"""
        import pytest

        @pytest.mark.figures("power.sleep")
        def test_power(rig_record):
            rig_record({figure}, uncertainty=1e-6, n=1)
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*ResultsError: figure {glob.escape(said)}*"])
    found = figures(out)
    assert "power.slep" not in found
    assert found["power.sleep"][0] == "inconclusive"
    assert "the test failed: figure power.sl" in found["power.sleep"][1]


def test_a_test_that_is_there_for_a_figure_that_nobody_declared_does_not_begin(bare):
    result, _ = run_figures(
        bare,
        """
        import pytest

        @pytest.mark.figures("power.sleep", "power.conected")
        def test_power(rig_record):
            raise AssertionError("must not run")
        """,
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*figure power.conected: no such figure*'power.connected'*"])


EXTENDED = """
import pytest
from eegrig.boards.figures import DeclaredFigure

@pytest.fixture(scope="session")
def rig_catalogue(rig_catalogue):
    return rig_catalogue.extended(
        [DeclaredFigure(name="decode.accuracy", unit="1", better="higher", label="Accuracy")]
    )
"""


def test_a_suite_declares_figures_of_its_own_where_it_has_its_fixtures(pytester):
    pytester.makeconftest(CONFTEST + EXTENDED)
    pytester.makepyfile(
        """
        def test_decoder(rig_record):
            rig_record("decode.accuracy", 0.9, "1", uncertainty=0.01, n=20)
        """
    )
    out = pytester.path / "out"
    pytester.runpytest(f"--rig-out={out}", "-k", "decoder").assert_outcomes(passed=1)
    assert figures(out)["decode.accuracy"] == (None, "")


def test_a_board_may_promise_what_the_suites_that_run_declare(pytester):
    board = ROOT / "boards" / "headband8" / "board.toml"
    text = board.read_text(encoding="utf-8").replace("power.connected", "decode.accuracy")
    text = text.replace(
        'limit = 1.5e-3\nkind = "max"\nunit = "W"', 'limit = 0.8\nkind = "min"\nunit = "1"'
    )
    (pytester.path / "board.toml").write_text(text, encoding="utf-8")
    pytester.makepyfile(
        """
        def test_board(rig_board):
            assert rig_board.targets["decode.accuracy"].limit == 0.8
        """
    )
    options = (f"--rig-board={pytester.path / 'board.toml'}",)
    pytester.runpytest(*options).assert_outcomes(errors=1)
    pytester.makeconftest(EXTENDED)
    pytester.runpytest(*options).assert_outcomes(passed=1)
