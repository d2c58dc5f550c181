"""Single trials of an oddball, told by a discriminant that has not seen them."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.decoding.p300 import lda_scores, p300_scores
from eegrig.hil.measure.decoding.paired import paired_auc

RATE_HZ = 250.0


def test_a_discriminant_does_not_see_what_it_is_scored_on(rng):
    """Features of chance score chance, however many there are."""
    positive = np.arange(200) % 4 == 0
    scores = lda_scores(rng.standard_normal((200, 60)), positive)
    assert paired_auc(scores, scores, positive).first == pytest.approx(0.5, abs=0.12)


def test_a_discriminant_is_as_good_as_it_can_be(rng):
    """Two Gaussians two spreads apart: the best there is scores Phi(sqrt(2))."""
    positive = np.arange(3000) % 2 == 0
    mixing = rng.standard_normal((3, 3))
    features = rng.standard_normal((3000, 3)) @ mixing
    features += positive[:, None] * (np.array([2.0, 0.0, 0.0]) @ mixing)
    scores = lda_scores(features, positive, shrinkage=0.0)
    assert paired_auc(scores, scores, positive).first == pytest.approx(0.9214, abs=0.015)


def test_a_fold_without_one_kind_is_refused(rng):
    with pytest.raises(ValueError, match="positive"):
        lda_scores(rng.standard_normal((20, 2)), np.arange(20) < 4)


def test_a_late_positive_wave_is_found_where_it_is_and_not_in_another_channel(rng):
    n_times = round(0.7 * RATE_HZ)
    target = rng.random(300) < 0.3
    wave = np.exp(-0.5 * ((np.arange(n_times) / RATE_HZ - 0.37) / 0.07) ** 2)
    volts = rng.standard_normal((2, 300 * n_times))
    volts[0] += np.concatenate([0.6 * wave * t for t in target])
    first = np.arange(300) * n_times
    scores = p300_scores(volts, RATE_HZ, first, n_times, target)
    other = p300_scores(volts[1:], RATE_HZ, first, n_times, target)
    found = paired_auc(scores, other, target)
    assert found.first > 0.85
    assert found.second == pytest.approx(0.5, abs=0.12)
