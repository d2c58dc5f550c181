from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, signal, stats

from eegrig.hil.measure.noise import band_noise, shorted_noise


def sinc3_noise(rng, shape):
    """Noise with the correlation a slow moving average gives it."""
    white = rng.normal(size=(shape[0], shape[1] + 8))
    return signal.lfilter(np.ones(4) / 4, 1, white, axis=1)[:, 8:]


def test_rms_is_the_standard_deviation_whatever_the_offset(rng):
    volts = rng.normal(size=(8, 5000)) * 0.14e-6 + rng.normal(size=(8, 1)) * 1e-3
    noise = shorted_noise(volts)
    assert noise.rms_v == pytest.approx(volts.std(axis=1, ddof=1))
    assert noise.rms_v == pytest.approx(0.14e-6, rel=0.05)
    assert noise.n == 5000


@pytest.mark.parametrize("make", [lambda rng, shape: rng.normal(size=shape), sinc3_noise])
def test_the_stated_uncertainty_is_the_scatter_for_white_and_filtered_noise(rng, make):
    noise = shorted_noise(make(rng, (300, 2000)))
    assert np.mean(noise.rms_uncertainty_v) == pytest.approx(noise.rms_v.std(), rel=0.2)


def independent_readings(channel):
    """n over the sum of squared correlations, of lags up to a tenth, summed one by one."""
    n = channel.size
    centred = channel - channel.mean()
    total = 1.0
    for lag in range(1, max(n // 10, 2)):
        rho = centred[lag:] @ centred[:-lag] / (centred @ centred)
        if rho**2 > 4 / n:  # two standard deviations of what chance gives white noise
            total += 2 * (rho**2 - 1 / n)
    return n / total


@pytest.mark.parametrize("n", [10, 19, 64, 65, 400, 1000])
@pytest.mark.parametrize("scale_v", [1.0, 0.14e-6])
def test_the_rmss_uncertainty_counts_independent_readings(rng, n, scale_v):
    slow = signal.lfilter([1.0], [1.0, -0.9], rng.normal(size=(1, n + 50)), axis=1)[:, 50:]
    tone = np.cos(2 * np.pi * np.arange(n) / 7)[None] + rng.normal(size=(1, n)) * 0.1
    white = rng.normal(size=(4, n))
    volts = np.concatenate([slow, tone, white, np.cumsum(white[:1], axis=1)]) * scale_v
    noise = shorted_noise(volts + 5.0 * scale_v)
    counted = noise.rms_v**2 / (2 * noise.rms_uncertainty_v**2)
    expected = [independent_readings(channel) for channel in volts]
    assert counted == pytest.approx(expected, rel=1e-9)
    if n >= 64:
        assert min(expected) < n / 5  # what depends on each other is there
    assert max(expected) > 0.9 * n  # and what does not


def test_an_average_of_four_leaves_four_elevenths_of_the_readings(rng):
    """Correlations of 3/4, 1/2 and 1/4: 1 + 2 (9 + 4 + 1) / 16 = 11/4."""
    noise = shorted_noise(sinc3_noise(rng, (400, 4000)))
    counted = noise.rms_v**2 / (2 * noise.rms_uncertainty_v**2)
    # A few lags count besides that chance has put there.
    assert 0.88 * 4000 * 4 / 11 < np.median(counted) < 4000 * 4 / 11


def test_of_white_noise_nearly_every_reading_counts(rng):
    noise = shorted_noise(rng.normal(size=(400, 2000)))
    # Lags that chance takes beyond two standard deviations count for 4 % (a Gaussian's tails).
    tails = 2 * (2 * stats.norm.pdf(2) + stats.norm.sf(2)) - 2 * stats.norm.sf(2)
    counted = noise.rms_v**2 / (2 * noise.rms_uncertainty_v**2)
    assert np.mean(2000 / counted) == pytest.approx(1 + 0.2 * tails, abs=0.01)


def test_peak_to_peak_is_as_uncertain_as_the_mean_of_its_stretches(rng):
    noise = shorted_noise(rng.normal(size=(200, 8000)))
    peaks = np.ptp(rng.normal(size=(1000, 1000)), axis=1)
    assert noise.peak_to_peak_uncertainty_v.mean() == pytest.approx(
        np.std(peaks) / np.sqrt(8), rel=0.1
    )
    volts = rng.normal(size=(2, 3500))
    by_hand = [stats.sem([np.ptp(row[i : i + 1000]) for i in (0, 1000, 2000)]) for row in volts]
    assert shorted_noise(volts).peak_to_peak_uncertainty_v == pytest.approx(by_hand)


def test_ten_readings_are_enough_and_two_stretches_have_an_uncertainty(rng):
    assert shorted_noise(rng.normal(size=(2, 10))).rms_v.shape == (2,)
    twice = shorted_noise(rng.normal(size=(3, 2000)))
    assert np.isfinite(twice.peak_to_peak_uncertainty_v).all()
    none = shorted_noise(rng.normal(size=(3, 999)))
    assert none.peak_to_peak_v.shape == none.peak_to_peak_uncertainty_v.shape == (3,)
    assert np.isnan(none.peak_to_peak_uncertainty_v).all()


def test_peak_to_peak_is_taken_over_a_thousand_readings(rng):
    volts = rng.normal(size=(50, 4500))
    noise = shorted_noise(volts)
    peaks = [np.ptp(volts[0, i : i + 1000]) for i in range(0, 4000, 1000)]
    assert noise.peak_to_peak_v[0] == pytest.approx(np.mean(peaks))
    # Gaussian noise spans 6.5 sigma in a thousand readings.
    assert noise.peak_to_peak_v.mean() == pytest.approx(6.5, abs=0.1)


def test_a_short_record_has_no_peak_to_peak_value(rng):
    noise = shorted_noise(rng.normal(size=(1, 999)))
    assert np.isnan(noise.peak_to_peak_v).all()
    once = shorted_noise(rng.normal(size=(1, 1999)))
    assert np.isfinite(once.peak_to_peak_v).all()
    assert np.isnan(once.peak_to_peak_uncertainty_v).all()


def test_a_dead_channel_has_no_noise():
    noise = shorted_noise(np.zeros((1, 100)))
    assert noise.rms_v == noise.rms_uncertainty_v == 0


def test_too_few_readings_are_refused():
    with pytest.raises(ValueError, match="too few"):
        shorted_noise(np.zeros((1, 9)))


def test_white_noise_has_its_share_in_a_band(rng):
    rms, uncertainty = band_noise(rng.normal(size=(100, 10000)), 250.0, (10.0, 35.0))
    assert rms.mean() == pytest.approx(np.sqrt(25 / 125), rel=0.01)
    assert np.mean(uncertainty) == pytest.approx(rms.std(), rel=0.3)


def test_band_noise_agrees_with_integrating_scipys_spectrum(rng):
    volts = sinc3_noise(rng, (1, 20000))
    rms, _ = band_noise(volts, 250.0, (1.0, 40.0))
    frequency, density = signal.welch(volts[0], 250.0, nperseg=2000)
    inside = (frequency >= 1) & (frequency <= 40)
    oracle = np.sqrt(integrate.trapezoid(density[inside], frequency[inside]))
    assert rms[0] == pytest.approx(oracle, rel=0.02)


def band_by_lines(volts, rate, band, segment):
    """Each line of scipy's spectrum stands for its surroundings, as far as the band reaches."""
    frequency, density = signal.welch(volts, rate, nperseg=segment)
    power = 0.0
    for line, height in zip(frequency, density, strict=True):
        half = rate / segment / 2
        low, high = max(line - half, 0.0, band[0]), min(line + half, band[1])
        power += height * max(high - low, 0.0)
    return np.sqrt(power)


@pytest.mark.parametrize(
    ("n", "rate", "band", "segment"),
    [
        (5000, 250.0, (1.03, 39.98), 1000),  # segments of four seconds
        (5000, 250.0, (0.0, 0.3), 1000),  # half a line at 0 Hz
        (5000, 250.0, (30.01, 30.09), 1000),  # within one line
        (5000, 250.0, (30.01, 30.04), 1000),  # and narrower than the record can tell
        (5000, 250.0, (-1.0, 0.3), 1000),  # nothing is below 0 Hz
        (5000, 250.0, (100.0, 200.0), 1000),  # up to half the rate
        (700, 250.0, (1.0, 40.0), 700),  # the whole of a short record
        (400, 2.0, (0.1, 0.8), 16),  # no fewer than sixteen readings
        (5000, 250.3, (1.0, 40.0), 1001),  # 1001.2 of them are 1001
    ],
)
def test_each_line_of_the_spectrum_stands_for_what_lies_around_it(rng, n, rate, band, segment):
    volts = sinc3_noise(rng, (2, n)) + 7.0
    rms, uncertainty = band_noise(volts, rate, band)
    expected = [band_by_lines(row, rate, band, segment) for row in volts]
    assert rms == pytest.approx(expected, rel=1e-9)
    bandwidth_time = max((band[1] - band[0]) * n / rate, 1.0)
    assert uncertainty == pytest.approx(rms / (2 * np.sqrt(bandwidth_time)))


@pytest.mark.parametrize("band", [(20.0, 20.0), (30.0, 20.0), (-5.0, -1.0)])
def test_a_band_of_no_width_is_refused(rng, band):
    with pytest.raises(ValueError, match=r"lies outside 0 to 125\.0 Hz"):
        band_noise(rng.normal(size=(1, 1000)), 250.0, band)


def test_a_band_outside_the_spectrum_is_refused(rng):
    with pytest.raises(ValueError, match="outside"):
        band_noise(rng.normal(size=(1, 1000)), 250.0, (130.0, 140.0))
