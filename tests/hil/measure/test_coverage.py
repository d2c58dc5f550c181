"""Stated standard uncertainties cover the truth as often as they say: in 68 of 100 records.

Each test makes 200 records of which the truth is known, by construction or from many more of them,
and counts. Two hundred tell a share of 68 % to a tenth (three binomial standard deviations).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal, stats

from eegrig.boards.sinc3 import sinc3_gain
from eegrig.hil.bench import PowerCapture
from eegrig.hil.measure.align import align
from eegrig.hil.measure.chance import of_the_mean
from eegrig.hil.measure.contacts import contact_errors
from eegrig.hil.measure.decoding.paired import paired_accuracy, paired_auc
from eegrig.hil.measure.fidelity import fidelity
from eegrig.hil.measure.noise import shorted_noise
from eegrig.hil.measure.power import mode_power, streaming_power
from eegrig.hil.measure.sine import fit_sine
from eegrig.hil.measure.stream.bandwidth import goodput
from eegrig.hil.measure.stream.latency import summarise
from eegrig.hil.measure.stream.rate import rate_error
from eegrig.host.recording.impedance import FUNDAMENTAL, electrode_impedance
from eegrig.host.wire.impedance import Drive

from .front_end import convert, eeg_like

SEEDS = 200
SHARE = stats.norm.cdf(1) - stats.norm.cdf(-1)
TELLS = 3 * stats.binom.std(SEEDS, SHARE) / SEEDS
RATE = 250.0


def covered(values, truth, uncertainties):
    """Return in what part of the records the truth lies within a standard uncertainty."""
    return np.mean(np.abs(np.asarray(values) - truth) <= np.asarray(uncertainties))


def holds(values, truth, uncertainties):
    """Whether the uncertainties of `SEEDS` records are as large as they should be."""
    share = covered(values, truth, uncertainties)
    assert share == pytest.approx(SHARE, abs=TELLS)


def sinc3_noise(rng, shape):
    """Noise of rms 1 as a sinc3 filter leaves it of a white one: correlations of 26/66 and 1/66.

    They are the quintic spline's at whole numbers; 1 + 26 z + 66 z^2 + 26 z^3 + z^4 has the roots
    from which an average of three readings has them, too.
    """
    inside = np.roots([1, 26, 66, 26, 1])[2:].real
    weights = np.poly(inside)
    white = rng.normal(size=(shape[0], shape[1] + 2))
    filtered = signal.lfilter(weights / np.linalg.norm(weights), 1.0, white, axis=1)
    return filtered[:, 2:]


def test_the_noise_of_these_tests_is_a_sinc3_filters():
    inside = np.roots([1, 26, 66, 26, 1])[2:].real
    weights = np.poly(inside)
    correlations = np.correlate(weights, weights, "full")[2:] / (weights @ weights)
    assert correlations == pytest.approx([1, 26 / 66, 1 / 66])


# ------------------------------------------------------------------------------- what it is made of


@pytest.mark.parametrize("pole", [0.0, 0.8, -0.8])
def test_a_mean_is_as_uncertain_as_its_values_go_together(rng, pole):
    series = signal.lfilter([1.0], [1.0, -pole], rng.normal(size=(SEEDS, 1200)), axis=1)[:, 200:]
    holds(series.mean(axis=1), 0.0, of_the_mean(series))


# ------------------------------------------------------------------------------------------ goodput


def random_arrivals(rng):
    """Payloads come by chance, 200 a second."""
    time_s = np.cumsum(rng.exponential(5e-3, 1500))
    return time_s[time_s < 5.0], 200.0


def half_full_events(rng):
    """Bursts of up to ten, 2 ms apart, every 50 ms; seven of ten payloads are there."""
    counts = rng.binomial(10, 0.7, 100)
    bursts = [0.05 * event + 0.002 * np.arange(count) for event, count in enumerate(counts)]
    return np.concatenate(bursts), 140.0


def one_at_a_time(rng):
    """One payload in an event of 7.5 ms, and in one of ten none."""
    events = np.flatnonzero(rng.random(667) < 0.9)
    return events * 7.5e-3, 120.0


@pytest.mark.parametrize("make", [random_arrivals, half_full_events, one_at_a_time])
def test_goodput(rng, make):
    found = []
    for _ in range(SEEDS):
        time_s, per_s = make(rng)
        found.append(goodput((time_s * 1e9).astype(np.int64), np.full(time_s.size, 244)))
    means, bests = ([getattr(each, f"{name}_bps") for each in found] for name in ("mean", "best"))
    holds(means, per_s * 244 * 8, [each.mean_uncertainty_bps for each in found])
    # What a best window would be were there infinitely many records: as good as their mean.
    holds(bests, np.mean(bests), [each.best_uncertainty_bps for each in found])


@pytest.mark.parametrize("phase_s", [0.0, 0.009, 0.019, 0.03])
@pytest.mark.parametrize("apart_s", [0.0, 1e-3, 2e-3, 5e-3])
def test_an_even_flow_and_one_of_bursts_have_their_rate_wherever_a_record_begins(phase_s, apart_s):
    """Ten payloads every 50 ms: at once, in bursts, and evenly."""
    time_s = (np.arange(140)[:, None] * 0.05 + apart_s * np.arange(10)).ravel()
    time_s = time_s[(time_s >= phase_s) & (time_s < phase_s + 5.0)]
    found = goodput(np.rint(time_s * 1e9).astype(np.int64), np.full(time_s.size, 244))
    rate_bps = 10 * 244 * 8 / 0.05
    assert found.best_bps == pytest.approx(rate_bps, rel=1e-6)
    assert abs(found.mean_bps - rate_bps) < max(found.mean_uncertainty_bps, 1e-6 * rate_bps)
    assert found.mean_bps == pytest.approx(rate_bps, rel=5e-4)


# ------------------------------------------------------------------------------------------ latency


@pytest.mark.parametrize("fraction", [0.0, 0.27, 0.5, 0.83])
@pytest.mark.parametrize("drift_ppm", [0.0, 35.0, -5000.0])
def test_latency_is_right_to_a_fiftieth_of_a_frame(rng, fraction, drift_ppm):
    """Begun anywhere between two samples of the signal, and with a clock that runs wrong."""
    applied = eeg_like(rng, 2000.0, 9.0, n_channels=2)
    recorded, truth_ns = convert(applied, RATE, 1.0 + fraction / RATE, 1500, drift_ppm)
    recorded = recorded + 0.5e-6 * sinc3_noise(rng, recorded.shape)
    times_ns = align(recorded, RATE, applied).times_ns(np.arange(1500))
    assert np.abs(times_ns - truth_ns).max() < 1e9 / RATE / 50


def test_the_time_base(rng):
    applied = eeg_like(rng, 2000.0, 4.2, n_channels=2)
    clean, truth_ns = convert(applied, RATE, 1.0, 500)
    middle_ns = np.interp(249.5, np.arange(500), truth_ns)
    noise = sinc3_noise(rng, (2 * SEEDS, 500)).reshape(SEEDS, 2, 500)
    found = [align(clean + 2e-6 * each, RATE, applied) for each in noise]
    at_ns = [each.start_ns + 249.5 * each.period_ns for each in found]
    holds(at_ns, middle_ns, [each.uncertainty_ns for each in found])
    periods = [each.period_ns for each in found]
    holds(periods, 1e9 / RATE, [each.period_uncertainty_ns for each in found])


def delivered(rng, per_packet, interval_s, n):
    """Return latencies of frames that share packets, which wait for an event and may be repeated.

    The front end's clock is 0.63 % slow, so that its packets find every phase of the events.
    """
    period_s, begin = 1.0063 / RATE, rng.uniform()
    index = np.arange(n)
    packet = index // per_packet
    full_s = (packet * per_packet + per_packet - 1 + begin) * period_s + 1e-3
    phase_s = rng.uniform() * interval_s
    event_s = np.ceil((full_s - phase_s) / interval_s) * interval_s + phase_s
    repeated = rng.geometric(0.8, packet[-1] + 1) - 1
    arrival_s = np.maximum.accumulate(event_s + repeated[packet] * interval_s)
    return arrival_s - (index + begin) * period_s


@pytest.mark.parametrize(("per_packet", "interval_s", "n"), [(3, 15e-3, 5000), (20, 0.1, 20_000)])
def test_latencies(rng, per_packet, interval_s, n):
    records = [delivered(rng, per_packet, interval_s, n) for _ in range(2 * SEEDS)]
    everything = np.concatenate(records)
    p50, p95, p99 = np.quantile(everything, [0.5, 0.95, 0.99])
    truths = {"mean": everything.mean(), "p50": p50, "p95": p95, "p99": p99}
    found = [summarise(record) for record in records[:SEEDS]]
    for name, truth in truths.items():
        values = [getattr(each, f"{name}_s") for each in found]
        holds(values, truth, [getattr(each, f"{name}_uncertainty_s") for each in found])


# ------------------------------------------------------------------------------------------- signal


def like_eeg(rng, n, exponent):
    """Return signals of rms 1 whose power falls with frequency, shape (SEEDS, n)."""
    frequency = np.fft.rfftfreq(n, 1 / RATE)
    shape = np.where(frequency > 0.3, np.maximum(frequency, 0.3) ** (-exponent / 2), 0.0)
    lines = rng.normal(size=(SEEDS, frequency.size, 2)) @ np.array([1, 1j])
    volts = np.fft.irfft(shape * lines, n, axis=1)
    return volts / volts.std(axis=1, keepdims=True)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("ratio", [4.0, 30.0])
def test_gain_and_correlation(rng, exponent, ratio):
    """One record to a channel; the noise of shorted inputs is another one's."""
    n, gain = 1250, 0.997
    ideal = ratio * like_eeg(rng, n, exponent)
    recorded = gain * ideal + sinc3_noise(rng, ideal.shape)
    noise = shorted_noise(sinc3_noise(rng, (SEEDS, 5000)))
    found = fidelity(recorded, ideal, noise=noise)
    holds(found.gain_error, gain - 1, found.gain_uncertainty)
    beside = (found.gain_error - (gain - 1)) / found.gain_uncertainty
    assert abs(beside.mean()) < 3 / np.sqrt(SEEDS)  # to neither side
    holds(found.correlation, 1.0, found.correlation_uncertainty)


@pytest.mark.parametrize("known", [True, False])
def test_the_correlation_of_a_recording_with_something_else_in_it(rng, known):
    n = 1250
    ideal = 4.0 * like_eeg(rng, n, 1.0)
    recorded = ideal + rng.normal(size=ideal.shape) + 0.5 * sinc3_noise(rng, ideal.shape)
    noise = shorted_noise(0.5 * sinc3_noise(rng, (SEEDS, 5000))) if known else None
    found = fidelity(recorded, ideal, noise=noise)
    beside = 1.0 if known else 1.25
    holds(found.correlation, (1 + beside / 16) ** -0.5, found.correlation_uncertainty)


@pytest.mark.parametrize(("spread", "too_large"), [(0.0, 1.8), (1.0, 1.3), (10.0, 0.2)])
def test_the_worst_of_eight_channels_is_chosen_by_chance_where_they_are_alike(
    rng, spread, too_large
):
    """What docs/results.md says of it, in standard uncertainties: never too small on average."""
    truth = spread * rng.normal(size=(4000, 8))
    found = truth + rng.normal(size=truth.shape)
    worst = np.argmax(np.abs(found), axis=1)[:, None]
    chosen, true = (np.take_along_axis(each, worst, axis=1) for each in (found, truth))
    assert np.mean(np.sign(chosen) * (chosen - true)) == pytest.approx(too_large, abs=0.1)


def test_noise(rng):
    found = shorted_noise(sinc3_noise(rng, (SEEDS, 10_000)))
    holds(found.rms_v, 1.0, found.rms_uncertainty_v)
    peaks = np.ptp(sinc3_noise(rng, (2000, 1000)), axis=1)
    holds(found.peak_to_peak_v, peaks.mean(), found.peak_to_peak_uncertainty_v)
    assert found.stretches == 10


def test_sine_fits(rng):
    time = np.arange(2000) / RATE
    fits = [
        fit_sine(3 * np.cos(2 * np.pi * 7.3 * time + 0.4) + rng.normal(size=2000), RATE)
        for _ in range(SEEDS)
    ]
    for name, truth in (("frequency_hz", 7.3), ("amplitude_v", 3.0)):
        what, unit = name.rsplit("_", 1)
        values = [getattr(fit, name) for fit in fits]
        holds(values, truth, [getattr(fit, f"{what}_uncertainty_{unit}") for fit in fits])


# ------------------------------------------------------------------------------------------ streams


@pytest.mark.parametrize(("jitter_us", "per_packet"), [(30.0, 10), (0.5, 7)])
def test_the_rate_of_a_stream(rng, jitter_us, per_packet):
    """Times of packets that an interrupt dates late by chance, in whole microseconds."""
    error, frames = 0.0041, np.arange(0, 1500, per_packet)
    found = []
    for _ in range(SEEDS):
        time_us = frames * 1e6 / RATE / (1 + error) + rng.uniform(0, 1e6)
        time_us = time_us + jitter_us * rng.normal(size=frames.size)
        found.append(rate_error(frames, np.floor(time_us).astype(np.int64) * 1000, RATE))
    holds([each.error for each in found], error, [each.uncertainty for each in found])


# ---------------------------------------------------------------------------------------- impedance


def test_impedances(rng):
    """Eight electrodes, four seconds, a current 8 % off: each by its own noise, and all of them."""
    drive, true_ohm = Drive(6e-9, 31.25), np.geomspace(5e3, 100e3, 8)
    per_ohm = 1.08 * drive.current_a * FUNDAMENTAL * float(sinc3_gain(31.25, RATE))
    tone = np.cos(2 * np.pi * 31.25 / RATE * np.arange(1000) + 0.3)
    noise = 1e-6 * sinc3_noise(rng, (8 * SEEDS, 1000)).reshape(SEEDS, 8, 1000)
    measured = [
        electrode_impedance(per_ohm * true_ohm[:, None] * tone + each, RATE, drive)
        for each in noise
    ]
    ohm, uncertainty = (np.array(each) for each in zip(*measured, strict=True))
    assert covered(ohm, 1.08 * true_ohm, uncertainty) == pytest.approx(SHARE, abs=TELLS)
    found = [contact_errors(*each, true_ohm, folded=0.0) for each in measured]
    holds([each.scale for each in found], 0.08, [each.scale_uncertainty for each in found])
    each = np.array([each.each for each in found])
    stated = np.array([each.each_uncertainty for each in found])
    assert covered(each[:, :-1], 0.0, stated[:, :-1]) == pytest.approx(SHARE, abs=TELLS)


# -------------------------------------------------------------------------------------------- power


def a_capture(rng, *, meter, seconds=20.0):
    """Advertising: 100 uA, and events of 20 uC every 100 ms and a random 10 ms (Bluetooth 5.4)."""
    step_s = 0.01
    n = round(seconds / step_s)
    events = np.cumsum(0.1 + rng.uniform(0, 0.01, round(seconds * 10)))
    counts = np.histogram(events, n, (0, seconds))[0] * rng.normal(1, 0.3, n)
    current = (100e-6 + 20e-6 * counts / step_s) * (1 + meter * rng.normal())
    energy_j = float(current.sum()) * step_s * 3.7
    stop_ns = round(seconds * 1e9)
    return PowerCapture(0, stop_ns, {"total": energy_j}, 3.7, current, step_s, meter)


@pytest.mark.parametrize("meter", [0.0, 0.01, 0.1])
def test_power(rng, meter):
    found = [mode_power(a_capture(rng, meter=meter)) for _ in range(SEEDS)]
    truth = (100e-6 + 20e-6 / 0.105) * 3.7
    holds([each.total_w for each in found], truth, [each.total_uncertainty_w for each in found])
    assert {each.n for each in found} == {1}


@pytest.mark.parametrize("packet_frames", [10, 80])
def test_energy_per_sample_and_bit(rng, packet_frames):
    """Frames count as they arrive: a packet at either end is in the capture or is not."""
    found, truth_j = [], []
    for rate_sps in rng.uniform(240, 260, SEEDS):
        capture = a_capture(rng, meter=0.005, seconds=5.0)
        arrivals_s = (np.arange(200) + rng.uniform()) * packet_frames / rate_sps
        n_frames = int(np.sum(arrivals_s < 5.0)) * packet_frames
        counts = {"payload_bits": n_frames * 48, "n_frames": n_frames}
        found.append(streaming_power(capture, n_channels=2, packet_frames=packet_frames, **counts))
        truth_j.append((100e-6 + 20e-6 / 0.105) * 3.7 / rate_sps)
    for name, per in (("per_sample", 2), ("per_bit", 48)):
        values = [getattr(each, f"{name}_j") for each in found]
        stated = [getattr(each, f"{name}_uncertainty_j") for each in found]
        holds(values, np.array(truth_j) / per, stated)


def test_the_chance_in_a_mode_is_in_the_power_of_what_changes(rng):
    capture = a_capture(rng, meter=0.0)
    half = capture.energy_j["total"] / 2
    split = replace(capture, energy_j={**capture.energy_j, "afe": half, "mcu": half})
    found = streaming_power(split, n_channels=1, payload_bits=1, n_frames=1)
    assert found.non_afe_uncertainty_w == pytest.approx(found.power.chance_w)
    assert found.power.chance_w > 0


# ---------------------------------------------------------------------------------------- decoding


def test_areas_and_what_is_lost_between_them(rng):
    """Two Gaussians `d` apart have an area of ``Phi(d / sqrt 2)``; noise brings them closer."""
    positive = np.arange(240) % 2 == 0
    found = []
    for _ in range(SEEDS):
        scores = rng.normal(size=240) + 1.2 * positive
        found.append(paired_auc(scores, scores + 0.5 * rng.normal(size=240), positive))
    areas = [stats.norm.cdf(1.2 / np.sqrt(2 * (1 + added))) for added in (0.0, 0.25)]
    holds([each.first for each in found], areas[0], [each.first_uncertainty for each in found])
    holds([each.loss for each in found], -np.diff(areas)[0], [e.loss_uncertainty for e in found])


def test_accuracies_and_what_is_lost_between_them(rng):
    """The loss is told of a kernel's estimates, a little less than what is counted."""
    found = []
    for _ in range(SEEDS):
        margins = rng.normal(0.9, 1.0, 400)
        found.append(paired_accuracy(margins, margins - 0.06 + 0.1 * rng.normal(size=400)))
    truth = stats.norm.cdf(0.9)
    holds([each.first for each in found], truth, [each.first_uncertainty for each in found])
    width = 2.12 * 400**-0.2
    kernels = [
        stats.norm.cdf(mean / np.hypot(spread, width))
        for mean, spread in ((0.9, 1.0), (0.84, 1.005))
    ]
    holds([each.loss for each in found], -np.diff(kernels)[0], [e.loss_uncertainty for e in found])
    counted = truth - stats.norm.cdf(0.84 / 1.005)
    assert -np.diff(kernels)[0] == pytest.approx(counted, rel=0.15)
