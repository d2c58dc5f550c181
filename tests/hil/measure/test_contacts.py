from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.contacts import ContactErrors, contact_errors

TRUE_OHM = np.array([5e3, 10e3, 20e3, 100e3])
MEASURED_OHM = np.array([5.5e3, 10.6e3, 21e3, 112e3])
UNCERTAINTY_OHM = np.array([20.0, 60.0, 500.0, 900.0])


def test_the_common_error_is_what_least_squares_finds():
    """A constant fitted to the ratios, each with its standard deviation."""
    ratio, deviation = MEASURED_OHM / TRUE_OHM, UNCERTAINTY_OHM / TRUE_OHM
    constant, covariance = np.polyfit([0.0] * 4, ratio, 0, w=1 / deviation, cov="unscaled")
    found = contact_errors(MEASURED_OHM, UNCERTAINTY_OHM, TRUE_OHM, folded=0.0)
    assert found.scale == pytest.approx(constant[0] - 1)
    assert found.scale_uncertainty == pytest.approx(np.sqrt(covariance[0, 0]))


def test_an_electrodes_own_error_is_the_less_uncertain_for_its_part_of_the_common_one():
    """The brute way: c^T Sigma c of what is left of each ratio without their weighted mean."""
    deviation = UNCERTAINTY_OHM / TRUE_OHM
    part = deviation**-2 / np.sum(deviation**-2)
    left = np.eye(4) - part
    covariance = left @ np.diag(deviation**2) @ left.T
    found = contact_errors(MEASURED_OHM, UNCERTAINTY_OHM, TRUE_OHM)
    common = part @ (MEASURED_OHM / TRUE_OHM)
    assert found.each == pytest.approx(MEASURED_OHM / TRUE_OHM / common - 1)
    assert found.each_uncertainty == pytest.approx(np.sqrt(np.diag(covariance)) / common)


def test_harmonics_that_fold_back_in_an_unknown_phase_are_common_to_all():
    """The root mean square over all phases."""
    phases = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    without = contact_errors(MEASURED_OHM, UNCERTAINTY_OHM, TRUE_OHM, folded=0.0)
    for options, largest in (({}, 0.015), ({"folded": 0.2}, 0.2)):
        found = contact_errors(MEASURED_OHM, UNCERTAINTY_OHM, TRUE_OHM, **options)
        beside = np.hypot(without.scale_uncertainty, np.std(largest * np.cos(phases)))
        assert found.scale_uncertainty == pytest.approx(beside)
        assert found.each_uncertainty == pytest.approx(without.each_uncertainty)


def test_the_worst_is_the_farthest_from_zero_and_keeps_its_sign():
    found = contact_errors(np.array([0.9, 0.9, 0.81]), np.array([1e-4, 1e-4, 0.1]), np.ones(3))
    assert found.scale == pytest.approx(-0.1, abs=1e-5)
    assert found.worst == 2
    assert found.each[found.worst] == pytest.approx(-0.1, abs=1e-5)
    assert ContactErrors(0.0, 0.0, np.array([0.3, -0.2]), np.zeros(2)).worst == 0


@pytest.mark.parametrize("uncertainty_ohm", [10.0, 11.0, 16.0, 32.0, 64.0])
def test_a_single_electrode_has_no_error_of_its_own(uncertainty_ohm):
    alone = contact_errors(np.array([1.1e4]), np.array([uncertainty_ohm]), np.array([1e4]))
    assert alone.scale == pytest.approx(0.1)
    assert alone.each[0] == 0.0
    assert alone.each_uncertainty[0] == pytest.approx(0.0, abs=1e-9)
