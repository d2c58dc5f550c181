"""Peaks, lines, slopes and outliers that were put there."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.quality.wander import drift, largest_line, largest_residual, peak_to_valley

RATE = 250.0


def test_peak_to_valley_of_a_sine_within_the_band_and_beyond():
    time = np.arange(8000) / RATE
    within = 1e-6 * np.sin(2 * np.pi * 10 * time)
    beyond = 1e-5 * np.sin(2 * np.pi * 0.05 * time) + 1e-5 * np.sin(2 * np.pi * 90 * time) + 0.15
    peaks = peak_to_valley((within + beyond)[None], RATE)
    assert peaks.shape == (1, 3)
    np.testing.assert_allclose(peaks, 2e-6, rtol=0.1)
    with pytest.raises(ValueError, match="too few"):
        peak_to_valley(np.zeros((1, 2999)), RATE)


def test_peak_to_valley_of_noise_is_near_seven_sigma():
    """Of 2500 independent values it is 6.9 sigma; these depend on each other a little."""
    noise = np.random.default_rng(4).normal(0, 1e-6, (4, 25000))
    sigma = 1e-6 * np.sqrt(49.5 / 125)
    assert peak_to_valley(noise, RATE).mean() == pytest.approx(6.9 * sigma, rel=0.05)


def test_the_largest_line_is_a_sines_amplitude_peak_to_peak():
    rng = np.random.default_rng(5)
    time = np.arange(7500) / RATE
    samples = rng.normal(0, 1e-7, (2, 7500))
    samples[1] += 1e-6 * np.sin(2 * np.pi * 32 * time)
    height, at = largest_line(samples, RATE)
    assert height[1] == pytest.approx(2e-6, rel=0.03)
    assert at[1] == pytest.approx(32.0)
    assert height[0] < 5e-8


def test_drift_is_a_slope():
    rng = np.random.default_rng(6)
    noise = rng.normal(0, 1e-7, (200, 2500))
    time = np.arange(2500) / RATE
    slope, doubt = drift(noise + 3e-7 * time + 0.1, RATE)
    assert slope.mean() == pytest.approx(3e-7, rel=1e-3)
    assert slope.std() == pytest.approx(doubt.mean(), rel=0.15)


def test_one_wrong_sample_stands_out_whatever_its_size():
    residual = np.random.default_rng(7).normal(0, 1.0, (3, 20000))
    assert largest_residual(residual)[0] == pytest.approx(4.5, abs=0.7)
    residual[1, 777] = 1e6
    deviations, channel, index = largest_residual(residual)
    assert (channel, index) == (1, 777)
    assert deviations == pytest.approx(1e6, rel=0.02)
    assert largest_residual(np.zeros((1, 9)))[0] == 0.0
