"""Distortion of amplifiers and converters that are known."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.quality.distortion import distortion

RATE = 250.0


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
