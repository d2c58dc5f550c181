from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, signal

from eegrig.hil.measure.noise import band_noise, shorted_noise


def sinc3_noise(rng, shape):
    """Noise with the correlation a slow moving average gives it."""
    white = rng.normal(size=(shape[0], shape[1] + 8))
    return signal.lfilter(np.ones(4) / 4, 1, white, axis=1)[:, 8:]


def test_rms_is_the_standard_deviation_whatever_the_offset(rng):
    volts = rng.normal(size=(8, 5000)) * 0.14e-6 + rng.normal(size=(8, 1)) * 1e-3
    noise = shorted_noise(volts)
    assert noise.rms_v == pytest.approx(volts.std(axis=1, ddof=1))
    assert noise.rms_v == pytest.approx(0.14e-6, rel=0.05)
    assert noise.n == 5000


@pytest.mark.parametrize("make", [lambda rng, shape: rng.normal(size=shape), sinc3_noise])
def test_the_stated_uncertainty_is_the_scatter_for_white_and_filtered_noise(rng, make):
    noise = shorted_noise(make(rng, (300, 2000)))
    assert np.mean(noise.rms_uncertainty_v) == pytest.approx(noise.rms_v.std(), rel=0.2)


def test_peak_to_peak_is_taken_over_a_thousand_readings(rng):
    volts = rng.normal(size=(50, 4500))
    noise = shorted_noise(volts)
    peaks = [np.ptp(volts[0, i : i + 1000]) for i in range(0, 4000, 1000)]
    assert noise.peak_to_peak_v[0] == pytest.approx(np.mean(peaks))
    # Gaussian noise spans 6.5 sigma in a thousand readings.
    assert noise.peak_to_peak_v.mean() == pytest.approx(6.5, abs=0.1)


def test_a_short_record_has_no_peak_to_peak_value(rng):
    noise = shorted_noise(rng.normal(size=(1, 999)))
    assert np.isnan(noise.peak_to_peak_v).all()
    once = shorted_noise(rng.normal(size=(1, 1999)))
    assert np.isfinite(once.peak_to_peak_v).all()
    assert np.isnan(once.peak_to_peak_uncertainty_v).all()


def test_a_dead_channel_has_no_noise():
    assert shorted_noise(np.zeros((1, 100))).rms_v == 0


def test_too_few_readings_are_refused():
    with pytest.raises(ValueError, match="too few"):
        shorted_noise(np.zeros((1, 9)))


def test_white_noise_has_its_share_in_a_band(rng):
    rms, uncertainty = band_noise(rng.normal(size=(100, 10000)), 250.0, (10.0, 35.0))
    assert rms.mean() == pytest.approx(np.sqrt(25 / 125), rel=0.01)
    assert np.mean(uncertainty) == pytest.approx(rms.std(), rel=0.3)


def test_band_noise_agrees_with_integrating_scipys_spectrum(rng):
    volts = sinc3_noise(rng, (1, 20000))
    rms, _ = band_noise(volts, 250.0, (1.0, 40.0))
    frequency, density = signal.welch(volts[0], 250.0, nperseg=2000)
    inside = (frequency >= 1) & (frequency <= 40)
    oracle = np.sqrt(integrate.trapezoid(density[inside], frequency[inside]))
    assert rms[0] == pytest.approx(oracle, rel=0.02)


def test_a_band_outside_the_spectrum_is_refused(rng):
    with pytest.raises(ValueError, match="outside"):
        band_noise(rng.normal(size=(1, 1000)), 250.0, (130.0, 140.0))
