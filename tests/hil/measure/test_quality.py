"""Known stimuli on constructed samples: answers that are known, at the bounds there are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from eegrig.hil.measure.quality.channels import SECOND, channel_check
from eegrig.hil.measure.quality.distortion import distortion
from eegrig.hil.measure.quality.recovery import recovery_s
from eegrig.hil.measure.quality.rejection import cmrr_db, input_impedance
from eegrig.hil.measure.quality.tones import fit_tones
from eegrig.hil.measure.quality.wander import (
    drift,
    largest_line,
    largest_residual,
    peak_to_valley,
)

RATE = 250.0
N_CHANNELS = 4
FIRST = 11.0 + 1.5 * np.arange(N_CHANNELS)
PAIRS = (*FIRST, *(2 * FIRST))


def driven(matrix: np.ndarray, *, seconds: float = 8.0, clock: float = 1.003, noise_v: float = 1e-7,
           delay_s: float = 0.0213, seed: int = 0) -> np.ndarray:  # fmt: skip
    """Return what channels show that mix their stimuli by a matrix."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE * clock + delay_s
    stimuli = np.stack(
        [
            1e-3 * np.sin(2 * np.pi * hz * time) + SECOND * 1e-3 * np.cos(4 * np.pi * hz * time)
            for hz in FIRST
        ]
    )
    return matrix @ stimuli + rng.normal(0.0, noise_v, stimuli.shape)


def checked(matrix: np.ndarray, **how: float):
    fit = fit_tones(driven(matrix, **how), RATE, PAIRS)
    return channel_check(fit, 1e-3, np.ones(2 * N_CHANNELS))


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


def test_channels_in_order_have_nothing_to_tell():
    check = checked(np.eye(N_CHANNELS))
    assert check.told("abcd") == ""
    assert check.out_of_order == check.upside_down == []
    np.testing.assert_allclose(check.gain, 1.0, atol=5 * check.gain_uncertainty.max())
    assert np.abs(check.crosstalk).max() < 5 * check.crosstalk_uncertainty.max()


def test_a_swap_and_a_dead_channel_are_told():
    matrix = np.eye(N_CHANNELS)[[1, 0, 2, 3]]
    matrix[3] = 0.0
    check = checked(matrix)
    assert check.out_of_order == [0, 1, 3]
    assert check.told("abcd") == (
        "a shows what was applied to b; b shows what was applied to a; d shows nothing"
    )
    assert np.abs(check.crosstalk).max() < 1e-3


@pytest.mark.parametrize("delay_s", [0.0, 0.0071, 0.0213, 0.041])
@pytest.mark.parametrize("turned", range(N_CHANNELS))
def test_an_inverted_channel_is_told_whatever_the_delay(turned, delay_s):
    matrix = np.eye(N_CHANNELS)
    matrix[turned, turned] = -1.0
    check = checked(matrix, delay_s=delay_s)
    assert check.upside_down == [turned]
    assert check.out_of_order == []


def test_one_percent_of_crosstalk_is_told_with_its_pair():
    matrix = np.eye(N_CHANNELS)
    matrix[2, 1] = -0.01
    check = checked(matrix)
    assert check.worst_crosstalk == (2, 1)
    value = check.crosstalk[2, 1]
    assert value.real == pytest.approx(-0.01, abs=5 * check.crosstalk_uncertainty[2, 1])
    assert abs(value.imag) < 5 * check.crosstalk_uncertainty[2, 1]


@pytest.mark.parametrize("delay_s", [0.0213, 0.7, 1.61])
def test_a_channel_that_is_a_frame_late_is_told(delay_s):
    samples = driven(np.eye(N_CHANNELS), delay_s=delay_s)
    samples[2, 1:] = samples[2, :-1].copy()
    fit = fit_tones(samples[:, 1:], RATE, PAIRS)
    check = channel_check(fit, 1e-3, np.ones(2 * N_CHANNELS))
    np.testing.assert_allclose(check.skew_s, [0, 0, 1 / RATE, 0], atol=1e-6)
    assert check.skew_uncertainty_s.max() < 1e-6


def test_channel_check_wants_two_tones_a_channel():
    fit = fit_tones(driven(np.eye(N_CHANNELS)), RATE, PAIRS[:-1])
    with pytest.raises(ValueError, match="two of each"):
        channel_check(fit, 1e-3, np.ones(7))


def test_distortion_of_a_cubic_amplifier():
    """A term c x**3 makes a third harmonic of c / 4 of an amplitude of 1."""
    rng = np.random.default_rng(1)
    time = np.arange(2000) / RATE
    x = np.sin(2 * np.pi * 10.06 * time)
    found = distortion(x - 4e-4 * x**3 + rng.normal(0, 1e-5, x.size), RATE, 2.0)
    assert found.thd_db == pytest.approx(-80.0, abs=0.1)
    assert abs(found.thd_db + 80.0) < 4 * found.thd_uncertainty_db + 0.01
    residual = np.hypot(1e-4 / np.sqrt(2), 1e-5)
    assert found.sinad_db == pytest.approx(20 * np.log10(np.sqrt(0.5) / residual), abs=0.1)
    assert found.enob == pytest.approx((found.sinad_db - 1.76) / 6.02, abs=0.01)


def test_ideal_converter_has_as_many_effective_bits_as_it_has():
    time = np.arange(20000) / RATE
    x = np.sin(2 * np.pi * 10.0123456 * time)
    found = distortion(np.round(x * 2**11) / 2**11, RATE, 2.0)
    assert found.enob == pytest.approx(12.0, abs=0.05)


@pytest.mark.parametrize("truth_db", [60.0, 84.0, 110.0])
def test_common_mode_rejection_is_told_to_a_tenth_of_a_decibel(truth_db):
    rng = np.random.default_rng(2)
    time = np.arange(1000) / RATE * 1.002
    applied_v = np.sqrt(2.0)
    shown = applied_v * 10 ** (-truth_db / 20) * np.sin(2 * np.pi * 50 * time + 1.0)
    samples = shown + 1e-3 * np.sin(2 * np.pi * 11 * time) + rng.normal(0, 0.14e-6, time.size)
    fit = fit_tones(samples[None], RATE, (11.0, 50.0))
    value, doubt = cmrr_db(applied_v, fit.amplitudes_v[0, 1], fit.uncertainty_v[0, 1])
    assert value == pytest.approx(truth_db, abs=0.1)
    assert doubt < 0.05


def test_rejection_beyond_the_noise_is_what_the_noise_lets_see():
    assert cmrr_db(1.0, 1e-9, 1e-7) == pytest.approx((140.0, 20 / np.log(10)))
    with pytest.raises(ValueError, match="common mode"):
        cmrr_db(0.0, 1.0, 1.0)


@pytest.mark.parametrize(("ohm", "farad"), [(1e9, 20e-12), (50e6, 1e-12), (200e6, 100e-12)])
def test_input_impedance_from_amplitudes_alone(ohm, farad):
    hz = np.array([2.0, 10.0, 25.0, 40.0])
    omega = 2 * np.pi * hz
    left = 1 / np.abs(1 + 10e6 * (1 / ohm + 1j * omega * farad))
    found = input_impedance(left, np.full(4, 1e-6), hz, 10e6)
    truth = 1 / abs(1 / ohm + 2j * np.pi * 10 * farad)
    assert found.ohm == pytest.approx(truth, rel=1e-4)
    assert found.capacitance_f == pytest.approx(farad, rel=1e-3)


def test_input_impedance_is_as_uncertain_as_it_scatters():
    rng = np.random.default_rng(3)
    hz = np.array([2.0, 10.0, 25.0, 40.0])
    truth = 1 / np.abs(1 + 10e6 * (1e-9 + 2j * np.pi * hz * 20e-12))
    found = [
        input_impedance(truth + rng.normal(0, 1e-5, 4), np.full(4, 1e-5), hz, 10e6)
        for _ in range(200)
    ]
    scatter = np.std([each.ohm for each in found])
    # The two parameters' errors go against each other: what is told is a little too much.
    assert scatter <= np.mean([each.uncertainty_ohm for each in found]) < 3 * scatter
    with pytest.raises(ValueError, match="two tones"):
        input_impedance(truth[:1], truth[:1], hz[:1], 1.0)


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


def test_recovery_is_from_the_last_sample_at_the_limit():
    samples = np.concatenate([np.full(100, 0.2), 0.05 * np.exp(-np.arange(1, 401) / 10.0)]) + 3e-4
    seconds, doubt = recovery_s(samples, samples >= 0.2, RATE, 10e-6)
    # 0.05 exp(-k / 10) falls below 10 uV at k = 85.2; k = 1 follows the last sample at the limit.
    assert seconds == pytest.approx(86 / RATE)
    assert doubt == pytest.approx(0.41 / RATE, rel=0.01)


@pytest.mark.parametrize(("until", "said"), [(0, "no overload"), (90, "to the end")])
def test_an_overload_that_is_none_or_does_not_end_is_no_recovery(until, said):
    at_limit = np.arange(100) < until
    with pytest.raises(ValueError, match=said):
        recovery_s(np.zeros(100), at_limit, RATE, 1e-5)
