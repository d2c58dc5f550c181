"""Many sines at once, in samples whose sines are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from eegrig.hil.measure.quality.tones import fit_tones

from .driven import N_CHANNELS, PAIRS, RATE, driven


@pytest.mark.parametrize("clock", [0.9951, 1.0, 1.0049])
def test_tones_are_found_whatever_the_clock(clock):
    fit = fit_tones(driven(np.eye(N_CHANNELS), seconds=30.0, clock=clock) + 0.15, RATE, PAIRS)
    assert fit.clock_ratio == pytest.approx(clock, abs=2e-9)
    np.testing.assert_allclose(np.diag(fit.amplitudes_v[:, :N_CHANNELS]), 1e-3, rtol=1e-5)
    np.testing.assert_allclose(fit.offset_v, 0.15, atol=1e-8)
    np.testing.assert_allclose(fit.residual_rms_v, 1e-7, rtol=0.03)


def test_amplitudes_of_tones_are_at_the_cramer_rao_bound():
    """Of white noise of variance s2 in n samples it is ``sqrt(2 s2 / n)``."""
    found = []
    told = []
    for seed in range(60):
        fit = fit_tones(driven(np.eye(N_CHANNELS), noise_v=1e-6, seed=seed), RATE, PAIRS)
        found.append(fit.amplitudes_v[0, 0])
        told.append(fit.uncertainty_v[0, 0])
    bound = 1e-6 * np.sqrt(2 / (8 * RATE))
    assert np.std(found, ddof=1) == pytest.approx(bound, rel=0.25)  # 9 % of chance
    assert np.mean(told) == pytest.approx(bound, rel=0.05)
    assert np.mean(found) == pytest.approx(1e-3, abs=4 * bound / np.sqrt(60))


def test_uncertainty_is_that_of_the_noise_at_the_tones_frequency():
    rng = np.random.default_rng(0)
    coloured = lfilter([1.0], [1.0, -0.95], rng.normal(0, 1e-7, (1, 5000)))
    time = np.arange(5000) / RATE
    fit = fit_tones(coloured + 1e-3 * np.sin(2 * np.pi * 1.0 * time), RATE, (1.0, 100.0))
    assert fit.uncertainty_v[0, 0] > 10 * fit.uncertainty_v[0, 1]


@pytest.mark.parametrize(
    ("frequencies", "n"), [((10.0, 125.0), 1000), ((0.0,), 1000), ((10.0,), 12)]
)
def test_what_cannot_be_fitted_is_refused(frequencies, n):
    with pytest.raises(ValueError, match=r"tones of|too few"):
        fit_tones(np.zeros((1, n)), RATE, frequencies)
