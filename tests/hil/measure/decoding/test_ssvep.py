"""A speller's decoders on flickers that are known; chains made worse lower what they read."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from eegrig.hil.measure.decoding.paired import paired_accuracy
from eegrig.hil.measure.decoding.ssvep import (
    cca_correlations,
    cca_scores,
    fbcca_scores,
    margins,
)

RATE_HZ = 250.0
TARGETS_HZ = (9.25, 10.25, 11.25, 12.25)


def _speller(rng, noise=1.5, n=160):
    n_times = round(2 * RATE_HZ)
    time_s = np.arange(n_times) / RATE_HZ
    targets = rng.integers(0, len(TARGETS_HZ), n)
    volts = np.concatenate(
        [np.sin(2 * np.pi * TARGETS_HZ[t] * time_s + rng.uniform(0, 6)) for t in targets]
    )
    mixed = np.array([[1.0], [0.6], [0.2]]) * volts
    background = noise * np.cumsum(rng.standard_normal((3, volts.size)), axis=1)
    background -= np.apply_along_axis(
        lambda row: np.convolve(row, np.full(25, 0.04), "same"), 1, background
    )
    return mixed + background, np.arange(n) * n_times, n_times, targets


def test_cca_by_qr_is_that_of_the_eigenvalue_problem(rng):
    windows = rng.standard_normal((5, 4, 300))
    found = cca_correlations(windows, RATE_HZ, TARGETS_HZ, n_harmonics=2)
    time_s = np.arange(300) / RATE_HZ
    for w, window in enumerate(windows):
        for t, hz in enumerate(TARGETS_HZ):
            phase = 2 * np.pi * hz * np.array([1, 2])[:, None] * time_s
            both = np.concatenate([window, np.sin(phase), np.cos(phase)])
            covariance = np.cov(both)
            xx, xy, yy = covariance[:4, :4], covariance[:4, 4:], covariance[4:, 4:]
            squared = scipy.linalg.eigh(xy @ np.linalg.solve(yy, xy.T), xx, eigvals_only=True)
            assert found[w, t] == pytest.approx(np.sqrt(squared[-1]), abs=1e-9)


@pytest.mark.parametrize("decode", [cca_scores, fbcca_scores])
def test_a_clear_flicker_is_read_and_noise_is_not(rng, decode):
    volts, first, n_times, targets = _speller(rng, noise=0.1)
    assert np.all(margins(decode(volts, RATE_HZ, first, n_times, TARGETS_HZ), targets) > 0)
    nothing = rng.standard_normal(volts.shape)
    right = margins(decode(nothing, RATE_HZ, first, n_times, TARGETS_HZ), targets) > 0
    assert right.mean() == pytest.approx(0.25, abs=0.12)


@pytest.mark.parametrize("decode", [cca_scores, fbcca_scores])
def test_noise_and_lost_frames_lower_what_a_speller_reads(rng, decode):
    volts, first, n_times, targets = _speller(rng)
    spread = np.diff(volts, axis=1).std()
    lost = volts.copy()
    for at in rng.choice(volts.shape[1] // 60, volts.shape[1] // 150, replace=False):
        lost[:, 60 * at : 60 * at + 30] = lost[:, 60 * at - 1 : 60 * at]
    worse = {
        "noise": volts + 2 * spread * rng.standard_normal(volts.shape),
        "lost": lost,
    }

    def margin(v):
        return margins(decode(v, RATE_HZ, first, n_times, TARGETS_HZ), targets)

    source = margin(volts)
    assert 0.7 < (source > 0).mean() < 0.97
    for what, chain in worse.items():
        found = paired_accuracy(source, margin(chain))
        assert found.loss > 2 * found.loss_uncertainty, what
        assert found.loss > 0.01, what
