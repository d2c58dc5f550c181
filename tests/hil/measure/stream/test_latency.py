from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from eegrig.hil.bench import Waveform
from eegrig.hil.measure.response import as_is
from eegrig.hil.measure.stream.latency import (
    PACKETS_NEEDED,
    electrode_times,
    histogram,
    latencies,
    summarise,
)

from ..front_end import convert, eeg_like


def test_latency_counts_from_the_electrode_through_the_filters_delay(rng):
    applied = eeg_like(rng, 4000.0, 8.0)
    recorded, truth = convert(applied, 250.0, 1.0, 1000)
    # Ready one and a half periods after the signal it shows, and 3 ms under way.
    arrival = np.rint(truth + 1.5 * 4e6 + 3e6).astype(np.int64)
    latency = latencies(arrival, electrode_times(recorded, 250.0, applied))
    assert latency == pytest.approx(9e-3, abs=50e-6)


def test_a_recording_with_a_gap_has_the_times_of_its_frames(rng):
    applied = eeg_like(rng, 4000.0, 10.0)
    recorded, truth = convert(applied, 250.0, 1.0, 1500)
    frames = np.concatenate([np.arange(600), np.arange(1200, 1500)])
    times = electrode_times(recorded[:, frames], 250.0, applied, frames=frames)
    assert times == pytest.approx(truth[frames], abs=50e3)
    assert times.dtype == np.int64


def test_a_front_end_without_a_filter_is_told_by_its_response(rng):
    """A sinc3 filter would show the signal otherwise, and a straight look at it does not."""
    applied = eeg_like(rng, 4000.0, 6.0)
    recorded = applied.volts[:, 4000:20000:16]
    truth = applied.start_ns + np.arange(4000, 20000, 16) * 250_000
    times = electrode_times(recorded, 250.0, applied, response=as_is)
    assert times == pytest.approx(truth, abs=100)


def test_a_signal_that_repeats_itself_is_searched_where_it_can_be():
    time = np.arange(40000) / 4000.0
    volts = 50e-6 * np.stack([np.sin(2 * np.pi * 10 * time), np.cos(2 * np.pi * 10 * time)])
    applied = Waveform(0, 4000.0, ("A", "B"), volts)
    recorded, truth = convert(applied, 250.0, 3.3, 500)
    search = (round(truth[0] - 30e6), round(truth[0] + 30e6))
    times = electrode_times(recorded, 250.0, applied, search_ns=search)
    assert times == pytest.approx(truth, abs=50e3)


def test_figures_take_as_many_packets_as_leave_one_beyond_a_quantile_and_ten_for_a_spread():
    beyond = {"p95": 1 / (1 - 0.95), "p99": 1 / (1 - 0.99)}
    assert pytest.approx({"mean": 10, "p50": 10, "max": 1, **beyond}) == PACKETS_NEEDED


@pytest.mark.parametrize("n", [2, 3, 7])
def test_of_few_frames_the_mean_is_as_uncertain_as_if_each_were_for_itself(rng, n):
    latency = rng.normal(size=n)
    assert summarise(latency).mean_uncertainty_s == pytest.approx(stats.sem(latency))


def test_of_two_frames_the_median_is_uncertain_by_half_their_distance():
    assert summarise(np.array([1.0, 4.0])).p50_uncertainty_s == pytest.approx(1.5)


def test_frames_that_are_exactly_as_late_as_a_quantile_are_not_beyond_it():
    """Four of seven are at the median."""
    latency = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0])
    deviation = stats.sem([1, 1, 1, 1, 0, 0, 0])
    low, high = stats.scoreatpercentile(latency, [50 - 100 * deviation, 50 + 100 * deviation])
    assert high > 1
    assert summarise(latency).p50_uncertainty_s == pytest.approx((high - low) / 2)


def test_one_frame_has_no_scatter():
    assert summarise(np.array([1.0])).mean_uncertainty_s == 0.0


def test_frames_of_a_packet_that_fall_from_one_to_the_next_leave_the_mean_certain():
    """A packet of ten every 40 ms, each frame 4 ms less late than the one before."""
    latency = np.tile(np.arange(10)[::-1] * 4e-3, 125)
    assert summarise(latency).mean_uncertainty_s < 0.02 * latency.std() / np.sqrt(latency.size)


def test_a_quantile_is_uncertain_by_a_binomial_standard_deviation_of_frames(rng):
    """Latencies from 0 to 1, each for itself: a quantile is its probability, and so is its spread.

    What is known of the spread is itself left to chance: to a fifth.
    """
    found = [summarise(rng.permutation(np.linspace(0, 1, 4001))) for _ in range(30)]
    for what, probability in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        deviation = stats.binom.std(4001, probability) / 4001
        stated = np.mean([getattr(each, f"{what}_uncertainty_s") for each in found])
        assert stated == pytest.approx(deviation, rel=0.1), what
    base = summarise(np.linspace(0, 1, 4001) * 0, time_uncertainty_s=0.01)
    assert base.p95_uncertainty_s == pytest.approx(0.01)


def test_a_histogram_has_bins_of_a_millisecond_unless_told_otherwise():
    latency = np.array([-0.4e-3, 0.2e-3, 0.9e-3, 2.5e-3])
    counts, edges = histogram(latency)
    assert counts.tolist() == [1, 2, 0, 1]
    assert edges == pytest.approx([-1e-3, 0, 1e-3, 2e-3, 3e-3])
    counts, edges = histogram(latency, 2e-3)
    assert counts.tolist() == [1, 2, 1]
    assert edges == pytest.approx([-2e-3, 0, 2e-3, 4e-3])
    assert counts.dtype == np.int64


def test_quantiles_and_mean_are_those_of_scipy(rng):
    latency = rng.gamma(4.0, 2e-3, 5000)
    summary = summarise(latency)
    expected = stats.scoreatpercentile(latency, [50, 95, 99])
    assert [summary.p50_s, summary.p95_s, summary.p99_s] == pytest.approx(list(expected))
    assert summary.mean_s == pytest.approx(stats.describe(latency).mean)
    assert summary.max_s == latency.max()
    assert (summary.n, summary.n_packets) == (5000, 5000)


def test_uncertainties_are_the_scatter_of_repeated_runs(rng):
    runs = [summarise(rng.gamma(4.0, 2e-3, 2000)) for _ in range(150)]
    for what in ("mean", "p50", "p95", "p99"):
        scatter = np.std([getattr(run, f"{what}_s") for run in runs])
        stated = np.median([getattr(run, f"{what}_uncertainty_s") for run in runs])
        assert stated == pytest.approx(scatter, rel=0.35), what


def test_frames_of_one_packet_do_not_count_as_independent(rng):
    of_packet = rng.gamma(4.0, 2e-3, 400)
    latency = np.repeat(of_packet, 10)
    arrival = np.repeat(np.arange(400), 10)
    together = summarise(latency, arrival_ns=arrival)
    assert (together.n, together.n_packets) == (4000, 400)
    alone = summarise(of_packet)
    assert together.p95_uncertainty_s == pytest.approx(alone.p95_uncertainty_s, rel=0.2)
    assert together.mean_uncertainty_s == pytest.approx(alone.mean_uncertainty_s, rel=0.2)


def test_the_time_base_adds_its_uncertainty():
    summary = summarise(np.full(100, 5e-3), time_uncertainty_s=40e-6)
    assert summary.mean_uncertainty_s == summary.p99_uncertainty_s == pytest.approx(40e-6)


def test_one_latency_is_a_summary_none_is_not():
    assert summarise(np.array([3e-3])).p99_s == 3e-3
    with pytest.raises(ValueError, match="no latencies"):
        summarise(np.array([]))


def test_arrivals_and_electrode_times_belong_together():
    with pytest.raises(ValueError, match="arrivals"):
        latencies(np.zeros(2, np.int64), np.zeros(3, np.int64))


@given(arrays(np.float64, st.integers(1, 50), elements=st.floats(-0.05, 2.0)))
def test_every_latency_is_in_one_bin_of_the_histogram(latency):
    counts, edges = histogram(latency, 1e-3)
    assert counts.sum() == latency.size
    assert edges.size == counts.size + 1
    assert counts[0] > 0
    assert counts[-1] > 0
    assert edges[0] <= latency.min() + 1e-12
    assert latency.max() < edges[-1] + 1e-12
