"""Rejection and input impedance of circuits that are known."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.quality.rejection import cmrr_db, input_impedance
from eegrig.hil.measure.quality.tones import fit_tones

RATE = 250.0


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
