from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, stats

from eegrig.hil.measure.chance import of_a_fit, of_the_mean


def tone(n, k):
    """A cosine of amplitude 1 with `k` periods in `n` values: one line of their spectrum."""
    return np.cos(2 * np.pi * k * np.arange(n) / n + 0.3)


# ---------------------------------------------------------------------------------------- of a mean


@pytest.mark.parametrize(("n", "lines"), [(8, 2), (20, 5), (47, 11), (100, 12)])
def test_a_mean_is_as_uncertain_as_its_slowest_tones_are_high(n, lines):
    """A tone's line is n/2 high and all others 0; it counts where it is one of the lowest."""
    for k in range(1, n // 2):
        expected = 0.5 / np.sqrt(lines) if k <= lines else 0.0
        assert of_the_mean(tone(n, k)) == pytest.approx(expected, abs=1e-12), k


@pytest.mark.parametrize("n", [2, 3, 7])
def test_of_few_values_a_mean_is_as_uncertain_as_if_each_were_for_itself(rng, n):
    values = rng.normal(size=(4, n))
    assert of_the_mean(values) == pytest.approx(stats.sem(values, axis=1))


def test_a_mean_of_one_value_or_none_is_not_known():
    assert np.isnan(of_the_mean(np.array([1.0])))
    for n in (0, 1):
        none = of_the_mean(np.zeros((2, 3, n)))
        assert none.shape == (2, 3)
        assert np.isnan(none).all()


@pytest.mark.parametrize("n", [5, 40])
def test_series_are_each_for_themselves(rng, n):
    series = np.arange(1, 7).reshape(2, 3, 1) * rng.normal(size=(2, 3, n))
    alone = [[of_the_mean(one) for one in row] for row in series]
    assert of_the_mean(series) == pytest.approx(np.array(alone))


def test_a_mean_far_from_zero_costs_no_digits(rng):
    series = rng.integers(-100, 100, (3, 63)).astype(float)
    away = np.array([2.0**45, 0.0, -(2.0**44)])[:, None]
    assert of_the_mean(series + away) == pytest.approx(of_the_mean(series), rel=1e-12)


def test_a_pattern_that_repeats_itself_leaves_its_mean_certain():
    saw = np.tile(np.arange(20.0), 50)
    assert of_the_mean(saw) < 0.02 * saw.std() / np.sqrt(saw.size)


# ----------------------------------------------------------------------------------------- of a fit


@pytest.mark.parametrize("n", [3, 20, 63])
def test_a_fit_of_few_values_is_as_uncertain_as_regression_says(rng, n):
    column = rng.normal(size=(2, n)) * [[1.0], [3.0]]
    column -= column.mean(axis=1, keepdims=True)
    values = 0.7 * column + rng.normal(size=(2, n)).cumsum(axis=1) * [[1.0], [5.0]]
    lines = [stats.linregress(*each) for each in zip(column, values, strict=True)]
    residual = values - [
        [each.intercept + each.slope * c for c in x] for each, x in zip(lines, column, strict=True)
    ]
    assert of_a_fit(column, residual) == pytest.approx([each.stderr for each in lines])


@pytest.mark.parametrize("n", [20, 64, 65, 200])
@pytest.mark.parametrize("used", [0, 1, 2])
def test_a_fit_in_noise_of_an_even_spectrum_is_as_uncertain_as_regression_says(rng, n, used):
    """A single value that is off has one, to the last digit."""
    column = rng.normal(size=(2, n))
    residual = np.zeros((2, n))
    residual[0, 3], residual[1, n // 2] = 2.0, -1.0
    plain = np.sqrt([4.0, 1.0] / np.sum(column**2, axis=1) / (n - used))
    assert of_a_fit(column, residual, used=used) == pytest.approx(plain)


def test_a_fit_of_as_many_parameters_as_values_divides_by_one():
    column, residual = np.array([[1.0, -1.0]]), np.array([[0.5, 0.5]])
    assert of_a_fit(column, residual) == pytest.approx([0.5])


def form(column, height):
    """The standard deviation of a fit's parameter in noise with the two-sided spectrum `height`."""
    covariance = linalg.circulant(np.fft.ifft(height).real)
    return np.sqrt(column @ covariance @ column) / (column @ column)


@pytest.mark.parametrize(("n", "lines"), [(64, 9), (200, 25)])
def test_a_fit_in_coloured_noise_has_the_variance_of_a_linear_form(rng, n, lines):
    """The noise's periodogram, averaged round the circle over an eighth of its lines."""
    time = np.arange(n)
    column = np.array([np.sin(0.3 * time), rng.normal(size=n), rng.normal(size=n).cumsum()])
    residual = rng.normal(size=(3, n)).cumsum(axis=1) * [[1.0], [2.0], [0.1]]
    found = of_a_fit(column, residual)
    for each, noise, stated in zip(column, residual, found, strict=True):
        raw = np.abs(np.fft.fft(noise)) ** 2 / (n - 2)
        around = np.arange(lines) - lines // 2
        height = [raw[(line + around) % n].mean() for line in range(n)]
        assert stated == pytest.approx(form(each, height))


def test_a_fit_is_uncertain_by_the_noise_at_the_frequencies_it_looks_at(rng):
    """Differences of white noise: little of it is slow, and twice as much as of white is fast."""
    n = 1000
    white = rng.normal(size=(400, n + 1))
    noise = np.diff(white, axis=1)
    covariance = linalg.toeplitz([2.0, -1.0, *np.zeros(n - 2)])
    for k in (150, 350):
        column = tone(n, k)
        truth = np.sqrt(column @ covariance @ column) / (column @ column)
        stated = of_a_fit(np.tile(column, (400, 1)), noise)
        assert np.sqrt(np.mean(stated**2)) == pytest.approx(truth, rel=0.03)
