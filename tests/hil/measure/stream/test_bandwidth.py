from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.measure.stream.bandwidth import FrameLoss, frame_loss, goodput


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


def best_by_trying(arrival, size, window_ns=10**9):
    """The best of all stretches, each by the least it comes to on its way to a quarter longer.

    Stretches that the record cuts off do not count where there are others; NaN without any.
    """
    whole, cut = [], []
    for start in np.unique(arrival):
        after = np.unique(arrival[arrival >= start + window_ns])
        ends = np.unique([*after[:1], *after[after <= start + 1.25 * window_ns]])
        rates = [
            8 * size[(arrival > start) & (arrival <= stop)].sum() / ((stop - start) * 1e-9)
            for stop in ends
        ]
        if rates:
            (whole if start + 1.25 * window_ns <= arrival[-1] else cut).append(min(rates))
    return max(whole or cut, default=float("nan"))


def test_best_is_the_best_of_all_long_enough_stretches(rng):
    """Records of up to six seconds with pauses, bursts, and payloads that arrive at once."""
    finite, different = 0, 0
    for n in rng.integers(2, 60, 300):
        steps = rng.integers(0, 200_000_000, n) * rng.choice([0, 1, 1], n)
        arrival = rng.choice([0, 10**12]) + np.cumsum(steps)
        size = rng.integers(1, 245, n)
        found, best = goodput(arrival, size), best_by_trying(arrival, size)
        assert found.best_bps == pytest.approx(best, nan_ok=True)
        finite += np.isfinite(best)
        different += best > 1.01 * found.mean_bps
    # Where no record is longer than a window, or the best is the mean, nothing was shown.
    assert finite > 200
    assert different > 100
    assert finite < 300  # and records shorter than a window are among them


UNEVEN_S = np.array([0.0, 0.4, 1.0, 1.5, 2.2])
UNEVEN_BYTES = np.array([100, 10, 20, 40, 50])


@pytest.mark.parametrize("begin_ns", [0, 7_000_000_000])
def test_an_uneven_record_by_hand(begin_ns):
    """What arrives at the beginning is of before; stretches of a second end at 1.0, 1.5 and 2.2."""
    arrival = begin_ns + np.rint(UNEVEN_S * 1e9).astype(np.int64)
    found = goodput(arrival, UNEVEN_BYTES)
    assert found.mean_bps == pytest.approx(8 * 120 / 2.2)
    # Stretches from 0.0 and 0.4 have a second and a quarter; that from 1.0 is cut off.
    assert found.best_bps == pytest.approx(max(8 * 30 / 1.0, 8 * 60 / 1.1))
    assert found.window_bps == pytest.approx([8 * 30, 8 * 40])
    assert found.time_s == pytest.approx([0.5, 1.5])
    assert (found.n, found.window_s) == (5, 1.0)
    # The end of a window falls anywhere in a packet of up to 100 bytes: a rectangle of that width.
    # One line of a spectrum says what chance is: half of it, less a quarter of the next.
    one, two = (
        np.exp(-2j * np.pi * k * UNEVEN_S[1:] / 2.2) @ (8 * UNEVEN_BYTES[1:]) for k in (1, 2)
    )
    height = abs(one / 2 - two / 4) ** 2 / (2.2 * 3 / 8)
    of_a_window, of_the_ends = np.array([8 * 100 / 1.0, 8 * 100 / 2.2]) / np.sqrt(12)
    assert found.best_uncertainty_bps == pytest.approx(np.hypot(0.7 * np.sqrt(height), of_a_window))
    assert found.mean_uncertainty_bps == pytest.approx(np.hypot(np.sqrt(height / 2.2), of_the_ends))


def uneven(rng, n):
    """Arrivals at random, of payloads of any size, in nanoseconds and bytes."""
    return np.cumsum(rng.integers(1_000_000, 90_000_000, n)), rng.integers(1, 245, n)


@pytest.mark.parametrize(("n", "ends"), [(5, 1), (90, 9), (99, 9), (110, 11)])
def test_the_mean_runs_from_any_of_the_first_tenth_of_the_arrivals_to_any_of_the_last(rng, n, ends):
    arrival, size = uneven(rng, n)
    pairs = [(i, j) for i in range(ends) for j in range(n - ends, n)]
    bits = np.mean([8 * size[i + 1 : j + 1].sum() for i, j in pairs])
    seconds = np.mean([(arrival[j] - arrival[i]) * 1e-9 for i, j in pairs])
    assert goodput(arrival, size).mean_bps == pytest.approx(bits / seconds)


@pytest.mark.parametrize(("n", "lines"), [(3, 1), (21, 5), (48, 11), (100, 12)])
def test_chance_is_the_height_of_the_slowest_lines_of_what_arrived(rng, n, lines):
    """Arrivals less their mean rate, with Hann's taper, each integral on its own."""
    arrival, size = uneven(rng, n)
    time_s, bits = (arrival[1:] - arrival[0]) * 1e-9, 8.0 * size[1:]
    length_s = time_s[-1]
    fine_s = (np.arange(4096) + 0.5) * length_s / 4096

    def turned(at_s, k):
        return np.sin(np.pi * at_s / length_s) ** 2 * np.exp(-2j * np.pi * k * at_s / length_s)

    amounts = [
        bits @ turned(time_s, k) - bits.sum() * turned(fine_s, k).mean()
        for k in range(1, lines + 1)
    ]
    taper_s = np.mean(np.sin(np.pi * fine_s / length_s) ** 4) * length_s
    height = np.mean(np.abs(amounts) ** 2) / taper_s
    found = goodput(arrival, size, window_s=0.01)
    bits_off = 8 * size.max() / np.sqrt(12)
    of_a_window = np.hypot(0.7 * np.sqrt(height / 0.01), bits_off / 0.01)
    assert found.best_uncertainty_bps == pytest.approx(of_a_window)


@pytest.mark.parametrize(
    ("last_ns", "best_bps"), [(1_250_000_000, 8 * 101 / 1.25), (1_250_000_001, 8 * 100)]
)
def test_a_stretch_goes_on_for_a_quarter_and_not_for_a_nanosecond_longer(last_ns, best_bps):
    arrival = np.array([0, 1_000_000_000, last_ns])
    assert goodput(arrival, np.array([9, 100, 1])).best_bps == pytest.approx(best_bps)


def test_a_shorter_window_is_another_figure():
    found = goodput(np.rint(UNEVEN_S * 1e9).astype(np.int64), UNEVEN_BYTES, window_s=0.5)
    assert found.best_bps == pytest.approx(8 * 40 / 0.5)
    assert found.window_bps == pytest.approx([8 * 10 / 0.5, 8 * 20 / 0.5, 8 * 40 / 0.5, 0.0])
    assert found.time_s == pytest.approx([0.25, 0.75, 1.25, 1.75])
    assert found.best_uncertainty_bps > 8 * 100 / 0.5 / np.sqrt(12)
    assert found.window_s == 0.5


def test_a_window_is_a_whole_number_of_nanoseconds():
    """A third of a second is 333 333 333 of them."""
    found = goodput(np.array([0, 333_333_333]), np.array([1, 100]), window_s=1 / 3)
    assert found.best_bps == pytest.approx(8 * 100 * 3)
    assert found.window_bps == pytest.approx([8 * 100 * 3])


@pytest.mark.parametrize(
    ("last_ns", "best_bps"), [(1_250_000_000, 8 * 11), (1_249_999_999, 8 * 110 / 1.15)]
)
def test_a_nanosecond_decides_whether_a_record_cuts_a_stretch_off(last_ns, best_bps):
    """Late on a clock, where a float is no longer good to one."""
    arrival = 2**60 + np.array([0, 100_000_000, 1_000_000_000, last_ns])
    assert goodput(arrival, np.array([9, 1, 10, 100])).best_bps == pytest.approx(best_bps)


def test_one_whole_window_is_a_record():
    arrival = np.array([0, 600_000_000, 1_500_000_000])
    found = goodput(arrival, np.array([10, 100, 200]))
    assert found.window_ok
    assert found.window_bps == pytest.approx([8 * 100])
    assert found.best_bps == pytest.approx(8 * 300 / 1.5)
    assert found.mean_bps == pytest.approx(8 * 300 / 1.5)


def test_two_arrivals_are_a_record():
    found = goodput(np.array([5, 2_000_000_005]), np.array([7, 100]))
    assert found.best_bps == found.mean_bps == pytest.approx(400.0)


@pytest.mark.parametrize(("arrival", "counted"), [([0, 0, 10**9], 1), ([0, 10**9, 10**9], 2)])
def test_arrivals_at_once_are_all_before_a_record_or_all_in_it(arrival, counted):
    found = goodput(np.array(arrival), np.full(3, 100))
    assert found.best_bps == found.mean_bps == pytest.approx(800.0 * counted)


def test_payloads_that_arrive_at_once_belong_together():
    arrival = np.array([0, 0, 1_000_000_000, 1_000_000_000, 1_000_000_000])
    found = goodput(arrival, np.full(5, 100))
    assert found.best_bps == pytest.approx(3 * 100 * 8)
    assert found.window_bps == pytest.approx([3 * 100 * 8])


def test_a_record_shorter_than_a_window_has_no_best():
    arrival, size = events(15)
    found = goodput(arrival, size)
    assert np.isnan(found.best_bps)
    assert np.isnan(found.best_uncertainty_bps)
    assert not found.window_ok
    assert found.mean_bps == pytest.approx(8 * 244 * 35 / 0.05, rel=1e-3)
    assert (found.n, found.time_s.size, found.window_s) == (15 * 35, 0, 1.0)


@pytest.mark.parametrize("arrival", [[], [5], [5, 5]])
def test_a_record_without_length_has_no_goodput(arrival):
    found = goodput(np.array(arrival, dtype=np.int64), np.full(len(arrival), 244))
    assert np.isnan(found.best_bps)
    assert np.isnan(found.mean_bps)
    assert np.isnan(found.best_uncertainty_bps)
    assert np.isnan(found.mean_uncertainty_bps)
    assert not found.window_ok
    assert (found.n, found.time_s.size) == (len(arrival), 0)


@pytest.mark.parametrize(
    ("arrival", "size", "window", "said"),
    [
        ([1, 2], [1], 1.0, "payloads"),
        ([2, 1], [1, 1], 1.0, "ascend"),
        ([1, 2], [1, 1], 0, "window"),
        ([[1, 2]], [[1, 1]], 1.0, "payloads"),
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
    assert frame_loss(np.array([], dtype=np.int64), sent=7) == FrameLoss(0, 7, 0)
    assert frame_loss(np.array([], dtype=np.int64)) == FrameLoss(0, 0, 0)
    assert frame_loss(np.array([3])) == FrameLoss(1, 0, 0)


def test_a_board_that_counts_fewer_than_arrived_does_not_hide_a_loss():
    assert frame_loss(np.array([0, 1, 4]), sent=3) == FrameLoss(3, 2, 0)
