"""How two decoders on the same trials compare, against what is known otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, mannwhitneyu

from eegrig.hil.measure.decoding.paired import (
    bits_per_minute,
    mcnemar,
    paired_accuracy,
    paired_auc,
)


def _two_kinds(rng, n=120, apart=1.2, differ=0.3):
    positive = np.arange(n) % 2 == 0
    first = rng.standard_normal(n) + apart * positive
    return first, first + differ * rng.standard_normal(n), positive


def test_the_area_is_mann_whitneys(rng):
    first, second, positive = _two_kinds(rng)
    found = paired_auc(first, second, positive)
    for scores, area in ((first, found.first), (second, found.second)):
        u = mannwhitneyu(scores[positive], scores[~positive]).statistic
        assert area == pytest.approx(u / (positive.sum() * (~positive).sum()), abs=1e-12)
    assert found.loss == pytest.approx(found.first - found.second, abs=1e-12)
    assert found.n == 120


def test_ties_count_half():
    found = paired_auc(np.ones(6), np.arange(6.0), np.arange(6) > 2)
    assert found.first == 0.5
    assert found.second == 1.0


def test_the_uncertainty_of_a_difference_of_areas_is_its_spread(rng):
    losses, said = [], []
    for _ in range(400):
        found = paired_auc(*_two_kinds(rng))
        losses.append(found.loss)
        said.append(found.loss_uncertainty)
    assert np.mean(said) == pytest.approx(np.std(losses), rel=0.1)
    # Trials are hard for both: the difference is known far better than either.
    assert np.mean(said) < 0.5 * found.first_uncertainty


def test_the_same_scores_lose_nothing_for_certain(rng):
    first, _, positive = _two_kinds(rng)
    found = paired_auc(first, first, positive)
    assert found.loss == 0
    assert found.loss_uncertainty == pytest.approx(0, abs=1e-9)


def test_one_trial_of_a_kind_is_too_few():
    with pytest.raises(ValueError, match="1 positive and 3 negative"):
        paired_auc(np.zeros(4), np.zeros(4), np.arange(4) == 0)


def test_accuracies_are_counted():
    first = np.array([1.0, 2.0, -1.0, 3.0, 0.5])
    second = np.array([1.0, -2.0, 1.0, 3.0, 0.5])
    found = paired_accuracy(first, second)
    assert (found.first, found.second) == (0.8, 0.8)
    assert (found.lost, found.gained, found.n) == (1, 1, 5)


def test_the_smooth_loss_is_that_of_counting_on_the_average_and_far_surer(rng):
    smooth, counted, said = [], [], []
    for _ in range(400):
        first = rng.normal(0.9, 1.0, 300)
        # Noise of a tenth, and everything a little lower: 2.5 points are lost.
        second = first - 0.1 + 0.1 * rng.standard_normal(300)
        found = paired_accuracy(first, second)
        smooth.append(found.loss)
        counted.append(found.first - found.second)
        said.append(found.loss_uncertainty)
    assert np.mean(smooth) == pytest.approx(0.9 * np.mean(counted), abs=0.003)
    assert np.mean(said) == pytest.approx(np.std(smooth), rel=0.1)
    assert np.std(smooth) < 0.35 * np.std(counted)


def test_accuracy_needs_two_trials():
    with pytest.raises(ValueError, match="1 trials"):
        paired_accuracy(np.ones(1), np.ones(1))


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (5, 0), (7, 3), (4, 4), (1, 12)])
def test_mcnemar_is_the_exact_binomial_test(lost, gained):
    n = lost + gained
    expected = binomtest(lost, n).pvalue if n else 1.0
    assert mcnemar(lost, gained) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("accuracy", "bits"),
    # Wolpaw's own: 12 targets are 3.585 bits; a coin of two is one.
    [(1.0, np.log2(12)), (1 / 12, 0.0), (0.01, 0.0), (0.8, 2.17116)],
)
def test_the_rate_of_twelve_targets(accuracy, bits):
    assert bits_per_minute(accuracy, 12, 2.0) == pytest.approx(30 * bits, abs=1e-3)
