from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from eegrig.hil.measure.sine import enob_ieee1241, fit_sine

RATE = 250.0


def tone(frequency, amplitude=50e-6, phase=0.4, offset=3e-6, n=2500):
    return offset + amplitude * np.cos(2 * np.pi * frequency * np.arange(n) / RATE + phase)


@settings(max_examples=60)
@given(
    frequency=st.floats(1.0, 120.0),
    phase=st.floats(-3.1, 3.1),
    offset=st.floats(-1e-3, 1e-3),
)
def test_any_sine_is_found_exactly(frequency, phase, offset):
    fit = fit_sine(tone(frequency, phase=phase, offset=offset), RATE)
    assert fit.frequency_hz == pytest.approx(frequency, abs=1e-7)
    assert fit.amplitude_v == pytest.approx(50e-6, rel=1e-6)
    assert np.exp(1j * fit.phase_rad) == pytest.approx(np.exp(1j * phase), abs=1e-5)
    assert fit.offset_v == pytest.approx(offset, abs=1e-9)


def test_it_agrees_with_curve_fit(rng):
    volts = tone(10.0173) + rng.normal(size=2500) * 0.14e-6
    fit = fit_sine(volts, RATE)
    time = np.arange(2500) / RATE

    def model(time, frequency, amplitude, phase, offset):
        return offset + amplitude * np.cos(2 * np.pi * frequency * time + phase)

    best, covariance = curve_fit(model, time, volts, [10.0, 50e-6, 0.4, 0.0], xtol=1e-14)
    assert fit.frequency_hz == pytest.approx(best[0], abs=1e-7)
    assert fit.amplitude_v == pytest.approx(best[1], rel=1e-6)
    assert fit.frequency_uncertainty_hz == pytest.approx(covariance[0, 0] ** 0.5, rel=0.01)
    assert fit.amplitude_uncertainty_v == pytest.approx(covariance[1, 1] ** 0.5, rel=0.01)


def test_it_reaches_the_cramer_rao_bound(rng):
    noise, amplitude, n = 0.14e-6, 50e-6, 2500
    fits = [fit_sine(tone(10.0173) + rng.normal(size=n) * noise, RATE) for _ in range(100)]
    # Rife and Boorstyn 1974: var(w) = 12 sigma^2 / (A^2/2 n (n^2-1)) / 2, var(A) = 2 sigma^2 / n
    of_frequency = np.sqrt(24) * noise / amplitude / n**1.5 * RATE / (2 * np.pi)
    scatter = np.std([fit.frequency_hz for fit in fits])
    assert scatter == pytest.approx(of_frequency, rel=0.2)
    scatter = np.std([fit.amplitude_v for fit in fits])
    assert scatter == pytest.approx(noise * np.sqrt(2 / n), rel=0.2)


def test_a_known_frequency_takes_the_three_parameter_fit(rng):
    fit = fit_sine(tone(10.0) + rng.normal(size=2500) * 1e-6, RATE, 10.0)
    assert fit.frequency_hz == 10.0
    assert fit.frequency_uncertainty_hz == 0.0
    assert fit.amplitude_v == pytest.approx(50e-6, rel=0.01)


def test_sinad_and_bits_of_an_ideal_quantiser():
    bits, full_scale = 12, 2.0
    step = full_scale / 2**bits
    volts = np.round(tone(17.31, amplitude=0.999, offset=0.0, n=20000) / step) * step
    fit = fit_sine(volts, RATE)
    assert enob_ieee1241(fit, full_scale) == pytest.approx(bits, abs=0.05)
    assert fit.sinad_db == pytest.approx(6.02 * bits + 1.76, abs=0.3)


@pytest.mark.parametrize(
    ("volts", "frequency", "said"),
    [
        (np.zeros(5), None, "eight samples"),
        (np.zeros((2, 10)), None, "one channel"),
        (np.zeros(10), 125.0, "between"),
    ],
)
def test_what_cannot_be_fitted_is_refused(volts, frequency, said):
    with pytest.raises(ValueError, match=said):
        fit_sine(volts, RATE, frequency)
