"""The judge of the fast mode: what it calls different, without a binary to run."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.ports import board_runtime
from eegrig.hil.compare_modes import Trial, compare_figures, compare_trials, observe
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.results import Results
from eegrig.hil.report.modes_table import Row, print_modes
from eegrig.host.commands.output import table_console

BOARD = "earpatch2"
RUNTIME = os.environ.get("EEGRIG_STM32_RUNTIME")


@pytest.fixture(scope="module")
def trial() -> Trial:
    return observe(load_board(BOARD), None, seed=5, seconds=1)


def different(rows: list[Row]) -> list[str]:
    return [row.what for row in rows if row.agrees is False]


def test_one_seed_gives_the_same_twice_and_another_one_does_not(trial: Trial) -> None:
    again = observe(load_board(BOARD), None, seed=5, seconds=1)
    assert different(compare_trials(trial, again)) == []
    other = observe(load_board(BOARD), None, seed=6, seconds=1)
    samples = [f"{name}: samples" for name in trial.recordings]
    assert different(compare_trials(trial, other)) == samples


def test_one_sample_is_enough_to_differ(trial: Trial) -> None:
    name, recorded = next(iter(trial.recordings.items()))
    codes = recorded.codes.copy()
    codes[1, 17] += 1
    recordings = trial.recordings | {name: dataclasses.replace(recorded, codes=codes)}
    other = dataclasses.replace(trial, recordings=recordings)
    (row,) = [row for row in compare_trials(trial, other) if row.agrees is False]
    assert (row.what, row.exact) == (f"{name}: samples", "1 differ")


def test_every_kind_of_answer_was_asked_for_and_one_that_differs_is_found(trial: Trial) -> None:
    answers = dict(trial.answers)
    assert answers["idle: unknown opcode"].startswith("UNKNOWN_COMMAND")
    assert answers["streaming: START"].startswith("BUSY")
    assert answers["streaming: the front end stops"] == "event AFE_LOST"
    assert answers["front end lost: START"].startswith("AFE_FAULT")
    assert answers["front end back: START"].startswith("OK")
    changed = [(what, "OK" if what == "streaming: START" else was) for what, was in trial.answers]
    other = dataclasses.replace(trial, answers=changed)
    assert different(compare_trials(trial, other)) == ["streaming: START"]


def test_what_only_one_mode_says_is_a_difference(trial: Trial) -> None:
    silent = dataclasses.replace(trial, answers=trial.answers[:-2])
    assert different(compare_trials(trial, silent)) == [what for what, _ in trial.answers[-2:]]
    assert len(different(compare_trials(silent, trial))) == 2
    talkative = dataclasses.replace(trial, told=trial.told | {"colour": "blue"})
    assert different(compare_trials(trial, talkative)) == ["board says: colour"]


def test_a_heap_that_differs_by_more_than_three_percent_is_a_difference(trial: Trial) -> None:
    assert trial.free_heap.keys() == {"at the prompt", "interrupted while it streams"}
    assert 0 < trial.free_heap["interrupted while it streams"] < trial.free_heap["at the prompt"]
    for where, free in trial.free_heap.items():
        for part, differs in ((0.98, []), (1.02, []), (0.96, [f"free heap, {where}"])):
            heaps = trial.free_heap | {where: round(free * part)}
            other = dataclasses.replace(trial, free_heap=heaps)
            assert different(compare_trials(trial, other)) == differs
    without = dataclasses.replace(trial, free_heap={})
    assert len(different(compare_trials(trial, without))) == 2


def test_a_loss_in_one_mode_only_is_a_difference(trial: Trial) -> None:
    other = dataclasses.replace(trial, overload_received=trial.overload_received - 0.1)
    (what,) = different(compare_trials(trial, other))
    assert what.startswith("beyond capacity")


def test_a_board_that_recovers_in_one_mode_only_is_a_difference(trial: Trial) -> None:
    assert trial.recovered_received == 1.0
    other = dataclasses.replace(trial, recovered_received=0.99)
    (what,) = different(compare_trials(trial, other))
    assert what.startswith("from 2 s after the interval is short again")


def test_what_was_run_is_said_with_what_the_board_has_beyond_stock() -> None:
    fast, exact = results("boot.time", 0.5, 0.03), results("boot.time", 0.5, 0.03)
    for each in (fast, exact):
        each.rest_on(board_runtime(load_board("headband8")), modelled=False)
    exact.note_runtime("4cd77bda2339" + 52 * "0")
    row = compare_figures(fast, exact)[0]
    assert row.what == (
        "MicroPython nrf52840dk_nrf52840 (zephyr); beyond stock: SPI, ADC, FLASH_MAP"
    )
    assert (row.fast, row.exact, row.agrees) == ("model", "binary 4cd77bda2339", None)


def results(
    name: str, value: float | None, uncertainty: float | None, verdict: str = "pass"
) -> Results:
    figure = Figure(
        name=name, value=value, unit="s", uncertainty=uncertainty, n=1, provenance="simulated",
        limit=1.0, kind="max", verdict=verdict,
    )  # fmt: skip
    return Results(board=BOARD, bench="virtual", figures=[figure])


@pytest.mark.parametrize(
    ("fast", "exact", "agrees"),
    [
        (results("boot.time", 0.50, 0.03), results("boot.time", 0.58, 0.03), True),
        (results("boot.time", 0.50, 0.03), results("boot.time", 0.60, 0.03), False),
        (results("boot.time", 0.50, 0.03), results("boot.time", 0.51, 0.03, "fail"), False),
        (results("boot.time", 0.50, None), results("boot.time", 0.60, 0.03), None),
        (results("processor.margin", 2.0, 0.02), results("processor.margin", 2.4, 0.02), True),
        (results("processor.margin", 2.0, 0.02), results("processor.margin", 2.5, 0.02), False),
        (results("flash.time", 2.0, 0.1), results("flash.time", 10.0, 0.1), None),
        (results("boot.time", 0.5, 0.03), results("boot.time", None, None, "inconclusive"), False),
        (results("boot.time", None, None, "inconclusive"), results("boot.time", 0.5, 0.03), False),
        (
            results("boot.time", None, None, "inconclusive"),
            results("boot.time", None, None, "inconclusive"),
            True,
        ),
    ],
)
def test_figures_agree_within_what_they_state(
    fast: Results, exact: Results, agrees: bool | None
) -> None:
    (row,) = compare_figures(fast, exact)
    assert row.agrees is agrees


def test_a_figure_of_one_mode_only_is_a_difference() -> None:
    one, none = results("boot.time", 0.5, 0.03), Results(board=BOARD, bench="virtual")
    assert different(compare_figures(one, none)) == ["boot.time"]
    assert different(compare_figures(none, one)) == ["boot.time"]


def test_the_table_says_first_whether_anything_differs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        Row("boot.time", "0.3 s", "0.8 s", agrees=False, rule="within 0.1 s"),
        Row("a", "1", "1", agrees=True, rule="equal"),
    ]
    print_modes(BOARD, rows, table_console())
    out = capsys.readouterr().out
    assert out.split()[0] == "DIFFER"
    assert "1 of 2 agree" in out
    assert "0.8 s" in out


@pytest.mark.skipif(not RUNTIME, reason="EEGRIG_STM32_RUNTIME names no stock binary")
@pytest.mark.parametrize("board", ["nucleo-wb55-ads1299", "headphone8", "earpatch2"])
def test_the_stock_binary_answers_and_streams_as_the_fast_mode_does(board: str) -> None:
    loaded = load_board(board)
    fast, exact = (
        observe(loaded, runtime, seed=5, seconds=2) for runtime in (None, Path(str(RUNTIME)))
    )
    assert different(compare_trials(fast, exact)) == []
    assert all(recorded.frames_lost == 0 for recorded in exact.recordings.values())
