"""The gate's statistics, held against scipy's and against going through every permutation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from eegrig.hil.gate.statistics import (
    benjamini_hochberg,
    chances_of_u,
    compare_pairs,
    least_worse_u,
    p_worse,
    robust_scale,
    shift_interval,
    sign_flip_p,
)

FEW = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=5)


def by_brute_force(old: list[float], new: list[float]) -> float:
    """Deal the values out in every way, and count those with as large a sum of ranks."""
    ranks = stats.rankdata([*old, *new])
    found = ranks[len(old) :].sum()
    sums = [sum(choice) for choice in itertools.combinations(ranks, len(new))]
    return sum(each >= found - 1e-9 for each in sums) / len(sums)


@given(FEW, FEW)
def test_the_chance_with_ties_is_that_over_all_permutations(
    old: list[float], new: list[float]
) -> None:
    assert p_worse(old, new) == pytest.approx(by_brute_force(old, new), abs=1e-12)


@pytest.mark.parametrize(("n_old", "n_new"), [(20, 5), (20, 15), (20, 20), (3, 1)])
def test_the_chance_without_ties_is_that_of_scipy(n_old: int, n_new: int) -> None:
    rng = np.random.default_rng(n_new)
    for shift in (0.0, 1.0, 2.0):
        old, new = rng.normal(size=n_old), rng.normal(shift, size=n_new)
        wanted = stats.mannwhitneyu(new, old, alternative="greater", method="exact").pvalue
        assert p_worse(old, new) == pytest.approx(wanted, rel=1e-9)


def test_the_chances_of_u_are_those_of_small_cases() -> None:
    assert chances_of_u(2, 2) * 6 == pytest.approx([1, 1, 2, 1, 1])
    assert chances_of_u(20, 15).sum() == pytest.approx(1)


def test_a_complete_separation_is_the_least_likely_u() -> None:
    assert least_worse_u(20, 5, 1 / 53130) == 100
    assert least_worse_u(20, 5, 0.9 / 53130) is None
    assert least_worse_u(20, 5, 1.0) == 0


def test_runs_that_are_all_alike_show_nothing() -> None:
    assert p_worse([1.0] * 20, [1.0] * 15) == pytest.approx(1)
    assert shift_interval([1.0] * 20, [1.0] * 15) == (0, 0, 0)


@given(st.lists(st.floats(-9, 9), min_size=6, max_size=9), st.floats(-5, 5))
def test_the_estimate_follows_a_shift(values: list[float], shift: float) -> None:
    found = shift_interval(values, [value + shift for value in values])
    assert found.low <= shift + 1e-9
    assert found.estimate == pytest.approx(shift, abs=1e-9)
    assert found.high >= shift - 1e-9


def test_the_interval_is_what_the_test_does_not_reject() -> None:
    rng = np.random.default_rng(4)
    old, new = rng.normal(size=12), rng.normal(1.0, size=9)
    low, _, high = shift_interval(old, new)
    for edge, inside in ((low, 1e-9), (high, -1e-9)):
        for at, rejects in ((edge + inside, False), (edge - inside, True)):
            p = stats.mannwhitneyu(new - at, old, method="exact").pvalue
            assert (p <= 0.05) == rejects


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    found = [shift_interval(rng.normal(size=20), rng.normal(size=5)) for _ in range(800)]
    covered = np.mean([low <= 0 <= high for low, _, high in found])
    assert 0.93 < covered < 0.98


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_benjamini_and_hochberg_reject_what_scipy_adjusts_below_the_share(p: list[float]) -> None:
    wanted = stats.false_discovery_control(p) <= 0.05
    assert benjamini_hochberg(p, 0.05).tolist() == wanted.tolist()


def test_one_small_chance_of_many_has_to_be_small_enough_for_all() -> None:
    assert benjamini_hochberg([0.0002] + [1.0] * 39, 0.01).sum() == 1
    assert benjamini_hochberg([0.0003] + [1.0] * 39, 0.01).sum() == 0


@given(st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=8))
def test_the_sign_flip_goes_through_all_signs(differences: list[float]) -> None:
    signs = itertools.product((1, -1), repeat=len(differences))
    sums = [sum(s * abs(d) for s, d in zip(each, differences, strict=True)) for each in signs]
    wanted = sum(each >= sum(differences) for each in sums) / len(sums)
    assert sign_flip_p(differences) == pytest.approx(wanted)


def test_pairs_that_are_equal_to_the_bit_are_called_so() -> None:
    found = compare_pairs({0: 0.1, 1: 0.2}, {0: 0.1, 1: 0.2})
    assert found.equal
    assert found.p_worse == 1
    assert not compare_pairs({0: 0.1, 1: 0.2}, {0: 0.1, 1: np.nextafter(0.2, 1)}).equal


def test_pairs_are_made_of_seeds_that_both_have() -> None:
    found = compare_pairs({0: 1.0, 1: 2.0, 2: 5.0}, {1: 2.5, 2: 5.7, 7: 0.0})
    assert found.n == 2
    assert found.estimate == pytest.approx(0.6)
    assert (found.low, found.high) == pytest.approx((0.5, 0.7))
    assert found.p_worse == 0.25


def test_pairs_without_a_seed_in_common_are_refused() -> None:
    with pytest.raises(ValueError, match="no seed in common"):
        compare_pairs({0: 1.0}, {1: 1.0})


@pytest.mark.parametrize("wrong", [[], [float("nan")], [float("inf"), 1.0]])
def test_what_is_not_finite_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        p_worse([1.0], wrong)


def test_the_scale_is_that_within_samples_and_wild_runs_do_not_count() -> None:
    rng = np.random.default_rng(6)
    old, new = rng.normal(0, 3, size=2000), rng.normal(50, 3, size=1000)
    old[:50] += 1000
    assert robust_scale(old, new) == pytest.approx(3, rel=0.06)


def test_where_half_of_the_runs_are_alike_the_scale_is_the_plain_one() -> None:
    assert robust_scale([0.0, 0.0, 0.0, 4.0]) == pytest.approx(2.0)
