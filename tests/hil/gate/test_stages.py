"""How many runs a gate asks for, and what it says it can see."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eegrig.hil.gate.stages import POWER, design_for, least_shifts, least_visible
from eegrig.hil.gate.statistics import p_worse, shift_interval


@pytest.mark.parametrize(("n_figures", "n_all"), [(1, 15), (20, 15), (21, 20), (40, 20), (80, 20)])
def test_more_figures_ask_for_more_runs(n_figures: int, n_all: int) -> None:
    design = design_for(n_figures)
    assert (design.n_baseline, design.n_first, design.n_all) == (20, 5, n_all)


def test_the_bound_for_an_alarm_is_shared_by_the_figures() -> None:
    design = design_for(40)
    assert design.p_alarm(40) == pytest.approx(0.004 / 40)


def test_what_becomes_of_every_shift_is_what_the_test_says_of_it() -> None:
    rng = np.random.default_rng(1)
    old, new = rng.standard_normal((40, 12)), rng.standard_normal((40, 6))
    found = least_shifts(old, new, 0.01)
    for shift in (0.5, 1.0, 2.0):
        tested = [p_worse(a, b + shift) <= 0.01 for a, b in zip(old, new, strict=True)]
        assert (found.rejected < shift).tolist() == tested
        estimates = [shift_interval(a, b).estimate for a, b in zip(old, new, strict=True)]
        assert found.error == pytest.approx(estimates)


def test_what_is_visible_is_found_as_often_as_promised() -> None:
    rng = np.random.default_rng(2)
    shift = least_visible(20, 10, 0.001, threshold=0.5)
    found = 0
    for _ in range(400):
        old, new = rng.standard_normal(20), rng.standard_normal(10) + shift
        worse = p_worse(old, new) <= 0.001
        found += worse and shift_interval(old, new).estimate > 0.5
    assert found / 400 == pytest.approx(POWER, abs=0.05)


def test_so_few_runs_that_no_chance_is_small_enough_see_nothing() -> None:
    assert math.isinf(least_visible(5, 3, 0.001))


def test_a_threshold_cannot_be_seen_below() -> None:
    assert least_visible(20, 15, 0.001, threshold=10.0) > 10.0
