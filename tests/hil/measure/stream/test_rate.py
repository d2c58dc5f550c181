from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eegrig.hil.measure.stream.rate import RateError, rate_error

ROUNDED_NS = 1000 / np.sqrt(12)
"""Standard deviation of what rounding to a microsecond takes away."""


def packets(rng, n, jitter_ns):
    """First frames with gaps, and times for a period of 4.02 ms."""
    frames = np.cumsum(rng.integers(1, 20, n))
    return frames, np.rint(frames * 4.02e6 + jitter_ns * rng.normal(size=n)).astype(np.int64)


@pytest.mark.parametrize("n", [3, 10, 60])
def test_a_rate_is_that_of_a_line_through_the_times(rng, n):
    frames, device_ns = packets(rng, n, 50e3)
    line = stats.linregress(frames, device_ns)
    found = rate_error(frames, device_ns, 250.0)
    assert found.error == pytest.approx(1e9 / line.slope / 250.0 - 1, rel=1e-6)
    assert found.uncertainty == pytest.approx(line.stderr / line.slope, rel=1e-6)
    assert found.n == n


def test_the_error_is_relative_to_the_nominal_rate_and_signed():
    frames, device_ns = np.arange(50), np.arange(50) * 1_000_000
    assert rate_error(frames, device_ns, 1000.0).error == pytest.approx(0.0, abs=1e-15)
    assert rate_error(frames, device_ns, 800.0).error == pytest.approx(0.25)
    assert rate_error(frames, device_ns, 2000.0).error == pytest.approx(-0.5)


@pytest.mark.parametrize("n", [2, 3, 200])
def test_a_rate_is_known_no_better_than_whole_microseconds_allow(n):
    """The slope's standard deviation if each time were rounded by a chance of its own."""
    frames = 10 * np.arange(n)
    found = rate_error(frames, 40_000_000 * np.arange(n), 250.0)
    by_rounding = ROUNDED_NS / (np.std(frames) * np.sqrt(n)) / 4e6
    assert found == RateError(pytest.approx(0.0, abs=1e-15), pytest.approx(by_rounding), n)


def test_two_packets_tell_a_rate():
    two = rate_error(np.array([0, 250]), np.array([0, 1_001_000_000]), 250.0)
    assert two.error == pytest.approx(1 / 1.001 - 1)
    assert two.uncertainty == pytest.approx(ROUNDED_NS / 1.001e9 * np.sqrt(2))
    assert two.n == 2


@pytest.mark.parametrize("frames", [[], [7], [7, 7]])
def test_packets_of_fewer_than_two_places_do_not_tell_one(frames):
    with pytest.raises(ValueError, match=f"{len(frames)} packets .*; record for longer"):
        rate_error(np.array(frames, dtype=np.int64), 4_000_000 * np.arange(len(frames)), 250.0)


def test_a_stream_that_runs_for_long_loses_no_digits(rng):
    """Frames and nanoseconds that a float cannot tell from their neighbours."""
    frames, device_ns = packets(rng, 100, 50e3)
    early, late = (
        rate_error(frames + f, device_ns + t, 250.0) for f, t in [(0, 0), (2**59, 2**61)]
    )
    assert (late.error, late.uncertainty) == (early.error, early.uncertainty)
