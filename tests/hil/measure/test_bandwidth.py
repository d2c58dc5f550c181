from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.measure.bandwidth import frame_loss, goodput


def events(n_events, per_event=35, interval_ns=50_000_000, spacing_ns=1_400_000, size=244):
    """Payloads in connection events: a burst, then silence until the next."""
    arrival = (
        np.arange(n_events)[:, None] * interval_ns + np.arange(per_event)[None] * spacing_ns
    ).ravel()
    return arrival, np.full(arrival.size, size)


def test_a_steady_link_has_its_rate_at_best_and_on_average():
    arrival, size = events(100)
    found = goodput(arrival, size)
    rate = 35 * 244 * 8 / 0.05
    assert found.best_bps == pytest.approx(rate, rel=1e-9)
    assert found.window_bps == pytest.approx(rate, rel=2e-3)
    assert found.mean_bps == pytest.approx(rate, rel=0.01)
    assert found.window_ok
    assert found.time_s[0] == 0.5


def test_a_burst_does_not_count_as_sustained():
    arrival, _ = events(40, per_event=10)
    extra = 1_000_000_000 + np.arange(100) * 1000
    both = np.concatenate([arrival, extra])
    order = np.argsort(both, kind="stable")
    found = goodput(both[order], np.full(both.size, 244))
    assert found.best_bps <= (20 * 10 + 110) * 244 * 8 / 1.0


@given(
    steps=st.lists(st.integers(0, 400_000_000), min_size=2, max_size=60),
    sizes=st.data(),
)
def test_best_is_the_best_of_all_long_enough_stretches(steps, sizes):
    arrival = np.cumsum(np.array(steps, dtype=np.int64))
    size = np.array(
        sizes.draw(st.lists(st.integers(1, 244), min_size=len(steps), max_size=len(steps)))
    )
    found = goodput(arrival, size)
    best = float("nan")
    for start in np.unique(arrival):
        after = arrival[arrival >= start + 10**9]
        if after.size:
            stop = after[0]
            inside = (arrival > start) & (arrival <= stop)
            rate = 8 * size[inside].sum() / ((stop - start) * 1e-9)
            best = np.nanmax([best, rate])
    assert found.best_bps == pytest.approx(best, nan_ok=True)


def test_payloads_that_arrive_at_once_belong_together():
    arrival = np.array([0, 0, 1_000_000_000, 1_000_000_000, 1_000_000_000])
    found = goodput(arrival, np.full(5, 100))
    assert found.best_bps == pytest.approx(3 * 100 * 8)
    assert found.window_bps == pytest.approx([3 * 100 * 8])


def test_a_record_shorter_than_a_window_has_no_best():
    arrival, size = events(15)
    found = goodput(arrival, size)
    assert np.isnan(found.best_bps)
    assert not found.window_ok
    assert found.mean_bps > 0


@pytest.mark.parametrize("arrival", [[], [5], [5, 5]])
def test_a_record_without_length_has_no_goodput(arrival):
    found = goodput(np.array(arrival, dtype=np.int64), np.full(len(arrival), 244))
    assert np.isnan(found.best_bps)
    assert np.isnan(found.mean_bps)
    assert not found.window_ok


@pytest.mark.parametrize(
    ("arrival", "size", "window", "said"),
    [
        ([1, 2], [1], 1.0, "payloads"),
        ([2, 1], [1, 1], 1.0, "ascend"),
        ([1, 2], [1, 1], 0, "window"),
    ],
)
def test_what_makes_no_sense_is_refused(arrival, size, window, said):
    with pytest.raises(ValueError, match=said):
        goodput(np.array(arrival), np.array(size), window_s=window)


@given(
    lost=st.sets(st.integers(1, 98)),
    repeated=st.lists(st.integers(0, 99), max_size=10),
    start=st.integers(0, 2**40),
)
def test_every_missing_frame_is_counted_in_any_order(lost, repeated, start):
    there = [i for i in range(100) if i not in lost]
    again = [i for i in repeated if i not in lost]
    frames = np.array((there + again)[::-1], dtype=np.int64) + start
    found = frame_loss(frames)
    assert (found.received, found.lost, found.repeated) == (100 - len(lost), len(lost), len(again))
    assert found.fraction == len(lost) / 100


def test_frames_missing_at_the_ends_are_seen_where_the_board_counts():
    assert frame_loss(np.arange(5, 95)).lost == 0
    assert frame_loss(np.arange(5, 95), sent=100).lost == 10
    assert frame_loss(np.array([], dtype=np.int64), sent=7).fraction == 1.0
    assert np.isnan(frame_loss(np.array([], dtype=np.int64)).fraction)
