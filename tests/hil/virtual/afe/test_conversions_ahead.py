"""Conversions that the firmware handles ahead of time look as if each had been called for."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from .conftest import Rig

PERIOD_S = 1 / 250
READ_NS = 150_000  # after DRDY fell: the firmware's read has ended


def streaming() -> Rig:
    rig = Rig(powered_s=0.2)
    rig.set_up(settle_s=0.2)
    rig.afe.set_start(1)
    rig.afe.set_cs(0)  # as the firmware leaves it while it streams
    rig.clock.advance(0.1)  # the first conversions, which nobody reads
    rig.afe.frame_was_read(rig.clock.now_ns())
    rig.edges.clear()
    return rig


def seen(rig: Rig) -> tuple[object, ...]:
    afe = rig.afe
    return afe.unread_frame(), afe.drdy, afe.next_ns


@given(
    reads=st.lists(st.booleans(), min_size=1, max_size=16),
    looks_s=st.lists(st.floats(0.0, 20 * PERIOD_S), max_size=8),
)
def test_whoever_looks_sees_the_same(reads, looks_s):
    called, ahead = streaming(), streaming()
    begin_ns = called.clock.now_ns()
    told = ahead.afe.prefetched_frames(1 << 62, len(reads))
    times_ns, _ = told
    assert told == called.afe.prefetched_frames(1 << 62, len(reads))
    read_at = [at + READ_NS if read else 0 for at, read in zip(times_ns, reads, strict=True)]
    ahead.afe.skip(read_at)

    looks = {begin_ns + round(at * 1e9) for at in looks_s}
    # From the end of a conversion until it was read the chip is as if it had been read already.
    unsure = [(due, end) for due, end in zip(times_ns, read_at, strict=True) if end]
    looks = {at for at in looks | set(times_ns) if not any(a <= at < b for a, b in unsure)}
    for at in sorted({*looks, *filter(None, read_at)}):
        called.clock.run_until(at)
        ahead.clock.run_until(at)
        if at in read_at:
            called.afe.frame_was_read(at)
        if at in looks:
            assert seen(called) == seen(ahead)
    end_ns = times_ns[-1] + round(1.5 * PERIOD_S * 1e9)
    for rig in (called, ahead):
        rig.clock.run_until(end_ns)
    assert seen(called) == seen(ahead)
    # There is no edge of what was skipped, and the one that comes next.
    falls = [at for at, level in ahead.edges if level == 0]
    assert falls == [at for at, level in called.edges if level == 0 and at > times_ns[-1]]


def test_a_stop_in_between_leaves_nothing_behind():
    rig = streaming()
    times_ns, _ = rig.afe.prefetched_frames(1 << 62, 8)
    rig.afe.skip([at + READ_NS for at in times_ns])
    rig.clock.run_until(times_ns[2] + READ_NS)
    rig.afe.set_reset(0)
    rig.afe.set_start(0)
    rig.clock.advance(1e-4)
    rig.afe.set_reset(1)
    rig.clock.advance(1e-4)
    assert (rig.afe.next_ns, rig.afe.drdy, rig.edges) == (None, 1, [])
    begin_ns = rig.clock.now_ns()
    rig.afe.set_start(1)
    rig.clock.advance(10 * PERIOD_S)
    falls = [at - begin_ns for at, level in rig.edges if level == 0]
    assert falls[0] < 5 * PERIOD_S * 1e9
    assert {round((b - a) * 1e-9, 6) for a, b in itertools.pairwise(falls)} == {PERIOD_S}
