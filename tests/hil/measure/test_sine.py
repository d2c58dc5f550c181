from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from eegrig.hil.measure.sine import SineFit, enob_ieee1241, fit_sine

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


@pytest.mark.parametrize(
    ("n", "cycles", "phase"),
    [
        # Around one cycle the spectrum's lines run together with the offset's...
        (8, 0.996, 2.09),
        (8, 1.094, 0.61),
        (9, 1.103, -0.48),
        (9, 1.415, 2.59),
        (12, 1.304, 2.84),
        (16, 1.25, 2.45),
        (22, 0.97, 1.78),
        (38, 0.973, 1.59),
        # ...and near two samples a cycle with their mirror images.
        (9, 4.09, 0.7),
        (9, 4.116, -1.6),
        (10, 4.422, 1.47),
        (12, 5.556, -2.03),
        (17, 8.151, -1.62),
        (20, 9.622, -1.59),
        (23, 11.012, -0.01),
        (26, 12.528, -1.94),
        (26, 12.529, -0.37),
        (26, 12.643, -2.25),
        (26, 12.807, 0.63),
        (38, 18.616, -1.7),
        (41, 20.064, -2.88),
    ],
)
def test_short_records_of_hardly_a_cycle_or_hardly_two_samples_a_cycle(n, cycles, phase):
    """Where a first guess is poor: the largest line may be one beside, and a step may overshoot."""
    volts = tone(cycles * RATE / n, amplitude=1.0, phase=phase, offset=2.0, n=n)
    fit = fit_sine(volts, RATE)
    assert fit.frequency_hz * n / RATE == pytest.approx(cycles, abs=1e-6)
    assert fit.amplitude_v == pytest.approx(1.0, rel=1e-5)
    assert np.exp(1j * fit.phase_rad) == pytest.approx(np.exp(1j * phase), abs=1e-4)


def test_a_known_frequency_is_kept_where_the_signal_has_another(rng):
    """Three parameters by the normal equations, at 10 Hz, of a tone of 10.3 Hz and noise."""
    volts = tone(10.3, amplitude=1.0, offset=0.5, n=60) + rng.normal(size=60) * 0.1
    fit = fit_sine(volts, RATE, 10.0)
    angle = 2 * np.pi * 10.0 * np.arange(60) / RATE
    design = np.stack([np.cos(angle), np.sin(angle), np.ones(60)], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    a, b, offset = inverse @ design.T @ volts
    residual = volts - design @ [a, b, offset]
    covariance = inverse * (residual @ residual) / (60 - 3)
    slope = np.array([a, b]) / np.hypot(a, b)
    assert (fit.frequency_hz, fit.frequency_uncertainty_hz, fit.n) == (10.0, 0.0, 60)
    assert (fit.amplitude_v, fit.offset_v) == pytest.approx((np.hypot(a, b), offset))
    assert fit.phase_rad == pytest.approx(np.arctan2(-b, a))
    assert fit.residual_v == pytest.approx(np.sqrt(np.mean(residual**2)))
    expected = np.sqrt(slope @ covariance[:2, :2] @ slope)
    assert fit.amplitude_uncertainty_v == pytest.approx(expected)


def test_few_samples_leave_few_degrees_of_freedom(rng):
    """Twelve samples less four parameters: curve_fit counts them, too."""
    volts = tone(41.0, amplitude=1.0, offset=0.2, n=12) + rng.normal(size=12) * 0.05
    fit = fit_sine(volts, RATE)
    time = np.arange(12) / RATE

    def model(time, frequency, amplitude, phase, offset):
        return offset + amplitude * np.cos(2 * np.pi * frequency * time + phase)

    start = [fit.frequency_hz, fit.amplitude_v, fit.phase_rad, fit.offset_v]
    best, covariance = curve_fit(model, time, volts, start, xtol=1e-14)
    assert start == pytest.approx(list(best), rel=1e-5)
    assert fit.frequency_uncertainty_hz == pytest.approx(covariance[0, 0] ** 0.5, rel=1e-3)
    assert fit.amplitude_uncertainty_v == pytest.approx(covariance[1, 1] ** 0.5, rel=1e-3)
    residual = volts - model(time, *best)
    assert fit.residual_v == pytest.approx(np.sqrt(np.mean(residual**2)), rel=1e-6)


def test_the_stated_uncertainties_are_the_scatter_of_repeated_records(rng):
    fits = [fit_sine(tone(10.3, 1.0, n=200) + 0.1 * rng.normal(size=200), RATE) for _ in range(250)]
    for value in ("frequency_hz", "amplitude_v"):
        name, unit = value.rsplit("_", 1)
        scatter = np.std([getattr(fit, value) for fit in fits])
        stated = np.mean([getattr(fit, f"{name}_uncertainty_{unit}") for fit in fits])
        assert stated == pytest.approx(scatter, rel=0.15), value


def test_silence_is_a_sine_of_no_amplitude():
    fit = fit_sine(np.zeros(8), RATE, 20.0)
    assert (fit.amplitude_v, fit.offset_v, fit.residual_v) == (0.0, 0.0, 0.0)
    assert fit.amplitude_uncertainty_v == 0.0


def test_silence_without_a_frequency_is_given_the_spectrums_first_line():
    fit = fit_sine(np.zeros(20), RATE)
    assert fit.frequency_hz == RATE / 20
    assert (fit.amplitude_v, fit.offset_v, fit.residual_v) == (0.0, 0.0, 0.0)
    assert (fit.amplitude_uncertainty_v, fit.frequency_uncertainty_hz) == (0.0, 0.0)


def test_ratios_follow_from_amplitude_and_residual():
    """1 V of amplitude, 1 mV of rest: 57 dB (IEEE 1241); bits of a range of 4 V over sqrt(12)."""
    fit = SineFit(10.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1e-3, 100)
    assert fit.sinad_db == pytest.approx(20 * np.log10(np.sqrt(0.5) / 1e-3))
    assert enob_ieee1241(fit, 4.0) == pytest.approx(np.log2(4.0 / 1e-3) - np.log2(12) / 2)


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
        (np.zeros(5), None, "eight samples or more of one channel, got 5"),
        (np.zeros(7), 10.0, "got 7"),
        (np.zeros((2, 10)), None, "one channel"),
        (np.zeros(10), 125.0, r"frequency 125\.0 Hz is not between 0 and 125\.0 Hz"),
        (np.zeros(10), 0.0, "between"),
        (np.zeros(10), -0.5, "between"),
    ],
)
def test_what_cannot_be_fitted_is_refused(volts, frequency, said):
    with pytest.raises(ValueError, match=said):
        fit_sine(volts, RATE, frequency)
