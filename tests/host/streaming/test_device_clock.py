from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.host.streaming.device_clock import DeviceClock

PERIOD_NS = 36_000_000  # nine frames at 250 SPS
FLOOR_NS = 2_000_000


def arrivals(ppm: float, n: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """Device time, host time and arrival of packets on a link with retries and stalls.

    Connection interval 15 ms, one packet in ten retried, now and then a stall of 100 ms and more,
    never less than 2 ms.
    """
    rows = []
    stall = 0
    for i in range(n):
        device = i * PERIOD_NS
        host = 5_000_000_000 + device + round(device * ppm * 1e-6)
        delay = FLOOR_NS + int(rng.uniform(0, 15e6)) + 15_000_000 * int(rng.random() < 0.1)
        if rng.random() < 0.001:
            stall = int(rng.integers(2, 8))
        if stall:
            delay += 100_000_000
            stall -= 1
        rows.append((device, host, host + delay))
    return rows


@pytest.mark.parametrize("ppm", [0.0, 30.0, -50.0])
def test_a_drifting_clock_is_followed_to_a_tenth_of_a_millisecond(ppm: float) -> None:
    rows = arrivals(ppm, 16_000, np.random.default_rng(1))
    clock = DeviceClock()
    for device, _host, arrival in rows:
        clock.add(device, arrival)
    fit = clock.fit()
    assert fit is not None
    error_ns = [fit.to_host_ns(device) - host - FLOOR_NS for device, host, _ in rows]
    assert np.abs(error_ns).max() < 100_000
    assert fit.rate_error == pytest.approx(ppm * 1e-6, abs=0.3e-6)


def test_the_mean_delay_does_not_bias_it() -> None:
    """Least squares is off by the mean delay beyond the least, here some 9 ms."""
    rows = arrivals(0, 4000, np.random.default_rng(2))
    clock = DeviceClock()
    for device, _host, arrival in rows:
        clock.add(device, arrival)
    device, host, _ = rows[2000]
    assert clock.to_host_ns(device) - host - FLOOR_NS < 200_000
    assert np.mean([arrival - host for _, host, arrival in rows]) - FLOOR_NS > 8_000_000


def test_a_window_follows_a_drift_that_changes() -> None:
    rng = np.random.default_rng(3)
    windowed, whole = DeviceClock(window_s=60), DeviceClock()
    host = 0.0
    for i in range(16_000):
        device = i * PERIOD_NS
        drift = 40e-6 * (i / 16_000)  # warming up by 40 ppm in ten minutes
        host += PERIOD_NS * (1 + drift)
        arrival = round(host) + FLOOR_NS + int(rng.uniform(0, 15e6))
        windowed.add(device, arrival)
        whole.add(device, arrival)
    truth = round(host) + FLOOR_NS
    assert abs(windowed.to_host_ns(device) - truth) < 1_000_000
    assert abs(whole.to_host_ns(device) - truth) > 2_500_000


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 1000)), min_size=1, max_size=60),
)
def test_the_line_is_below_all_arrivals_and_touches_them(steps: list[tuple[int, int]]) -> None:
    clock = DeviceClock()
    points = []
    device = 0
    for step, delay in steps:
        device += step
        points.append((device, device + delay))
        clock.add(*points[-1])
    fit = clock.fit()
    assert fit is not None
    slack = [arrival - fit.to_host_ns(device) for device, arrival in points]
    assert min(slack) >= -1  # to_host_ns rounds to a nanosecond
    assert slack.count(0) >= min(2, len(points))


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 1000)), min_size=1, max_size=60))
def test_a_window_longer_than_the_record_changes_nothing(steps: list[tuple[int, int]]) -> None:
    parted, whole = DeviceClock(window_s=4e-6), DeviceClock()
    device = 0
    for step, delay in steps:
        device += step
        parted.add(device, device + delay)
        whole.add(device, device + delay)
    assert parted.fit() == whole.fit()


def test_a_device_time_is_moved_along_the_line() -> None:
    clock = DeviceClock()
    clock.add(0, 1000)
    clock.add(1_000_000_000, 1_000_101_000)
    fit = clock.fit()
    assert fit is not None
    assert fit.rate_error == pytest.approx(100e-6)
    assert [fit.to_host_ns(ns) for ns in (0, 4_000_000, 8_000_000)] == [1000, 4_001_400, 8_001_800]


def test_before_the_first_packet_there_is_no_time() -> None:
    clock = DeviceClock()
    assert clock.fit() is None
    with pytest.raises(ValueError, match="no packet has arrived yet"):
        clock.to_host_ns(0)


def test_device_time_must_advance() -> None:
    clock = DeviceClock()
    clock.add(10, 20)
    with pytest.raises(ValueError, match="not after"):
        clock.add(10, 30)


def test_one_packet_gives_an_offset_only() -> None:
    clock = DeviceClock()
    clock.add(100, 1100)
    assert clock.to_host_ns(500) == 1500
