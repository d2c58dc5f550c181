"""The plan of a run: what ``eegrig hil list`` shows, and what a run goes by."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from eegrig.boards import list_boards, load_board
from eegrig.boards.catalogue import catalogue
from eegrig.boards.errors import ConfigError
from eegrig.hil.bench import Capability
from eegrig.hil.pages.stored import load
from eegrig.hil.rig import capabilities_of, open_benches
from eegrig.hil.run.plan import make_plan
from eegrig.hil.run.plan_table import plan_lines
from eegrig.hil.run.request import RunRequest


def planned(board: str = "headband8", **options: object) -> RunRequest:
    return RunRequest(board=board, out=Path("out"), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", list_boards())
def test_every_target_of_a_board_is_in_its_plan_with_its_limit(name: str) -> None:
    figures = {figure.name: figure for figure in make_plan(planned(name)).figures}
    for target, what in load_board(name).targets.items():
        assert (figures[target].limit, figures[target].kind) == (what.limit, what.kind)
        assert figures[target].unit == what.unit


def test_a_limit_that_holds_for_every_board_is_in_its_plan() -> None:
    figures = {figure.name: figure for figure in make_plan(planned()).figures}
    assert "modes.protocol_errors" not in load_board("headband8").targets
    assert (figures["modes.protocol_errors"].limit, figures["modes.protocol_errors"].kind) == (
        0,
        "max",
    )


@pytest.mark.parametrize("name", list_boards())
def test_a_run_takes_no_figure_that_its_plan_does_not_have(name: str) -> None:
    """What the last run of all suites took is stored (`make figures`)."""
    stored = set(load(name).figures)
    taken = {figure.name for figure in catalogue() if figure.name in stored}
    assert len(taken) > 30
    assert taken <= {figure.name for figure in make_plan(planned(name)).figures}


def test_what_several_tests_share_is_counted_once() -> None:
    alone = make_plan(planned(select="test_low_latency_profile")).lasts_s
    both = make_plan(planned(select="low_latency_profile or nothing_else")).lasts_s
    assert alone == both == 71  # a recording, and the stretches on a slower processor


def test_a_bench_that_lacks_something_is_shown_to_skip_the_test(monkeypatch) -> None:
    monkeypatch.setattr(
        "eegrig.hil.run.plan.capabilities_of",
        lambda _rig: frozenset(get_args(Capability)) - {"power"},
    )
    plan = make_plan(planned())
    skipped = [test for test in plan.tests if test.lacking]
    assert {test.suite for test in skipped} == {"power", "power states", "robustness"}
    assert all(test.lasts_s == 0 for test in skipped)
    text = "\n".join(plan_lines(plan))
    assert f"{len(skipped)} skipped, for what the bench lacks" in text
    assert "SKIPPED: the bench has no power" in text


def test_the_virtual_bench_can_do_what_the_plan_counts_on() -> None:
    with open_benches("sim", load_board("hairclip1")) as benches:
        assert benches.capabilities == capabilities_of("sim")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"select": "nothing_has_this_name"}, "no test of the suites matches -k 'nothing_has"),
        ({"marks": "slow_ones"}, "-m: no test is marked slow_ones: "),
        ({"select": "latency and"}, "-k: "),
        ({"marks": "("}, "-m: "),
        ({"rig": "bench.toml"}, "--rig bench.toml"),
        ({"board": "nosuchboard"}, "unknown board"),
    ],
)
def test_what_is_wrong_with_a_plan_is_one_line(options: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_plan(planned(**options))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plan_fits_80_columns_and_names_unit_limit_and_need() -> None:
    lines = list(plan_lines(make_plan(planned())))
    assert max(map(len, lines)) <= 80
    goodput = next(line for line in lines if "bandwidth.goodput" in line)
    assert "bit/s" in goodput
    assert "≥ 378 kbit/s" in goodput
    assert any("needs link_control" in line for line in lines)


def test_the_command_lists_for_machines(tmp_path: Path) -> None:
    code = "import sys; from eegrig.host.commands.cli import main; main(sys.argv[1:])"
    arguments = ["hil", "list", "hairclip1", "-m", "quick", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    content = json.loads(done.stdout)
    assert content["board"] == "hairclip1"
    assert {test["quick"] for test in content["tests"]} == {True}
    assert done.stderr == ""


@pytest.mark.parametrize(("board", "has"), [("headband8", False), ("forehead2-nirs", True)])
def test_what_a_board_cannot_have_is_not_planned(tmp_path, board: str, has: bool) -> None:
    plan = make_plan(RunRequest(board=board, out=tmp_path))
    planned = {figure.name for figure in plan.figures}
    assert ("power.streaming.optics" in planned) == has
    assert ("stream.optics.frame_loss" in planned) == has
    assert "power.streaming.mcu" in planned
    assert "stream.emg.frame_loss" not in planned


def test_what_takes_days_is_listed_and_counts_only_where_it_is_asked_for() -> None:
    (listed,) = [test for test in make_plan(planned(select="three_days")).tests if test.soak]
    assert "soak: only with -m soak" in "\n".join(plan_lines(make_plan(planned())))
    assert make_plan(planned(select="three_days")).lasts_s == 0
    (asked,) = make_plan(planned(marks="soak")).tests
    assert (asked.id, asked.soak) == (listed.id, False)
    assert asked.lasts_s == 3 * 86_400
