"""Noise has the spectrum asked for, at any rate, from its first sample on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.noise import ColouredNoise, band_pass, band_rms, power_law


def made(sos: np.ndarray, n_rows: int, n_times: int, seed: int = 0) -> np.ndarray:
    return ColouredNoise(sos, np.random.default_rng(seed), n_rows).next(n_times)


@pytest.mark.parametrize("rate_hz", [250.0, 2000.0])
@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_slope_is_the_exponent(exponent: float, rate_hz: float) -> None:
    samples = made(power_law(exponent, rate_hz), 16, round(60 * rate_hz))
    frequency, density = welch(samples, rate_hz, nperseg=round(8 * rate_hz))
    wanted = (frequency >= 1) & (frequency <= 40)
    slope = np.polyfit(np.log(frequency[wanted]), np.log(density.mean(axis=0)[wanted]), 1)[0]
    assert -slope == pytest.approx(exponent, abs=0.03 + 0.02 * exponent)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_density_does_not_depend_on_the_rate(exponent: float) -> None:
    rms = [band_rms(power_law(exponent, rate_hz), 1, 40, rate_hz) for rate_hz in (200, 1000, 16000)]
    assert rms == pytest.approx([rms[-1]] * 3, rel=0.03)


@pytest.mark.parametrize(
    "sos", [power_law(1.0, 250.0), power_law(2.5, 250.0), band_pass(9, 11, 250.0)]
)
def test_it_is_stationary_from_the_first_sample(sos: np.ndarray) -> None:
    spread = made(sos, 6000, 2000).std(axis=0)
    assert spread[0] == pytest.approx(spread[-1], rel=0.05)
    assert spread[1000] == pytest.approx(spread[-1], rel=0.05)


@pytest.mark.parametrize(("low_hz", "high_hz"), [(1, 3), (9, 11), (20, 100)])
def test_a_band_has_rms_one(low_hz: float, high_hz: float) -> None:
    samples = made(band_pass(low_hz, high_hz, 250.0), 16, 30_000)
    assert samples.std() == pytest.approx(1.0, rel=0.03)
    frequency, density = welch(samples, 250.0, nperseg=1000)
    inside = (frequency >= 0.6 * low_hz) & (frequency <= 1.6 * high_hz)
    assert density[:, inside].sum() > 0.9 * density.sum()


def test_a_band_above_the_rates_reach_is_refused() -> None:
    with pytest.raises(SceneError, match=r"band from 60 to 80 Hz .* at least 150"):
        band_pass(60, 80, 100.0)


def test_mixed_rows_are_correlated_as_their_mixing_says() -> None:
    mixing = np.array([[1.0, 0.0], [0.8, 0.6]])
    noise = ColouredNoise(power_law(1.0, 250.0), np.random.default_rng(1), 2, mixing=mixing)
    values = np.corrcoef(np.diff(noise.next(100_000)))
    assert values[0, 1] == pytest.approx(0.8, abs=0.02)
