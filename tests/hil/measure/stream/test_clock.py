"""Drift of a clock by packets that wait for connection events: to 1 ppm over a minute."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.stream.clock import drift, jitter_s, late

RATE_SPS, FRAMES = 250.0, 2


def streamed(rng, *, ppm=0.0, rate_error=0.0, seconds=66.0, interval_s=7.5e-3, retries=0.0):
    """Return device and arrival times of a stream whose packets go at connection events.

    The device's clock is fast by `ppm`, its converter by `rate_error`; events are on the host's.
    """
    period_s = FRAMES / RATE_SPS / (1 + rate_error)
    ready_s = 0.123 + period_s * np.arange(1, seconds / period_s)
    event_s = np.ceil(ready_s / interval_s + rng.uniform()) * interval_s
    event_s += interval_s * rng.geometric(1 - retries, ready_s.size) - interval_s
    arrival_ns = np.rint((np.maximum.accumulate(event_s) + 1.2e-3) * 1e9).astype(np.int64)
    device_us = np.floor(ready_s * (1 + ppm * 1e-6) * 1e6).astype(np.int64)
    return device_us * 1000, arrival_ns


@pytest.mark.parametrize("ppm", [-400.0, -20.0, 0.0, 3.0, 100.0])
@pytest.mark.parametrize("retries", [0.0, 0.1])
def test_a_minute_tells_the_drift_to_a_ppm(rng, ppm, retries):
    found = [
        drift(*streamed(rng, ppm=ppm, rate_error=rng.normal(0, 2e-3), retries=retries))
        for _ in range(20)
    ]
    errors = np.array([each.error * 1e6 - ppm for each in found])
    told = np.array([each.uncertainty * 1e6 for each in found])
    assert np.sqrt(np.mean(errors**2)) < 1.0
    assert np.mean(np.abs(errors) < 2 * told) > 0.8
    assert (np.abs(errors) < 5 * told + 0.1).all()


def test_a_packet_that_was_held_back_is_late_and_the_rest_is_not(rng):
    device_ns, arrival_ns = streamed(rng, rate_error=1.7e-3)
    assert late(drift(device_ns, arrival_ns).delay_s, 15e-3 + 8e-3) == 0
    arrival_ns[4000] += 20_000_000
    delay_s = drift(device_ns, arrival_ns).delay_s
    assert late(delay_s, 15e-3 + 8e-3) in (0, 1)  # it may have had no wait of its own
    assert late(delay_s, 19e-3) == 1


def test_too_few_packets_tell_nothing(rng):
    with pytest.raises(ValueError, match="50 packets do not tell a drift"):
        drift(*(times[:50] for times in streamed(rng)))


def test_jitter_is_what_is_beside_a_line_over_the_frames(rng):
    frames = np.arange(0, 20_000, 9)
    even_ns = np.rint(frames * 4.01e6).astype(np.int64)
    assert jitter_s(frames, even_ns) < 1e-9
    beside_ns = rng.normal(0, 30e3, frames.size).astype(np.int64)
    assert jitter_s(frames, even_ns + beside_ns) == pytest.approx(30e-6, rel=0.1)
