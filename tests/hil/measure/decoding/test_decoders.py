"""Each decoder on signals whose answer is known; chains made worse lower what it scores."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from eegrig.hil.measure.decoding.alpha import alpha_scores
from eegrig.hil.measure.decoding.attention import attention_scores
from eegrig.hil.measure.decoding.emg import emg_scores
from eegrig.hil.measure.decoding.fnirs import fnirs_scores, oxyhaemoglobin
from eegrig.hil.measure.decoding.p300 import lda_scores, p300_scores
from eegrig.hil.measure.decoding.paired import paired_accuracy, paired_auc
from eegrig.hil.measure.decoding.sleep import slow_wave_scores, spindle_scores
from eegrig.hil.measure.decoding.ssvep import (
    cca_correlations,
    cca_scores,
    fbcca_scores,
    margins,
)
from eegrig.hil.measure.decoding.windows import cut
from eegrig.signal_sim.fnirs import EXTINCTION

RATE_HZ = 250.0
TARGETS_HZ = (9.25, 10.25, 11.25, 12.25)


def _bursts(rng, hz, *, n=60, on=1.0, off=0.0, noise=1.0, window_s=2.0):
    """Return windows, every other one with a tone of a size, and which have the larger one."""
    n_times = round(window_s * RATE_HZ)
    first = np.arange(n) * n_times
    time_s = np.arange(n * n_times) / RATE_HZ
    large = np.arange(n) % 2 == 0
    size = np.repeat(np.where(large, on, off), n_times)
    volts = noise * rng.standard_normal(time_s.size) + size * np.sin(2 * np.pi * hz * time_s)
    return volts[None], first, n_times, large


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


@pytest.mark.parametrize(
    ("decode", "hz", "sign"),
    [
        (alpha_scores, 10.0, 1),
        (attention_scores, 20.0, 1),
        (attention_scores, 6.0, -1),
        (spindle_scores, 13.5, 1),
        (slow_wave_scores, 1.0, 1),
        (emg_scores, 50.0, 1),
    ],
)
def test_what_a_decoder_looks_for_raises_its_score(rng, decode, hz, sign):
    volts, first, n_times, large = _bursts(rng, hz)
    scores = sign * decode(volts, RATE_HZ, first, n_times)
    found = paired_auc(scores, rng.permutation(scores), large)
    assert found.first > 0.99
    assert found.second == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize(
    ("decode", "hz"),
    [(alpha_scores, 10.0), (spindle_scores, 13.5), (emg_scores, 50.0), (attention_scores, 20.0)],
)
def test_noise_lowers_what_a_decoder_scores(rng, decode, hz):
    volts, first, n_times, large = _bursts(rng, hz, n=200, on=0.4, off=0.2)
    chain = volts + 2.0 * rng.standard_normal(volts.shape)
    found = paired_auc(*(decode(v, RATE_HZ, first, n_times) for v in (volts, chain)), large)
    assert found.first > 0.7
    assert found.loss > 0.05


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


def test_oxyhaemoglobin_is_told_from_two_wavelengths():
    time_s = np.arange(500) / 25.0
    oxy = 1e-6 * np.sin(2 * np.pi * 0.05 * time_s)
    deoxy = -0.3e-6 * np.cos(2 * np.pi * 0.03 * time_s)
    path_mm = 180.0
    currents = np.stack(
        [
            5e-9 * np.exp(-path_mm * (EXTINCTION[nm][0] * oxy + EXTINCTION[nm][1] * deoxy))
            for nm in (760, 850)
        ]
    )
    found = oxyhaemoglobin(currents, (760, 850), EXTINCTION)
    assert np.corrcoef(found, oxy)[0, 1] > 0.999
    assert np.ptp(found) == pytest.approx(path_mm * np.ptp(oxy), rel=0.02)
    with pytest.raises(ValueError, match="saw no light"):
        oxyhaemoglobin(currents - 5e-9, (760, 850), EXTINCTION)


def test_activity_is_found_beside_what_blood_does_anyway(rng):
    rate_hz, n = 25.0, 40
    n_times = round(4 * rate_hz)
    time_s = np.arange(round((12 * n + 30) * rate_hz)) / rate_hz
    skin = np.cumsum(rng.standard_normal(time_s.size)) * 0.05
    onsets_s = 12.0 * np.arange(1, n + 1)
    answer = sum(np.exp(-0.5 * ((time_s - at - 6) / 2) ** 2) for at in onsets_s)
    first = np.concatenate(
        [np.rint((onsets_s + later) * rate_hz).astype(int) for later in (4.0, -2.0)]
    )
    scores = fnirs_scores(answer + skin, rate_hz, first, n_times)
    active = np.repeat([True, False], n)
    assert paired_auc(scores, scores, active).first > 0.95


def test_stretches_beyond_a_recording_are_refused():
    samples = np.arange(20.0).reshape(2, 10)
    assert cut(samples, np.array([0, 7]), 3)[1].tolist() == [[7, 8, 9], [17, 18, 19]]
    with pytest.raises(ValueError, match="beyond a recording of 10"):
        cut(samples, np.array([8]), 3)
