"""Steps in a history are found with the commits between, and none where there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from eegrig.hil.gate.changes import change_points, noise_of_steps, steps_in
from eegrig.hil.gate.observations import Observation

from .runs import taken


def history(values: Sequence[float]) -> list[Observation]:
    return [Observation(value, None, "W", 0, f"c{at}") for at, value in enumerate(values)]


def stepped(seed: int, *, n: int = 60, at: int = 40, step: float = 0.03) -> list[float]:
    noise = 0.015 * np.random.default_rng(seed).standard_normal(n)
    return list(0.01 * (1 + noise + step * (np.arange(n) >= at)))


def test_a_step_is_found_with_its_size_and_the_commits_between() -> None:
    (change,) = change_points(history(stepped(1, step=0.06)))
    assert abs(change.at - 40) <= 1
    assert change.relative == pytest.approx(0.06, abs=0.015)
    assert change.commits == f"c{change.at - 1}..c{change.at}"


def test_three_percent_are_found_where_they_happened_more_often_than_not() -> None:
    found = [change_points(history(stepped(seed)), noise=0.00015) for seed in range(30)]
    near = [any(abs(change.at - 40) <= 3 for change in changes) for changes in found]
    assert sum(near) >= 26


def test_histories_without_a_step_have_none() -> None:
    found = [change_points(history(stepped(seed, step=0.0)), noise=0.00015) for seed in range(60)]
    assert sum(map(bool, found)) <= 2


def test_histories_whose_noise_is_not_told_have_none_either() -> None:
    found = [change_points(history(stepped(seed, step=0.0))) for seed in range(40)]
    assert sum(map(bool, found)) <= 2


def test_too_few_runs_to_know_their_noise_have_no_step() -> None:
    assert change_points(history(stepped(1, n=29, at=15, step=0.1))) == []
    assert change_points(history(stepped(1, n=30, at=15, step=0.1)))


def test_many_histories_ask_for_a_clearer_step() -> None:
    values = history(stepped(5, n=30, at=15, step=0.026))
    assert change_points(values, noise=0.00015)
    assert not change_points(values, noise=0.00015, n_figures=10**9)


def test_the_history_of_a_virtual_bench_is_that_of_one_seed() -> None:
    runs = [
        Observation(1.0 + seed, None, "W", seed, f"c{at}") for at in range(4) for seed in (0, 1)
    ]
    runs += [Observation(2.5, None, "W", 1, "c4"), Observation(2.5, None, "W", 1, "c5")]
    before = taken({"power.streaming": [0.0]}, virtual=True)
    found = steps_in(replace(before, series={"power.streaming": runs, "power.sleep": runs[:8:2]}))
    assert {name: change.commits for name, (change,) in found.items()} == {
        "power.streaming": "c3..c4"
    }


def test_one_wild_run_is_no_level() -> None:
    values = stepped(2, step=0.0)
    values[30] *= 1.06
    assert not change_points(history(values))


def test_of_runs_that_repeat_to_the_bit_every_other_value_is_a_level() -> None:
    found = change_points(history([1.0, 1.0, 1.0, 1.001, 1.001, 1.001, 1.001, 1.0]))
    assert [(change.at, change.after) for change in found] == [(3, 1.001), (7, 1.0)]


def test_a_step_does_not_count_as_noise() -> None:
    assert noise_of_steps(stepped(3, step=3.0)) == pytest.approx(0.00015, rel=0.3)


def test_a_step_from_zero_is_infinite() -> None:
    (change,) = change_points(history([0.0, 0.0, 0.0, 0.5, 0.5]))
    assert change.relative == math.inf


def test_runs_of_one_commit_have_no_range() -> None:
    runs = [Observation(value, None, "W", 0, "same") for value in (1.0, 1.0, 1.0, 2.0, 2.0)]
    assert change_points(runs)[0].commits == ""


def test_where_no_commits_are_known_images_or_times_say_where_it_happened() -> None:
    runs = history([1.0, 1.0, 1.0, 2.0, 2.0])
    images = [run._replace(commit="", image=f"{at}" * 64) for at, run in enumerate(runs)]
    assert change_points(images)[0].between == "images 222222222222 and 333333333333"
    times = [run._replace(commit="", when=f"day {at}") for at, run in enumerate(runs)]
    assert change_points(times)[0].between == "day 2 and day 3"
    assert change_points(runs)[0].between == "c2..c3"


def test_a_history_too_short_for_two_levels_has_no_step() -> None:
    assert change_points(history([1.0, 2.0, 3.0])) == []


def test_values_that_are_not_finite_and_two_units_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        change_points(history([1.0, math.nan]))
    with pytest.raises(ValueError, match="one unit"):
        change_points([*history([1.0]), Observation(1.0, None, "J", 0)])
