"""The amplitude of a front end's own square wave."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.quality.square import square_amplitude


def square(rng, amplitude=1.875e-3, noise=0.2e-6, offset=40e-6):
    """Three channels of a wave as a sinc3 shows it, shape (3, 250)."""
    times = np.arange(253)
    wave = np.where((times // 60) % 2 == 0, 1.0, -1.0)
    box = np.convolve(np.ones(2) / 2, np.ones(3) / 3)
    blurred = np.convolve(wave, box, mode="valid")
    volts = amplitude * blurred[None, :] * np.array([[1.0], [1.01], [0.5]]) + offset
    return volts + rng.normal(0, noise, volts.shape)


def test_each_channel_has_its_own_amplitude(rng):
    found = square_amplitude(square(rng))
    truth = 1.875e-3 * np.array([1.0, 1.01, 0.5])
    assert found.amplitude_v == pytest.approx(truth, abs=0.1e-6)
    assert (np.abs(found.amplitude_v - truth) < 4 * found.uncertainty_v).all()
    assert (found.uncertainty_v < 0.1e-6).all()


def test_a_channel_without_two_levels_is_none():
    flat = np.full((1, 100), 2e-3)
    with pytest.raises(ValueError, match="channel 0 has no two levels"):
        square_amplitude(flat)
