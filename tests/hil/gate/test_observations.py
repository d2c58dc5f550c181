"""Runs are read into what the gate judges, and what does not belong together is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.boards.schema import Target
from eegrig.hil.figures.results import Results, ResultsError
from eegrig.hil.gate.observations import check_asked, from_folders, from_results

from .runs import CATALOGUE, IMAGE, POWER, run, save, taken

OTHER = "b" * 64


def refused(*runs: Results, **more: bool) -> str:
    named = [(f"run {number}", results) for number, results in enumerate(runs)]
    with pytest.raises(ConfigError) as raised:
        from_results(named, CATALOGUE, **more)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_values_come_in_the_order_in_which_runs_began(tmp_path: Path) -> None:
    late = run({POWER: 2.0}, seed=1, at="2026-11-02T00:00:00+00:00")
    early = run({POWER: 1.0}, seed=2, at="2026-11-01T00:00:00+00:00")
    found = from_folders(save(tmp_path, late, early), CATALOGUE, commit="abc")
    assert [each.value for each in found.series[POWER]] == [1.0, 2.0]
    assert found.series[POWER][0].seed == 2
    assert found.series[POWER][0].commit == "abc"
    assert (found.n_runs, found.images, found.versions) == (2, (IMAGE,), ("0.1.0",))
    assert found.setting.virtual


def test_a_folder_of_runs_stands_for_all_in_it(tmp_path: Path) -> None:
    save(tmp_path, run({POWER: 1.0}), run({POWER: 1.0}, seed=1))
    assert from_folders([tmp_path], CATALOGUE).n_runs == 2


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run in it"):
        from_folders([tmp_path], CATALOGUE)


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="give folders of runs"):
        from_results([], CATALOGUE)


def test_figures_taken_badly_do_not_count_and_say_why() -> None:
    runs = [("a", run({POWER: 1.0})), ("b", run({POWER: 9.0}, seed=1, lost=3))]
    found = from_results(runs, CATALOGUE)
    assert [each.value for each in found.series[POWER]] == [1.0]
    assert found.unsound == {POWER: "b: 3 samples were lost"}


def test_a_figure_without_a_value_is_unsound() -> None:
    target = {POWER: Target(limit=1.0, kind="max", unit="W", reason="for this test")}
    found = from_results([("a", run({POWER: float("nan")}, targets=target))], CATALOGUE)
    assert POWER not in found.series
    assert "no value" in found.unsound[POWER]


def test_limits_are_those_of_the_board() -> None:
    target = {POWER: Target(limit=0.02, kind="max", unit="W", reason="for this test")}
    assert from_results([("a", run({POWER: 0.01}, targets=target))], CATALOGUE).limits == {
        POWER: 0.02
    }


def test_runs_of_two_boards_rigs_signals_or_firmwares_are_refused() -> None:
    one = run({POWER: 1.0})
    assert "board 'hairclip1', run 0 of board 'headband8'" in refused(
        one, run({POWER: 1.0}, board="hairclip1", seed=1)
    )
    assert "rig 'desk'" in refused(one, run({POWER: 1.0}, bench="desk", seed=1))
    assert "signal 'x'" in refused(one, run({POWER: 1.0}, signal="x", seed=1))
    assert "firmware bbbbbbbbbbbb, run 0 of aaaaaaaaaaaa" in refused(
        one, run({POWER: 1.0}, image=OTHER, seed=1)
    )


def test_recent_runs_may_be_of_several_firmwares() -> None:
    runs = [("a", run({POWER: 1.0})), ("b", run({POWER: 1.0}, image=OTHER))]
    assert from_results(runs, CATALOGUE, one_image=False).n_runs == 2


def test_a_run_that_is_there_twice_is_refused() -> None:
    assert "has seed 3, as has run 0" in refused(
        run({POWER: 1.0}, seed=3), run({POWER: 1.0}, seed=3, at="2027-01-01T00:00:00+00:00")
    )
    twice = run({POWER: 1.0}, bench="desk")
    assert "run 1 is the run of run 0" in refused(twice, twice)


def test_a_figure_that_nobody_declared_is_refused() -> None:
    assert "run 0: figure power.coffee: no such figure" in refused(run({"power.coffee": 1.0}))


def test_runs_asked_for_in_two_ways_are_refused() -> None:
    assert "taken with seconds 60, in a run before with seconds 30" in refused(
        run({POWER: 1.0}), run({POWER: 1.0}, seed=1, seconds=60)
    )


def test_a_baseline_asked_for_in_another_way_is_refused() -> None:
    found = from_results([("a", run({POWER: 1.0}))], CATALOGUE)
    check_asked(found, {POWER: {"seconds": 30.0}})
    with pytest.raises(ConfigError, match="seconds 30, in its baseline with seconds 15"):
        check_asked(found, {POWER: {"seconds": 15.0}})


def test_results_of_schema_1_are_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"schema": 1}', encoding="utf-8")
    with pytest.raises(ConfigError, match="schema 1, which does not say what was wrong"):
        from_folders([tmp_path], CATALOGUE)


def test_an_edited_results_file_is_refused(tmp_path: Path) -> None:
    target = {POWER: Target(limit=0.5, kind="max", unit="W", reason="for this test")}
    (place,) = save(tmp_path, run({POWER: 1.0}, targets=target))
    file = place / "results.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["figures"][0]["value"] = 0.1
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ResultsError, match="contradicts itself"):
        from_folders([place], CATALOGUE)


def test_the_made_up_series_of_other_tests_are_of_a_real_bench() -> None:
    assert not taken({POWER: [1.0]}).setting.virtual
