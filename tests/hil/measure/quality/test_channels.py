"""Order, sign, crosstalk and skew of channels that are mixed by a known matrix."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.quality.channels import channel_check
from eegrig.hil.measure.quality.tones import fit_tones

from .driven import N_CHANNELS, PAIRS, RATE, checked, driven


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
