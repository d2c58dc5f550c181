"""The filter's formula, and the front end's model of it, against the data sheet's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards.sinc3 import CUTOFF, DELAY_PERIODS, sinc3_gain
from eegrig.hil.virtual.afe import sinc3 as model


def model_gain(frequency: np.ndarray, samples_per_period: float = 8.0) -> np.ndarray:
    """What the model's weights pass, frequencies in parts of the data rate."""
    _, weight = model.weights(np.array([100.0]), samples_per_period)
    position = np.arange(weight.shape[1])
    turns = np.exp(-2j * np.pi * frequency[:, None] * position / samples_per_period)
    return np.abs(turns @ weight[0])


def test_gain_is_that_of_three_cascaded_averages() -> None:
    n, modulator = 4096, 1.024e6
    rate = modulator / n
    frequency = np.array([0.0, 1.0, 10.0, 40.0, 65.5, 100.0])
    phase = np.exp(-2j * np.pi * frequency[:, None] * np.arange(n) / modulator)
    cascade = np.abs(phase.mean(axis=1)) ** 3
    assert sinc3_gain(frequency, rate, modulator) == pytest.approx(cascade, rel=1e-9)
    assert sinc3_gain(frequency, rate) == pytest.approx(cascade, rel=1e-5)


@given(st.floats(1, 120), st.integers(6, 14))
def test_the_limit_of_a_fast_modulator_is_near_any_fine_decimation(
    frequency_hz: float, bits: int
) -> None:
    n, x = 2**bits, np.pi * frequency_hz / 250
    exact = abs(np.sin(x) / (n * np.sin(x / n))) ** 3
    assert sinc3_gain(frequency_hz, 250) == pytest.approx(exact, rel=4e-4)


@pytest.mark.parametrize(
    "gain", [lambda f: sinc3_gain(f, 1.0), model_gain], ids=["formula", "model"]
)
def test_formula_and_model_have_the_data_sheets_numbers(gain) -> None:
    """SBAS499C 9.3.2.2: -3 dB at 0.262 f_DR, notches at its multiples."""
    assert CUTOFF == 0.262
    passed = gain(np.array([1e-6, CUTOFF, 1.0, 2.0]))
    assert passed[0] == pytest.approx(1.0, abs=1e-6)
    assert 20 * np.log10(passed[1]) == pytest.approx(-3.0, abs=0.05)
    assert passed[2:] == pytest.approx([0, 0], abs=1e-3)


@pytest.mark.parametrize("samples_per_period", [4.0, 8.0])
def test_formula_and_model_agree_over_the_band(samples_per_period: float) -> None:
    frequency = np.array([0.05, 0.1, 0.262, 0.4, 0.5])
    tolerance = 4e-3 if samples_per_period == 4 else 4e-4
    assert model_gain(frequency, samples_per_period) == pytest.approx(
        sinc3_gain(frequency, 1.0), rel=tolerance
    )


def test_formula_and_model_are_late_by_the_same_part_of_a_period() -> None:
    first, weight = model.weights(np.array([100.0]), 8.0)
    reach = (first[0] + np.flatnonzero(weight[0] > 0)[[0, -1]] - 100.0) / 8.0
    assert reach == pytest.approx([-DELAY_PERIODS, DELAY_PERIODS], abs=0.13)
