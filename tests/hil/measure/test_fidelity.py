from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eegrig.hil.measure.align import align, expected
from eegrig.hil.measure.fidelity import fidelity
from eegrig.hil.measure.noise import Noise, shorted_noise

from .front_end import convert, eeg_like


def test_each_channel_agrees_with_scipys_regression(rng):
    ideal = rng.normal(size=(3, 400)) * 20e-6
    recorded = ideal * [[1.0], [1.01], [0.98]] + [[0], [1e-6], [-3e-6]]
    recorded += rng.normal(size=ideal.shape) * 1e-6
    found = fidelity(recorded, ideal)
    for channel in range(3):
        oracle = stats.linregress(ideal[channel], recorded[channel])
        assert found.gain_error[channel] + 1 == pytest.approx(oracle.slope)
        # What the noise has where the signal is, and not the mean of all frequencies.
        assert found.gain_uncertainty[channel] == pytest.approx(oracle.stderr, rel=0.02)
        assert found.correlation[channel] == pytest.approx(oracle.rvalue)
    assert found.offset_v[2] == pytest.approx(-3e-6, abs=0.2e-6)
    assert found.worst_gain_error[0] == pytest.approx(-0.02, abs=0.004)
    assert found.worst_correlation[0] == found.correlation.min()


def test_a_recording_through_the_filter_has_no_gain_error(rng):
    applied = eeg_like(rng, 4000.0, 12.0)
    recorded, _ = convert(applied, 250.0, 1.0, 2500, 20.0)
    recorded = recorded + rng.normal(size=recorded.shape) * 0.14e-6
    times = align(recorded, 250.0, applied).times_ns(np.arange(2500))
    found = fidelity(recorded, expected(applied, times, 250.0))
    assert abs(found.worst_gain_error[0]) < 1e-3
    assert found.worst_correlation[0] > 0.9995
    assert found.residual_v.std() == pytest.approx(0.14e-6, rel=0.1)


def test_a_half_percent_gain_error_is_seen(rng):
    applied = eeg_like(rng, 4000.0, 12.0)
    recorded, _ = convert(applied, 250.0, 1.0, 2500)
    recorded[1] *= 1.005
    times = align(recorded, 250.0, applied).times_ns(np.arange(2500))
    found = fidelity(recorded, expected(applied, times, 250.0))
    assert found.gain_error[1] == pytest.approx(0.005, abs=2e-4)
    assert found.gain_error[[0, 2, 3]] == pytest.approx(0.0, abs=2e-4)


@pytest.mark.parametrize("ratio", [2.0, 3.0, 8.0, 40.0])
def test_the_front_ends_own_noise_is_taken_out(rng, ratio):
    n, noise_v = 20_000, 0.5e-6
    ideal = rng.normal(size=(4, n)) * ratio * noise_v
    recorded = ideal + rng.normal(size=ideal.shape) * noise_v
    noise = shorted_noise(rng.normal(size=(4, n)) * noise_v)
    raw, found = fidelity(recorded, ideal), fidelity(recorded, ideal, noise=noise)
    assert raw.worst_correlation[0] == pytest.approx((1 + ratio**-2) ** -0.5, abs=0.01)
    value, uncertainty = found.worst_correlation
    assert value == pytest.approx(1.0, abs=4 * uncertainty)
    assert uncertainty < 0.01 / ratio**2
    assert abs(found.worst_gain_error[0]) < 3 * found.worst_gain_error[1]
    assert found.worst_gain_error == raw.worst_gain_error


def test_what_is_no_noise_of_the_front_end_stays(rng):
    n, noise_v = 20_000, 0.5e-6
    ideal = rng.normal(size=(2, n)) * 5e-6
    spoilt = ideal * [[1.0], [1.01]] + rng.normal(size=ideal.shape) * noise_v
    spoilt[0] += 1e-6 * rng.normal(size=n)
    noise = shorted_noise(rng.normal(size=(2, n)) * noise_v)
    found = fidelity(spoilt, ideal, noise=noise)
    assert found.correlation[0] == pytest.approx((1 + 0.2**2) ** -0.5, abs=1e-3)
    assert found.correlation[1] == pytest.approx(1.0, abs=1e-3)
    assert found.gain_error[1] == pytest.approx(0.01, abs=2e-3)


def of_noise(rms_v, uncertainty_v):
    """Noise of a hand-made figure in every channel."""
    rms, uncertainty = np.array(rms_v, dtype=float), np.array(uncertainty_v, dtype=float)
    return Noise(rms, uncertainty, np.full(rms.size, np.nan), np.full(rms.size, np.nan), 100)


def test_the_correlations_uncertainty_is_the_scatter_of_repeated_recordings(rng):
    """Of one signal: another one of the same kind would have another correlation."""
    ideal = rng.normal(size=300) * np.ones((1500, 1))
    found = fidelity(ideal + 0.75 * rng.normal(size=ideal.shape), ideal)
    assert found.correlation.mean() == pytest.approx(0.8, abs=0.01)
    assert found.correlation_uncertainty.mean() == pytest.approx(found.correlation.std(), rel=0.08)


def test_gain_and_correlation_are_uncertain_as_recordings_with_noise_scatter(rng):
    n, noise_v = 2000, 1.0
    ideal = rng.normal(size=(600, n)) * 3 * noise_v
    recorded = ideal + rng.normal(size=ideal.shape) * noise_v
    noise = shorted_noise(rng.normal(size=ideal.shape) * noise_v)
    found = fidelity(recorded, ideal, noise=noise)
    assert found.gain_uncertainty.mean() == pytest.approx(found.gain_error.std(), rel=0.1)
    assert found.correlation_uncertainty.mean() == pytest.approx(found.correlation.std(), rel=0.1)


def test_what_is_known_of_the_noise_says_how_well_the_correlation_is_known():
    """Noise power s^2 is known to 2 s u; it moves the correlation by half of that over the rest."""
    ideal = np.array([[3.0, -3.0, 3.0, -3.0], [2.0, 2.0, -2.0, -2.0]])
    found = fidelity(ideal, ideal, noise=of_noise([0.5, 0.25], [0.1, 0.05]))
    clean = np.array([9.0 - 0.25, 4.0 - 0.0625])
    correlation = np.sqrt(np.array([9.0, 4.0]) / clean)
    doubt = np.array([2 * 0.5 * 0.1, 2 * 0.25 * 0.05])
    assert found.correlation == pytest.approx(correlation)
    assert found.correlation_uncertainty == pytest.approx(correlation * doubt / (2 * clean))


def test_a_correlation_is_as_uncertain_as_gain_and_power_make_it_to_first_order():
    """Differences of (1 + q)^-1/2, by hand of six samples: few enough to count as they are."""
    pattern = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    error = np.outer([0.3, 0.8], [2.0, 2.0, -1.0, -1.0, -1.0, -1.0])
    ideal, gain = np.outer([1.0, 3.0], pattern), np.array([-0.9, 1.1])
    rms_v, doubt_v = np.array([0.2, 0.3]), np.array([0.01, 0.3])
    found = fidelity(gain[:, None] * ideal + error, ideal, noise=of_noise(rms_v, doubt_v))

    def correlation(gain, error_v2):
        return np.sign(gain) * (1 + (error_v2 - rms_v**2) / (gain**2 * [1.0, 9.0])) ** -0.5

    error_v2 = np.mean(error**2, axis=1)
    assert found.correlation == pytest.approx(correlation(gain, error_v2))
    by_gain, by_power = (
        (correlation(gain + a, error_v2 + b) - correlation(gain - a, error_v2 - b)) / 2e-6
        for a, b in ((1e-6, 0.0), (0.0, 1e-6))
    )
    of_power = np.hypot(stats.sem(error**2, axis=1), 2 * rms_v * doubt_v)
    of_gain = np.sqrt(np.sum(error**2, axis=1) / 4 / np.sum(ideal**2, axis=1))
    stated = np.hypot(by_gain * of_gain, by_power * of_power)
    assert found.correlation_uncertainty == pytest.approx(stated, rel=1e-6)


def test_noise_is_taken_from_the_recordings_power_before_it_is_correlated():
    ideal = np.array([[1.0, -1.0, 1.0, -1.0]])
    error = np.array([[1.0, 1.0, -1.0, -1.0]])
    found = fidelity(0.6 * ideal + 0.8 * error, ideal, noise=of_noise([0.5], [0.0]))
    assert found.correlation == pytest.approx([0.6 / np.sqrt(1 - 0.25)])


def test_a_correlation_has_the_sign_of_the_gain():
    ideal = np.array([[1.0, -1.0, 1.0, -1.0]])
    for sign in (1, -1):
        found = fidelity(sign * ideal, ideal, noise=of_noise([0.6], [0.0]))
        assert found.correlation[0] == pytest.approx(sign * 1.25)


def test_a_recording_of_no_more_than_noise_has_no_correlation():
    """And is known as well as the noise's power is beside that of what was to be seen."""
    ideal = np.array([[2.0, -2.0, 2.0, -2.0]] * 2)
    found = fidelity(0.25 * ideal, ideal, noise=of_noise([0.5, 2.0], [0.1, 0.3]))
    assert found.correlation.tolist() == [0.0, 0.0]
    doubt = np.array([2 * 0.5 * 0.1, 2 * 2.0 * 0.3])
    assert found.correlation_uncertainty == pytest.approx(doubt / 4.0 / 2)


@pytest.mark.parametrize("gain", [1.1, 0.9])
def test_noise_takes_nothing_from_the_gains_error(gain):
    ideal = np.array([[1.0, -1.0, 1.0, -1.0]])
    found = fidelity(gain * ideal, ideal, noise=of_noise([0.12], [0.0]))
    assert found.gain_error == pytest.approx([gain - 1])


def test_an_offset_is_told_and_taken_out_and_a_gain_error_stays_in_the_residual(rng):
    ideal = rng.normal(size=(2, 50)) + 3.0
    found = fidelity(1.01 * ideal + [[5.0], [-2.0]], ideal)
    by_hand = 1.01 * ideal.mean(axis=1) + [5.0, -2.0] - ideal.mean(axis=1)
    assert found.offset_v == pytest.approx(by_hand)
    assert found.residual_v == pytest.approx(0.01 * (ideal - ideal.mean(axis=1, keepdims=True)))


def test_the_worst_channel_comes_with_its_own_uncertainty(rng):
    ideal = rng.normal(size=(3, 400))
    recorded = ideal * [[0.9], [1.05], [1.0]]
    recorded += rng.normal(size=ideal.shape) * [[0.01], [0.1], [0.5]]
    found = fidelity(recorded, ideal)
    assert found.worst_gain_error == (found.gain_error[0], found.gain_uncertainty[0])
    assert found.gain_error[0] == pytest.approx(-0.1, abs=0.005)
    assert found.worst_correlation == (found.correlation[2], found.correlation_uncertainty[2])


def test_three_samples_can_be_compared():
    found = fidelity(np.array([[0.0, 2.0, 4.0]]), np.array([[0.0, 1.0, 2.0]]))
    assert found.gain_error == pytest.approx([1.0])


def test_a_dead_channel_has_no_gain_and_no_correlation(rng):
    ideal = rng.normal(size=(2, 100))
    recorded = ideal.copy()
    recorded[1] = 0.0
    found = fidelity(recorded, ideal)
    assert found.worst_gain_error[0] == pytest.approx(-1.0)
    assert found.worst_correlation == (0.0, 0.0)


@pytest.mark.parametrize(
    ("recorded", "ideal", "said"),
    [
        (np.ones((1, 5)), np.ones((2, 5)), "differ"),
        (np.ones((1, 2)), np.ones((1, 2)), "too few"),
        (np.ones((1, 5)), np.ones((1, 5)), "constant"),
        (np.arange(5.0), np.arange(5.0), "differ"),
        (np.arange(10.0).reshape(2, 5), np.array([np.arange(5.0), np.ones(5)]), "constant"),
    ],
)
def test_what_cannot_be_compared_is_refused(recorded, ideal, said):
    with pytest.raises(ValueError, match=said):
        fidelity(recorded, ideal)
