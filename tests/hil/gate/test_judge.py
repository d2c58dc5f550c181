"""Verdicts of the gate: of runs of a real bench in stages, and of a virtual one seed by seed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eegrig.boards.errors import ConfigError
from eegrig.hil.gate.judge import FigureVerdict, GateVerdict, judge
from eegrig.hil.gate.observations import Taken
from eegrig.hil.gate.residual_noise import NoiseBound

from .runs import CATALOGUE, GAIN, GOODPUT, LOSS, POWER, noisy, taken

MW = 0.01
QUIET = [NoiseBound(figures="*", relative=0.001, measured="for this test")]


def gate(old: Taken, new: Taken, **more: object) -> GateVerdict:
    return judge(old, new, CATALOGUE, **more)


def only(verdict: GateVerdict, name: str = POWER, against: str = "accepted") -> FigureVerdict:
    (figure,) = [f for f in verdict.figures if (f.name, f.against) == (name, against)]
    return figure


def desk(factor: float, n_new: int, n_old: int = 20, **more: object) -> GateVerdict:
    old = taken({POWER: noisy(MW, n_old, seed=1)})
    new = taken({POWER: noisy(factor * MW, n_new, seed=2)})
    return gate(old, new, **more)


def test_five_runs_as_before_are_fine() -> None:
    verdict = desk(1.0, 5)
    assert (verdict.outcome, verdict.exit_code, verdict.wants_new) == ("fine", 0, 0)
    assert not verdict.paired


def test_five_runs_that_look_worse_are_undecided_and_more_are_wanted() -> None:
    verdict = desk(1.05, 5)
    assert (verdict.outcome, verdict.exit_code, verdict.wants_new) == ("undecided", 4, 10)
    assert only(verdict).why == "it looks worse; 5 new runs of 15"


def test_fifteen_runs_that_are_worse_raise_the_alarm() -> None:
    verdict = desk(1.03, 15)
    assert (verdict.outcome, verdict.exit_code) == ("worse", 1)
    figure = only(verdict)
    assert figure.shift is not None
    assert figure.shift.low < 0.03 * MW < figure.shift.high
    assert figure.p is not None
    assert figure.p < 0.004
    assert figure.noise == pytest.approx(0.015 * MW, rel=0.4)
    assert 0.01 * MW < figure.least_visible < 0.03 * MW


def test_fifteen_runs_as_before_are_fine_however_they_look() -> None:
    assert desk(1.0, 15).exit_code == 0


def test_a_better_figure_is_no_alarm() -> None:
    assert desk(0.9, 15).exit_code == 0


def test_what_is_worse_by_less_than_matters_is_said_and_no_alarm() -> None:
    verdict = desk(1.03, 15, threshold=0.05)
    assert verdict.exit_code == 0
    assert only(verdict).why == "worse beyond noise, by less than matters"


def test_from_where_on_a_change_matters_is_said_for_some_figures() -> None:
    assert desk(1.03, 15, matters_from={"power.*": 0.05}).exit_code == 0
    assert desk(1.03, 15, matters_from={"latency.*": 0.05}).exit_code == 1
    assert desk(1.03, 15, matters_from={"power.*": 0.05}, threshold=0.01).exit_code == 1


def test_too_few_runs_of_either_side_are_undecided() -> None:
    few_new, few_old = desk(1.0, 4), desk(1.0, 15, n_old=12)
    assert (few_new.exit_code, few_new.wants_new) == (4, 1)
    assert (few_old.exit_code, few_old.wants_baseline) == (4, 8)
    assert only(few_old).why == "the baseline has 12 runs of 20"


def test_where_more_is_better_less_is_worse() -> None:
    old = taken({GOODPUT: noisy(250e3, 20, seed=1)})
    assert gate(old, taken({GOODPUT: noisy(240e3, 15, seed=2)})).exit_code == 1
    assert gate(old, taken({GOODPUT: noisy(260e3, 15, seed=2)})).exit_code == 0


@pytest.mark.parametrize(("now", "exit_code"), [(-0.004, 1), (0.004, 1), (0.0001, 0)])
def test_where_zero_is_best_both_sides_are_worse(now: float, exit_code: int) -> None:
    old = taken({GAIN: noisy(0.002, 20, seed=1)}, limits={GAIN: 0.007})
    assert gate(old, taken({GAIN: noisy(now, 15, seed=2)})).exit_code == exit_code


def test_an_error_about_zero_is_small_against_its_limit() -> None:
    old = taken({GAIN: noisy(1e-6, 20, seed=1)}, limits={GAIN: 0.007})
    verdict = gate(old, taken({GAIN: noisy(5e-6, 15, seed=2)}))
    assert verdict.exit_code == 0
    assert only(verdict, GAIN).reference == 0.007


def test_loss_where_there_was_none_is_worse_though_nothing_is_relative_to_zero() -> None:
    old = taken({LOSS: [0.0] * 20})
    assert gate(old, taken({LOSS: [0.0] * 15})).exit_code == 0
    verdict = gate(old, taken({LOSS: [0.01] * 15}))
    assert verdict.exit_code == 1
    assert only(verdict, LOSS).reference == 0


def test_of_many_figures_the_one_that_is_worse_is_named() -> None:
    names = [figure.name for figure in CATALOGUE if figure.better == "lower"][:40]
    old = taken({name: noisy(1.0, 20, seed=at) for at, name in enumerate(names)})
    new = {name: noisy(1.0, 20, seed=100 + at) for at, name in enumerate(names)}
    new[names[7]] = noisy(1.04, 20, seed=107)
    verdict = gate(old, taken(new))
    assert [figure.name for figure in verdict.of("worse")] == [names[7]]
    assert only(verdict, names[7]).p_bound == pytest.approx(0.004 / len(names))


def test_slow_drift_escapes_the_last_runs_and_not_the_accepted_ones() -> None:
    new = taken({POWER: noisy(1.03 * MW, 15, seed=3)})
    recent = taken({POWER: noisy(1.028 * MW, 20, seed=4)})
    verdict = gate(taken({POWER: noisy(MW, 20, seed=1)}), new, recent=recent)
    assert only(verdict, against="accepted").outcome == "worse"
    assert only(verdict, against="recent").outcome == "fine"
    assert verdict.exit_code == 1


def test_a_step_that_the_accepted_baseline_does_not_show_is_seen_by_the_last_runs() -> None:
    new = taken({POWER: noisy(1.0 * MW, 15, seed=3)})
    recent = taken({POWER: noisy(0.96 * MW, 20, seed=4)})
    verdict = gate(taken({POWER: noisy(MW, 20, seed=1)}), new, recent=recent)
    assert [figure.against for figure in verdict.of("worse")] == ["recent"]


def test_too_few_recent_runs_are_not_judged_and_nobody_is_asked_for_them() -> None:
    recent = taken({POWER: noisy(0.9 * MW, 19, seed=4)})
    verdict = desk(1.0, 15, recent=recent)
    assert verdict.exit_code == 0
    assert only(verdict, against="recent").why == "not judged: 19 recent runs of 20"


def test_a_figure_without_sound_runs_is_undecided() -> None:
    old = taken({POWER: noisy(MW, 20, seed=1)})
    verdict = gate(old, taken({}, unsound={POWER: "7: 3 samples were lost"}))
    assert verdict.exit_code == 4
    assert only(verdict).why == "7: 3 samples were lost"


def test_what_was_not_judged_is_said() -> None:
    old = taken({POWER: noisy(MW, 20, seed=1), GAIN: [0.0] * 20})
    new = taken({POWER: noisy(MW, 5, seed=2), GOODPUT: [1.0] * 5})
    assert gate(old, new).left_out == {
        GOODPUT: "it has no baseline: accept one",
        GAIN: "these runs did not take it",
    }


def test_nothing_to_judge_is_not_fine() -> None:
    assert gate(taken({POWER: [MW] * 20}), taken({GOODPUT: [1.0] * 5})).exit_code == 4


def paired(old: dict[int, float], new: dict[int, float], **more: object) -> GateVerdict:
    before = taken({POWER: list(old.values())}, virtual=True, seeds=list(old))
    now = taken({POWER: list(new.values())}, virtual=True, seeds=list(new))
    return gate(before, now, **more)


def test_one_pair_of_a_virtual_bench_is_enough() -> None:
    verdict = paired({0: MW}, {0: 1.03 * MW}, bounds=QUIET)
    assert verdict.paired
    assert verdict.exit_code == 1
    figure = only(verdict)
    assert figure.shift is not None
    assert figure.shift.estimate == pytest.approx(0.03 * MW)
    assert figure.noise_known == "measured"


def test_runs_equal_to_the_bit_are_fine() -> None:
    assert paired({0: MW, 1: 2 * MW}, {0: MW, 1: 2 * MW}).exit_code == 0


def test_what_seeds_differ_by_cancels() -> None:
    old = dict(enumerate(noisy(MW, 5, seed=1, noise=0.2)))
    new = {seed: value * 1.002 for seed, value in old.items()}
    assert paired(old, new, bounds=QUIET, threshold=0.001).exit_code == 1
    verdict = paired(old, new, bounds=QUIET)
    assert verdict.exit_code == 0
    assert only(verdict).why == "worse for certain, by less than matters"


def test_what_a_figure_moves_by_itself_is_no_alarm() -> None:
    wide = [NoiseBound(figures="power.*", relative=0.05, assumed="for this test")]
    verdict = paired({0: MW}, {0: 1.03 * MW}, bounds=wide)
    assert verdict.exit_code == 0
    figure = only(verdict)
    assert figure.why == "no more than it moves by itself"
    assert figure.least_visible == pytest.approx(0.05 * MW)
    assert figure.noise_known == "assumed"


def test_seeds_that_only_one_side_has_do_not_count() -> None:
    verdict = paired({0: MW, 1: 5 * MW}, {0: MW, 2: 9 * MW})
    assert verdict.exit_code == 0
    assert only(verdict).n_new == 1


def test_no_seed_in_common_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no seed in common: the baseline has 0, 1, the runs 7"):
        paired({0: MW, 1: MW}, {7: MW})


def test_seeds_that_one_figure_has_not_leave_it_out_alone() -> None:
    old = taken({POWER: [MW, MW], GOODPUT: [1.0]}, virtual=True, seeds=[0, 1])
    new = taken({POWER: [MW, MW]}, virtual=True, seeds=[1, 2])
    later = taken({GOODPUT: [1.0]}, virtual=True, seeds=[2])
    verdict = gate(old, replace(new, series={**new.series, **later.series}))
    assert verdict.exit_code == 0
    assert verdict.left_out == {GOODPUT: "no seed in common with its baseline"}


def test_no_figure_in_common_is_undecided_on_a_virtual_bench_too() -> None:
    old, new = taken({POWER: [MW]}, virtual=True), taken({GOODPUT: [1.0]}, virtual=True)
    assert gate(old, new).exit_code == 4


def test_runs_of_another_rig_are_refused() -> None:
    with pytest.raises(ConfigError, match="of rig 'desk', the baseline of rig 'virtual'"):
        gate(taken({POWER: [MW]}, virtual=True), taken({POWER: [MW]}))


def test_a_simulated_gate_finds_three_percent_and_not_nothing() -> None:
    """The whole of `judge`, on 20 figures of which one got worse, again and again."""
    names = [figure.name for figure in CATALOGUE if figure.better == "lower"][:20]
    rng = np.random.default_rng(8)
    found = {0.0: 0, 0.03: 0}
    for shift in found:
        for _ in range(25):
            old = {name: list(1 + 0.015 * rng.standard_normal(20)) for name in names}
            new = {name: list(1 + 0.015 * rng.standard_normal(15)) for name in names}
            new[names[0]] = [value + shift for value in new[names[0]]]
            found[shift] += gate(taken(old), taken(new)).exit_code == 1
    assert found[0.0] == 0
    assert found[0.03] >= 20


def test_a_gate_with_so_few_runs_says_that_it_sees_nothing() -> None:
    assert math.isinf(only(desk(1.0, 1)).least_visible)
