"""Records of who was on when, against counting one nanosecond after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from eegrig.hil.virtual.power.tracks import Bursts, Levels, hold


def edges_of(*times: int) -> np.ndarray:
    return np.array(times, dtype=np.int64)


def test_a_burst_is_on_from_its_start_to_its_stop():
    bursts = Bursts()
    bursts.add(10, 20)
    assert bursts.count(edges_of(0, 10, 20, 30)).tolist() == [0, 1, 0]
    assert bursts.count(edges_of(10, 20)).tolist() == [1]
    assert bursts.count(edges_of(20, 30)).tolist() == [0]
    assert bursts.count(edges_of(0, 10)).tolist() == [0]


def test_bursts_that_overlap_are_counted_each():
    bursts = Bursts()
    bursts.add(10, 30)
    bursts.add(0, 20)
    bursts.add(10, 30)
    assert len(bursts) == 3
    assert bursts.count(edges_of(0, 10, 20, 30, 40)).tolist() == [1, 3, 2, 0]


def test_what_reaches_beyond_the_edges_counts_within_them():
    bursts = Bursts()
    bursts.add(-100, 1000)
    bursts.add(-100, -50)
    bursts.add(500, 600)
    assert bursts.count(edges_of(0, 50, 100)).tolist() == [1, 1]


def test_without_bursts_there_are_none_in_any_interval():
    counted = Bursts().count(edges_of(0, 5, 10))
    assert counted.tolist() == [0, 0]
    assert counted.dtype == np.int64
    assert [part.tolist() for part in Bursts().edges()] == [[], []]


def test_edges_are_all_starts_and_stops():
    bursts = Bursts()
    bursts.add(5, 9)
    bursts.add(2, 7)
    starts, stops = bursts.edges()
    assert (starts.tolist(), stops.tolist()) == ([5, 2], [9, 7])
    assert starts.dtype == stops.dtype == np.int64


def test_what_is_over_is_forgotten_and_what_is_on_is_kept_whole():
    bursts = Bursts()
    for start, stop in ((0, 10), (0, 11), (5, 20), (30, 40)):
        bursts.add(start, stop)
    bursts.forget_before(10)
    assert [list(part) for part in bursts.edges()] == [[0, 5, 30], [11, 20, 40]]
    bursts.add(50, 60)
    assert len(bursts) == 4


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=8),
    st.integers(0, 20),
    st.integers(1, 20),
)
def test_the_count_is_that_of_every_nanosecond(spans, begin, length):
    bursts = Bursts()
    for start, duration in spans:
        bursts.add(start, start + duration)
    edges = np.arange(begin, begin + length + 1)
    counted = bursts.count(edges)
    expected = [sum(a <= t < a + n for a, n in spans) for t in range(begin, begin + length)]
    event(f"at most {max(expected)} at once")
    assert counted.tolist() == expected


def test_a_level_holds_from_its_change_on():
    level = Levels(1.0, 0)
    level.set(10, 3.0)
    level.set(20, 2.0)
    assert level.level(edges_of(0, 10, 15, 20, 30)).tolist() == [1.0, 3.0, 3.0, 2.0]
    assert level.edges()[0].tolist() == [0, 10, 20]


def test_before_its_first_time_a_level_is_what_it_began_with():
    level = Levels(1.5, 100)
    level.set(200, 2.5)
    assert level.level(edges_of(0, 50, 100, 200, 300)).tolist() == [1.5, 1.5, 1.5, 2.5]


def test_the_same_level_again_is_no_change():
    level = Levels(1.0, 0)
    level.set(10, 1.0)
    assert level.edges()[0].tolist() == [0]
    level.set(20, 2.0)
    level.set(5, 2.0)  # says nothing new, so that its time does not matter
    assert level.edges()[0].tolist() == [0, 20]


def test_two_changes_at_once_leave_the_last():
    level = Levels(1.0, 0)
    level.set(10, 2.0)
    level.set(10, 3.0)
    assert level.level(edges_of(0, 10, 20)).tolist() == [1.0, 3.0]


def test_a_level_does_not_change_before_its_last_change():
    level = Levels(1.0, 5)
    level.set(10, 2.0)
    with pytest.raises(ValueError, match="a level cannot change at 9 ns, before 10 ns"):
        level.set(9, 3.0)
    assert level.level(edges_of(10, 20)).tolist() == [2.0]
    level.set(20, 4.0)
    with pytest.raises(ValueError, match="a level cannot change at 15 ns, before 20 ns"):
        level.set(15, 3.0)


@pytest.mark.parametrize(
    ("time_ns", "kept"),
    [(0, [5, 10, 20]), (5, [5, 10, 20]), (9, [5, 10, 20]), (10, [10, 20]), (99, [20])],
)
def test_changes_before_a_time_are_forgotten_but_for_the_level_then(time_ns, kept):
    level = Levels(1.0, 5)
    level.set(10, 2.0)
    level.set(20, 3.0)
    before = level.level(edges_of(max(time_ns, 5), 100, 200))
    level.forget_before(time_ns)
    assert level.edges()[0].tolist() == kept
    assert level.level(edges_of(max(time_ns, 5), 100, 200)).tolist() == before.tolist()


def test_tracks_hold_what_they_are_told_and_the_others_nothing():
    tracks: dict[str, Levels] = {}
    hold(tracks, 10, {"a": 1.0})
    hold(tracks, 20, {"b": 2.0, "c": 3.0})
    hold(tracks, 30, {"a": 4.0, "c": 3.0})
    edges = edges_of(0, 10, 20, 30, 40)
    assert {key: track.level(edges).tolist() for key, track in tracks.items()} == {
        "a": [0.0, 1.0, 0.0, 4.0],
        "b": [0.0, 0.0, 2.0, 0.0],
        "c": [0.0, 0.0, 3.0, 3.0],
    }
