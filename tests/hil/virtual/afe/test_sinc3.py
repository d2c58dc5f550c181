"""The decimation filter: gain, notches, symmetry, whatever the phase between the two clocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.virtual.afe import sinc3


@given(st.floats(0.0, 1000.0), st.sampled_from([4.0, 8.0, 16.0]))
def test_weights_sum_to_one_at_any_phase(centre, samples_per_period):
    _, weight = sinc3.weights(np.array([centre]), samples_per_period)
    assert weight.sum() == pytest.approx(1.0, abs=1e-12)


@given(st.floats(0.0, 1000.0), st.floats(7.9, 8.1))
def test_an_oscillator_that_is_off_changes_no_gain(centre, samples_per_period):
    _, weight = sinc3.weights(np.array([centre]), samples_per_period)
    assert weight.sum() == pytest.approx(1.0, abs=2e-5)


@given(st.floats(20.0, 1000.0))
def test_the_window_is_centred(centre):
    first, weight = sinc3.weights(np.array([centre]), 8.0)
    position = first[0] + np.arange(weight.shape[1])
    assert float(weight[0] @ position) == pytest.approx(centre, abs=1e-9)
    assert position[weight[0] > 0][[0, -1]] - centre == pytest.approx([-12, 12], abs=1.0)


def test_noise_gain_is_that_of_the_spline():
    _, weight = sinc3.weights(np.linspace(50.0, 51.0, 11), 8.0)
    assert np.square(weight).sum(axis=1).mean() == pytest.approx(sinc3.NOISE_GAIN / 8, rel=1e-3)
