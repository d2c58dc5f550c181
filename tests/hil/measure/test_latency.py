from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from eegrig.hil.measure.latency import electrode_times, histogram, latencies, summarise

from .front_end import convert, eeg_like


def test_latency_counts_from_the_electrode_through_the_filters_delay(rng):
    applied = eeg_like(rng, 4000.0, 8.0)
    recorded, truth = convert(applied, 250.0, 1.0, 1000)
    # Ready one and a half periods after the signal it shows, and 3 ms under way.
    arrival = np.rint(truth + 1.5 * 4e6 + 3e6).astype(np.int64)
    latency = latencies(arrival, electrode_times(recorded, 250.0, applied))
    assert latency == pytest.approx(9e-3, abs=50e-6)


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
