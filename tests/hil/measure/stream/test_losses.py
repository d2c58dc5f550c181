"""Frames that nobody counted, told from when packets arrived."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.stream.losses import frame_period_ns, unaccounted

PERIOD_NS = 4_012_345.0
PACKET = 9


def arrivals(frames, seed=0, interval_ns=50e6):
    """Let packets of some frames go out at the next connection event."""
    phase_ns = np.random.default_rng(seed).uniform(0, interval_ns)
    ready_ns = PERIOD_NS * frames
    return (np.ceil((ready_ns - phase_ns) / interval_ns) * interval_ns + phase_ns).astype(np.int64)


def packets(seconds):
    return np.arange(PACKET - 1, seconds * 1e9 / PERIOD_NS, PACKET).astype(np.int64)


def test_the_period_is_told_to_what_an_interval_over_the_stretch_allows():
    frames = packets(20)
    found_ns = frame_period_ns(frames, arrivals(frames))
    assert found_ns == pytest.approx(PERIOD_NS, rel=50e-3 / 20)


def test_too_few_packets_tell_no_period():
    with pytest.raises(ValueError, match="take a longer stretch"):
        frame_period_ns(np.arange(3), np.arange(3))


@pytest.mark.parametrize("dropped", [0, 4, 40])
def test_packets_that_were_dropped_and_not_numbered_are_missed(dropped):
    frames = packets(10)
    arrival_ns = arrivals(frames)
    half = frames.size // 2
    # After the drop the board numbers what is left as if nothing had been.
    numbered = np.concatenate([frames[:half], frames[half + dropped :] - dropped * PACKET])
    arrived = np.concatenate([arrival_ns[:half], arrival_ns[half + dropped :]])
    behind = unaccounted(numbered, arrived, PERIOD_NS, 1.5e9)
    assert behind == pytest.approx(dropped * PACKET, abs=6)


def test_a_loss_that_the_index_shows_is_accounted_for():
    frames = np.delete(packets(10), slice(60, 100))
    assert unaccounted(frames, arrivals(frames), PERIOD_NS, 1.5e9) == pytest.approx(0, abs=6)
