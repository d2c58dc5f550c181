from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eegrig.hil.measure.align import align, expected
from eegrig.hil.measure.fidelity import fidelity
from eegrig.hil.measure.noise import shorted_noise

from .front_end import convert, eeg_like


def test_each_channel_agrees_with_scipys_regression(rng):
    ideal = rng.normal(size=(3, 400)) * 20e-6
    recorded = ideal * [[1.0], [1.01], [0.98]] + [[0], [1e-6], [-3e-6]]
    recorded += rng.normal(size=ideal.shape) * 1e-6
    found = fidelity(recorded, ideal)
    for channel in range(3):
        oracle = stats.linregress(ideal[channel], recorded[channel])
        assert found.gain_error[channel] + 1 == pytest.approx(oracle.slope)
        assert found.gain_uncertainty[channel] == pytest.approx(oracle.stderr)
        assert found.correlation[channel] == pytest.approx(oracle.rvalue)
    assert found.offset_v[2] == pytest.approx(-3e-6, abs=0.2e-6)
    assert found.worst_gain_error[0] == pytest.approx(0.02, abs=0.004)
    assert found.worst_correlation[0] == found.correlation.min()


def test_a_recording_through_the_filter_has_no_gain_error(rng):
    applied = eeg_like(rng, 4000.0, 12.0)
    recorded, _ = convert(applied, 250.0, 1.0, 2500, 20.0)
    recorded = recorded + rng.normal(size=recorded.shape) * 0.14e-6
    times = align(recorded, 250.0, applied).times_ns(np.arange(2500))
    found = fidelity(recorded, expected(applied, times, 250.0))
    assert found.worst_gain_error[0] < 1e-3
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
    assert found.worst_gain_error[0] < 2.5 * found.worst_gain_error[1]
    assert found.worst_gain_error[0] <= raw.worst_gain_error[0]


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


def test_a_dead_channel_has_no_gain_and_no_correlation(rng):
    ideal = rng.normal(size=(2, 100))
    recorded = ideal.copy()
    recorded[1] = 0.0
    found = fidelity(recorded, ideal)
    assert found.worst_gain_error[0] == pytest.approx(1.0)
    assert found.worst_correlation[0] == 0.0


@pytest.mark.parametrize(
    ("recorded", "ideal", "said"),
    [
        (np.ones((1, 5)), np.ones((2, 5)), "differ"),
        (np.ones((1, 2)), np.ones((1, 2)), "too few"),
        (np.ones((1, 5)), np.ones((1, 5)), "constant"),
    ],
)
def test_what_cannot_be_compared_is_refused(recorded, ideal, said):
    with pytest.raises(ValueError, match=said):
        fidelity(recorded, ideal)
