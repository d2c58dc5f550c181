"""Impedance from samples taken with the lead-off current on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.impedance import Drive, electrode_impedance, sinc3_gain

SIX_NANOAMPERES = 6e-9
DECIMATION = 256


def driven(
    ohm: list[float], drive: Drive, rate_sps: float, seconds: float, phase: float
) -> np.ndarray:
    """What a sinc3 converter makes of the square wave of voltage, by filtering it in steps."""
    n = int(seconds * rate_sps)
    time_s = (np.arange((n + 3) * DECIMATION) + 0.5) / (rate_sps * DECIMATION)
    cycle = (drive.frequency_hz * time_s + phase) % 1
    wave = np.where(cycle < 0.5, 1.0, -1.0)
    box = np.ones(DECIMATION) / DECIMATION
    for _ in range(3):
        wave = np.convolve(wave, box, "valid")
    filtered = wave[::DECIMATION][:n]
    return np.array(ohm)[:, np.newaxis] * drive.current_a * filtered


@pytest.mark.parametrize("phase", [0.01, 0.13, 0.3])
def test_impedance_of_a_drive_far_below_the_sample_rate(phase: float) -> None:
    drive = Drive(SIX_NANOAMPERES, 31.25)
    samples_v = driven([5e3, 50e3, 1e6], drive, 250, 4, phase)
    ohm, uncertainty_ohm = electrode_impedance(samples_v, 250, drive)
    np.testing.assert_allclose(ohm, [5e3, 50e3, 1e6], rtol=1e-3)
    assert (uncertainty_ohm < 1e-3 * ohm).all()


@pytest.mark.parametrize("rate_sps", [250, 1000])
@pytest.mark.parametrize("phase", [0.01, 0.13, 0.3])
def test_impedance_of_a_drive_at_a_quarter_of_the_sample_rate(rate_sps: int, phase: float) -> None:
    # Harmonics fold back onto the fundamental: 1.5 % of it at most, with the phase they have.
    drive = Drive(SIX_NANOAMPERES, rate_sps / 4)
    samples_v = driven([20e3], drive, rate_sps, 3, phase)
    ohm, _ = electrode_impedance(samples_v, rate_sps, drive)
    np.testing.assert_allclose(ohm, [20e3], rtol=0.015)


def test_brain_activity_and_offset_make_it_uncertain_and_the_uncertainty_covers_it() -> None:
    rng = np.random.default_rng(5)
    drive = Drive(SIX_NANOAMPERES, 31.25)
    quiet_v = driven([10e3] * 400, drive, 250, 4, 0.2)
    samples_v = quiet_v + 20e-6 * rng.standard_normal(quiet_v.shape) + 30e-3
    ohm, uncertainty_ohm = electrode_impedance(samples_v, 250, drive)
    pull = (ohm - 10e3) / uncertainty_ohm
    assert abs(np.mean(pull)) < 0.3
    assert 0.8 < np.std(pull) < 1.4


def test_missing_frames_do_not_turn_the_phase() -> None:
    drive = Drive(SIX_NANOAMPERES, 31.25)
    samples_v = driven([10e3], drive, 250, 6, 0.2)
    frames = np.flatnonzero((np.arange(1500) < 333) | (np.arange(1500) >= 514))
    ohm, _ = electrode_impedance(samples_v[:, frames], 250, drive, frames=frames)
    np.testing.assert_allclose(ohm, [10e3], rtol=1e-3)


@given(st.floats(1, 120), st.integers(6, 14))
def test_the_filters_gain_is_that_of_any_fine_decimation(frequency_hz: float, bits: int) -> None:
    n, x = 2**bits, np.pi * frequency_hz / 250
    exact = abs(np.sin(x) / (n * np.sin(x / n))) ** 3
    assert sinc3_gain(frequency_hz, 250) == pytest.approx(exact, rel=4e-4)


def test_too_little_to_tell_and_a_drive_nobody_can_see_are_refused() -> None:
    with pytest.raises(ValueError, match="too few: expected 2 s"):
        electrode_impedance(np.zeros((1, 400)), 250, Drive(SIX_NANOAMPERES, 31.25))
    with pytest.raises(ValueError, match="cannot be seen"):
        electrode_impedance(np.zeros((1, 1000)), 250, Drive(SIX_NANOAMPERES, 125))
